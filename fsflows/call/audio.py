"""What can be played, and which FreeSWITCH application plays it."""

from __future__ import annotations

from dataclasses import dataclass

from fsflows.esl import quoting


@dataclass(frozen=True, slots=True)
class Voice:
    """A TTS engine and voice by FreeSWITCH's names ("flite", "slt"), and how digits are read.

    Attributes:
        say: FreeSWITCH's `say` module for digits ("en": mod_say_en and its sound files); empty: the TTS reads them.
    """

    engine: str = "flite"
    voice: str = "slt"
    say: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A sound file or stream."""

    path: str

    def command(self, voice: Voice) -> tuple[str, str]:
        return "playback", quoting.playback_path(self.path)


@dataclass(frozen=True, slots=True)
class Speech:
    """Text for the TTS engine."""

    text: str

    def command(self, voice: Voice) -> tuple[str, str]:
        text = self.text.replace("\0", " ")
        return "speak", quoting.speak_argument(text, voice.engine, voice.voice)


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits read one by one. `spoken` is how the TTS is to say them ("five five five, one two")."""

    digits: str
    spoken: str

    def command(self, voice: Voice) -> tuple[str, str]:
        if voice.say:
            return "say", f"{voice.say} name_spelled iterated {quoting.word(self.digits)}"
        return "speak", quoting.speak_argument(self.spoken, voice.engine, voice.voice)


@dataclass(frozen=True, slots=True)
class Silence:
    """So many seconds of nothing."""

    seconds: float

    def command(self, voice: Voice) -> tuple[str, str]:
        return "playback", f"silence_stream://{round(self.seconds * 1000)}"


Sound = File | Speech | Digits | Silence

"""What is played to the caller: files, tones, silence and speech; how it is stopped; what is fired about it.

Inside FreeSWITCH a playback stops at its end, at a key that is among `playback_terminators` at that moment, at a
break, or when the call is no longer ready. An application that is sent without event-lock runs inside it, and its clock
stands still meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import FRAME, Wait
from fsflows.switch.sounds import Sound, spoken_text
from fsflows.switch.transcript import Ending, Heard, Kind

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

ALL_KEYS = "1234567890*#"
_BLOCK = 16384
"""FreeSWITCH reads a file in blocks of so many samples; `playback_samples` of a broken one counts them whole."""


class Playing:
    """A sound that is being played: what `uuid_break` and keys act on."""

    __slots__ = ("breaking", "heard", "key", "played", "terminators")

    def __init__(self, heard: Heard, terminators: str | None) -> None:
        self.heard = heard
        self.terminators = terminators
        """The keys that stop it; None: those of `playback_terminators` at the moment of the key."""
        self.breaking = False
        self.played = 0.0
        self.key = ""

    @property
    def remaining(self) -> float:
        return self.heard.length - self.played


def play_file(
    channel: Channel,
    name: str,
    terminators: str | None = None,
    *,
    until: Callable[[], bool] | None = None,
) -> Generator[float | None, None, Playing | None]:
    """Play a file with its PLAYBACK_START and PLAYBACK_STOP; ``None`` when there is no such file.

    Args:
        channel: the channel.
        name: what `playback` was given.
        terminators: the keys that stop it; ``None``: those of `playback_terminators`.
        until: what stops it as well.
    """
    sound = channel.setup.sounds.find(name)
    if sound is None:
        return None
    channel.set_variable("playback_terminator_used", "")
    extra = {"Playback-File-Path": name}
    if sound.kind is Kind.TONE:
        extra = {"Playback-File-Type": "tone_stream", **extra}
    channel.fire("PLAYBACK_START", extra=extra)
    playing = yield from play(channel, sound, terminators, until)
    if playing.key and terminators is None:
        channel.set_variable("playback_terminator_used", playing.key)
    _set_position(channel, playing)
    status = "break" if playing.heard.ending in (Ending.BREAK, Ending.KEY) else "done"
    channel.fire("PLAYBACK_STOP", extra={**extra, "Playback-Status": status})
    return playing


def play(
    channel: Channel,
    sound: Sound,
    terminators: str | None = None,
    until: Callable[[], bool] | None = None,
) -> Generator[float | None, None, Playing]:
    """Play a sound and say how it ended. No events but DTMF."""
    heard = Heard(channel.now, sound.what, sound.kind, sound.length)
    playing = Playing(heard, terminators)
    channel.recorder.heard()
    channel.playing.append(playing)
    channel.transcript.started(heard)
    ending = yield from _until_it_ends(channel, playing, until)
    channel.playing.remove(playing)
    channel.transcript.ended(heard, channel.now, ending)
    return playing


def _until_it_ends(
    channel: Channel, playing: Playing, until: Callable[[], bool] | None
) -> Generator[float | None, None, Ending]:
    while True:
        if not channel.ready:
            return Ending.HANGUP
        if (digit := channel.take_digit()) and digit in _stopping_keys(channel, playing):
            playing.key = digit
            channel.pause()
            return Ending.KEY
        if playing.breaking:
            channel.pause()
            return Ending.BREAK
        if until is not None and until():
            return Ending.BREAK
        channel.detector.queued.clear()
        if channel.may_nest:
            yield from channel.run_queue()
            continue
        if playing.remaining <= 1e-9:
            return Ending.DONE
        since = channel.now
        end = None if math.isinf(playing.remaining) else since + playing.remaining
        yield channel.sooner(end, channel.now + FRAME if channel.digits else None)
        playing.played += channel.now - since


def _set_position(channel: Channel, playing: Playing) -> None:
    position = round(playing.played / FRAME) * 160
    total = position if math.isinf(playing.heard.length) else round(playing.heard.length * 8000)
    if playing.heard.ending is Ending.DONE:
        position = samples = total
    else:
        samples = min(total, _BLOCK * max(1, math.ceil(position / _BLOCK)))
    channel.set_variable("playback_last_offset_pos", str(position))
    channel.set_variable("playback_seconds", str(samples // 8000))
    channel.set_variable("playback_ms", str(samples * 1000 // 8000))
    channel.set_variable("playback_samples", str(samples))


def _stopping_keys(channel: Channel, playing: Playing) -> str:
    """FreeSWITCH reads the variable at each key: one that is set during a prompt works at once (30 of 30 presses)."""
    return playback_terminators(channel) if playing.terminators is None else playing.terminators


def playback_terminators(channel: Channel) -> str:
    """The keys that stop what is played, now: `*` when the variable is unset."""
    wanted = channel.variables.get("playback_terminators", "*")
    return {"none": "", "any": ALL_KEYS}.get(wanted, wanted)


def playback(channel: Channel, data: str) -> Wait:
    """`playback NAME`. Responds FILE PLAYED, FILE NOT FOUND or PLAYBACK ERROR."""
    if not channel.ready:
        return "PLAYBACK ERROR"
    if data.startswith("say:"):
        spoken = spoken_text(data.removeprefix("say:"), ":")
        playing: Playing | None = yield from speak_text(channel, spoken)
    else:
        playing = yield from play_file(channel, data)
    if playing is None:
        return "FILE NOT FOUND"
    if playing.heard.ending is Ending.HANGUP and not channel.killed:
        return "PLAYBACK ERROR"
    return "FILE PLAYED"


def speak_text(channel: Channel, text: str) -> Generator[float | None, None, Playing]:
    """Speak a text: no PLAYBACK events, but keys and breaks act as on a file."""
    channel.set_variable("playback_terminator_used", "")
    playing = yield from play(channel, channel.setup.sounds.speech(text))
    if playing.key:
        channel.set_variable("playback_terminator_used", playing.key)
    return playing


def speak(channel: Channel, data: str) -> Wait:
    """`speak ENGINE|VOICE|TEXT`, or `speak TEXT` with the channel's tts_engine and tts_voice."""
    if channel.ready:
        yield from speak_text(channel, spoken_text(data, "|"))


def say(channel: Channel, data: str) -> Wait:
    """`say LANGUAGE TYPE METHOD TEXT`: heard as speech."""
    if channel.ready:
        yield from speak_text(channel, data.split(" ", 3)[-1])


def sleep(channel: Channel, data: str) -> Wait:
    """`sleep MS`: a key ends it early (s12_dtmf_apps)."""
    try:
        until = channel.now + int(data) / 1000
    except ValueError:
        return
    while channel.ready and channel.now < until and not channel.digits:
        channel.detector.queued.clear()
        if channel.may_nest:
            yield from channel.run_queue()
        else:
            yield until


def play_and_detect_speech(channel: Channel, data: str) -> Wait:
    """`play_and_detect_speech FILE detect:ENGINE [{params}]GRAMMAR`: plays, and ends with a final result.

    Keys do nothing to it, a break stops only the file, and the detector runs on afterwards (s09).
    """
    name, _, _ = data.partition(" detect:")
    detector = channel.detector
    channel.set_variable("detect_speech_result", "")
    if detector.start():
        yield channel.now + FRAME
    detector.result = None
    yield from play_file(channel, name, "", until=lambda: detector.result is not None)
    while channel.ready and detector.on and detector.result is None:
        channel.take_digit()
        detector.queued.clear()
        yield channel.now + FRAME if channel.digits else None
    detector.queued.clear()
    channel.set_variable("detect_speech_result", detector.result or "")
    return "DONE"

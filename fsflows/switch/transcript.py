"""What the caller hears and does, in order: the record of a simulated call from the caller's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of sound something is."""

    FILE = "file"
    TONE = "tone"
    SILENCE = "silence"
    SPEECH = "speech"
    """Text spoken by a speech synthesiser."""
    PARTY = "party"
    """Another person, after a bridge."""


class Ending(StrEnum):
    """How a sound ended."""

    DONE = "done"
    """It was played to its end."""
    BREAK = "break"
    """The application stopped it (uuid_break)."""
    KEY = "key"
    """A key of the caller's stopped it, inside FreeSWITCH (playback_terminators)."""
    HANGUP = "hangup"
    """The call ended under it, or was transferred away."""


@dataclass(slots=True)
class Heard:
    """One sound, from its start to its end.

    Attributes:
        start: when its first frame was played, in seconds on the call's clock.
        what: the file's path, the tone, or the text that is spoken.
        kind: what sort of sound it is.
        length: how long it is in full, in seconds; infinite for music and the like.
        end: when it fell silent; ``None`` while it plays.
        ending: how it ended; ``None`` while it plays.
    """

    start: float
    what: str
    kind: Kind
    length: float
    end: float | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """Something that the caller did.

    Attributes:
        at: when, in seconds on the call's clock (a key: when it was released).
        what: "key", "say" or "hangup".
        text: the key, or the words.
    """

    at: float
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """What the caller's phone got from FreeSWITCH over SIP.

    Attributes:
        at: when, in seconds on the call's clock.
        what: "183", "200", "BYE", or the final status of a call that was not answered ("480", "486", ...).
        cause: the hangup cause, for the last one.
    """

    at: float
    what: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Taped:
    """Something that happened to a recording of the call.

    Attributes:
        at: when, in seconds on the call's clock.
        what: "start", "mask", "unmask" or "stop".
        path: its file.
    """

    at: float
    what: str
    path: str


Item = Heard | Did | Signal | Taped


class Transcript:
    """Everything that was heard and done on one call."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.did: list[Did] = []
        self.signals: list[Signal] = []
        self.taped: list[Taped] = []
        self.watchers: list[Callable[[Item], None]] = []
        """Called with each item when it is there, and with each sound once more when it has ended."""

    @property
    def playing(self) -> Heard | None:
        """The sound that is being played now; of nested ones, the innermost."""
        return next((sound for sound in reversed(self.heard) if sound.end is None), None)

    def started(self, sound: Heard) -> None:
        self.heard.append(sound)
        self._tell(sound)

    def ended(self, sound: Heard, at: float, ending: Ending) -> None:
        sound.end = at
        sound.ending = ending
        self._tell(sound)

    def signal(self, at: float, what: str, cause: str = "") -> None:
        signal = Signal(at, what, cause)
        self.signals.append(signal)
        self._tell(signal)

    def tape(self, at: float, what: str, path: str) -> None:
        taped = Taped(at, what, path)
        self.taped.append(taped)
        self._tell(taped)

    def note(self, did: Did) -> None:
        self.did.append(did)
        self._tell(did)

    def _tell(self, item: Item) -> None:
        for watcher in tuple(self.watchers):
            watcher(item)

    def lines(self, since: float = 0.0, beside: Iterable[tuple[float, str]] = ()) -> list[str]:
        """The call as a page to read; times are seconds after `since`. `beside`: what else happened, and when."""
        rows: list[tuple[float, str]] = []
        got = {"200": "is answered", "183": "hears early media", "BYE": "is hung up on"}
        for signal in self.signals:
            text = got.get(signal.what, f"is refused with {signal.what}")
            rows.append((signal.at, f"{text} {signal.cause}".rstrip()))
        for sound in self.heard:
            ending = "" if sound.ending in (None, Ending.DONE) else f" ({sound.ending})"
            rows.append((sound.start, f"hears {sound.kind}: {sound.what}{ending}"))
        said = {"key": "presses", "say": "says", "hangup": "hangs up"}
        rows += [(did.at, f"{said[did.what]} {did.text}".rstrip()) for did in self.did]
        rows += [(taped.at, f"recording: {taped.what} {taped.path}") for taped in self.taped]
        rows += beside
        rows.sort(key=lambda row: row[0])
        return [f"{at - since:8.3f}  {text}" for at, text in rows]

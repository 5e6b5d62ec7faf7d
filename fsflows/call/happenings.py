"""What can happen to a call, as `Call.wait` reports it. Times are seconds on the call's clock.

``at`` is when it happened in FreeSWITCH (from the event's own time stamp), not when we got round to reading it: no
timer above may start late because this process was slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsflows.call.playing import Playback


LONGEST_PRESS = 2.0
"""Seconds of a press within which another report of the key belongs to it."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key was released.

    Attributes:
        key: one of 0-9 * # A-D.
        source: where FreeSWITCH found it ("RTP", "INBAND_AUDIO", "APP", ...).
        duration: how long it was held, in seconds.
    """

    key: str
    at: float
    source: str = "RTP"
    duration: float = 0.0

    @property
    def held(self) -> float:
        """The seconds before `at` in which it was down; 0: not known. Only RFC 2833 is sure to report a release."""
        return min(self.duration, LONGEST_PRESS) if self.source == "RTP" else 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Speech was recognised.

    Attributes:
        texts: the alternatives, best first: (text, confidence or None, words with their confidences).
        final: False for a partial result, which the next one replaces.
    """

    texts: tuple[tuple[str, float | None, tuple[tuple[str, float | None], ...]], ...]
    final: bool
    at: float

    @property
    def text(self) -> str:
        """The best alternative's text."""
        return self.texts[0][0] if self.texts else ""


@dataclass(frozen=True, slots=True)
class SpeechLost:
    """The recogniser closed or sent something unreadable. `why` is for the log."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """A `Playback` is over: see its `ending`."""

    playback: Playback
    at: float


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """FreeSWITCH records this call to a file, whoever asked for it."""

    path: str
    at: float


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """FreeSWITCH has closed a recording's file. `cause`: its Record-Completion-Cause."""

    path: str
    at: float
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Executed:
    """An application that somebody waits for has finished.

    Attributes:
        uuid: the Event-UUID with which it was sent.
        response: `Application-Response` ("_none_", "FILE PLAYED", ...).
    """

    uuid: str
    application: str
    response: str
    at: float


Happening = (
    KeyPressed | Heard | SpeechLost | PlaybackEnded | RecordingStarted | RecordingStopped | Executed
)

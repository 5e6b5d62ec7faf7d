"""An application that was sent to FreeSWITCH, and is waited for: it has begun, waits for its turn, or was dropped.

`uuid_break ... all`, which anybody may say, silently drops all that waits: `bridge`, `transfer`, `deflect`,
`detect_speech`, what is played (measured). FreeSWITCH keeps the order: when what was sent later has begun, what was
sent before it never will.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsflows.call.happenings import Executed

LATE = 1.0
"""Seconds. What has not begun after so long is asked about, and then after twice as long each time."""


@dataclass(slots=True)
class Sent:
    """An application that somebody waits for.

    Attributes:
        application, argument: what was sent.
        since: when, the last time.
        begun: whether it has begun.
        done: its end; None: not yet.
        asked: the application that was sent behind it to know.
        ask_at: when the next one is to be sent.
    """

    application: str
    argument: str
    since: float
    begun: bool = False
    done: Executed | None = None
    asked: str = ""
    ask_at: float = 0.0
    _patience: float = LATE

    def __post_init__(self) -> None:
        self.ask_soon(self.since)

    def ask_soon(self, now: float) -> None:
        """What it may wait behind has changed."""
        self._patience = LATE
        self.ask_at = now + LATE

    def ask(self, asked: str, now: float) -> None:
        """It was asked about."""
        self.asked = asked
        self.ask_at = now + self._patience
        self._patience *= 2

    def was_dropped(self, now: float) -> None:
        """It is sent again."""
        self.asked = ""
        self.since = now
        self.ask_soon(now)


def is_later(uuid: str, other: str) -> bool:
    """Whether an application of a call was sent after another of it, by their names ("<channel>-17")."""
    channel, _, number = uuid.rpartition("-")
    channel_of_other, _, number_of_other = other.rpartition("-")
    return channel == channel_of_other and int(number) > int(number_of_other)

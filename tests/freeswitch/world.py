"""What a test of a call may do and ask, whichever switch carries the call.

A test body is written once against `World` and `Phone`. Two things implement them: `real` (a FreeSWITCH over SIP, with
`fsflows serve` in a process of its own) and `simulated` (fsflows' own switch, in virtual time). What holds on one and not on
the other is a fault of one of them.

Times are seconds on `World.now()`'s scale. Waits raise AssertionError when their time is up, with the story so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .rtp import Sound
from .signalling import Ended

DESK = 1200
"""Hertz of the tone at the extension `fsflows-desk`, where calls are handed off to."""
TOUCHED = "/tmp/fsflows-was-here"
"""A file that a hostile text tries to make."""
LOST = 1600
"""Hertz of the tone that the dialplan plays when fsflows did not take the call, or lost it."""


class Phone(Protocol):
    """One call, from the caller's end."""

    def press(self, keys: str, *, hold: float = 0.08, gap: float = 0.08) -> Sequence[float]:
        """Press keys one after the other and wait until the last is released; the times of release."""

    def say(self, text: str, confidence: float = 1.0) -> float:
        """Speak: the recogniser hears a partial a word and then the whole; when the whole was heard."""

    def talk(self, hertz: int | None) -> None:
        """Make a noise on the line from now on that a recording will hold; None: be silent."""

    def cancel(self) -> None:
        """Hang up before the call is answered."""

    def hang_up(self) -> None: ...

    def wait_answered(self, timeout: float = 5.0) -> float: ...

    def wait_heard(
        self, what: int | None = None, *, since: float = 0.0, timeout: float = 5.0
    ) -> float:
        """Wait for a tone (hertz), a voice (0) or anything (None); the time of its first frame."""

    def wait_said(self, text: str, *, since: float = 0.0, timeout: float = 10.0) -> float:
        """Wait until the switch begins to speak or play something that has this text in it; when it began."""

    def wait_silence(self, seconds: float = 0.3, timeout: float = 10.0) -> float:
        """Wait until nothing has been heard for so long; since when."""

    def wait_ended(self, timeout: float = 10.0) -> Ended: ...

    def sounds(self, since: float = 0.0) -> Sequence[Sound]:
        """What was heard."""

    def hangup_cause(self) -> str:
        """The switch's hangup cause, once the call has ended there, too."""

    @property
    def referred_to(self) -> str:
        """Where a REFER asked the caller's telephone to go; "" when none came."""

    def keys_shown(self) -> str:
        """The keys that others who watch the switch were told of, in order."""

    @property
    def uuid(self) -> str:
        """The call's name in the switch and in fsflows' records."""


class World(Protocol):
    """A switch, a speech recogniser and fsflows."""

    name: str
    records_sound: bool
    """Whether recordings hold what was really said."""

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...

    def call(
        self,
        flow: str,
        *,
        user: str = "1000",
        name: str = "",
        headers: Iterable[tuple[str, str]] = (),
        recorded: bool = False,
        ending: str = ".wav",
    ) -> AbstractContextManager[Phone]:
        """Dial a flow. The call is over when the context ends.

        Args:
            flow: its name.
            user, name: the caller's number and name.
            headers: SIP headers of the caller's.
            recorded: whether the dialplan records the call before fsflows gets it.
            ending: of the path that it records to: ".wav", or none.
        """

    def take_away(self, uuid: str) -> None:
        """Somebody transfers a call to the desk, behind fsflows' back."""

    def announce(self, uuid: str, hertz: int) -> None:
        """Somebody has ten seconds of a tone played to the caller as soon as nothing else is, behind fsflows' back."""

    def break_all(self, uuid: str) -> None:
        """Somebody breaks off what is played, and drops all that waits for its turn."""

    def recordings(self, uuid: str) -> Sequence[bytes]:
        """The recordings of a call that are anywhere on this machine now, as files' contents."""

    def wait_recordings(self, uuid: str, count: int, timeout: float = 10.0) -> None:
        """Wait until a call has so many recordings."""

    def speech(self, up: bool) -> None:
        """Take the recogniser down (connections are cut), or bring it back."""

    def speech_dies(self) -> None:
        """Cut the recogniser's connections; it takes new ones."""

    def speech_garbles(self) -> None:
        """Let the recogniser send something that is no JSON."""

    def server_log(self) -> str:
        """What fsflows has logged since the test began."""

    def ran(self) -> Sequence[str]:
        """Commands that callers' texts made the switch run: never any."""

    def run(self, body: Callable[[], None]) -> None:
        """Run a test's body in this world's time."""


def is_at_the_desk(world: World, phone: Phone) -> None:
    """The caller gets to where he was handed off to, and stays there."""
    arrived = phone.wait_heard(DESK, timeout=10.0)
    world.wait(1.0)
    phone.wait_heard(DESK, since=arrived + 0.9, timeout=1.0)

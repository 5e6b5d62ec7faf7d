"""The simulated switch's settings: dialplan, sounds, recogniser, other parties, disk. One may serve many calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fsflows.switch.files import Files, MemoryFiles
from fsflows.switch.sounds import Sounds

Action = tuple[str, str]
"""One dialplan action: application and data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What becomes of a `bridge`.

    Attributes:
        answers: whether the other party takes the call.
        after: seconds until it answers or fails.
        announces: seconds in which the caller hears something of one that fails then (early media): they are bridged,
            and nobody has answered.
        talks: seconds until it hangs up; ``None``: never.
        cause: the hangup cause of a call that fails, or of its end.
    """

    answers: bool = True
    after: float = 0.020
    announces: float = 0.0
    talks: float | None = None
    cause: str = "NORMAL_CLEARING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephone:
    """What the caller's telephone makes of a REFER.

    Attributes:
        accepts: its answer (202), or its refusal (603).
        reached: what came of the call that it was told to make (200, 486).
    """

    accepts: int = 202
    reached: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """The vosk server behind `detect_speech vosk`.

    Attributes:
        up: whether it can be reached; when not, `detect_speech` completes as ever and no event comes.
        hangs: seconds that a start takes while it is not up: its server takes connections and says nothing (real: 10).
        json: `return-json=1` of vosk.conf: results are the server's JSON, not its text.
    """

    up: bool = True
    hangs: float = 0.0
    json: bool = False


def answering(_destination: str) -> Leg:
    """Everybody answers at once and stays on the line."""
    return Leg()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The switch that a call comes in on.

    Attributes:
        socket: the argument of the dialplan's `socket` action: address, and `async` and `full` as wanted.
        then: the dialplan's actions after it.
        reached: whether anything listens at the socket's address; when not, the dialplan goes on without it.
        extensions: dialplans by number, for transfers; None: whatever is dialled answers, and hangs up.
        dial: what becomes of a `bridge`, by its dial string.
        telephone: the caller's.
        sounds: what can be played, and how long it takes.
        recogniser: the speech recogniser.
        files: where recordings go.
        park_delay: seconds from `connect` to CHANNEL_PARK. In FreeSWITCH that is a race with `myevents`: at 0
            the event is fired before anybody can have asked for it, later it is seen.
        epoch: the wall-clock time, in seconds since 1970, at time 0 of the driver's clock.
        seed: of the uuids that the switch makes up.
    """

    socket: str = "127.0.0.1:8084 async full"
    then: tuple[Action, ...] = ()
    reached: bool = True
    extensions: Mapping[str, tuple[Action, ...]] | None = None
    dial: Callable[[str], Leg] = answering
    telephone: Telephone = field(default_factory=Telephone)
    sounds: Sounds = field(default_factory=Sounds)
    recogniser: Recogniser = field(default_factory=Recogniser)
    files: Files = field(default_factory=MemoryFiles)
    park_delay: float = 0.0
    epoch: float = 1_767_268_800.0
    seed: int = 0

    def extension(self, number: str) -> tuple[Action, ...] | None:
        """What the dialplan does with a number; None when it doesn't know it."""
        if self.extensions is None:
            return (("answer", ""),)
        return self.extensions.get(number)

    @property
    def asynchronous(self) -> bool:
        return "async" in self.socket.split()

    @property
    def full(self) -> bool:
        return "full" in self.socket.split()

"""What a fleet has its parent do."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsflows.server.node.channel import Message


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker."""

    number: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker that doesn't end by itself."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to a worker."""

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Give:
    """Give a worker a listening socket: open it, if it isn't."""

    number: int
    socket: str


@dataclass(frozen=True, slots=True)
class Shut:
    """Close the calls' socket here. `dismiss`: nobody else has it any more, and whoever waits must be let go."""

    dismiss: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """Read the flow files from the disk; what they are by then has this number."""

    edition: int


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the log."""

    level: str
    event: str
    fields: Message = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Booted:
    """Every worker serves, for the first time."""


@dataclass(frozen=True, slots=True)
class Exit:
    """End. `text`: for standard error."""

    status: int
    text: str = ""


Order = Start | Kill | Tell | Give | Shut | Read | Say | Booted | Exit

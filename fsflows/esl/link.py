"""What the floors above need from a connection to one call: the door between the wire and everything else.

Two things implement it: `fsflows.esl.session` (a real connection, on gevent) and `fsflows.switch` (the simulated
FreeSWITCH in the same process, on a virtual clock). Nothing above can tell which one it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fsflows.esl.commands import Command
    from fsflows.esl.event import Event


class LinkClosed(Exception):
    """The connection has ended, and every event that arrived before its end has been handed out.

    Attributes:
        reason: what ended it, in words for a log line ("FreeSWITCH closed the connection").
    """

    def __init__(self, reason: str = "the connection has ended") -> None:
        super().__init__(reason)
        self.reason = reason


class ReplyTimeout(Exception):
    """A command got no reply in time. The place of its reply stays reserved: a late one is not taken for the next's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What FreeSWITCH said to one command.

    Attributes:
        text: `Reply-Text` of a command, or the body of an `api` command, without its trailing newline.
        headers: the frame's headers, as sent (`Job-UUID` of a bgapi is here).
    """

    text: str
    headers: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether FreeSWITCH did not refuse: an `api` that prints something else than `+OK` succeeded as well."""
        return not self.text.startswith("-")


class Asked(Protocol):
    """A command that was sent, and whose reply nobody has waited for yet."""

    def reply(self, timeout: float = 5.0) -> Reply:
        """The reply, once.

        Raises:
            LinkClosed: the connection ended before it came.
            ReplyTimeout: it does not come within `timeout` seconds.
        """


class Link(Protocol):
    """A connection to one call, after `connect`."""

    @property
    def channel(self) -> Event:
        """The channel's data as it was when the call came in (the reply to `connect`: CHANNEL_DATA)."""

    @property
    def lingering(self) -> bool:
        """Whether the call is over and FreeSWITCH only keeps the connection open for the last events."""

    def ask(self, command: Command) -> Asked:
        """Send a command whose reply is wanted later: what is done meanwhile waits for nothing.

        Raises:
            LinkClosed: the connection has ended.
        """

    def request(self, command: Command, timeout: float = 5.0) -> Reply:
        """Send a command and wait for its reply; events that arrive meanwhile are kept for `receive`.

        Raises:
            LinkClosed: the connection ended before the reply.
            ReplyTimeout: no reply within `timeout` seconds.
        """

    def post(self, command: Command, *, more: bool = False) -> None:
        """Send a command and don't wait; a reply that refuses it is logged.

        Args:
            command: the command.
            more: another one follows at once: both go in one piece. If none does, it is sent as soon as others run.

        Raises:
            LinkClosed: the connection has ended.
        """

    def receive(self, until: float | None = None) -> Event | None:
        """The next event; ``None`` when the deadline (a time on the link's clock) passes first.

        Raises:
            LinkClosed: the connection has ended and no event is left.
        """

    def wake(self) -> None:
        """Let a `receive` that waits return ``None`` now (another task has news for the one that waits)."""

    def close(self) -> None:
        """End the connection (`exit`, then close). May be called twice."""

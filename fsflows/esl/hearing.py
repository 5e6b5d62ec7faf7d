"""Who wants to hear of which events of a FreeSWITCH's, and what it is told to send for that: no more than is wanted.

An inbound connection gets the events of every call there is: answer and hang-up of one leg are 7 kB (FreeSWITCH
1.10.12), and a server that dials needs none but those of its own calls. A filter of FreeSWITCH's lets only those
through that have some header with some value; as soon as there is one, nothing else comes, so that every wanted event
needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed, Reply
from fsflows.log import get_logger

JOB = "BACKGROUND_JOB"

PATIENCE = 10.0
"""Seconds for FreeSWITCH's answer."""

log = get_logger("freeswitch")

Filter = tuple[str, str]
"""A header's name and its value, or `/a regular expression/`."""


class Asked(Protocol):
    """A connection that events can be asked for."""

    def request(self, command: Command, timeout: float | None = 5.0) -> Reply: ...
    def subscribe(self, names: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """Somebody who wants to hear.

    Attributes:
        names: of the events.
        only: of those, the ones that have this; None: all.
        on_event: called with each; it must not wait.
        on_connected: called after each time that the connection was made; events before that were missed.
    """

    names: tuple[str, ...]
    only: Filter | None
    on_event: Callable[[Event], None]
    on_connected: Callable[[], None]


class Hearing:
    """All who want to hear, and what a connection has been asked for so far.

    Attributes:
        jobs: whether ends of background jobs are wanted.
    """

    def __init__(self) -> None:
        self.jobs = False
        self._listeners: list[Listener] = []
        self._names: set[str] = set()
        self._filters: set[Filter] = set()

    def add(self, listener: Listener) -> None:
        """One more."""
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        """One less. What only he wanted comes on until the connection is made anew."""
        self._listeners.remove(listener)

    def forget(self) -> None:
        """The connection is a new one."""
        self._names, self._filters = set(), set()

    def ask(self, link: Asked) -> None:
        """Ask a connection for what is wanted and not yet asked for; the filters first, or a flood would be let in.

        Raises:
            LinkClosed: the connection has ended, or FreeSWITCH refuses a filter: not to hear would go unnoticed.
            ReplyTimeout: no answer.
        """
        while filters := sorted(self._wanted_filters() - self._filters):
            self._filters.add(filters[0])
            reply = link.request(commands.filter_on(*filters[0]), PATIENCE)
            if not reply.ok:
                raise LinkClosed(f"FreeSWITCH refuses an event filter: {reply.text}")
        if names := sorted(self._wanted_names() - self._names):
            self._names.update(names)
            link.subscribe(names)

    def hand_on(self, event: Event) -> None:
        """Tell everybody who wants to hear of it."""
        for listener in tuple(self._listeners):
            if event.name in listener.names:
                _tell(listener.on_event, event)

    def connected(self) -> None:
        """Tell everybody that there is a new connection."""
        for listener in tuple(self._listeners):
            _tell(listener.on_connected)

    def _wanted_names(self) -> set[str]:
        names = {name for listener in self._listeners for name in listener.names}
        return names | {JOB} if self.jobs else names

    def _wanted_filters(self) -> set[Filter]:
        filters = {("Event-Name", JOB)} if self.jobs else set()
        for listener in self._listeners:
            if listener.only is not None:
                filters.add(listener.only)
            else:
                filters.update(("Event-Name", name) for name in listener.names)
        return filters


def _tell(whom: Callable[..., None], *what: Event) -> None:
    try:
        whom(*what)
    except Exception:
        log.exception("a listener raised")

"""FreeSWITCHes by their own event sockets: connected, connected again after a loss, and shared by all who need them.

Each has one task that connects, asks whom it has reached, receives events and hands them on. Everybody else calls
`api` and `bgapi` from wherever they are, or `listen`s. What happened while the connection was away nobody tells
afterwards: who listens is told of each new connection, and has to look for himself.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fsflows.clock import Clock, Mailbox, Task
from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.esl.event import Event
from fsflows.esl.hearing import JOB, PATIENCE, Asked, Filter, Hearing, Listener
from fsflows.esl.inbound import InboundConnection
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.esl.metrics import FREESWITCH_LOST, FREESWITCH_UP
from fsflows.log import get_logger
from fsflows.settings.address import parse_address

FIRST_PAUSE = 0.5
"""Seconds before the first attempt to connect again; each further pause is twice as long."""

LONGEST_PAUSE = 30.0

STEADY = 10.0
"""Seconds that a connection must have lasted for the pauses to start from the first one again."""

QUIET = 15.0
"""Seconds without an event after which FreeSWITCH is asked whether it is still there."""

log = get_logger("freeswitch")


class Unreachable(Exception):
    """There is no connection to that FreeSWITCH now, or it ended before the answer; the text says why."""


class Link(Asked, Protocol):
    """A connection that is logged in; `InboundConnection` is one."""

    def receive(self, until: float | None = None) -> Event | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection is.

    Attributes:
        connected: whether it is there.
        since: for how many seconds that has been so.
        name: what FreeSWITCH calls itself (`switchname`); "": it was never reached.
        core_uuid: changes when FreeSWITCH is started anew: no call of before is left.
        why: what went wrong last; "": nothing.
    """

    connected: bool
    since: float
    name: str
    core_uuid: str
    why: str


class FreeSwitch:
    """One FreeSWITCH.

    Args:
        address: for people: settings, log, metrics.
        connect: makes a connection that is logged in, or raises; it is closed here.
        clock: the process' clock.
        chance: a random number from 0 to 1, for the pauses: many servers must not come back at once.
    """

    def __init__(
        self,
        address: str,
        connect: Callable[[], Link],
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.address = address
        self._connect = connect
        self._clock = clock
        self._chance = chance
        self._link: Link | None = None
        self._name = self._core_uuid = self._why = ""
        self._changed = clock.now()
        self._was_up = False
        self._said = False
        self._task: Task | None = None
        self._hearing = Hearing()
        self._jobs: dict[str, Mailbox[str | None]] = {}
        self._waiting: list[Mailbox[bool]] = []

    @classmethod
    def at(cls, address: str, password: str, clock: Clock) -> FreeSwitch:
        """The FreeSWITCH whose event socket is at HOST:PORT.

        Raises:
            ValueError: that is no address.
        """
        try:
            host, port = parse_address(address)
        except ValueError:
            raise ValueError(
                f"an event socket's address is HOST:PORT (127.0.0.1:8021), got {address!r}"
            ) from None

        def connect() -> Link:
            connection = InboundConnection(host, port, password)
            connection.connect()
            return connection

        return cls(address, connect, clock)

    # --- its life -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and stay connected until `close`; does not wait. A second time nothing happens."""
        if self._task is None:
            FREESWITCH_UP.labels(self.address).set(0)
            FREESWITCH_LOST.labels(self.address)  # there from the start, at 0
            self._task = self._clock.spawn(self._run)

    def close(self) -> None:
        """End the connection for good. May be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.kill()
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def wait(self, until: float | None = None) -> bool:
        """Wait until it is connected, or the deadline of the clock has passed; whether it is."""
        while self._link is None:
            ticket: Mailbox[bool] = self._clock.mailbox()
            self._waiting.append(ticket)
            if ticket.get(until) is None:
                self._waiting = [each for each in self._waiting if each is not ticket]
                break
        return self._link is not None

    @property
    def connected(self) -> bool:
        return self._link is not None

    @property
    def name(self) -> str:
        """What it calls itself, as it said when it was last reached; "": it was never reached."""
        return self._name

    @property
    def health(self) -> Health:
        """How the connection is, for a health page, `fsflows doctor` and the like."""
        since = self._clock.now() - self._changed
        return Health(self.connected, since, self._name, self._core_uuid, self._why)

    # --- asking -------------------------------------------------------------------------------------------------

    def api(self, name: str, *arguments: str, timeout: float = 5.0) -> Reply:
        """Run an api command. It holds up this connection's events and everybody else's commands: quick ones only.

        Raises:
            Unreachable: there is no connection, or it ended before the answer.
            ReplyTimeout: no answer within `timeout` seconds.
        """
        return self._request(commands.api(name, *arguments), timeout)

    def bgapi(self, name: str, *arguments: str, timeout: float = 60.0) -> Reply:
        """Run an api command that may take its time, and wait for what it prints.

        Raises:
            Unreachable: there is no connection, or it ended before the answer. The command may have been run.
            ReplyTimeout: no answer within `timeout` seconds. It may still be running.
        """
        if not self._hearing.jobs:
            self._hearing.jobs = True
            self._ask_for_events()
        job = str(uuid.uuid4())
        answer = self._jobs[job] = self._clock.mailbox()
        until = self._clock.now() + timeout
        try:
            reply = self._request(commands.bgapi(name, *arguments, job_uuid=job), timeout)
            if not reply.ok:
                return reply
            text = answer.get(until)
        finally:
            del self._jobs[job]
        if text is None:
            if not self.connected:
                raise Unreachable(self._away())
            raise ReplyTimeout(f"no answer to `bgapi {name}` within {timeout:g} s")
        return Reply(text.removesuffix("\n"), reply.headers)

    def listen(
        self,
        names: Iterable[str],
        on_event: Callable[[Event], None],
        on_connected: Callable[[], None] = lambda: None,
        *,
        only: Filter | None = None,
    ) -> Callable[[], None]:
        """Be told of events, of all calls.

        Args:
            names: of the events.
            on_event: called with each; it must not wait.
            on_connected: called after each time that the connection was made; events before that were missed.
            only: a header and its value, or `/a regular expression/`, that FreeSWITCH sends the event for. Who listens
                to the same event without one gets them all, and so does everybody.

        Returns:
            What ends it.
        """
        listener = Listener(tuple(names), only, on_event, on_connected)
        self._hearing.add(listener)
        self._ask_for_events()
        if self.connected:
            on_connected()
        return lambda: self._hearing.remove(listener)

    def _request(self, command: Command, timeout: float) -> Reply:
        link = self._link
        if link is None:
            raise Unreachable(self._away())
        try:
            return link.request(command, timeout)
        except LinkClosed as closed:
            raise Unreachable(f"FreeSWITCH at {self.address}: {closed.reason}") from None

    def _away(self) -> str:
        return f"FreeSWITCH at {self.address} can't be reached: {self._why or 'not yet connected'}"

    def _ask_for_events(self) -> None:
        link = self._link
        if link is not None:
            try:
                self._hearing.ask(link)
            except (LinkClosed, ReplyTimeout) as error:
                # With the next connection it is asked for again.
                log.debug("not subscribed", address=self.address, why=str(error))

    # --- the task that keeps it -----------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                link = self._open()
            except Exception as error:
                self._lost(str(error))
            else:
                self._got(link)
                began = self._clock.now()
                try:
                    self._receive(link)
                except (LinkClosed, ReplyTimeout) as error:
                    self._lost(str(error))
                finally:
                    self._link = None
                    link.close()
                if self._clock.now() - began >= STEADY:
                    pause = FIRST_PAUSE
            self._clock.sleep(pause * (0.5 + self._chance()))
            pause = min(LONGEST_PAUSE, 2 * pause)

    def _open(self) -> Link:
        link = self._connect()
        try:
            name = self._ask(link, "switchname")
            core_uuid = self._ask(link, "global_getvar", "core_uuid")
            if not name:
                raise Unreachable("it does not say its name (`switchname`)")
            self._hearing.forget()
            self._hearing.ask(link)
        except BaseException:
            link.close()
            raise
        self._name, self._core_uuid = name, core_uuid
        return link

    @staticmethod
    def _ask(link: Link, name: str, *arguments: str) -> str:
        reply = link.request(commands.api(name, *arguments), PATIENCE)
        return reply.text.strip() if reply.ok else ""

    def _got(self, link: Link) -> None:
        away = self._clock.now() - self._changed
        self._link = link
        self._changed = self._clock.now()
        self._why = ""
        FREESWITCH_UP.labels(self.address).set(1)
        where = {"address": self.address, "name": self._name}
        if self._said:
            log.info("FreeSWITCH's event socket is connected again", **where, away=round(away, 1))
        else:
            log.info("FreeSWITCH's event socket is connected", **where)
        self._was_up, self._said = True, False
        waiting, self._waiting = self._waiting, []
        for ticket in waiting:
            ticket.put(True)
        self._ask_for_events()  # of those who came meanwhile
        self._hearing.connected()

    def _lost(self, why: str) -> None:
        """Said once, however long it takes."""
        if self._link is not None:
            self._changed = self._clock.now()
            FREESWITCH_LOST.labels(self.address).inc()
        self._link = None
        self._why = why
        FREESWITCH_UP.labels(self.address).set(0)
        for answer in self._jobs.values():
            answer.put(None)
        if not self._said:
            self._said = True
            what = "lost" if self._was_up else "not connected"
            log.warning("FreeSWITCH's event socket is %s", what, address=self.address, why=why)

    def _receive(self, link: Link) -> None:
        while True:
            event = link.receive(self._clock.now() + QUIET)
            if event is None:
                link.request(commands.api("switchname"), PATIENCE)
            elif event.name == JOB and (event.get("Job-UUID") or "") in self._jobs:
                self._jobs[event.get("Job-UUID") or ""].put(event.body)
            else:
                self._hearing.hand_on(event)


class FreeSwitches:
    """All FreeSWITCHes that the settings name."""

    def __init__(self, switches: Sequence[FreeSwitch], clock: Clock) -> None:
        self._switches = tuple(switches)
        self._clock = clock

    @classmethod
    def at(cls, addresses: Iterable[str], password: str, clock: Clock) -> FreeSwitches:
        """Those whose event sockets are at these addresses; not yet started.

        Raises:
            ValueError: one is no HOST:PORT.
        """
        return cls([FreeSwitch.at(each, password, clock) for each in addresses], clock)

    def __iter__(self) -> Iterator[FreeSwitch]:
        return iter(self._switches)

    def __len__(self) -> int:
        return len(self._switches)

    def start(self) -> None:
        """Connect to all of them; does not wait. A second time nothing happens."""
        for switch in self._switches:
            switch.start()

    def wait(self, seconds: float) -> bool:
        """Wait until all are connected, or that time has passed; whether they are."""
        until = self._clock.now() + seconds
        for switch in self._switches:
            switch.wait(until)
        return all(switch.connected for switch in self._switches)

    def close(self) -> None:
        """End all connections for good. May be called twice."""
        for switch in self._switches:
            switch.close()

    def named(self, name: str) -> FreeSwitch | None:
        """The one of that name that is connected now. "": the only one there is.

        Two addresses of one FreeSWITCH are one FreeSWITCH: the first that is connected.
        """
        if not name and len(self._switches) != 1:
            return None
        there = (each for each in self._switches if each.connected and name in ("", each.name))
        return next(there, None)

    def names(self) -> list[str]:
        """The names of those that are connected now."""
        return list(dict.fromkeys(each.name for each in self._switches if each.connected))

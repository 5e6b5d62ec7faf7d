"""A call in virtual time, without bytes: the simulated channel behind the door that a real connection is behind.

The conversation's code cannot tell the two apart, and a call of minutes takes milliseconds::

    clock = VirtualClock()
    link = incoming_call(clock, opening=subscribe(), script=parse_script(text))
    clock.run(converse, link)
    for line in link.far_end.transcript.lines(since=link.since):
        print(line)
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from fsflows.esl import commands
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.log import get_logger
from fsflows.switch.caller import Caller
from fsflows.switch.channel import Channel
from fsflows.switch.event import (
    ApiReply,
    Closed,
    CommandReply,
    ConnectReply,
    Frame,
    Notice,
    Output,
    SwitchEvent,
)
from fsflows.switch.profile import CallProfile
from fsflows.switch.script import Script
from fsflows.switch.setup import Setup

if TYPE_CHECKING:
    from fsflows.clock import Mailbox, VirtualClock
    from fsflows.esl.commands import Command

log = get_logger("switch.link")

_WAKE = object()
_Taker = Callable[[Reply], None]


def incoming_call(
    clock: VirtualClock,
    profile: CallProfile | None = None,
    setup: Setup | None = None,
    *,
    opening: Iterable[Command] = (),
    script: Script | None = None,
) -> SimulatedLink:
    """A call that comes in now; its link is connected, as that of a real call is.

    Args:
        clock: the world that it happens in.
        profile: who calls whom; a script's own counts when this is ``None``.
        setup: the switch that it comes in on; its `epoch` is set to the clock's.
        opening: the commands to send behind `connect`: subscriptions, linger.
        script: what the caller does; without one, `SimulatedLink.caller` waits to be told.
    """
    epoch = clock.utcnow().timestamp() - clock.now()
    setup = dataclasses.replace(setup or Setup(), epoch=epoch)
    if profile is None and script is not None:
        profile = script.profile
    channel = Channel(profile, setup, clock.now())
    caller = Caller(channel, script.steps if script is not None else ())
    return SimulatedLink(clock, channel, caller, opening)


class SimulatedEvent(Event):
    """An event of the simulated switch, its headers spelled out when they are asked for."""

    __slots__ = ("_source",)

    def __init__(self, source: SwitchEvent) -> None:
        super().__init__()
        self._source = source
        self._body = source.body

    def get(self, header: str, default: str | None = None) -> str | None:
        value = self._source.get(header)
        return default if value is None else value

    def late(self, header: str) -> str | None:
        return self._source.get(header)

    @property
    def headers(self) -> dict[str, str]:
        return self._source.headers


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """A command that was sent, and where its reply comes; see `fsflows.esl.link.Asked`."""

    link: SimulatedLink
    command: Command
    box: Mailbox[Reply | None]

    def reply(self, timeout: float = 5.0) -> Reply:
        return self.link.take_reply(self.command, self.box, timeout)


class SimulatedLink:
    """A `fsflows.esl.link.Link` to a simulated channel.

    Args:
        clock: the time of both.
        far_end: the channel; nothing has been said to it yet.
        caller: who is behind it.
        opening: the commands to send behind `connect`.

    Attributes:
        far_end: the channel.
        caller: the caller.
        since: when the call came in, on the clock.
    """

    def __init__(
        self,
        clock: VirtualClock,
        far_end: Channel,
        caller: Caller | None = None,
        opening: Iterable[Command] = (),
    ) -> None:
        self.far_end = far_end
        self.caller = caller or Caller(far_end)
        self.since = clock.now()
        self._clock = clock
        self._inbox: Mailbox[SimulatedEvent | object] = clock.mailbox()
        self._waiting = False
        self._takers: deque[_Taker] = deque()
        self._boxes: list[Mailbox[Reply | None]] = []
        self._lingering = False
        self._ended: str | None = None
        self._alarms: set[float] = set()
        self._channel = Event()
        self._tell(commands.connect(), lambda _: None)
        for command in opening:
            self.post(command)

    # --- the link ---------------------------------------------------------------------------------------------

    @property
    def channel(self) -> Event:
        """The channel's data as it was when the call came in."""
        return self._channel

    @property
    def lingering(self) -> bool:
        """Whether the call is over and the switch only keeps the connection open for the last events."""
        return self._lingering

    def request(self, command: Command, timeout: float = 5.0) -> Reply:
        """Send a command and wait for its reply.

        Raises:
            LinkClosed: the connection ended before the reply.
            ReplyTimeout: no reply within `timeout` seconds.
        """
        return self.ask(command).reply(timeout)

    def ask(self, command: Command) -> _Asked:
        """Send a command, and wait for its reply later.

        Raises:
            LinkClosed: the connection has ended.
        """
        box: Mailbox[Reply | None] = self._clock.mailbox()
        self._tell(command, box.put)
        return _Asked(self, command, box)

    def take_reply(self, command: Command, box: Mailbox[Reply | None], timeout: float) -> Reply:
        """Wait for the reply that comes into a box; raises as `request`."""
        if self._ended is None:
            self._boxes.append(box)
            try:
                reply = box.get(self._clock.now() + timeout)
            finally:
                self._boxes.remove(box)
        else:
            # `exit` is answered before the connection ends.
            reply = box.get(self._clock.now())
        if reply is not None:
            return reply
        if self._ended is not None:
            raise LinkClosed(self._ended)
        raise ReplyTimeout(f"no reply to `{command.label}` within {timeout:g} s")

    def post(self, command: Command, *, more: bool = False) -> None:
        """Send a command and don't wait; a reply that refuses it is logged.

        Raises:
            LinkClosed: the connection has ended.
        """

        def take(reply: Reply) -> None:
            if not reply.ok:
                report = log.info if self._lingering else log.warning
                report("the simulated switch refused a command", command=command.label)

        self._tell(command, take)

    def receive(self, until: float | None = None) -> Event | None:
        """The next event; ``None`` when the deadline passes first, or `wake` is called.

        Raises:
            LinkClosed: the connection has ended and no event is left.
        """
        if not self._inbox and self._ended is not None:
            raise LinkClosed(self._ended)
        self._waiting = True
        try:
            item = self._inbox.get(until)
        finally:
            self._waiting = False
        if isinstance(item, SimulatedEvent):
            return item
        if self._ended is not None and not self._inbox:
            raise LinkClosed(self._ended)
        return None

    def wake(self) -> None:
        """Let a `receive` that waits return ``None`` now."""
        if self._waiting:
            self._inbox.put(_WAKE)

    def close(self) -> None:
        """End the connection. May be called twice."""
        if self._ended is None:
            self._take(self.far_end.disconnect(self._clock.now()))
            self._end("we closed the connection")

    # --- the channel ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Let the channel do what is due: to be called after something was done to it from outside its own time."""
        self._take(self.far_end.advance(self._clock.now()))

    def _tell(self, command: Command, take: _Taker) -> None:
        if self._ended is not None:
            raise LinkClosed(self._ended)
        self._takers.append(take)
        self._take(self.far_end.handle(command, self._clock.now()))

    def _due(self, at: float) -> None:
        self._alarms.remove(at)
        self.look()

    def _take(self, outputs: list[Output]) -> None:
        if outputs:
            for output in outputs:
                self._took(output.frame)
        next_at = self.far_end.next_at
        if next_at is not None and next_at not in self._alarms:
            self._alarms.add(next_at)
            self._clock.at(next_at, partial(self._due, next_at))

    def _took(self, frame: Frame) -> None:
        if self._ended is not None:
            return
        if isinstance(frame, SwitchEvent):
            self._inbox.put(SimulatedEvent(frame))
        elif isinstance(frame, CommandReply):
            self._takers.popleft()(Reply(frame.text, {"Reply-Text": frame.text, **frame.headers}))
        elif isinstance(frame, ApiReply):
            headers = {"Content-Type": "api/response"}
            self._takers.popleft()(Reply(frame.body.removesuffix("\n"), headers))
        elif isinstance(frame, ConnectReply):
            self._channel = Event.from_headers(dict(frame.headers))
            self._takers.popleft()(Reply("+OK", {}))
        elif isinstance(frame, Notice):
            self._lingering = True
        elif isinstance(frame, Closed):
            self._end("the simulated switch closed the connection")

    def _end(self, reason: str) -> None:
        self._ended = reason
        self._takers.clear()
        self._inbox.put(_WAKE)
        for box in self._boxes:
            box.put(None)

"""FreeSWITCH's side of an outbound Event Socket: takes the application's commands, sends replies and events.

Also the `socket` application itself, in its two modes. In async mode the channel parks and runs what is queued on it;
in sync mode the channel waits for commands, and the reply to an `execute` comes when it has finished.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from fsflows.switch import api
from fsflows.switch.clockwork import COMMAND_TIMEOUT, FRAME, Wait
from fsflows.switch.event import (
    ApiReply,
    Closed,
    CommandReply,
    ConnectReply,
    Frame,
    Notice,
    SwitchEvent,
)
from fsflows.switch.execute import Execute
from fsflows.switch.subscription import Subscription

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

NOT_FOUND = "-ERR command not found"
GETVAR_LIMIT = 511
"""`getvar` cuts values there, in bytes (s08_long_args)."""

_FULL_ONLY = {"api", "bgapi", "event", "linger", "nolinger", "log", "nolog", "sendevent"}
"""Refused when the dialplan's `socket` action did not say `full` (s06_not_full)."""


class CommandLike(Protocol):
    """A command, as `fsflows.esl.commands` has it."""

    @property
    def verb(self) -> str: ...

    @property
    def args(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> str: ...


class EventSocket:
    """One connection from the simulated switch to the application."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.subscription = Subscription(channel.uuid)
        self.connected = False
        self.closed = False
        self.resume = False
        self.linger: int | None = None
        self._spoken = False
        self._over = False
        self._busy = False
        self._pending: deque[CommandLike] = deque()
        self._held: list[SwitchEvent] = []
        self._item: Execute | None = None
        self._say: Callable[[Frame], None] = channel.put_out

    # --- the application's side -------------------------------------------------------------------------------

    def receive(self, command: CommandLike) -> None:
        """A command arrives."""
        if self.closed:
            return
        if self._busy:
            self._pending.append(command)
            return
        self._busy = True
        waits = self._obey(command)
        if not waits:
            self._done()

    def hang_up(self) -> None:
        """The application closes the connection."""
        if self.closed:
            return
        self.closed = True
        channel = self._channel
        if self.resume or channel.variables.get("socket_resume") == "true":
            channel.cut()
        if not self.connected and channel.setup.asynchronous:
            return
        channel.at(channel.now + (FRAME if channel.setup.asynchronous else 0), channel.step)

    # --- the channel's side -----------------------------------------------------------------------------------

    def wants(self, name: str) -> bool:
        return not self.closed and self.subscription.wants(name)

    def offer(self, event: SwitchEvent) -> None:
        """An event was fired: send it, if it was asked for."""
        if self.subscription.passes(event):
            self.divert(event)

    def divert(self, event: SwitchEvent) -> None:
        """Send an event that `divert_events` takes past every subscription."""
        if self.closed:
            return
        if self._busy:
            self._held.append(event)
        else:
            self._say(event)

    def call_over(self) -> None:
        """The call has ended: say so, and close now or when the linger time is over."""
        if self._over or self.closed or not self._spoken:
            return
        self._over = True
        channel = self._channel
        if self.linger is None:
            self._finish()
            return
        self._say(Notice(channel.uuid, channel.profile.channel_name, self.linger))
        if self.linger >= 0:
            # FreeSWITCH compares whole seconds of the wall clock.
            epoch = channel.setup.epoch
            until = math.floor(epoch + channel.now) + self.linger + 1 - epoch
            channel.at(until, self._finish)

    def _finish(self) -> None:
        if not self.closed:
            self._say(Notice(self._channel.uuid, self._channel.profile.channel_name, None))
            self._say(Closed())
            self.closed = True
            self._channel.at(self._channel.now, self._channel.step)

    def run(self) -> Wait:
        """The `socket` application."""
        channel = self._channel
        if not channel.setup.reached:
            return
        deadline = channel.now + COMMAND_TIMEOUT
        while channel.ready and not self.connected and not self.closed:
            if not self._spoken and channel.now >= deadline:
                self._say(Closed())
                self.closed = True
                return
            yield None if self._spoken else deadline
        if channel.setup.asynchronous:
            # Closed without ever saying `connect`: nobody tells the channel, and it waits for its caller to give up.
            while channel.ready and not self.connected:
                yield None
            yield from channel.park()
        else:
            yield from self._serve()

    def _serve(self) -> Wait:
        channel = self._channel
        while channel.ready and not self.closed:
            if self._item is None:
                yield None
                continue
            item, self._item = self._item, None
            yield from channel.execute(item)
            self._say(CommandReply("+OK"))
            self._done()
        if not channel.hangup_cause:
            return
        self.call_over()
        while self.linger is not None and not self.closed:
            yield None

    # --- commands ---------------------------------------------------------------------------------------------

    def _done(self) -> None:
        """A command has been answered: send the events that it held up, then obey the next one."""
        self._busy = False
        held, self._held = self._held, []
        for event in held:
            self._say(event)
        while self._pending and not self._busy and not self.closed:
            self.receive(self._pending.popleft())

    def _reply(self, text: str, **headers: str) -> None:
        self._say(CommandReply(text, headers))

    def _obey(self, command: CommandLike) -> bool:
        """Carry a command out; True when its reply comes later."""
        verb = command.verb.lower()
        if not self._spoken:
            self._spoken = True
            if verb != "connect":
                # The first command's reply is swallowed, unless it is `connect`.
                self._say = _swallow
                try:
                    return self._carry_out(verb, command)
                finally:
                    self._say = self._channel.put_out
        return self._carry_out(verb, command)

    def _carry_out(self, verb: str, command: CommandLike) -> bool:
        if verb in _FULL_ONLY and not self._channel.setup.full:
            self._reply(NOT_FOUND)
            return False
        method = getattr(self, f"_do_{verb}", None)
        if method is None:
            self._reply(NOT_FOUND)
            return False
        return bool(method(command))

    def _do_connect(self, _command: CommandLike) -> None:
        channel = self._channel
        self._say(ConnectReply(channel.data()))
        self.connected = True
        if channel.hangup_cause:
            # The caller did not wait for it. Read in the source: the listener looks whether the channel is down
            # before it reads the next command, so it has not heard of `linger`.
            self.call_over()
        channel.at(channel.now, channel.step)

    def _do_exit(self, _command: CommandLike) -> None:
        self._reply("+OK bye")
        self._say(Notice(self._channel.uuid, self._channel.profile.channel_name, None))
        self._say(Closed())
        self.hang_up()

    def _do_myevents(self, command: CommandLike) -> None:
        words = command.args.split()
        fresh = self.subscription.my_events(words[0] if words else "plain")
        self._reply("+OK Events Enabled" if fresh else "-ERR aready enabled.")

    def _do_event(self, command: CommandLike) -> None:
        if self.subscription.add(command.args.split()):
            form = "json" if self.subscription.json else "plain"
            self._reply(f"+OK event listener enabled {form}")
        else:
            self._reply("-ERR no keywords supplied")

    def _do_nixevent(self, command: CommandLike) -> None:
        self.subscription.remove(command.args.split())
        self._reply("+OK events nixed")

    def _do_noevents(self, _command: CommandLike) -> None:
        self.subscription.clear()
        self._reply("+OK no longer listening for events")

    def _do_filter(self, command: CommandLike) -> None:
        words = command.args.split(None, 2)
        if len(words) >= 2 and words[0] == "delete":
            value = words[2] if len(words) > 2 else ""
            self.subscription.unfilter(words[1], value)
            self._reply(f"+OK filter deleted. [{words[1]}][{value}]")
        elif len(words) >= 2:
            value = command.args.split(None, 1)[1]
            self.subscription.filter(words[0], value)
            self._reply(f"+OK filter added. [{words[0]}]=[{value}]")
        else:
            self._reply(NOT_FOUND)

    def _do_linger(self, command: CommandLike) -> None:
        if not command.args.strip():
            self.linger = -1
            self._reply("+OK will linger")
            return
        digits = command.args.strip().split()[0]
        self.linger = int(digits) if digits.isdecimal() else 0
        self._reply(f"+OK will linger {self.linger} seconds")

    def _do_nolinger(self, _command: CommandLike) -> None:
        self.linger = None
        self._reply("+OK will not linger")

    def _do_divert_events(self, command: CommandLike) -> None:
        self._channel.events_diverted = command.args.strip() == "on"
        self._reply("+OK events diverted" if self._channel.events_diverted else "+OK")

    def _do_resume(self, _command: CommandLike) -> None:
        self.resume = True
        self._reply("+OK")

    def _do_getvar(self, command: CommandLike) -> None:
        value = self._channel.variables.get(command.args.strip(), "")
        cut = value.encode()[:GETVAR_LIMIT].decode("utf-8", "replace")
        self._reply(cut or NOT_FOUND)

    def _do_log(self, command: CommandLike) -> None:
        self._reply(f"+OK log level {command.args.strip() or '7'}")

    def _do_nolog(self, _command: CommandLike) -> None:
        self._reply("-ERR not loging")

    def _do_sendevent(self, command: CommandLike) -> None:
        named = {name.title(): value for name, value in command.headers.items()}
        headers = {"Command": f"sendevent {command.args}", **named}
        headers.setdefault("Event-Uuid", self._channel.new_uuid())
        self._reply(f"+OK {headers['Event-Uuid']}")
        self._channel.inject(headers, command.body)

    def _do_api(self, command: CommandLike) -> bool:
        name, _, args = command.args.partition(" ")
        if not name:
            self._reply(NOT_FOUND)
            return False
        channel = self._channel
        job = api.find(channel, name, args)
        if job.takes <= 0:
            # Its events are held back until the reply is out, as all are while a command runs.
            body = job.run()
            self._say(ApiReply(body))
            return False

        def finish() -> None:
            body = job.run()
            if not self.closed:
                self._say(ApiReply(body))
                self._done()

        channel.at(channel.now + job.takes, finish)
        return True

    def _do_bgapi(self, command: CommandLike) -> None:
        name, _, args = command.args.partition(" ")
        if not name:
            self._reply(NOT_FOUND)
            return
        channel = self._channel
        wanted = {key.lower(): value for key, value in command.headers.items()}
        job_uuid = wanted.get("job-uuid") or channel.new_uuid()
        self._say(CommandReply(f"+OK Job-UUID: {job_uuid}", {"Job-UUID": job_uuid}))
        job = api.find(channel, name, args)

        def finish() -> None:
            body = job.run()
            extra = {
                "Job-UUID": job_uuid,
                "Job-Owner-UUID": channel.uuid,
                "Job-Command": name,
            }
            if args:
                extra["Job-Command-Arg"] = args
            channel.emit(channel.job_event(extra, body))

        channel.at(channel.now + (job.takes_in_background or job.takes), finish)

    def _do_sendmsg(self, command: CommandLike) -> bool:
        channel = self._channel
        fields = {key.lower(): value for key, value in command.headers.items()}
        target = command.args.strip()
        if target and target != channel.uuid:
            self._reply(f"-ERR invalid session id [{target}]")
            return False
        verb = fields.get("call-command", "").lower()
        if self._over or channel.hangup_cause:
            self._reply("+OK")
        elif verb == "execute" and fields.get("execute-app-name"):
            return self._execute(fields, command.body)
        elif verb == "hangup":
            self._reply("+OK")
            cause = fields.get("hangup-cause") or "NORMAL_CLEARING"
            channel.at(channel.now + FRAME, lambda: channel.far_end_gone(cause))
        else:
            self._reply("+OK")
        return False

    def _execute(self, fields: Mapping[str, str], body: str) -> bool:
        channel = self._channel
        data = fields.get("execute-app-arg", "")
        if not data and fields.get("content-type", "").startswith("text/plain"):
            data = body
        loops = fields.get("loops", "1")
        item = Execute(
            name=fields["execute-app-name"],
            data=data,
            uuid=fields.get("event-uuid") or channel.new_uuid(),
            locked=fields.get("event-lock", "").lower() == "true",
            loops=max(1, int(loops)) if loops.isdecimal() else 1,
        )
        if channel.setup.asynchronous:
            self._reply("+OK")
            channel.enqueue(item)
            return False
        self._item = item
        channel.at(channel.now, channel.step)
        return True


def _swallow(_frame: Frame) -> None:
    """Where the reply to the first command goes."""

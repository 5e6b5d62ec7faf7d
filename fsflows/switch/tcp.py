"""A call in real time, over TCP: the simulated switch connects to a server as FreeSWITCH's `socket` action does.

It says nothing until it is spoken to, and speaks FreeSWITCH's bytes. When nobody can be reached, or the connection ends
before the call does, the dialplan goes on (`Setup.then`), as it does in FreeSWITCH::

    call = place_call("127.0.0.1:8084", script=parse_script(text))
    result = call.wait()
    print(result.cause, result.lines)
"""

from __future__ import annotations

import dataclasses
import socket as stdlib_socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from gevent import socket
from gevent.event import Event as Signal

from fsflows.esl.command_reader import CommandReader
from fsflows.esl.frames import FrameError
from fsflows.log import get_logger
from fsflows.switch import wire
from fsflows.switch.caller import NOTHING_TO_SAY, Caller, Failure, check_keys
from fsflows.switch.channel import Channel
from fsflows.switch.event import Closed, Output
from fsflows.switch.files import DiskFiles
from fsflows.switch.profile import CallProfile
from fsflows.switch.script import Script
from fsflows.switch.setup import Setup
from fsflows.switch.steps import Utterance
from fsflows.switch.transcript import Item, Transcript

log = get_logger("switch.tcp")

CONNECT_TIMEOUT = 5.0
"""Seconds to wait for one address, before the next is tried."""

DEFAULT_PORT = 8084


@dataclass(frozen=True, slots=True)
class CallResult:
    """A call that is over, from the caller's end.

    Attributes:
        answered: whether it was answered.
        cause: the hangup cause.
        ended_by: "send_bye" or "send_refuse" (the switch), "recv_bye" or "recv_cancel" (the caller).
        reached: the address that took the call; "" when none did.
        seconds: how long it took, from its coming in to its end.
        transcript: what the caller heard and did.
        lines: the same, to read; times since the call came in.
        failure: the step of the script that could not be done.
    """

    answered: bool
    cause: str
    ended_by: str
    reached: str
    seconds: float
    transcript: Transcript
    lines: tuple[str, ...]
    failure: Failure | None


def place_call(
    address: str,
    profile: CallProfile | None = None,
    setup: Setup | None = None,
    *,
    script: Script | None = None,
    watch: Callable[[Item], None] | None = None,
    on_output: Callable[[Output], None] | None = None,
) -> TcpCall:
    """Let a call come in and connect it to a server; returns at once.

    Args:
        address: "host:port", or several with ``|`` between: the next one is tried when one cannot be reached. A
            "/path" behind it becomes the variable `socket_path`.
        profile: who calls whom; a script's own counts when this is ``None``.
        setup: the switch; its `socket`, `reached` and `epoch` are set here, and its recordings go to the real disk
            unless it says otherwise. Default: async full, nothing behind the `socket` action.
        script: what the caller does; without one, `TcpCall.caller` waits to be told.
        watch: called with everything that is heard, done or recorded, when it is (see `Transcript.watchers`).
        on_output: called with everything that the switch sends, when it does.
    """
    if profile is None and script is not None:
        profile = script.profile
    return TcpCall(
        address,
        profile or CallProfile(),
        setup or Setup(files=DiskFiles()),
        script,
        watch,
        on_output,
    )


class TcpCall:
    """A call that is going on.

    Attributes:
        channel: the simulated channel; ``None`` until somebody was reached or the dialplan went on without.
        caller: who is behind it.
    """

    def __init__(
        self,
        address: str,
        profile: CallProfile,
        setup: Setup,
        script: Script | None,
        watch: Callable[[Item], None] | None,
        on_output: Callable[[Output], None] | None,
    ) -> None:
        self.channel: Channel | None = None
        self.caller: Caller | None = None
        self._watch = watch
        self._on_output = on_output
        self._changed = Signal()
        self._ready = Signal()
        self._arrived: list[bytes | None] = []
        self._reached = ""
        self._sock: socket.socket | None = None
        self._reader: gevent.Greenlet[..., None] | None = None
        self._actions: list[Callable[[Caller], object]] = []
        self._greenlet = gevent.spawn(self._run, address, profile, setup, script)

    # --- from outside -----------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> CallResult | None:
        """The result, when the call is over; ``None`` when it is not, `timeout` seconds from now.

        Raises:
            Exception: whatever went wrong inside the simulated switch.
        """
        self._greenlet.join(timeout)
        if not self._greenlet.ready():
            return None
        result: CallResult = self._greenlet.get()
        return result

    def started(self, timeout: float | None = None) -> bool:
        """Wait until the call is connected (or the dialplan has gone on without): `channel` and `caller` are there."""
        return bool(self._ready.wait(timeout))

    def press(self, keys: str) -> None:
        """The caller presses keys.

        Raises:
            ValueError: there is no such key.
        """
        check_keys(keys)
        self._do(lambda caller: caller.press(keys))

    def say(self, text: str) -> None:
        """The caller says something.

        Raises:
            ValueError: there is nothing to say.
        """
        if not text.split():
            raise ValueError(NOTHING_TO_SAY)
        self._do(lambda caller: caller.say(Utterance(text=text)))

    def hang_up(self) -> None:
        """The caller hangs up."""
        self._do(lambda caller: caller.hang_up())

    def abandon(self) -> None:
        """Drop everything, as a switch that loses its power does. May be called twice."""
        self._greenlet.kill()

    def _do(self, what: Callable[[Caller], object]) -> None:
        # Done by the one greenlet that drives the channel, so that no two ever do.
        self._actions.append(what)
        self._changed.set()

    # --- the call ---------------------------------------------------------------------------------------------

    def _run(
        self, address: str, profile: CallProfile, setup: Setup, script: Script | None
    ) -> CallResult:
        address, _, path = address.partition("/")
        if path:
            profile = dataclasses.replace(
                profile, variables={**profile.variables, "socket_path": path}
            )
        self._sock = _connect(address)
        mode = " ".join(setup.socket.split()[1:])
        setup = dataclasses.replace(
            setup,
            socket=f"{address} {mode}".rstrip(),
            reached=self._sock is not None,
            epoch=time.time() - time.monotonic(),
        )
        began = time.monotonic()
        channel = self.channel = Channel(profile, setup, began)
        if self._watch is not None:
            channel.transcript.watchers.append(self._watch)
        self.caller = Caller(channel, script.steps if script is not None else ())
        self._ready.set()
        try:
            if self._sock is not None:
                self._reached = "{}:{}".format(*self._sock.getpeername()[:2])
                self._reader = gevent.spawn(self._read, self._sock)
            self._drive(channel, self.caller)
        finally:
            self._close()
        return CallResult(
            answered=channel.answered,
            cause=channel.hangup_cause,
            ended_by=channel.disposition,
            reached=self._reached,
            seconds=channel.now - began,
            transcript=channel.transcript,
            lines=tuple(channel.transcript.lines(began)),
            failure=self.caller.failure,
        )

    def _drive(self, channel: Channel, caller: Caller) -> None:
        reader = CommandReader()
        while not (channel.ended and self._sock is None):
            self._changed.clear()
            arrived, self._arrived = self._arrived, []
            for data in arrived:
                self._take(channel, reader, data)
            self._send(channel.advance(time.monotonic()))
            actions, self._actions = self._actions, []
            for action in actions:
                action(caller)
            if channel.ended and self._sock is None:
                break
            due = channel.next_at
            timeout = None if due is None else max(0.0, due - time.monotonic())
            if not self._arrived and not self._actions:
                self._changed.wait(timeout)

    def _take(self, channel: Channel, reader: CommandReader, data: bytes | None) -> None:
        now = time.monotonic()
        if data is None:
            self._send(channel.disconnect(now))
            self._close()
            return
        # Line by line, so that what came in front of something unreadable is obeyed.
        for line in data.splitlines(keepends=True):
            try:
                received = reader.feed(line)
            except FrameError as error:
                log.warning("what the application sent cannot be read", reason=str(error))
                self._send(channel.disconnect(now))
                self._close()
                return
            for command in received:
                self._send(channel.handle(command, time.monotonic()))

    def _send(self, outputs: list[Output]) -> None:
        if self.channel is None or not outputs:
            return
        json = self.channel.socket.subscription.json
        data = b""
        for output in outputs:
            if self._on_output is not None:
                self._on_output(output)
            data += wire.encode(output.frame, json=json)
        if self._sock is not None and data:
            try:
                self._sock.sendall(data)
            except OSError:
                self._arrived.append(None)
        if any(isinstance(output.frame, Closed) for output in outputs):
            self._close()

    def _read(self, sock: socket.socket) -> None:
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            self._arrived.append(data or None)
            self._changed.set()
            if not data:
                return

    def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            if self._reader is not None:
                self._reader.kill()
            sock.close()


def _connect(address: str) -> socket.socket | None:
    """The first of the addresses that takes the call; ``None`` when none does."""
    for one in address.split("|"):
        host, _, port = one.strip().rpartition(":")
        if not host:
            host, port = port, str(DEFAULT_PORT)
        try:
            sock = socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT)
        except (OSError, ValueError) as error:
            log.info("nobody takes the call", address=one, reason=str(error))
            continue
        sock.settimeout(None)
        sock.setsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_NODELAY, 1)
        return sock
    return None

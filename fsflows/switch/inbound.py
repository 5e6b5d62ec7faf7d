"""The simulated FreeSWITCH's own event socket, over TCP in real time: log-in, api commands, events of all calls.

with SwitchServer(Core(dial=lambda string: Callee(answers=0.1)), password="ClueCon") as switch:
    ...  # somebody connects to switch.address, and has it call
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer

from fsflows.esl import serialize
from fsflows.esl.command_reader import CommandReader
from fsflows.esl.commands import Command
from fsflows.esl.event import Event
from fsflows.esl.frames import FrameError
from fsflows.switch.core import Core
from fsflows.switch.originate import BadOriginate, OutboundCall, parse_originate
from fsflows.switch.subscription import matches


class SwitchServer:
    """An event socket on a port of its own.

    Args:
        core: the FreeSWITCH behind it.
        password: what it wants to be told.
        allowed: whether the ACL lets anybody in.
        mute: whether it takes connections and says nothing.

    Attributes:
        calls: those that it made, by uuid.
    """

    def __init__(
        self,
        core: Core | None = None,
        *,
        password: str = "ClueCon",  # noqa: S107 - FreeSWITCH's own default
        allowed: bool = True,
        mute: bool = False,
        listen: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.core = core or Core()
        self.password = password
        self.allowed = allowed
        self.mute = mute
        self.calls: dict[str, OutboundCall] = {}
        self._peers: set[_Peer] = set()
        self._tasks: set[gevent.Greenlet[..., Any]] = set()
        self._sequence = 0
        self._server = StreamServer(listen, self._serve)

    @property
    def address(self) -> str:
        """HOST:PORT, once it is started."""
        return f"{self._server.address[0]}:{self._server.address[1]}"

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def stop(self) -> None:
        """Go away, with all calls and connections, as a FreeSWITCH that is killed."""
        self._server.stop(timeout=0)
        for peer in tuple(self._peers):
            peer.close()
        for call in tuple(self.calls.values()):
            call.abandon()
        gevent.killall(tuple(self._tasks))

    def __enter__(self) -> SwitchServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- for its connections and calls ----------------------------------------------------------------------------

    def fire(self, name: str, headers: Mapping[str, str], body: str = "") -> None:
        """Send an event to everybody who has asked for it."""
        self._sequence += 1
        made = {"Event-Name": name, "Event-Sequence": str(self._sequence), **headers}
        event = Event.from_headers(made, body)
        for peer in tuple(self._peers):
            peer.offer(name, event)

    def api(self, name: str, args: str) -> str | None:
        """Run an api command; None: it does not answer."""
        if name in self.core.silent:
            return None
        if name == "originate":
            return self._originate(args)
        if name == "uuid_exists":
            return "true" if args.strip() in self.calls else "false"
        if name == "uuid_kill":
            words = args.split()
            call = self.calls.get(words[0]) if words else None
            if call is None:
                return "-ERR No such channel!\n"
            call.kill(words[1] if len(words) > 1 else "NORMAL_CLEARING")
            return "+OK\n"
        printed = self.core.api(name, args)
        return f"-ERR {name} Command not found!\n" if printed is None else printed

    def background(self, name: str, args: str, job: str) -> None:
        """Run an api command; BACKGROUND_JOB says what it printed."""

        def run() -> None:
            printed = self.api(name, args)
            if printed is not None:
                headers = {"Job-UUID": job, "Job-Command": name, "Job-Command-Arg": args}
                self.fire("BACKGROUND_JOB", headers, printed)

        task = gevent.spawn(run)
        self._tasks.add(task)
        task.rawlink(self._tasks.discard)

    def _originate(self, args: str) -> str:
        try:
            wanted = parse_originate(args)
        except BadOriginate:
            return "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] ...\n"
        call = OutboundCall(wanted, self.core, self.fire)
        self.calls[call.uuid] = call
        call.over = lambda: self.calls.pop(call.uuid, None)
        return call.place()

    def _serve(self, sock: socket.socket, _peer: object) -> None:
        peer = _Peer(self, sock)
        self._peers.add(peer)
        try:
            peer.run()
        finally:
            self._peers.discard(peer)
            peer.close()


class _Peer:
    """One connection."""

    def __init__(self, server: SwitchServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._wanted: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._let_in = False

    def run(self) -> None:
        """Talk until one of the two ends it."""
        if self._server.mute:
            while self._sock.recv(65536):
                pass
            return
        if not self._server.allowed:
            self._send(serialize.rude_rejection())
            return
        self._send(serialize.auth_request())
        reader = CommandReader()
        while data := self._receive():
            try:
                commands = reader.feed(data)
            except FrameError:
                return
            for command in commands:
                if not self._obey(command):
                    return

    def offer(self, name: str, event: Event) -> None:
        """Send an event, if it was asked for."""
        passes = not self._filters or any(
            matches(event.get(header), wanted) for header, wanted in self._filters
        )
        if passes and (name in self._wanted or "ALL" in self._wanted):
            self._send(serialize.event(event))

    def close(self) -> None:
        """End it. May be called twice."""
        self._sock.close()

    def _obey(self, command: Command) -> bool:
        """Do what it says; whether the connection goes on."""
        if command.verb == "auth":
            self._let_in = command.args == self._server.password
            self._send(serialize.reply("+OK accepted" if self._let_in else "-ERR invalid"))
            return self._let_in
        if command.verb == "exit":
            self._send(serialize.reply("+OK bye"))
            return False
        if not self._let_in:
            self._send(serialize.reply("-ERR command not found"))
            return True
        name, _, args = command.args.partition(" ")
        if command.verb == "api":
            printed = self._server.api(name, args)
            if printed is None:
                gevent.sleep(3600)  # nothing behind it on this connection is answered either
            self._send(serialize.api_response(printed or ""))
        elif command.verb == "bgapi":
            job = command.headers.get("job-uuid") or str(uuid.uuid4())
            self._send(serialize.reply(f"+OK Job-UUID: {job}", {"Job-UUID": job}))
            self._server.background(name, args, job)
        elif command.verb == "filter" and args:
            self._filters.append((name, args))
            self._send(serialize.reply(f"+OK filter added. [{name}]=[{args}]"))
        elif command.verb == "event":
            self._wanted |= set(args.split())
            self._send(serialize.reply(f"+OK event listener enabled {name}"))
        else:
            self._send(serialize.reply("-ERR command not found"))
        return True

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(65536)
        except OSError:
            return b""

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            self.close()

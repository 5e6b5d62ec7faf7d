"""A FreeSWITCH that only plays: it connects calls to a server, answers its commands, and measures.

It knows nothing of what it sends, and keeps it ready as bytes: it has to cost less than any server.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

from traffic import OK, Traffic, api_reply

PATIENCE = 10.0
"""Seconds after which a call that has not come so far is lost."""

_UUID = re.compile(rb"(?i)\nevent-uuid: *(\S+)")
_APPLICATION = re.compile(rb"(?i)\nexecute-app-name: *(\S+)")
_LENGTH = re.compile(rb"(?i)\ncontent-length: *(\d+)")


class Call:
    """One call of the player's.

    Attributes:
        began: when its connection was asked for.
        setup: seconds until the server sent its first application; None: not yet.
        held: applications whose events are held back.
        commands: applications received so far.
    """

    def __init__(self, player: Player, number: int, flow: str) -> None:
        self.player = player
        self.traffic = Traffic(number, flow)
        self.began = time.perf_counter()
        self.setup: float | None = None
        self.commands = 0
        self.held: list[tuple[bytes, bytes]] | None = []
        self.on_command: Callable[[Call], None] | None = None
        self.dead = False
        self.listens = self.over = False
        self._received = b""
        self._unsent = b""
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self._socket.fileno()
        self._socket.connect_ex(("127.0.0.1", player.port))
        player.calls[self.fd] = self
        player.poll.register(self.fd, select.EPOLLIN)

    def readable(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        if b"\r" in data:  # eslgo sends them; FreeSWITCH reads over them too
            data = data.replace(b"\r", b"")
        received = self._received + data
        while (end := received.find(b"\n\n")) >= 0:
            command, received = received[:end], received[end + 2 :]
            length = _LENGTH.search(command)
            if length:
                received = received[int(length[1]) :]
            self._answer(command.lstrip(b"\n"))
        self._received = received

    def _answer(self, command: bytes) -> None:
        if command.startswith(b"sendmsg"):
            self.send(OK)
            application = _APPLICATION.search(command)
            if application is None:
                return
            self.commands += 1
            self.listens = self.listens or application[1] == b"detect_speech"
            uuid = _UUID.search(command)
            work = (application[1], uuid[1] if uuid else b"")
            if self.held is not None:
                self.held.append(work)
            else:
                self.execute(*work)
            if self.setup is None:
                self.setup = time.perf_counter() - self.began
                self.player.established(self)
            if self.on_command is not None:
                self.on_command(self)
        elif command.startswith(b"connect"):
            self.send(self.traffic.channel)
        elif command.startswith(b"api"):
            self.send(api_reply(command, listens=self.listens, over=self.over))
        elif command.startswith(b"event json"):
            self.traffic.fmt = b"json"
            self.send(OK)
        elif command.startswith(b"exit"):
            self.send(OK)
            self.close()
        else:
            self.send(OK)

    def execute(self, application: bytes, uuid: bytes) -> None:
        """An application begins and is over."""
        begun = self.traffic.executed(application, uuid, complete=False)
        self.send(begun + self.traffic.executed(application, uuid, complete=True))

    def release(self) -> None:
        """Let what was held back happen, and hold nothing back any more."""
        held, self.held = self.held or [], None
        for work in held:
            self.execute(*work)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        if self.dead:
            return
        if self._unsent:
            self._unsent += bytes(data)
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent = bytes(memoryview(data)[sent:])
            self.player.poll.modify(self.fd, select.EPOLLIN | select.EPOLLOUT)

    def writable(self) -> None:
        data, self._unsent = self._unsent, b""
        self.send(data)
        if not self._unsent and not self.dead:
            self.player.poll.modify(self.fd, select.EPOLLIN)

    def close(self) -> None:
        if not self.dead:
            self.dead = True
            self.player.poll.unregister(self.fd)
            del self.player.calls[self.fd]
            self._socket.close()


class Player:
    """All calls to one server.

    Args:
        port: the server's.
        pids: its processes, whose time and memory are looked at.
    """

    def __init__(self, port: int, pids: list[int]) -> None:
        self.port = port
        self.pids = pids
        self.poll = select.epoll()
        self.calls: dict[int, Call] = {}
        self.up = 0
        self.patience = PATIENCE
        self._number = 0

    def established(self, _call: Call) -> None:
        self.up += 1

    def call(self, flow: str) -> Call:
        self._number += 1
        return Call(self, self._number, flow)

    def turn(self, timeout: float) -> None:
        for fd, events in self.poll.poll(timeout):
            call = self.calls.get(fd)
            if call is None:
                continue
            if events & select.EPOLLOUT:
                call.writable()
            if events & ~select.EPOLLOUT:
                call.readable()

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        end = time.perf_counter() + seconds
        while not done():
            if time.perf_counter() > end:
                return False
            self.turn(0.05)
        return True

    def run_for(self, seconds: float) -> None:
        self.until(lambda: False, seconds)

    # --- what the server costs ------------------------------------------------------------------------------------

    def cpu(self) -> list[float]:
        """Seconds of processor that each of the server's processes has used, ended threads too."""
        return [time.clock_gettime((~pid << 3) | 2) for pid in self.pids]  # as clock_getcpuclockid

    def memory(self) -> int:
        """Bytes that the server's processes hold for themselves."""
        found = 0
        for pid in self.pids:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found += sum(int(kb) for kb in re.findall(r"Private_\w+: +(\d+) kB", text)) * 1024
        return found

    def settle(self, patience: float = 10.0) -> None:
        """Until the server has done what it does behind its calls (records to the database, files)."""
        until = time.perf_counter() + patience
        while time.perf_counter() < until:
            before = self.cpu()
            self.run_for(0.5)
            if busy(before, self.cpu()) < 0.02:
                return

    # --- phases -----------------------------------------------------------------------------------------------------

    def set_up(self, count: int, flow: str, at_once: int) -> list[Call]:
        """Connect so many calls, `at_once` of them on the way at a time; those that came up in time."""
        started = self.up
        asked: list[Call] = []
        until = time.perf_counter() + self.patience
        while self.up - started < count and time.perf_counter() < until:
            while len(asked) < count and len(asked) - (self.up - started) < at_once:
                asked.append(self.call(flow))
                until = time.perf_counter() + self.patience
            self.turn(0.05)
        return [call for call in asked if call.setup is not None and not call.dead]

    def hang_up(self) -> None:
        for call in list(self.calls.values()):
            call.over = True
            call.send(call.traffic.hung_up())
        self.until(lambda: not self.calls, 2.0)
        for call in list(self.calls.values()):
            call.close()


def busy(since: list[float], now: list[float]) -> float:
    """The time of the busiest process: with a core for each, the others wait for it."""
    return max(after - before for before, after in zip(since, now, strict=True))

"""A FreeSWITCH that only plays: it connects calls to a server, answers its commands, and measures. In its own process.

    python benchmarks/versus/player.py JOB        # JOB: a JSON object; the result is printed as one

It knows nothing of what it sends, and keeps it ready as bytes: it has to cost less than any server.
"""

from __future__ import annotations

import json
import random
import re
import resource
import select
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from traffic import CHUNK_EVENTS, OK, Traffic, api_reply, now_stamp

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
        """Seconds of processor that each of the server's processes has used, its threads together."""
        return [
            sum(
                int((thread / "schedstat").read_text().split()[0])
                for thread in Path(f"/proc/{pid}/task").iterdir()
            )
            / 1e9
            for pid in self.pids
        ]

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


# --- jobs ---------------------------------------------------------------------------------------------------------


def calls(player: Player, job: dict) -> dict:
    """Set-ups a second, memory and idle time a call, and from a key to the next command, with so many calls."""
    count = job["calls"]
    result: dict = {"calls": count}
    # Once, and gone again: what a server allocates for its first calls belongs to no call.
    warm = player.set_up(min(count, 50), "keys", 10)
    for call in warm:
        call.release()
    player.run_for(0.3)
    player.hang_up()
    player.run_for(0.5)
    spent, lost, wall, own = 0.0, 0, 0.0, time.process_time()
    rounds = max(1, min(5, 500 // count))
    empty, held = player.memory(), 0
    for index in range(rounds):
        before, began = player.cpu(), time.perf_counter()
        up = player.set_up(count, "keys", min(count, 64))
        wall += time.perf_counter() - began
        spent += busy(before, player.cpu())
        lost += count - len(up)
        for call in up:
            call.release()
        player.run_for(0.5 + count / 2000)
        # Only once: what the first calls have left behind is used again, and would hide what a call holds.
        held = held or (player.memory() - empty)
        if index + 1 < rounds:
            player.hang_up()
            player.run_for(0.3)
    result["setups_per_second"] = (rounds * count - lost) / spent if spent else 0.0
    result["wall_setups_per_second"] = (rounds * count - lost) / wall
    result["player_busy"] = (time.process_time() - own) / (wall + rounds * (0.5 + count / 2000))
    result["lost"] = lost
    up = [call for call in up if not call.dead]
    result["up"] = len(up)
    result["kb_per_call"] = held / max(1, len(up)) / 1024
    if job.get("idle"):
        player.settle()
        before = player.cpu()
        player.run_for(job["idle"])
        result["idle_percent"] = 100 * busy(before, player.cpu()) / job["idle"]
    if job.get("keys") and up:
        result |= keys(player, up, job["keys"], job.get("rate", 250))
    player.hang_up()
    return result


def keys(player: Player, up: list[Call], presses: int, rate: float) -> dict:
    """From a key to the next command: keys at random times, of random calls."""
    waiting: dict[Call, float] = {}
    took: list[float] = []

    def commanded(call: Call) -> None:
        if call in waiting:
            took.append(time.perf_counter() - waiting.pop(call))

    dice = random.Random(len(up))
    for call in up:
        call.on_command = commanded
    before, began = player.cpu(), time.perf_counter()
    due = began
    for _ in range(presses):
        due += dice.expovariate(rate)
        while (left := due - time.perf_counter()) > 0:
            player.turn(left)
        call = dice.choice(up)
        if call in waiting or call.dead:
            continue
        data = call.traffic.key(b"1")
        waiting[call] = time.perf_counter()
        call.send(data)
    player.until(lambda: not waiting, 2.0)
    took.sort()
    return {
        "keys": len(took),
        "keys_unanswered": len(waiting),
        "key_ms_p50": 1000 * took[len(took) // 2] if took else None,
        "key_ms_p99": 1000 * took[int(len(took) * 0.99)] if took else None,
        "cpu_us_per_key": 1e6 * busy(before, player.cpu()) / max(1, len(took)),
    }


def events(player: Player, job: dict) -> dict:
    """Events a second: chunks of the mix on all calls, each after the command that ends the one before."""
    count, chunks = job["calls"], job["chunks"]
    up = player.set_up(count, "mix", 32)
    for call in up:
        call.release()
    player.run_for(1.0)
    ready = {call: call.traffic.chunk() for call in up}
    left = dict.fromkeys(up, chunks)
    done = 0

    def play(call: Call) -> None:
        data, stamps = ready[call]
        now = now_stamp()
        for position in stamps:
            data[position : position + 16] = now
        call.send(data)

    def commanded(call: Call) -> None:
        nonlocal done
        if left[call] > 0:
            left[call] -= 1
            done += 1
            if left[call] > 0:
                play(call)

    own, before, began = time.process_time(), player.cpu(), time.perf_counter()
    for call in up:
        call.on_command = commanded
        play(call)
    player.until(
        lambda: not any(left[call] for call in up if not call.dead), job.get("limit", 60.0)
    )
    wall, spent = time.perf_counter() - began, busy(before, player.cpu())
    result = {
        "calls": len(up),
        "events": done * (CHUNK_EVENTS + 1),
        "unfinished": sum(left.values()),
        "events_per_second": done * (CHUNK_EVENTS + 1) / spent,
        "wall_events_per_second": done * (CHUNK_EVENTS + 1) / wall,
        "player_busy": (time.process_time() - own) / wall,
    }
    player.hang_up()
    return result


def burst(player: Player, job: dict) -> dict:
    """Calls lost of so many that come in one instant."""
    count = job["calls"]
    player.patience = job.get("patience", PATIENCE)
    began = time.perf_counter()
    up = player.set_up(count, "keys", count)
    took = time.perf_counter() - began
    for call in up:
        call.release()
    player.run_for(0.5)
    result = {"calls": count, "lost": count - len(up), "seconds": took}
    player.hang_up()
    return result


JOBS = {"calls": calls, "events": events, "burst": burst}


def main() -> None:
    job = json.loads(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    player = Player(job["port"], job["pids"])
    print(json.dumps(JOBS[job["job"]](player, job)))


if __name__ == "__main__":
    main()

"""A telephone that is called: answers SIP calls over UDP as a test says, with silence on the line and keys to press.

A call to the user part `busy`, say, gets what `behaviours["busy"]` says. One call at a time is enough for these tests.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from . import rtp, sip
from .closing import Closing
from .sip import Address, Message


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a number does.

    Attributes:
        rings: whether it says that it rings.
        status: the final response ("486 Busy Here"); "": none, until the call is cancelled.
        after: seconds until then.
        keys: pressed one after the other once it is answered, each after so many seconds: (seconds, key).
    """

    rings: bool = True
    status: str = "200 OK"
    after: float = 0.3
    keys: tuple[tuple[float, str], ...] = ()


class Callee(Closing):
    """The telephone.

    Attributes:
        address: where it listens; `sip:NUMBER@HOST:PORT`.
        called: the numbers that were called, with the From header of each call.
        log: start lines, `>` sent and `<` received.
    """

    def __init__(self, behaviours: Mapping[str, Behaviour], host: str = "127.0.0.1") -> None:
        self._behaviours = behaviours
        self._sip = _bound(host)
        self._rtp = _bound(host)
        self.address: Address = self._sip.getsockname()
        self.called: list[tuple[str, str]] = []
        self.log: list[str] = []
        self._lines: dict[str, _Line] = {}
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="callee", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop = True
        self._thread.join(5.0)
        self._sip.close()
        self._rtp.close()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop:
            ready, _, _ = select.select(
                [self._sip, self._rtp], [], [], max(0.0, due - time.monotonic())
            )
            if self._rtp in ready:
                with contextlib.suppress(OSError):
                    self._rtp.recv(65535)
            if self._sip in ready:
                with contextlib.suppress(OSError):
                    data, peer = self._sip.recvfrom(65535)
                    message = sip.parse(data)
                    if message is not None:
                        self._take(message, peer)
            now = time.monotonic()
            if now >= due:
                due += rtp.FRAME_SECONDS
                for line in list(self._lines.values()):
                    self._go_on(line, now)

    def _take(self, message: Message, peer: Address) -> None:
        self.log.append(f"< {message.start}")
        call_id = message.get("Call-ID")
        line = self._lines.get(call_id)
        if message.method == "INVITE" and not message.status and line is None:
            number = message.start.split()[1].removeprefix("sip:").partition("@")[0]
            behaviour = self._behaviours[number]
            line = self._lines[call_id] = _Line(message, peer, behaviour, time.monotonic())
            self.called.append((number, message.get("From")))
            self._answer(line, message, "100 Trying")
            if behaviour.rings:
                self._answer(line, message, "180 Ringing")
        elif line is None or message.status:
            return
        elif message.method == "CANCEL":
            self._answer(line, message, "200 OK")
            self._answer(line, line.invite, "487 Request Terminated")
            line.done = True
        elif message.method == "BYE":
            self._answer(line, message, "200 OK")
            line.done = True

    def _go_on(self, line: _Line, now: float) -> None:
        behaviour = line.behaviour
        if line.done:
            return
        if not line.answered_at:
            if behaviour.status and now - line.began >= behaviour.after:
                self._answer(line, line.invite, behaviour.status)
                line.answered_at = now
                line.done = not behaviour.status.startswith("2")
            return
        where = sip.media(line.invite.body)
        pressed = line.pressed
        if pressed < len(behaviour.keys) and not line.sender.busy:
            wait, key = behaviour.keys[pressed]
            if now - (line.last_key or line.answered_at) >= wait:
                line.sender.press(key, 0.1)
                line.pressed, line.last_key = pressed + 1, now
        for datagram in line.sender.tick()[0]:
            if where is not None:
                with contextlib.suppress(OSError):
                    self._rtp.sendto(datagram, where)

    def _answer(self, line: _Line, request: Message, status: str) -> None:
        good = status.startswith("200") and request.method == "INVITE"
        host, port = self.address
        kept = []
        for name, value in request.headers:
            if name.lower() not in {"via", "from", "to", "call-id", "cseq", "record-route"}:
                continue
            tagged = name.lower() == "to" and not status.startswith("100") and "tag=" not in value
            kept.append((name, f"{value};tag={line.tag}" if tagged else value))
        kept.append(("Contact", f"<sip:callee@{host}:{port}>"))
        body = ""
        if good:
            kept.append(("Content-Type", "application/sdp"))
            body = sip.offer(self._rtp.getsockname())
        message = Message(f"SIP/2.0 {status}", tuple(kept), body)
        self.log.append(f"> {message.start}")
        with contextlib.suppress(OSError):
            self._sip.sendto(message.pack(), line.peer)


class _Line:
    """One call that has come in."""

    def __init__(self, invite: Message, peer: Address, behaviour: Behaviour, now: float) -> None:
        self.invite = invite
        self.peer = peer
        self.behaviour = behaviour
        self.began = now
        self.tag = uuid4().hex[:10]
        self.answered_at = 0.0
        self.last_key = 0.0
        self.pressed = 0
        self.done = False
        self.sender = rtp.Sender(int(time.monotonic() * 1000) % 2**32)


def _bound(host: str) -> socket.socket:
    mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mine.bind((host, 0))
    mine.setblocking(False)
    return mine

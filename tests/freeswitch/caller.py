"""A caller with a telephone: one SIP call over UDP with its sound, keys and manners, for tests.

A thread of its own sends and receives; the test says what to do and asks what was heard. Every wait has a limit
and says at its end what was waited for and what had been heard until then.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import getrandbits
from types import TracebackType

from . import rtp, sip
from .sip import Address, Dialog, Message

T1 = 0.5
"""RFC 3261's first retransmission, seconds; doubled each time."""
GIVE_UP = 8.0
"""Seconds after which a request that nobody answers is given up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended.

    Attributes:
        by: "caller", "switch", or "refused" (a final response that is no 2xx).
        status: that response's code; 200 when the call had been answered.
        cause: FreeSWITCH's name of the hangup cause, from the Reason header; "" when none was given.
        at: monotonic seconds.
    """

    by: str
    status: int
    cause: str
    at: float


class Caller:
    """One call.

    Args:
        server: the SIP address of the switch.
        number: what is dialled.
        user, name: the caller's number and display name; anything goes.
        headers: more headers for the INVITE, such as ("X-Account", "7").
    """

    def __init__(
        self,
        server: Address,
        number: str,
        *,
        user: str = "1000",
        name: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.ear = rtp.Ear()
        self.referred_to = ""
        self.answered_at: float | None = None
        self.ended: Ended | None = None
        self.log: list[str] = []
        self._sip = _udp_towards(server)
        self._rtp = _udp_towards(server)
        self._server = server
        local: Address = self._sip.getsockname()
        self._dialog = Dialog(server, local, number, user, name, tuple(headers))
        self._sender = rtp.Sender(getrandbits(32))
        self._media: Address | None = None
        self._keys: deque[tuple[str, float, float]] = deque()
        self._rest = 0
        self._released: list[float] = []
        self._pending: dict[str, _Request] = {}
        self._inviting = False
        self._ringing = False
        self._cancelled = False
        self._hanging_up = False
        self._orders: deque[Callable[[], None]] = deque()
        self._stop = False
        self._broken: BaseException | None = None
        self._condition = threading.Condition()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"caller {number}", daemon=True)
        self._thread.start()

    @property
    def call_id(self) -> str:
        """The SIP Call-ID, by which the switch knows the call."""
        return self._dialog.call_id

    # --- what the caller does ---

    def dial(self) -> None:
        """Send the INVITE; does not wait for the answer."""
        self._order(self._invite)

    def cancel(self) -> None:
        """Hang up before the call is answered (CANCEL, as soon as the switch said anything)."""
        self._order(self._cancel)

    def hang_up(self) -> None:
        """Send the BYE; does not wait for its answer."""
        self._order(self._bye)

    def press(self, keys: str, *, hold: float = 0.08, gap: float = 0.08) -> list[float]:
        """Press keys one after the other, as RFC 4733 events, and wait until the last is released.

        Args:
            keys: any of 0-9 * # A-D.
            hold: seconds that a key is down.
            gap: seconds between two keys, and after the last.

        Returns:
            When each was released (its first end packet), monotonic seconds.
        """
        unknown = set(keys) - set(rtp.KEYS)
        if unknown:
            raise ValueError(f"no such keys: {''.join(sorted(unknown))}")
        with self._condition:
            first = len(self._released)
            self._keys.extend((key, hold, gap) for key in keys)
        until = first + len(keys)
        self.wait_for(
            lambda: len(self._released) >= until,
            len(keys) * (hold + gap) + 5.0,
            f"keys {keys} sent",
        )
        return self._released[first:until]

    def talk(self, hertz: int | None) -> None:
        """Send a tone from now on, as somebody who speaks; None: silence again."""
        tone = None if hertz is None else rtp.tone(hertz)

        def order() -> None:
            self._sender.audio = tone

        self._order(order)

    # --- what the caller waits for ---

    def wait_for(self, what: Callable[[], object], timeout: float, words: str) -> None:
        """Wait until `what()` is true.

        Raises:
            AssertionError: not within `timeout` seconds, or the caller's thread died.
        """
        deadline = time.monotonic() + timeout
        with self._condition:
            while not what():
                if self._broken is not None:
                    raise AssertionError("the caller's thread died") from self._broken
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {timeout} s: {words}; {self.story()}")
                self._condition.wait(min(left, 0.5))

    def wait_answered(self, timeout: float = 5.0) -> float:
        """When the 200 came.

        Raises:
            AssertionError: it did not, or the call was refused.
        """
        self.wait_for(lambda: self.answered_at or self.ended, timeout, "answered")
        assert self.answered_at is not None, f"refused: {self.ended}"
        return self.answered_at

    def wait_ended(self, timeout: float = 10.0) -> Ended:
        self.wait_for(lambda: self.ended, timeout, "the call's end")
        assert self.ended is not None
        return self.ended

    def wait_heard(
        self, what: int | None = None, *, since: float = 0.0, timeout: float = 5.0
    ) -> float:
        """Wait for sound.

        Args:
            what: a pitch of `rtp.TONES`, 0 for a voice, None for anything at all.
            since: only what arrives after this moment counts (monotonic seconds).

        Returns:
            When its first frame arrived.
        """
        found: list[float] = []

        def heard() -> bool:
            for sound in self.ear.sounds():
                begun = max(sound.start, since)
                # Three frames are enough to know a pitch; any frame is a sound.
                lasted = sound.end - begun >= (0.0 if what is None else 0.06)
                if sound.end > since and what in (None, sound.what) and lasted:
                    found.append(begun)
                    return True
            return False

        self.wait_for(heard, timeout, f"heard {what}")
        return found[0]

    def wait_silence(self, seconds: float = 0.3, timeout: float = 10.0) -> float:
        """Wait until nothing is heard for so long; gives the moment from which on nothing was heard."""
        started = time.monotonic()

        def quiet() -> bool:
            since = self.ear.quiet_since() or started
            return time.monotonic() - since >= seconds

        self.wait_for(quiet, timeout, f"{seconds} s of silence")
        return self.ear.quiet_since() or started

    def story(self) -> str:
        """What happened, for the message of a failed test."""
        zero = self.ear.frames[0].at if self.ear.frames else 0.0
        heard = ", ".join(
            f"{sound.what or 'voice'} {sound.start - zero:.2f}-{sound.end - zero:.2f}"
            for sound in self.ear.sounds()
        )
        return f"heard [{heard}]; SIP {self.log}; ended {self.ended}"

    # --- life ---

    def close(self) -> None:
        """Hang up if need be, and let go of everything. May be called twice."""
        if self._thread.is_alive():
            if self._inviting and self.ended is None:
                self._order(self._leave)
                # Whatever the switch does with our farewell, the test is over.
                with contextlib.suppress(AssertionError):
                    self.wait_ended(2.0)
            with self._condition:
                self._stop = True
            self._wake.send(b"x")
            self._thread.join(5.0)
        for each in (self._sip, self._rtp, self._wake, self._woken):
            each.close()

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- the thread ---

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            with self._condition:
                self._broken = error
                self._condition.notify_all()

    def _loop(self) -> None:
        due = time.monotonic()
        while not self._stop:
            wait = max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self._sip, self._rtp, self._woken], [], [], wait)
            with self._condition:
                if self._woken in ready:
                    self._woken.recv(100)
                while self._orders:
                    self._orders.popleft()()
                if self._rtp in ready:
                    self._hear()
                if self._sip in ready:
                    for data in _datagrams(self._sip):
                        message = sip.parse(data)
                        if message is not None:
                            self._receive(message)
                now = time.monotonic()
                if now >= due:
                    self._speak(now)
                    self._retransmit(now)
                    due += rtp.FRAME_SECONDS
                    if now - due > 1.0:
                        due = now  # the machine stood still: go on from here instead of catching up
                self._condition.notify_all()

    def _hear(self) -> None:
        now = time.monotonic()
        for data in _datagrams(self._rtp):
            packet = rtp.unpack(data)
            if packet is not None:
                self.ear.take(now, packet)

    def _speak(self, now: float) -> None:
        if self._media is None or self.ended is not None:
            return
        if not self._sender.busy:
            if self._rest > 0:
                self._rest -= 1
            elif self._keys:
                key, hold, gap = self._keys.popleft()
                self._sender.press(key, hold)
                self._rest = max(0, round(gap / rtp.FRAME_SECONDS) - 1)
        datagrams, released = self._sender.tick()
        for datagram in datagrams:
            with contextlib.suppress(OSError):
                self._rtp.sendto(datagram, self._media)
        if released:
            self._released.append(now)

    # --- SIP ---

    def _send(self, message: Message) -> None:
        self.log.append(f"> {message.start.split(' sip:')[0]}")
        with contextlib.suppress(OSError):
            self._sip.sendto(message.pack(), self._server)

    def _ask(self, name: str, message: Message) -> None:
        """Send a request and repeat it until it is answered."""
        self._pending[name] = _Request(message, time.monotonic())
        self._send(message)

    def _retransmit(self, now: float) -> None:
        for name, request in list(self._pending.items()):
            if now - request.first > GIVE_UP:
                del self._pending[name]
                if name == "INVITE":
                    self._end("refused", 408, "")
                elif name == "BYE":
                    self._end("caller", 200, "")
            elif now >= request.next:
                request.wait *= 2
                request.next = now + request.wait
                self._send(request.message)

    def _invite(self) -> None:
        self._inviting = True
        self._ask("INVITE", self._dialog.invite(self._rtp.getsockname()))

    def _cancel(self) -> None:
        self._cancelled = True
        if self._ringing and self.answered_at is None and self.ended is None:
            self._ask("CANCEL", self._dialog.cancel())

    def _bye(self) -> None:
        if self.answered_at is not None and self.ended is None and not self._hanging_up:
            self._hanging_up = True
            self._ask("BYE", self._dialog.request("BYE"))

    def _leave(self) -> None:
        if self.answered_at is None:
            self._cancel()
        else:
            self._bye()

    def _end(self, by: str, status: int, cause: str) -> None:
        if self.ended is None:
            self.ended = Ended(by, status, cause, time.monotonic())

    def _receive(self, message: Message) -> None:
        if message.get("Call-ID") != self._dialog.call_id:
            return
        self.log.append(f"< {message.start.split(' sip:')[0]}")
        if message.status:
            self._response(message)
        else:
            self._request(message)

    def _response(self, message: Message) -> None:
        if message.status >= 200 or message.method == "INVITE":
            self._pending.pop(message.method, None)
        if message.method == "BYE" and message.status >= 200:
            self._end("caller", 200, "")
        if message.method != "INVITE":
            return
        if message.status > 100:
            self._dialog.answered(message)
            self._media = sip.media(message.body) or self._media
        if message.status < 200:
            first, self._ringing = not self._ringing, True
            if first and self._cancelled:
                self._cancel()
        elif message.status < 300:
            self._send(self._dialog.ack(message))
            if self.answered_at is None:
                self.answered_at = time.monotonic()
            if self._cancelled:
                self._bye()  # the answer crossed our CANCEL
        else:
            self._send(self._dialog.ack(message))
            self._end("refused", message.status, _cause(message))

    def _request(self, message: Message) -> None:
        respond = self._dialog.response
        if message.method == "BYE":
            self._send(respond(message, "200 OK"))
            self._end("switch", 200, _cause(message))
        elif message.method == "REFER":
            self.referred_to = message.get("Refer-To").strip("<>")
            self._send(respond(message, "202 Accepted"))
            self._ask("NOTIFY", self._notify())
        elif message.method == "INVITE":
            body = sip.offer(self._rtp.getsockname())
            self._media = sip.media(message.body) or self._media
            headers = [("Content-Type", "application/sdp")]
            self._send(respond(message, "200 OK", body, headers))
        elif message.method != "ACK":
            self._send(respond(message, "200 OK"))

    def _notify(self) -> Message:
        return self._dialog.request(
            "NOTIFY",
            [
                ("Event", "refer"),
                ("Subscription-State", "terminated;reason=noresource"),
                ("Content-Type", "message/sipfrag"),
            ],
            "SIP/2.0 200 OK\r\n",
        )


class _Request:
    """A request that waits for its answer."""

    def __init__(self, message: Message, now: float) -> None:
        self.message = message
        self.first = now
        self.wait = T1
        self.next = now + T1


def _cause(message: Message) -> str:
    _, quote, rest = message.get("Reason").partition('text="')
    return rest.partition('"')[0] if quote else ""


def _udp_towards(server: Address) -> socket.socket:
    """A socket on the address of this machine that the switch can answer to."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(server)
        host = probe.getsockname()[0]
    finally:
        probe.close()
    mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mine.bind((host, 0))
        mine.setblocking(False)
    except OSError:
        mine.close()
        raise
    return mine


def _datagrams(source: socket.socket) -> Iterator[bytes]:
    """What lies in a socket now."""
    while True:
        try:
            yield source.recv(65535)
        except (BlockingIOError, ConnectionRefusedError):
            return

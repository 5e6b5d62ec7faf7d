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
from random import getrandbits

from . import rtp, sip
from .closing import Closing
from .signalling import Ended, Signalling
from .sip import Address, Dialog, Message


class Caller(Closing):
    """One call.

    Args:
        server: the SIP address of the switch.
        number: what is dialled.
        user, name: the caller's number and display name; anything goes.
        headers: more headers for the INVITE, such as ("X-Account", "7").

    Attributes:
        call_id: the SIP Call-ID, by which the switch knows the call.
        call: the state of its signalling.
        ear: what it has heard.
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
        self._sip = _udp_towards(server)
        self._rtp = _udp_towards(server)
        self._server = server
        local: Address = self._sip.getsockname()
        dialog = Dialog(server, local, number, user, name, tuple(headers))
        self.call_id = dialog.call_id
        self.call = Signalling(dialog, self._rtp.getsockname(), self._send)
        self._sender = rtp.Sender(getrandbits(32))
        self._keys: deque[tuple[str, float, float]] = deque()
        self._rest = 0
        self._released: list[float] = []
        self._orders: deque[Callable[[], None]] = deque()
        self._stop = False
        self._broken: BaseException | None = None
        self._condition = threading.Condition()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"caller {number}", daemon=True)
        self._thread.start()

    # --- what the caller does ---

    def dial(self) -> None:
        """Send the INVITE; does not wait for the answer."""
        self._order(self.call.invite)

    def cancel(self) -> None:
        """Hang up before the call is answered (CANCEL, as soon as the switch said anything)."""
        self._order(self.call.cancel)

    def hang_up(self) -> None:
        """Send the BYE; does not wait for its answer."""
        self._order(self.call.bye)

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
        self.wait_for(lambda: self.call.answered_at or self.call.ended, timeout, "answered")
        assert self.call.answered_at is not None, f"refused: {self.call.ended}"
        return self.call.answered_at

    def wait_ended(self, timeout: float = 10.0) -> Ended:
        self.wait_for(lambda: self.call.ended, timeout, "the call's end")
        assert self.call.ended is not None
        return self.call.ended

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
        return f"heard [{heard}]; SIP {self.call.log}; ended {self.call.ended}"

    # --- life ---

    def close(self) -> None:
        """Hang up if need be, and let go of everything. May be called twice."""
        if self._thread.is_alive():
            if self.call.begun and self.call.ended is None:
                self._order(self.call.leave)
                # Whatever the switch does with our farewell, the test is over.
                with contextlib.suppress(AssertionError):
                    self.wait_ended(2.0)
            with self._condition:
                self._stop = True
            self._wake.send(b"x")
            self._thread.join(5.0)
        for each in (self._sip, self._rtp, self._wake, self._woken):
            each.close()

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
                            self.call.receive(message)
                now = time.monotonic()
                if now >= due:
                    self._speak(now)
                    self.call.retransmit(now)
                    due += rtp.FRAME_SECONDS
                    if now - due > 1.0:
                        due = now  # the machine stood still: go on from here instead of catching up
                self._condition.notify_all()

    def _send(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            self._sip.sendto(message.pack(), self._server)

    def _hear(self) -> None:
        now = time.monotonic()
        for data in _datagrams(self._rtp):
            packet = rtp.unpack(data)
            if packet is not None:
                self.ear.take(now, packet)

    def _speak(self, now: float) -> None:
        if self.call.media is None or self.call.ended is not None:
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
                self._rtp.sendto(datagram, self.call.media)
        if released:
            self._released.append(now)


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

"""The telephone's side of one SIP call: what it sends when, and what it makes of what comes.

Messages and times go in and out through callbacks; the socket and the thread are in `caller`. Not for use by two threads
at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from . import sip
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


class Signalling:
    """One call.

    Args:
        dialog: whom it is to, and from.
        audio: where this end hears.
        send: sends a message.

    Attributes:
        media: where the other end hears; None until it said so.
        answered_at: monotonic seconds; None while it is not.
        ended: how it ended; None while it has not.
        referred_to: where a REFER asked to go.
        begun: whether the INVITE has been sent.
        log: start lines, `>` sent and `<` received.
    """

    def __init__(self, dialog: Dialog, audio: Address, send: Callable[[Message], None]) -> None:
        self.media: Address | None = None
        self.answered_at: float | None = None
        self.ended: Ended | None = None
        self.referred_to = ""
        self.begun = False
        self.log: list[str] = []
        self._dialog = dialog
        self._audio = audio
        self._to_wire = send
        self._pending: dict[str, _Request] = {}
        self._ringing = False
        self._cancelled = False
        self._hanging_up = False

    def invite(self) -> None:
        """Call."""
        self.begun = True
        self._ask("INVITE", self._dialog.invite(self._audio))

    def cancel(self) -> None:
        """Hang up before the answer, as soon as the other side said anything."""
        self._cancelled = True
        if self._ringing and self.answered_at is None and self.ended is None:
            self._ask("CANCEL", self._dialog.cancel())

    def bye(self) -> None:
        """Hang up."""
        if self.answered_at is not None and self.ended is None and not self._hanging_up:
            self._hanging_up = True
            self._ask("BYE", self._dialog.request("BYE"))

    def leave(self) -> None:
        """Hang up, in the way that fits."""
        if self.answered_at is None:
            self.cancel()
        else:
            self.bye()

    def receive(self, message: Message) -> None:
        """A message came."""
        if message.get("Call-ID") != self._dialog.call_id:
            return
        self.log.append(f"< {message.start.split(' sip:')[0]}")
        if message.status:
            self._response(message)
        else:
            self._request(message)

    def retransmit(self, now: float) -> None:
        """Time goes by: repeat what was not answered; give up in the end."""
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

    def _send(self, message: Message) -> None:
        self.log.append(f"> {message.start.split(' sip:')[0]}")
        self._to_wire(message)

    def _ask(self, name: str, message: Message) -> None:
        """Send a request and repeat it until it is answered."""
        self._pending[name] = _Request(message, time.monotonic())
        self._send(message)

    def _end(self, by: str, status: int, cause: str) -> None:
        if self.ended is None:
            self.ended = Ended(by, status, cause, time.monotonic())

    def _response(self, message: Message) -> None:
        if message.status >= 200 or message.method == "INVITE":
            self._pending.pop(message.method, None)
        if message.method == "BYE" and message.status >= 200:
            self._end("caller", 200, "")
        if message.method != "INVITE":
            return
        if message.status > 100:
            self._dialog.answered(message)
            self.media = sip.media(message.body) or self.media
        if message.status < 200:
            first, self._ringing = not self._ringing, True
            if first and self._cancelled:
                self.cancel()
        elif message.status < 300:
            self._send(self._dialog.ack(message))
            if self.answered_at is None:
                self.answered_at = time.monotonic()
            if self._cancelled:
                self.bye()  # the answer crossed our CANCEL
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
            body = sip.offer(self._audio)
            self.media = sip.media(message.body) or self.media
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

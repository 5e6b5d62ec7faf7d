"""As much SIP (RFC 3261) as one caller needs: messages as text, and the parts of a dialog that must be remembered.

Pure: text goes in and comes out. The sockets and the clock are in `caller`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

Address = tuple[str, int]
METHODS = "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, INFO, UPDATE"
_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "c": "content-type",
    "l": "content-length",
    "r": "refer-to",
    "o": "event",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: the start line, headers in order, body."""

    start: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def status(self) -> int:
        """The code of a response; 0 for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        if self.status:
            return self.get("CSeq").split()[-1]
        return self.start.split(" ", 1)[0]

    def get(self, name: str) -> str:
        """The first header of that name, or ""."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def pack(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def parse(data: bytes) -> Message | None:
    """The message in a datagram; None for a keep-alive or garbage."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    if not (start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")):
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip()
            headers.append((_COMPACT.get(name.lower(), name), value.strip()))
    return Message(start, tuple(headers), body)


def offer(address: Address) -> str:
    """The session description of the caller: PCMU and RFC 4733 keys."""
    host, port = address
    return "\r\n".join(
        [
            "v=0",
            f"o=caller 1 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 0 101",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            "a=sendrecv",
            "",
        ]
    )


def media(body: str) -> Address | None:
    """Where a session description wants the audio; None without one."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
    return (host[1], int(port[1])) if host and port else None


def quoted(name: str) -> str:
    """A display name as a quoted string, whatever is in it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if name else ""


def _new_branch() -> str:
    return "z9hG4bK" + uuid4().hex[:16]


@dataclass(slots=True)
class Dialog:
    """One call as its caller sees it: makes each message that the caller sends.

    Attributes:
        server: where the call goes.
        local: where this end receives SIP.
        number: the user part that is dialled.
        user, name: the caller's number and display name.
        headers: further headers of the INVITE.
    """

    server: Address
    local: Address
    number: str
    user: str = "1000"
    name: str = ""
    headers: Iterable[tuple[str, str]] = ()
    call_id: str = field(default_factory=lambda: uuid4().hex)
    tag: str = field(default_factory=lambda: uuid4().hex[:10])
    to: str = ""
    remote: str = ""
    routes: tuple[str, ...] = ()
    cseq: int = 1
    _branch: str = field(default_factory=_new_branch)

    def __post_init__(self) -> None:
        self.remote = f"sip:{self.number}@{self.server[0]}:{self.server[1]}"
        self.to = f"<{self.remote}>"

    def invite(self, audio: Address) -> Message:
        return self._request(
            "INVITE",
            1,
            self._branch,
            [("Allow", METHODS), *self.headers, ("Content-Type", "application/sdp")],
            offer(audio),
        )

    def answered(self, response: Message) -> None:
        """Take over what a response to the INVITE fixes: the other tag, and after a 2xx the other's contact and route."""
        self.to = response.get("To") or self.to
        if 200 <= response.status < 300:
            contact = re.search(r"<([^>]+)>", response.get("Contact"))
            self.remote = contact[1] if contact else self.remote
            self.routes = tuple(reversed(response.all("Record-Route")))

    def ack(self, response: Message) -> Message:
        """ACK of a final response to the INVITE: of a refusal in its transaction, of a 2xx in one of its own."""
        accepted = 200 <= response.status < 300
        return self._request("ACK", 1, _new_branch() if accepted else self._branch, (), "")

    def cancel(self) -> Message:
        plain = f"<sip:{self.number}@{self.server[0]}:{self.server[1]}>"
        cancel = self._request("CANCEL", 1, self._branch, (), "")
        return Message(
            cancel.start,
            tuple((n, plain if n == "To" else v) for n, v in cancel.headers),
        )

    def request(
        self, method: str, headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        """A new request within the dialog."""
        self.cseq += 1
        return self._request(method, self.cseq, _new_branch(), headers, body)

    def response(
        self, request: Message, status: str, body: str = "", headers: Iterable[tuple[str, str]] = ()
    ) -> Message:
        """The answer to a request of the other side."""
        kept = [
            (name, value)
            for name, value in request.headers
            if name.lower() in {"via", "from", "to", "call-id", "cseq", "record-route"}
        ]
        mine = [("Contact", f"<sip:{self.user}@{self.local[0]}:{self.local[1]}>"), *headers]
        return Message(f"SIP/2.0 {status}", (*kept, *mine), body)

    def _request(
        self,
        method: str,
        cseq: int,
        branch: str,
        headers: Iterable[tuple[str, str]],
        body: str,
    ) -> Message:
        host, port = self.local
        return Message(
            f"{method} {self.remote} SIP/2.0",
            (
                ("Via", f"SIP/2.0/UDP {host}:{port};branch={branch};rport"),
                ("Max-Forwards", "70"),
                *(("Route", route) for route in self.routes),
                ("From", f"{quoted(self.name)}<sip:{self.user}@{host}:{port}>;tag={self.tag}"),
                ("To", self.to),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", f"<sip:{self.user}@{host}:{port}>"),
                *headers,
            ),
            body,
        )

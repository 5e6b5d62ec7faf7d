"""gevent's HTTP server, held up by nobody: there is an end to all waiting, no doubt where a request ends, and room for
others than the one who opens all connections that he can.
"""

from __future__ import annotations

import http.client
import ipaddress
import logging
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.errors import MissingHeaderBodySeparatorDefect
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

PATIENCE = 30.0
"""Seconds that a client may take to send its request, or its next one."""

FIRST = 5.0
"""Seconds that a new client may take for its first line, and for agreeing on TLS before. Who says nothing must not keep
a probe waiting for longer than probes wait."""

LEFT_OVER = 64 * 1024
"""Bytes of a request that are still taken when it has been answered already, so that the answer arrives."""

LEFT_OVER_WITHIN = 0.5
"""Seconds in which they have to come."""

SHARE = 0.75
"""So much of what is served at once may be one client's: there is room for a probe from elsewhere."""


class Server(WSGIServer):
    """The server. Answers are not logged; what is wrong with requests is.

    Args:
        listener: a socket that listens, or an address.
        application: the WSGI application.
        part: of the log.
        most: connections that are served at once. More wait in the backlog.
        tls: `ssl_context`, for https.
    """

    def __init__(
        self, listener: Any, application: Any, *, part: str, most: int, **tls: Any
    ) -> None:
        error_log = LoggingLogAdapter(logging.getLogger(f"{part}.wsgi"), level=logging.WARNING)
        super().__init__(
            listener,
            application,
            log=None,
            error_log=error_log,
            handler_class=Handler,
            spawn=Pool(most),
            **tls,
        )
        self._share = int(most * SHARE)
        self._connections: Counter[str] = Counter()

    def handle(self, sock: Any, address: Any) -> None:
        """See gevent."""
        if self.ssl_enabled:
            super().handle(sock, address)
            return
        with self._room(address) as room:
            if room:
                super().handle(sock, address)

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """See gevent."""
        with self._room(address) as room, suppress(OSError):  # who speaks no TLS
            if room:
                with gevent.Timeout(FIRST, TimeoutError()):
                    secured = self._secured(client_socket)
                with secured:
                    self.handle(secured, address)

    def _secured(self, sock: Any) -> Any:
        gevents: Any = self  # what gevent has set, and its types don't say
        return gevents.wrap_socket(sock, **gevents.ssl_args)

    @contextmanager
    def _room(self, address: Any) -> Iterator[bool]:
        """Whether a client may have one more connection."""
        client = household(address[0]) if isinstance(address, tuple) else ""
        self._connections[client] += 1
        try:
            yield self._connections[client] <= self._share
        finally:
            self._connections[client] -= 1
            if not self._connections[client]:
                del self._connections[client]


class Handler(WSGIHandler):
    """gevent's, with an end to waiting: for the next piece, and for all of a request that comes byte by byte.

    An application that reads a request's body finds in `environ["fsflows.patience"]` how many seconds it may take.
    """

    _has_asked = False

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        sock.settimeout(PATIENCE)
        super().__init__(sock, *arguments, **named)

    def read_requestline(self) -> str:
        with gevent.Timeout(PATIENCE if self._has_asked else FIRST, TimeoutError()):
            line: str = super().read_requestline()
            self._has_asked = True
            return line

    def read_request(self, raw_requestline: str) -> Any:
        with gevent.Timeout(PATIENCE, ValueError("the request took too long")):
            return super().read_request(raw_requestline)

    def MessageClass(self, *arguments: Any) -> Any:  # noqa: N802 - gevent's name
        try:
            headers = super().MessageClass(*arguments)
        except http.client.HTTPException as error:
            raise ValueError(str(error)) from None
        _must_have_one_end(headers)
        return headers

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["fsflows.patience"] = PATIENCE
        gevents: Any = self
        gevents.wsgi_input = _LeftOver(self.wsgi_input, self)
        return environ


class _LeftOver:
    """What an application has not read of a body: gevent has it read after the answer, to its end.

    Whoever sent only a part of it, or never stops, would keep the connection by that. It is closed instead.
    """

    def __init__(self, body: Any, handler: Handler) -> None:
        self._body = body
        self._handler = handler

    def _discard(self) -> None:
        body = self._body
        if body.chunked_input:
            whole = body.chunk_length == 0
        else:
            whole = body.position >= (body.content_length or 0)
        if whole:
            return
        self._handler.close_connection = True
        # Closed with bytes that nobody has taken, it would take the answer away with it.
        most = LEFT_OVER
        with suppress(OSError), gevent.Timeout(LEFT_OVER_WITHIN, TimeoutError()):
            while most > 0 and (piece := self._handler.socket.recv(most)):
                most -= len(piece)


def _must_have_one_end(headers: Any) -> None:
    """Refuse a request whose end a proxy in front of us could see elsewhere: what is behind it would be smuggled in.

    Raises:
        ValueError: it is one.
    """
    lengths = headers.get_all("Content-Length", [])
    codings = headers.get_all("Transfer-Encoding", [])
    if len(lengths) + len(codings) > 1:
        raise ValueError("a request with several lengths")
    if any(not re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise ValueError("a request with a length that is no number")
    if any(coding.lower() != "chunked" for coding in codings):
        raise ValueError("a request in an encoding that is not known")
    if any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in headers.defects):
        # All lines behind it were ignored.
        raise ValueError("a request with a line that is no header")


def household(client: str) -> str:
    """A client for counting: its address, or for IPv6 its network of 64 bits, which one household has all of."""
    parsed = ip_address(client)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return client if parsed is None else str(parsed)


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; None: it is none."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)  # an IPv4 client on a socket for both
    return mapped or parsed

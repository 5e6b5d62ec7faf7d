"""One request to the webhook's receiver, with an end, whatever the receiver does."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

Connection = TypeVar("Connection", bound=http.client.HTTPConnection)

TIMEOUT = 10.0
"""Seconds that the receiver may take, for everything."""

Answer = tuple[int, str]
"""Status and reason; 0: no answer."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post; never raises. Blocks: for a thread."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked
    with _Deadline(TIMEOUT) as deadline:
        opener = urllib.request.build_opener(_NoRedirect, _Http(deadline), _Https(deadline))
        answer = _ask(opener, request)
        # A status line may have come: what was cut behind it looks like an answer's end.
        return (0, "timed out") if deadline.passed else answer


def _ask(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Answer:
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return answer.status, str(answer.reason)[:200]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, str(error.reason)[:200]
    except (OSError, ValueError) as error:
        return 0, str(getattr(error, "reason", error))[:200]
    except Exception as error:  # http.client has exceptions of its own for answers that are none
        return 0, type(error).__name__


class _Deadline:
    """Cuts a request's connection when its time is over.

    A socket's own timeout begins anew with each byte: a receiver that sends one now and then would keep us for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._twins: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        for twin in self._twins:
            twin.close()

    def watch(self, connection: Connection) -> Connection:
        """Have it cut as well."""
        create: Callable[..., socket.socket] = connection._create_connection  # type: ignore[attr-defined]

        def created(*arguments: Any, **named: Any) -> socket.socket:
            sock = create(*arguments, **named)
            # TLS takes the socket's descriptor away, so a second one is kept; it also ends a slow handshake.
            self._twins.append(sock.dup())
            if self.passed:
                self._cut()
            return sock

        connection._create_connection = created  # type: ignore[attr-defined]
        return connection

    def _cut(self) -> None:
        self.passed = True
        for twin in self._twins:
            with suppress(OSError):  # it is over already
                twin.shutdown(socket.SHUT_RDWR)


@lru_cache
def _tls() -> ssl.SSLContext:
    """Made once: to read all certificates that the host trusts takes ten times as long as a request."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> Any:
        def connection(*arguments: Any, **named: Any) -> http.client.HTTPConnection:
            return self._deadline.watch(http.client.HTTPConnection(*arguments, **named))

        return self.do_open(connection, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__(context=_tls())
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> Any:
        def connection(*arguments: Any, **named: Any) -> http.client.HTTPSConnection:
            return self._deadline.watch(
                http.client.HTTPSConnection(*arguments, context=_tls(), **named)
            )

        return self.do_open(connection, req)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: records go where the settings say and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None

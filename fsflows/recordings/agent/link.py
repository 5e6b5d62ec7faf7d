"""HTTP connections to the agent, kept from one request to the next.

A discard asks four times, one after the other, while its caller waits. A new connection each time would be another
round trip, and with TLS two more and the work of a handshake on both sides.
"""

from __future__ import annotations

import http.client
import select
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from gevent.monkey import get_original

from fsflows.recordings.agent.signing import HEADER

KEPT = 16
"""Connections that wait for the next request: as many as there are requests at once from a process."""

IDLE = 15.0
"""Seconds that one may wait. After a minute or more a firewall between the hosts may have forgotten it, without a
word: the next request would wait for its answer in vain."""

_poll = get_original("select", "poll")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as it came: HTTP status, its signature ("": none), the body."""

    status: int
    signature: str
    body: bytes


class AnswerLost(Exception):
    """A kept connection has ended instead of an answer, and the request may not be made twice."""


class Link:
    """Connections to one agent. All of its requests must come from one thread (see `hubthread`), or one at a time.

    Args:
        tls: what https is spoken with; None: http.
    """

    def __init__(
        self,
        host: str,
        port: int | None,
        tls: ssl.SSLContext | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._clock = clock
        self._kept: list[tuple[float, http.client.HTTPConnection]] = []

    def post(
        self, path: str, body: bytes, sign: Callable[[], str], timeout: float, *, once: bool = False
    ) -> Answer:
        """Ask. `sign` gives a signature for each attempt: a kept connection may turn out to have ended.

        `once`: what is asked for may have been done then, and would not be said so a second time.

        Raises:
            AnswerLost: only with `once`.
            OSError, http.client.HTTPException: there is no answer, or not within so many seconds.
        """
        while (kept := self._take()) is not None:
            try:
                return self._ask(kept, path, body, sign(), timeout)
            except (ConnectionError, ssl.SSLEOFError) as error:
                if once:
                    raise AnswerLost(str(error) or type(error).__name__) from error
        return self._ask(self._new(timeout), path, body, sign(), timeout)

    def close(self) -> None:
        """End the connections that wait for a request."""
        while self._kept:
            self._kept.pop()[1].close()

    def _take(self) -> http.client.HTTPConnection | None:
        while self._kept:
            since, connection = self._kept.pop()
            if self._clock() - since <= IDLE and _is_quiet(connection):
                return connection
            connection.close()
        return None

    def _new(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=timeout, context=self._tls
        )

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        signature: str,
        timeout: float,
    ) -> Answer:
        stays = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            connection.request("POST", path, body, {HEADER: signature})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers.get(HEADER, ""), response.read())
            stays = not response.will_close and len(self._kept) < KEPT
            return answer
        finally:
            if stays:
                self._kept.append((self._clock(), connection))
            else:
                connection.close()


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether it is still there: nothing comes unasked but its end."""
    if connection.sock is None:
        return False
    look = _poll()
    look.register(connection.sock.fileno(), select.POLLIN)
    return not look.poll(0)

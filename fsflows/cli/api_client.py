"""The running server, as the command line talks to it: its console's API."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

WAIT = 20.0
"""Seconds that one request may wait for news."""

PATIENCE = 10.0
"""Seconds for an answer beyond that."""


class Refused(Exception):
    """The server is not there, or would not; the text says why.

    Attributes:
        retry_after: seconds after which it might; 0: never.
    """

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Away(Refused):
    """No server answers there now, or it can make no calls now.

    Attributes:
        unsure: whether it may have done what it was asked for all the same.
    """

    def __init__(self, text: str, *, unsure: bool = False) -> None:
        super().__init__(text)
        self.unsure = unsure


class Unknown(Refused):
    """The server knows no such call: it was started anew, and there is no record."""


def console_url(listen: str) -> str:
    """Where the console of these settings is reached from its own host; "": there is none."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - to connect to, not to bind
    return f"http://{host}:{port}" if host else ""


class Server:
    """The server's API.

    Args:
        url: of its console.
        token: its `console.token`.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A request; its answer.

        Raises:
            Refused: the server is not there, or would not; its kinds say which.
        """
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused(f"--server is a URL (http://127.0.0.1:8085), got {self._url!r}")
        secure = parts.scheme == "https"
        timeout = WAIT + PATIENCE
        connection: http.client.HTTPConnection
        try:
            if secure:
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=timeout, context=context
                )
            else:
                connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            content = None if body is None else json.dumps(body)
            connection.request(method, parts.path + path, content, headers)
            response = connection.getresponse()
            data = response.read()
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Away(
                f"no server answers at {self._url}: {why}",
                unsure=not isinstance(error, ConnectionRefusedError),
            ) from None
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Refused(f"what answers at {self._url} is not a server of this version")
        if response.status >= 400:
            later = response.headers.get("Retry-After", "0")
            after = float(later) if later.isdecimal() else 0.0
            why = str(answer.get("error", response.reason))
            if response.status == 503 and after:
                raise Away(why)
            if response.status == 404:
                raise Unknown(why)
            raise Refused(why, after if response.status == 429 else 0.0)
        return answer

"""Serves the console on gevent's WSGI server, beside the calls."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Flask

from fsflows.console.access import Access, check_listen, parse_users
from fsflows.console.app import create_app
from fsflows.console.sources import Sources
from fsflows.console.throttle import parse_proxies
from fsflows.log import get_logger
from fsflows.webserver import Server

MAX_REQUESTS = 200
"""At once, live pages included. More wait in the backlog; calls are not touched by it."""

BACKLOG = 64

log = get_logger("console")


def open_console(
    sources: Sources,
    listen: tuple[str, int],
    *,
    token: str = "",
    users: Iterable[str] = (),
    secret: str = "",
    https: bool = False,
    proxies: Sequence[str] = (),
    listening: Callable[[], Any] | None = None,
) -> ConsoleServer:
    """A console as the settings describe it, not yet started.

    Args:
        sources: what it shows.
        listen: host and port.
        token: `console.token`.
        users: `console.users`, each "NAME:ROLE:HASH".
        secret: `console.secret`, which signs sessions; "": a new one each time.
        https: `console.https`: it is reached through a proxy that speaks HTTPS.
        proxies: `console.proxies`: addresses and networks of such proxies.
        listening: fetches a socket that listens there already; None: it makes its own.

    Raises:
        ValueError: what is wrong with the settings; above all, that others could reach it without credentials.
    """
    access = Access(token, parse_users(users))
    check_listen(listen[0], access)
    app = create_app(sources, access, secret=secret, https=https, proxies=parse_proxies(proxies))
    return ConsoleServer(app, *listen, listening=listening)


class ConsoleServer:
    """A console on an address. See `create_app` for the application, `check_listen` for who may be let near it.

    Args:
        app: the application.
        host, port: where; port 0: any that is free.
        listening: fetches a socket that listens there already; None: it makes its own.
    """

    def __init__(
        self, app: Flask, host: str, port: int, *, listening: Callable[[], Any] | None = None
    ) -> None:
        self._app = app
        self._address = (host, port)
        self._listening = listening or self._bind
        self._server: Server | None = None

    def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address is taken, or not ours.
        """
        listener = self._listening()
        listener.setblocking(False)
        self._address = listener.getsockname()[:2]
        # Who looks is logged by the guard, with who it was.
        self._server = Server(listener, self._app, part="console", most=MAX_REQUESTS)
        self._server.start()
        log.info("console", address=self.url)

    def _bind(self) -> Any:
        return socket.create_server(
            self._address,
            family=socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET,
            backlog=BACKLOG,
        )

    def shut(self) -> None:
        """Take no more requests; those that came are answered."""
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def stop(self) -> None:
        """Let go of the address, and end what is being answered."""
        if self._server is not None:
            self._server.stop(timeout=1.0)

"""The other direction: we connect to FreeSWITCH's own event socket, for recovery and `fsflows doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from greenswitch.esl import InboundESL, NotConnectedError

from fsflows.esl import commands
from fsflows.esl.connection import Connection
from fsflows.esl.frames import Frame
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.log import get_logger

log = get_logger("esl.inbound")


class InboundFailed(NotConnectedError):  # type: ignore[misc]
    """The connection could not be made; the text says why, and what to look at."""


class WrongPassword(InboundFailed, ValueError):
    """FreeSWITCH does not know the password."""


class InboundConnection(Connection, InboundESL):  # type: ignore[misc]
    """A connection to an event socket, usually port 8021; also a `greenswitch.InboundESL`.

    Args:
        host: its address.
        port: its port.
        password: its password (event_socket.conf.xml).
        timeout: seconds for each step of connecting.

    Use it in a `with` block, or call `connect` and `close`.
    """

    def __init__(self, host: str, port: int, password: str, timeout: float = 5.0) -> None:
        self._prepare_state()
        self.host = host
        self.port = port
        self.password = password
        self.timeout = timeout
        self._greeting: AsyncResult[None] | None = None

    def connect(self) -> None:
        """Connect and log in.

        Raises:
            WrongPassword: FreeSWITCH refuses the password.
            InboundFailed: nobody listens there, nobody answers, or our address is not allowed.
        """
        where = f"the event socket at {self.host}:{self.port}"
        try:
            sock = socket.create_connection((self.host, self.port), timeout=self.timeout)
        except TimeoutError:
            raise InboundFailed(f"{where} does not answer within {self.timeout:g} s") from None
        except OSError as error:
            raise InboundFailed(f"{where} can't be reached: {error.strerror or error}") from None
        self._greeting = AsyncResult()
        self._prepare_state()
        self._attach(sock)
        try:
            self._greet(where)
        except BaseException:
            self._connected_wire().abort("logging in failed")
            raise

    def _greet(self, where: str) -> None:
        assert self._greeting is not None
        try:
            self._greeting.get(timeout=self.timeout)
            self.authenticate()
        except (gevent.Timeout, ReplyTimeout):
            raise InboundFailed(
                f"{where} accepts connections, but does not speak: is it FreeSWITCH's?"
            ) from None
        except LinkClosed as closed:
            raise InboundFailed(f"{where} ended the connection: {closed.reason}") from None

    def authenticate(self) -> None:
        """Log in.

        Raises:
            WrongPassword: FreeSWITCH refuses the password.
        """
        reply = self.request(commands.auth(self.password), self.timeout)
        if reply.text != "+OK accepted":
            raise WrongPassword(
                f"the event socket at {self.host}:{self.port} refuses the password"
                " (see event_socket.conf.xml)"
            )

    def api(self, name: str, *arguments: str, timeout: float = 5.0) -> Reply:
        """Run an api command and return what it prints; `Reply.ok` says whether that is no error.

        Raises:
            LinkClosed: the connection has ended.
            ReplyTimeout: no answer within `timeout` seconds.
        """
        return self.request(commands.api(name, *arguments), timeout)

    def subscribe(self, names: Iterable[str]) -> None:
        """Ask for events of all calls; `receive` hands them out.

        Raises:
            LinkClosed: the connection has ended.
        """
        self.request(commands.events(names), self.timeout)

    def __enter__(self) -> InboundConnection:
        self.connect()
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _on_other(self, frame: Frame) -> None:
        if frame.content_type == "auth/request":
            if self._greeting is not None:
                self._greeting.set(None)
        elif frame.content_type == "text/rude-rejection":
            self._connected_wire().abort(
                "it does not let this address in (acl in event_socket.conf.xml)"
            )
        else:
            super()._on_other(frame)

    def _on_end(self, reason: str) -> None:
        if self._greeting is not None and not self._greeting.ready():
            self._greeting.set_exception(LinkClosed(reason))
        super()._on_end(reason)

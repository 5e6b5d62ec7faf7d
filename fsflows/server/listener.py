"""Accepting FreeSWITCH's connections, one a call.

What FreeSWITCH does decides what this has to do (measured): it goes to its next host only when the TCP connection
fails, so a server that has enough closes its listening socket. A connection that was accepted must be told `connect`,
even to refuse the call: closed without it, the caller hears nothing until he hangs up.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import gevent
from gevent import socket
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.esl.link import LinkClosed, ReplyTimeout
from fsflows.esl.session import EslSession, Opening
from fsflows.log import get_logger

Handle = Callable[[EslSession], Any]
Run = Callable[[Any, Any], None]

ACCEPTS_A_TURN = 64
"""Connections taken before the calls in progress get their turn."""

RETRY = 1.0
"""Seconds after which a listening socket that could not be opened is tried again."""

SELDOM = 10.0
"""Seconds between two log lines about the same kind of thing that a flood of connections sets off."""

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_CONNECT = Opening()

log = get_logger("server.listener")


class Listener:
    """A listening socket and the calls that came through it.

    Args:
        address: (host, port), or a socket that listens already and may be shared with other processes. That one is
            not closed at the limit (it could not be opened again), only left to the others.
        handle: called with each call's session, connected and subscribed, in a greenlet of its own. When it returns
            or raises, the connection is closed and the dialplan goes on.
        subscriptions: sent right behind `connect`, usually `commands.subscription(...)`.
        backlog: connections that the kernel keeps while we are busy. One that overflows is a call lost for good: 1024,
            for a burst of a thousand.
        max_calls: calls at once; 0: no limit. At the limit the listening socket is closed until there is room.
        silence_timeout: seconds that a connection gets to answer `connect`. FreeSWITCH answers at once.
        allow: networks ("10.0.0.0/8") that may connect; none: everybody.

    Attributes:
        accepted: calls begun so far.
        refused: calls let go without having begun.
        rejected: connections from elsewhere than the allowed networks.

    Raises:
        ValueError: `allow` has something that is no network.
    """

    def __init__(
        self,
        address: tuple[str, int] | Any,
        handle: Handle,
        *,
        subscriptions: Iterable[Command] = (),
        backlog: int = 1024,
        max_calls: int = 0,
        silence_timeout: float = 10.0,
        allow: Iterable[str] = (),
    ) -> None:
        self.accepted = self.refused = self.rejected = 0
        self._shared = None if isinstance(address, tuple) else address
        self._bind_to: Any = address if isinstance(address, tuple) else address.getsockname()
        self._handle = handle
        self._opening = Opening(subscriptions)
        self._backlog = backlog
        self._max_calls = max_calls
        self._silence_timeout = silence_timeout
        self._allow = [ipaddress.ip_network(network, strict=False) for network in allow]
        self._calls: set[_Serving] = set()
        self._refusals: set[_Serving] = set()
        self._socket: Any = None
        self._watcher: Any = None
        self._retry: Any = None
        self._spare = -1
        self._stopped = False
        self._said: dict[str, float] = {}

    # --- what others see ------------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the real port, when 0 was asked for."""
        return self._bind_to[0], self._bind_to[1]

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    @property
    def accepting(self) -> bool:
        """Whether new connections are taken."""
        return self._watcher is not None

    def start(self) -> None:
        """Begin to accept.

        Raises:
            OSError: the address can't be listened on.
        """
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._open()
        host, port = self.address
        log.info("listening", host=host, port=port)

    def close(self) -> None:
        """Accept no more calls; those in progress go on. For good: a new listener is made for a new start."""
        self._stopped = True
        if self._retry is not None:
            self._retry.close()
            self._retry = None
        self._shut()
        if self._shared is not None:
            self._shared.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def stop(self, drain: float = 0.0) -> int:
        """Accept no more calls, wait up to `drain` seconds for those in progress, end the rest; how many that were."""
        self.close()
        gevent.joinall([*self._calls, *self._refusals], timeout=drain)
        left = list(self._calls)
        gevent.killall([*left, *self._refusals], timeout=5.0)
        if left:
            log.warning("calls were cut off at the stop", calls=len(left))
        return len(left)

    # --- the listening socket -------------------------------------------------------------------------------------

    def _open(self) -> None:
        sock = self._shared if self._shared is not None else self._bind()
        sock.setblocking(False)
        self._socket = sock
        self._watcher = gevent.get_hub().loop.io(sock.fileno(), 1)
        self._watcher.start(self._acceptable)

    def _bind(self) -> Any:
        host = self._bind_to[0]
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._bind_to)
            sock.listen(self._backlog)
            self._bind_to = sock.getsockname()
        except BaseException:
            sock.close()
            raise
        return sock

    def _shut(self) -> None:
        """Take no more connections: FreeSWITCH's next one goes to its next host.

        Those that the kernel has accepted already would be reset with the socket, and their callers left in silence:
        they are let go first. A shared socket stays open, and what waits there is for the other processes.
        """
        if self._watcher is None:
            return
        self._watcher.stop()
        self._watcher.close()
        self._watcher = None
        if self._shared is None:
            self._take_all(self._let_go)
        if self._shared is None and self._socket is not None:
            self._socket.close()
        self._socket = None

    def _resume(self) -> None:
        """Accept again, if there is reason to."""
        if self._stopped or self._watcher is not None or self._full():
            return
        if self._retry is not None:
            self._retry.close()
            self._retry = None
        try:
            if self._spare < 0:
                self._spare = os.open(os.devnull, os.O_RDONLY)
            self._open()
        except OSError as error:
            if self._seldom("reopen"):
                log.error("can't listen; trying again", error=error.strerror)
            self._resume_later()
            return
        if self._seldom("again"):
            log.info("accepting calls again", calls=self.calls)

    def _resume_later(self) -> None:
        self._retry = gevent.get_hub().loop.timer(RETRY)
        self._retry.start(self._resume)

    def _full(self) -> bool:
        return bool(self._max_calls) and len(self._calls) >= self._max_calls

    # --- accepting ------------------------------------------------------------------------------------------------

    def _acceptable(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            connection = self._accept()
            if connection is None:
                return
            self._admit(*connection)
            if self._full():
                if self._seldom("full"):
                    log.warning("the limit of calls is reached: not listening", calls=self.calls)
                self._shut()
                return

    def _accept(self) -> tuple[Any, Any] | None:
        """One connection; ``None`` when none waits, or when there is no file descriptor for it."""
        while self._socket is not None:
            try:
                connection: tuple[Any, Any] = self._socket.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._starve(error)
                    return None
                continue  # that connection failed before we got to it
            return connection
        return None

    def _take_all(self, take: Callable[[Any, Any], None]) -> None:
        while (connection := self._accept()) is not None:
            take(*connection)

    def _starve(self, error: OSError) -> None:
        """Out of file descriptors: let go, with the spare one, whoever waits, and don't listen until some are back."""
        if self._seldom("starved"):
            log.error(
                "out of file descriptors: not listening", calls=self.calls, error=error.strerror
            )
        listening, self._socket = self._socket, None
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        while self._shared is None:
            try:
                sock, _ = listening.accept()
            except OSError:
                break
            self.refused += 1
            try:
                # FreeSWITCH needs no more: a `connect` that was sent is read, whatever comes behind it.
                sock.send(commands.connect().encode() + commands.exit_().encode())
            except OSError:
                pass
            finally:
                sock.close()
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._shared is None:
            listening.close()
        if not self._stopped:
            self._resume_later()

    def _admit(self, sock: Any, peer: Any) -> None:
        if self._allow and not self._allowed(peer[0]):
            self.rejected += 1
            sock.close()
            if self._seldom("rejected"):
                log.warning("a connection was closed: its address is not allowed", peer=peer[0])
            return
        self.accepted += 1
        self._spawn(self._calls, self._serve, sock, peer)

    def _allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._allow)

    def _let_go(self, sock: Any, peer: Any) -> None:
        self.refused += 1
        self._spawn(self._refusals, self._refuse, sock, peer)

    def _spawn(self, group: set[_Serving], run: Run, sock: Any, peer: Any) -> None:
        serving = _Serving(self, group, run, sock, peer)
        group.add(serving)
        serving.rawlink(_ended)
        serving.start()

    def _seldom(self, kind: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(kind, -SELDOM) < SELDOM:
            return False
        self._said[kind] = now
        return True

    # --- one call ---------------------------------------------------------------------------------------------------

    def _serve(self, sock: Any, peer: Any) -> None:
        session = self._begin(sock, peer, self._opening)
        if session is None:
            return
        try:
            self._handle(session)
        except (LinkClosed, OutboundSessionHasGoneAway, NotConnectedError) as error:
            log.info(
                "the call ended under its application", call=session.channel.uuid, reason=str(error)
            )
        except (gevent.GreenletExit, KeyboardInterrupt):
            raise
        except BaseException:
            # Not even sys.exit() or a stray timeout of one call ends the others.
            log.exception("a call's application raised", call=session.channel.uuid)
        finally:
            session.close()

    def _refuse(self, sock: Any, peer: Any) -> None:
        session = self._begin(sock, peer, _CONNECT)
        if session is not None:
            if self._seldom("refused"):
                log.warning("a call was let go", call=session.channel.uuid, calls=self.calls)
            session.close()

    def _begin(self, sock: Any, peer: Any, opening: Opening) -> EslSession | None:
        """The session, when its call's data has come."""
        session: EslSession | None = None
        try:
            session = EslSession(peer, sock)
            session.prepare(opening, self._silence_timeout)
        except ReplyTimeout:
            log.warning(
                "a connection was closed: it did not answer `connect`",
                peer=peer[0],
                seconds=self._silence_timeout,
            )
        except LinkClosed as closed:
            log.warning(
                "a connection ended before its call began", peer=peer[0], reason=str(closed)
            )
        except OSError as error:
            log.warning("a connection failed at once", peer=peer[0], reason=error.strerror)
        except BaseException:
            if session is not None:
                session.close()
            raise
        else:
            return session
        if session is not None:
            session.close()
        return None


if TYPE_CHECKING:
    _Greenlet = gevent.Greenlet[..., None]
else:
    _Greenlet = gevent.Greenlet


class _Serving(_Greenlet):
    """The greenlet of one connection."""

    def __init__(
        self, listener: Listener, group: set[_Serving], run: Run, sock: Any, peer: Any
    ) -> None:
        super().__init__()
        self.listener = listener
        self.group = group
        self.work: tuple[Run, Any, Any] | None = (run, sock, peer)

    def _run(self) -> None:
        assert self.work is not None
        (run, sock, peer), self.work = self.work, None
        run(sock, peer)


def _ended(serving: _Serving) -> None:
    serving.group.discard(serving)
    if serving.work is not None:
        serving.work[1].close()  # killed before it could begin
    serving.listener._resume()


def serve_greenswitch_application(application: Callable[[Any], Any]) -> Handle:
    """A `handle` for an application of greenswitch's `OutboundESLServer`: made with the session, then `run`."""

    def handle(session: EslSession) -> None:
        session.keep_events = False  # such applications have handlers; nobody receives
        application(session).run()

    return handle

"""Accepting FreeSWITCH's connections, one a call.

A connection that was accepted must be told `connect`, even to refuse the call (measured): closed without it, the caller
hears nothing until he hangs up.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gevent
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from fsflows.esl.commands import Command
from fsflows.esl.link import LinkClosed, ReplyTimeout
from fsflows.esl.session import EslSession, Opening
from fsflows.log import get_logger
from fsflows.server import metrics
from fsflows.server.door.door import Door
from fsflows.server.door.rate import Rate
from fsflows.server.node.listening import dismiss
from fsflows.server.node.peers import Peers

Handle = Callable[[EslSession], Any]
Run = Callable[[Any, Any], None]

SELDOM = 10.0
"""Seconds between two log lines about the same kind of thing that a flood of connections sets off."""

REFUSALS = 64
"""Connections beyond an address's limit that are let go at once with a record of their call; more are without one."""

_CONNECT = Opening()

log = get_logger("server.listener")


class Listener:
    """The calls that come through a door.

    Args:
        door: the listening socket.
        handle: called with each call's session, connected and subscribed, in a greenlet of its own. When it returns
            or raises, the connection is closed and the dialplan goes on.
        subscriptions: sent right behind `connect`, usually `commands.subscription(...)`.
        max_calls: calls at once; 0: no limit. At the limit the door is closed until there is room.
        calls_per_second: calls that may begin in a second; 0: no limit. The same happens.
        max_per_peer: connections at once from one address; 0: no limit. One more is let go.
        peers: counts them, in other processes as well; None: in this one.
        silence_timeout: seconds that a connection gets to answer `connect`. FreeSWITCH answers at once.
        allow: networks ("10.0.0.0/8") that may connect; none: everybody.
        let_go: called with the session of each call that is let go, before its connection is closed; and with whether
            that is because the server stops. Must not wait.

    Attributes:
        accepted: calls begun so far.
        refused: calls let go without having begun.
        rejected: connections from elsewhere than the allowed networks.

    Raises:
        ValueError: `allow` has something that is no network.
    """

    def __init__(
        self,
        door: Door,
        handle: Handle,
        *,
        subscriptions: Iterable[Command] = (),
        max_calls: int = 0,
        calls_per_second: float = 0.0,
        max_per_peer: int = 0,
        peers: Peers | None = None,
        silence_timeout: float = 10.0,
        allow: Iterable[str] = (),
        let_go: Callable[[EslSession, bool], None] = lambda session, stopping: None,
    ) -> None:
        self.accepted = self.refused = self.rejected = 0
        self._door = door
        self._handle = handle
        self._opening = Opening(subscriptions)
        self._max_calls = max_calls
        self._rate = Rate(calls_per_second)
        self._max_per_peer = max_per_peer
        self._silence_timeout = silence_timeout
        self._tell_let_go = let_go
        self._stopping = False
        self._allowed = _admission(allow)
        self._calls: set[_Serving] = set()
        self._refusals: set[_Serving] = set()
        self._peers = peers or Peers()
        self._refill: Any = None
        self._said: dict[str, float] = {}
        door.lead_to(self)

    # --- what others see ------------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the real port, when 0 was asked for."""
        return self._door.address[0], self._door.address[1]

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    @property
    def accepting(self) -> bool:
        """Whether new connections are taken."""
        return self._door.open

    def start(self) -> None:
        """Begin to accept.

        Raises:
            OSError: the address can't be listened on.
        """
        self._door.start()
        host, port = self.address
        log.info("listening", host=host, port=port)

    def adjust(
        self,
        *,
        max_calls: int,
        calls_per_second: float,
        max_per_peer: int,
        silence_timeout: float,
        allow: Iterable[str],
    ) -> None:
        """Put other limits in force (see the class); calls in progress go on, however many they are.

        Raises:
            ValueError: `allow` has something that is no network; nothing has changed.
        """
        self._allowed = _admission(allow)
        self._max_calls = max_calls
        self._max_per_peer = max_per_peer
        self._silence_timeout = silence_timeout
        if calls_per_second != self._rate.per_second:
            self._rate = Rate(calls_per_second)
        self._door.look_again()

    def close(self, *, serve_waiting: bool = False) -> None:
        """Accept no more calls; those in progress go on. For good: a new listener is made for a new start.

        Args:
            serve_waiting: those that the kernel has accepted already are calls like the others: FreeSWITCH takes them
                for answered. Else they are let go.
        """
        self._stopping = True
        if self._refill is not None:
            self._refill.close()
            self._refill = None
        self._door.close(self.admit if serve_waiting else self.let_go)

    def stop(self, drain: float = 0.0) -> int:
        """Accept no more calls, wait up to `drain` seconds for those in progress, end the rest; how many that were."""
        self.close()
        gevent.joinall([*self._calls, *self._refusals], timeout=drain)
        left = list(self._calls)
        gevent.killall([*left, *self._refusals], timeout=5.0)
        if left:
            log.warning("calls were cut off at the stop", calls=len(left))
        return len(left)

    # --- what the door asks ---------------------------------------------------------------------------------------

    def full(self) -> bool:
        """Whether there is no room for another call now."""
        if self._max_calls and len(self._calls) >= self._max_calls:
            if self.seldom("full"):
                log.warning("the limit of calls is reached: not listening", calls=self.calls)
            return True
        if self._rate.exceeded(time.monotonic()):
            self._look_again_later()
            return True
        return False

    def admit(self, sock: Any, peer: Any) -> None:
        """A connection has come."""
        host = peer[0]
        if not self._allowed(host):
            self.rejected += 1
            metrics.refused["not_allowed"].n += 1
            sock.close()
            if self.seldom("rejected"):
                log.warning("a connection was closed: its address is not allowed", peer=host)
            return
        if self._max_per_peer and (count := self._peers.count(host)) >= self._max_per_peer:
            if self.seldom("peer"):
                log.warning(
                    "one address has too many connections; more are let go",
                    peer=host,
                    connections=count,
                )
            self._refuse_one_too_many(sock, peer)
            return
        self.accepted += 1
        self._rate.take(time.monotonic())
        self._spawn(self._calls, self._serve, sock, peer)

    def _refuse_one_too_many(self, sock: Any, peer: Any) -> None:
        self.refused += 1
        metrics.refused["peer_limit"].n += 1
        if len(self._refusals) < REFUSALS:
            self._spawn(self._refusals, self._refuse, sock, peer)
        else:
            dismiss(sock)  # who opens connections for their own sake gets none of our time

    def let_go(self, sock: Any, peer: Any) -> None:
        """A connection has come that there is no room for."""
        self.refused += 1
        metrics.refused["no_room"].n += 1
        self._spawn(self._refusals, self._refuse, sock, peer)

    def seldom(self, kind: str) -> bool:
        """Whether it is time to say something of this kind again."""
        now = time.monotonic()
        if now - self._said.get(kind, -SELDOM) < SELDOM:
            return False
        self._said[kind] = now
        return True

    def _look_again_later(self) -> None:
        if self.seldom("rate"):
            log.warning("the limit of calls a second is reached: not listening", calls=self.calls)
        if self._refill is not None:
            self._refill.close()
        self._refill = gevent.get_hub().loop.timer(self._rate.wait(time.monotonic()))
        self._refill.start(self._door.vacancy)

    def left(self, serving: _Serving) -> None:
        """A connection's greenlet has ended."""
        self._peers.drop(serving.peer)
        self._door.vacancy()

    def _spawn(self, group: set[_Serving], run: Run, sock: Any, peer: Any) -> None:
        serving = _Serving(self, group, run, sock, peer)
        self._peers.add(serving.peer)
        group.add(serving)
        serving.rawlink(_ended)
        serving.start()

    # --- one call ---------------------------------------------------------------------------------------------------

    def _serve(self, sock: Any, peer: Any) -> None:
        session = self._begin(sock, peer, self._opening)
        if session is None:
            return
        metrics.accepted.n += 1
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
            if self.seldom("refused"):
                log.warning("a call was let go", call=session.channel.uuid, calls=self.calls)
            try:
                self._tell_let_go(session, self._stopping)
            finally:
                session.close()

    def _begin(self, sock: Any, peer: Any, opening: Opening) -> EslSession | None:
        """The session, when its call's data has come."""
        session: EslSession | None = None
        try:
            session = EslSession(peer, sock)
            session.prepare(opening, self._silence_timeout)
        except ReplyTimeout:
            failed = "silent"
            log.warning(
                "a connection was closed: it did not answer `connect`",
                peer=peer[0],
                seconds=self._silence_timeout,
            )
        except LinkClosed as closed:
            failed = "lost"
            log.warning(
                "a connection ended before its call began", peer=peer[0], reason=str(closed)
            )
        except OSError as error:
            failed = "lost"
            log.warning("a connection failed at once", peer=peer[0], reason=error.strerror)
        except BaseException:
            if session is not None:
                session.close()
            raise
        else:
            return session
        if opening is not _CONNECT:  # else it is counted already: there was no room
            metrics.refused[failed].n += 1
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
        self.peer: str = peer[0]
        self.work: tuple[Run, Any, Any] | None = (run, sock, peer)

    def _run(self) -> None:
        assert self.work is not None
        (run, sock, peer), self.work = self.work, None
        run(sock, peer)


def _ended(serving: _Serving) -> None:
    serving.group.discard(serving)
    if serving.work is not None:
        serving.work[1].close()  # killed before it could begin
    serving.listener.left(serving)


def _admission(allow: Iterable[str]) -> Callable[[str], bool]:
    """Says of an address whether it may connect: whether it is in one of the networks. None: all may.

    Raises:
        ValueError: one is no network.
    """
    networks = [ipaddress.ip_network(network, strict=False) for network in allow]

    @lru_cache(1024)
    def allowed(host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return not networks or any((mapped or address) in network for network in networks)

    return allowed


def serve_greenswitch_application(application: Callable[[Any], Any]) -> Handle:
    """A `handle` for an application of greenswitch's `OutboundESLServer`: made with the session, then `run`."""

    def handle(session: EslSession) -> None:
        session.keep_events = False  # such applications have handlers; nobody receives
        application(session).run()

    return handle

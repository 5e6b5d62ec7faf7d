"""The listening socket: open while there is room, closed when there is none.

FreeSWITCH goes to its next host only when the TCP connection fails (measured), so a server that has enough closes its
listening socket. What the kernel has accepted by then would be reset with the socket, and those callers left in
silence: it is taken first, and the socket closed when nobody waits at it. Two kinds: a process that is alone binds its
own; workers that share one get it from their parent, which opens and closes it for all (`fsflows.server.parent`).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent import socket

from fsflows.log import get_logger
from fsflows.server import metrics
from fsflows.server.door.reserve import give_back, keep_back, reserve
from fsflows.server.node.listening import OUT_OF_RESOURCES, bound, dismiss, turn_away, welcome

ACCEPTS_A_TURN = 64
"""Connections taken before the calls in progress get their turn."""

ACCEPTS_A_TURN_SHARED = 8
"""The same where other processes wait at the same socket: they should get some of a burst."""

RETRY = 1.0
"""Seconds after which a listening socket that could not be opened is tried again."""

HALF_OPEN = 0.002
"""Seconds from the last connection taken to the close: a handshake that had begun ends within it."""

AGAIN = 0.01
"""Seconds until somebody is looked after again for whom there was no file descriptor."""

PATIENCE = 5.0
"""Seconds for that when the process stops: then the socket is closed, and they are reset."""

Take = Callable[[Any, Any], None]
"""Given an accepted socket and its peer's address."""

log = get_logger("server.listener")


class Host(Protocol):
    """Who receives what comes through a door."""

    refused: int

    def full(self) -> bool: ...
    def admit(self, sock: Any, peer: Any) -> None: ...
    def let_go(self, sock: Any, peer: Any) -> None: ...
    def seldom(self, kind: str) -> bool: ...


class Door(ABC):
    """A listening socket, watched by the event loop while there is room.

    Attributes:
        address: host and port; the real port, when 0 was asked for, once it is open.
    """

    accepts_a_turn = ACCEPTS_A_TURN

    def __init__(self, address: Any) -> None:
        self.address = address
        self._host: Host | None = None
        self._socket: Any = None
        self._watcher: Any = None
        self._retry: Any = None
        self._closed = False
        self._kept_back = 0
        self._leaving: Any = None  # a socket that is being closed
        self._leave_timer: Any = None
        self._taking: Take | None = None

    def lead_to(self, host: Host) -> None:
        """Who is behind it."""
        self._host = host

    @property
    def open(self) -> bool:
        """Whether connections are taken."""
        return self._watcher is not None

    def start(self) -> None:
        """Open it.

        Raises:
            OSError: the address can't be listened on.
        """
        self._kept_back = keep_back()
        self._watch(self._first())

    def vacancy(self) -> None:
        """There may be room again."""
        if not self._closed and self._watcher is None and not self._behind.full():
            self._cancel_retry()
            self._reopen()

    def look_again(self) -> None:
        """There may be room again, or none any more."""
        if self._watcher is not None and self._behind.full():
            self._filled()
        else:
            self.vacancy()

    def close(self, take: Take) -> None:
        """Close it for good; `take` gets what waits."""
        self._closed = True
        self._cancel_retry()
        self._shut(take)
        until = time.monotonic() + PATIENCE
        while self._leaving is not None and time.monotonic() < until:
            gevent.sleep(HALF_OPEN)
        if (sock := self._stay()) is not None:
            sock.close()
        give_back(self._kept_back)
        self._kept_back = 0

    # --- what the two kinds do their own way -----------------------------------------------------------------------

    @abstractmethod
    def _first(self) -> Any:
        """The listening socket, at the start."""

    @abstractmethod
    def _filled(self) -> None:
        """There is no more room."""

    @abstractmethod
    def _reopen(self) -> None:
        """There is room again."""

    @abstractmethod
    def _exhausted(self) -> None:
        """There are no file descriptors for more; `vacancy` is called in a while."""

    # --- the socket ------------------------------------------------------------------------------------------------

    @property
    def _behind(self) -> Host:
        assert self._host is not None
        return self._host

    def _watch(self, sock: Any) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._watcher = gevent.get_hub().loop.io(sock.fileno(), 1)
        self._watcher.start(self._acceptable)

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def _shut(self, take: Take) -> None:
        """Take no more connections, leave none behind, and close the socket."""
        self._unwatch()
        listening, self._socket = self._socket, None
        if listening is not None:
            self._leaving, self._taking = listening, take
            self._leave(last=False)

    def _leave(self, *, last: bool) -> None:
        """Take whoever waits. `last`: nobody waited a moment ago, and nobody begins any more."""
        listening, take, wait = self._leaving, self._taking, HALF_OPEN
        assert take is not None
        while True:
            try:
                connection = listening.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in OUT_OF_RESOURCES:
                    continue  # that connection failed before we got to it
                if not self._dismiss_all(listening):
                    wait, last = AGAIN, False
                break
            last = False
            take(*connection)
            if listening is not self._leaving:
                return  # there is room for more after all
        self._stay()
        if last:
            listening.close()
            return
        self._leaving = listening
        self._leave_timer = gevent.get_hub().loop.timer(wait)
        self._leave_timer.start(lambda: self._leave(last=wait == HALF_OPEN))

    def _stay(self) -> Any:
        """Don't close what is being closed: the socket; None: there is none."""
        if self._leave_timer is not None:
            self._leave_timer.close()
            self._leave_timer = None
        sock, self._leaving = self._leaving, None
        return sock

    def _dismiss_all(self, listening: Any) -> bool:
        """Let go, with the reserve of descriptors, whoever waits; False: not even with that."""
        with reserve():
            while True:
                try:
                    sock, _ = listening.accept()
                except BlockingIOError:
                    return True
                except OSError as error:
                    if error.errno in OUT_OF_RESOURCES:
                        return False
                    continue
                self._behind.refused += 1
                metrics.refused["no_descriptors"].n += 1
                dismiss(sock)

    def _resume_later(self) -> None:
        self._retry = gevent.get_hub().loop.timer(RETRY)
        self._retry.start(self.vacancy)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.close()
            self._retry = None

    # --- accepting --------------------------------------------------------------------------------------------------

    def _acceptable(self) -> None:
        for _ in range(self.accepts_a_turn):
            connection = self._accept()
            if connection is None:
                return
            self._behind.admit(*connection)
            if self._behind.full():
                self._filled()
                return

    def _accept(self) -> tuple[Any, Any] | None:
        """One connection; ``None`` when none waits, or when there is no file descriptor for it."""
        while self._socket is not None:
            try:
                connection: tuple[Any, Any] = self._socket.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in OUT_OF_RESOURCES:
                    self._starve(error)
                    return None
                continue  # that connection failed before we got to it
            return connection
        return None

    def _starve(self, error: OSError) -> None:
        """Out of file descriptors: don't listen until some are back."""
        if self._behind.seldom("starved"):
            log.error("out of file descriptors: not listening", error=error.strerror)
        self._unwatch()
        self._exhausted()
        if not self._closed:
            self._resume_later()


class OwnDoor(Door):
    """A listening socket of this process alone.

    Args:
        address: host and port; port 0: any that is free.
        backlog: connections that the kernel keeps while we are busy.
    """

    def __init__(self, address: tuple[str, int], backlog: int = 1024) -> None:
        super().__init__(address)
        self._backlog = backlog

    def _first(self) -> Any:
        sock = bound(self.address, self._backlog, socket.socket)
        self.address = sock.getsockname()
        return sock

    def _filled(self) -> None:
        turn_away(self._socket)
        self._shut(self._behind.let_go)

    def close(self, take: Take) -> None:
        """See `Door`."""
        if self._socket is not None:
            turn_away(self._socket)
        super().close(take)

    def _reopen(self) -> None:
        try:
            sock = self._stay()
            if sock is None:
                sock = bound(self.address, self._backlog, socket.socket)
            else:
                welcome(sock)
            self._watch(sock)
        except OSError as error:
            if self._behind.seldom("reopen"):
                log.error("can't listen; trying again", error=error.strerror)
            self._resume_later()
            return
        if self._behind.seldom("again"):
            log.info("accepting calls again")

    def _exhausted(self) -> None:
        self._filled()


class LentDoor(Door):
    """A listening socket that several processes share, from the one that keeps it.

    A worker that is full only looks away: what waits is for the others. The socket is closed when its keeper says
    so (`take_away`), since all of them are full, and comes back with `bring`.

    Args:
        ask: fetches the socket, at the start. Raises OSError: it can't be had.
        report: told whether this worker has no room.
    """

    accepts_a_turn = ACCEPTS_A_TURN_SHARED

    def __init__(self, ask: Callable[[], Any], report: Callable[[bool], None]) -> None:
        super().__init__(("", 0))
        self._ask = ask
        self._report = report

    def bring(self, sock: Any) -> None:
        """The socket is open (again)."""
        if (leaving := self._stay()) is not None:
            leaving.close()  # the same one, or one whose keeper has it still
        if self._closed or self._socket is not None:
            sock.close()
        elif self._behind.full():
            sock.setblocking(False)
            self._socket = sock
        else:
            self._watch(sock)

    def missed(self) -> None:
        """The socket was to come, and could not be taken: there are no file descriptors. It is asked for again."""
        self._report(True)
        self._resume_later()

    def take_away(self) -> None:
        """All are full: let go of whoever waits, and close it."""
        self._shut(self._behind.let_go)

    def _first(self) -> Any:
        sock = self._ask()
        self.address = sock.getsockname()
        return sock

    def _filled(self) -> None:
        self._unwatch()
        self._report(True)

    def _reopen(self) -> None:
        if self._socket is not None:
            self._watch(self._socket)
        self._report(False)

    def _exhausted(self) -> None:
        self._report(True)

"""The parent's listening sockets in use: lent to workers, opened again when they can be, closed for all of them."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Any

from fsflows.log import get_logger
from fsflows.server.node.channel import Message
from fsflows.server.parent.sockets import Sockets

RETRY = 0.05
"""Seconds after which a socket is opened again that workers are just letting go of."""

CLOSING = 1.0
"""Seconds that workers may take to close a socket until it is a fault that it can't be opened."""

SELDOM = 10.0
"""Seconds between two log lines about the same thing."""

CALLS = "calls"

log = get_logger("server.parent")


class Lending:
    """See the module.

    Args:
        sockets: the sockets.
        selector: the parent's; of a socket whose callers nobody takes it is told with the data `dismiss`.
        send: says something to a worker, with descriptors.
        there: whether a worker is.
    """

    def __init__(
        self,
        sockets: Sockets,
        selector: selectors.BaseSelector,
        send: Callable[[int, Message, list[int]], Any],
        there: Callable[[int], bool],
    ) -> None:
        self._sockets = sockets
        self._selector = selector
        self._send = send
        self._there = there
        self._later: list[tuple[float, int, str]] = []
        self._dismissing = False
        self._said_at = self._shut_at = float("-inf")

    @property
    def due(self) -> float:
        """When to look again (`retry`)."""
        return min((at for at, _, _ in self._later), default=float("inf"))

    def give(self, number: int, name: str, now: float) -> None:
        """Give a worker a socket; now, or when it can be opened."""
        if not self._there(number):
            return  # open, with nobody who accepts, it would be a trap
        if name == CALLS:
            self._stop_dismissing()
        try:
            sock = self._sockets.open(name)
        except OSError as error:
            if not self._sockets.was_open(name):
                self._send(number, {"what": "socket", "name": name, "errno": error.errno}, [])
                return
            if self.deaf(now) and now - self._said_at > SELDOM:
                self._said_at = now
                log.warning("can't listen; trying again", socket=name, error=error.strerror)
            self._later.append((now + RETRY, number, name))
            return
        self._send(number, {"what": "socket", "name": name}, [sock.fileno()])

    def retry(self, now: float) -> None:
        """Give what could not be opened before."""
        for give in [each for each in self._later if each[0] <= now]:
            self._later.remove(give)
            self.give(give[1], give[2], now)

    def deaf(self, now: float) -> bool:
        """Whether calls are wanted and we can't listen; workers get a moment to close what we closed."""
        wanted = any(name == CALLS for _, _, name in self._later)
        return wanted and now - self._shut_at > CLOSING

    def unwanted(self) -> None:
        """Nobody is to have the calls' socket any more."""
        self._later = [give for give in self._later if give[2] != CALLS]

    def shut(self, *, dismiss: bool, successor: str) -> None:
        """Close the calls' socket.

        Args:
            dismiss: no worker has it, and those who wait are let go.
            successor: "starts": it has the socket too, and does not accept yet, so that we let go of whoever comes;
                "serves": it goes on with it; "": there is none.
        """
        if successor == "starts" and self._sockets.is_open(CALLS):
            if not self._dismissing:
                self._dismissing = True
                sock = self._sockets.open(CALLS)
                self._selector.register(sock, selectors.EVENT_READ, "dismiss")
            return
        self._stop_dismissing()
        self._shut_at = time.monotonic()
        self._sockets.close(CALLS, dismiss=dismiss, inherited=successor == "serves")

    def dismiss(self) -> None:
        """Let go of whoever waits."""
        self._sockets.dismiss(CALLS)

    def _stop_dismissing(self) -> None:
        """Somebody accepts again, or we close it."""
        if self._dismissing:
            self._dismissing = False
            self._selector.unregister(self._sockets.open(CALLS))

"""Ends a function that computes without ever letting others run.

All calls of a process share one thread: while a flow author's function computes, nobody else's keys are read. A
timer of gevent can't end it, since gevent doesn't get to run either; a signal can, since Python delivers it between
two instructions of whatever is running.
"""

from __future__ import annotations

import signal
import time
import traceback
from types import FrameType

import gevent
import structlog

from fsflows.conversation.functions import BLOCKING_LIMIT, FunctionBlocked, running

BEAT = 0.1
"""Seconds between two looks, and between two signs of life of the hub."""

log = structlog.get_logger("fsflows.server")


class Watchdog:
    """Watches how long the hub has not run. For the main thread of a process; one at a time.

    Attributes:
        lag: the hub's lag at the last look, in seconds (a metric).
    """

    def __init__(self, limit: float = BLOCKING_LIMIT) -> None:
        self.limit = limit
        self.lag = 0.0
        self._alive_at = time.monotonic()
        self._reported = False
        self._beat: gevent.Greenlet | None = None  # type: ignore[type-arg]
        self._before: object = None

    def start(self) -> None:
        """Begin to watch."""
        self._alive_at = time.monotonic()
        self._beat = gevent.spawn(self._live)
        self._before = signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, BEAT, BEAT)

    def stop(self) -> None:
        """Watch no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before or signal.SIG_DFL)  # type: ignore[arg-type]
        if self._beat is not None:
            self._beat.kill(block=False)

    def _live(self) -> None:
        while True:
            gevent.sleep(BEAT)
            now = time.monotonic()
            self.lag = max(0.0, now - self._alive_at - BEAT)
            self._alive_at = now
            self._reported = False

    def _look(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() - self._alive_at <= self.limit or self._reported:
            return
        self._reported = True
        if gevent.getcurrent() in running:
            raise FunctionBlocked
        where = traceback.extract_stack(frame)[-1] if frame is not None else None
        log.error("every call was held up", seconds=self.limit, where=f"{where}")

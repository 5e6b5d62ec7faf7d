"""Ends a function that computes without ever letting others run.

All calls of a process share one thread: while a flow author's function computes, nobody else's keys are read. A
timer of gevent can't end it, since gevent doesn't get to run either; a signal can, since Python delivers it between
two instructions of whatever is running. The alarm is put off as long as the hub runs, so it never rings in a process
that is well.

What a signal can't reach is a single call into C that never comes back. Its place is written to standard error, by a
thread that needs no Python (`faulthandler`); and the function is ended if the call does come back.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import gevent

import fsflows
from fsflows.conversation.functions import BLOCKING_LIMIT, FunctionBlocked, running
from fsflows.log import get_logger
from fsflows.server import metrics

BEAT = 0.1
"""Seconds between two signs of life of the hub."""

AGAIN = 0.05
"""Seconds between two attempts to end a function."""

GRACE = 10
"""Attempts that are put off because the function is just inside this program or gevent, which an exception between any
two instructions could leave half done."""

ATTEMPTS = 5
"""Exceptions that a function may swallow (`except: continue`) before it is put aside for good."""

STUCK = 10.0
"""Seconds after which the place is written to standard error, whatever it is."""

_OURS = tuple(path + os.sep for module in (fsflows, gevent) for path in module.__path__)

log = get_logger("server.watchdog")


class Watchdog:
    """Watches how long the hub has not run. For the main thread of a process; one at a time.

    Args:
        limit: seconds that it may not run.

    Attributes:
        lag: how much later than it wanted the hub ran, at the last look, in seconds (a metric).
    """

    def __init__(self, limit: float = BLOCKING_LIMIT) -> None:
        self.limit = limit
        self.lag = 0.0
        self._alive_at = 0.0
        self._suspect: Any = None  # the greenlet that had the thread at every ring so far
        self._due = 0.0  # when it has had it for too long
        self._rung = 0
        self._raised = 0
        self._beat: gevent.Greenlet[[], None] | None = None
        self._before: Any = signal.SIG_DFL

    def start(self) -> None:
        """Begin to watch."""
        self._before = signal.signal(signal.SIGALRM, self._ring)
        self._beat = gevent.spawn(self._live)

    def stop(self) -> None:
        """Watch no more."""
        # It may run once more before it is killed; it must not set an alarm then that nobody handles.
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.kill(block=False)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)
        faulthandler.cancel_dump_traceback_later()

    def _live(self) -> None:
        report = _stack_reporter()
        while self._beat is not None:
            self._alive_at = time.monotonic()
            self._suspect = None
            signal.setitimer(signal.ITIMER_REAL, self.limit / 2, AGAIN)
            report()
            gevent.sleep(BEAT)
            self.lag = max(0.0, time.monotonic() - self._alive_at - BEAT)
            metrics.hub_lag.add(self.lag)

    def _ring(self, _number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        current = gevent.getcurrent()
        if current is not self._suspect:
            # Who has the thread when the alarm rings may just have got it: only one who keeps it is meant.
            self._due = now + (self.limit if self._suspect is not None else self.limit / 2)
            self._suspect = current
            self._rung = self._raised = 0
            return
        if now < self._due:
            return
        self._rung += 1
        if current not in running:
            if self._rung == 1:
                seconds = round(now - self._alive_at, 1)
                log.error("every call is held up", seconds=seconds, where=_place(frame))
        elif self._rung <= GRACE and _is_ours(frame):
            return
        elif self._raised < ATTEMPTS:
            self._raised += 1
            raise FunctionBlocked
        else:
            log.critical(
                "a function can't be ended; it is put aside, with all that it holds, until a restart",
                where=_place(frame),
            )
            _put_aside(current)


def _put_aside(current: Any) -> None:
    """Never go on with this greenlet. Whoever waits for it gives it up when its time is over."""
    _aside.append(current)
    while True:
        try:
            gevent.get_hub().switch()
        except BaseException:  # noqa: S112 - whatever is thrown at it would be swallowed one floor up
            continue


_aside: list[Any] = []
"""Greenlets must not be thrown away: their functions would be resumed for it, with an exception to swallow."""


def _is_ours(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "?"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def _stack_reporter() -> Callable[[], None]:
    """Puts off the report of where everything stands."""
    try:
        stream = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return lambda: None
    return lambda: faulthandler.dump_traceback_later(STUCK, file=stream)

"""Ends a function that does not come back where no server watches: in a scripted call, whose time stands still."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import greenlet

from fsflows.conversation.functions import FunctionBlocked, running

BEAT = 0.5
"""Seconds between two looks."""


@contextmanager
def alarm(limit: float) -> Iterator[None]:
    """While this holds, a flow's function that has run for `limit` seconds of real time fails. For the main thread."""
    suspect: Any = None
    seen = 0

    def look(_signal: int, _frame: FrameType | None) -> None:
        nonlocal suspect, seen
        current = greenlet.getcurrent()
        if current not in running:
            suspect, seen = None, 0
            return
        seen = seen + 1 if current is suspect else 1
        suspect = current
        if seen * BEAT > limit:
            raise FunctionBlocked(f"did not return within {limit:g} s")

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, BEAT, BEAT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

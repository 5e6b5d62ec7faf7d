"""Nothing that is looked at may hold the doctor up: work with a deadline, on a thread where it can block for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import gevent

from fsflows.threads import Threads, threads

T = TypeVar("T")

_pool: Threads | None = None


class TooSlow(Exception):
    """It did not end in its time."""


def on_a_thread(work: Callable[[], T], seconds: float) -> T:
    """Run `work`, which may block (a network file system that is gone), on a thread that is left to itself if it does.

    Raises:
        TooSlow: it has not ended within `seconds`; it may never.
        Exception: what `work` raised.
    """
    global _pool  # noqa: PLW0603 - threads that hang are no reason for more of them
    if _pool is None:
        _pool = threads(16)
    result = _pool.spawn(work)
    limit = gevent.Timeout(seconds)
    try:
        with limit:
            return cast("T", result.get())
    except gevent.Timeout as timeout:
        if timeout is not limit:
            raise
        raise TooSlow(f"no end within {seconds:g} s") from None

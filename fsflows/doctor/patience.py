"""Nothing that is looked at may hold the doctor up: work with a deadline, on a thread where it can block for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import gevent
from gevent.threadpool import ThreadPool

T = TypeVar("T")

_pool: ThreadPool | None = None


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
        _pool = ThreadPool(16)
    result = _pool.spawn(_outcome, work)
    try:
        value, error = cast("tuple[T, Exception | None]", result.get(timeout=seconds))
    except gevent.Timeout:
        raise TooSlow(f"no end within {seconds:g} s") from None
    if error is not None:
        raise error
    return value


def _outcome(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What comes of it. gevent prints what a thread raises, with the arguments that it was called with."""
    try:
        return work(), None
    except Exception as error:
        return None, error

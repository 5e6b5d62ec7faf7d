"""Long work in turns with the calls that the same process answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import gevent

T = TypeVar("T")

TURN = 0.002
"""Seconds of the processor at a time: a key that comes meanwhile waits for no longer."""


def paced(items: Iterable[T]) -> Iterator[T]:
    """The same, but after each turn the calls have as much time as it took. Waiting is no work."""
    began = time.thread_time()
    for item in items:
        yield item
        worked = time.thread_time() - began
        if worked > TURN:
            gevent.sleep(worked)
            began = time.thread_time()

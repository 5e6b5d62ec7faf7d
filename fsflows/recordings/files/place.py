"""Work in one place that may hang, a directory on a file server say: on threads of its own, with patience.

Threads that hang in one place are missed in no other, and neither is the time of those who would wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
from gevent.event import AsyncResult

from fsflows.hubthread import NoThread
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.threads import Threads

T = TypeVar("T")

AGAIN = 5.0
"""Seconds in which a place that did not answer is not asked: one discard asks several times."""


class NoAnswer(FileWorkFailed):
    """Some work has not ended in its time. It may be done all the same, when the place is back."""


class Place:
    """See the module.

    Args:
        name: for people.
        pool: where the work is done. It stays the caller's to end.
    """

    def __init__(self, name: str, pool: Threads) -> None:
        self.pool = pool
        self._why = f"{name} does not answer: does a file server, or the agent, hang?"
        self._silent_until = 0.0

    def must_answer(self) -> None:
        """Raises `FileWorkFailed` if it did not answer a moment ago."""
        if time.monotonic() < self._silent_until:
            raise FileWorkFailed(self._why)

    def ask(self, patience: float, method: Callable[..., T], *arguments: Any) -> T:
        """What comes of some work within so many seconds, for a thread as well.

        Raises:
            NoAnswer: nothing does.
            FileWorkFailed: nothing has come of other work a moment ago; there is no thread; or what the work raised.
        """
        return self.wait(patience, lambda: self.pool.apply(method, arguments))

    def begin(self, method: Callable[..., T], *arguments: Any) -> AsyncResult[T]:
        """Begin some work, as soon as there is a thread. Raises `NoThread`."""
        return self.pool.spawn(method, *arguments)

    def wait(self, patience: float, work: Callable[[], T]) -> T:
        """The same for work that waits by itself for what is done here."""
        self.must_answer()
        until = time.monotonic() + patience
        limit = gevent.Timeout(patience)
        try:
            with limit:
                return work()
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            self._is_silent()
            raise NoAnswer(self._why) from None
        except NoThread as error:
            raise FileWorkFailed(str(error)) from error
        except FileWorkFailed:
            if time.monotonic() >= until:  # the agent's, after as long
                self._is_silent()
            raise

    def _is_silent(self) -> None:
        self._silent_until = time.monotonic() + AGAIN

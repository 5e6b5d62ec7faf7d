"""Work that blocks, one piece after the other: on a thread beside gevent's hub, or where it is asked for.

What was asked for is done, and in that order, also when nobody waits for it any more: whoever takes something back need
only ask for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import gevent
from gevent.event import AsyncResult
from gevent.monkey import get_original

from fsflows.threads import Threads, threads

T = TypeVar("T")

_Queue = get_original("queue", "SimpleQueue")


class Lane(Protocol):
    """See the module."""

    def post(self, work: Callable[[], T]) -> AsyncResult[T]:
        """Have something done, and give what the result will be in. Doesn't wait; never raises."""

    def wait(self, result: AsyncResult[T], patience: float) -> T:
        """What comes of what was posted here, if it comes within so many seconds. Not waited for at all while the lane
        has been at one piece of work for as long.

        Raises:
            TimeoutError: nothing has come of it; it is done all the same, when its turn comes.
        """

    def close(self, patience: float) -> None:
        """Let go of the thread, after what was posted; that is waited for for so many seconds.

        What is posted later is done where it is asked for.
        """


class Here:
    """Work is done where it is asked for: for commands, tests, and virtual time."""

    def post(self, work: Callable[[], T]) -> AsyncResult[T]:
        result: AsyncResult[T] = AsyncResult()
        try:
            result.set(work())
        except Exception as error:
            result.set_exception(error)
        return result

    def wait(self, result: AsyncResult[T], patience: float) -> T:
        return cast("T", result.get(block=False))

    def close(self, patience: float) -> None:
        pass


class Beside:
    """Work is done on a thread of its own, which begins with the first piece; only the greenlet that asks waits."""

    def __init__(self) -> None:
        self._queue: Any = _Queue()
        self._thread: Threads | None = None
        self._over: AsyncResult[None] | None = None
        self._since: float | None = None

    def post(self, work: Callable[[], T]) -> AsyncResult[T]:
        if self._over is not None and self._over.ready():
            self._do_the_rest()
            return Here().post(work)
        result: AsyncResult[T] = AsyncResult()
        try:
            if self._thread is None:
                self._begin()
        except Exception as error:
            result.set_exception(OSError(f"no thread can be had: {error}"))
        else:
            # By a hub's own queue the thread would begin when the hub has come round.
            self._queue.put((work, gevent.get_hub().loop, result))
        return result

    def wait(self, result: AsyncResult[T], patience: float) -> T:
        since = self._since
        left = patience if since is None else patience - (time.monotonic() - since)
        if left > 0:
            result.wait(left)
        if not result.ready():
            raise TimeoutError("it does not answer")
        return cast("T", result.get(block=False))

    def close(self, patience: float) -> None:
        if self._thread is None or self._over is not None:
            return
        self._over = AsyncResult()
        self._over.rawlink(lambda _: self._do_the_rest())
        self._queue.put((None, gevent.get_hub().loop, self._over))
        self._over.wait(patience)
        if self._over.ready():
            self._thread.kill()  # one that hangs would be waited for; it ends with the process

    def _do_the_rest(self) -> None:
        """What was posted while the thread was waited for: it has gone without that."""
        while not self._queue.empty():
            work, _, result = self._queue.get()
            Here().post(work).rawlink(result)

    def _begin(self) -> None:
        thread = threads(1)
        thread.spawn(self._run)
        self._thread = thread

    def _run(self) -> None:
        while True:
            work, loop, result = self._queue.get()
            self._since = time.monotonic()
            how, what = result.set, None
            if work is not None:
                try:
                    what = work()
                except BaseException as error:
                    how, what = result.set_exception, error
            self._since = None
            cast("Any", loop).run_callback_threadsafe(how, what)
            if work is None:
                return

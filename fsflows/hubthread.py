"""A thread with a hub of its own, for work that waits for the network.

Where gevent has replaced Python's sockets and locks, they belong to the hub of the thread that made them. A library
that keeps connections and lends them to whoever asks (boto3, our agent's client) must then stay in one thread: in
another, a kept connection is an error ("Cannot switch to a different thread"), and a lock may be waited for for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from gevent.pool import Group

from fsflows.threads import Threads, threads

T = TypeVar("T")


class _Loop(Protocol):
    def run_callback_threadsafe(self, function: Callable[..., Any], *arguments: Any) -> object: ...
    def async_(self) -> Any: ...


class HubThread:
    """Runs functions beside each other, as greenlets of one thread. Only the greenlet that asked waits.

    To who asks it is what `Threads` are.
    """

    def __init__(self) -> None:
        self._thread = threads(1)
        self._inside: AsyncResult[_Inside] | None = None

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        """What the function returns, or raises."""
        return cast("T", self.spawn(function, *args).get())

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        """Begin, and give what the result will be in."""
        if self._inside is None:
            self._inside = AsyncResult()
            self._thread.spawn(_run, _loop(), self._inside)
        result: AsyncResult[Any] = AsyncResult()
        _made(self._inside).begin(function, args, _loop(), result)
        return result

    def kill(self) -> None:
        """End the thread, after what was begun. May be called twice."""
        inside, self._inside = self._inside, None
        if inside is not None:
            _made(inside).end()
        self._thread.kill()

    def lane(self, at_once: int) -> Threads:
        """The same for some of the work; of what is applied only so much is done at once."""
        return _Lane(self, at_once)


class _Lane:
    def __init__(self, thread: HubThread, at_once: int) -> None:
        self._thread = thread
        self._room = BoundedSemaphore(at_once)

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        with self._room:
            return self._thread.apply(function, args)

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        return self._thread.spawn(function, *args)

    def kill(self) -> None:
        self._thread.kill()


class _Inside:
    """The thread's side of it. Made in the thread; `begin` and `end` are called from another."""

    def __init__(self) -> None:
        self.over = Event()
        self.working = Group()
        self._loop = _loop()
        # A loop in which nothing is waited for would end.
        self.open = self._loop.async_()
        self.open.start(lambda: None)

    def begin(self, *work: Any) -> None:
        self._loop.run_callback_threadsafe(self.working.spawn, _work, *work)

    def end(self) -> None:
        self._loop.run_callback_threadsafe(self.over.set)


def _run(asker: _Loop, inside: AsyncResult[_Inside]) -> None:
    here = _Inside()
    asker.run_callback_threadsafe(inside.set, here)
    here.over.wait()
    here.working.join()
    here.open.close()


def _work(
    function: Callable[..., Any], args: tuple[Any, ...], asker: _Loop, result: AsyncResult[Any]
) -> None:
    try:
        value = function(*args)
    except BaseException as error:
        asker.run_callback_threadsafe(result.set_exception, error)
    else:
        asker.run_callback_threadsafe(result.set, value)


def _made(begun: AsyncResult[_Inside]) -> _Inside:
    return cast("_Inside", begun.get())


def _loop() -> _Loop:
    return cast("_Loop", gevent.get_hub().loop)

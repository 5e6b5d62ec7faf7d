"""A thread with a hub of its own, for work that waits for the network.

Where gevent has replaced Python's sockets and locks, they belong to the hub of the thread that made them. A library
that keeps connections and lends them to whoever asks (boto3, our agent's client) must then stay in one thread: in
another, a kept connection is an error ("Cannot switch to a different thread"), and a lock may be waited for for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from gevent.pool import Group

from fsflows.threads import Threads, threads

T = TypeVar("T")


class NoThread(Exception):
    """There is no thread for what was asked: it has been ended, or the host has none (too many open files)."""


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
        self._ended = False

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        """What the function returns, or raises.

        Raises:
            NoThread: it is not run.
        """
        return cast("T", self.spawn(function, *args).get())

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        """Begin, and give what the result will be in.

        Raises:
            NoThread: it is not run.
        """
        result: AsyncResult[Any] = AsyncResult()
        self._begun().begin(function, args, _loop(), result)
        return result

    def _begun(self) -> _Inside:
        if self._ended:
            # Else it would be begun again, by whoever comes late, and ended by nobody.
            raise NoThread("it has ended here")
        if self._inside is None:
            self._inside = AsyncResult()
            try:
                self._thread.spawn(_run, _loop(), self._inside)
            except Exception as error:
                # What could not be begun still waits in it.
                self._thread, self._inside = threads(1), None
                raise NoThread(f"no thread can be had: {error}") from error
        inside = self._inside
        try:
            return _made(inside)
        except NoThread:
            if self._inside is inside:
                self._inside = None  # the next one tries again
            raise

    def kill(self) -> None:
        """End the thread, after what was begun. May be called twice."""
        self._ended = True
        inside, self._inside = self._inside, None
        if inside is not None:
            with suppress(NoThread):
                _made(inside).end()
        self._thread.kill()

    def lane(self, at_once: int) -> Threads:
        """The same for some of the work, of which only so much is done at once."""
        return _Lane(self, at_once)


class _Lane:
    def __init__(self, thread: HubThread, at_once: int) -> None:
        self._thread = thread
        self._room = BoundedSemaphore(at_once)

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        with self._room:
            return self._thread.apply(function, args)

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        self._room.acquire()
        try:
            result = self._thread.spawn(function, *args)
        except BaseException:
            self._room.release()
            raise
        result.rawlink(lambda _: self._room.release())
        return result

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
    try:
        here = _Inside()
    except Exception as error:
        asker.run_callback_threadsafe(
            inside.set_exception, NoThread(f"no thread can be had: {error}")
        )
        return
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

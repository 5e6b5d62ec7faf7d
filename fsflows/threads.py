"""Threads beside gevent's hub, for work that blocks: whoever asks waits, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

T = TypeVar("T")


class Threads(Protocol):
    """Some threads; what gevent's pool of them can do, for which its stubs have no types."""

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        """Run a function, and wait for it; what it returns or raises."""

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        """Run a function, and don't wait. What it raises is for who asks for the result, and else nobody's."""

    def kill(self) -> None:
        """End them. May be called twice."""


def threads(count: int) -> Threads:
    """So many of one's own: gevent's are for DNS, which must not wait behind a disk that hangs."""
    return _Quiet(count)


class _Quiet:
    """gevent's own prints whatever a function raises, with its arguments, past the log: also what is waited for."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPool(count)

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        return cast("T", self.spawn(function, *args).get())

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        result: AsyncResult[Any] = AsyncResult()
        ended = self._pool.spawn(_outcome, function, args)
        ended.rawlink(partial(_pass_on, result))
        return result

    def kill(self) -> None:
        self._pool.kill()


def _outcome(
    function: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Any, BaseException | None]:
    try:
        return function(*args), None
    except BaseException as error:
        return None, error


def _pass_on(result: AsyncResult[Any], ended: Any) -> None:
    value, error = ended.get()
    if error is None:
        result.set(value)
    else:
        result.set_exception(error)

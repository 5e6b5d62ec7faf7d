"""Threads beside gevent's hub, for work that blocks: whoever asks waits, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

T = TypeVar("T")


class Threads(Protocol):
    """Some threads; what gevent's pool of them can do, for which its stubs have no types."""

    def apply(self, function: Callable[..., T], args: tuple[Any, ...] = ()) -> T:
        """Run a function, and wait for it; what it returns or raises."""

    def spawn(self, function: Callable[..., Any], *args: Any) -> AsyncResult[Any]:
        """Run a function, and don't wait."""

    def kill(self) -> None:
        """End them. May be called twice."""


def threads(count: int) -> Threads:
    """So many of one's own: gevent's are for DNS, which must not wait behind a disk that hangs."""
    return cast("Threads", ThreadPool(count))

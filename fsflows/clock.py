"""Time, behind one door: gevent's in production, a virtual one in tests and in `fsflows test`.

Whoever waits, waits through a `Clock`. The same conversation code then runs on real calls and, thousands of
times faster and the same from run to run, on a clock that jumps to the next thing that is due.

All times are seconds on the clock's own monotonic scale (``clock.now()``), never wall-clock time; a deadline is a
point on that scale, and ``None`` means "no deadline".
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

import gevent
import gevent.event
import greenlet

T = TypeVar("T")


class TaskKilled(BaseException):
    """Raised inside a task that is ended with `Task.kill`. Not an `Exception`, so that a broad handler lets it by."""


class Task(Protocol):
    """A function running beside the one that started it."""

    @property
    def done(self) -> bool:
        """Whether the function has returned or raised."""

    @property
    def value(self) -> Any:
        """What the function returned; ``None`` until then, and when it raised."""

    @property
    def exception(self) -> BaseException | None:
        """What the function raised, if it did."""

    @property
    def frame(self) -> FrameType | None:
        """Where the function waits now, for a log line; None when it is done."""

    def join(self, until: float | None = None) -> bool:
        """Wait until the task is done or the deadline has passed; says whether it is done."""

    def kill(self) -> None:
        """End the task where it waits (raises `TaskKilled` there). Does nothing to a task that is done."""


class Mailbox(Protocol[T]):
    """A queue with one reader."""

    def put(self, item: T) -> None:
        """Add an item; never waits."""

    def get(self, until: float | None = None) -> T | None:
        """The oldest item, waiting for one until the deadline; ``None`` when it passes with none."""

    def __len__(self) -> int: ...


class Clock(Protocol):
    """Where time comes from, and how to wait for it."""

    def now(self) -> float:
        """Seconds, monotonic."""

    def utcnow(self) -> datetime:
        """The wall-clock time, in UTC; for records and logs, never for timers."""

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""

    def spawn(self, function: Callable[..., Any], *args: Any) -> Task:
        """Run a function beside the caller."""

    def mailbox(self) -> Mailbox[Any]:
        """A new, empty mailbox."""


# --- gevent -----------------------------------------------------------------------------------------------------


class _GeventTask:
    __slots__ = ("_exception", "_greenlet", "value")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.value: Any = None
        self._exception: BaseException | None = None
        self._greenlet = gevent.spawn(self._run, function, args)

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        # Kept here rather than in the greenlet: gevent would print the traceback of a function that the caller
        # of `spawn` is about to report in its own words.
        try:
            self.value = function(*args)
        except BaseException as error:
            self._exception = error

    @property
    def done(self) -> bool:
        return self._greenlet.ready()

    @property
    def exception(self) -> BaseException | None:
        return self._exception

    @property
    def frame(self) -> FrameType | None:
        return self._greenlet.gr_frame

    def join(self, until: float | None = None) -> bool:
        self._greenlet.join(None if until is None else max(0.0, until - time.monotonic()))
        return self._greenlet.ready()

    def kill(self) -> None:
        self._greenlet.kill(TaskKilled, block=False)


class _GeventMailbox(Generic[T]):
    __slots__ = ("_items", "_waiter")

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._waiter: gevent.event.Event | None = None

    def put(self, item: T) -> None:
        self._items.append(item)
        if self._waiter is not None:
            self._waiter.set()

    def get(self, until: float | None = None) -> T | None:
        while not self._items:
            timeout = None if until is None else until - time.monotonic()
            if timeout is not None and timeout <= 0:
                return None
            self._waiter = gevent.event.Event()
            try:
                self._waiter.wait(timeout)
            finally:
                self._waiter = None
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)


class GeventClock:
    """Real time. Waiting lets gevent's other greenlets run."""

    # Asked for twenty times a key: no function of ours around it.
    now = staticmethod(time.monotonic)

    def utcnow(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def spawn(self, function: Callable[..., Any], *args: Any) -> Task:
        return _GeventTask(function, args)

    def mailbox(self) -> Mailbox[Any]:
        return _GeventMailbox()


# --- virtual ----------------------------------------------------------------------------------------------------

_EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Deadlocked(RuntimeError):
    """Everything in a virtual world waits and nothing is due: in real time it would stand still for ever."""


class _VirtualTask:
    __slots__ = ("_clock", "_ended", "_greenlet", "_started", "exception", "value")

    def __init__(
        self, clock: VirtualClock, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.value: Any = None
        self.exception: BaseException | None = None
        self._clock = clock
        self._ended = False
        self._started = False

        def run() -> None:
            self._started = True
            try:
                self.value = function(*args)
            except BaseException as error:
                self.exception = error
            self._ended = True
            clock._wake_all(self)

        self._greenlet = greenlet.greenlet(run, clock._hub)
        clock.at(clock.now(), self._begin)

    def _begin(self) -> None:
        if not self._ended:
            self._greenlet.switch()

    @property
    def done(self) -> bool:
        return self._ended

    @property
    def frame(self) -> FrameType | None:
        return None if self._ended else self._greenlet.gr_frame

    def join(self, until: float | None = None) -> bool:
        while not self._ended:
            if not self._clock._wait(self, until):
                break
        return self._ended

    def kill(self) -> None:
        if self._ended:
            return
        if not self._started:
            self._ended = True
            self._clock._wake_all(self)
            return
        self._clock.at(
            self._clock.now(), lambda: None if self._ended else self._greenlet.throw(TaskKilled)
        )


class _VirtualMailbox(Generic[T]):
    __slots__ = ("_clock", "_items", "_reader")

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._items: deque[T] = deque()
        self._reader: _Waiter | None = None

    def put(self, item: T) -> None:
        self._items.append(item)
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.woken = True
            self._clock.at(self._clock._now, reader.resume)

    def get(self, until: float | None = None) -> T | None:
        while not self._items:
            if until is not None and until <= self._clock._now:
                return None
            waiter = self._reader = _Waiter()
            try:
                if not self._clock._sleep(waiter, until):
                    return None
            finally:
                self._reader = None
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)


class VirtualClock:
    """Time that jumps to the next thing that is due, so an hour of waiting takes as long as the work in it.

    Things that are due at the same time run in the order in which they were asked for: a run is the same
    from one time to the next. Use `run` to start a world; inside it, everything waits through this clock.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._start = start
        self._agenda: list[tuple[float, int, Callable[[], Any]]] = []
        self._asked = 0
        self._hub = greenlet.greenlet(self._loop)
        self._waiting: dict[int, deque[_Waiter]] = {}

    def now(self) -> float:
        return self._now

    def utcnow(self) -> datetime:
        return _EPOCH + timedelta(seconds=self._now - self._start)

    def at(self, when: float, callback: Callable[[], Any]) -> None:
        """Call `callback` at a time (or as soon as possible, when that is past). It must not wait."""
        self._asked += 1
        if when < self._now:  # noqa: PLR1730 - `max` costs more than all the rest
            when = self._now
        heapq.heappush(self._agenda, (when, self._asked, callback))

    def sleep(self, seconds: float) -> None:
        self._wait(None, self._now + max(0.0, seconds))

    def spawn(self, function: Callable[..., Any], *args: Any) -> Task:
        return _VirtualTask(self, function, args)

    def mailbox(self) -> Mailbox[Any]:
        return _VirtualMailbox(self)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in this world until it returns; its value, or its exception.

        Raises:
            Deadlocked: the function waits for something that will never come.
        """
        task = _VirtualTask(self, function, args)
        self._hub.parent = greenlet.getcurrent()
        outcome = self._hub.switch(task)
        if not outcome:
            raise Deadlocked(
                f"at {self._now - self._start:.3f} s every task waits and nothing is due"
            )
        if task.exception is not None:
            raise task.exception
        value: T = task.value
        return value

    def _loop(self, task: _VirtualTask) -> bool:
        while True:
            while not task._ended:
                if not self._agenda:
                    break
                when, _, callback = heapq.heappop(self._agenda)
                self._now = when
                callback()
            parent = self._hub.parent
            assert parent is not None
            task = parent.switch(task._ended)

    def _wait(self, key: object, until: float | None) -> bool:
        """Wait to be woken by `_wake_all(key)`: True; or for the deadline: False."""
        if until is not None and until <= self._now and key is not None:
            return False
        waiter = _Waiter()
        waiters = self._waiting.setdefault(id(key), deque()) if key is not None else None
        if waiters is not None:
            waiters.append(waiter)
        try:
            return self._sleep(waiter, until)
        finally:
            if waiters is not None:
                if waiter in waiters:
                    waiters.remove(waiter)
                if not waiters:
                    self._waiting.pop(id(key), None)

    def _sleep(self, waiter: _Waiter, until: float | None) -> bool:
        if until is not None:
            self.at(until, waiter.expire)
        try:
            return bool(self._hub.switch())
        finally:
            waiter.left = True

    def _wake_all(self, key: object) -> None:
        waiters = self._waiting.get(id(key))
        while waiters:
            waiter = waiters.popleft()
            waiter.woken = True
            self.at(self._now, waiter.resume)


class _Waiter:
    """A greenlet that waits in `VirtualClock._wait`. It may be woken, expire or be killed, in any order: once."""

    __slots__ = ("greenlet", "left", "woken")

    def __init__(self) -> None:
        self.greenlet = greenlet.getcurrent()
        self.woken = False
        self.left = False

    def expire(self) -> None:
        if not self.woken and not self.left:
            self.greenlet.switch(False)

    def resume(self) -> None:
        if not self.left:
            self.greenlet.switch(True)

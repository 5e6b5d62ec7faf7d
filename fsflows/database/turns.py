"""Transactions on a thread beside gevent's hub, one after the other; what waits meanwhile is committed together.

A commit waits for the disk, some 0.1 ms on a good one and 10 ms on a slow one, and a recorded call has several. One by
one, a slow disk would let callers wait for each other; together, a hundred wait as long as one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

import gevent
from gevent.event import AsyncResult
from sqlalchemy import Connection

from fsflows.threads import threads

T = TypeVar("T")
Work = Callable[[Connection], Any]


class Kind(Enum):
    """What a transaction is."""

    READ = "read"
    WRITE = "write"
    SINGLE = "single"
    """One statement that writes."""


READ, WRITE, SINGLE = Kind


AT_ONCE = 50
"""Transactions that are committed together, at most: they wait for each other."""


class Runs(Protocol):
    """How transactions are run; on the thread."""

    def alone(self, work: Work, kind: Kind) -> Any:
        """One transaction; raises what it raises."""

    def together(self, works: Sequence[Work]) -> list[Any]:
        """Several that write, as one: if it raises, none of them has happened."""


@dataclass(slots=True)
class _Asked:
    work: Work
    kind: Kind
    answer: Callable[[Any], None]
    failed: Callable[[BaseException], None]


class Turns:
    """A queue of transactions, and its thread.

    Args:
        runs: what runs them.
        together: whether writes are committed together. Each may then run twice: together, and by itself when one of
            those that it was together with has failed.
        patience: seconds that the impatient wait.
    """

    def __init__(self, runs: Runs, *, together: bool, patience: float) -> None:
        self._runs = runs
        self._patience = patience
        self._begun_at: float | None = None
        self._silent_until = 0.0
        self._at_once = AT_ONCE if together else 1
        self._waiting: list[_Asked] = []
        self._working: gevent.Greenlet[..., None] | None = None
        self._thread = threads(1)

    def run(self, work: Callable[[Connection], T], kind: Kind, *, impatient: bool = False) -> T:
        """Run a transaction when its turn comes; raises what it raises. It is run even if this is not waited for.

        `impatient`: somebody is kept waiting by it.

        Raises:
            TimeoutError: it took too long, or what is run now has: nothing can be known of it if it had begun.
        """
        answer: AsyncResult[T] = AsyncResult()
        asked = _Asked(work, kind, answer.set, answer.set_exception)
        if not impatient:
            self._ask(asked)
            return cast("T", answer.get())
        if self._is_silent():
            raise TimeoutError
        self._ask(asked)
        answer.wait(self._patience)
        if not answer.ready():
            if asked in self._waiting:
                self._waiting.remove(asked)
            self._silent_until = time.monotonic() + self._patience / 2
            raise TimeoutError
        return cast("T", answer.get())

    def _is_silent(self) -> bool:
        """Whether what is run now has taken too long; or, a moment ago, somebody had waited for too long, or a turn
        took half as long to fail: to find that a server can't be reached. Who asks five times would wait five times.
        The first transaction that succeeds ends it.
        """
        now, begun = time.monotonic(), self._begun_at
        hangs = begun is not None and now - begun >= self._patience
        return hangs or now < self._silent_until

    def post(self, work: Work, kind: Kind, failed: Callable[[BaseException], None]) -> None:
        """Run a transaction that writes when its turn comes, and don't wait; `failed` is told of what it raises."""
        self._ask(_Asked(work, kind, _nothing, failed))

    def close(self, last: Callable[[], None]) -> None:
        """Do what waits, then a last thing, and end the thread."""
        if self._working is not None:
            self._working.join()
        self._thread.apply(last)
        self._thread.kill()

    def _ask(self, asked: _Asked) -> None:
        self._waiting.append(asked)
        if self._working is None:
            self._working = gevent.spawn(self._work_off)

    def _work_off(self) -> None:
        try:
            while self._waiting:
                turn = self._next()
                for asked, (value, error) in zip(turn, self._outcomes(turn), strict=True):
                    try:
                        if error is None:
                            asked.answer(value)
                        else:
                            asked.failed(error)
                    except Exception:  # its own fault; those behind it must not wait for ever
                        gevent.get_hub().handle_error(asked, *sys.exc_info())
        finally:
            self._working = None

    def _outcomes(self, turn: list[_Asked]) -> list[tuple[Any, BaseException | None]]:
        self._begun_at = begun = time.monotonic()
        try:
            outcomes: list[tuple[Any, BaseException | None]]
            outcomes = self._thread.apply(self._take, (turn,))
        except BaseException as error:  # no thread can be had: they must not wait for ever
            outcomes = [(None, error)] * len(turn)
        finally:
            self._begun_at = None
        now, long = time.monotonic(), self._patience / 2
        if any(error is None for _, error in outcomes):
            self._silent_until = 0.0  # it is back; or it was that one transaction
        elif now - begun >= long:
            self._silent_until = now + long
        return outcomes

    def _next(self) -> list[_Asked]:
        """The writes that wait, up to the first read; or that, alone: it need not wait for the disk."""
        count = 1
        if self._waiting[0].kind is not READ:
            most = min(len(self._waiting), self._at_once)
            while count < most and self._waiting[count].kind is not READ:
                count += 1
        turn, self._waiting = self._waiting[:count], self._waiting[count:]
        return turn

    def _take(self, turn: Sequence[_Asked]) -> list[tuple[Any, BaseException | None]]:
        if len(turn) > 1:
            try:
                return [(each, None) for each in self._runs.together([a.work for a in turn])]
            except Exception:
                pass
        return [self._alone(asked) for asked in turn]

    def _alone(self, asked: _Asked) -> tuple[Any, BaseException | None]:
        try:
            return self._runs.alone(asked.work, asked.kind), None
        except BaseException as error:
            return None, error


def _nothing(_value: Any) -> None:
    pass

"""Running a flow author's function: bounded in time, and never able to take the call or the server down.

The function runs as a task of its own, so that one that is slow can be covered with a delay phrase and one that hangs
can be given up. Two limits:

* `function_timeout` of the flow (10 s by default): a function that waits for something (a web service, a database);
* `BLOCKING_LIMIT`: a function that computes without ever letting others run holds up every call of the process, so
  `fsflows.server.worker.watchdog` ends it sooner.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import greenlet

from fsflows.clock import TaskKilled
from fsflows.flow.errors import suggest
from fsflows.flow.schema.synonyms import CONVERSATION, meant

if TYPE_CHECKING:
    from fsflows.clock import Clock, Task

BLOCKING_LIMIT = 1.0
"""Seconds that a function may compute in one go. Every other call of the process waits meanwhile."""


_MAY_GO_ON = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

running: set[Any] = set()
"""The greenlets in which a flow author's function runs now."""


class FunctionBlocked(TaskKilled):
    """Raised inside a function that computed for longer than `BLOCKING_LIMIT` without letting others run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a function could not be used, for the log.

    Attributes:
        function: its name.
        what: "raised ValueError: ...", "did not return within 10 s".
        where: `file:line` in the flow author's own code; empty when unknown.
        error: the exception, when there was one.
        timed_out: whether it took too long.
    """

    function: str
    what: str
    where: str = ""
    error: BaseException | None = None
    timed_out: bool = False

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.function}() {self.what}"

    @property
    def noted(self) -> str:
        """The same beside the function's name, for the record."""
        return self.what + (f" ({self.where})" if self.where else "")


@dataclass(frozen=True, slots=True)
class Ran:
    """A function's run: `failure` says whether `value` can be used. `seconds` on the call's clock."""

    value: Any
    seconds: float
    failure: Failure | None = None


class Company(Protocol):
    """The call that a function runs on."""

    def attend(self, until: float | None) -> bool:
        """Take what happens next, or wait until the deadline; False when the call is over or the time has come."""

    def wake(self) -> None:
        """Let `attend` return."""


class Limit:
    """How long a function may still take. Time that it spends with the caller (`GetDtmfTask`) is not its own."""

    def __init__(self, clock: Clock, seconds: float, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._heard = clock.mailbox()
        self._left = seconds
        self._since: float | None = clock.now()
        self._changed = changed

    @property
    def until(self) -> float | None:
        """When it is over; None while it is suspended."""
        return None if self._since is None else self._since + self._left

    def suspend(self) -> None:
        """Stop counting, and take over the call: when this returns, nobody else reads its events."""
        if self._since is not None:
            self._left -= self._clock.now() - self._since
            self._since = None
            self._changed()
            self._heard.get()

    def heard(self) -> None:
        """Whoever watched the function knows of a change."""
        if self._since is None:
            self._heard.put("heard")

    def resume(self) -> None:
        """Go on counting."""
        if self._since is None:
            self._since = self._clock.now()
            self._changed()


def call_function(
    clock: Clock,
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    timeout: float,
    passing: tuple[type[BaseException], ...] = (),
    on_limit: Callable[[Limit], None] = lambda limit: None,
    waiting: Callable[[float], float | None] = lambda waited: None,
    begin: Callable[[], None] = lambda: None,
    company: Company | None = None,
) -> Ran:
    """Run a function to its end, its error or its limit.

    Args:
        clock: whose time counts.
        name: for the log.
        function: the flow author's.
        arguments: offered to it; a function that takes fewer gets fewer.
        timeout: seconds it may take.
        passing: exceptions that are not its failure (the call ended): they come out of here.
        on_limit: given the `Limit`, so that a function that turns to the caller can suspend it.
        waiting: called with the seconds it has taken so far; returns when to call again (seconds from the start), or
            None. This is where delay phrases are said.
        begin: called first in the function's own task.
        company: the call, which goes on meanwhile: a prompt of several sounds must get from one to the next.
    """
    started = clock.now()
    news = clock.mailbox()

    def tell(what: str) -> None:
        news.put(what)
        if company is not None:
            company.wake()

    def next_news(until: float | None) -> Any:
        # A function that has turned to the caller reads the call's events itself.
        while company is not None and limit.until is not None and not len(news):
            if not company.attend(until):
                break
        return news.get(until)

    limit = Limit(clock, timeout, lambda: tell("limit"))
    on_limit(limit)

    def run() -> Any:
        me = greenlet.getcurrent()
        running.add(me)
        try:
            begin()
            return function(*arguments[: arity(function, len(arguments))])
        finally:
            running.discard(me)
            tell("done")

    task = clock.spawn(run)
    again = waiting(0.0)
    try:
        while True:
            due = None if again is None or limit.until is None else started + again
            match next_news(_earlier(limit.until, due)):
                case "done":
                    task.join()
                    break
                case "limit":
                    limit.heard()
            now = clock.now()
            if limit.until is not None and now >= limit.until:
                break
            if due is not None and now >= due:
                again = waiting(now - started)
    except BaseException:  # the call is interrupted: nobody is left to wait for it
        _give_up(clock, task)
        raise
    seconds = clock.now() - started
    if not task.done:
        where = _place(task.frame, function)
        _give_up(clock, task)
        what = f"did not return within {timeout:g} s"
        return Ran(None, seconds, Failure(name, what, where, timed_out=True))
    error = task.exception
    if error is None:
        return Ran(task.value, seconds)
    failure = None if isinstance(error, passing) else _failure(name, function, error)
    _let_go(error)
    if failure is not None:
        return Ran(None, seconds, failure)
    try:
        raise error
    finally:
        del error, task


def _let_go(error: BaseException) -> None:
    """What it was raised through holds on to the call, and to the task that has it."""
    trace = error.__traceback__
    while trace is not None:
        # A generator or a coroutine may go on, for other calls (an author's client): clearing it would end it.
        if not trace.tb_frame.f_code.co_flags & _MAY_GO_ON:
            # One that still runs, in another thread or greenlet, can't be cleared.
            with suppress(RuntimeError):
                trace.tb_frame.clear()
        trace = trace.tb_next


def _give_up(clock: Clock, task: Task) -> None:
    """End a function that waits. It is out of the way, its `finally` done, before anything else happens."""
    task.kill()
    clock.sleep(0)


def _earlier(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _failure(name: str, function: Callable[..., Any], error: BaseException) -> Failure:
    where = _line(error.__traceback__, function)
    if isinstance(error, FunctionBlocked):
        what = str(error) or f"computed for more than {BLOCKING_LIMIT:g} s and held up every call"
    else:
        what = f"raised {type(error).__name__}: {error}{_instead(error)}"
    return Failure(name, what, where, error)


def _instead(error: BaseException) -> str:
    """What `conv` and `flow` have, when something else was asked of them."""
    if not isinstance(error, AttributeError) or not isinstance(error.name, str):
        return ""
    if not type(error.obj).__module__.startswith("fsflows.conversation."):
        return ""
    asked = hasattr(error.obj, "call_handoff") or hasattr(error.obj, "goto_step")
    ours = meant(CONVERSATION, error.name) if asked else None
    if ours:
        return f"; write {ours}"
    known = [name for name in dir(error.obj) if not name.startswith("_")]
    return suggest(error.name, known, what="it has")


def arity(function: Callable[..., Any], offered: int) -> int:
    """How many of the offered positional arguments a function takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return offered
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return offered
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(offered, sum(parameter.kind in kinds for parameter in parameters))


def defined(function: Callable[..., Any]) -> str:
    """`file:line` of where a function begins; empty when it has no source."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else ""


def source_file(function: Callable[..., Any]) -> str:
    """The file a function was written in; empty when it has none."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code is not None else ""


def _line(trace: TracebackType | None, function: Callable[..., Any]) -> str:
    """The last line of the author's file that the error came through."""
    file = source_file(function)
    lines = [entry for entry in traceback.extract_tb(trace) if entry.filename == file]
    return f"{Path(file).name}:{lines[-1].lineno}" if lines else ""


def _place(frame: FrameType | None, function: Callable[..., Any]) -> str:
    """Where in the author's file a task that waits stands."""
    file = source_file(function)
    while frame is not None:
        if frame.f_code.co_filename == file:
            return f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""

"""Logging: structlog, one line an event, the call's id on each line of a call, private values hidden.

    log = get_logger("esl")                          # one logger a part of the program
    log.info("listening", port=8084)
    log = call_logger("call", call_id, redactor)     # and one a call; tasks of the call are handed it
    log.warning("no reply", command="uuid_record")

`setup` is called once by the command that runs; until then, warnings and worse go to standard error. On a terminal
lines are made for people, elsewhere they are JSON. Levels are set for each part, at any time: `set_level("esl",
"debug")`.

The lines of other libraries (stdlib logging, gevent's own reports) come out in the same way. Tracebacks are shown
without their local variables, always; what a redactor knows is taken out of everything just before a line is
written.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from fsflows.journald import prefixed
from fsflows.privacy import Redactor, json_default, redact, walk

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
FORMATS = ("auto", "console", "json")
PARTS = (
    "archive",
    "call",
    "console",
    "conversation",
    "dialling",
    "esl",
    "freeswitch",
    "functions",
    "recordings",
    "server",
    "webhook",
)
"""The parts of a server. A process has a logger of those only that have said something in it."""

# What a line is found by. These are ours, never a caller's, and hiding a part of a time would point at what is hidden.
_OURS = ("timestamp", "level", "part", "worker", "call")
_NOT_GIVEN = frozenset({*_OURS, "event", "source", "exception"})
_TAKEN = frozenset({"timestamp", "level", "part", "event"})

_call: ContextVar[tuple[str, Redactor | None] | None] = ContextVar("fsflows_call", default=None)


class Logger(structlog.BoundLoggerBase):
    """One part's logger. `bind(name=value)` gives one that adds these fields to each of its lines.

    Every method takes what happened, in words, and fields; arguments for %-format are accepted as stdlib's loggers
    do. A line below the part's level costs a comparison. Logging never raises.
    """

    _logger: _Part

    def debug(self, event: str, /, *args: Any, **fields: Any) -> None:
        if self._logger.threshold <= 10:
            self._emit("debug", event, args, fields)

    def info(self, event: str, /, *args: Any, **fields: Any) -> None:
        if self._logger.threshold <= 20:
            self._emit("info", event, args, fields)

    def warning(self, event: str, /, *args: Any, **fields: Any) -> None:
        if self._logger.threshold <= 30:
            self._emit("warning", event, args, fields)

    def error(self, event: str, /, *args: Any, **fields: Any) -> None:
        if self._logger.threshold <= 40:
            self._emit("error", event, args, fields)

    def critical(self, event: str, /, *args: Any, **fields: Any) -> None:
        self._emit("critical", event, args, fields)

    def exception(self, event: str, /, *args: Any, **fields: Any) -> None:
        """An error, with the traceback of the exception that is being handled."""
        fields.setdefault("exc_info", True)
        self.error(event, *args, **fields)

    def _emit(
        self, level: str, event: str, args: tuple[Any, ...], fields: Mapping[str, Any]
    ) -> None:
        try:
            line: Any = dict(self._context)
            for name, value in fields.items():
                line[f"{name}_" if name in _TAKEN else name] = value
            line["event"] = event % args if args else event
            for processor in _PROCESSORS:
                line = processor(self._logger, level, line)
            _output.write(line)
        except Exception as error:
            # Not even its text: it may hold what the line was about.
            _output.lost(type(error).__name__)


def get_logger(part: str, **fields: Any) -> Logger:
    """The logger of a part ("esl", "conversation"; "esl.session" is a part of "esl").

    Args:
        part: whose lines they are; levels are set by it.
        fields: added to each line.
    """
    return Logger(_part(part), (), {"part": part, **fields})


def call_logger(part: str, call_id: str, redactor: Redactor | None = None) -> Logger:
    """The logger of one call: its id on every line, and what its redactor knows hidden."""
    return get_logger(part, call=call_id, _redactor=redactor)


def bind_call(call_id: str, redactor: Redactor | None = None) -> None:
    """Say that this greenlet works for a call, so that lines of other libraries in it carry the call's id, too.

    A greenlet started from this one does not inherit it: call it in each, or give it a `call_logger`.
    """
    _call.set((call_id, redactor))


# --- levels -----------------------------------------------------------------------------------------------------


class _Part:
    """Where a part's lines go, and how bad they have to be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.threshold = _threshold(name)


# A command that makes its database would otherwise begin with a line for each migration.
_OF_OTHERS = {"alembic": LEVELS["warning"]}
"""Levels of libraries that say more than anybody wants, unless they are set."""

_levels = {"": LEVELS["warning"], **_OF_OTHERS}
_parts: dict[str, _Part] = {}


def _part(name: str) -> _Part:
    if name not in _parts:
        _parts[name] = _Part(name)
    return _parts[name]


def _threshold(name: str) -> int:
    while name not in _levels:
        name = name.rpartition(".")[0]
    return _levels[name]


def set_level(part: str, level: str) -> None:
    """Set how bad a line of a part (and of its parts, unless they have been set) has to be; "" is everything.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"no log level {level!r}; there are {', '.join(LEVELS)}")
    _levels[part] = LEVELS[level]
    for each in list(_parts.values()):
        each.threshold = _threshold(each.name)


def set_levels(level: str, parts: Iterable[str] = ()) -> None:
    """Set all levels anew: of everything, and of single parts, each "PART=LEVEL".

    Raises:
        ValueError: there is no such level; nothing has changed.
    """
    if level not in LEVELS:
        raise ValueError(f"no log level {level!r}; there are {', '.join(LEVELS)}")
    chosen = [parse_level(text) for text in parts]
    _levels.clear()
    _levels.update(_OF_OTHERS)
    for part, its_level in [("", level), *chosen]:
        set_level(part, its_level)


def parse_level(text: str) -> tuple[str, str]:
    """Part and level of "PART=LEVEL".

    Raises:
        ValueError: it isn't one, or there is no such level.
    """
    part, equals, level = text.partition("=")
    if not equals or not part.strip():
        raise ValueError(f"a part's level is written PART=LEVEL (esl=debug), got {text!r}")
    if level.strip() not in LEVELS:
        raise ValueError(f"no log level {level.strip()!r}; there are {', '.join(LEVELS)}")
    return part.strip(), level.strip()


def levels() -> dict[str, str]:
    """The levels that have been set, by part; "" is everything else."""
    names = {number: name for name, number in LEVELS.items()}
    return {part: names[level] for part, level in _levels.items()}


def parts() -> list[str]:
    """The parts that have a logger, here or in another process of the server; sorted."""
    return sorted({*_parts, *PARTS})


# --- from an event to a line ------------------------------------------------------------------------------------

_Event = structlog.typing.EventDict


def _add_call(_logger: Any, level: str, event: _Event) -> _Event:
    bound = _call.get()
    redactor = event.pop("_redactor", None)
    if bound is not None and event.get("call", bound[0]) == bound[0]:
        event["call"] = bound[0]
        redactor = redactor if redactor is not None else bound[1]
    ordered: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "part": event.pop("part", ""),
        **_identity,
    }
    if "call" in event:
        ordered["call"] = event.pop("call")
    ordered["event"] = event.pop("event", "")
    return {**ordered, **event, "_redactor": redactor}


def _format_exception(_logger: Any, _level: str, event: _Event) -> _Event:
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if exc_info and exc_info[0] is not None:
        report = traceback.TracebackException(*exc_info, capture_locals=False)
        event["exception"] = "".join(report.format()).rstrip("\n")
    return event


def _hide(_logger: Any, _level: str, event: _Event) -> _Event:
    """The last thing before a line is written: no private value, no live object, behind this point."""
    redactor = event.pop("_redactor", None)
    plain = cast("dict[str, Any]", walk(event, _plain))
    if redactor:
        ours = {key: plain.pop(key) for key in _OURS if key in plain}
        plain = {**ours, **redactor.redact(plain)}
        if "source" in plain:  # a function's line: its fields are of one origin
            given = {key: value for key, value in plain.items() if key not in _NOT_GIVEN}
            if redactor.together(given) != given:
                plain |= dict.fromkeys(given, "[hidden]")
    return plain


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    try:
        return redact(json_default(value))
    except TypeError:
        return repr(value)


_identity: dict[str, Any] = {}
"""Fields that every line of this process has."""

_PROCESSORS: list[structlog.typing.Processor] = [_add_call, _format_exception, _hide]


# --- out --------------------------------------------------------------------------------------------------------


_AS_JSON = json.JSONEncoder(ensure_ascii=False, default=repr)


class _Output:
    """Where finished events go: rendered to a stream, or into a list."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None  # None: whatever standard error is at the time
        self.format = "auto"
        self.captured: list[dict[str, Any]] | None = None
        self.lost_lines = 0
        self._asked: TextIO | None = None
        self._is_terminal = False
        self._console: dict[bool, structlog.dev.ConsoleRenderer] = {}

    def write(self, event: dict[str, Any]) -> None:
        if self.captured is not None:
            self.captured.append(event)
            return
        stream = self.stream if self.stream is not None else sys.stderr
        level = event["level"]
        if stream is not self._asked:
            self._asked, self._is_terminal = stream, stream.isatty()
        terminal = self._is_terminal
        if self.format == "json" or (self.format == "auto" and not terminal):
            line = _AS_JSON.encode(event)
        else:
            line = self._for_people(event, terminal)
        stream.write(prefixed(line, level, stream) + "\n")
        stream.flush()

    def _for_people(self, event: dict[str, Any], terminal: bool) -> str:
        if terminal not in self._console:
            self._console[terminal] = structlog.dev.ConsoleRenderer(
                colors=terminal and not os.environ.get("NO_COLOR"),
                sort_keys=False,
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            )
        exception = event.pop("exception", None)
        event = {key: _printable(value) for key, value in event.items()}
        event["timestamp"] = event["timestamp"][11:-1]
        part = event.pop("part")
        event["event"] = f"{part}: {event['event']}" if part else event["event"]
        line = str(self._console[terminal](None, "", event))
        return line if exception is None else f"{line}\n{_printable(exception, keep=chr(10))}"

    def lost(self, why: str) -> None:
        """A line could not be written: counted, and said if that is possible."""
        self.lost_lines += 1
        with suppress(Exception):
            sys.stderr.write(f"a log line could not be written ({why})\n")


def _printable(value: Any, keep: str = "") -> Any:
    """Text without control characters: a caller's name must not move the cursor or forge a line."""
    if not isinstance(value, str):
        return value
    return "".join(
        char if char.isprintable() or char in keep else repr(char)[1:-1] for char in value
    )


_output = _Output()


def setup(
    level: str = "info",
    style: str = "auto",
    stream: TextIO | None = None,
    parts: Iterable[str] = (),
    worker: int | None = None,
) -> None:
    """Set up logging for a program. May be called again.

    Args:
        level: for every part that has no level of its own.
        style: "console", "json", or "auto": console on a terminal.
        stream: where to; None: standard error.
        parts: levels of single parts, each "PART=LEVEL".
        worker: this process's number, on every line; None: there is only one.

    Raises:
        ValueError: no such level or style.
    """
    if style not in FORMATS:
        raise ValueError(f"no log format {style!r}; there are {', '.join(FORMATS)}")
    set_levels(level, parts)
    _identity.clear()
    if worker is not None:
        _identity["worker"] = worker
    _output.format = style
    _output.stream = stream
    root = logging.getLogger()
    if not any(isinstance(handler, _Bridge) for handler in root.handlers):
        root.handlers = [_Bridge()]
    root.setLevel(logging.NOTSET)  # whether a line is shown is asked of set_level's levels


@contextmanager
def capture(level: str = "debug") -> Iterator[list[dict[str, Any]]]:
    """For tests: collect the events that would be written, as dicts, with everything hidden that is hidden."""
    before, _output.captured = _output.captured, []
    old = dict(_levels)
    set_level("", level)
    try:
        yield _output.captured
    finally:
        _output.captured = before
        _levels.clear()
        _levels.update(old)
        for each in list(_parts.values()):
            each.threshold = _threshold(each.name)


# --- other people's lines ---------------------------------------------------------------------------------------


class _Bridge(logging.Handler):
    """Takes what stdlib loggers (greenswitch's, gevent's, a flow's functions') say into ours, part by logger's name."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next(
            (name for name, number in reversed(LEVELS.items()) if record.levelno >= number), "debug"
        )
        try:
            text = record.getMessage()
        except Exception:
            text = str(record.msg)
        log = get_logger(record.name)
        getattr(log, level)(text, exc_info=record.exc_info)


def route_crashes() -> None:
    """Let what nobody caught (in the main program, a thread, a greenlet, a finaliser) come out as log lines.

    The usual reports go to standard error past every processor here, and gevent's names the arguments of the
    function.
    """
    import gevent

    log = get_logger("crash")

    def of_program(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("the program ended with an exception", exc_info=(kind, error, trace))

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        if args.exc_value is not None:
            log.error("a thread ended with an exception", thread=name, exc_info=args.exc_value)

    def of_finaliser(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            log.error("an exception with no one to catch it", exc_info=args.exc_value)

    def of_greenlet(
        context: object, kind: type[BaseException], error: BaseException, trace: TracebackType
    ) -> None:
        if isinstance(context, tuple) and type(context[0]).__module__ == "gevent.threadpool":
            return  # it is raised once more where somebody waits for the thread
        if issubclass(kind, KeyboardInterrupt):
            return  # so it is in the main program
        what = type(context).__name__ if context is not None else "the event loop"
        log.error("a greenlet ended with an exception", of=what, exc_info=(kind, error, trace))

    sys.excepthook = of_program
    threading.excepthook = of_thread
    sys.unraisablehook = of_finaliser
    cast("Any", gevent.get_hub()).print_exception = of_greenlet

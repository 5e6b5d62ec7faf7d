"""Loggers: what the program says goes in here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from fsflows.log import thresholds
from fsflows.log.lines import PROCESSORS, bound_call
from fsflows.log.stream import output
from fsflows.log.thresholds import Part, part_of
from fsflows.privacy import Redactor

_TAKEN = frozenset({"timestamp", "level", "part", "event"})


class Logger(structlog.BoundLoggerBase):
    """One part's logger. `bind(name=value)` gives one that adds these fields to each of its lines.

    Every method takes what happened, in words, and fields; arguments for %-format are accepted as stdlib's loggers
    do. A line below the part's level costs a comparison. Logging never raises.
    """

    _logger: Part

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
            for processor in PROCESSORS:
                line = processor(self._logger, level, line)
            output.write(line)
        except Exception as error:
            # Not even its text: it may hold what the line was about.
            output.lost(type(error).__name__)


def get_logger(part: str, **fields: Any) -> Logger:
    """The logger of a part ("esl", "conversation"; "esl.session" is a part of "esl").

    Args:
        part: whose lines they are; levels are set by it.
        fields: added to each line.
    """
    return Logger(part_of(part), (), {"part": part, **fields})


def call_logger(part: str, call_id: str, redactor: Redactor | None = None) -> Logger:
    """The logger of one call: its id on every line, and what its redactor knows hidden."""
    return get_logger(part, call=call_id, _redactor=redactor)


def bind_call(call_id: str, redactor: Redactor | None = None) -> None:
    """Say that this greenlet works for a call, so that lines of other libraries in it carry the call's id, too.

    A greenlet started from this one does not inherit it: call it in each, or give it a `call_logger`.
    """
    bound_call.set((call_id, redactor))


@contextmanager
def capture(level: str = "debug") -> Iterator[list[dict[str, Any]]]:
    """For tests: collect the events that would be written, as dicts, with everything hidden that is hidden."""
    before, output.captured = output.captured, []
    try:
        with thresholds.as_before():
            thresholds.set_level("", level)
            yield output.captured
    finally:
        output.captured = before

"""From an event to a line: the call that it is of, the traceback, and everything private hidden, in this order."""

from __future__ import annotations

import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, cast

import structlog

from fsflows.privacy import Redactor, json_default, redact, walk

# What a line is found by. These are ours, never a caller's, and hiding a part of a time would point at what is hidden.
_OURS = ("timestamp", "level", "part", "worker", "call")
_NOT_GIVEN = frozenset({*_OURS, "event", "source", "exception"})

bound_call: ContextVar[tuple[str, Redactor | None] | None] = ContextVar(
    "fsflows_call", default=None
)

_Event = structlog.typing.EventDict


def _add_call(_logger: Any, level: str, event: _Event) -> _Event:
    bound = bound_call.get()
    redactor = event.pop("_redactor", None)
    if bound is not None and event.get("call", bound[0]) == bound[0]:
        event["call"] = bound[0]
        redactor = redactor if redactor is not None else bound[1]
    ordered: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "part": event.pop("part", ""),
        **identity,
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


identity: dict[str, Any] = {}
"""Fields that every line of this process has."""

PROCESSORS: list[structlog.typing.Processor] = [_add_call, _format_exception, _hide]

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

from collections.abc import Iterable
from typing import TextIO

from fsflows.log.lines import identity
from fsflows.log.logger import Logger, bind_call, call_logger, capture, get_logger
from fsflows.log.others import bridge, route_crashes
from fsflows.log.stream import FORMATS, output
from fsflows.log.thresholds import LEVELS, PARTS, levels, parse_level, parts, set_level, set_levels

__all__ = [
    "FORMATS",
    "LEVELS",
    "PARTS",
    "Logger",
    "bind_call",
    "call_logger",
    "capture",
    "get_logger",
    "levels",
    "parse_level",
    "parts",
    "route_crashes",
    "set_level",
    "set_levels",
    "setup",
]


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
    identity.clear()
    if worker is not None:
        identity["worker"] = worker
    output.format = style
    output.stream = stream
    bridge()

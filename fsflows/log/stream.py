"""Where finished lines go, and how they look there."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog

from fsflows.log.journald import prefixed
from fsflows.printable import escaped

FORMATS = ("auto", "console", "json")

_AS_JSON = json.JSONEncoder(ensure_ascii=False, default=repr)


class Output:
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
        event = {
            key: escaped(value) if isinstance(value, str) else value for key, value in event.items()
        }
        event["timestamp"] = event["timestamp"][11:-1]
        part = event.pop("part")
        event["event"] = f"{part}: {event['event']}" if part else event["event"]
        line = str(self._console[terminal](None, "", event))
        return line if exception is None else f"{line}\n{escaped(exception, keep=chr(10))}"

    def lost(self, why: str) -> None:
        """A line could not be written: counted, and said if that is possible."""
        self.lost_lines += 1
        with suppress(Exception):
            sys.stderr.write(f"a log line could not be written ({why})\n")


output = Output()

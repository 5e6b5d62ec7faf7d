"""`fsflows dial --file`: a list of numbers, one line a call as it ends."""

from __future__ import annotations

import csv
import json
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from fsflows.cli.api_client import Away, Refused, Server, Unknown
from fsflows.printable import blanked

AT_ONCE = 50
"""Calls that the server is asked for before the first of them has ended: the server has limits of its own."""

LOOK_EVERY = 0.5
"""Seconds between two looks at the calls."""

RECORD = 10.0
"""Seconds for a call's record after its end."""

AWAY = 180.0
"""Seconds that a server may be away, to be started anew (`server.drain_timeout` before that), or be without a
FreeSWITCH, before the rest is given up."""

UNKNOWN = 120.0
"""Seconds in which a server that was started anew may come to know again what became of a call: by its record, a minute
after its worker has died, or by the conversation, when it has rung for long."""

LOST = "what became of it is not known: the server was started anew"

INTERRUPTED = 130

Row = dict[str, str]


class BadList(ValueError):
    """A file of numbers that can't be used; the text says where."""


def read_rows(lines: Iterable[str], name: str) -> list[Row]:
    """The rows of a list: CSV whose first line names its columns, one of them `number`; or just a number a line.

    Raises:
        BadList: there is no number in a line, or none at all.
    """
    try:
        rows = [row for row in csv.reader(lines) if any(cell.strip() for cell in row)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadList(f"{name}: {error}") from None
    if not rows:
        raise BadList(f"{name}: has no numbers")
    header = [cell.strip() for cell in rows[0]]
    if "number" not in header:
        header = ["number"]
    else:
        rows = rows[1:]
    wrong = [name for name in header if not name.isidentifier()]
    if wrong or len(set(header)) < len(header):
        raise BadList(f"{name}: its columns must have names of their own, like customer")
    found = []
    for place, row in enumerate(rows, 1):
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if len(row) > len(header) or not cells.get("number"):
            raise BadList(
                f"{name}: call {place} has no number, or more columns than the first line"
            )
        found.append(cells)
    return found


@dataclass(slots=True)
class _Asked:
    """A call that the server was asked for.

    Attributes:
        row: of the list.
        over: since when it is over, without a record; 0: it isn't.
        unknown: since when the server has not known it; 0: it does.
    """

    row: Row
    over: float = 0.0
    unknown: float = 0.0


class Campaign:
    """Calls, one after the other as far as the server lets us.

    Args:
        server: the server.
        wanted: what all calls have in common.
        out: where the lines go.
        as_json: JSON lines instead of text.
    """

    def __init__(
        self, server: Server, wanted: Mapping[str, Any], out: TextIO, *, as_json: bool
    ) -> None:
        self._server = server
        self._wanted = wanted
        self._out = out
        self._as_json = as_json
        self._running: dict[str, _Asked] = {}
        self._counts: Counter[str] = Counter()
        self._stop = False
        self._stopped = False
        self._next = 0.0
        self._away = 0.0

    def run(self, rows: Iterable[Row]) -> int:
        """Make all calls; the exit status: 0 each has an outcome, 1 some could not be made."""
        waiting = deque(rows)
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            while (waiting and not self._stop) or self._running:
                try:
                    self._turn(waiting)
                    self._away = 0.0
                except Away:
                    self._away = self._away or time.monotonic()
                    if self._stop or time.monotonic() - self._away > AWAY:
                        raise
                time.sleep(LOOK_EVERY)
        finally:
            signal.signal(signal.SIGINT, before)
            for call_id, asked in self._running.items():
                # Or it would be called again for want of a line.
                self._say(asked.row, _lost(call_id))
            self._sum_up(len(waiting))
        if self._stop:
            return INTERRUPTED
        return 1 if self._counts["failed"] or self._counts["refused"] else 0

    def _turn(self, waiting: deque[Row]) -> None:
        if self._stop and not self._stopped:
            self._stopped = True
            for call_id in tuple(self._running):
                with suppress(Unknown):
                    self._server.ask("DELETE", f"/api/calls/{call_id}")
        while waiting and not self._stop and self._known() < AT_ONCE:
            if time.monotonic() < self._next or not self._ask(waiting):
                break
        for call_id, asked in tuple(self._running.items()):
            call = self._look(call_id, asked)
            if call is not None:
                del self._running[call_id]
                self._say(asked.row, call)

    def _known(self) -> int:
        """Calls that the server has; others hold up nobody."""
        return sum(not asked.unknown for asked in self._running.values())

    def _look(self, call_id: str, asked: _Asked) -> dict[str, Any] | None:
        """The call, when it is over and there is no more to be waited for."""
        now = time.monotonic()
        try:
            call = self._server.ask("GET", f"/api/calls/{call_id}")
        except Unknown:
            asked.unknown = asked.unknown or now
            return _lost(call_id) if now - asked.unknown > UNKNOWN else None
        asked.unknown = 0.0
        if call["phase"] != "over":
            return None
        asked.over = asked.over or now
        return call if call["record"] or now - asked.over > RECORD else None

    def _ask(self, waiting: deque[Row]) -> bool:
        """Ask for the next call; False: the server wants to be left alone for a while."""
        row = waiting[0]
        values = {name: value for name, value in row.items() if name != "number"}
        wanted = {**self._wanted, "number": row["number"]}
        if values or wanted.get("state"):
            wanted["state"] = {**wanted.get("state", {}), **values}
        try:
            call = self._server.ask("POST", "/api/calls", wanted)
        except Away:
            raise
        except Refused as refused:
            if refused.retry_after:
                self._next = time.monotonic() + refused.retry_after
                return False
            waiting.popleft()
            self._say(row, {"outcome": "refused", "cause": str(refused)})
            return True
        waiting.popleft()
        self._running[call["id"]] = _Asked(row)
        return True

    def _say(self, row: Row, call: Mapping[str, Any]) -> None:
        outcome = str(call["outcome"])
        self._counts[outcome] += 1
        if self._as_json:
            print(json.dumps({**row, **call}, ensure_ascii=False), file=self._out, flush=True)
            return
        more = call.get("result") if outcome == "answered" else call["cause"]
        text = f"{row['number']:<20}  {outcome.replace('_', ' '):<12}  {more or ''}"
        print(blanked(text).rstrip(), file=self._out, flush=True)

    def _sum_up(self, left: int) -> None:
        if left:
            self._counts["not called"] = left
        said = ", ".join(
            f"{count} {what.replace('_', ' ')}" for what, count in self._counts.most_common()
        )
        print(said or "no calls", file=sys.stderr if self._as_json else self._out)

    def _interrupt(self, *_: object) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True


def _lost(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "outcome": "failed", "cause": LOST}

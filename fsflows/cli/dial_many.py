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
from fsflows.cli.dial_journal import Journal, Listed, NoJournal, Row
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
"""Seconds in which a server that was started anew may come to know again what became of a call: what was noted of it
may have to come by way of the disk. A call that it does not know then was never made."""

LOST = "what became of it is not known"

INTERRUPTED = 130

STOPS = (signal.SIGINT, signal.SIGTERM)

_NOT_CALLED = {"outcome": "not_called", "cause": ""}


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
        listed: its row of the list.
        over: since when it is over, without a record; 0: it isn't.
        unknown: since when the server has not known it; 0: it does.
    """

    listed: Listed
    over: float = 0.0
    unknown: float = 0.0


class Campaign:
    """Calls, one after the other as far as the server lets us.

    Args:
        server: the server.
        wanted: what all calls have in common.
        out: where the lines go.
        as_json: JSON lines instead of text.
        journal: what is kept of the list.
    """

    def __init__(
        self,
        server: Server,
        wanted: Mapping[str, Any],
        out: TextIO,
        *,
        as_json: bool,
        journal: Journal | NoJournal | None = None,
    ) -> None:
        self._server = server
        self._wanted = wanted
        self._out = out
        self._as_json = as_json
        self._journal = journal or NoJournal()
        self._waiting: deque[Listed] = deque()
        self._running: dict[str, _Asked] = {}
        self._counts: Counter[str] = Counter()
        self._stop = False
        self._stopped = False
        self._next = 0.0
        self._away = 0.0

    def run(self, rows: Iterable[Row]) -> int:
        """Make all calls; the exit status: 0 each has an outcome, 1 some could not be made."""
        self._begin(rows)
        before = {each: signal.signal(each, self._interrupt) for each in STOPS}
        try:
            while (self._waiting and not self._stop) or self._running:
                try:
                    self._turn()
                    self._away = 0.0
                except Away:
                    self._away = self._away or time.monotonic()
                    if self._stop or time.monotonic() - self._away > AWAY:
                        raise
                time.sleep(LOOK_EVERY)
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
            for call_id, asked in self._running.items():
                # Or it would be called again for want of a line.
                self._say(asked.listed.row, _lost(call_id))
            for listed in self._waiting:
                self._say(listed.row, _lost(listed.id) if listed.unsure else _NOT_CALLED)
            self._sum_up()
        if self._stop:
            return INTERRUPTED
        return 1 if any(self._counts[each] for each in ("failed", "refused", "unknown")) else 0

    def _begin(self, rows: Iterable[Row]) -> None:
        left, done = self._journal.resume(rows)
        for listed in left:
            if listed.asked:
                self._running[listed.id] = _Asked(listed)
            else:
                self._waiting.append(listed)
        if done:
            self._counts["called before"] = done

    def _turn(self) -> None:
        if self._stop and not self._stopped:
            self._stopped = True
            for call_id in tuple(self._running):
                with suppress(Unknown):
                    self._server.ask("DELETE", f"/api/calls/{call_id}")
        while self._waiting and not self._stop and self._known() < AT_ONCE:
            if time.monotonic() < self._next or not self._ask():
                break
        for call_id, asked in tuple(self._running.items()):
            self._look(call_id, asked)

    def _known(self) -> int:
        """Calls that the server has; others hold up nobody."""
        return sum(not asked.unknown for asked in self._running.values())

    def _look(self, call_id: str, asked: _Asked) -> None:
        """Look at a call: say what came of it, when it is over and there is no more to be waited for."""
        now = time.monotonic()
        try:
            call = self._server.ask("GET", f"/api/calls/{call_id}")
        except Unknown:
            asked.unknown = asked.unknown or now
            if self._stop:
                del self._running[call_id]
                self._say(asked.listed.row, _lost(call_id))
            elif now - asked.unknown > UNKNOWN:
                # It only waited in a server that was killed. Should it be known yet, it is not called twice, by its id.
                del self._running[call_id]
                self._waiting.append(asked.listed)
            return
        asked.unknown = 0.0
        if call["phase"] != "over":
            return
        asked.over = asked.over or now
        if not call.get("called", True):
            del self._running[call_id]
            self._waiting.append(self._journal.not_called(asked.listed))
        elif call["record"] or now - asked.over > RECORD:
            del self._running[call_id]
            self._journal.over(asked.listed, call)
            self._say(asked.listed.row, call)

    def _ask(self) -> bool:
        """Ask for the next call; False: the server wants to be left alone for a while."""
        listed = self._waiting[0]
        row = listed.row
        values = {name: value for name, value in row.items() if name != "number"}
        wanted = {**self._wanted, "number": row["number"], "id": listed.id}
        if values or wanted.get("state"):
            wanted["state"] = {**wanted.get("state", {}), **values}
        self._journal.asked(listed)
        try:
            self._server.ask("POST", "/api/calls", wanted)
        except Away as away:
            listed.unsure |= away.unsure
            raise
        except Refused as refused:
            if refused.retry_after:
                self._next = time.monotonic() + refused.retry_after
                return False
            self._waiting.popleft()
            self._journal.not_called(listed)
            self._say(row, {"outcome": "refused", "cause": str(refused)})
            return True
        self._waiting.popleft()
        listed.unsure = False
        self._running[listed.id] = _Asked(listed)
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

    def _sum_up(self) -> None:
        said = ", ".join(
            f"{count} {what.replace('_', ' ')}" for what, count in self._counts.most_common()
        )
        print(said or "no calls", file=sys.stderr if self._as_json else self._out)

    def _interrupt(self, *_: object) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True


def _lost(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "outcome": "unknown", "cause": LOST}

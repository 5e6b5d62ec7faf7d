"""Looking records up: what can be asked, and a page of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal, or_, select

from fsflows.archive.tables import records

MAX_PAGE = 500
COUNT_UP_TO = 10_000
"""How many matches are counted; nobody pages through more, and counting is the slow part of a search."""

MIN_INFIX = 3
"""Shorter texts are looked for at the beginning of a number only, where an index helps."""


class BadSearch(ValueError):
    """What was asked can't be understood; in words for the one who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. All that are given must hold.

    Attributes:
        text: part of a number or of the caller's name, or the beginning of an id.
        caller, callee, flow, result, reason, step, recording, node: exactly this; `step` is the last one of the call.
        since, until: when the call came in; `until` is not included.
    """

    text: str = ""
    caller: str = ""
    callee: str = ""
    flow: str = ""
    result: str = ""
    reason: str = ""
    step: str = ""
    recording: str = ""
    node: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        columns = {
            "caller": records.c.caller,
            "callee": records.c.callee,
            "flow": records.c.flow,
            "result": records.c.result,
            "reason": records.c.reason,
            "step": records.c.last_step,
            "recording": records.c.recording,
            "node": records.c.node,
        }
        found = [
            column == getattr(self, name) for name, column in columns.items() if getattr(self, name)
        ]
        if self.since is not None:
            found.append(records.c.started_at >= self.since)
        if self.until is not None:
            found.append(records.c.started_at < self.until)
        text = self.text.strip()
        if text:
            found.append(_matches(text))
        return found


def _matches(text: str) -> ColumnElement[bool]:
    number = "".join(char for char in text if char.isdigit())
    ways = [_within(records.c.caller_name, text), records.c.id == text, records.c.call_id == text]
    if number and not any(char.isalpha() for char in text):
        ways += [_within(records.c.caller, number), _within(records.c.callee, number)]
    else:
        ways += [_within(records.c.caller, text), _within(records.c.callee, text)]
        ways += [_begins(records.c.id, text), _begins(records.c.call_id, text)]
        ways += [records.c.flow == text, records.c.last_step == text]
    return or_(*ways)


def _within(column: Any, text: str) -> ColumnElement[bool]:
    if len(text) < MIN_INFIX:
        return _begins(column, text)
    found: ColumnElement[bool] = func.lower(column).contains(text.lower(), autoescape=True)
    return found


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.startswith(text, autoescape=True)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line of a list of records; the fields are `Record`'s."""

    id: str
    call_id: str
    node: str
    started_at: datetime
    seconds: float
    caller: str
    caller_name: str
    callee: str
    flow: str
    result: str
    reason: str
    last_step: str
    recording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of what was found, the latest call first.

    Attributes:
        older, newer: cursors for the pages beside this one; None: there is none.
        total: how many were found; at most `COUNT_UP_TO` are counted.
        more: whether there are more than `total`.
    """

    rows: tuple[Summary, ...]
    older: str | None
    newer: str | None
    total: int
    more: bool


def find(
    connection: Connection,
    search: Search,
    *,
    limit: int = 50,
    older_than: str | None = None,
    newer_than: str | None = None,
) -> Page:
    """A page of what matches.

    Pages are cut at a call, not at a count: they stay the same while new calls come in, and the thousandth is as
    fast as the first.

    Raises:
        BadSearch: the cursor isn't one, or the limit is out of bounds.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise BadSearch(f"between 1 and {MAX_PAGE} records can be listed at once, not {limit}")
    conditions = search.conditions()
    upward = newer_than is not None
    cursor = _read_cursor(newer_than if newer_than is not None else older_than)
    here = list(conditions)
    if cursor is not None:
        here.append(_beyond(cursor, upward=upward))
    order = (
        (records.c.started_at.asc(), records.c.id.asc())
        if upward
        else (records.c.started_at.desc(), records.c.id.desc())
    )
    found = connection.execute(_plain(here).order_by(*order).limit(limit + 1)).all()
    beyond = len(found) > limit
    rows = [_summary(row) for row in found[:limit]]
    if upward:
        rows.reverse()
    counted = select(literal(1)).where(*conditions).select_from(records).limit(COUNT_UP_TO + 1)
    total = connection.execute(select(func.count()).select_from(counted.subquery())).scalar_one()
    return Page(
        rows=tuple(rows),
        older=_cursor(rows[-1]) if rows and (upward or beyond) else None,
        newer=_cursor(rows[0]) if rows and (beyond if upward else cursor is not None) else None,
        total=min(total, COUNT_UP_TO),
        more=total > COUNT_UP_TO,
    )


def _plain(conditions: list[ColumnElement[bool]]) -> Select[Any]:
    return select(records).where(*conditions)


def _summary(row: Row[Any]) -> Summary:
    return Summary(**row._mapping)


def _beyond(cursor: tuple[datetime, str], *, upward: bool) -> ColumnElement[bool]:
    at, record_id = cursor
    if upward:
        return and_(
            records.c.started_at >= at,
            or_(records.c.started_at > at, records.c.id > record_id),
        )
    return and_(
        records.c.started_at <= at, or_(records.c.started_at < at, records.c.id < record_id)
    )


def _cursor(row: Summary) -> str:
    return f"{row.started_at.astimezone(UTC).isoformat()}_{row.id}"


def _read_cursor(text: str | None) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, _, record_id = text.partition("_")
    try:
        # A "+" in an address that was not quoted arrives as a space.
        return datetime.fromisoformat(at.replace(" ", "+")).astimezone(UTC), record_id
    except ValueError as error:
        raise BadSearch(
            "this page of the list can't be found; start again from the first"
        ) from error

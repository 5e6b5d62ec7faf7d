"""Looking records up: what can be asked, and a page of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal, or_, select

from fsflows.archive.endings import INBOUND, OUTBOUND
from fsflows.archive.tables import records

MAX_PAGE = 500
COUNT_UP_TO = 10_000
"""How many matches are counted; nobody pages through more, and counting is the slow part of a search."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]{0,27})?")
_NUMBER = re.compile(r"[\d\s()./+-]+")


class BadSearch(ValueError):
    """What was asked can't be understood; in words for the one who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. All that are given must hold.

    Attributes:
        text: part of a number, of the caller's name, of the flow's or the last step's; or the first eight
            characters of an id, or all of it.
        id: a record's or a call's, or the beginning of one.
        direction: "inbound", or "outbound" for calls that we made.
        caller, callee, flow, result, reason, step, recording, node: exactly this; `step` is the last one of the call.
        since, until: when the call came in; `until` is not included.
    """

    text: str = ""
    id: str = ""
    direction: str = ""
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

    def conditions(self, dialect: str) -> list[ColumnElement[bool]]:
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
        if self.direction == INBOUND:
            # Most calls: an index of them is slower than none.
            found.append(records.c.direction != OUTBOUND)
        elif self.direction:
            found.append(records.c.direction == self.direction)
        if self.since is not None:
            found.append(records.c.started_at >= self.since)
        if self.until is not None:
            found.append(records.c.started_at < self.until)
        if self.id:
            found.append(_is_id(self.id.strip().lower()))
        text = self.text.strip().casefold()
        if text:
            found.append(_matches(text, dialect))
        return found


def searchable(*texts: str) -> str:
    """What a free search looks at, as it looks at it."""
    return "\n".join(texts).casefold()


def _is_id(text: str) -> ColumnElement[bool]:
    # A range, which every database can answer from an index; nothing in an id comes after "f".
    ids = (records.c.id, records.c.call_id)
    return or_(*(and_(column >= text, column < text + "g") for column in ids))


def _matches(text: str, dialect: str) -> ColumnElement[bool]:
    if _ID.fullmatch(text) and not text.isdigit():
        return _is_id(text)
    if _NUMBER.fullmatch(text):
        digits = "".join(char for char in text if char.isdigit())
        # As dialled (020...) and as signalled (+4420...) is the same number.
        text = digits.lstrip("0") or digits or text
    where = func.strpos if dialect == "postgresql" else func.instr
    found: ColumnElement[bool] = where(records.c.words, text) > 0
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line of a list of records; the fields are `Record`'s."""

    id: str
    call_id: str
    node: str
    started_at: datetime
    seconds: float
    direction: str
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
    conditions = search.conditions(connection.dialect.name)
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
    query = select(*_SHOWN).where(*here).order_by(*order).limit(limit + 1)
    found = connection.execute(query).all()
    beyond = len(found) > limit
    rows = [_summary(row) for row in found[:limit]]
    if upward:
        rows.reverse()
    if cursor is None and not beyond:
        total = len(rows)  # all of them are here
    else:
        counted = select(literal(1)).select_from(records).where(*conditions).limit(COUNT_UP_TO + 1)
        total = connection.execute(
            select(func.count()).select_from(counted.subquery())
        ).scalar_one()
    return Page(
        rows=tuple(rows),
        older=_cursor(rows[-1]) if rows and (upward or beyond) else None,
        newer=_cursor(rows[0]) if rows and (beyond if upward else cursor is not None) else None,
        total=min(total, COUNT_UP_TO),
        more=total > COUNT_UP_TO,
    )


_SHOWN = [records.c[field.name] for field in fields(Summary)]


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
    except (ValueError, OverflowError) as error:
        raise BadSearch(
            "this page of the list can't be found; start again from the first"
        ) from error

"""The journal's rows as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    exists,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from fsflows.database import Database
from fsflows.recordings.journal.entries import CallFile, Entry, Intent, Settlement
from fsflows.recordings.journal.receipt import DiscardCause, Receipt
from fsflows.recordings.journal.tables import discards, receipts, recordings, settlements

BATCH = 500
"""Rows read at once."""


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_...`, in the words of this database."""
    return inserting(connection.dialect.name, table)


def inserting(dialect: str, table: Table) -> Any:
    """`upsert` for a statement that is made before there is a connection."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def entry_of(row: Row[Any]) -> Entry:
    """A row of `recordings`."""
    return Entry(**row._mapping)


def intent_of(row: Row[Any]) -> Intent:
    """A row of `discards`."""
    return Intent(
        row.call_uuid,
        row.switch,
        DiscardCause(row.flow, row.step, row.key_or_word, row.requested_at),
        row.state == "open",
        row.watch,
        row.owner,
        row.attempts,
        row.error,
        row.tried_at,
    )


def load(connection: Connection, call_uuid: str) -> CallFile:
    """All that is known of a call."""
    the_call = {"the_call": call_uuid}
    settled = connection.execute(_SETTLEMENTS, the_call)
    intent = intent_for(connection, call_uuid)
    return CallFile(
        tuple(entries_for(connection, call_uuid)),
        intent,
        receipt_for(connection, call_uuid) if intent is not None else None,
        tuple(Settlement(row.path, row.settled_by, row.why, row.at) for row in settled),
    )


def every_entry(database: Database, which: ColumnElement[bool]) -> Iterator[Entry]:
    """Recordings, the oldest first. They are read in batches, each in a transaction of its own."""
    query = select(recordings).where(which).order_by(recordings.c.id).limit(BATCH)
    last = 0
    while True:
        beyond = query.where(recordings.c.id > last)
        rows = database.read(partial(_all, beyond))
        yield from map(entry_of, rows)
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _all(query: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def is_known(connection: Connection, call_uuid: str) -> bool:
    """Whether anything is known of a call: whether what `load` gives is true."""
    return bool(connection.execute(_IS_KNOWN, {"the_call": call_uuid}).scalar())


def entries_for(connection: Connection, call_uuid: str) -> list[Entry]:
    """A call's recordings, the oldest first."""
    rows = connection.execute(_ENTRIES, {"the_call": call_uuid})
    return [entry_of(row) for row in rows]


def intent_for(connection: Connection, call_uuid: str) -> Intent | None:
    """A call's discard, if there is one."""
    row = connection.execute(_INTENT, {"the_call": call_uuid}).first()
    return None if row is None else intent_of(row)


def receipt_for(connection: Connection, call_uuid: str) -> Receipt | None:
    """A call's receipt, if there is one. Without a discard there is none."""
    row = connection.execute(_RECEIPT, {"the_call": call_uuid}).first()
    if row is None:
        return None
    return replace(Receipt.from_json(row.body), complete=row.complete)


# Made once: every recorded call runs them, and to make one takes several times as long as to run it.
_CALL: BindParameter[Any] = bindparam("the_call")
_ENTRIES = select(recordings).where(recordings.c.call_uuid == _CALL).order_by(recordings.c.id)
_IS_KNOWN = select(
    or_(
        *(exists().where(each.c.call_uuid == _CALL) for each in (recordings, discards, settlements))
    )
)
_INTENT = select(discards).where(discards.c.call_uuid == _CALL)
_RECEIPT = select(receipts).where(receipts.c.call_uuid == _CALL)
_SETTLEMENTS = select(settlements).where(settlements.c.call_uuid == _CALL)

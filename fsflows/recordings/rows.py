"""The journal's rows as values, within a transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from fsflows.recordings.entries import CallFile, Entry, Intent, Settlement
from fsflows.recordings.receipt import DiscardCause, Receipt
from fsflows.recordings.tables import discards, receipts, recordings, settlements


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_...`, in the words of this database."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


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
    return CallFile(
        tuple(entries_where(connection, recordings.c.call_uuid == call_uuid)),
        intent_for(connection, call_uuid),
        receipt_for(connection, call_uuid),
        _settlements(connection, call_uuid),
    )


def entries_where(connection: Connection, which: Any, limit: int | None = None) -> list[Entry]:
    """Recordings, the oldest first; at most so many."""
    query = select(recordings).where(which).order_by(recordings.c.id).limit(limit)
    return [entry_of(row) for row in connection.execute(query)]


def intent_for(connection: Connection, call_uuid: str) -> Intent | None:
    """A call's discard, if there is one."""
    row = connection.execute(select(discards).where(discards.c.call_uuid == call_uuid)).first()
    return None if row is None else intent_of(row)


def settlement_of(entry: Entry) -> tuple[Any, Any]:
    """What picks the settlement of a recording."""
    return settlements.c.call_uuid == entry.call_uuid, settlements.c.path == entry.path


def _settlements(connection: Connection, call_uuid: str) -> tuple[Settlement, ...]:
    rows = connection.execute(select(settlements).where(settlements.c.call_uuid == call_uuid))
    return tuple(Settlement(row.path, row.settled_by, row.why, row.at) for row in rows)


def receipt_for(connection: Connection, call_uuid: str) -> Receipt | None:
    """A call's receipt, if there is one."""
    row = connection.execute(select(receipts).where(receipts.c.call_uuid == call_uuid)).first()
    if row is None:
        return None
    return replace(Receipt.from_json(row.body), complete=row.complete)

"""Records in the project's SQL database. For what waits when the database is away, see `fsflows.archive.writer`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import Record, RecordingNote, loads
from fsflows.archive.search import Page, Search, find, searchable
from fsflows.archive.tables import bodies, collections, outbox, records
from fsflows.database import Database

BATCH = 200
"""Records that are read, or deleted, in one transaction."""


class RecordStore:
    """Writes and reads records.

    Args:
        database: for a console, one of its own, so that calls' work doesn't wait behind a search.
        webhook: whether each new record is also put into the webhook's outbox.
    """

    def __init__(self, database: Database, *, webhook: bool = False) -> None:
        self._database = database
        self._webhook = webhook

    def insert(self, batch: Sequence[Record]) -> None:
        """Write records, all or none. One that is there already (by id) stays as it is.

        Raises:
            DatabaseFailed: none was written.
        """
        webhook = self._webhook

        def work(connection: Connection) -> None:
            _add(connection, records, [_row(record) for record in batch])
            _add(
                connection,
                bodies,
                [{"record_id": record.id, "body": record.dumps()} for record in batch],
            )
            _add(connection, collections, [row for record in batch for row in _counted(record)])
            if webhook:
                _add(connection, outbox, [_queued(record) for record in batch])

        if batch:
            self._database.write(work)

    def get(self, record_id: str) -> Record | None:
        """One record by its own id; None: there is none.

        Raises:
            DatabaseFailed: the database could not answer.
        """
        return self._one(select(bodies.c.body).where(bodies.c.record_id == record_id))

    def of_call(self, call_id: str) -> list[Record]:
        """The records of one channel UUID, the earliest first: more than one if the call came back."""
        query = (
            select(bodies.c.body)
            .join(records, records.c.id == bodies.c.record_id)
            .where(records.c.call_id == call_id)
            .order_by(records.c.started_at)
        )
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def search(
        self,
        search: Search | None = None,
        *,
        limit: int = 50,
        older_than: str | None = None,
        newer_than: str | None = None,
    ) -> Page:
        """A page of the records that match, the latest call first. The cursors are `Page.older` and `Page.newer`.

        Raises:
            BadSearch: what was asked can't be understood.
            DatabaseFailed: the database could not answer.
        """
        return self._database.read(
            lambda connection: find(
                connection,
                search or Search(),
                limit=limit,
                older_than=older_than,
                newer_than=newer_than,
            )
        )

    def each(self, search: Search | None = None) -> Iterator[Record]:
        """All records that match, the latest first, a few at a time."""
        older: str | None = None
        while True:
            page = self.search(search, limit=BATCH, older_than=older)
            found = self._bodies([row.id for row in page.rows])
            yield from (loads(found[row.id]) for row in page.rows if row.id in found)
            if page.older is None:
                return
            older = page.older

    def set_recording(self, call_id: str, note: RecordingNote) -> int:
        """Change what the records of a call say about its audio (published, or discarded, after the call's end).

        Returns:
            How many records were changed; 0: there is none of this call (yet).
        """

        def work(connection: Connection) -> int:
            query = (
                select(records.c.id, bodies.c.body)
                .join(bodies, bodies.c.record_id == records.c.id)
                .where(records.c.call_id == call_id)
            )
            found = connection.execute(query).all()
            for record_id, body in found:
                changed = dataclasses.replace(loads(body), recording=note)
                connection.execute(
                    update(records)
                    .where(records.c.id == record_id)
                    .values(recording=note.state.value)
                )
                connection.execute(
                    update(bodies)
                    .where(bodies.c.record_id == record_id)
                    .values(body=changed.dumps())
                )
            return len(found)

        return self._database.write(work)

    def before(self, cutoff: datetime, limit: int, skip: int = 0) -> list[Record]:
        """The oldest records of calls that came in before `cutoff`."""
        query = (
            select(bodies.c.body)
            .join(records, records.c.id == bodies.c.record_id)
            .where(records.c.started_at < cutoff)
            .order_by(records.c.started_at, records.c.id)
            .limit(limit)
            .offset(skip)
        )
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def delete(self, record_ids: Sequence[str]) -> None:
        """Delete records, with everything that belongs to them."""
        if record_ids:
            ids = list(record_ids)
            self._database.write(lambda c: c.execute(delete(records).where(records.c.id.in_(ids))))

    def _bodies(self, record_ids: Sequence[str]) -> dict[str, str]:
        query = select(bodies.c.record_id, bodies.c.body).where(bodies.c.record_id.in_(record_ids))
        rows = self._database.read(lambda c: c.execute(query).all())
        return {record_id: body for record_id, body in rows}  # noqa: C416 - a Row is no pair to dict

    def _one(self, query: Any) -> Record | None:
        body = self._database.read(lambda c: c.execute(query).scalar_one_or_none())
        return None if body is None else loads(body)


def recorded(record: Record) -> bool:
    """Whether there is audio of the call."""
    return record.recording.state is RecordingState.PRESENT


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "call_id": record.call_id,
        "node": record.node,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "caller": record.caller,
        "caller_name": record.caller_name,
        "callee": record.callee,
        "flow": record.flow,
        "result": record.result.value,
        "reason": record.reason.value,
        "last_step": record.last_step,
        "recording": record.recording.state.value,
        "words": searchable(
            record.caller, record.callee, record.caller_name, record.flow, record.last_step
        ),
    }


def _counted(record: Record) -> Iterator[dict[str, Any]]:
    for position, entry in enumerate(record.collected):
        yield {
            "record_id": record.id,
            "position": position,
            "started_at": record.started_at,
            "flow": record.flow,
            "step": entry.step,
            "outcome": entry.outcome,
            "source": entry.source,
            "attempts": entry.attempts,
        }


def _queued(record: Record) -> dict[str, Any]:
    return {
        "record_id": record.id,
        "state": "waiting",
        "attempts": 0,
        "due_at": record.ended_at,
        "queued_at": record.ended_at,
        "delivered_at": None,
        "answer": "",
    }


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose key is there already are left as they are."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))

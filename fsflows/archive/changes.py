"""Records that change after their call: what is written down with each change, within its transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from fsflows.archive.endings import Reason, Result
from fsflows.archive.model import Record, RecordingNote, loads
from fsflows.archive.search import searchable
from fsflows.archive.tables import bodies, collections, outbox, records, unsettled
from fsflows.database.inserting import insert_new

INDEXED = 500
"""Characters of a number or a name that records are found by. PostgreSQL refuses a row with more than 2,704 bytes for
an index, and a caller chooses what is in his request. The record itself has all of it."""


_LOST = (Reason.SERVER_LOST, Reason.DIAL_FAILED)
"""What a record says of a call that nobody had, as far as was known."""


def write_new(connection: Connection, batch: Sequence[Record], *, webhook: bool) -> None:
    """Write records that are not there yet; one that is stays as it is, unless it only said that its call was lost."""
    lost = _lost(connection, batch)
    written = [record for record in batch if record.id not in lost]
    insert_new(connection, records, [_row(record) for record in written])
    insert_new(
        connection, bodies, [{"record_id": each.id, "body": each.dumps()} for each in written]
    )
    insert_new(connection, collections, [row for record in written for row in _counted(record)])
    if webhook:
        insert_new(connection, outbox, [_queued(record, record.ended_at) for record in written])
    _note_unsettled(connection, written)
    for record in batch:
        if record.id in lost:
            _replace(connection, record, lost[record.id])
            insert_new(connection, collections, _counted(record))


def write_note(connection: Connection, call_id: str, note: RecordingNote) -> int:
    """Change what the records of a call say about its audio; how many said something else before."""
    query = (
        select(bodies.c.body)
        .join(records, bodies.c.record_id == records.c.id)
        .where(records.c.call_id == call_id)
        .with_for_update()
    )
    found = [loads(body) for (body,) in connection.execute(query).all()]
    changed = [record for record in found if not record.recording.same(note)]
    for record in changed:
        _replace(connection, dataclasses.replace(record, recording=note), record.revision)
    return len(changed)


def _lost(connection: Connection, batch: Sequence[Record]) -> dict[str, int]:
    """Those of which there is a record already that says that the call was lost, and its revision.

    A process that was taken for dead (it was cut off from the database) has lived after all; or a call whose dialler
    has died was answered.
    """
    ids = [record.id for record in batch if record.reason not in _LOST]
    query = (
        select(bodies.c.body)
        .join(records, bodies.c.record_id == records.c.id)
        .where(records.c.id.in_(ids), records.c.reason.in_([reason.value for reason in _LOST]))
        .with_for_update()
    )
    found = [loads(body) for (body,) in connection.execute(query).all()] if ids else []
    return {record.id: record.revision for record in found}


def _replace(connection: Connection, record: Record, was: int) -> None:
    """Write a record in the place of its earlier revision, and have the webhook say so if it sent that one."""
    record = dataclasses.replace(record, revision=was + 1)
    row = _row(record)
    connection.execute(update(records).where(records.c.id == record.id).values(**row))
    here = bodies.c.record_id == record.id
    connection.execute(update(bodies).where(here).values(body=record.dumps()))
    _note_unsettled(connection, [record])
    sent = (
        select(outbox.c.state, outbox.c.attempts)
        .where(outbox.c.record_id == record.id)
        .order_by(outbox.c.revision.desc())
        .limit(1)
    )
    last = connection.execute(sent).one_or_none()
    # What was never tried will go out as it is now; what was tried may have arrived as it was before.
    if last is not None and not (last.state == "waiting" and last.attempts == 0):
        insert_new(connection, outbox, [_queued(record, datetime.now(UTC))])


def _note_unsettled(connection: Connection, batch: Sequence[Record]) -> None:
    # A call that failed may not have known what became of its recording.
    rows = [
        {"record_id": record.id}
        for record in batch
        if not record.recording.settled or record.result is Result.FAILED
    ]
    insert_new(connection, unsettled, rows)


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "call_id": record.call_id,
        "node": record.node,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "direction": record.direction,
        "caller": record.caller[:INDEXED],
        "caller_name": record.caller_name,
        "callee": record.callee[:INDEXED],
        "flow": record.flow[:INDEXED],
        "result": record.result.value,
        "reason": record.reason.value,
        "last_step": record.last_step,
        "recording": record.recording.state.value,
        "words": searchable(
            record.caller, record.callee, record.caller_name, record.flow, record.last_step
        ),
    }


def _counted(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "record_id": record.id,
            "position": position,
            "started_at": record.started_at,
            "flow": record.flow,
            "step": entry.step,
            "outcome": entry.outcome,
            "source": entry.source,
            "attempts": entry.attempts,
        }
        for position, entry in enumerate(record.collected)
    ]


def _queued(record: Record, at: datetime) -> dict[str, Any]:
    return {
        "record_id": record.id,
        "revision": record.revision,
        "state": "waiting",
        "attempts": 0,
        "due_at": at,
        "queued_at": at,
        "delivered_at": None,
        "answer": "",
    }

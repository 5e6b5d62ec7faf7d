"""What the journal may forget of calls: what was done with their recordings, when all of it is done and old.

Never what is open, watched, or still there: recordings that are kept or published, discards without a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, select

from fsflows.recordings.journal.entries import CALL_LIMIT, GONE
from fsflows.recordings.journal.tables import (
    discard_steps,
    discards,
    heard,
    receipts,
    recordings,
    settlements,
)


def finished_before(connection: Connection, cutoff: datetime, after: str, limit: int) -> list[str]:
    """Calls behind `after`, in the order of their uuids, of which nothing is to be done, nor was since `cutoff`."""
    discarded = _page(discards.c.call_uuid, _done(cutoff), after, limit)
    lost = _page(recordings.c.call_uuid, _lost(cutoff), after, limit)
    found = {
        call for query in (discarded, lost) for call in connection.execute(query).scalars().all()
    }
    return sorted(found)[:limit]


def forget(connection: Connection, calls: Sequence[str], cutoff: datetime) -> int:
    """Forget these calls, as far as they are (still) finished; how many."""
    which = list(calls)
    done = select(discards.c.call_uuid).where(discards.c.call_uuid.in_(which), _done(cutoff))
    ours = set(connection.execute(done.with_for_update()).scalars())
    lost = select(recordings.c.call_uuid).where(recordings.c.call_uuid.in_(which), _lost(cutoff))
    ours |= set(connection.execute(lost).scalars())
    for table in (discard_steps, settlements, receipts, heard, recordings, discards):
        connection.execute(delete(table).where(table.c.call_uuid.in_(ours)))
    return len(ours)


def _page(column: Any, which: Any, after: str, limit: int) -> Any:
    return select(column).where(which, column > after).distinct().order_by(column).limit(limit)


def _done(cutoff: datetime) -> Any:
    call = discards.c.call_uuid
    young = ~receipts.c.complete | (receipts.c.issued_at >= cutoff)
    return (
        (discards.c.state == "done")
        & (~discards.c.watch | (discards.c.requested_at < cutoff - CALL_LIMIT))
        & (discards.c.requested_at < cutoff)
        & ~exists().where(recordings.c.call_uuid == call, _matters(recordings, cutoff))
        & ~exists().where(receipts.c.call_uuid == call, young)
    )


def _lost(cutoff: datetime) -> Any:
    others = recordings.alias()
    call = recordings.c.call_uuid
    return (
        recordings.c.state.in_(("lost", "failed"))
        & ~exists().where(others.c.call_uuid == call, _matters(others, cutoff))
        & ~exists().where(discards.c.call_uuid == call)
    )


def _matters(table: Any, cutoff: datetime) -> Any:
    return table.c.state.not_in(GONE) | (table.c.started_at >= cutoff)

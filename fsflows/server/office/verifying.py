"""Whether the conversation records say of calls' recordings what the recordings' journal says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import Record, RecordingNote
from fsflows.archive.store import RecordStore
from fsflows.console.journal import note_of
from fsflows.recordings.journal.entries import CallFile
from fsflows.recordings.journal.listing import Listing

BATCH = 200

LATE = 60.0
"""Seconds that a record may take to say what the journal says; a server brings it up to date every ten."""


def record_differences(store: RecordStore, listing: Listing, now: datetime) -> Iterator[str]:
    """What records and journal say differently, one line each, the same at each look.

    Raises:
        DatabaseFailed: one of them can't be read.
    """
    records = store.each()
    while batch := list(islice(records, BATCH)):
        calls = listing.calls(record.call_id for record in batch)
        for record in batch:
            call = calls[record.call_id]
            line = _difference(record.recording, note_of(call) or RecordingNote())
            if line and _is_late(record, call, now):
                yield f"call {record.call_id}: {line}"


def _difference(record: RecordingNote, journal: RecordingNote) -> str:
    if record.state is not journal.state:
        return f"the record says {record.state}, the journal {journal.state}"
    if record.state is RecordingState.DISCARDED:
        for part in ("completed_at", "revision", "complete"):
            theirs, ours = (note.receipt.get(part) for note in (record, journal))
            if theirs != ours:
                return f"the record's receipt has {part} {theirs}, the journal's {ours}"
    if record.state is RecordingState.PRESENT:
        if gone := set(record.links) - set(journal.links):
            return f"the record names {', '.join(sorted(gone))}, the journal does not"
        if journal.links and not record.links:
            return f"the record names no recording, the journal {', '.join(journal.links)}"
    return ""


def _is_late(record: Record, call: CallFile, now: datetime) -> bool:
    times = [record.ended_at, *(entry.stopped_at or entry.started_at for entry in call.entries)]
    if call.receipt is not None:
        times.append(call.receipt.completed_at)
    elif call.intent is not None:
        times.append(call.intent.cause.at)
    return (now - max(times)).total_seconds() >= LATE

"""A record that said "pending" gets its receipt when the discard is finished."""

import dataclasses
from datetime import UTC, datetime

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.archive.samples import sample_records
from fsflows.archive.store import RecordStore
from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.recordings.entries import Node
from fsflows.recordings.journal import Journal
from fsflows.recordings.receipt import DiscardCause, Receipt
from fsflows.server.pending import settle_pending


def test_P12_a_pending_record_gets_its_receipt_when_the_discard_is_finished():
    clock = VirtualClock()
    database = Database.open("sqlite://")
    try:
        store, journal = RecordStore(database), Journal(database, clock, Node.make("test"))
        record = dataclasses.replace(
            next(iter(sample_records(1, until=datetime(2026, 1, 2, tzinfo=UTC)))),
            call_id="5c2d0a3e-0000-4000-8000-000000000001",
            recording=RecordingNote(state=RecordingState.PENDING),
        )
        store.insert([record])
        cause = DiscardCause("flow", "step", "1", datetime(2026, 1, 1, tzinfo=UTC))
        journal.open_discard(record.call_id, "switch", cause)
        assert 0 == settle_pending(store, journal)
        receipt = Receipt(record.call_id, cause, datetime(2026, 1, 1, 0, 1, tzinfo=UTC), "test")
        journal.close_discard(receipt, watch=False)
        assert 1 == settle_pending(store, journal)
        assert 0 == settle_pending(store, journal)
        found = store.get(record.id)
        assert RecordingState.DISCARDED == found.recording.state
        assert "1" == found.recording.receipt["cause"]["key_or_word"]
    finally:
        database.close()

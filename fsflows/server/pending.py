"""Records of calls whose discard was not finished when the call ended: brought up to date when it is."""

from __future__ import annotations

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.archive.search import Search
from fsflows.archive.store import RecordStore
from fsflows.clock import Clock
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger
from fsflows.recordings.journal import Journal

EVERY = 30.0
"""Seconds between two looks."""

log = get_logger("records")


def settle_pending(store: RecordStore, journal: Journal) -> int:
    """Give records that say "pending" the receipt that there is by now; how many that were.

    Raises:
        DatabaseFailed: the database can't be reached.
    """
    settled = 0
    for record in list(store.each(Search(recording=RecordingState.PENDING))):
        receipt = journal.load(record.call_id).receipt
        if receipt is not None and receipt.complete:
            note = RecordingNote(state=RecordingState.DISCARDED, receipt=receipt.to_dict())
            settled += store.set_recording(record.call_id, note)
    return settled


def keep_settling(store: RecordStore, journal: Journal, clock: Clock) -> None:
    """`settle_pending`, for ever; for a task."""
    while True:
        clock.sleep(EVERY)
        try:
            if settled := settle_pending(store, journal):
                log.info("discards finished after their calls", records=settled)
        except DatabaseFailed as error:
            log.warning("records of unfinished discards not looked at", why=str(error))

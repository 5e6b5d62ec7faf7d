"""Records are kept for so long and then deleted, with their recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import gevent
import gevent.event

from fsflows.archive.model import Record
from fsflows.archive.store import BATCH, RecordStore, recorded
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger

DeleteRecording = Callable[[Record], None]
"""Deletes the audio of a record's call. Raises what it likes if it can't; the record is then kept for the next time."""

EVERY = 3600.0
"""Seconds between two purges of the schedule."""

log = get_logger("archive")


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: records and recordings deleted; records kept, since their recording can't be deleted."""

    records: int = 0
    recordings: int = 0
    kept: int = 0


def purge(
    store: RecordStore, cutoff: datetime, delete_recording: DeleteRecording | None = None
) -> Purged:
    """Delete the records of calls that came in before `cutoff`, their recordings first.

    May be run at any time, by several at once, and broken off: what is left is found the next time.

    Args:
        store: the records.
        cutoff: with a time zone.
        delete_recording: called for each record with a recording; None: recordings are left to themselves.

    Raises:
        DatabaseFailed: some may have been deleted.
    """
    gone = audio = kept = 0
    while batch := store.before(cutoff, BATCH, skip=kept):
        deletable = []
        for record in batch:
            if delete_recording is not None and recorded(record):
                try:
                    delete_recording(record)
                except Exception:
                    log.exception(
                        "a recording can't be deleted; its record is kept", record=record.id
                    )
                    kept += 1
                    continue
                audio += 1
            deletable.append(record.id)
        store.delete(deletable)
        gone += len(deletable)
    return Purged(gone, audio, kept)


class RetentionSchedule:
    """Purges every hour what is older than `days`.

    Args:
        store: the records.
        days: age at which a record goes; 0: never.
        delete_recording: as for `purge`.
    """

    def __init__(
        self, store: RecordStore, days: float, delete_recording: DeleteRecording | None = None
    ) -> None:
        self._store = store
        self._days = days
        self._delete_recording = delete_recording
        self._stopping = gevent.event.Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin; does nothing if records are kept for ever."""
        if self._days > 0:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End, after the purge that is running, if one is."""
        self._stopping.set()
        if self._greenlet is not None:
            self._greenlet.join()

    def once(self, now: datetime | None = None) -> Purged:
        """One purge, now; a fault is logged."""
        cutoff = (now or datetime.now(UTC)) - timedelta(days=self._days)
        try:
            purged = purge(self._store, cutoff, self._delete_recording)
        except DatabaseFailed as error:
            log.warning("old records can't be deleted", why=str(error))
            return Purged()
        if purged != Purged():
            log.info(
                "old records deleted",
                records=purged.records,
                recordings=purged.recordings,
                kept=purged.kept,
            )
        return purged

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.once()
            self._stopping.wait(EVERY)

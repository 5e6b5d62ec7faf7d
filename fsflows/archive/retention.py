"""Records are kept for so long and then deleted, with their recordings, and with recordings that have no record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import gevent
import gevent.event

from fsflows.archive.endings import RecordingState
from fsflows.archive.metrics import DELIVERIES
from fsflows.archive.store import BATCH, RecordStore
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger


class Recordings(Protocol):
    """The calls' recordings, as far as their retention goes. Calls are named by FreeSWITCH's channel UUID."""

    def known(self, call_ids: Sequence[str], /) -> set[str]:
        """Those of these calls of whose recordings something is known."""

    def expire(self, call_id: str, cutoff: datetime, /) -> bool:
        """Delete what there is of a call; False: nothing, or some of it is from `cutoff` or later, and all of it stays.

        Raises what it likes if its record has to stay.
        """

    def left_before(self, cutoff: datetime, after: str, limit: int, /) -> list[str]:
        """Calls behind `after`, in the order of their ids, that have a recording from before `cutoff`."""

    def forgettable(self, cutoff: datetime, after: str, limit: int, /) -> list[str]:
        """Calls behind `after`, in the order of their ids, of whose recordings nothing is left but what was done with
        them, before `cutoff`.
        """

    def forget(self, call_ids: Sequence[str], cutoff: datetime, /) -> int:
        """Forget that too, as far as it is still so; of how many calls."""


EVERY = 3600.0
"""Seconds between two purges of the schedule."""

HOLD = timedelta(days=7)
"""So much longer a record is kept that the webhook still has to send: it is given up after about six days."""

log = get_logger("archive")


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did.

    Attributes:
        records: deleted.
        recordings: calls whose recordings were deleted.
        kept: records kept, since their recordings can't be deleted (yet).
        held: records kept until the webhook has sent them.
        forgotten: calls of whose discarded recordings nothing is known any more.
    """

    records: int = 0
    recordings: int = 0
    kept: int = 0
    held: int = 0
    forgotten: int = 0


def purge(store: RecordStore, cutoff: datetime, recordings: Recordings | None = None) -> Purged:
    """Delete the records of calls that came in before `cutoff`, their recordings first.

    A record whose discard is not finished is kept: it is what says that there is still something to be done. One that
    the webhook still has to send is kept `HOLD` longer at the most, without its recordings. A call that came to us
    more than once keeps its recordings until its newest record goes, and as long as it is up. Then go the recordings of
    calls that have no record at all; and what is known of recordings that are gone, receipts and all.

    May be run at any time, by several at once, and broken off: what is left is found the next time.

    Args:
        store: the records.
        cutoff: with a time zone.
        recordings: None: there are none but what records say.

    Raises:
        DatabaseFailed: some may have been deleted.
    """
    gone = audio = kept = held = 0
    while batch := store.before(cutoff, BATCH, skip=kept + held):
        calls = [record.call_id for record in batch]
        known = recordings.known(calls) if recordings else set()
        still_young = store.calls_since(cutoff, calls)
        undelivered = store.undelivered([record.id for record in batch])
        deletable = []
        for record in batch:
            if record.recording.state is RecordingState.PENDING:
                log.warning("a record is kept, since its discard is open", record=record.id)
                kept += 1
                continue
            if recordings is not None and record.call_id in known - still_young:
                try:
                    audio += recordings.expire(record.call_id, cutoff)
                except Exception:
                    log.exception(
                        "a recording can't be deleted; its record is kept", record=record.id
                    )
                    kept += 1
                    continue
            if record.id in undelivered:
                if record.started_at >= cutoff - HOLD:
                    held += 1
                    continue
                DELIVERIES.labels("given_up").inc()
                log.error("a record is deleted that was never delivered", record=record.id)
            deletable.append(record.id)
        store.delete(deletable)
        gone += len(deletable)
    forgotten = 0
    if recordings is not None:
        audio += _without_record(store, cutoff, recordings)
        for calls in _pages_without_record(store, cutoff, recordings.forgettable):
            forgotten += recordings.forget(calls, cutoff)
    return Purged(gone, audio, kept, held, forgotten)


def without_record(
    store: RecordStore, cutoff: datetime, left_before: Callable[[datetime, str, int], list[str]]
) -> Iterator[str]:
    """The calls that have a recording from before `cutoff`, and no record. `left_before`: see `Recordings`."""
    for calls in _pages_without_record(store, cutoff, left_before):
        yield from calls


def _pages_without_record(
    store: RecordStore, cutoff: datetime, which: Callable[[datetime, str, int], list[str]]
) -> Iterator[list[str]]:
    after = ""
    while calls := which(cutoff, after, BATCH):
        with_one = store.calls_with_records(calls)
        yield [call_id for call_id in calls if call_id not in with_one]
        after = calls[-1]


def _without_record(store: RecordStore, cutoff: datetime, recordings: Recordings) -> int:
    audio = 0
    for call_id in without_record(store, cutoff, recordings.left_before):
        try:
            audio += recordings.expire(call_id, cutoff)
        except Exception:
            log.exception("a recording of a call without a record can't be deleted", call=call_id)
    return audio


class RetentionSchedule:
    """Purges every hour what is older than `days`.

    Args:
        store: the records.
        days: age at which a record goes; 0: never.
        recordings: as for `purge`.
    """

    def __init__(
        self, store: RecordStore, days: float, recordings: Recordings | None = None
    ) -> None:
        self._store = store
        self._days = days
        self._recordings = recordings
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
            purged = purge(self._store, cutoff, self._recordings)
        except DatabaseFailed as error:
            log.warning("old records can't be deleted", why=str(error))
            return Purged()
        except Exception:
            log.exception("old records can't be deleted")
            return Purged()
        if purged != Purged():
            log.info(
                "old records deleted",
                records=purged.records,
                recordings=purged.recordings,
                kept=purged.kept,
                forgotten=purged.forgotten,
                held=purged.held,
            )
        return purged

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.once()
            self._stopping.wait(EVERY)

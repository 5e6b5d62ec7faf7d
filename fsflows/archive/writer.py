"""Brings records into the database without a call ever waiting for it.

`submit` puts a record into a list and returns. From there one greenlet writes it to the spool on disk, and another
brings the spool into the database, some records at once, both working on threads. `begin` notes that a call has begun,
so that there is a record of it whatever becomes of this process: in the database, some calls at once, or in the spool
when it is away. So a slow or absent database delays nothing, and a crash loses at most what ended in its last moments;
what has been written twice is there once, since records are known by their ids. Only beyond the bounds of memory and
disk are records dropped: counted, and said at every one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import gevent
import gevent.event
import gevent.lock

from fsflows.archive import lines as spooled
from fsflows.archive import metrics
from fsflows.archive.beginnings import GATHER, Beginnings
from fsflows.archive.lines import Begun, Line
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.archive.spool import REJECTED, Spool
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger
from fsflows.threads import threads

T = TypeVar("T")

BATCH = 100
"""Records in one transaction."""

MAX_IN_MEMORY = 5000
"""Records that wait for the disk; so many only when it can't be written to."""

RETRY = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until the database, or the disk, is tried again; the last one for all that follow."""

NOTE = 5.0
"""Seconds that a call that we make waits until it is noted that it is made."""

ADOPT_EVERY = 60.0
"""Seconds between looks for what dead processes left in the spool."""

log = get_logger("archive")


class _Store(Protocol):
    def insert(self, batch: Sequence[Record], /) -> None: ...
    def begin(self, batch: Sequence[Begun], /) -> None: ...


@dataclass(slots=True)
class WriterStats:
    """Counts since the start; for metrics and the console.

    Attributes:
        submitted: handed over by calls.
        written: in the database (those adopted from a dead process included).
        dropped: lost, since memory and spool were full.
        rejected: that the database would not have; they are in `rejected.jsonl` in the spool's directory.
        waiting: in memory or in the spool now.
        spool_bytes: of the spool.
        error: what the database, or the disk, said last; "" when all is well.
    """

    submitted: int = 0
    written: int = 0
    dropped: int = 0
    rejected: int = 0
    waiting: int = 0
    spool_bytes: int = 0
    error: str = ""


class RecordWriter:
    """The way of records into the database.

    Args:
        connect: opens the database and gives a store; tried again when it raises `DatabaseFailed`.
        spool: where records wait.
        owner: this process, by an id that no other ever has: whose calls are those that have begun.
    """

    def __init__(self, connect: Callable[[], _Store], spool: Spool, owner: str = "") -> None:
        self._connect = connect
        self._spool = spool
        self._stopped = False
        self._lines = 0
        self._store: _Store | None = None
        self._beginnings = Beginnings(
            owner, self._note, self._spool_notes, self._is_away, self._jot, self._strike_out
        )
        self._one_insert = gevent.lock.BoundedSemaphore()
        self._fresh: deque[Line] = deque()
        self._arrived = gevent.event.Event()
        self._spooled = gevent.event.Event()
        self._stopping = gevent.event.Event()
        # File work only; one thread, so that the spool is never used twice at a time.
        self._thread = threads(1)
        self._greenlets: list[gevent.Greenlet[[], None]] = []
        self.stats = WriterStats()

    def start(self) -> None:
        """Begin; also brings in what an earlier process left."""
        work = (self._spool_records, self._bring_in, self._beginnings.run)
        self._greenlets = [gevent.spawn(function) for function in work]

    def begin(self, call: RecordBuilder) -> None:
        """Note that a call has begun. Never waits, never raises.

        Where memory or disk are half full already it is not noted: there must be room for records.
        """
        if not (self._is_crowded() or self._stopped):
            self._beginnings.add(call)

    def note(self, call: RecordBuilder) -> None:
        """Note that a call is about to begin, and wait for that; not for long. Never raises."""
        if not (self._is_crowded() or self._stopped):
            self._beginnings.note(call, NOTE)

    def _is_crowded(self) -> bool:
        return (
            len(self._fresh) + len(self._beginnings) >= MAX_IN_MEMORY / 2
            or self.stats.spool_bytes >= self._spool.max_bytes / 2
        )

    def submit(self, record: Record) -> None:
        """Take a finished record. Never waits, never raises."""
        try:
            self.stats.submitted += 1
            if len(self._fresh) >= MAX_IN_MEMORY or self._stopped:
                why = "the archive is closed" if self._stopped else "the disk is too slow, or full"
                self._drop(1, why)
                return
            self._append(Line.of(record))
        except Exception:
            self.stats.dropped += 1
            metrics.LOST.labels("dropped").inc()
            log.exception("a record is lost", record=getattr(record, "id", "?"))

    def _append(self, line: Line) -> None:
        self._fresh.append(line)
        self._count_waiting()
        self._arrived.set()

    def stop(self, timeout: float = 5.0) -> bool:
        """Bring in what can be brought in within `timeout` seconds; the rest stays in the spool for the next start.

        Returns:
            Whether nothing is left.
        """
        self._stopping.set()
        self._beginnings.stop()
        self._arrived.set()
        self._spooled.set()
        gevent.joinall(self._greenlets, timeout=timeout)
        for greenlet in self._greenlets:
            greenlet.kill()
        if self._fresh:  # the disk was too slow; one last time, and it may take as long as it takes
            self._to_spool()
        if _records(self._fresh):
            self._drop(_records(self._fresh), "the server stops, and the disk can't be written to")
        self._stopped = True
        left = self._lines
        self._thread.apply(self._spool.close)
        self._thread.kill()
        if left:
            log.warning("records wait in the spool for the next start", records=left)
        return not left

    # --- memory to spool ----------------------------------------------------------------------------------------

    def _spool_records(self) -> None:
        failures = 0
        while not (self._stopping.is_set() and not self._fresh):
            self._arrived.wait()
            self._arrived.clear()
            if not self._fresh or self._to_spool():
                failures = 0
                continue
            if self._stopping.is_set():
                return
            self._around_the_disk()
            self._stopping.wait(RETRY[min(failures, len(RETRY) - 1)])
            failures += 1
            self._arrived.set()

    def _to_spool(self) -> bool:
        """Write what is fresh to disk; False: the disk could not be written to."""
        lines = list(self._fresh)
        try:
            fitted = self._on_disk(lambda: self._spool.append([line.data for line in lines]))
        except OSError as error:
            self._trouble(f"spool: {error.strerror or error}")
            return False
        for _ in lines:
            self._fresh.popleft()
        self._count_waiting()
        metrics.SPOOLED.inc(_records(lines[:fitted]))
        if lost := _records(lines[fitted:]):
            self._drop(lost, "the spool is full")
        self._spooled.set()
        return True

    def _on_disk(self, work: Callable[[], T]) -> T:
        """Do something with the spool, on its thread."""

        def and_count() -> tuple[T, int, int]:
            return work(), self._spool.lines, self._spool.bytes

        result, self._lines, self.stats.spool_bytes = self._thread.apply(and_count)
        return result

    def _count_waiting(self) -> None:
        self.stats.waiting = len(self._fresh) + self._lines
        metrics.WAITING.set(self.stats.waiting)

    def _around_the_disk(self) -> None:
        """The spool can't be used: straight into the database with what is in memory, if that works."""
        lines = [self._fresh[at] for at in range(min(len(self._fresh), BATCH))]
        try:
            self._insert([line.data for line in lines])
        except DatabaseFailed as error:
            self._trouble(str(error))
            return
        for _ in lines:
            self._fresh.popleft()
        self._count_waiting()

    # --- spool to database --------------------------------------------------------------------------------------

    def _bring_in(self) -> None:
        failures = 0
        adopt_at = 0.0
        while True:
            if time.monotonic() >= adopt_at:
                self._adopt()
                adopt_at = time.monotonic() + ADOPT_EVERY
            try:
                more = self._one_batch()
                failures = 0
            except DatabaseFailed as error:
                self._trouble(str(error))
                if self._stopping.is_set():
                    return
                self._stopping.wait(RETRY[min(failures, len(RETRY) - 1)])
                failures += 1
                continue
            except Exception:
                # Whatever it is, later records must not be stuck behind it for ever.
                log.exception("bringing records into the database failed")
                self._stopping.wait(RETRY[-1])
                continue
            if more:
                continue
            if self._stopping.is_set() and not self._fresh:
                return
            if self._spooled.wait(1.0 if self._stopping.is_set() else ADOPT_EVERY):
                self._stopping.wait(GATHER)  # others follow: twenty cost little more than one
            self._spooled.clear()

    def _adopt(self) -> None:
        try:
            adopted = self._on_disk(self._spool.adopt)
        except OSError as error:
            self._trouble(f"spool: {error.strerror or error}")
            return
        self._count_waiting()
        if adopted:
            log.info("records of an earlier process are brought in", records=adopted)

    def _one_batch(self) -> bool:
        """Bring in the oldest lines; whether there may be more."""
        batch = self._on_disk(lambda: self._spool.take(BATCH))
        if batch is None:
            return False
        self._insert(batch.lines)
        self._on_disk(lambda: self._spool.done(batch))
        self._count_waiting()
        if self.stats.error:
            log.warning("records are written again", was=self.stats.error)
            self.stats.error = ""
        # The count may be older than a line: who has asked the thread later may be told first. At the end, look.
        return self._lines > 0 or self._stopping.is_set()

    def _insert(self, lines: Sequence[bytes]) -> None:
        # On the thread: a hundred long records take longer to read than a caller should wait for a prompt.
        found = self._thread.apply(lambda: spooled.read(lines))
        for line, why in found.damaged:
            self._reject(line, why)
        records = found.records
        over = {record.id for record in records}
        with self._one_insert:
            store = self._connected()
            if calls := [call for call in found.begun if call.record_id not in over]:
                self._begin(store, calls)
            if not self._try(store, records):
                # One of them is at fault; the others must not wait for it.
                for record in records:
                    if not self._try(store, [record]):
                        self._reject(record.dumps().encode(), "the database refuses it")

    def _connected(self) -> _Store:
        if self._store is None:
            self._store = self._connect()
        return self._store

    def _note(self, notes: Sequence[Begun]) -> None:
        with self._one_insert:
            self._begin(self._connected(), notes)

    def _spool_notes(self, notes: Sequence[Begun], page: int) -> None:
        self._fresh.extend(map(Line.of, notes))
        self._arrived.set()
        # Before them, on the thread, and behind what is being written there now.
        self._thread.spawn(self._spool.supersede, page)

    def _jot(self, notes: Sequence[Begun], page: int) -> None:
        lines = [Line.of(note).data for note in notes]
        try:
            self._thread.apply(lambda: self._spool.jot(lines, page))
        except OSError as error:
            log.debug("calls that have begun are not jotted down", why=error.strerror)

    def _strike_out(self, page: int) -> None:
        try:
            self._thread.apply(lambda: self._spool.strike_out(page))
        except OSError as error:
            log.debug("what was jotted down stays", why=error.strerror)

    def _is_away(self) -> bool:
        return bool(self.stats.error)

    def _begin(self, store: _Store, calls: Sequence[Begun]) -> None:
        try:
            store.begin(calls)
        except Exception as error:
            if isinstance(error, DatabaseFailed) and not error.about_data:
                raise
            # They have records all the same, unless this process is killed.
            log.exception("the database refuses to note calls that have begun", calls=len(calls))

    def _try(self, store: _Store, records: Sequence[Record]) -> bool:
        """Insert; False: what is in the records can't be written.

        Raises:
            DatabaseFailed: the database could not be reached; nothing is wrong with the records.
        """
        try:
            store.insert(records)
        except Exception as error:
            if isinstance(error, DatabaseFailed) and not error.about_data:
                raise
            log.exception("the database refuses records", records=len(records))
            return False
        self.stats.written += len(records)
        metrics.WRITTEN.inc(len(records))
        return True

    # --- when it goes wrong -------------------------------------------------------------------------------------

    def _reject(self, line: bytes, why: str) -> None:
        self.stats.rejected += 1
        metrics.LOST.labels("rejected").inc()
        log.error("a record can't be written to the database", why=why, kept_in=REJECTED)
        try:
            self._thread.apply(lambda: self._spool.put_aside(line))
        except OSError as error:
            log.critical("nor can it be kept", why=error.strerror)

    def _drop(self, count: int, why: str) -> None:
        self.stats.dropped += count
        metrics.LOST.labels("dropped").inc(count)
        log.error("RECORDS ARE LOST", records=count, lost_so_far=self.stats.dropped, why=why)

    def _trouble(self, what: str) -> None:
        if what != self.stats.error:
            log.error("records wait", why=what, waiting=self.stats.waiting)
        self.stats.error = what


def _records(lines: Iterable[Line]) -> int:
    return sum(line.is_record for line in lines)

"""Calls that begin, on their way into the database: so that each has a record whatever becomes of this process.

They are gathered for a moment and noted together, in one transaction; on disk, where the database is away or slow. In
the meantime they are jotted down: a process can be killed at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import gevent
import gevent.event

from fsflows.archive.lines import Begun
from fsflows.archive.record import RecordBuilder
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger

GATHER = 0.2
"""Seconds in which calls that begin are gathered: a transaction for each would cost as much as everything else about
the beginning of a call."""

JOT_EVERY = 0.02
"""Seconds between two times that what has begun is jotted down: each is a thread's turn. The first call after a while
is at once."""

AT_ONCE = 50
"""Calls whose notes are written before others run: less than a millisecond."""

PATIENCE = 1.0
"""Seconds that the database gets; then they are noted on disk as well. Those that the disk gets to have them jotted
down, too."""

log = get_logger("archive")


class _TooSlow(Exception):
    """The disk is."""


class Beginnings:
    """See the module.

    Args:
        owner: this process, by an id that no other ever has.
        note: writes notes into the database. Raises `DatabaseFailed`.
        spool: keeps notes on disk, to be brought into the database from there; once they are there, the page that they
            were jotted down on is no more. Doesn't wait for that.
        away: whether the database is known to be away.
        jot: jots notes down on a page, without waiting for the disk. Doesn't raise.
        strike_out: what was jotted down on a page is elsewhere. Doesn't raise.

    A page has what is noted together: calls that begin meanwhile go to the next one.
    """

    def __init__(
        self,
        owner: str,
        note: Callable[[Sequence[Begun]], None],
        spool: Callable[[Sequence[Begun], int], None],
        away: Callable[[], bool],
        jot: Callable[[Sequence[Begun], int], None],
        strike_out: Callable[[int], None],
    ) -> None:
        self._owner = owner
        self._note = note
        self._spool = spool
        self._away = away
        self._jot = jot
        self._strike_out = strike_out
        self._calls: list[RecordBuilder] = []
        self._awaited: dict[str, gevent.event.Event] = {}
        self._page = 0
        self._noting: gevent.Greenlet[..., None] | None = None
        self._arrived = gevent.event.Event()
        self._stopping = gevent.event.Event()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: RecordBuilder) -> None:
        """A call has begun. Doesn't wait."""
        self._calls.append(call)
        self._arrived.set()

    def note(self, call: RecordBuilder, patience: float) -> None:
        """A call is about to begin. Waits, for so many seconds at most, until it is noted in the database, or is on its
        way there by the disk.
        """
        noted = self._awaited[call.id] = gevent.event.Event()
        self.add(call)
        try:
            noted.wait(patience)
        finally:
            self._awaited.pop(call.id, None)

    def stop(self) -> None:
        """Let `run` note what there is, and return."""
        self._stopping.set()
        self._arrived.set()

    def run(self) -> None:
        """Note them as they come; in a greenlet of its own."""
        try:
            while self._calls or not self._stopping.is_set():
                self._arrived.wait()
                if not self._calls and not self._stopping.is_set():
                    self._arrived.clear()
                    continue
                notes = self._gathered()
                if self._noting is not None:
                    self._noting.join()
                self._noting = gevent.spawn(self._settle, notes, self._page)
                self._noting.rawlink(lambda _: self._arrived.set())
                self._page += 1
            if self._noting is not None:
                self._noting.join()
        finally:
            if self._noting is not None:
                self._noting.kill()

    def _settle(self, notes: Sequence[Begun], page: int) -> None:
        if notes and (self._away() or not self._are_noted(notes)):
            self._briefly(partial(self._spool, notes, page))
        else:
            self._briefly(partial(self._strike_out, page))
        if self._awaited:
            for note in notes:
                if (noted := self._awaited.get(note.record_id)) is not None:
                    noted.set()

    def _gathered(self) -> list[Begun]:
        """Of all that begin within a moment, and while those before them are noted: that may take its time, and they
        are jotted down meanwhile. Of calls that are over by then there is a record, or will be.
        """
        until = time.monotonic() + GATHER
        gathered: list[tuple[RecordBuilder, Begun]] = []
        while True:
            self._arrived.clear()
            fresh = self._notes()
            if fresh:
                self._briefly(partial(self._jot, [note for _, note in fresh], self._page))
                gathered += fresh
                self._stopping.wait(JOT_EVERY)
            left = until - time.monotonic()
            busy = self._noting is not None and not self._noting.ready()
            if not self._calls if self._stopping.is_set() else left <= 0 and not busy:
                return [note for call, note in gathered if not call.over]
            self._arrived.wait(max(0.0, left) if left > 0 or not busy else None)

    @staticmethod
    def _briefly(file_work: Callable[[], None]) -> None:
        """A disk that hangs keeps nothing from the database."""
        with suppress(_TooSlow), gevent.Timeout(PATIENCE, _TooSlow):
            file_work()

    def _notes(self) -> list[tuple[RecordBuilder, Begun]]:
        calls, self._calls = self._calls, []
        notes = []
        for index, call in enumerate(calls):
            if not index % AT_ONCE:
                gevent.sleep(0)
            try:
                if not call.over:
                    notes.append((call, Begun.of(self._owner, call.begun())))
            except Exception:
                log.exception("that a call has begun is not noted", call=call.call_id)
        return notes

    def _are_noted(self, notes: Sequence[Begun]) -> bool:
        """Note them in the database; False: it is away, or in no hurry."""
        try:
            with gevent.Timeout(PATIENCE, DatabaseFailed("it does not answer")):
                self._note(notes)
        except DatabaseFailed:
            return False
        except Exception:
            log.exception("calls that have begun are not noted in the database", calls=len(notes))
            return False
        return True

"""Records brought up to date after their calls: calls whose server was lost get one, and each says what has become of
its recording since.

Any process may do this, several at once: what one has done is there for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fsflows.archive.endings import OUTBOUND, Reason, RecordingState
from fsflows.archive.metrics import CALLS_LOST
from fsflows.archive.model import Record, RecordingNote
from fsflows.archive.store import RecordStore
from fsflows.clock import Clock
from fsflows.console.journal import note_of
from fsflows.conversation.metrics import CALLS
from fsflows.database import DatabaseFailed
from fsflows.dialling.metrics import DIALLED
from fsflows.log import get_logger
from fsflows.recordings.journal.entries import UNSETTLED, CallFile
from fsflows.recordings.journal.journal import Journal

EVERY = 10.0
"""Seconds between two looks."""

FIRST_LOOK = timedelta(days=1)
"""How far back a process that has just started looks for receipts."""

OVERLAP = timedelta(minutes=5)
"""By which the looks for such receipts overlap: clocks differ, and transactions take their time."""

log = get_logger("records")


@dataclass(frozen=True, slots=True)
class Settled:
    """What one look did: calls that were lost and have a record now; records that say something else of their audio."""

    lost: int = 0
    changed: int = 0


class Settling:
    """Brings records up to date.

    Args:
        store: the records; with the webhook if there is one.
        journal: the recordings.
        alive: gives the processes that live, by the ids under which their calls begin.
        clock: the process' clock.
        is_up: whether FreeSWITCH has a call that somebody dialled; it may be answered yet. None: there is none to ask.
    """

    def __init__(
        self,
        store: RecordStore,
        journal: Journal,
        alive: Callable[[], Collection[str]],
        clock: Clock,
        is_up: Callable[[str], bool] | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._alive = alive
        self._clock = clock
        self._is_up = is_up
        self._missed: set[str] = set()
        self._amended_since: datetime = clock.utcnow() - FIRST_LOOK

    def run(self) -> None:
        """`look`, for ever; for a task."""
        while True:
            try:
                settled = self.look()
            except DatabaseFailed as error:
                log.warning("records can't be brought up to date", why=str(error))
            except Exception:
                # Whatever it is, other calls' records must not wait for ever.
                log.exception("records can't be brought up to date")
            else:
                if settled.changed:
                    log.info("records of recordings brought up to date", records=settled.changed)
            self._clock.sleep(EVERY)

    def look(self) -> Settled:
        """Look once.

        Raises:
            DatabaseFailed: what is left is found the next time.
        """
        lost = self._lost_calls()
        changed = self._reopened() + self._amended() + self._unsettled()
        return Settled(lost, changed)

    # --- calls without a server -------------------------------------------------------------------------------------

    def _lost_calls(self) -> int:
        """Records for the calls of processes that were missed twice: one that starts may not have been heard of yet."""
        missing = self._store.owners() - set(self._alive())
        count = 0
        for owner in missing & self._missed:
            while calls := [c for c in self._store.begun_by(owner) if not self._may_go_on(c)]:
                for record in self._store.lose([self._with_recording(call) for call in calls]):
                    log.error("a call has lost its server", call=record.call_id, node=record.node)
                    # Whoever had it counts no more: this is the one place that does.
                    if record.reason is Reason.DIAL_FAILED:
                        DIALLED.labels(record.flow, record.outcome).inc()
                    else:
                        CALLS.labels(record.flow, str(record.result), str(record.reason)).inc()
                    count += 1
        self._missed = missing
        CALLS_LOST.inc(count)
        return count

    def _may_go_on(self, call: Record) -> bool:
        """Whether it rings, or comes back: whoever takes it then has it."""
        return call.direction == OUTBOUND and self._is_up is not None and self._is_up(call.call_id)

    def _with_recording(self, record: Record) -> Record:
        note = note_of(self._journal.load(record.call_id))
        return record if note is None else replace(record, recording=note)

    # --- recordings -------------------------------------------------------------------------------------------------

    def _reopened(self) -> int:
        """Discards that are open (again), of calls that are over."""
        note = RecordingNote(state=RecordingState.PENDING)
        return sum(self._store.set_recording(each, note) for each in self._journal.open_calls())

    def _amended(self) -> int:
        """Discards that were finished, perhaps between two looks: opened again, or first asked for in a later visit.

        Of the first receipts, most were there before the record: only those are looked at that a record doesn't know.
        """
        since, self._amended_since = self._amended_since, self._clock.utcnow() - OVERLAP
        amended = self._journal.amended(since)
        unaware = self._store.not_discarded(self._journal.receipted(since))
        return sum(self._bring_up(each)[0] for each in {*amended, *unaware})

    def _unsettled(self) -> int:
        changed = 0
        settled = []
        for record in self._store.unsettled():
            made, call = self._bring_up(record.call_id)
            changed += made
            if _is_settled(record, call):
                settled.append(record.id)
        self._store.settle(settled)
        return changed

    def _bring_up(self, call_id: str) -> tuple[int, CallFile]:
        """Have a call's records say what the journal says; how many that changed."""
        call = self._journal.load(call_id)
        note = note_of(call)
        return (0 if note is None else self._store.set_recording(call_id, note)), call


def _is_settled(record: Record, call: CallFile) -> bool:
    if call.intent is not None:
        return not call.intent.open
    if any(entry.state in UNSETTLED for entry in call.entries):
        return False
    # A discard that the journal can't be told of yet: its intent waits in a spool.
    return record.recording.state is not RecordingState.PENDING

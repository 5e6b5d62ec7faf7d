"""What is known of every recording, kept so that it outlives the process: written and on disk before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from fsflows.clock import Clock
from fsflows.database import Database
from fsflows.recordings.journal import writing, writing_discards, writing_publishing
from fsflows.recordings.journal.attempts import By, add_steps, failed
from fsflows.recordings.journal.entries import (
    TO_PUBLISH,
    CallFile,
    Entry,
    Intent,
    Node,
    Settlement,
)
from fsflows.recordings.journal.hearsay import Hearsay
from fsflows.recordings.journal.known_archive import Aim, aim_for
from fsflows.recordings.journal.pruning import finished_before, forget
from fsflows.recordings.journal.receipt import SETTLED, DiscardCause, Receipt
from fsflows.recordings.journal.rows import entries_for, is_known, load
from fsflows.recordings.journal.tables import discards, receipts, recordings
from fsflows.recordings.journal.writing_discards import LONGEST

LEASE = timedelta(seconds=60)
"""A node that was not heard of for so long is taken for dead, and others finish its work. Doing a thing twice is safe;
the lease only saves the trouble."""


class Journal:
    """The journal as one process sees it.

    Every method is one transaction, on disk when it returns.

    Raises:
        DatabaseFailed: from every method, when the database can't do it; nothing was written.
    """

    def __init__(self, database: Database, clock: Clock, node: Node) -> None:
        self.node = node
        self._database = database
        self._clock = clock
        self.hearsay = Hearsay(database, clock)

    def load(self, call_uuid: str) -> CallFile:
        return self._database.read(lambda c: load(c, call_uuid), of=call_uuid)

    def known(self, call_uuids: Sequence[str]) -> set[str]:
        """Those of these calls of which something is known."""
        wanted = list(call_uuids)

        def work(connection: Connection) -> set[str]:
            return {
                found
                for table in (recordings, discards)
                for found in connection.execute(
                    select(table.c.call_uuid).where(table.c.call_uuid.in_(wanted))
                ).scalars()
            }

        return self._database.read(work) if wanted else set()

    def recorded_before(self, cutoff: datetime, after: str, limit: int) -> list[str]:
        """Calls behind `after`, in the order of their uuids, that have a settled recording from before `cutoff`."""
        query = (
            select(recordings.c.call_uuid)
            .where(recordings.c.state.in_(("published", "kept")))
            .where(recordings.c.started_at < cutoff, recordings.c.call_uuid > after)
            .distinct()
            .order_by(recordings.c.call_uuid)
            .limit(limit)
        )
        return list(self._database.read(lambda c: c.execute(query).scalars().all()))

    def finished_before(self, cutoff: datetime, after: str, limit: int) -> list[str]:
        """Calls behind `after`, in the order of their uuids, of which nothing is to be done, nor was since `cutoff`."""
        return self._database.read(lambda c: finished_before(c, cutoff, after, limit))

    def forget(self, call_uuids: Sequence[str], cutoff: datetime) -> int:
        """Forget these calls, as far as they are finished, with their receipts; how many."""
        return self._database.write(lambda c: forget(c, call_uuids, cutoff))

    def open_calls(self) -> list[str]:
        """Calls with a discard that is open."""
        query = select(discards.c.call_uuid).where(discards.c.state == "open")
        return list(self._database.read(lambda c: c.execute(query).scalars().all()))

    def amended(self, since: datetime) -> list[str]:
        """Calls whose receipt was written anew since then: a later recording was added to it."""
        query = select(receipts.c.call_uuid).where(
            receipts.c.issued_at >= since, receipts.c.revision > 1, receipts.c.complete
        )
        return list(self._database.read(lambda c: c.execute(query).scalars().all()))

    def receipted(self, since: datetime) -> list[str]:
        """Calls whose first receipt was written since then."""
        query = select(receipts.c.call_uuid).where(
            receipts.c.issued_at >= since, receipts.c.revision == 1, receipts.c.complete
        )
        return list(self._database.read(lambda c: c.execute(query).scalars().all()))

    # --- recordings ---------------------------------------------------------------------------------------------

    def note(self, entries: Iterable[Entry]) -> list[Entry]:
        """Write recordings down, as being under way. A path that is known is being recorded to once more.

        Where the call's recordings were discarded the discard is open again.
        """
        noted = list(entries)

        def work(connection: Connection) -> list[Entry]:
            written = [writing.note(connection, entry, self.node) for entry in noted]
            for entry in noted:
                writing.forget_settlement(connection, entry)
            for call_uuid in {entry.call_uuid for entry in noted}:
                writing.reopen(connection, call_uuid, self.node, watch=True)
            return written

        calls = {entry.call_uuid for entry in noted}
        return self._database.write(work, of=calls.pop() if len(calls) == 1 else "")

    def note_first(self, entry: Entry) -> tuple[CallFile, Entry | None]:
        """Write down a call's first recording, as `note` does; or nothing, where something is known of the call.

        Returns:
            What was known before, and the recording as it is written; None: it is not.
        """

        def work(connection: Connection) -> tuple[CallFile, Entry | None]:
            if is_known(connection, entry.call_uuid):
                return load(connection, entry.call_uuid), None
            written = writing.note(connection, entry, self.node)
            writing.reopen(connection, entry.call_uuid, self.node, watch=True)
            return CallFile(), written

        return self._database.write(work, of=entry.call_uuid)

    def change(self, entry: Entry, states: Sequence[str], **values: Any) -> bool:
        """Change a recording that is in one of these states; False: it no longer is."""
        return self._database.write(
            lambda c: writing.change(c, entry, states, values), of=entry.call_uuid, single=True
        )

    def change_later(
        self,
        entry: Entry,
        states: Sequence[str],
        failed: Callable[[BaseException], None],
        **values: Any,
    ) -> None:
        """As `change`, but it is not waited for: it is on disk before what is asked for next, or never."""
        self._database.post(
            lambda c: writing.change(c, entry, states, values),
            failed,
            of=entry.call_uuid,
            single=True,
        )

    def settle_all(self, entries: Iterable[Entry], *, settled: bool = True) -> None:
        """A call's recordings are to be published when it is over (`TO_PUBLISH`), whoever comes to it; or no longer."""
        wanted = list(entries)
        values = {"error": TO_PUBLISH if settled else None}

        def work(connection: Connection) -> None:
            for entry in wanted:
                writing.change(connection, entry, ("recording", "staged"), values)

        if wanted:
            self._database.write(work, of=wanted[0].call_uuid)

    def start_publishing(self, entry: Entry) -> Aim | None:
        """Take a recording for publishing. None: it was discarded, or published, or another process is at it.

        The archive that it goes to is written down before anything of it can be there.
        """
        since = self._clock.utcnow() - LEASE

        def work(connection: Connection) -> Aim | None:
            aim = aim_for(connection, entry)
            taken = writing_publishing.start(connection, entry, aim.now, self.node, since)
            return aim if taken else None

        return self._database.write(work, of=entry.call_uuid)

    def published(self, entry: Entry, location: str, size: int) -> bool:
        """It is in the archive. False: a discard came first, and it has to be taken out again; or it is not ours."""
        # Its file may have been out of reach when it began.
        now = {"location": location, "size": size, "seen": True}
        values = {"state": "published", "error": None, **now}
        return self._stop_publishing(entry, values, unless_discarded=True)

    def not_published(self, entry: Entry, **values: Any) -> bool:
        """We are not at it any more. False: that is known, or others have taken it for published or discarded."""
        return self._stop_publishing(entry, {"owner": "", **values})

    def _stop_publishing(
        self, entry: Entry, values: Mapping[str, Any], *, unless_discarded: bool = False
    ) -> bool:
        return self._database.write(
            lambda c: writing_publishing.end(
                c, entry, values, self.node, unless_discarded=unless_discarded
            ),
            of=entry.call_uuid,
            single=True,
        )

    # --- discards -----------------------------------------------------------------------------------------------

    def open_discard(
        self,
        call_uuid: str,
        switch: str,
        cause: DiscardCause,
        entries: Iterable[Entry] = (),
    ) -> tuple[Intent, CallFile]:
        """Write down that a call's recordings are to be discarded, and which are known. The first cause stays.

        With a recording that is not yet written down, and not known to be gone, one that was finished is open again.

        Returns:
            The discard, and all that is known of the call then.
        """
        known, by = list(entries), self._by()

        def work(connection: Connection) -> tuple[Intent, CallFile]:
            writing_discards.open_discard(connection, call_uuid, switch, cause, known, by)
            call = load(connection, call_uuid)
            assert call.intent is not None
            return call.intent, call

        return self._database.write(work, of=call_uuid)

    def reopen(self, call_uuid: str) -> None:
        """There is more to delete of a call whose discard was finished."""
        self._database.write(lambda c: writing.reopen(c, call_uuid, self.node), of=call_uuid)

    def list_for_deletion(
        self, call_uuid: str, sizes: Mapping[int, int], *, stop_ms: int, detail: str
    ) -> list[Entry]:
        """All recordings of a call are to be deleted from here on; their sizes, by id, as they were found.

        One that another node is publishing right now is left in that state: that node takes it out again.
        """
        by = self._by()

        def work(connection: Connection) -> list[Entry]:
            writing_discards.list_for_deletion(connection, call_uuid, sizes, by, by.at - LEASE)
            writing_discards.note_stop(connection, call_uuid, by, stop_ms, detail)
            return entries_for(connection, call_uuid)

        return self._database.write(work, of=call_uuid)

    def close_discard(
        self, receipt: Receipt, *, watch: bool, before_commit: Callable[[], None] = lambda: None
    ) -> Receipt | None:
        """Write the receipt. It returns the one that counts: another node may have been first.

        None: a recording has been noted meanwhile, and there is more to delete.
        """
        by = self._by()

        def work(connection: Connection) -> Receipt | None:
            counts, written = writing_discards.close_discard(connection, receipt, by, watch=watch)
            if written:
                before_commit()
            return counts

        return self._database.write(work, of=receipt.call_uuid)

    def settle(self, call_uuid: str, settlement: Settlement) -> None:
        """Write down what an operator says of a file; the next attempt to finish the discard takes his word."""
        by = self._by()

        def work(connection: Connection) -> None:
            writing.settle(connection, call_uuid, settlement)
            connection.execute(
                update(discards).where(discards.c.call_uuid == call_uuid).values(due_at=None)
            )
            detail = f"{settlement.path}: {settlement.by}: {settlement.why}"
            add_steps(connection, call_uuid, by, {SETTLED: 0}, detail[:LONGEST])

        self._database.write(work, of=call_uuid)

    def discard_failed(self, call_uuid: str, why: str) -> bool:
        """An attempt has failed; the discard stays open. True: say so; it is news, or was long not said."""
        now = self._clock.utcnow()
        return self._database.write(
            lambda c: failed(c, call_uuid, why[:LONGEST], now), of=call_uuid
        )

    def reword(self, call_uuid: str, key_or_word: str) -> None:
        """What a call's discard was asked for with has become private: this is what it is called from now on."""
        self._database.write(
            lambda c: writing_discards.reword(c, call_uuid, key_or_word), of=call_uuid
        )

    def unwatch(self, call_uuid: str) -> bool:
        """The call is over: nothing can be recorded in it any more. False: it has no discard here."""
        return self._database.write(
            lambda c: writing_discards.unwatch(c, call_uuid), of=call_uuid, single=True
        )

    def _by(self) -> By:
        return By(self.node, self._clock.utcnow())

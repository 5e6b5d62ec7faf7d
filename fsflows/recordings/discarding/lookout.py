"""What is noticed of a discarded call's recordings: that one began, that one is there again; written down at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from fsflows.clock import Clock
from fsflows.database import DatabaseFailed
from fsflows.esl.quoting import file_of
from fsflows.recordings.discarding.discard import FORBIDDEN, REMOVED, TOO_SHORT, Discard
from fsflows.recordings.discarding.shelf import name_for
from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.discarding.spooled import Spooled
from fsflows.recordings.files.failures import FileWorkFailed, NotAllSearched, PathRefused
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause


class Lookout:
    """Looks, and writes down what it sees."""

    def __init__(self, journal: Journal, clock: Clock, spool: IntentSpool) -> None:
        self._journal = journal
        self._clock = clock
        self._spool = spool
        self._unwritten: dict[str, Discard] = {}

    def is_news(self, discard: Discard, path: str, cause: str | None) -> bool:
        """Whether something has to be done about a recording that FreeSWITCH tells of after the discard.

        `cause`: why it has ended; None: it has begun.
        """
        if path not in discard.known:
            self._catch_up(discard)
        known = discard.known.get(path)
        if cause is not None and known is not None and known.state != "discarded":
            return False  # the discard is at it
        try:
            if discard.files.look(path) is not None:
                return True
            if known is not None and cause in REMOVED:
                # FreeSWITCH has deleted it, and not brought that to the disk.
                discard.files.delete(path, known.mark)
        except FileWorkFailed:
            return cause is None or known is None
        if known is not None:
            return False  # told of after it had been dealt with
        # Not there: over already, which we will be told as well; or out of our sight, which must become loud.
        return cause is not None or self._is_recorded(discard, path)

    def _catch_up(self, discard: Discard) -> None:
        """Another process may be at the same call, and have been told before us."""
        with suppress(DatabaseFailed):
            for entry in self._journal.load(discard.call_uuid).entries:
                discard.known.setdefault(entry.path, entry)

    @staticmethod
    def _is_recorded(discard: Discard, path: str) -> bool:
        for control in discard.controls:
            try:
                return control.alive() and path in control.active()
            except Exception as error:
                discard.log.debug("FreeSWITCH does not say what it records", why=str(error))
        return True

    def note(
        self,
        discard: Discard,
        paths: Iterable[str],
        *,
        late: bool = False,
        cause: str | None = None,
    ) -> None:
        """Recordings are under way that were not known. They are written down before anything is done to them.

        `late`: they have begun since FreeSWITCH was told to delete what begins; `cause`: why they ended, if they did.
        """
        error = FORBIDDEN if late and discard.forbidden else None
        error = TOO_SHORT if cause in REMOVED else error
        now = self._clock.utcnow()
        fresh = []
        for path in paths:
            entry = discard.known.get(path)
            if entry is None or entry.state != "recording":
                entry = entry or Entry(call_uuid=discard.call_uuid, path=path, started_at=now)
                entry = replace(
                    entry, state="recording", switch=discard.switch, stopped_at=None, error=error
                )
                entry = self.look(discard, entry)
                discard.known[path] = entry
                discard.settled.pop(path, None)
                fresh.append(entry)
        if not fresh:
            return
        try:
            for entry in self._journal.note(fresh):
                discard.known[entry.path] = entry
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be written: {error}")
            self.write_to_spool(discard)

    def reopen_if_there(self, discard: Discard) -> bool:
        """Look once more for what was discarded; what is there, or can't be looked at, is noted as recorded again."""
        there = [path for path, entry in discard.known.items() if self._is_there(discard, entry)]
        try:
            there += self.heard(discard)
            there += self.unknown(discard)
        except NotAllSearched as error:
            there += error.found
            discard.log.warning("a discarded call can't be looked for everywhere", why=str(error))
        except (FileWorkFailed, DatabaseFailed) as error:
            discard.log.warning("a discarded call can't be looked for", why=str(error))
        if there:
            discard.log.error("a discarded recording is there again", paths=there)
            self.note(discard, there)
        return bool(there)

    def heard(self, discard: Discard) -> list[str]:
        """Recordings of the call that FreeSWITCH told of while nobody here had it, as far as they are still there.

        Raises:
            DatabaseFailed: the journal can't be read.
        """
        known = {entry.file for entry in discard.known.values()}
        paths = [p for p in self._journal.hearsay.of(discard.call_uuid) if file_of(p) not in known]
        return [path for path in paths if self._may_be_there(discard, path)]

    @staticmethod
    def _may_be_there(discard: Discard, path: str) -> bool:
        try:
            if discard.files.look(path) is not None:
                return True
            # Gone: that is brought to the disk. FreeSWITCH may have deleted it a moment ago.
            discard.files.delete(path, None)
        except FileWorkFailed:
            return True  # it has to become loud
        # Gone since, in whatever way; or on a disk of FreeSWITCH's that we don't see.
        for control in discard.controls:
            with suppress(Exception):
                return control.has_file(path)
        return False

    @staticmethod
    def unknown(discard: Discard) -> list[str]:
        """Recordings that nobody told us of, where the settings say that they may lie.

        Raises:
            NotAllSearched: it could not be looked in all places; those that were found in others.
            FileWorkFailed: it can't be looked there.
        """
        known = {entry.file for entry in discard.known.values()}
        try:
            found = discard.files.find(discard.call_uuid)
        except NotAllSearched as error:
            fresh = [path for path in error.found if path not in known]
            raise NotAllSearched(str(error), fresh) from error
        return [path for path in found if path not in known]

    @staticmethod
    def _is_there(discard: Discard, entry: Entry) -> bool:
        try:
            if discard.files.look(entry.path) is not None:
                return True
            return bool(
                entry.archived and entry.name and discard.files.published(entry.name) is not None
            )
        except PathRefused:
            return entry.path not in discard.settled
        except FileWorkFailed:
            return True

    def look(self, discard: Discard, entry: Entry) -> Entry:
        """The entry, with its file as it is now; as it was, if that can't be looked at."""
        try:
            sighting = discard.files.look(entry.path)
        except FileWorkFailed:
            return entry  # deleting it will say the same, and there it counts
        return entry if sighting is None else entry.found(sighting)

    def earlier_order(self, call_uuid: str) -> DiscardCause | None:
        """Why the call is to be discarded by an order that is in the spool, and maybe not yet in the journal.

        Raises:
            FileWorkFailed: it can't be known now whether there is one.
        """
        try:
            spooled = self._spool.of(call_uuid)
        except OSError as error:
            raise FileWorkFailed(f"orders to discard can't be read: {error}") from error
        return spooled.cause if spooled is not None else None

    def jot(self, discard: Discard) -> None:
        """Jot down that it is asked for, and know the recordings that earlier orders name. Never raises."""
        unwritten = [entry for entry in discard.known.values() if not entry.id]
        order, file = self._order(discard, unwritten), name_for(discard.call_uuid, jotted=True)
        discard.orders |= {file}
        earlier = self._spool.jot(order, file)
        if earlier is not None:
            for entry in earlier.entries:
                discard.known.setdefault(entry.path, entry)
            discard.orders |= earlier.files

    def strike_out(self, discard: Discard) -> None:
        """The journal has the order, and all that is known. Doesn't wait."""
        orders, discard.orders = discard.orders, frozenset()
        self._spool.remove(orders)

    def write_to_spool(self, discard: Discard) -> None:
        """The journal can't be written: the discard is kept beside it; at the worst in memory, until there is room."""
        order = self._order(discard, discard.known.values())
        file = name_for(discard.call_uuid, jotted=False)
        discard.orders |= {file}
        try:
            if self._spool.write(order, file):
                discard.orders -= order.files
        except OSError as error:
            discard.left.append(f"nor can the spool: {error}")
            self._unwritten[discard.call_uuid] = discard
        else:
            self._unwritten.pop(discard.call_uuid, None)

    def _order(self, discard: Discard, entries: Iterable[Entry]) -> Spooled:
        return Spooled(
            discard.call_uuid,
            discard.switch,
            discard.cause,
            tuple(entries),
            self._journal.node.id,
            discard.call_over,
            discard.orders,
        )

    def write_again(self) -> None:
        """Write down what could not be written anywhere."""
        for discard in list(self._unwritten.values()):
            self.write_to_spool(discard)

    def over(self, discard: Discard) -> None:
        """The call has ended, as this process saw itself: whoever finishes the discard need not ask FreeSWITCH."""
        try:
            written = self._journal.unwatch(discard.call_uuid)
        except DatabaseFailed:
            written = False
        if not written:
            # It is in the spool, as that of a call which is up: nobody would touch it while this process lives.
            self.write_to_spool(discard)

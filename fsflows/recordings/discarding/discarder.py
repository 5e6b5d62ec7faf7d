"""Discarding a call's recordings, by the process that has the call as well as by one that finishes what it left.

Before anything else it is jotted down that a discard was asked for (`jot`), and FreeSWITCH told to delete by itself
what is recorded in the call from now on: that goes on working when we don't. Then (a) the intent is written; (b) all
that FreeSWITCH records in the call is stopped, after its path is written down; (c) every file is deleted; (d) it is
looked for again; (e) the receipt is written. Every part may be done twice. What can't be done is said, with what is
left: `DiscardFailed`. The discard then stays open and is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fsflows.clock import Clock
from fsflows.database import DatabaseFailed
from fsflows.recordings import metrics
from fsflows.recordings.discarding.arrivals import Arrivals
from fsflows.recordings.discarding.discard import (
    FORBIDDEN,
    NOT_STARTED,
    ON_ITS_WAY,
    TOO_SHORT,
    Discard,
    DiscardFailed,
)
from fsflows.recordings.discarding.lookout import Lookout
from fsflows.recordings.discarding.retracting import Retractor
from fsflows.recordings.discarding.stopping import ROUNDS, Stopper
from fsflows.recordings.faults import FORBID_POINT, NO_FAULTS, Faults
from fsflows.recordings.files.failures import (
    FileWorkFailed,
    NotAllSearched,
    PathRefused,
    StillThere,
)
from fsflows.recordings.journal.entries import GONE, Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import SETTLED, FileReceipt, Receipt
from fsflows.recordings.under_way import UnderWay


class Discarder:
    """Runs discards."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        lookout: Lookout,
        under_way: UnderWay,
        *,
        faults: Faults = NO_FAULTS,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._lookout = lookout
        self._faults = faults
        self._arrivals = Arrivals(journal, clock, under_way)
        self._stopper = Stopper(lookout, faults)
        self._retractor = Retractor(journal)

    def run(self, discard: Discard) -> Receipt:
        """Discard until nothing is left, and return the receipt.

        Raises:
            DiscardFailed: something is left.
        """
        discard.left.clear()
        self.forbid(discard)
        self._faults.at(FORBID_POINT)
        journaled = self._write_intent(discard)
        self._faults.at("discard 1: the intent is on disk")
        receipt = None
        for _ in range(ROUNDS):
            # Whatever else fails, the audio goes first.
            self._round(discard)
            if discard.left or not journaled:
                break
            if not discard.again:
                receipt = self._write_receipt(discard)
                if receipt is not None or discard.left:
                    break
        if receipt is None:
            discard.left += discard.again
            if not discard.left:
                discard.left.append("recordings keep being started")
            self._failed(discard)
            raise DiscardFailed(discard.call_uuid, discard.left)
        self._faults.at("discard 13: the receipt is committed")
        self._succeeded(discard, receipt)
        return receipt

    def jot(self, discard: Discard) -> None:
        """Jot down that it is asked for, before anything waits: a process that is killed now leaves the order.

        What an earlier process has ordered of the call, and could not bring into the journal, is part of it.
        """
        self._lookout.jot(discard)

    @staticmethod
    def forbid(discard: Discard) -> None:
        """Have FreeSWITCH delete what is recorded in the call from now on. What it can't be told does no harm now."""
        for control in discard.controls:
            try:
                control.forbid()
            except Exception as error:
                discard.log.debug("recording not forbidden", why=str(error))
            else:
                discard.forbidden = True
                return

    # --- (a) ----------------------------------------------------------------------------------------------------

    def _write_intent(self, discard: Discard) -> bool:
        started = self._clock.now()
        try:
            intent, call = self._journal.open_discard(
                discard.call_uuid, discard.switch, discard.cause, discard.known.values()
            )
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be written: {error}")
            self._lookout.write_to_spool(discard)
            return False
        finally:
            discard.ms["intent"] = self._since(started)
        self._lookout.strike_out(discard)
        discard.cause = intent.cause
        discard.settled = {settled.path: settled for settled in call.settlements}
        self._merge(discard, call.entries)
        return True

    @staticmethod
    def _merge(discard: Discard, entries: Iterable[Entry]) -> None:
        """What the journal says counts, but for what we have seen and could not yet write."""
        for entry in entries:
            ours = discard.known.get(entry.path)
            if ours is not None and ours.seen:
                discard.known[entry.path] = replace(
                    entry, seen=True, mark=ours.mark, size=ours.size
                )
            else:
                discard.known[entry.path] = entry

    # --- (b) to (d) ---------------------------------------------------------------------------------------------

    def _round(self, discard: Discard) -> None:
        discard.again.clear()
        started = self._clock.now()
        stopped = self._stopper.stop(discard)
        self._faults.at("discard 5: all recordings are stopped")
        self._find(discard)
        discard.ms["stop"] = self._since(started)
        if not stopped:
            discard.left.append("FreeSWITCH could not be made to say that it records no more")
        before = dict(discard.known)
        self._list_for_deletion(discard, stopped=stopped)
        self._faults.at("discard 6: the list of files to delete is on disk")
        started = self._clock.now()
        for path, entry in list(discard.known.items()):
            self._delete(discard, before.get(path, replace(entry, state="recording")))
        self._arrivals.wait(discard)
        discard.ms["delete"] = self._since(started)
        self._faults.at("discard 10: all files are gone")
        started = self._clock.now()
        self._verify(discard)
        discard.ms["verify"] = self._since(started)
        self._faults.at("discard 11: all files were looked for again")

    def _find(self, discard: Discard) -> None:
        """Recordings that were made before we had the call: heard of, or where the settings say that they may lie."""
        try:
            self._lookout.note(discard, self._lookout.heard(discard))
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be read: {error}")
        try:
            self._lookout.note(discard, self._lookout.unknown(discard))
        except NotAllSearched as error:
            self._lookout.note(discard, error.found)
            self._refused(discard, error)
        except FileWorkFailed as error:
            self._refused(discard, error)

    def _list_for_deletion(self, discard: Discard, *, stopped: bool) -> None:
        for path, entry in discard.known.items():
            discard.known[path] = self._lookout.look(discard, entry)
        sizes = {e.id: e.size for e in discard.known.values() if e.seen and e.size is not None}
        detail = "not known whether anything is still recorded"
        if stopped:
            detail = "the call is over" if discard.call_over else "nothing is recorded"
        try:
            listed = self._journal.list_for_deletion(
                discard.call_uuid, sizes, stop_ms=discard.ms["stop"], detail=detail
            )
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be written: {error}")
            self._lookout.write_to_spool(discard)
            return
        self._merge(discard, listed)
        for entry in listed:
            if entry.state == "publishing":
                self._note_on_its_way(discard, entry)

    def _note_on_its_way(self, discard: Discard, entry: Entry) -> None:
        """Whoever finishes this, should we die, has to know who deleted the staged file."""
        discard.known[entry.path] = replace(discard.known[entry.path], error=ON_ITS_WAY)
        try:
            self._journal.change(entry, ("publishing",), error=ON_ITS_WAY)
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be written: {error}")

    def _delete(self, discard: Discard, entry: Entry) -> None:
        """Delete one recording wherever it is. `entry`: as it was before this round."""
        now = discard.known[entry.path]
        try:
            deleted = discard.files.delete(entry.path, now.mark)
            if now.state == "publishing":
                # Another process is at it: it is looked for again when that has ended.
                if deleted.how == "deleted":
                    discard.went(FileReceipt(entry.path, "deleted", now.size, deleted.also))
                if now.archived and now.name:
                    discard.files.retract(now.name)  # as much of it as is there
                return
            how = deleted.how if deleted.how == "deleted" else self._why_absent(discard, entry, now)
            if how is None and entry.path in discard.settled:
                discard.settle(now)
            elif how is None:
                discard.left.append(
                    f"{entry.path!r} was never found here: do we see FreeSWITCH's recordings?"
                )
            elif deleted.how == "deleted" or not entry.archived:
                discard.went(FileReceipt(entry.path, how, now.size, deleted.also))
            if entry.archived and entry.name:
                spoken_of = self._retractor.retract(discard, now, entry.name)
                if not spoken_of and how is not None and deleted.how != "deleted":
                    discard.went(FileReceipt(entry.path, how, now.size))
        except PathRefused as error:
            if entry.path in discard.settled:
                discard.settle(now)
            else:
                self._refused(discard, error)
        except FileWorkFailed as error:
            self._refused(discard, error)

    @staticmethod
    def _is_there(discard: Discard, path: str) -> bool:
        """Whether FreeSWITCH itself has a file that we never saw, or may have: it can't be asked."""
        for control in discard.controls:
            try:
                return control.has_file(path)
            except Exception as error:
                discard.log.debug("FreeSWITCH does not say whether it has a file", why=str(error))
        return True

    def _why_absent(self, discard: Discard, entry: Entry, now: Entry) -> str | None:
        error = entry.error or ""
        if error == TOO_SHORT:
            return "removed by FreeSWITCH"
        if not now.seen and error.startswith(NOT_STARTED):
            return "never started"
        if not now.seen and (not error or self._is_there(discard, entry.path)):
            # FreeSWITCH's word that there is none is not enough: its events don't tell "%41" from "A".
            return None
        if entry.state in ("discarding", "discarded") or error == ON_ITS_WAY:
            return "deleted earlier"
        return "removed by FreeSWITCH" if error == FORBIDDEN else "absent"

    def _verify(self, discard: Discard) -> None:
        for entry in discard.known.values():
            try:
                if discard.files.look(entry.path) is not None:
                    discard.again.append(f"{entry.path!r} is still there")
                if entry.archived and entry.name and discard.files.published(entry.name):
                    discard.again.append(f"{entry.name!r} is still in the archive")
            except PathRefused as error:
                if entry.path not in discard.settled:
                    self._refused(discard, error)
            except FileWorkFailed as error:
                self._refused(discard, error)

    # --- (e) ----------------------------------------------------------------------------------------------------

    def _write_receipt(self, discard: Discard) -> Receipt | None:
        receipt = Receipt(
            discard.call_uuid,
            discard.cause,
            self._clock.utcnow(),
            self._journal.node.id,
            recovered=discard.recovered,
            call_over=discard.call_over,
            files=tuple(discard.done.values()),
            ms=dict(discard.ms),
        )
        try:
            return self._journal.close_discard(
                receipt,
                watch=not discard.call_over,
                before_commit=lambda: self._faults.at(
                    "discard 12: the receipt is written, not yet committed"
                ),
            )
        except DatabaseFailed as error:
            discard.left.append(f"all is deleted, but the receipt can't be written: {error}")
            return None

    def _succeeded(self, discard: Discard, receipt: Receipt) -> None:
        self._lookout.strike_out(discard)
        settled = {file.path for file in receipt.files if file.how == SETTLED}
        for path, entry in discard.known.items():
            state = "settled" if path in settled else "discarded"
            if state == "discarded" and entry.state not in GONE:
                metrics.RECORDINGS.labels("discarded").inc()
            discard.known[path] = replace(entry, state=state, location=None)
        discard.done.clear()
        discard.receipted = True
        asked = (receipt.completed_at - discard.cause.at).total_seconds()
        metrics.DISCARDS.labels("recovered" if discard.recovered else "done").inc()
        metrics.DISCARD_SECONDS.observe(max(0.0, asked))
        discard.log.info(
            "recordings discarded",
            flow=receipt.cause.flow,
            step=receipt.cause.step,
            files=len(receipt.files),
            revision=receipt.revision,
            recovered=discard.recovered,
        )

    def _failed(self, discard: Discard) -> None:
        metrics.DISCARDS.labels("failed").inc()
        news = True
        try:
            news = self._journal.discard_failed(discard.call_uuid, "; ".join(discard.left))
        except DatabaseFailed as error:
            discard.log.warning("the journal can't be written", why=str(error))
        say = discard.log.error if news else discard.log.debug
        say("recordings not discarded", left=discard.left)

    @staticmethod
    def _refused(discard: Discard, error: FileWorkFailed) -> None:
        if isinstance(error, PathRefused):
            metrics.REFUSED_PATHS.inc()
            discard.log.error("path refused", path=error.path, why=error.why)
        into = discard.again if isinstance(error, StillThere) else discard.left
        if str(error) not in into:
            into.append(str(error))

    def _since(self, started: float) -> int:
        return round((self._clock.now() - started) * 1000)

"""Deleting what has been kept for long enough, in the way of a discard: written down first, done, proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fsflows.log import call_logger
from fsflows.recordings.discarding.discard import Discard
from fsflows.recordings.files.marker import must_be
from fsflows.recordings.freeswitch.control import EndedCall
from fsflows.recordings.journal.entries import GONE, CallFile
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause
from fsflows.recordings.tools import Tools

TRIGGER = "retention"
"""What a receipt names as the key or word."""


class DiscardOpen(Exception):
    """A discard of the call is not finished: nothing that belongs to the call may be forgotten."""

    def __init__(self, call_uuid: str) -> None:
        super().__init__(f"the discard of call {call_uuid} is still open")


class _Journaled:
    """What the journal alone answers for. Raises besides: `DatabaseFailed`, it can't be reached."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def known(self, call_uuids: Sequence[str]) -> set[str]:
        """Those of these calls that were recorded, or discarded."""
        return self._journal.known(call_uuids)

    def forgettable(self, cutoff: datetime, after: str, limit: int) -> list[str]:
        """Calls behind `after`, in the order of their uuids, of which nothing is to be done, nor was since `cutoff`."""
        return self._journal.finished_before(cutoff, after, limit)

    def forget(self, call_uuids: Sequence[str], cutoff: datetime) -> int:
        """Forget them, with their receipts; how many. Never what is open, or still there."""
        return self._journal.forget(call_uuids, cutoff)


class Expiry(_Journaled):
    """Deletes recordings whose time is over."""

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools.journal)
        self._tools = tools

    def left_before(self, cutoff: datetime, after: str, limit: int) -> list[str]:
        """Calls behind `after`, in the order of their uuids, that have a recording from before `cutoff`."""
        return self._journal.recorded_before(cutoff, after, limit)

    def expire(self, call_uuid: str, cutoff: datetime) -> bool:
        """Delete the recordings of a call that is long over. False: there are none, or some from `cutoff` or later.

        Raises:
            DiscardOpen: their discard is under way; it is left to the sweep.
            DiscardFailed: something is left; the sweep tries it again.
            FileWorkFailed: the archive that it was published to is not at hand; nothing was done.
        """
        tools = self._tools
        with tools.locks.hold(call_uuid):
            call = tools.journal.load(call_uuid)
            if _gone(call_uuid, call) or call_uuid in tools.busy or _goes_on(call, cutoff):
                return False
            self._must_be_at_hand(call)
            switch, flow = call.entries[0].switch, call.entries[0].flow
            cause = DiscardCause(flow, "", TRIGGER, tools.clock.utcnow())
            discard = Discard(
                call_uuid,
                switch,
                cause,
                tools.reach.files(switch),
                call_logger("recordings", call_uuid),
                controls=(EndedCall(call_uuid),),
                known={entry.path: entry for entry in call.entries},
            )
            tools.discarder.run(discard)
            tools.journal.unwatch(call_uuid)
            return True

    def _must_be_at_hand(self, call: CallFile) -> None:
        """See that its archive is, before the order is written down: without it, it would only stay open."""
        settled = {settlement.path for settlement in call.settlements}
        wanted = [
            entry
            for entry in call.entries
            if entry.archives and entry.state not in GONE and entry.path not in settled
        ]
        if not wanted:
            return
        here = self._tools.reach.files(wanted[0].switch).identity()
        for entry in wanted:
            for archive in entry.archives:
                must_be(archive, here, "what is at hand")


class NoExpiry(_Journaled):
    """Deletes no recording, and still has nothing forgotten whose discard is open."""

    def left_before(self, cutoff: datetime, after: str, limit: int) -> list[str]:
        """None: they are kept."""
        return []

    def expire(self, call_uuid: str, cutoff: datetime) -> bool:
        """Does nothing.

        Raises:
            DiscardOpen: see `Expiry`.
        """
        _gone(call_uuid, self._journal.load(call_uuid))
        return False


def _goes_on(call: CallFile, cutoff: datetime) -> bool:
    """Whether the call has come back since: its recordings go together, with the last of them."""
    return any(entry.started_at >= cutoff for entry in call.entries if entry.state not in GONE)


def _gone(call_uuid: str, call: CallFile) -> bool:
    """Whether a call has no recording (any more)."""
    if call.intent is not None and call.intent.open:
        raise DiscardOpen(call_uuid)
    return not call.entries or (call.receipt is not None and call.receipt.complete)

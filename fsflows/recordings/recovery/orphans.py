"""Recordings that nobody has settled: their call lost its server. They are published once the call is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsflows.log import Logger, call_logger
from fsflows.recordings import metrics
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Files
from fsflows.recordings.freeswitch.control import RecordingError
from fsflows.recordings.journal.entries import Entry, Intent
from fsflows.recordings.journal.receipt import DiscardCause
from fsflows.recordings.tools import Tools

ORPHAN_AGE = 3600.0
"""Seconds for which a staged file must not have changed before it counts as finished, if nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a call's recordings: those to publish; how many wait, since the call is (or may be) up.

    Or that they are to be discarded: the intent, which is on disk.
    """

    ready: tuple[Entry, ...] = ()
    waiting: int = 0
    intent: Intent | None = None


class Orphans:
    """Settles them.

    Args:
        discard: discard them instead.
        calls_ended: calls that can't be asked for are known to be over (an operator says so).
    """

    def __init__(self, tools: Tools, *, discard: bool, calls_ended: bool) -> None:
        self._tools = tools
        self._discard = discard
        self._calls_ended = calls_ended

    def settle(self, call_uuid: str, entries: Sequence[Entry]) -> Settled:
        """Settle a call's recordings that were left behind.

        Raises:
            DatabaseFailed: the journal can't be read or written; nothing is lost.
        """
        log = call_logger("recordings", call_uuid)
        call = self._tools.journal.load(call_uuid)
        if call.intent is not None:
            return Settled()
        files = self._tools.reach.files(entries[0].switch)
        ready: list[Entry] = []
        try:
            if not self._is_over(call_uuid, entries):
                return Settled(waiting=len(entries))
            if self._discard and not all(entry.is_settled for entry in entries):
                return Settled(intent=self._intent(entries[0], log))
            ready += (entry for entry in entries if self._is_ready(entry, files))
        except (FileWorkFailed, RecordingError) as error:
            log.warning("recordings of a call without a server", why=str(error))
            return Settled(tuple(ready), len(entries) - len(ready))
        return Settled(tuple(ready))

    def publish(self, entries: Sequence[Entry]) -> int:
        """Publish recordings that are ready for it, without the call's lock; how many have come into the archive.

        Raises:
            DatabaseFailed: the journal can't be written; nothing is lost.
        """
        published = 0
        for entry in entries:
            log = call_logger("recordings", entry.call_uuid)
            files = self._tools.reach.files(entry.switch)
            try:
                published += self._tools.publisher.publish(entry, files, log) is not None
            except FileWorkFailed as error:
                log.warning("recordings of a call without a server", why=str(error))
        return published

    def _is_ready(self, entry: Entry, files: Files) -> bool:
        change = self._tools.journal.change
        if entry.name is None:
            change(entry, (entry.state,), state="kept")
            metrics.RECORDINGS.labels("kept").inc()
            return False
        # Looked at first in any case: one that can't be is not waited for as long as one that is copied.
        sighting = files.look(entry.path)
        if entry.state == "starting":
            # Its server died before it knew whether FreeSWITCH had begun.
            if sighting is None or sighting.is_empty:
                change(entry, ("starting",), state="failed")
                return False
            change(entry, ("starting",), state="staged", seen=True)
        return True

    def _is_over(self, call_uuid: str, entries: Sequence[Entry]) -> bool:
        if self._calls_ended or all(entry.state == "publishing" for entry in entries):
            return True
        switch = entries[0].switch
        control = self._tools.reach.control(switch, call_uuid)
        if control is not None:
            return not control.alive()
        now = self._tools.clock.utcnow()
        ages = {s.path: s.age for s in self._tools.reach.files(switch).staged(now.timestamp())}
        return all(ages.get(entry.path, ORPHAN_AGE) >= ORPHAN_AGE for entry in entries) and all(
            (now - entry.started_at).total_seconds() >= ORPHAN_AGE for entry in entries
        )

    def _intent(self, entry: Entry, log: Logger) -> Intent:
        cause = DiscardCause(entry.flow, "", "server lost", self._tools.clock.utcnow())
        log.warning("discarding the recordings of a call whose server was lost")
        intent, _ = self._tools.journal.open_discard(entry.call_uuid, entry.switch, cause)
        return intent

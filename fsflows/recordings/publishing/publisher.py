"""Publishing: a recording goes from the staging directory into the archive once the call is over, unless discarded.

That it is to be published, and to which archive, is on disk before the first byte is copied, and that it is published
before the staged file goes. After a crash anywhere it is done again from the start, to the same end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fsflows.log import Logger
from fsflows.recordings import metrics
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.failures import FileWorkFailed, GoesOn, RecordingGone, WrongArchive
from fsflows.recordings.files.files import Files
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.known_archive import Aim
from fsflows.recordings.publishing.identity import Archives
from fsflows.recordings.under_way import UnderWay


class Publisher:
    """Publishes recordings."""

    def __init__(
        self,
        journal: Journal,
        archives: Archives,
        under_way: UnderWay,
        *,
        faults: Faults = NO_FAULTS,
    ) -> None:
        self._journal = journal
        self._archives = archives
        self._under_way = under_way
        self._faults = faults

    def publish(self, entry: Entry, files: Files, log: Logger) -> Entry | None:
        """Publish one recording; as it is then. None: not (yet); the log says why, and the sweep tries again.

        The call's lock need not be held: a copy takes its time, and the call may come back meanwhile.

        Raises:
            DatabaseFailed: the journal can't be written; nothing is lost.
            FileWorkFailed: it was discarded meanwhile, and can't be taken out again now; the discard stays open.
        """
        with self._under_way.publishing(entry.call_uuid, entry.path) as ours:
            return self._publish(entry, files, log) if ours else None

    def _publish(self, entry: Entry, files: Files, log: Logger) -> Entry | None:
        assert entry.name is not None
        self._faults.at("publish 1: the call is over")
        aim = self._journal.start_publishing(entry)
        if aim is None:
            return None
        self._faults.at("publish 2: that it is to be published is on disk, and where to")
        try:
            if aim.archive is None:  # the first one to be published here
                self._archives.check(files)
                return self._publish(entry, files, log)
            published = files.publish(entry.path, entry.name, aim.archive)
        except GoesOn as error:
            # Whoever discards it now has to wait; and nobody else may begin a second copy beside this one.
            self._under_way.goes_on(entry.call_uuid, entry.path, error.is_over)
            if not self._is_discarded(entry):
                self._put_off(entry, aim, error, log, owner=self._journal.node.id)
            return None
        except FileWorkFailed as error:
            if self._is_discarded(entry):
                self._take_out(entry, files, log)
            else:
                self._put_off(entry, aim, error, log)
            return None
        if not self._journal.published(entry, published.location, published.size):
            if self._is_discarded(entry):
                self._take_out(entry, files, log)
            return None
        self._faults.at("publish 5: that it is published is on disk")
        metrics.RECORDINGS.labels("published").inc()
        log.info("recording published", location=published.location, size=published.size)
        self.clean(entry, files, log)
        return replace(
            entry,
            state="published",
            seen=True,
            location=published.location,
            size=published.size,
            **aim.now,
        )

    def _is_discarded(self, entry: Entry) -> bool:
        return self._journal.load(entry.call_uuid).intent is not None

    def _take_out(self, entry: Entry, files: Files, log: Logger) -> None:
        """A discard came first: nothing of it stays, and that is on disk before the discard can say so."""
        assert entry.name is not None
        log.warning("recording was discarded while it was being published")
        files.retract(entry.name)
        # Its staged file is gone, or about to go: whoever finishes the discard has to know that it was for that.
        self._journal.not_published(entry, state="discarding")

    def _put_off(
        self, entry: Entry, aim: Aim, error: FileWorkFailed, log: Logger, **values: Any
    ) -> None:
        """It can't be published now. Nobody is at it any more, unless an `owner` is given."""
        why = str(error)
        if isinstance(error, WrongArchive):
            # Nothing was copied: it is no more in that archive than before.
            values = dict(aim.before)
        elif isinstance(error, RecordingGone):
            if not self._may_be_elsewhere(entry, aim):
                if self._journal.not_published(entry, state="lost", error=why):
                    _count("lost", "recording lost", error, log)
                return
            why = f"{error}; it may be in the archive that it went to before"
            values = dict(aim.before)
        if self._journal.not_published(entry, error=why, **values):
            _count("failed", "recording not published, will be tried again", error, log)

    def _may_be_elsewhere(self, entry: Entry, aim: Aim) -> bool:
        """Whether it was on its way to another archive before, and nobody has said that this one is no more."""
        if aim.now.get("archive") == aim.archive:
            return False
        settled = self._journal.load(entry.call_uuid).settlements
        return all(word.path != entry.path for word in settled)

    def clean(self, entry: Entry, files: Files, log: Logger) -> None:
        """Take a published recording out of the staging directory."""
        try:
            files.delete(entry.path, entry.mark)
        except FileWorkFailed as error:
            log.warning("staged file of a published recording is left", why=str(error))
            return
        self._faults.at("publish 6: the staged file is gone")


def _count(result: str, what: str, error: FileWorkFailed, log: Logger) -> None:
    metrics.RECORDINGS.labels(result).inc()
    log.error(what, why=str(error))

"""Publishing: a recording goes from the staging directory into the archive once the call is over, unless discarded.

That it is to be published, and to which archive, is on disk before the first byte is copied, and that it is published
before the staged file goes. After a crash anywhere it is done again from the start, to the same end.
"""

from __future__ import annotations

from dataclasses import replace

from fsflows.log import Logger
from fsflows.recordings import metrics
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.failures import FileWorkFailed, RecordingGone, WrongArchive
from fsflows.recordings.files.files import Files
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.known_archive import Aim
from fsflows.recordings.publishing.identity import Archives


class Publisher:
    """Publishes recordings."""

    def __init__(self, journal: Journal, archives: Archives, *, faults: Faults = NO_FAULTS) -> None:
        self._journal = journal
        self._archives = archives
        self._faults = faults

    def publish(self, entry: Entry, files: Files, log: Logger) -> Entry | None:
        """Publish one recording; as it is then. None: not (yet); the log says why, and the sweep tries again.

        Raises:
            DatabaseFailed: the journal can't be written; nothing is lost.
        """
        assert entry.name is not None
        self._faults.at("publish 1: the call is over")
        aim = self._journal.start_publishing(entry)
        if aim is None:
            return None
        self._faults.at("publish 2: that it is to be published is on disk, and where to")
        try:
            if aim.archive is None:  # the first one to be published here
                self._archives.check(files)
                return self.publish(entry, files, log)
            published = files.publish(entry.path, entry.name, aim.archive)
        except WrongArchive as error:
            # Nothing was copied: it is no more in that archive than before.
            self._journal.change(entry, ("publishing",), error=str(error), **aim.before)
            _count("failed", "recording not published, will be tried again", error, log)
            return None
        except RecordingGone as error:
            if self._may_be_elsewhere(entry, aim):
                why = f"{error}; it may be in the archive that it went to before"
                self._journal.change(entry, ("publishing",), error=why, **aim.before)
                _count("failed", "recording not published, will be tried again", error, log)
                return None
            self._journal.change(entry, ("publishing",), state="lost", error=str(error))
            _count("lost", "recording lost", error, log)
            return None
        except FileWorkFailed as error:
            self._journal.change(entry, ("publishing",), error=str(error))
            _count("failed", "recording not published, will be tried again", error, log)
            return None
        if not self._journal.published(entry, published.location, published.size):
            log.warning("recording was discarded while it was being published")
            files.retract(entry.name)
            self._journal.change(entry, ("publishing",), state="staged")
            return None
        self._faults.at("publish 5: that it is published is on disk")
        metrics.RECORDINGS.labels("published").inc()
        log.info("recording published", location=published.location, size=published.size)
        self.clean(entry, files, log)
        return replace(
            entry, state="published", location=published.location, size=published.size, **aim.now
        )

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

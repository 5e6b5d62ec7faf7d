"""The staging directory: files that are left of settled recordings, and such that nobody knows."""

from __future__ import annotations

from dataclasses import replace

from fsflows.log import call_logger, get_logger
from fsflows.recordings import metrics
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Files, Staged
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.recovery.claims import Claims
from fsflows.recordings.tools import Tools

UNKNOWN_AGE = 60.0
"""Seconds after which a staged file should be in the journal."""

log = get_logger("recordings")


class Tidier:
    """Tidies up."""

    def __init__(self, tools: Tools, claims: Claims) -> None:
        self._tools = tools
        self._claims = claims

    def tidy(self) -> int:
        """Tidy up; how many files nobody knows.

        Raises:
            DatabaseFailed: the journal can't be read or written; nothing is lost.
        """
        files = self._tools.reach.files("")
        try:
            staged = files.staged(self._tools.clock.utcnow().timestamp())
        except FileWorkFailed as error:
            log.warning("the staging directory can't be read", why=str(error))
            return 0
        known = self._claims.by_path([file.path for file in staged])
        unknown = 0
        for file in staged:
            entry = known.get(file.path)
            if entry is None:
                if file.age > UNKNOWN_AGE:
                    unknown += 1
                    log.warning("staged file of no known call", path=file.path, age=file.age)
            elif entry.call_uuid not in self._tools.busy:
                self._tidy_one(entry, file, files)
        metrics.STAGED_UNKNOWN.set(unknown)
        return unknown

    def _tidy_one(self, entry: Entry, file: Staged, files: Files) -> None:
        log = call_logger("recordings", entry.call_uuid)
        if entry.state == "published":
            self._tools.publisher.clean(entry, files, log)
        elif entry.state == "failed" and self._is_empty(entry, files):
            # FreeSWITCH has refused to record, and made the file first: the directory was full, say. If it was its word
            # that was lost, it has written by now.
            if file.age > UNKNOWN_AGE:
                self._tools.publisher.clean(entry, files, log)
        elif entry.state in ("lost", "failed"):
            self._tools.journal.change(entry, (entry.state,), state="staged", error=None)
        elif entry.state == "discarded":
            log.error("a discarded recording is there again", path=entry.path)
            self._tools.journal.note([replace(entry, state="recording")])

    @staticmethod
    def _is_empty(entry: Entry, files: Files) -> bool:
        try:
            sighting = files.look(entry.path)
        except FileWorkFailed:
            return True  # it can't be published either
        return sighting is None or sighting.is_empty

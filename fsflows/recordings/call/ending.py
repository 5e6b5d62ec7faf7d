"""The end of a visit: what becomes of the recordings of a call whose caller has not opted out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fsflows.log import Logger
from fsflows.recordings.call.book import RUNNING, Book
from fsflows.recordings.files.files import Files
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.journal.entries import CallFile, Entry
from fsflows.recordings.tools import Tools


class Ending:
    """Ends one visit's recordings, and publishes them."""

    def __init__(
        self, control: RecordingControl, tools: Tools, files: Files, book: Book, log: Logger
    ) -> None:
        self._control = control
        self._tools = tools
        self._files = files
        self._book = book
        self._log = log
        self._before: frozenset[str] = frozenset()
        self._closed_at: datetime | None = None

    def close(self) -> None:
        """The visit is over: what begins from now on is a later one's."""
        if self._closed_at is None:
            self._before = frozenset(self._book.known)
            self._closed_at = self._tools.clock.utcnow()

    def settle(self, *, call_over: bool, keep_running: bool) -> list[Entry]:
        """End what is ours to end; what is to be published then. With the call's lock.

        Raises:
            DatabaseFailed: the journal can't be written; nothing is lost.
        """
        for entry in self.ours(call_over=call_over):
            stays = not call_over and (keep_running or entry.origin != "flow")
            if entry.state in RUNNING and not stays:
                self._end(entry.path, call_over=call_over)
        self._book.write_down()
        ours = self.ours(call_over=call_over)
        ready = [each for each in ours if each.name and each.state in ("staged", "publishing")]
        # Whoever comes to publish them has to know that they are no orphans.
        waiting = [each for each in ours if each.state in RUNNING] + ready[1:]
        self._tools.journal.settle_all(waiting)
        return ready

    def ours(self, *, call_over: bool) -> list[Entry]:
        """Not what a later visit of the call records, which may have come while the end function of this one ran."""
        return [each for each in self._book.known.values() if call_over or self._is_ours(each)]

    def _is_ours(self, entry: Entry) -> bool:
        # What we knew of is, whatever the clock says: it may have been set back meanwhile.
        assert self._closed_at is not None
        return entry.path in self._before or entry.started_at <= self._closed_at

    def publish(self, entries: list[Entry], know: Callable[[CallFile], None]) -> None:
        """Publish them, without the lock: the call may come back meanwhile, and its caller must not wait for a copy.

        Args:
            entries: from `settle`.
            know: told what the journal says when one was not published.

        Raises:
            DatabaseFailed: the journal can't be written; nothing is lost.
            FileWorkFailed: see `Publisher.publish`.
        """
        for entry in entries:
            published = self._tools.publisher.publish(entry, self._files, self._log)
            if published is None:
                know(self._book.reload())
            else:
                self._book.known[entry.path] = published

    def _end(self, path: str, *, call_over: bool) -> None:
        try:
            if self._book.known[path].state == "starting" and not self._book.find(path):
                # The journal took it, but later than we waited for that: FreeSWITCH was not told.
                self._book.failed(path, "the database had not answered", started=False)
                return
            if not call_over:
                self._control.stop(path)
            self._book.stopped(path)
        except Exception as error:
            self._log.warning("recording could not be stopped", path=path, why=str(error))

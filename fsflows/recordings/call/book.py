"""What is known of one call's recordings: in memory, and in the journal as far as it can be written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fsflows.database import DatabaseFailed
from fsflows.esl.quoting import file_of
from fsflows.log import Logger
from fsflows.recordings import metrics
from fsflows.recordings.call.naming import archive_name, plain, staging_path
from fsflows.recordings.discarding.discard import NOT_STARTED, REMOVED, TOO_SHORT
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Files
from fsflows.recordings.freeswitch.control import RecordingError
from fsflows.recordings.journal.entries import TO_PUBLISH, CallFile, Entry
from fsflows.recordings.tools import Tools

RUNNING = ("starting", "recording")


class Book:
    """One call's recordings, by path. Not a lock: whoever has the call's lock may use it."""

    def __init__(
        self, call_uuid: str, tools: Tools, files: Files, *, flow: str, switch: str, log: Logger
    ) -> None:
        self.known: dict[str, Entry] = {}
        self._call_uuid = call_uuid
        self._tools = tools
        self._files = files
        self._flow = flow
        self._switch = switch
        self._log = log
        self._loaded = False

    @property
    def running(self) -> tuple[str, ...]:
        """The paths that are recorded to now."""
        return tuple(entry.path for entry in self.known.values() if entry.state in RUNNING)

    def load(self) -> CallFile | None:
        """What the journal knows from before: a call can come back after a hand-off, or a crash. Once; then None."""
        if self._loaded:
            return None
        try:
            call = self._tools.journal.load(self._call_uuid)
        except DatabaseFailed as error:
            self._log.warning("the journal can't be read", why=str(error))
            return None
        self._learn(call)
        return call

    def _learn(self, call: CallFile) -> None:
        self._loaded = True
        for entry in call.entries:
            self.known.setdefault(entry.path, entry)
        settled = [entry for entry in call.entries if entry.error == TO_PUBLISH]
        try:
            # Its caller has a say again.
            self._tools.journal.settle_all(settled, settled=False)
        except DatabaseFailed as error:
            self._log.warning("the journal can't be written", why=str(error))

    def reload(self) -> CallFile:
        """What the journal says now."""
        call = self._tools.journal.load(self._call_uuid)
        for entry in call.entries:
            self.known[entry.path] = entry
        return call

    def write_down(self) -> None:
        """What could not be written when it was noticed.

        Raises:
            DatabaseFailed: nor can it be now.
        """
        missing = [entry for entry in self.known.values() if not entry.id]
        if missing:
            for entry in self._tools.journal.note(missing):
                self.known[entry.path] = entry

    def prepare(self, template: str, extension: str) -> Entry:
        """A recording of ours is about to start; it is on disk before FreeSWITCH is told.

        Raises:
            RecordingError: it can't be named, or written down.
        """
        try:
            (entry,) = self._tools.journal.note([self._starting(template, extension)])
        except (ValueError, DatabaseFailed) as error:
            raise RecordingError(f"not recorded: {error}") from error
        self.known[entry.path] = entry
        return entry

    def prepare_first(self, template: str, extension: str) -> tuple[Entry | None, CallFile | None]:
        """`load` and `prepare` in one, as the caller waits: nearly always nothing is known of a call.

        Returns:
            The recording; None: none was prepared, since what is known has to be looked at first. And that, or None,
            as `load` returns it.

        Raises:
            RecordingError: as `prepare`.
        """
        if self._loaded:
            return None, None
        try:
            call, entry = self._tools.journal.note_first(self._starting(template, extension))
        except (ValueError, DatabaseFailed) as error:
            raise RecordingError(f"not recorded: {error}") from error
        self._learn(call)
        if entry is not None:
            self.known[entry.path] = entry
        return entry, call

    def _starting(self, template: str, extension: str) -> Entry:
        name = self._name(template, extension)
        path = staging_path(self._tools.staging, name)
        entry = self._entry(path, origin="flow", name=name, state="starting")
        return replace(entry, error=NOT_STARTED)

    def find(self, path: str) -> bool:
        """Look for the file of a recording that has just started; False: there is none here.

        Raises:
            FileWorkFailed: it can't be looked for.
        """
        sighting = self._files.look(path)
        if sighting is not None:
            entry = self.known[path].found(sighting)
            self.known[path] = entry = replace(entry, state="recording", error=None)
            # The caller waits, and should we die before this is written, the sweep looks for the file itself.
            self._tools.journal.change_later(
                entry,
                RUNNING,
                lambda error: self._unwritten(path, error),
                state="recording",
                error=None,
                seen=True,
                mark=entry.mark,
                size=entry.size,
            )
        return sighting is not None

    def failed(self, path: str, why: str, *, started: bool) -> None:
        """A recording of ours did not start, or did, but its file is out of our reach."""
        state, error = "failed", f"{NOT_STARTED}: {why}"
        if started:
            state, error = "lost", f"out of reach: {why}"
        self._change(self.known[path], state=state, error=error)

    def started(self, path: str) -> bool:
        """FreeSWITCH records to a path. False: that was known."""
        known = self.known.get(path)
        if known is not None and known.state in RUNNING:
            return False
        if known is None:
            name = None
            file = file_of(path)
            # Without a dot FreeSWITCH makes two files of it, which are no recording that could be published.
            if file.startswith(f"{self._tools.staging}/") and "." in file:
                stem, _, extension = file.rpartition("/")[2].rpartition(".")
                name = self._name("{date}/" + plain(stem) + "-{uuid}", extension)
            known = self._entry(path, origin="other", name=name, state="recording")
        entry = replace(known, state="recording", stopped_at=None, error=None)
        try:
            sighting = self._files.look(path)
            entry = entry if sighting is None else entry.found(sighting)
        except FileWorkFailed as error:
            self._log.warning("recording out of reach: it can't be discarded", why=str(error))
        self.known[path] = entry
        try:
            (self.known[path],) = self._tools.journal.note([entry])
        except DatabaseFailed as error:
            self._log.warning("recording not written down", path=path, why=str(error))
        return True

    def stopped(self, path: str, cause: str = "") -> None:
        """FreeSWITCH has closed a file, for a reason (`Record-Completion-Cause`)."""
        entry = self.known.get(path)
        if entry is None or entry.state not in RUNNING:
            return
        if cause in REMOVED:
            self._change(entry, state="lost", error=TOO_SHORT)
        else:
            state = "staged" if entry.name else "kept"
            if state == "kept":
                metrics.RECORDINGS.labels("kept").inc()
            self._change(entry, state=state, stopped_at=self._tools.clock.utcnow())

    def _change(self, entry: Entry, **values: Any) -> None:
        self.known[entry.path] = replace(entry, **values)
        try:
            self._tools.journal.change(entry, RUNNING, **values)
        except DatabaseFailed as error:
            self._unwritten(entry.path, error)

    def _unwritten(self, path: str, error: BaseException) -> None:
        self._log.warning("not written down", path=path, why=str(error))

    def _name(self, template: str, extension: str) -> str:
        return archive_name(
            template,
            extension,
            call_uuid=self._call_uuid,
            flow=self._flow,
            now=self._tools.clock.utcnow(),
            taken=[entry.name for entry in self.known.values()],
        )

    def _entry(self, path: str, *, origin: str, name: str | None, state: str) -> Entry:
        return Entry(
            call_uuid=self._call_uuid,
            path=path,
            started_at=self._tools.clock.utcnow(),
            switch=self._switch,
            flow=self._flow,
            origin=origin,
            name=name,
            state=state,
        )

"""What became of calls' audio after their records were written: the recordings' journal has the last word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.console.sources import Audio
from fsflows.recordings.call.summary import of_entries
from fsflows.recordings.journal.entries import CallFile
from fsflows.recordings.journal.journal import Journal


def note_of(call: CallFile) -> RecordingNote | None:
    """What a record is to say of its call's audio now; None: the journal knows of none."""
    if call.receipt is not None and (call.intent is None or not call.intent.open):
        receipt: Mapping[str, object] = call.receipt.to_dict()
        return RecordingNote(state=RecordingState.DISCARDED, receipt=receipt)
    if call.intent is not None:
        return RecordingNote(state=RecordingState.PENDING)
    found = of_entries(call.entries)
    if found.state == "none":
        return None
    return RecordingNote(state=RecordingState.PRESENT, links=found.locations)


class JournalRecordings:
    """What the recordings' journal says.

    Args:
        journal: reads from the console's own database.
        published: the directory that recordings are published to; only files in it are ever played.
    """

    def __init__(self, journal: Journal, published: str) -> None:
        self._journal = journal
        self._published = Path(published)

    def of(self, call_id: str) -> Audio | None:
        """See `Recordings`."""
        note = note_of(self._journal.load(call_id))
        if note is None:
            return None
        files = tuple(path for link in note.links if (path := self._playable(link)) is not None)
        return Audio(note, files)

    def _playable(self, location: str) -> Path | None:
        path = Path(location)
        root = self._published.resolve()
        try:
            real = (root / path).resolve(strict=True)
        except OSError:
            return None
        return real if real.is_relative_to(root) and real.is_file() else None

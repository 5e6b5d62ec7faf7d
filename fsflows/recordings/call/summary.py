"""What became of a call's recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fsflows.recordings.journal.entries import GONE, Entry
from fsflows.recordings.journal.receipt import Receipt


class RecordingsClosed(RuntimeError):
    """The call is over, and what becomes of its recordings is settled: nothing can be changed any more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a call's recordings.

    Attributes:
        state: "none", "present" (published, kept, or still to be published), "discarded", or "pending": a discard
            that is not finished yet, and will be.
        locations: where the recordings are; empty until they are published.
        receipt: of the discard.
    """

    state: str
    locations: tuple[str, ...] = ()
    receipt: Receipt | None = None


def of_entries(entries: Iterable[Entry]) -> Summary:
    """Of a call whose recordings nobody has asked to discard."""
    there = [entry for entry in entries if entry.state not in GONE]
    settled = [entry for entry in there if entry.state in ("published", "kept")]
    places = tuple(entry.location or entry.path for entry in settled)
    return Summary("present" if there else "none", places)

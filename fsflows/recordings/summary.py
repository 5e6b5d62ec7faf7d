"""What became of a call's recordings."""

from __future__ import annotations

from dataclasses import dataclass

from fsflows.recordings.receipt import Receipt


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

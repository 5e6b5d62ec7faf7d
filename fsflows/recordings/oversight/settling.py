"""An operator's word where fsflows can't look: a file of a discard that lies outside of its directories, or nowhere.

Nothing is deleted for it, and the receipt says whose word it is. Whatever fsflows can look at it deletes itself.
"""

from __future__ import annotations

from fsflows.clock import Clock
from fsflows.recordings.files.failures import PathRefused
from fsflows.recordings.files.files import Files
from fsflows.recordings.journal.entries import Settlement
from fsflows.recordings.journal.journal import Journal


def settle(
    journal: Journal, files: Files, clock: Clock, call_uuid: str, path: str, *, by: str, why: str
) -> None:
    """Write down that somebody (`by`) says that a file (`path`, as FreeSWITCH named it) of a discard that is open is
    dealt with, and how or `why`. The next sweep takes his word.

    Raises:
        ValueError: it can't be settled: there is nothing to settle, or it is there and will be deleted.
        FileWorkFailed: it can't be looked at now, which may change.
        DatabaseFailed: the journal can't be read or written.
    """
    if not by.strip() or not why.strip():
        raise ValueError("who settles it, and why, goes onto the receipt: neither can be empty")
    call = journal.load(call_uuid)
    if call.intent is None:
        raise ValueError(f"the recordings of call {call_uuid} were not discarded")
    if not call.intent.open:
        raise ValueError(f"the discard of call {call_uuid} is finished")
    entry = next((entry for entry in call.entries if entry.path == path), None)
    if entry is None:
        known = "; ".join(repr(entry.path) for entry in call.entries) or "none"
        raise ValueError(f"call {call_uuid} has no recording {path!r}; it has: {known}")
    try:
        sighting = files.look(path)
    except PathRefused:
        sighting = None
    if sighting is not None:
        raise ValueError(
            f"{path!r} is there, with {sighting.size} bytes, and in reach:"
            " `fsflows recordings sweep` deletes it, or says why it can't"
        )
    journal.settle(call_uuid, Settlement(path, by.strip(), why.strip(), clock.utcnow()))

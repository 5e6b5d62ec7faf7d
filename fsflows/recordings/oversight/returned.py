"""Discarded recordings that are in the archive again: a backup was restored, or somebody has put one back."""

from __future__ import annotations

from fsflows.database import Database
from fsflows.database.batches import batches
from fsflows.log import call_logger
from fsflows.recordings.files.files import Files
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.listing import Listing


def reopen_returned(database: Database, journal: Journal, files: Files) -> int:
    """Open the discards of such recordings again, for the next sweep to finish them. How many calls that are.

    All names in the archive are looked at: this is for an operator's sweep, not for one every few seconds.

    Raises:
        DatabaseFailed: the journal can't be read or written.
        FileWorkFailed: the archive can't be looked at.
    """
    names, listing = files.archived(), Listing(database)
    found: set[str] = set()
    for some in batches(names):
        found |= listing.discarded_named(some)
    for call_uuid in sorted(found):
        log = call_logger("recordings", call_uuid)
        log.error("A DISCARDED RECORDING IS IN THE ARCHIVE AGAIN: it is deleted once more")
        journal.reopen(call_uuid)
    return len(found)

"""Taking a discarded recording out of the archive, and saying what is certain of it then.

Only the archive that it was published to, recognised by its id, can say that it is gone. From any other what is found
is deleted as well, and nothing is concluded.
"""

from __future__ import annotations

from fsflows.database import DatabaseFailed
from fsflows.recordings.discarding.discard import Discard
from fsflows.recordings.files.failures import FileWorkFailed, NotKnown
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import SETTLED, WAS_GONE, FileReceipt

RETRACTED = "taken out of the archive by"
"""How the note begins, in the journal, that a node has found a recording in the archive and is deleting it there."""

RECEIPTED = ("discarded", SETTLED)
"""States of a recording that an earlier receipt speaks of."""


class Retractor:
    """Takes recordings out of the archive."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def retract(self, discard: Discard, entry: Entry, name: str) -> bool:
        """Take it out of the archive that is at hand. True: the receipt says how it went, or is still to be written.

        False: nothing of it was in its archive, nor is known to have been.

        Raises:
            FileWorkFailed: it can't be looked for, or not deleted.
        """
        ours = f"{RETRACTED} {self._journal.node.name}"
        there = discard.files.published(name) is not None
        if there:
            # From here on we know who deleted it, should we die.
            self._note(discard, entry, ours)
        try:
            retracted = discard.files.retract(name)
        except FileWorkFailed as error:
            if there and not isinstance(error, NotKnown):
                self._note(discard, entry, None)
            raise
        line = f"archive:{name}"
        deleted = retracted.how == "deleted"
        if deleted:
            discard.went(FileReceipt(line, "deleted", retracted.size))
        if entry.state in RECEIPTED or (line in discard.done and not entry.archives):
            return True
        if entry.archives == (retracted.archive,):
            # Whichever node it was: this is the archive that it was in.
            if not deleted and (entry.error or "").startswith(RETRACTED):
                discard.went(FileReceipt(line, "deleted earlier", entry.size))
            elif not deleted and entry.location is not None:
                discard.went(FileReceipt(line, WAS_GONE, entry.size))
            return line in discard.done
        if entry.archives and there:
            self._note(discard, entry, None)  # that was in another archive
        if not entry.archives and entry.error == ours:
            # An earlier version has published it: that it was found here says that this is the archive.
            discard.went(FileReceipt(line, "deleted earlier", entry.size))
        elif entry.path in discard.settled:
            discard.settle(entry, line if entry.path in discard.done else entry.path)
        else:
            discard.left.append(_not_certain(entry, retracted.archive))
        return True

    def _note(self, discard: Discard, entry: Entry, note: str | None) -> None:
        try:
            self._journal.change(entry, ("discarding",), error=note)
        except DatabaseFailed as error:
            discard.left.append(f"the journal can't be written: {error}")


def _not_certain(entry: Entry, here: str | None) -> str:
    others = [each for each in entry.archives if each != here]
    where = f" {' and '.join(others)}" if others else ""
    what = f"was published as {entry.location}" if entry.location else "may have been published"
    return (
        f"{entry.path!r} {what}, and the archive{where} is not at hand: is it mounted, and the same for all nodes?"
        " See `fsflows recordings archive`; if it is no more: settle it"
    )

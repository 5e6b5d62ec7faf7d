"""Which archive recordings are published to: known to the database, and borne by the archive itself.

An archive that doesn't bear the known id isn't mounted, or is another one. Nothing is published there, and what isn't
found there is not called gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fsflows.clock import Clock
from fsflows.database import Database
from fsflows.recordings.files.failures import WrongArchive
from fsflows.recordings.files.files import Files
from fsflows.recordings.files.marker import must_be, new_id
from fsflows.recordings.journal.entries import Entry, Node, Settlement
from fsflows.recordings.journal.known_archive import (
    KnownArchive,
    know,
    known_archive,
    latest_published,
    move,
    not_only_in,
    used,
)
from fsflows.recordings.journal.writing import settle_each

EVIDENCE = 100
"""Recordings of an earlier version, the latest ones, that are looked for in an archive that bears no id yet: with one
of them in it, it is theirs."""

HERE = "what is at hand"


@dataclass(slots=True)
class Adopted:
    """What came of adopting an archive.

    Attributes:
        archive: as it is known from now on.
        found: recordings published elsewhere, or it wasn't known where, that are in it.
        missing: those that aren't: of these nothing is ever called gone.
        broken_off: those of which publishing to another archive was begun, so that something of them may lie there.
    """

    archive: KnownArchive
    found: int
    missing: list[Entry]
    broken_off: list[Entry]


class Archives:
    """Knows the archive. Every method raises `DatabaseFailed` when the database can't do it."""

    def __init__(self, database: Database, clock: Clock, node: Node) -> None:
        self._database = database
        self._clock = clock
        self._node = node

    def known(self) -> KnownArchive | None:
        """The archive that recordings are published to; None: none was, by this version."""
        return self._database.read(known_archive)

    def check(self, files: Files) -> KnownArchive:
        """See that the archive at hand is the known one. If none is known yet it becomes that, if it may.

        Raises:
            WrongArchive: it is another one, isn't mounted, or nobody knows whether it is the one that was used before.
            FileWorkFailed: it can't be looked at.
        """
        known = self.known()
        here = files.identity()
        if known is not None:
            must_be(known.id, here, HERE)
            return known
        if not self._may_be_first(files):
            raise WrongArchive(
                "recordings were published before, and none of the latest is in the archive that is here:"
                " is it mounted? If it is the right one: `fsflows recordings archive --adopt`"
            )
        # First there, then here: with both done or none it goes on, whenever this process dies.
        # Claimed also if it bears an id: who has given it that may not have brought it to the disk yet.
        here = files.claim(here or new_id())
        known = self._write(here, anew=False)
        must_be(known.id, here, HERE)
        return known

    def used(self) -> bool:
        """Whether anything was ever published, or is to be: else it doesn't matter whether there is an archive."""
        return self._database.read(used)

    def adopt(self, files: Files) -> Adopted:
        """Take the archive at hand for the one to publish to from now on. An operator says so.

        What was published elsewhere, and is found in it with the size that it had, is known to be in it from then on.

        Raises:
            FileWorkFailed: it can't be read, or written to.
        """
        here = files.claim(files.identity() or new_id())
        known = self._write(here, anew=True)
        adopted = Adopted(known, 0, [], [])
        for entry in not_only_in(self._database, here):
            assert entry.name is not None
            others = [each for each in entry.archives if each != here]
            if entry.state == "publishing" or entry.archives[-1:] == (here,):
                adopted.broken_off.append(entry)
                continue
            there = files.published(entry.name)
            if there is None or entry.size not in (None, there.size):
                adopted.missing.append(entry)
                continue
            if here not in entry.archives:
                others = others[:-1]  # from the last one it was moved to this; else it is in both
            self._database.write(
                partial(move, entry=entry, archives=[*others, here], location=there.location)
            )
            adopted.found += 1
            if others:
                adopted.broken_off.append(entry)
        return adopted

    def settle_missing(self, missing: list[Entry], *, by: str, why: str) -> None:
        """Write down an operator's word that these recordings, and the archive that they were in, are no more."""
        now = self._clock.utcnow()
        said = [(each.call_uuid, Settlement(each.path, by, why, now)) for each in missing]
        self._database.write(lambda connection: settle_each(connection, said))

    def _may_be_first(self, files: Files) -> bool:
        names = self._database.read(lambda connection: latest_published(connection, EVIDENCE))
        return not names or any(files.published(name) is not None for name in names)

    def _write(self, identity: str, *, anew: bool) -> KnownArchive:
        archive = KnownArchive(identity, self._clock.utcnow(), self._node.id)
        return self._database.write(lambda connection: know(connection, archive, anew=anew))

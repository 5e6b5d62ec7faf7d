"""Which archive recordings are published to: known to the database, and borne by the archive itself.

An archive that doesn't bear the known id isn't mounted, or is another one. Nothing is published there, and what isn't
found there is not called gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select, update

from fsflows.clock import Clock
from fsflows.database import Database
from fsflows.recordings.files.failures import WrongArchive
from fsflows.recordings.files.files import Files
from fsflows.recordings.files.marker import must_be, new_id
from fsflows.recordings.journal.entries import GONE, Entry, Node, Settlement
from fsflows.recordings.journal.known_archive import KnownArchive, known_archive
from fsflows.recordings.journal.rows import every_entry, upsert
from fsflows.recordings.journal.tables import archive, recordings
from fsflows.recordings.journal.writing import settle

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
        ours = recordings.c.archived | (recordings.c.state == "publishing")

        def work(connection: Connection) -> bool:
            if known_archive(connection) is not None:
                return True
            return bool(connection.execute(select(exists().where(ours))).scalar())

        return self._database.read(work)

    def adopt(self, files: Files) -> Adopted:
        """Take the archive at hand for the one to publish to from now on. An operator says so.

        What was published elsewhere, and is found in it with the size that it had, is known to be in it from then on.

        Raises:
            FileWorkFailed: it can't be read, or written to.
        """
        here = files.claim(files.identity() or new_id())
        known = self._write(here, anew=True)
        adopted = Adopted(known, 0, [], [])
        for entry in self._elsewhere(here):
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
            self._database.write(_moved(entry, " ".join([*others, here]), there.location))
            adopted.found += 1
            if others:
                adopted.broken_off.append(entry)
        return adopted

    def settle_missing(self, missing: list[Entry], *, by: str, why: str) -> None:
        """Write down an operator's word that these recordings, and the archive that they were in, are no more."""
        now = self._clock.utcnow()

        def work(connection: Connection) -> None:
            for entry in missing:
                settle(connection, entry.call_uuid, Settlement(entry.path, by, why, now))

        self._database.write(work)

    def _may_be_first(self, files: Files) -> bool:
        published = recordings.c.location.is_not(None) & recordings.c.state.not_in(GONE)
        statement = select(recordings.c.name).where(published, recordings.c.name.is_not(None))
        latest = statement.order_by(recordings.c.id.desc()).limit(EVIDENCE)
        names = self._database.read(lambda c: c.execute(latest).scalars().all())
        return not names or any(files.published(name) is not None for name in names)

    def _elsewhere(self, here: str) -> Iterator[Entry]:
        """Recordings that are not known to be in this archive and in no other."""
        there = recordings.c.state.in_(("published", "discarding"))
        published = there & recordings.c.location.is_not(None)
        begun = (recordings.c.state == "publishing") & recordings.c.archive.is_not(None)
        found = every_entry(self._database, published | begun)
        return (entry for entry in found if entry.archives != (here,))

    def _write(self, identity: str, *, anew: bool) -> KnownArchive:
        row = {"id": identity, "adopted_at": self._clock.utcnow(), "node": self._node.id}

        def work(connection: Connection) -> KnownArchive:
            statement = upsert(connection, archive).values(slot=1, **row)
            if anew:
                statement = statement.on_conflict_do_update(index_elements=["slot"], set_=row)
            else:
                statement = statement.on_conflict_do_nothing()
            connection.execute(statement)
            known = known_archive(connection)
            assert known is not None
            return known

        return self._database.write(work)


def _moved(entry: Entry, archives: str, location: str) -> Any:
    statement = (
        update(recordings)
        .where(recordings.c.id == entry.id, recordings.c.state == entry.state)
        .values(archive=archives, location=location)
    )
    return lambda connection: connection.execute(statement)

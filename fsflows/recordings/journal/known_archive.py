"""Which archive recordings are published to, as the journal knows it. Whether it is at hand: `publishing.identity`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, update

from fsflows.database import Database
from fsflows.recordings.journal.entries import GONE, Entry
from fsflows.recordings.journal.rows import every_entry, upsert
from fsflows.recordings.journal.tables import archive, recordings


@dataclass(frozen=True, slots=True)
class KnownArchive:
    """The archive that recordings are published to: its id, since when, and which process has written that down."""

    id: str
    adopted_at: datetime
    node: str


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a recording is published to: the archive's id, None: none is known yet; and what that makes of its row.

    Attributes:
        now: the values of its columns, should anything of it get there.
        before: what they were, should nothing get there.
    """

    archive: str | None
    now: Mapping[str, Any]
    before: Mapping[str, Any]


def aim_for(connection: Connection, entry: Entry) -> Aim:
    """Where a recording is to be published to."""
    known = known_archive(connection)
    stored = connection.execute(_ARCHIVED, {"the_id": entry.id}).first()
    before = dict(stored._mapping) if stored is not None else {}
    if known is None:
        return Aim(None, before, before)
    # Where it was on its way to before it may lie as well.
    ids = [each for each in (before.get("archive") or "").split() if each != known.id]
    return Aim(known.id, {"archived": True, "archive": " ".join([*ids, known.id])}, before)


def known_archive(connection: Connection) -> KnownArchive | None:
    """The archive that recordings are published to; None: none yet."""
    row = connection.execute(_KNOWN).first()
    return None if row is None else KnownArchive(*row)


def know(connection: Connection, wanted: KnownArchive, *, anew: bool) -> KnownArchive:
    """Write down an archive, unless one is known already, or in its place (`anew`). The one that is known then."""
    row = {"id": wanted.id, "adopted_at": wanted.adopted_at, "node": wanted.node}
    statement = upsert(connection, archive).values(slot=1, **row)
    if anew:
        statement = statement.on_conflict_do_update(index_elements=["slot"], set_=row)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement)
    known = known_archive(connection)
    assert known is not None
    return known


def used(connection: Connection) -> bool:
    """Whether anything was ever published, or is to be."""
    if known_archive(connection) is not None:
        return True
    ours = recordings.c.archived | (recordings.c.state == "publishing")
    return bool(connection.execute(select(exists().where(ours))).scalar())


def latest_published(connection: Connection, limit: int) -> Sequence[str]:
    """The names of what was published last, and is not gone."""
    published = recordings.c.location.is_not(None) & recordings.c.state.not_in(GONE)
    statement = select(recordings.c.name).where(published, recordings.c.name.is_not(None))
    latest = statement.order_by(recordings.c.id.desc()).limit(limit)
    return connection.execute(latest).scalars().all()


def not_only_in(database: Database, identity: str) -> Iterator[Entry]:
    """Recordings that are not known to be in this archive and in no other; the oldest first."""
    there = recordings.c.state.in_(("published", "discarding"))
    published = there & recordings.c.location.is_not(None)
    begun = (recordings.c.state == "publishing") & recordings.c.archive.is_not(None)
    found = every_entry(database, published | begun)
    return (entry for entry in found if entry.archives != (identity,))


def move(connection: Connection, *, entry: Entry, archives: Sequence[str], location: str) -> None:
    """A recording is in these archives, and at this place in the last; unless it has changed meanwhile."""
    connection.execute(
        update(recordings)
        .where(recordings.c.id == entry.id, recordings.c.state == entry.state)
        .values(archive=" ".join(archives), location=location)
    )


# Made once, as in `writing`.
_ARCHIVED = select(recordings.c.archived, recordings.c.archive).where(
    recordings.c.id == bindparam("the_id")
)
_KNOWN = select(archive.c.id, archive.c.adopted_at, archive.c.node)

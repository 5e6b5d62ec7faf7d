"""Which archive recordings are published to, as the journal knows it. Whether it is at hand: `publishing.identity`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from fsflows.recordings.journal.entries import Entry
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


# Made once, as in `writing`.
_ARCHIVED = select(recordings.c.archived, recordings.c.archive).where(
    recordings.c.id == bindparam("the_id")
)
_KNOWN = select(archive.c.id, archive.c.adopted_at, archive.c.node)

"""Looking things up in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, true

from fsflows.database import Database
from fsflows.recordings.journal.entries import CallFile, Entry, Intent
from fsflows.recordings.journal.known_archive import KnownArchive, known_archive
from fsflows.recordings.journal.rows import entry_of, every_entry, intent_of, load
from fsflows.recordings.journal.tables import DISCARDED, discard_steps, discards, recordings


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a discard, as it was written when it was done."""

    step: str
    at: datetime
    ms: int
    node: str
    detail: str


class Listing:
    """Reads the journal. Every method raises `DatabaseFailed` when it can't be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recordings(self, *, state: str = "", call_uuid: str = "", limit: int = 100) -> list[Entry]:
        """Recordings, the newest first."""
        statement = select(recordings).order_by(recordings.c.id.desc()).limit(limit)
        if state:
            statement = statement.where(recordings.c.state == state)
        if call_uuid:
            statement = statement.where(recordings.c.call_uuid == call_uuid)
        return self._database.read(lambda c: [entry_of(row) for row in c.execute(statement)])

    def every_recording(self) -> Iterator[Entry]:
        """All recordings, the oldest first."""
        return every_entry(self._database, true())

    def open_discards(self) -> list[Intent]:
        """Discards without a receipt, the oldest first."""
        statement = (
            select(discards).where(discards.c.state == "open").order_by(discards.c.requested_at)
        )
        return self._database.read(lambda c: [intent_of(row) for row in c.execute(statement)])

    def discarded_named(self, names: Sequence[str]) -> set[str]:
        """The calls of which a discarded recording was published by one of these names."""
        named = recordings.c.name.in_(names) & recordings.c.archived
        statement = select(recordings.c.call_uuid).where(named, DISCARDED)
        return set(self._database.read(lambda c: c.execute(statement).scalars().all()))

    def archive(self) -> KnownArchive | None:
        """The archive that recordings are published to; None: none yet."""
        return self._database.read(known_archive)

    def calls(self, call_uuids: Iterable[str]) -> dict[str, CallFile]:
        """All that is known of these calls; of some, nothing."""
        wanted = sorted(set(call_uuids))
        return self._database.read(lambda c: {each: load(c, each) for each in wanted})

    def steps(self, call_uuid: str) -> list[StepLine]:
        """The steps of a call's discard, as they were done."""
        columns = discard_steps.c
        statement = (
            select(columns.step, columns.at, columns.ms, columns.node, columns.detail)
            .where(columns.call_uuid == call_uuid)
            .order_by(columns.id)
        )
        return self._database.read(lambda c: [StepLine(*row) for row in c.execute(statement)])

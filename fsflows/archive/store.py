"""Records in the project's SQL database. For what waits when the database is away, see `fsflows.archive.writer`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from fsflows.archive.changes import write_new, write_note
from fsflows.archive.endings import RecordingState
from fsflows.archive.lines import Begun
from fsflows.archive.model import Record, RecordingNote, loads
from fsflows.archive.search import Page, Search, find
from fsflows.archive.tables import begun, bodies, outbox, records, unsettled
from fsflows.database import Database
from fsflows.database.batches import batches
from fsflows.database.inserting import insert_new

BATCH = 200
"""Records that are read, or deleted, in one transaction."""


class RecordStore:
    """Writes and reads records.

    Args:
        database: for a console, one of its own, so that calls' work doesn't wait behind a search.
        webhook: whether each new record is also put into the webhook's outbox.
    """

    def __init__(self, database: Database, *, webhook: bool = False) -> None:
        self._database = database
        self._webhook = webhook

    def insert(self, batch: Sequence[Record]) -> None:
        """Write records, all or none. One that is there already (by id) stays as it is.

        A record that says that its call was lost is replaced by what that call turns out to have been.

        Raises:
            DatabaseFailed: none was written.
        """

        def work(connection: Connection) -> None:
            write_new(connection, batch, webhook=self._webhook)
            connection.execute(delete(begun).where(begun.c.record_id.in_([r.id for r in batch])))

        if batch:
            self._database.write(work)

    def get(self, record_id: str) -> Record | None:
        """One record by its own id; None: there is none.

        Raises:
            DatabaseFailed: the database could not answer.
        """
        return self._one(select(bodies.c.body).where(bodies.c.record_id == record_id))

    def of_call(self, call_id: str) -> list[Record]:
        """The records of one channel UUID, the earliest first: more than one if the call came back."""
        query = (
            select(bodies.c.body)
            .join(records, records.c.id == bodies.c.record_id)
            .where(records.c.call_id == call_id)
            .order_by(records.c.started_at)
        )
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def search(
        self,
        search: Search | None = None,
        *,
        limit: int = 50,
        older_than: str | None = None,
        newer_than: str | None = None,
    ) -> Page:
        """A page of the records that match, the latest call first. The cursors are `Page.older` and `Page.newer`.

        Raises:
            BadSearch: what was asked can't be understood.
            DatabaseFailed: the database could not answer.
        """
        return self._database.read(
            lambda connection: find(
                connection,
                search or Search(),
                limit=limit,
                older_than=older_than,
                newer_than=newer_than,
            )
        )

    def each(self, search: Search | None = None) -> Iterator[Record]:
        """All records that match, the latest first, a few at a time."""
        older: str | None = None
        while True:
            page = self.search(search, limit=BATCH, older_than=older)
            found = self._bodies([row.id for row in page.rows])
            yield from (loads(found[row.id]) for row in page.rows if row.id in found)
            if page.older is None:
                return
            older = page.older

    def set_recording(self, call_id: str, note: RecordingNote) -> int:
        """Change what the records of a call say about its audio (published, or discarded, after the call's end).

        Returns:
            How many records were changed; 0: there is none of this call (yet), or it says the same already.
        """
        return self._database.write(lambda c: write_note(c, call_id, note))

    def before(self, cutoff: datetime, limit: int, skip: int = 0) -> list[Record]:
        """The oldest records of calls that came in before `cutoff`."""
        query = (
            select(bodies.c.body)
            .join(records, records.c.id == bodies.c.record_id)
            .where(records.c.started_at < cutoff)
            .order_by(records.c.started_at, records.c.id)
            .limit(limit)
            .offset(skip)
        )
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def delete(self, record_ids: Sequence[str]) -> None:
        """Delete records, with everything that belongs to them."""
        if record_ids:
            ids = list(record_ids)
            self._database.write(lambda c: c.execute(delete(records).where(records.c.id.in_(ids))))

    def undelivered(self, record_ids: Sequence[str]) -> set[str]:
        """Those of these records that the webhook still has to send."""
        wanted = list(record_ids)
        query = (
            select(outbox.c.record_id)
            .where(outbox.c.record_id.in_(wanted), outbox.c.state == "waiting")
            .distinct()
        )
        found = self._database.read(lambda c: c.execute(query).scalars().all()) if wanted else ()
        return set(found)

    # --- calls that have no record yet ------------------------------------------------------------------------------

    def begin(self, batch: Sequence[Begun]) -> None:
        """Note that calls have begun. Of one that was noted before, by who dialled it say, whoever has it now counts.

        Raises:
            DatabaseFailed: none was noted.
        """
        rows = [call._asdict() for call in batch]

        def work(connection: Connection) -> None:
            ids = [row["record_id"] for row in rows]
            known = select(begun.c.record_id, begun.c.started_at).where(begun.c.record_id.in_(ids))
            earlier = {row.record_id: row.started_at for row in connection.execute(known)}
            for row in rows:
                at = earlier.get(row["record_id"])
                if at is not None and at < row["started_at"]:
                    here = begun.c.record_id == row["record_id"]
                    connection.execute(update(begun).where(here).values(**row))
            insert_new(connection, begun, rows)
            # A note that comes late, by way of a spool, must not make a call of one that is over.
            over = select(records.c.id).where(records.c.id.in_(ids))
            connection.execute(delete(begun).where(begun.c.record_id.in_(over)))

        if rows:
            self._database.write(work)

    def noted(self, record_id: str) -> Record | None:
        """A call that has begun and has no record yet, by the id of that; as `begin` was given it."""
        return self._one(select(begun.c.body).where(begun.c.record_id == record_id))

    def owners(self) -> set[str]:
        """The processes that have calls without a record, or had them when they were lost."""
        query = select(begun.c.owner).distinct()
        return set(self._database.read(lambda c: c.execute(query).scalars().all()))

    def begun_by(self, owner: str) -> list[Record]:
        """The calls of a process that have no record yet, the earliest first, as `begin` was given them."""
        query = (
            select(begun.c.body)
            .where(begun.c.owner == owner)
            .order_by(begun.c.started_at)
            .limit(BATCH)
        )
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def lose(self, lost: Sequence[Record]) -> list[Record]:
        """Make records of calls whose process is lost; gives those that nobody else has made one of meanwhile.

        Raises:
            DatabaseFailed: nothing was changed.
        """

        def work(connection: Connection) -> list[Record]:
            ids = [record.id for record in lost]
            taken = delete(begun).where(begun.c.record_id.in_(ids)).returning(begun.c.record_id)
            ours = set(connection.execute(taken).scalars())
            made = [record for record in lost if record.id in ours]
            write_new(connection, made, webhook=self._webhook)
            return made

        return self._database.write(work) if lost else []

    # --- records whose recording is still on its way ----------------------------------------------------------------

    def unsettled(self) -> list[Record]:
        """Those whose recording is still being published, or discarded, as far as they know."""
        # Not joined: SQLite would read every body, and look each time whether it is one of them.
        query = select(bodies.c.body).where(bodies.c.record_id.in_(select(unsettled.c.record_id)))
        return [loads(body) for (body,) in self._database.read(lambda c: c.execute(query).all())]

    def settle(self, record_ids: Sequence[str]) -> None:
        """What these records say of their recordings is final."""
        which = unsettled.c.record_id.in_(list(record_ids))
        if record_ids:
            self._database.write(lambda c: c.execute(delete(unsettled).where(which)))

    def not_discarded(self, call_ids: Sequence[str]) -> set[str]:
        """Those of these calls of which a record says something else than that the recording was discarded."""

        def work(connection: Connection) -> set[str]:
            found: set[str] = set()
            for some in batches(call_ids):
                query = select(records.c.call_id).where(
                    records.c.call_id.in_(some),
                    records.c.recording != RecordingState.DISCARDED.value,
                )
                found.update(connection.execute(query).scalars())
            return found

        return self._database.read(work) if call_ids else set()

    def calls_since(self, cutoff: datetime, call_ids: Sequence[str]) -> set[str]:
        """Those of these calls that have a record of `cutoff` or later, or are up: theirs is still to come."""
        wanted = list(call_ids)
        found = select(records.c.call_id).where(
            records.c.call_id.in_(wanted), records.c.started_at >= cutoff
        )

        def work(connection: Connection) -> set[str]:
            return {*connection.execute(found).scalars(), *_up(connection, wanted)}

        return self._database.read(work) if wanted else set()

    def calls_with_records(self, call_ids: Sequence[str]) -> set[str]:
        """Those of these calls that have a record, or are up: theirs is still to come."""
        wanted = list(call_ids)

        def work(connection: Connection) -> set[str]:
            found = select(records.c.call_id).where(records.c.call_id.in_(wanted)).distinct()
            return {*connection.execute(found).scalars(), *_up(connection, wanted)}

        return self._database.read(work) if wanted else set()

    def _bodies(self, record_ids: Sequence[str]) -> dict[str, str]:
        query = select(bodies.c.record_id, bodies.c.body).where(bodies.c.record_id.in_(record_ids))
        rows = self._database.read(lambda c: c.execute(query).all())
        return {record_id: body for record_id, body in rows}  # noqa: C416 - a Row is no pair to dict

    def _one(self, query: Any) -> Record | None:
        body = self._database.read(lambda c: c.execute(query).scalar_one_or_none())
        return None if body is None else loads(body)


def _up(connection: Connection, call_ids: Sequence[str]) -> set[str]:
    """Those of these calls that have begun, and are not known to be over."""
    found = connection.execute(select(begun.c.body)).scalars()
    up = {str(json.loads(body)["call_id"]) for body in found}
    return up.intersection(call_ids)

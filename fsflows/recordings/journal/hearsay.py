"""Recordings that FreeSWITCH told of, of whatever call: written down for a day, should the call come to us later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from fsflows.clock import Clock
from fsflows.database import Database
from fsflows.recordings.journal.rows import upsert
from fsflows.recordings.journal.tables import discards, heard


class Hearsay:
    """What was heard. Every method raises `DatabaseFailed` when the database can't do it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def hear(self, news: Iterable[tuple[str, str]]) -> set[str]:
        """Write down recordings (call and path) that FreeSWITCH tells of.

        Returns:
            Those of the calls whose recordings are to be discarded, or were. A discard that is asked for later finds
            them written down: there is no moment in between.
        """
        now = self._clock.utcnow()
        told = list(dict.fromkeys(news))
        rows = [{"call_uuid": each, "path": path, "at": now} for each, path in told]

        def work(connection: Connection) -> None:
            connection.execute(upsert(connection, heard).on_conflict_do_nothing(), rows)

        if not rows:
            return set()
        self._database.write(work)
        # Once it can be seen: a discard that is not there yet will see it. In one transaction with it, PostgreSQL would
        # let each of two miss what the other has not committed yet.
        return self.discarded(told)

    def discarded(self, news: Iterable[tuple[str, str]]) -> set[str]:
        """The same without writing anything down."""
        told = list(news)
        return self._database.read(lambda connection: _discarded(connection, told))

    def of(self, call_uuid: str) -> list[str]:
        """What was heard of a call's recordings: paths."""
        the_call = {"the_call": call_uuid}

        def work(connection: Connection) -> list[str]:
            return list(connection.execute(_OF_CALL, the_call).scalars())

        return self._database.read(work, of=call_uuid)

    def forget(self, before: datetime) -> None:
        """Such calls are over."""
        gone = delete(heard).where(heard.c.at < before)
        self._database.write(lambda connection: connection.execute(gone))


# Made once: a caller waits for it.
_OF_CALL = (
    select(heard.c.path).where(heard.c.call_uuid == bindparam("the_call")).order_by(heard.c.at)
)


def _discarded(connection: Connection, news: Iterable[tuple[str, str]]) -> set[str]:
    calls = sorted({call_uuid for call_uuid, _ in news})
    asked = select(discards.c.call_uuid).where(discards.c.call_uuid.in_(calls))
    return set(connection.execute(asked).scalars())

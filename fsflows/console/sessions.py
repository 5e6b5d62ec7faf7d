"""Which sessions have ended: after a logout a copy of its cookie is no good any more, on no node.

A session is a signed cookie, and nothing is kept of those that run. What is kept, in the one database that all nodes
have, is which were ended before their time, until they would have ended by themselves.

While the database is away, sessions go on that this process has begun or has looked up before: it knows that they had
not ended then. Of others nobody can tell, and they need a new login. What is ended meanwhile has ended here at once,
and is written down for the others when the database is back.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import gevent
from sqlalchemy import Column, Connection, Table, Text, delete, insert, or_, select

from fsflows.database import Database, DatabaseFailed, Instant, metadata
from fsflows.log import get_logger

AWAY = 10.0
"""Seconds in which a database that did not answer isn't asked again: a page must not wait for it each time."""

KNOWN = 10_000
"""Sessions that are remembered, for the time without a database; the one that was used the longest ago goes first."""

SPARE = timedelta(days=30)
"""How much longer an ended session is kept than it could last: clocks of nodes differ, and are set back."""

ended = Table(
    "console_ended_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    # When it would have ended by itself.
    Column("until", Instant, nullable=False),
)

log = get_logger("console")


class Sessions:
    """See the module.

    Args:
        database: the console's.
        now: seconds, monotonic.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now = now
        self._known: OrderedDict[str, None] = OrderedDict()
        self._unwritten: dict[str, datetime] = {}
        self._writer: Any = None
        self._ask_at = float("-inf")

    def begin(self) -> str:
        """The id of a new session."""
        made = secrets.token_urlsafe(16)
        self._remember(made)
        return made

    def holds(self, session: str) -> bool:
        """Whether a session has not been ended."""
        if not session or session in self._unwritten:
            return False
        if self._now() < self._ask_at:
            return session in self._known
        query = select(ended.c.id).where(ended.c.id == session)
        try:
            found = self._database.read(lambda connection: connection.execute(query).first())
        except DatabaseFailed as error:
            self._failed(error)
            return session in self._known
        if found is not None:
            self._known.pop(session, None)
            return False
        if session in self._unwritten:  # since it was asked
            return False
        self._remember(session)
        return True

    def end(self, session: str, until: datetime) -> None:
        """End a session. Here it counts at once, elsewhere as soon as the database has it.

        Args:
            session: its id.
            until: when it would have ended by itself.
        """
        self._known.pop(session, None)
        self._unwritten[session] = until
        if self._now() >= self._ask_at:
            self.write()
        if self._unwritten and not self._writer:
            self._writer = gevent.spawn(self._write_later)

    def write(self) -> None:
        """Write down what isn't yet."""
        for session, until in list(self._unwritten.items()):
            try:
                self._database.write(partial(_keep, session=session, until=until))
            except DatabaseFailed as error:
                self._failed(error)
                return
            self._unwritten.pop(session, None)

    def _write_later(self) -> None:
        while self._unwritten:
            gevent.sleep(AWAY)
            self.write()
        self._writer = None

    def _remember(self, session: str) -> None:
        self._known[session] = None
        self._known.move_to_end(session)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    def _failed(self, error: DatabaseFailed) -> None:
        self._ask_at = self._now() + AWAY
        log.warning(
            "whether sessions have ended can't be told or written", why=str(error), again_in=AWAY
        )


def _keep(connection: Connection, session: str, until: datetime) -> None:
    over = ended.c.until < datetime.now(UTC) - SPARE
    connection.execute(delete(ended).where(or_(ended.c.id == session, over)))
    connection.execute(insert(ended).values(id=session, until=until))

"""Brings the schema up to date when a process starts. Several may start at once: one migrates, the others wait."""

from __future__ import annotations

import sqlite3
import time
from functools import lru_cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from fsflows.database.engine import STATEMENT_TIMEOUT, Database, DatabaseFailed
from fsflows.log import get_logger

_LOCK = 0x666C6F77
"""Any number that nobody else uses for an advisory lock in this database."""

PATIENCE = 3600
"""Seconds that each statement of it may take on PostgreSQL, and that another process' migration is waited for: an index
of ten million rows takes longer than any other statement should."""

PAUSE = 0.1
"""Seconds between two attempts, where SQLite does not wait for its lock by itself."""

log = get_logger("database")


def config() -> Config:
    """Alembic's configuration; everything it needs is in this package."""
    made = Config()
    made.set_main_option("script_location", "fsflows.database:migrations")
    return made


def bring_up_to_date(database: Database, *, wait: bool = True) -> None:
    """See that the schema is this version's. If it is, nothing is written, and no writer waited for.

    Raises:
        DatabaseFailed: it can't be reached, was made by a newer version, or somebody else has been writing to it for
            `PATIENCE`.
    """
    until = time.monotonic() + PATIENCE
    waiting = False
    while True:
        try:
            if not database.read(_is_current):
                database.write(migrate)
            return
        except DatabaseFailed as error:
            if not (wait and _is_locked(error)) or time.monotonic() >= until:
                raise
        if not waiting:
            waiting = True
            _say_waiting()
        time.sleep(PAUSE)


def _is_locked(error: DatabaseFailed) -> bool:
    """Whether SQLite said that another process is writing: for longer than any other transaction should wait."""
    cause = getattr(error.__cause__, "orig", None)
    code = getattr(cause, "sqlite_errorcode", 0)
    return isinstance(cause, sqlite3.Error) and code & 0xFF == sqlite3.SQLITE_BUSY


def _say_waiting() -> None:
    log.warning(
        "the database is not up to date, and another process is writing to it, probably to bring it up to date:"
        " waiting for that",
        at_most_seconds=PATIENCE,
    )


def _is_current(connection: Connection) -> bool:
    return set(MigrationContext.configure(connection).get_current_heads()) == _heads()


@lru_cache(1)
def _heads() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config()).get_heads())


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, inside the transaction of this connection.

    Raises:
        DatabaseFailed: the database was made by a newer version of fsflows.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}s'"))
        lock = {"lock": _LOCK}
        if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), lock).scalar():
            _say_waiting()
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), lock)
        # A table is not waited for as long (a dump may read it for hours): whoever comes later would wait behind us.
        connection.execute(text(f"SET LOCAL lock_timeout = '{STATEMENT_TIMEOUT}s'"))
    current = MigrationContext.configure(connection).get_current_heads()
    if set(current) == _heads():
        return
    settings = config()
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise DatabaseFailed(
            f"the database is at version {', '.join(current)}, which this fsflows does not know:"
            " it was made by a newer one"
        ) from error

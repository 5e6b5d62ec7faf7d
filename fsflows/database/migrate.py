"""Brings the schema up to date when a process starts. Several may start at once: one migrates, the others wait."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from fsflows.database.engine import STATEMENT_TIMEOUT, DatabaseFailed

_LOCK = 0x666C6F77
"""Any number that nobody else uses for an advisory lock in this database."""

PATIENCE = 3600
"""Seconds that each statement of it may take on PostgreSQL, and that another process' migration is waited for: an index
of ten million rows takes longer than any other statement should."""


def config() -> Config:
    """Alembic's configuration; everything it needs is in this package."""
    made = Config()
    made.set_main_option("script_location", "fsflows.database:migrations")
    return made


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, inside the transaction of this connection.

    Raises:
        DatabaseFailed: the database was made by a newer version of fsflows.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        # A table is not waited for as long (a dump may read it for hours): whoever comes later would wait behind us.
        connection.execute(text(f"SET LOCAL lock_timeout = '{STATEMENT_TIMEOUT}s'"))
    current = MigrationContext.configure(connection).get_current_heads()
    settings = config()
    if set(current) == set(ScriptDirectory.from_config(settings).get_heads()):
        return
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise DatabaseFailed(
            f"the database is at version {', '.join(current)}, which this fsflows does not know:"
            " it was made by a newer one"
        ) from error

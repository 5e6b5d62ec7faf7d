"""A connection to the database, and transactions that never stop gevent's hub.

With `threaded=True` all work runs on one thread of its own (SQLite blocks, and a lock held by a greenlet must not be
waited for by another), while only the greenlet that asked waits. Without it, work runs where it is called: commands,
tests and virtual time. Open a second `Database` for queries that may be slow, so that nothing waits behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from gevent.threadpool import ThreadPool
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

T = TypeVar("T")

DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
"""What the migrations are written for, by the drivers that are installed with us."""

ATTEMPTS = 3
"""Of a transaction that others keep getting in the way of."""

CONNECT_TIMEOUT = 5
"""Seconds to reach PostgreSQL. libpq's own default is to wait for ever."""

STATEMENT_TIMEOUT = 10
"""Seconds that a statement may take, and that SQLite waits for another process' write."""

SQLITE_SYNC = "FULL"
"""With a write-ahead log, the level at which a commit that returns is on disk; NORMAL, a power failure may undo it."""

_FORM = "the database must be given as sqlite:////absolute/path.db or postgresql://user@host/name"
"""Not the URL itself: it may hold a password."""


class DatabaseFailed(Exception):
    """The database could not do what was asked: unreachable, full, locked for too long, of another version."""


class _Pool(Protocol):
    def apply(self, function: Callable[..., Any], args: tuple[Any, ...] = ()) -> Any: ...
    def kill(self) -> None: ...


class Database:
    """One process' way to the database. Open it after forking; a connection must not be shared by two processes.

    Args:
        url: SQLAlchemy's form: `sqlite:////absolute/path.db`, `sqlite://` (memory), `postgresql://user@host/name`.
        threaded: run on a thread beside gevent's hub; for a server.

    Raises:
        ValueError: the URL names no database we know.
    """

    def __init__(self, url: str, *, threaded: bool = False) -> None:
        self.url = _parse(url)
        self._engine = _engine(self.url)
        self._sqlite = self.url.get_backend_name() == "sqlite"
        # gevent's stubs have no types for it.
        self._thread = cast("_Pool", ThreadPool(1)) if threaded else None
        self._closed = False

    @classmethod
    def open(cls, url: str, *, threaded: bool = False, known: bool = False) -> Database:
        """Connect, and bring the schema up to date.

        Args:
            url: see the class.
            threaded: see the class.
            known: this version has used it already, so that nothing needs to be done if it can't be reached now.

        Raises:
            DatabaseFailed: it can't be reached, or was made by a newer version.
        """
        from fsflows.database.migrate import migrate

        database = cls(url, threaded=threaded)
        try:
            database.write(migrate)
        except DatabaseFailed as error:
            if known and isinstance(error.__cause__, OperationalError):
                return database
            database.close()
            raise
        except BaseException:
            database.close()
            raise
        return database

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction. When this returns, its changes have reached the disk.

        `work` may run on another thread and must only use the connection; it is run again when the database ended the
        transaction because of another one that was in its way.

        Raises:
            DatabaseFailed: nothing was changed (or, if the connection broke in the commit, it can't be known).
        """
        return self._run(work, writing=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads; it waits for no writer.

        Raises:
            DatabaseFailed: the database could not answer.
        """
        return self._run(work, writing=False)

    def close(self) -> None:
        """Close all connections, for good. May be called twice."""
        self._closed = True
        if self._thread is None:
            self._engine.dispose()
            return
        thread, self._thread = self._thread, None
        thread.apply(self._engine.dispose)
        thread.kill()

    def _run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        def transaction() -> T:
            with self._engine.connect() as connection, connection.begin():
                if self._sqlite:
                    # Not by a listener for "begin": with one, SQLAlchemy looks for listeners at each statement.
                    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
                return work(connection)

        for attempt in range(1, ATTEMPTS + 1):
            if self._closed:
                # Else it would be opened again, by whoever comes late, and by nobody closed.
                raise DatabaseFailed("it is closed here: the server ends")
            try:
                if self._thread is None:
                    return transaction()
                return cast("T", self._thread.apply(transaction))
            except SQLAlchemyError as error:
                if attempt == ATTEMPTS or not _was_in_the_way(error):
                    raise DatabaseFailed(_in_words(error)) from error
        raise AssertionError("unreachable")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise ValueError(_FORM) from error
    if parsed.drivername not in DRIVERS:
        raise ValueError(_FORM)
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return _postgresql(url)
        except ImportError as error:
            raise ValueError("PostgreSQL needs psycopg: pip install 'fsflows[postgres]'") from error
    memory = url.database in (None, "", ":memory:")
    engine = create_engine(
        url,
        poolclass=StaticPool if memory else QueuePool,
        connect_args={"check_same_thread": False, "timeout": STATEMENT_TIMEOUT},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            # A cluster that was made without a locale is SQL_ASCII: psycopg would give us bytes for text.
            "client_encoding": "utf8",
            # A commit that returns is on disk, whatever the server's default is.
            "options": f"-c synchronous_commit=on -c statement_timeout={STATEMENT_TIMEOUT * 1000}",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own, late BEGIN would let two processes both read, then both want to write: we say it ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", f"synchronous = {SQLITE_SYNC}", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _was_in_the_way(error: SQLAlchemyError) -> bool:
    """Whether it was another transaction's fault, and nothing has changed: a deadlock, or a failed serialization."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("40P01", "40001")


def _in_words(error: SQLAlchemyError) -> str:
    """What the driver said, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__

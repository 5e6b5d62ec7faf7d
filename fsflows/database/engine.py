"""A connection to the database, and transactions that never stop gevent's hub.

With `threaded=True` all work runs on one thread of its own (SQLite blocks, and a lock held by a greenlet must not be
waited for by another), while only the greenlet that asked waits; see `turns`. Without it, work runs where it is called:
commands, tests and virtual time. Open a second `Database` for queries that may be slow, so that nothing waits behind
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from fsflows.database.turns import Turns

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
        self._transactions = _Transactions(self._engine)
        # PostgreSQL locks rows: held until others are done, two nodes would sooner stand in each other's way.
        together = self.url.get_backend_name() == "sqlite"
        self._turns = Turns(self._transactions, together=together) if threaded else None
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
        transaction because of another one that was in its way, or when one failed that was to be committed with it.

        Raises:
            DatabaseFailed: nothing was changed (or, if the connection broke in the commit, it can't be known).
        """
        return self._run(work, writing=True)

    def post(
        self, work: Callable[[Connection], Any], failed: Callable[[BaseException], None]
    ) -> None:
        """As `write`, but it is not waited for. What is asked for later happens after it.

        `failed` is called if it can't be done; it must not wait, nor raise.
        """
        if self._turns is not None and not self._closed:
            self._turns.post(work, failed)
            return
        try:
            self._run(work, writing=True)
        except Exception as error:
            failed(error)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads; it waits for no writer.

        Raises:
            DatabaseFailed: the database could not answer.
        """
        return self._run(work, writing=False)

    def close(self) -> None:
        """Close all connections, for good. May be called twice."""
        self._closed = True
        if self._turns is None:
            self._engine.dispose()
            return
        turns, self._turns = self._turns, None
        turns.close(self._engine.dispose)

    def _run(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        if self._closed:
            # Else it would be opened again, by whoever comes late, and by nobody closed.
            raise DatabaseFailed("it is closed here: the server ends")
        if self._turns is not None:
            return self._turns.run(work, writing=writing)
        return self._transactions.alone(work, writing=writing)


class _Transactions:
    """Transactions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"

    def alone(self, work: Callable[[Connection], T], *, writing: bool) -> T:
        """One transaction, again if others got in its way.

        Raises:
            DatabaseFailed: nothing was changed, as far as it can be known.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._begin(writing=writing) as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                if attempt == ATTEMPTS or not _was_in_the_way(error):
                    raise DatabaseFailed(_in_words(error)) from error
        raise AssertionError("unreachable")

    def together(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """Several writes in one transaction. Raises what the first raises that fails; then nothing was changed."""
        with self._begin(writing=True) as connection:
            return [work(connection) for work in works]

    @contextmanager
    def _begin(self, *, writing: bool) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            if self._sqlite:
                # Not by a listener for "begin": with one, SQLAlchemy looks for listeners at each statement.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
            yield connection


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

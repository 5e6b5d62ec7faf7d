"""A connection to the database, and transactions that never stop gevent's hub.

With `threaded=True` all work runs on threads of its own, one a connection (SQLite blocks, and a lock held by a greenlet
must not be waited for by another), while only the greenlet that asked waits; see `turns`. Without it, work runs where
it is called: commands, tests and virtual time. Open a second `Database` for queries that may be slow, so that nothing
waits behind them.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from gevent.monkey import get_original
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import QueuePool, StaticPool

from fsflows.database.turns import READ, SINGLE, WRITE, Kind, Turns

T = TypeVar("T")

DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
"""What the migrations are written for, by the drivers that are installed with us."""

ATTEMPTS = 3
"""Of a transaction that others keep getting in the way of."""

CONNECT_TIMEOUT = 5
"""Seconds to reach PostgreSQL. libpq's own default is to wait for ever."""

STATEMENT_TIMEOUT = 10
"""Seconds that a statement may take, and that SQLite waits for another process' write."""

PATIENCE = 10.0
"""Seconds that a call waits for a transaction. A server that is reached and says nothing (its host hangs, or its disk)
keeps to no limit of its own."""

CONNECTIONS = 4
"""To PostgreSQL, of a process that serves: one for records and sweeps, the others for the calls' recordings, each of
which has some fifteen round trips. With one connection callers waited for each other (docs/performance.md)."""

SQLITE_SYNC = "FULL"
"""With a write-ahead log, the level at which a commit that returns is on disk; NORMAL, a power failure may undo it."""

_FORM = "the database must be given as sqlite:////absolute/path.db or postgresql://user@host/name"
"""Not the URL itself: it may hold a password."""


PROGRAM_LIMIT = "54"
"""The class of SQLSTATE for what is beyond PostgreSQL's limits."""


class DatabaseFailed(Exception):
    """The database could not do what was asked: unreachable, full, locked for too long, of another version."""

    @property
    def about_data(self) -> bool:
        """Whether it refused what it was given, and would again; not that it couldn't be reached."""
        cause = self.__cause__
        if isinstance(cause, DataError | IntegrityError) or type(cause) is StatementError:
            return True
        # PostgreSQL's limits (a row too long for an index) come as the error that a lost connection is, too.
        state = getattr(getattr(cause, "orig", None), "sqlstate", None) or ""
        return bool(state.startswith(PROGRAM_LIMIT))


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
        # SQLite has one writer at a time, and what waits for it can share a commit. PostgreSQL has many; it locks rows,
        # and if they were held until others are done, two nodes would sooner stand in each other's way.
        alone = self.url.get_backend_name() == "sqlite"
        count = 1 if alone or not threaded else CONNECTIONS
        # Each thread has its own: a pool's locks are gevent's where that has patched `threading`. Two threads that meet
        # at one of them can both wait for ever.
        self._engines = [_engine(self.url, threaded=threaded) for _ in range(count)]
        self._transactions = [_Transactions(engine) for engine in self._engines]
        self._lanes: list[Turns] = []
        if threaded:
            self._lanes = [
                Turns(each, together=alone, patience=PATIENCE) for each in self._transactions
            ]
        self._closed = False

    @classmethod
    def open(cls, url: str, *, threaded: bool = False, known: bool = False) -> Database:
        """Connect, and bring the schema up to date, unless it is: that only reads. Waits while another process does it.

        Args:
            url: see the class.
            threaded: see the class.
            known: this version has used it already, so that nothing needs to be done if it can't be reached now.

        Raises:
            DatabaseFailed: it can't be reached, or was made by a newer version.
        """
        from fsflows.database.migrate import bring_up_to_date

        database = cls(url, threaded=threaded)
        _keep_from_others(database.url)
        try:
            bring_up_to_date(database, wait=not known)
        except DatabaseFailed as error:
            if known and isinstance(error.__cause__, OperationalError):
                return database
            database.close()
            raise
        except BaseException:
            database.close()
            raise
        return database

    def write(self, work: Callable[[Connection], T], *, of: str = "", single: bool = False) -> T:
        """Run `work` in a transaction. When this returns, its changes have reached the disk.

        `of`: the call that it is about. What is about one call happens in the order in which it was asked for, as does
        what is about none; what is about several may happen side by side. `single`: `work` is one statement, which
        PostgreSQL begins and commits by itself: one round trip, not three.

        `work` may run on another thread and must only use the connection; it is run again when the database ended the
        transaction because of another one that was in its way, or when one failed that was to be committed with it.

        Raises:
            DatabaseFailed: nothing was changed (or, if the connection broke in the commit, or a call has waited for
                `PATIENCE`, it can't be known).
        """
        return self._run(work, of, SINGLE if single else WRITE)

    def post(
        self,
        work: Callable[[Connection], Any],
        failed: Callable[[BaseException], None],
        *,
        of: str = "",
        single: bool = False,
    ) -> None:
        """As `write`, but it is not waited for. What is asked for later of the same call happens after it.

        `failed` is called if it can't be done; it must not wait, nor raise.
        """
        kind = SINGLE if single else WRITE
        if self._lanes and not self._closed:
            self._lane(of).post(work, kind, failed)
            return
        try:
            self._run(work, of, kind)
        except Exception as error:
            failed(error)

    def read(self, work: Callable[[Connection], T], *, of: str = "") -> T:
        """Run `work` in a transaction that only reads; it waits for no writer. `of`: see `write`.

        Raises:
            DatabaseFailed: the database could not answer.
        """
        return self._run(work, of, READ)

    def close(self) -> None:
        """Close all connections, for good. May be called twice."""
        self._closed = True
        lanes, self._lanes = self._lanes, []
        engines, self._engines = self._engines, []
        if lanes:
            for lane, engine in zip(lanes, engines, strict=True):
                lane.close(engine.dispose)
        else:
            for engine in engines:
                engine.dispose()

    def _lane(self, of: str) -> Turns:
        """What is about no call, records and sweeps, keeps calls waiting only where there is one lane."""
        first, *others = self._lanes
        return others[hash(of) % len(others)] if of and others else first

    def _run(self, work: Callable[[Connection], T], of: str, kind: Kind) -> T:
        if self._closed:
            # Else it would be opened again, by whoever comes late, and by nobody closed.
            raise DatabaseFailed("it is closed here: the server ends")
        if self._lanes:
            try:
                return self._lane(of).run(work, kind, impatient=bool(of))
            except TimeoutError:
                raise DatabaseFailed("it does not answer") from None
        return self._transactions[0].alone(work, kind)


class _Transactions:
    """Transactions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"

    def alone(self, work: Callable[[Connection], T], kind: Kind) -> T:
        """One transaction, again if others got in its way.

        Raises:
            DatabaseFailed: nothing was changed, as far as it can be known.
        """
        for attempt in range(1, ATTEMPTS + 1):
            at_its_end = False
            try:
                with self._begin(kind) as connection:
                    # One that is its own commit: if it is broken off it can't be known whether it was done.
                    at_its_end = kind is SINGLE
                    value = work(connection)
                    at_its_end = True
                return value
            except SQLAlchemyError as error:
                was_gone = attempt == 1 and not at_its_end and _is_broken(error)
                if attempt == ATTEMPTS or not (was_gone or _was_in_the_way(error)):
                    raise DatabaseFailed(_in_words(error)) from error
        raise AssertionError("unreachable")

    def together(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """Several writes in one transaction. Raises what the first raises that fails; then nothing was changed."""
        with self._begin(WRITE) as connection:
            return [work(connection) for work in works]

    @contextmanager
    def _begin(self, kind: Kind) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            if kind is SINGLE and not self._sqlite:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            with connection.begin():
                if self._sqlite:
                    # Not by a listener for "begin": with one, SQLAlchemy looks for listeners at each statement.
                    connection.exec_driver_sql("BEGIN" if kind is READ else "BEGIN IMMEDIATE")
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


def _engine(url: URL, *, threaded: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return _postgresql(url, threaded=threaded)
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


def _keep_from_others(url: URL) -> None:
    """A new SQLite file is nobody's but its user's and group's: who has called whom is in it. SQLite's own files beside
    it are as readable as it is.
    """
    file = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or file == ":memory:" or file.startswith("file:"):
        return
    # If it is there it is left alone (SQLite's locks would go with a file that we close); else SQLite says why not.
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640))


def _postgresql(url: URL, *, threaded: bool) -> Engine:
    if threaded:
        _wait_as_threads_do()
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
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
    event.listen(engine, "checkout", _must_be_there)
    return engine


_poll = get_original("select", "poll")


def _must_be_there(connection: Any, _record: Any, _proxy: Any) -> None:
    """Whether the server has ended a connection that waited for its next transaction. It isn't asked: a round trip."""
    look = _poll()
    if not connection.closed:
        look.register(connection.fileno(), select.POLLIN)
    if connection.closed or look.poll(0):
        raise DisconnectionError("the server has ended the connection")


def _wait_as_threads_do() -> None:
    """Let psycopg wait in C. It sees that gevent has patched `select`, and would start a hub in each of our threads."""
    from psycopg import waiting

    waiting.wait = getattr(waiting, "wait_c", waiting.wait)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own, late BEGIN would let two processes both read, then both want to write: we say it ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", f"synchronous = {SQLITE_SYNC}", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _is_broken(error: SQLAlchemyError) -> bool:
    """Whether the connection had been lost, or was now; the next one is a new one."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _was_in_the_way(error: SQLAlchemyError) -> bool:
    """Whether it was another transaction's fault, and nothing has changed: a deadlock, or a failed serialization."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("40P01", "40001")


def _in_words(error: SQLAlchemyError) -> str:
    """What the driver said, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__

"""The database: one schema however it came to be, transactions that hold, errors in words."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import sys
from datetime import UTC, datetime, timedelta, timezone

import gevent
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import fsflows.archive.tables
import fsflows.console.sessions
import fsflows.recordings.journal.tables  # noqa: F401  # their tables belong to the metadata
from fsflows.database import Database, DatabaseFailed, Instant, metadata


def test_the_migrations_make_what_the_tables_say():
    database = Database.open("sqlite://")

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert database.read(differences) == []
    database.close()


def test_a_new_file_and_what_sqlite_puts_beside_it_is_not_for_every_user_to_read(tmp_path):
    before = os.umask(0o022)
    try:
        database = Database.open(f"sqlite:///{tmp_path}/a.db")
        made = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        database.close()
        (tmp_path / "a.db").chmod(0o600)
        Database.open(f"sqlite:///{tmp_path}/a.db").close()
    finally:
        os.umask(before)
    assert made == {"a.db": 0o640, "a.db-wal": 0o640, "a.db-shm": 0o640}
    assert 0o600 == stat.S_IMODE((tmp_path / "a.db").stat().st_mode), "whose it is decides"


def test_a_newer_database_is_refused_in_words(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database.open(url)
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()

    with pytest.raises(DatabaseFailed, match=r"9999.*newer"):
        Database.open(url)


def test_a_failed_transaction_changes_nothing():
    database = Database.open("sqlite://")

    def half(connection):
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(half)
    with pytest.raises(DatabaseFailed, match="no such table: t"):
        database.read(lambda c: c.execute(text("SELECT * FROM t")).all())
    database.close()


def test_a_commit_is_synchronous_and_in_wal(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/a.db")

    def pragmas(connection):
        return [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert database.read(pragmas) == ["wal", 2, 1]
    database.close()


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mongodb://x/y", "sqlite+nope://", "mysql://x/y", "postgresql+psycopg2://x/y"],
)
def test_an_unknown_url_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match="must be given as sqlite:") as refusal:
        Database(url)
    assert "x/y" not in str(refusal.value)


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"pip install 'fsflows\[postgres\]'"):
        Database("postgresql://fsflows@db/fsflows")


@pytest.mark.parametrize("threaded", [True, False])
def test_who_comes_after_the_end_opens_nothing_again(tmp_path, threaded):
    database = Database.open(f"sqlite:///{tmp_path}/a.db", threaded=threaded)
    database.close()
    (tmp_path / "a.db").unlink()
    with pytest.raises(DatabaseFailed, match="closed"):
        database.read(lambda c: None)
    assert not (tmp_path / "a.db").exists()


def test_a_directory_that_is_missing_is_said():
    with pytest.raises(DatabaseFailed, match="unable to open database file"):
        Database.open("sqlite:////nonexistent/directory/a.db")


def test_times_are_utc_and_must_say_their_zone():
    kind = Instant()
    sqlite = Database("sqlite://")
    dialect = sqlite.url.get_dialect()()
    plus_two = datetime(2026, 1, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    stored = kind.process_bind_param(plus_two, dialect)
    assert stored == datetime(2026, 1, 1, 12, 0, tzinfo=UTC).replace(tzinfo=None)
    assert kind.process_result_value(stored, dialect) == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        kind.process_bind_param(plus_two.replace(tzinfo=None), dialect)
    sqlite.close()


def test_the_hub_runs_on_while_a_query_takes_its_time(tmp_path):
    path = tmp_path / "a.db"
    database = Database.open(f"sqlite:///{path}", threaded=True)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    turns = []

    def others():
        while len(turns) < 5:
            turns.append(1)
            gevent.sleep(0)
        holder.execute("COMMIT")

    other = gevent.spawn(others)
    # Waits for the lock that only the other greenlet lets go.
    database.write(lambda c: c.execute(text("CREATE TABLE t (a INTEGER)")))
    assert len(turns) == 5
    other.join()
    holder.close()
    database.close()
    database.close()


def _open(url):
    Database.open(url).close()


@pytest.mark.process
def test_processes_that_start_at_once_migrate_once(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    context = multiprocessing.get_context("spawn")
    starting = [context.Process(target=_open, args=(url,)) for _ in range(4)]
    for process in starting:
        process.start()
    for process in starting:
        process.join(60)
    assert [process.exitcode for process in starting] == [0, 0, 0, 0]

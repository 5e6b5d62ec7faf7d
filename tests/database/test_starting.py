"""Processes that start while another one migrates, or just writes; and that find nothing to migrate."""

from __future__ import annotations

import sqlite3
from unittest.mock import Mock

import pytest

from fsflows.database import Database, DatabaseFailed, engine, migrate


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def writer(url, monkeypatch):
    """Another process, which is in the middle of writing; nobody waits for it by SQLite's own means."""
    monkeypatch.setattr(engine, "STATEMENT_TIMEOUT", 0)
    monkeypatch.setattr(migrate, "PAUSE", 0.0)

    def begin():
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        return connection

    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    yield begin
    connection.close()


def test_one_that_finds_it_up_to_date_waits_for_no_writer(url, writer, monkeypatch):
    monkeypatch.setattr(migrate, "PATIENCE", -1.0)
    Database.open(url).close()
    writer()
    Database.open(url).close()


def test_one_that_has_to_migrate_waits_for_another_and_says_so(url, writer, monkeypatch):
    other, said = writer(), []

    def say(*what, **values):
        said.append(what)
        other.execute("COMMIT")

    monkeypatch.setattr(migrate.log, "warning", say)
    Database.open(url).close()
    assert len(said) == 1


def test_what_another_has_migrated_meanwhile_is_not_migrated_again(url, writer, monkeypatch):
    other, said = writer(), []

    def say(*what, **values):
        said.append(what)
        other.execute("COMMIT")
        Database.open(url).close()
        other.execute("BEGIN IMMEDIATE")  # nothing can be written now
        monkeypatch.setattr(migrate.time, "sleep", Mock(side_effect=[None]))  # nor waited again

    monkeypatch.setattr(migrate.log, "warning", say)
    Database.open(url).close()
    assert len(said) == 1


def test_it_is_not_waited_for_for_ever(url, writer, monkeypatch):
    writer()
    monkeypatch.setattr(migrate, "PATIENCE", -1.0)
    with pytest.raises(DatabaseFailed, match="locked"):
        Database.open(url)


def test_a_database_that_is_known_is_used_without_waiting(url, writer, monkeypatch):
    """Should it be migrated after all, the first that is asked of it says that it can't be done."""
    monkeypatch.setattr(migrate.log, "warning", lambda *what, **values: pytest.fail("it waits"))
    writer()
    Database.open(url, known=True).close()


def test_any_other_fault_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(migrate.log, "warning", lambda *what, **values: pytest.fail("it waits"))
    with pytest.raises(DatabaseFailed, match="unable to open"):
        Database.open(f"sqlite:///{tmp_path}/missing/a.db")

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from database import postgres
from sqlalchemy import Table

from fsflows.database import Database
from fsflows.recordings.journal import tables
from recordings.fakes import World

_deselected = 0


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def in_memory():
    """A directory that syncs fast, for tests that kill processes and not machines."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="fsflows-test-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgresql():
    with postgres.running() as cluster:
        yield cluster.url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def url(request, in_memory):
    """Every test with it runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{in_memory}/journal.db"
    url = request.getfixturevalue("postgresql")
    database = Database.open(url)
    for table in vars(tables).values():
        # It is every test's, and each has calls and an archive of its own.
        if isinstance(table, Table):
            database.write(lambda c, table=table: c.execute(table.delete()))
    database.close()
    return url


def pytest_collection_modifyitems(config, items):
    """Without PostgreSQL its tests are left out, and that is said; in CI they run, and fail."""
    global _deselected  # noqa: PLW0603
    if os.environ.get("CI") or postgres.binaries() is not None:
        return
    left_out = [item for item in items if _needs_postgresql(item)]
    _deselected = len(left_out)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    if _deselected:
        terminalreporter.write_line(
            f"PostgreSQL is not installed here: {_deselected} tests were left out", yellow=True
        )


def _needs_postgresql(item):
    chosen = getattr(item, "callspec", None)
    return "postgresql" in item.fixturenames or (
        chosen is not None and chosen.params.get("url") == "postgresql"
    )

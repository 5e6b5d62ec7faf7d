from datetime import UTC, datetime

import pytest
from database import postgres
from record_samples import sample_records

from fsflows.archive import writer as writer_module
from fsflows.archive.spool import Spool
from fsflows.archive.store import RecordStore
from fsflows.archive.writer import RecordWriter
from fsflows.database import Database

from .writers import FakeStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def samples():
    return list(sample_records(300, until=NOW, days=7))


@pytest.fixture(scope="session")
def postgres_url():
    with postgres.running() as cluster:
        yield cluster.url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def database(request):
    if request.param == "sqlite":
        database = Database.open("sqlite://")
    else:
        database = Database.open(request.getfixturevalue("postgres_url"))
        database.write(lambda c: c.exec_driver_sql("TRUNCATE records, record_begun CASCADE"))
    yield database
    database.close()


@pytest.fixture
def store(database):
    return RecordStore(database)


# --- the writer ---------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY", (0.001,))


@pytest.fixture
def fake():
    return FakeStore()


@pytest.fixture
def make(tmp_path):
    made = []

    def make(store, **spool):
        writer = RecordWriter(lambda: store, Spool(tmp_path / "spool", **spool), "node#1")
        made.append(writer)
        writer.start()
        return writer

    yield make
    for writer in made:
        if not writer._stopped:
            writer.stop()

"""A database that an earlier version has left: what is in it is there after the upgrade, and can be worked on."""

import dataclasses
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from record_samples import sample_records
from sqlalchemy import MetaData, insert, inspect, select

import fsflows.console.sessions  # its table belongs to the metadata
import fsflows.recordings.journal.tables  # noqa: F401  # its tables belong to the metadata
from fsflows.archive.endings import OUTBOUND
from fsflows.archive.entries import Measured
from fsflows.archive.search import Search
from fsflows.archive.store import RecordStore
from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.database.migrate import config
from fsflows.recordings.journal.entries import DiscardCause, Entry, Node
from fsflows.recordings.journal.journal import Journal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSIONS = [each.revision for each in ScriptDirectory.from_config(config()).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    cluster = request.getfixturevalue("cluster")
    yield cluster.url
    database = Database(cluster.url)
    database.write(lambda c: c.exec_driver_sql("DROP SCHEMA public CASCADE"))
    database.write(lambda c: c.exec_driver_sql("CREATE SCHEMA public"))
    database.close()


def journal(database):
    return Journal(database, VirtualClock(), Node("here", "here#1"))


def filled(directory):
    """A database of this version, with something of everything."""
    database = Database.open(f"sqlite:///{directory}/new.db")
    came_in, *others = sample_records(20, until=NOW)
    # What a function wrote about a call doesn't make it one of ours.
    noted = Measured(at=1.0, name="about", value={"direction": "outbound"})
    came_in = dataclasses.replace(came_in, entries=(*came_in.entries, noted))
    ours = [dataclasses.replace(each, direction=OUTBOUND) for each in others[:3]]
    RecordStore(database).insert([came_in, *ours, *others[3:]])
    cause = DiscardCause("opt_out", "ask", "1", NOW)
    entry = Entry(call_uuid="a-call", path="/staging/a.wav", started_at=NOW, switch="fs1")
    journal(database).open_discard("a-call", "fs1", cause, [entry])
    return database


def copy(source, target):
    """Every row into the tables and columns that the target has."""
    new, old = MetaData(), MetaData()
    source.read(new.reflect)
    target.read(old.reflect)
    copied = set()
    for table in old.sorted_tables:
        if table.name not in new.tables or table.name == "alembic_version":
            continue
        columns = [
            column.name for column in table.columns if column.name in new.tables[table.name].c
        ]
        query = select(*[new.tables[table.name].c[name] for name in columns])
        rows = source.read(lambda c, query=query: [dict(row._mapping) for row in c.execute(query)])
        if rows:
            target.write(lambda c, table=table, rows=rows: c.execute(insert(table), rows))
            copied.add(table.name)
    if target.url.get_backend_name() == "postgresql":
        # As it would be had the rows been made there.
        numbered = (
            "SELECT setval(pg_get_serial_sequence('recordings', 'id'), max(id)) FROM recordings"
        )
        target.write(lambda c: c.exec_driver_sql(numbered))
    return copied


@pytest.mark.parametrize("version", VERSIONS[1:-1])
def test_an_upgrade_keeps_what_is_there(url, tmp_path, version):
    old = Database(url)

    def to_version(connection):
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, version)

    old.write(to_version)
    source = filled(tmp_path)
    assert {"records", "record_bodies", "recordings", "recording_discards"} <= copy(source, old)
    expected = {each.id: each for each in RecordStore(source).each(Search())}
    source.close()
    old.close()

    database = Database.open(url)
    try:
        store = RecordStore(database)
        found = {each.id: each for each in store.each(Search())}
        assert expected == found
        assert expected.keys() == {each.id for each in store.before(NOW, 100)}
        ours = {key for key, each in expected.items() if each.direction == OUTBOUND}
        assert ours == {row.id for row in store.search(Search(direction=OUTBOUND)).rows}
        assert 3 == len(ours)
        call = journal(database).load("a-call")
        assert ["/staging/a.wav"] == [each.path for each in call.entries]
        assert call.intent is not None
        assert call.intent.open
        store.insert(list(sample_records(5, until=NOW, seed=99)))
        journal(database).note([Entry(call_uuid="b", path="/staging/b.wav", started_at=NOW)])
        assert len(expected) + 5 == len(list(store.each(Search())))
        names = database.read(lambda c: set(inspect(c).get_table_names()))
        assert {"recording_nodes", "recording_receipts"} <= names
    finally:
        database.close()

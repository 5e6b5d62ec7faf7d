"""A database that has grown for years: what is done again and again must not read all of it."""

import os
import re
from datetime import timedelta

import pytest
from record_samples import sample_records
from recordings.fakes import OTHER, UUID, World
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from fsflows.archive.retention import purge
from fsflows.archive.store import RecordStore
from fsflows.archive.webhook import Outbox
from fsflows.recordings.journal.tables import discards, recordings
from fsflows.recordings.oversight.expiry import Expiry
from fsflows.recordings.oversight.returned import reopen_returned
from fsflows.server.office.settling import Settling

SMALL = {"recording_nodes", "recording_archive", "record_begun", "record_unsettled", "json_each"}
"""Tables of a few rows, however long the server is there."""

OF_SOME = {"ix_recordings_with_options", "ix_recording_discards_unfinished"}
"""Indexes of a few rows."""


class Plans:
    """How SQLite would find the rows of each statement that is run."""

    def __init__(self):
        self.statements = 0
        self.scans = {}

    def begin(self):
        self.__init__()

    def look(self, connection, cursor, statement, parameters, context, executemany):
        if statement.split()[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            return
        self.statements += 1
        ask = connection.connection.dbapi_connection.cursor()
        one = parameters[0] if executemany else parameters
        for *_, step in ask.execute(f"EXPLAIN QUERY PLAN {statement}", one):
            found = re.match(r"SCAN (?!CONSTANT)(\w+)(?: USING.* INDEX (\w+))?", step)
            if found and found[1] not in SMALL and found[2] not in OF_SOME:
                self.scans[found[1]] = " ".join(statement.split())


@pytest.fixture
def plans():
    made = Plans()
    event.listen(Engine, "before_cursor_execute", made.look)
    yield made
    event.remove(Engine, "before_cursor_execute", made.look)


@pytest.fixture
def world(tmp_path):
    """Calls that are over, with records, one of them discarded; and one that is up."""
    world = World(tmp_path)
    world.one_discarded_one_published()
    records = list(sample_records(5, until=world.clock.utcnow()))
    RecordStore(world.database, webhook=True).insert(records)
    yield world
    world.close()


def test_a_table_that_is_read_whole_is_seen(world, plans):
    assert 2 == world.database.read(lambda c: len(c.execute(select(recordings)).all()))
    query = select(func.count()).select_from(discards).where(discards.c.flow == "demo")
    world.database.read(lambda c: c.execute(query).scalar_one())
    assert {"recordings", "recording_discards"} == set(plans.scans)


def test_a_call(world, plans):
    call = world.call("33333333-2222-4333-8444-555555555555")
    call.start()
    world.switch.talk()
    call.discard(world.cause())
    world.switch.hang_up(call.call_uuid)
    call.finish()
    RecordStore(world.database).insert(list(sample_records(7, until=world.soon())))
    assert plans.statements > 10
    assert {} == plans.scans


@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "when-due"])
def test_a_sweep(world, plans, at_once):
    """With files in the staging directory: of a call that is up, of none, and one that was published."""
    world.call("33333333-2222-4333-8444-555555555555").start()
    world.switch.talk()
    stranger = world.directory / "staging" / "stranger.wav"
    stranger.write_bytes(b"RIFF")
    os.utime(stranger, (0, 0))
    world.later(minutes=2)
    world.restart(node="another")
    plans.begin()
    assert 1 == world.service.sweeper.sweep(at_once=at_once).unknown
    assert plans.statements > 10
    assert {} == plans.scans


def test_records_brought_up_to_date(world, plans):
    tools = world.service.tools
    store = RecordStore(world.database)
    plans.begin()
    Settling(store, tools.journal, list, world.clock).look()
    assert plans.statements > 3
    assert {} == plans.scans


def test_old_records_and_recordings_that_are_deleted(world, plans):
    world.later(days=40)
    store = RecordStore(world.database, webhook=True)
    expiry = Expiry(world.service.tools)
    plans.begin()
    purged = purge(store, world.clock.utcnow() - timedelta(days=30), expiry)
    assert purged.records
    assert {UUID: [], OTHER: []} == {each: world.audio(each) for each in (UUID, OTHER)}
    assert plans.statements > 10
    assert {} == plans.scans


def test_what_the_webhook_is_to_be_sent(world, plans):
    outbox = Outbox(world.database)
    [(delivery, _), *_] = outbox.claim(world.soon(), 5)
    outbox.settle(delivery, state="delivered")
    assert {} == plans.scans


def test_what_came_back_into_the_archive(world, plans):
    tools = world.service.tools
    plans.begin()
    assert 0 == reopen_returned(world.database, tools.journal, world.files)
    assert plans.statements
    assert {} == plans.scans


def test_an_old_recording_is_found_by_its_age_and_not_by_its_state(world, plans):
    """Nearly all are published."""
    query = "EXPLAIN QUERY PLAN "
    seen = []
    event.listen(
        Engine, "before_cursor_execute", look := lambda c, cu, s, p, x, m: seen.append((s, p))
    )
    world.service.tools.journal.recorded_before(world.soon(), "", 10)
    event.remove(Engine, "before_cursor_execute", look)
    statement, parameters = seen[-1]
    [step, *_] = world.database.read(
        lambda c: [row[3] for row in c.exec_driver_sql(query + statement, parameters)]
    )
    assert "(state=? AND started_at<?)" in step

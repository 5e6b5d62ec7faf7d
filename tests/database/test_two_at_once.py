"""What only a real PostgreSQL shows: two transactions in each other's way, and a database without an encoding."""

from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import event, text

from fsflows.clock import GeventClock
from fsflows.database import Database, DatabaseFailed
from fsflows.database.migrate import _LOCK, log, migrate
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause

pytestmark = pytest.mark.process


@pytest.fixture
def databases(cluster):
    made = [Database.open(cluster.url) for _ in range(2)]
    made[0].write(lambda c: c.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")))
    made[0].write(lambda c: c.execute(text("INSERT INTO t VALUES (1, 0), (2, 0)")))
    yield made
    made[0].write(lambda c: c.execute(text("DROP TABLE t")))
    for each in made:
        each.close()


def test_a_deadlock_is_tried_again_and_both_have_their_way(databases):
    holding = {1: Event(), 2: Event()}
    runs, failed = [], []

    def write(database, order):
        def work(connection):
            runs.append(order)
            for number in order:
                connection.execute(text("UPDATE t SET n = n + 1 WHERE id = :id"), {"id": number})
                if number == order[0]:
                    holding[order[0]].set()
                    assert holding[order[1]].wait(60)

        try:
            database.write(work)
        except DatabaseFailed as error:
            failed.append(error)

    threads = [
        Thread(target=write, args=(database, order))
        for database, order in zip(databases, ([1, 2], [2, 1]), strict=True)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert [] == failed
    assert len(runs) > 2, "one of them (or each) was ended by PostgreSQL, and run again"
    assert [2, 2] == databases[0].read(
        lambda c: list(c.execute(text("SELECT n FROM t ORDER BY id")).scalars())
    )


def test_any_other_fault_is_not_tried_again(databases):
    runs = []

    def work(connection):
        runs.append(1)
        connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(DatabaseFailed, match="division by zero"):
        databases[0].write(work)
    assert [1] == runs


def test_a_migration_may_take_longer_than_other_statements_but_waits_for_no_table(databases):
    def limits(connection):
        asked = ("SHOW statement_timeout", "SHOW lock_timeout")
        return [connection.execute(text(each)).scalar() for each in asked]

    def work(connection):
        migrate(connection)
        return limits(connection)

    assert ["1h", "10s"] == databases[0].write(work)
    assert ["10s", "0"] == databases[0].write(limits)


def test_a_process_that_starts_while_another_migrates_waits_and_says_so(cluster, monkeypatch):
    """And one that finds nothing to migrate waits for nobody."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE starting TEMPLATE template0")
    url, said = cluster.url.replace("/postgres?", "/starting?"), []
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])

        def say(*what, **values):
            said.append(what)
            other.rollback()

        monkeypatch.setattr(log, "warning", say)
        Database.open(url).close()
        assert len(said) == 1
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        Database.open(url).close()
        assert len(said) == 1


def test_what_is_heard_just_as_a_discard_is_asked_for_is_seen_by_one_of_the_two(databases):
    clock = GeventClock()
    hearing, discarding = (Journal(each, clock, Node.make("node")) for each in databases)
    found = []

    def discard(_connection):
        """As the transaction that writes down what was heard is about to be committed."""
        if not found:
            cause = DiscardCause("flow", "step", "1", clock.utcnow())
            discarding.open_discard("call", "fs1", cause)
            found.append(discarding.hearsay.of("call"))

    event.listen(databases[0]._engines[0], "commit", discard)
    concerned = hearing.hearsay.hear([("call", "/r/x.wav")])
    assert ([[]], {"call"}) == (found, concerned)


def test_a_database_without_an_encoding_gives_text(cluster):
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    database = Database.open(cluster.url.replace("/postgres?", "/plain?"))
    try:
        assert "Grüße" == database.read(
            lambda c: c.execute(text("SELECT CAST(:t AS TEXT)"), {"t": "Grüße"}).scalar()
        )
    finally:
        database.close()

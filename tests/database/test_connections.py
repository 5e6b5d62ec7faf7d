"""A server's connections to a PostgreSQL: calls don't wait for each other, and one that was lost is replaced."""

import threading
import time

import gevent
import pytest
from psycopg import waiting
from sqlalchemy import event, text

from fsflows.database import Database, DatabaseFailed

pytestmark = pytest.mark.process


@pytest.fixture
def database(cluster):
    made = Database.open(cluster.url, threaded=True)
    made.write(lambda c: c.execute(text("CREATE TABLE t (n INTEGER)")))
    yield made
    made.write(lambda c: c.execute(text("DROP TABLE t")))
    made.close()


def insert(number):
    return lambda c: c.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


def rows(database):
    return sorted(database.read(lambda c: c.execute(text("SELECT n FROM t")).scalars().all()))


def end_all(cluster):
    """As a restart of the server does, or an administrator. When this returns they have been told."""
    other = Database(cluster.url)
    theirs = (
        "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
    )
    end, left = (
        text(f"SELECT {what} {theirs}") for what in ("pg_terminate_backend(pid)", "count(*)")
    )
    other.write(lambda c: c.execute(end).all())
    for _ in range(3000):
        if not other.read(lambda c: c.execute(left).scalar()):
            break
        time.sleep(0.01)
    other.close()


def two_calls(database):
    """The ids of two that have connections of their own."""
    names = (f"call-{number}" for number in range(100))
    first = next(names)
    return first, next(each for each in names if database._lane(each) != database._lane(first))


def test_a_call_does_not_wait_for_another_nor_for_what_is_about_none(database):
    begun, go = threading.Event(), threading.Event()

    def hold(_connection):
        begun.set()
        assert go.wait(30)

    one, other = two_calls(database)
    holding = [gevent.spawn(database.write, hold, of=one), gevent.spawn(database.write, hold)]
    with gevent.Timeout(30):
        while not begun.is_set():
            gevent.sleep(0.001)
        database.write(insert(1), of=other)
        same = gevent.spawn(database.write, insert(2), of=one)
        database.write(insert(3), of=other)
        assert not same.ready()
        go.set()
        gevent.joinall([*holding, same], raise_error=True)
    assert [1, 2, 3] == rows(database)


def test_no_two_threads_meet_at_the_locks_of_one_pool(database):
    """They are gevent's in a server: threads that wait for each other there can do so for ever."""

    def where(connection):
        return threading.get_ident(), id(connection.engine.pool)

    with gevent.Timeout(30):
        used = {database.read(where, of=of) for of in ("", *two_calls(database))}
    threads, pools = map(set, zip(*used, strict=True))
    assert (3, 3, 3) == (len(used), len(threads), len(pools))


def test_what_is_posted_for_a_call_happens_before_what_is_asked_for_it_later(database):
    failures = []
    with gevent.Timeout(30):
        for number in range(20):
            database.post(insert(number), failures.append, of="call", single=True)
        count = text("SELECT count(*) FROM t")
        assert 20 == database.read(lambda c: c.execute(count).scalar(), of="call")
    assert [] == failures


def test_a_connection_that_the_server_has_ended_is_replaced_before_it_is_used(database, cluster):
    broken = []
    for engine in database._engines:
        event.listen(engine, "handle_error", broken.append)
    for single in (False, True):
        database.write(insert(1), of="call", single=single)
        end_all(cluster)
        database.write(insert(2), of="call", single=single)
    assert [1, 1, 2, 2] == rows(database)
    assert [] == broken


def test_a_transaction_whose_connection_breaks_is_made_again_once(database, cluster):
    runs = []

    def work(connection):
        runs.append(len(runs))
        insert(5)(connection)
        if len(runs) <= breaks:
            end_all(cluster)
        insert(6)(connection)

    breaks = 1
    database.write(work, of="call")
    assert ([0, 1], [5, 6]) == (runs, rows(database))
    breaks = 10
    with pytest.raises(DatabaseFailed):
        database.write(work, of="call")
    assert ([0, 1, 2, 3], [5, 6]) == (runs, rows(database))


def test_a_single_statement_that_is_broken_off_is_not_made_again(database, cluster):
    """It may have been done."""
    runs = []

    def work(connection):
        runs.append(True)
        end_all(cluster)
        insert(7)(connection)

    with pytest.raises(DatabaseFailed):
        database.write(work, of="call", single=True)
    assert ([True], []) == (runs, rows(database))


def test_a_single_statement_is_one_round_trip_and_on_disk(database):
    said = []

    def work(connection):
        raw = connection.connection.dbapi_connection
        said.append(raw.autocommit)
        said.append(raw.execute("SHOW synchronous_commit").fetchone()[0])

    database.write(work, of="call", single=True)
    database.write(work, of="call")
    assert [True, "on", False, "on"] == said


def test_threads_wait_in_c_and_not_on_hubs_of_their_own(database):
    assert waiting.wait is waiting.wait_c

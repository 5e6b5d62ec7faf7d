"""Transactions on a thread: in turn, together where they write, and each with its own end."""

import threading

import gevent
import pytest
from sqlalchemy import event, text

from fsflows.database import Database, DatabaseFailed, engine, turns

pytestmark = pytest.mark.process


class Bench:
    """A database on a thread, and a count of its commits. While it is `held`, everything waits."""

    def __init__(self, url):
        self.database = Database.open(url, threaded=True)
        self.database.write(lambda c: c.execute(text("CREATE TABLE t (n INTEGER UNIQUE)")))
        self.commits = 0
        self.go = threading.Event()
        self.begun = threading.Event()
        event.listen(self.database._engines[0], "commit", self._committed)

    def _committed(self, _connection):
        self.commits += 1

    def hold(self):
        """A read that takes until `go`: what is asked for meanwhile has to wait."""

        def wait(_connection):
            self.begun.set()
            assert self.go.wait(30)

        holding = gevent.spawn(self.database.read, wait)
        with gevent.Timeout(30):
            while not self.begun.is_set():
                gevent.sleep(0.001)
        self.commits = 0
        return holding

    def insert(self, number):
        def work(connection):
            connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
            return number

        return self.database.write(work)

    def rows(self):
        return set(self.database.read(lambda c: c.execute(text("SELECT n FROM t")).scalars().all()))

    def end(self, asked):
        self.go.set()
        return gevent.joinall(asked, timeout=30)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(f"sqlite:///{tmp_path}/t.db")
    yield bench
    bench.go.set()
    bench.database.close()


@pytest.fixture
def hasty(monkeypatch, tmp_path):
    """A bench where calls wait for hardly any time."""
    monkeypatch.setattr(engine, "PATIENCE", 0.05)
    bench = Bench(f"sqlite:///{tmp_path}/t.db")
    yield bench
    bench.go.set()
    bench.database.close()


def insert_for_a_call(bench, number):
    insert = text("INSERT INTO t VALUES (:n)")
    return bench.database.write(lambda c: c.execute(insert, {"n": number}), of="call")


def spawned(bench, numbers):
    asked = [gevent.spawn(bench.insert, number) for number in numbers]
    gevent.sleep(0)
    return asked


def test_writes_that_wait_are_committed_together(bench):
    holding = bench.hold()
    asked = spawned(bench, range(20))
    bench.end([holding, *asked])
    assert [each.value for each in asked] == list(range(20))
    assert bench.commits == 2  # that of the read, and one for all
    assert bench.rows() == set(range(20))


def test_one_that_fails_fails_alone(bench):
    bench.insert(7)
    holding = bench.hold()
    asked = spawned(bench, range(10))
    bench.end([holding, *asked])
    assert [number for number, each in enumerate(asked) if not each.successful()] == [7]
    with pytest.raises(DatabaseFailed, match="UNIQUE"):
        asked[7].get()
    assert bench.rows() == set(range(10))


def test_a_fault_of_the_work_itself_is_its_own(bench):
    holding = bench.hold()

    def wrong(_connection):
        raise LookupError("mine")

    asked = [gevent.spawn(bench.database.write, wrong), *spawned(bench, [1, 2])]
    bench.end([holding, *asked])
    with pytest.raises(LookupError, match="mine"):
        asked[0].get()
    assert bench.rows() == {1, 2}


def test_a_read_between_two_writes_sees_the_first_and_not_the_second(bench):
    holding = bench.hold()
    first = gevent.spawn(bench.insert, 1)
    gevent.sleep(0)
    seen = gevent.spawn(bench.rows)
    gevent.sleep(0)
    second = gevent.spawn(bench.insert, 2)
    bench.end([holding, first, seen, second])
    assert seen.value == {1}
    assert bench.rows() == {1, 2}


def test_what_was_asked_for_happens_though_nobody_waits_for_it_any_more(bench):
    holding = bench.hold()
    asked = spawned(bench, [1, 2])
    asked[0].kill()
    bench.end([holding, *asked])
    assert bench.rows() == {1, 2}


def test_what_is_posted_happens_before_what_is_asked_for_later(bench):
    failures = []
    holding = bench.hold()

    def post(number):
        work = text("INSERT INTO t VALUES (:n)")
        bench.database.post(lambda c: c.execute(work, {"n": number}), failures.append)

    post(1)
    asked = gevent.spawn(bench.insert, 1)
    gevent.sleep(0)
    post(2)
    post(2)
    bench.end([holding, asked])
    with pytest.raises(DatabaseFailed, match="UNIQUE"):
        asked.get()
    assert bench.rows() == {1, 2}
    assert [type(each) for each in failures] == [DatabaseFailed]


def test_what_waits_when_it_is_closed_is_done(bench, tmp_path):
    holding = bench.hold()
    asked = spawned(bench, range(5))
    closing = gevent.spawn(bench.database.close)
    gevent.sleep(0)
    late = gevent.spawn(bench.insert, 9)
    bench.end([holding, *asked, closing, late])
    assert [each.value for each in asked] == list(range(5))
    with pytest.raises(DatabaseFailed, match="closed"):
        late.get()
    again = Database.open(f"sqlite:///{tmp_path}/t.db")
    count = again.read(lambda c: c.execute(text("SELECT count(*) FROM t")).scalar())
    again.close()
    assert count == 5


def test_a_database_that_cannot_be_written_tells_each(bench):
    holding = bench.hold()
    bench.database.post(lambda c: c.exec_driver_sql("PRAGMA query_only = ON"), [].append)
    asked = spawned(bench, [1, 2, 3])
    bench.end([holding, *asked])
    for each in asked:
        with pytest.raises(DatabaseFailed, match="readonly"):
            each.get()


def test_without_a_thread_nobody_waits_for_ever_and_later_ones_are_done(bench):
    threads = bench.database._lanes[0]._thread

    class NoThreads:
        def apply(self, *_arguments):
            bench.database._lanes[0]._thread = threads
            raise RuntimeError("can't start new thread")

    bench.database._lanes[0]._thread = NoThreads()
    asked = spawned(bench, [1])
    later = gevent.spawn(bench.insert, 2)
    bench.end([*asked, later])
    with pytest.raises(RuntimeError, match="new thread"):
        asked[0].get(timeout=1)
    assert later.value == 2
    assert bench.rows() == {2}


def test_who_raises_when_told_of_a_failure_keeps_nobody_waiting(bench, capsys):
    bench.insert(1)
    holding = bench.hold()

    def wrong(error):
        raise LookupError("mine")

    bench.database.post(text_insert(1), wrong)
    asked = spawned(bench, [2, 3])
    bench.end([holding, *asked])
    assert [each.value for each in asked] == [2, 3]
    assert bench.rows() == {1, 2, 3}
    assert "LookupError" in capsys.readouterr().err


def text_insert(number):
    return lambda c: c.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


def test_a_call_waits_no_longer_than_it_can_and_what_had_not_begun_never_happens(hasty):
    holding = hasty.hold()
    others = spawned(hasty, [1])  # of no call: they have time
    with pytest.raises(DatabaseFailed, match="does not answer"):
        insert_for_a_call(hasty, 2)
    assert not others[0].ready()
    hasty.end([holding, *others])
    assert hasty.rows() == {1}


class Time:
    """What the clock shows, to the code under test."""

    now = 1000.0

    def monotonic(self):
        return self.now


def test_a_database_that_hangs_is_not_waited_for_again_and_again(hasty, monkeypatch):
    """A discard asks it five times: the audio goes meanwhile."""
    time = Time()
    monkeypatch.setattr(turns, "time", time)
    holding = hasty.hold()

    def fails_at_once(number):
        asked = gevent.spawn(insert_for_a_call, hasty, number)
        gevent.sleep(0)
        assert asked.ready()
        assert not asked.successful()

    with pytest.raises(DatabaseFailed):
        insert_for_a_call(hasty, 1)
    fails_at_once(2)  # somebody has waited in vain, a moment ago
    time.now += 1.0
    fails_at_once(3)  # and it goes on
    assert hasty.database._lanes[0]._waiting == []
    hasty.end([holding])
    insert_for_a_call(hasty, 4)
    assert hasty.rows() == {4}


def test_what_had_begun_goes_on_though_the_call_does_not_wait(hasty):
    begun = []

    def slow(connection):
        begun.append(1)
        assert hasty.go.wait(30)
        connection.execute(text("INSERT INTO t VALUES (1)"))

    with pytest.raises(DatabaseFailed, match="does not answer"):
        hasty.database.write(slow, of="call")
    hasty.go.set()
    assert hasty.rows() == set(begun)


def test_a_database_that_took_long_to_fail_is_not_asked_for_as_long(bench, monkeypatch):
    """It can't be reached: that takes five seconds to find, and a discard asks five times."""

    def away(_connection):
        time.now += took
        raise DatabaseFailed("connection timeout expired")

    time = Time()
    monkeypatch.setattr(turns, "time", time)
    write = bench.database.write
    took = engine.PATIENCE / 2 - 1
    with pytest.raises(DatabaseFailed, match="expired"):
        write(away, of="call")
    insert_for_a_call(bench, 1)
    took = engine.PATIENCE / 2
    with pytest.raises(DatabaseFailed, match="expired"):
        write(away, of="call")
    with pytest.raises(DatabaseFailed, match="does not answer"):
        insert_for_a_call(bench, 2)
    bench.insert(3)  # for no call
    time.now += engine.PATIENCE / 2
    insert_for_a_call(bench, 4)
    assert bench.rows() == {1, 3, 4}


def test_one_transaction_that_took_too_long_fails_nobody_once_it_is_done(hasty, monkeypatch):
    time = Time()
    monkeypatch.setattr(turns, "time", time)
    holding = hasty.hold()
    with pytest.raises(DatabaseFailed, match="does not answer"):
        insert_for_a_call(hasty, 1)
    with pytest.raises(DatabaseFailed, match="does not answer"):
        insert_for_a_call(hasty, 2)
    hasty.end([holding])
    hasty.database._lanes[0]._patience = 30
    insert_for_a_call(hasty, 3)  # no time has passed
    assert hasty.rows() == {3}

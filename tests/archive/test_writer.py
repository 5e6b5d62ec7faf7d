import gevent
import gevent.event
import pytest
from sqlalchemy.exc import DataError, OperationalError

from fsflows import log
from fsflows.archive import beginnings, metrics
from fsflows.archive import writer as writer_module
from fsflows.archive.endings import Reason, Result
from fsflows.archive.model import loads
from fsflows.archive.record import RecordBuilder
from fsflows.archive.spool import Spool
from fsflows.archive.store import RecordStore
from fsflows.archive.writer import RecordWriter
from fsflows.clock import VirtualClock
from fsflows.database import Database, DatabaseFailed


class FakeStore:
    """A database that can be away, hang, or refuse single records."""

    def __init__(self):
        self.there = {}
        self.away = False
        self.refused = set()
        self.refusal = DataError("", {}, ValueError())
        self.broken = set()
        self.hang = None
        self.inserts = 0
        self.begun = {}
        self.noted = []

    def begin(self, batch):
        if self.away:
            raise DatabaseFailed("could not connect")
        if any(call.record_id in self.refused for call in batch):
            raise DatabaseFailed("value too long") from DataError("", {}, ValueError())
        self.noted.append([call.record_id for call in batch])
        for call in batch:
            if call.record_id not in self.there:
                self.begun[call.record_id] = (call.owner, loads(call.body))

    def insert(self, batch):
        self.inserts += 1
        if self.hang is not None:
            self.hang.wait()
        if self.away:
            raise DatabaseFailed("could not connect")
        if any(record.id in self.broken for record in batch):
            raise TypeError("a fault of ours")
        if any(record.id in self.refused for record in batch):
            raise DatabaseFailed("value too long") from self.refusal
        for record in batch:
            self.there[record.id] = record
            self.begun.pop(record.id, None)


@pytest.fixture(autouse=True)
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


def until(condition):
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.001)


def test_records_reach_the_database_and_leave_no_trace_on_disk(make, tmp_path, samples):
    database = Database.open(f"sqlite:///{tmp_path}/records.db", threaded=True)
    store = RecordStore(database)
    writer = make(store)
    for record in samples:
        writer.submit(record)
    assert writer.stop()
    assert len(samples) == store.search().total
    assert (len(samples), len(samples), 0, 0) == (
        writer.stats.submitted,
        writer.stats.written,
        writer.stats.dropped,
        writer.stats.waiting,
    )
    assert [] == list((tmp_path / "spool").iterdir())
    database.close()


def test_a_database_that_hangs_holds_nobody_up(make, fake, samples):
    fake.hang = gevent.event.Event()
    writer = make(fake)
    for record in samples[:50]:
        writer.submit(record)  # returns at once: nothing here could let it go on
    until(lambda: writer.stats.spool_bytes > 0 and not writer._fresh)
    fake.hang.set()
    until(lambda: len(fake.there) == 50)
    assert samples[:50] == list(fake.there.values())


def test_a_database_that_is_away_loses_nothing_and_says_so_once(make, fake, samples):
    fake.away = True
    writer = make(fake)
    with log.capture("info") as events:
        for record in samples[:20]:
            writer.submit(record)
        until(lambda: fake.inserts > 5 and writer.stats.spool_bytes > 0)
        assert "could not connect" == writer.stats.error
        assert 20 == writer.stats.waiting
        fake.away = False
        until(lambda: len(fake.there) == 20 and not writer.stats.error)
    said = [event["event"] for event in events]
    assert ["records wait", "records are written again"] == said
    assert "" == writer.stats.error


def test_at_the_end_a_line_that_is_not_counted_yet_is_brought_in(fake, samples, tmp_path):
    writer = RecordWriter(lambda: fake, Spool(tmp_path / "spool"), "node#1")
    first, second = samples[:2]
    pool = writer._thread

    class LateAnswer:
        """The first answer after the first record is in the database comes after a later one."""

        kill = pool.kill

        def apply(self, work):
            answer = pool.apply(work)
            if list(fake.there) == [first.id] and writer.stats.submitted == 1:
                writer.submit(second)
                writer._to_spool()
            return answer

    writer._thread = LateAnswer()
    writer.submit(first)
    writer._to_spool()
    writer._stopping.set()
    with gevent.Timeout(20):
        writer._bring_in()
        assert writer.stop()
    assert {first.id, second.id} == set(fake.there)


def test_what_was_not_written_is_written_by_the_next_process(make, fake, samples):
    fake.away = True
    first = make(fake)
    for record in samples[:20]:
        first.submit(record)
    assert not first.stop(timeout=1)
    fake.away = False
    second = make(fake)
    until(lambda: len(fake.there) == 20)
    assert second.stop()
    assert 20 == second.stats.written


def test_beyond_the_bound_records_are_dropped_counted_and_loud(make, fake, samples):
    fake.away = True
    room = sum(len(record.dumps()) + 1 for record in samples[:3])
    writer = make(fake, max_bytes=room)
    lost = metrics.LOST.labels("dropped")._value.get()
    with log.capture("error") as events:
        for record in samples[:5]:
            writer.submit(record)
            until(lambda: not writer._fresh)
    assert 2 == writer.stats.dropped
    assert ["RECORDS ARE LOST"] * 2 == [
        event["event"] for event in events if "lost_so_far" in event
    ]
    assert lost + 2 == metrics.LOST.labels("dropped")._value.get()
    assert 3 == metrics.WAITING._value.get()
    fake.away = False
    until(lambda: len(fake.there) == 3)


def test_a_record_that_cannot_be_written_does_not_stop_the_others(make, fake, samples, tmp_path):
    fake.refused.add(samples[2].id)
    fake.broken.add(samples[4].id)
    writer = make(fake)
    for record in samples[:8]:
        writer.submit(record)
    assert writer.stop()
    assert 6 == len(fake.there)
    assert 2 == writer.stats.rejected
    kept = (tmp_path / "spool" / "rejected.jsonl").read_text().splitlines()
    assert {samples[2].dumps(), samples[4].dumps()} == set(kept)


class TooLongForAnIndex(Exception):
    sqlstate = "54000"


def test_a_record_beyond_a_limit_of_the_database_does_not_stop_the_others(make, fake, samples):
    fake.refused.add(samples[1].id)
    fake.refusal = OperationalError("", {}, TooLongForAnIndex())
    writer = make(fake)
    for record in samples[:3]:
        writer.submit(record)
    assert writer.stop()
    assert (2, 1) == (len(fake.there), writer.stats.rejected)


def test_what_was_put_aside_stays_there_for_people(make, fake, samples, tmp_path):
    fake.refused.add(samples[0].id)
    for record in samples[:2]:
        writer = make(fake)  # the second one looks for what the first one left
        writer.submit(record)
        assert writer.stop()
    assert (1, 0) == (len(fake.there), writer.stats.rejected)
    assert samples[0].dumps() == (tmp_path / "spool" / "rejected.jsonl").read_text().strip()


def test_a_damaged_line_is_kept_aside(make, fake, samples, tmp_path):
    (tmp_path / "spool").mkdir()
    line = samples[0].dumps()
    (tmp_path / "spool" / "1.jsonl").write_text(f"{line}\n{line[:100]}")
    writer = make(fake)
    until(lambda: fake.there and writer.stats.rejected)
    assert writer.stop()
    assert [samples[0].id] == list(fake.there)
    assert line[:100] == (tmp_path / "spool" / "rejected.jsonl").read_text().strip()


def test_a_disk_that_cannot_be_written_to_is_gone_around(make, fake, samples, tmp_path):
    (tmp_path / "spool").write_text("in the way")
    writer = make(fake)
    for record in samples[:250]:
        writer.submit(record)
    until(lambda: len(fake.there) == 250)
    assert "spool" in writer.stats.error
    assert 0 == writer.stats.dropped


def test_neither_disk_nor_database_is_bounded_too(make, fake, samples, tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, "MAX_IN_MEMORY", 10)
    (tmp_path / "spool").write_text("in the way")
    fake.away = True
    writer = make(fake)
    for record in samples[:15]:
        writer.submit(record)
    assert 5 == writer.stats.dropped
    assert writer.stop(timeout=1)
    assert 15 == writer.stats.dropped


def test_a_database_that_comes_late_is_opened_late(samples, tmp_path):
    opened = []

    def connect():
        opened.append(1)
        if len(opened) < 4:
            raise DatabaseFailed("not yet")
        return store

    store = FakeStore()
    writer = RecordWriter(connect, Spool(tmp_path))
    writer.start()
    writer.submit(samples[0])
    until(lambda: store.there)
    assert writer.stop()
    assert 4 == len(opened)


def test_submit_never_raises(make, fake, samples):
    writer = make(fake)
    with log.capture("error") as events:
        writer.submit(None)
        assert writer.stop()
        writer.submit(samples[0])
    assert 2 == writer.stats.dropped
    assert ["a record is lost", "RECORDS ARE LOST"] == [event["event"] for event in events]


def test_P13_nothing_private_is_written_to_the_spool(make, fake, tmp_path):
    from fsflows.archive.endings import Reason, Result
    from fsflows.archive.record import RecordBuilder
    from fsflows.clock import VirtualClock
    from fsflows.privacy import Redactor

    fake.away = True
    redactor = Redactor()
    builder = RecordBuilder("u", VirtualClock(), redactor)
    builder.heard("4556737586899855", "keys")
    builder.collected("card", "complete", redactor.add("4556737586899855"), "keys")
    writer = make(fake)
    writer.submit(builder.finish(Result.COMPLETED, Reason.FLOW_ENDED))
    until(lambda: writer.stats.spool_bytes)
    (path,) = (tmp_path / "spool").iterdir()
    assert b"45567" not in path.read_bytes()
    assert b"[16 digits hidden]" in path.read_bytes()


# --- calls that have begun ----------------------------------------------------------------------------------------


def begin(writer):
    call = RecordBuilder("uuid-1", VirtualClock(), caller="+15550100", flow="menu", node="node")
    writer.begin(call)
    return call


def end(call):
    return call.finish(Result.COMPLETED, Reason.FLOW_ENDED)


def test_a_call_that_begins_is_noted_with_who_has_it(make, fake):
    writer = make(fake)
    call = begin(writer)
    until(lambda: fake.begun)
    owner, noted = fake.begun[call.id]
    assert ("node#1", "uuid-1", "+15550100", "menu") == (
        owner,
        noted.call_id,
        noted.caller,
        noted.flow,
    )
    assert (Result.FAILED, Reason.SERVER_LOST, 1) == (
        noted.result,
        noted.reason,
        len(noted.entries),
    )
    assert (0, 0) == (writer.stats.submitted, writer.stats.written)


def test_calls_that_begin_one_after_the_other_are_noted_together(make, fake, monkeypatch):
    def spin():
        for _ in range(50):
            gevent.sleep(0)

    monkeypatch.setattr(beginnings, "GATHER", 0.0)
    writer = make(fake)
    first = begin(writer)
    until(lambda: fake.begun)
    monkeypatch.setattr(beginnings, "GATHER", 1000.0)
    more = []
    for _ in range(3):
        more.append(begin(writer))
        spin()
    assert writer.stop()
    assert [[first.id], [call.id for call in more]] == fake.noted


def test_a_beginning_that_the_database_takes_too_long_over_is_on_disk(make, fake, monkeypatch):
    monkeypatch.setattr(beginnings, "GATHER", 0.0)
    monkeypatch.setattr(beginnings, "PATIENCE", 0.001)
    slow = gevent.event.Event()
    note = fake.begin
    monkeypatch.setattr(fake, "begin", lambda batch: (slow.wait(), note(batch)))
    writer = make(fake)
    call = begin(writer)
    until(lambda: writer.stats.spool_bytes)
    assert {} == fake.begun
    slow.set()
    until(lambda: call.id in fake.begun)


def test_who_makes_a_call_can_wait_until_that_is_noted(make, fake, monkeypatch):
    monkeypatch.setattr(beginnings, "GATHER", 0.0)
    writer = make(fake)
    call = RecordBuilder("uuid-1", VirtualClock())
    with gevent.Timeout(60):
        writer.note(call)
    assert [[call.id]] == fake.noted
    assert writer.stop()
    writer.note(call)  # at once


def test_who_makes_a_call_does_not_wait_for_a_database_that_is_away(make, fake, monkeypatch):
    monkeypatch.setattr(beginnings, "GATHER", 0.0)
    fake.away = True
    writer = make(fake)
    with gevent.Timeout(60):
        writer.note(RecordBuilder("uuid-1", VirtualClock()))
    until(lambda: writer.stats.spool_bytes)
    fake.away = False


def test_of_a_call_that_is_over_nothing_more_is_noted(make, fake):
    writer = make(fake)
    call = begin(writer)
    writer.submit(end(call))
    assert writer.stop()
    assert ([], {call.id}) == (fake.noted, set(fake.there))


def test_a_call_that_is_over_before_its_beginning_is_written_is_just_a_record(make, fake):
    fake.away = True
    writer = make(fake)
    call = begin(writer)
    writer.submit(end(call))
    until(lambda: writer.stats.error)
    fake.away = False
    assert writer.stop()
    assert ({}, {call.id}) == (fake.begun, set(fake.there))


def test_a_beginning_that_a_killed_process_left_on_disk_is_found_by_the_next(make, fake, tmp_path):
    fake.away = True
    first = make(fake)
    call = begin(first)
    until(lambda: first.stats.spool_bytes and first.stats.error)
    for greenlet in first._greenlets:
        greenlet.kill()
    first._spool.close()  # as the kernel does it for a process that is killed
    first._stopped = True
    fake.away = False
    second = make(fake)
    until(lambda: fake.begun)
    assert "node#1" == fake.begun[call.id][0]
    assert second.stop()


def test_a_process_may_be_killed_while_beginnings_are_gathered(make, fake, tmp_path, monkeypatch):
    monkeypatch.setattr(beginnings, "GATHER", 1000.0)
    first = make(fake)
    call = begin(first)
    until(lambda: any(file.stat().st_size for file in (tmp_path / "spool").glob("*.jsonl")))
    for greenlet in first._greenlets:
        greenlet.kill()
    first._spool.close()  # as the kernel does it for a process that is killed
    first._stopped = True
    assert {} == fake.begun
    second = make(fake)
    until(lambda: fake.begun)
    assert "node#1" == fake.begun[call.id][0]
    assert second.stop()


def test_what_was_jotted_down_of_beginnings_stays_until_the_spool_has_them(
    make, fake, tmp_path, monkeypatch
):
    """The database is away, and the disk full for a moment; and then the process is killed."""
    fake.away = True
    monkeypatch.setattr(beginnings, "GATHER", 0.01)
    first = make(fake)
    tried = []
    append = first._spool.append

    def full(lines):
        tried.append(lines)
        raise OSError(28, "No space left on device")

    first._spool.append = full
    call = begin(first)
    until(lambda: len(tried) > 2 and not first._beginnings._calls)
    first._thread.apply(len, ("what the thread was to do is done",))
    (jotted,) = (tmp_path / "spool").glob("*.jsonl")
    assert call.id.encode() in jotted.read_bytes()
    first._spool.append = append
    until(lambda: not jotted.exists())
    (spooled,) = (tmp_path / "spool").glob("*.jsonl")
    assert call.id.encode() in spooled.read_bytes()
    fake.away = False
    assert first.stop()
    assert list(fake.begun) == [call.id]


def test_what_begins_while_others_are_noted_is_jotted_down_and_stays_so(
    make, fake, tmp_path, monkeypatch
):
    """The database takes its time; then those before are struck out, and the process is killed."""
    monkeypatch.setattr(beginnings, "PATIENCE", 1000.0)
    slow, done = gevent.event.Event(), gevent.event.Event()
    note = fake.begin

    def begin_slowly(batch):
        slow.wait()
        note(batch)
        done.set()
        slow.clear()

    fake.begin = begin_slowly
    first = make(fake)
    before = begin(first)
    until(lambda: first._beginnings._noting is not None)
    later = begin(first)
    pages = tmp_path / "spool"

    def jotted(call):
        try:
            return any(call.id.encode() in page.read_bytes() for page in pages.glob("*.jsonl"))
        except FileNotFoundError:  # struck out just now
            return jotted(call)

    until(lambda: jotted(before) and jotted(later))
    slow.set()
    done.wait()
    until(lambda: not jotted(before))
    for greenlet in first._greenlets:
        greenlet.kill()
    assert jotted(later)
    first._spool.close()  # as the kernel does it for a process that is killed
    first._stopped = True
    assert [before.id] == list(fake.begun)
    fake.begin = note
    second = make(fake)
    until(lambda: later.id in fake.begun)
    assert second.stop()


def test_beginnings_that_follow_one_another_are_jotted_down_together(make, fake, monkeypatch):
    monkeypatch.setattr(beginnings, "GATHER", 1000.0)
    monkeypatch.setattr(beginnings, "JOT_EVERY", 1000.0)
    writer = make(fake)
    jotted = []
    monkeypatch.setattr(writer._beginnings, "_jot", lambda notes, page: jotted.append(len(notes)))
    begin(writer)
    until(lambda: jotted)
    for _ in range(5):
        begin(writer)
        gevent.sleep(0)
    assert [1] == jotted
    assert writer.stop()
    assert [1, 5] == jotted
    assert 6 == len(fake.begun)


def test_a_beginning_that_the_database_has_is_on_disk_no_more(make, fake, tmp_path):
    writer = make(fake)
    call = begin(writer)
    until(lambda: fake.begun)
    until(lambda: not list((tmp_path / "spool").glob("*.jsonl")))
    assert writer.stop()
    assert [[call.id]] == fake.noted


def test_beginnings_leave_room_for_records(make, fake, samples):
    """With the spool half full there is a record of whoever ends, if not of whoever is killed."""
    fake.away = True
    size = len(samples[0].dumps()) * 4
    writer = make(fake, max_bytes=size)
    writer.submit(samples[0])
    until(lambda: writer.stats.spool_bytes)
    for record in samples[1:3]:
        writer.submit(record)
    until(lambda: writer.stats.spool_bytes > size / 2)
    before = writer.stats.waiting
    begin(writer)
    assert before == writer.stats.waiting
    assert 0 == writer.stats.dropped


def test_a_beginning_that_is_lost_is_no_lost_record(make, fake, tmp_path):
    writer = make(fake, max_bytes=10)
    writer.stats.spool_bytes = 0
    begin(writer)
    until(lambda: not writer.stats.waiting)
    assert 0 == writer.stats.dropped


def test_a_beginning_that_the_database_refuses_holds_up_no_record(make, fake, samples):
    writer = make(fake)
    call = RecordBuilder("uuid-1", VirtualClock())
    fake.refused.add(call.id)
    with log.capture("error"):
        writer.begin(call)
        writer.submit(samples[0])
        assert writer.stop()
    assert ({samples[0].id}, 0) == (set(fake.there), writer.stats.rejected)


def test_a_call_whose_beginning_cannot_be_noted_goes_on(make, fake):
    class Broken:
        call_id = "uuid-1"

    writer = make(fake)
    with log.capture("error") as lines:
        writer.begin(Broken())
        call = begin(writer)
        until(lambda: lines and fake.begun)
    assert "not noted" in lines[0]["event"]
    assert {call.id} == set(fake.begun)

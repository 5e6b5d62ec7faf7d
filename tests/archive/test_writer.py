"""Records on their way into the database."""

import gevent
import gevent.event
import pytest
from sqlalchemy.exc import OperationalError

from fsflows import log
from fsflows.archive import metrics
from fsflows.archive import writer as writer_module
from fsflows.archive.endings import Reason, Result
from fsflows.archive.record import RecordBuilder
from fsflows.archive.spool import Spool
from fsflows.archive.store import RecordStore
from fsflows.archive.writer import RecordWriter
from fsflows.clock import VirtualClock
from fsflows.database import Database, DatabaseFailed

from .writers import FakeStore, until

pytestmark = pytest.mark.usefixtures("impatient")


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

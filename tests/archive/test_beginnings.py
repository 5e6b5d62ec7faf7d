"""Calls that begin, on their way into the database."""

import gevent
import gevent.event
import pytest

from fsflows import log
from fsflows.archive import beginnings
from fsflows.archive.endings import Reason, Result
from fsflows.archive.record import RecordBuilder
from fsflows.clock import VirtualClock

from .writers import until

pytestmark = pytest.mark.usefixtures("impatient")


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

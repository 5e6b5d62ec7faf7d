"""Old records go, and the recordings of old calls, with a record or without."""

import dataclasses
from datetime import timedelta

import pytest

from fsflows.archive import retention
from fsflows.archive.endings import RecordingState
from fsflows.archive.lines import Begun
from fsflows.archive.metrics import DELIVERIES
from fsflows.archive.model import RecordingNote
from fsflows.archive.retention import HOLD, Purged, RetentionSchedule, purge
from fsflows.archive.store import BATCH, RecordStore
from fsflows.archive.webhook import Delivery, Outbox
from fsflows.database import Database

from .conftest import NOW
from .test_store import ids


class Audio:
    """Recordings of calls, all of them old."""

    def __init__(self, *calls):
        self.there = set(calls)
        self.stubborn = set()
        self.deleted = []
        self.known_of = set()

    def known(self, calls):
        return self.there & set(calls)

    def expire(self, call, cutoff):
        if call in self.stubborn:
            raise PermissionError("read-only")
        if call not in self.there:
            return False
        self.there.remove(call)
        self.deleted.append(call)
        return True

    def left_before(self, cutoff, after, limit):
        return sorted(call for call in self.there if call > after)[:limit]

    def forgettable(self, cutoff, after, limit):
        return sorted(call for call in self.known_of if call > after)[:limit]

    def forget(self, calls, cutoff):
        self.known_of -= set(calls)
        return len(calls)


def test_old_records_go_with_their_recordings_and_all_else(database, store, samples):
    store = RecordStore(database, webhook=True)
    store.insert(samples)
    cutoff = NOW - timedelta(days=3)
    outbox = Outbox(database)
    for delivery, _ in outbox.claim(NOW, len(samples)):
        outbox.settle(delivery, state="delivered")
    old = [record for record in samples if record.started_at < cutoff]
    with_audio = [r.call_id for r in samples if r.recording.state == "present"]
    audio = Audio(*with_audio)
    done = purge(store, cutoff, audio)
    gone = sorted({record.call_id for record in old} & set(with_audio))
    assert Purged(len(old), len(gone), 0) == done
    assert gone == sorted(audio.deleted)
    assert len(samples) - len(old) == store.search().total
    for table in ("record_bodies", "record_deliveries"):
        count = database.read(
            lambda c, table=table: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
        )
        assert len(samples) - len(old) == count


def test_a_record_whose_recording_cannot_be_deleted_is_kept_and_does_not_stop_the_others(
    store, samples
):
    store.insert(samples)
    stubborn = next(record for record in samples if record.recording.state == "present")
    audio = Audio(*(record.call_id for record in samples))
    audio.stubborn = {stubborn.call_id}
    done = purge(store, NOW + timedelta(days=1), audio)
    assert (len(samples) - 1, 1) == (done.records, done.kept)
    assert [stubborn.id] == ids(store.search().rows)
    audio.stubborn = set()
    assert Purged(1, 1, 0) == purge(store, NOW + timedelta(days=1), audio)


def test_a_record_whose_discard_is_open_is_kept_whoever_purges(store, samples):
    pending = dataclasses.replace(samples[0], recording=RecordingNote(state=RecordingState.PENDING))
    store.insert([pending, *samples[1:5]])
    for recordings in (None, Audio(pending.call_id)):
        done = purge(store, NOW + timedelta(days=1), recordings)
        assert 1 == done.kept
        assert [pending.id] == ids(store.search().rows)
    store.set_recording(pending.call_id, RecordingNote(state=RecordingState.DISCARDED))
    assert Purged(1, 0, 0) == purge(store, NOW + timedelta(days=1))


def test_a_call_that_came_back_keeps_its_recordings_until_its_newest_record_is_old(store, samples):
    cutoff = samples[0].started_at + timedelta(seconds=1)
    again = dataclasses.replace(samples[0], id="again", started_at=NOW, ended_at=NOW)
    store.insert([samples[0], again])
    audio = Audio(again.call_id)
    assert Purged(1, 0, 0) == purge(store, cutoff, audio)
    assert {again.call_id} == audio.there
    assert Purged(1, 1, 0) == purge(store, NOW + timedelta(days=1), audio)
    assert set() == audio.there


def test_a_recording_without_a_record_goes_as_well(store, samples):
    """Its server was killed before it could even write down that the call had begun."""
    store.insert(samples[:3])
    alone = [f"alone-{number:04}" for number in range(BATCH + 5)]
    audio = Audio(*alone, *(record.call_id for record in samples[:3]))
    audio.stubborn = {alone[7]}
    cutoff = samples[0].started_at - timedelta(days=1)
    assert Purged(0, len(alone) - 1, 0) == purge(store, cutoff, audio)
    assert {alone[7], *(record.call_id for record in samples[:3])} == audio.there


def test_a_call_that_is_up_again_keeps_its_recordings(store, samples):
    """Its record is to come: of this visit, there is none yet."""
    old = samples[0]
    again = dataclasses.replace(old, id="again", started_at=NOW, ended_at=NOW)
    audio = Audio(old.call_id, "alone")
    audio.known_of = {old.call_id, "alone", "nobody"}
    store.insert([old])
    alone = dataclasses.replace(again, id="alone", call_id="alone", started_at=old.started_at)
    store.begin([Begun.of("somebody", again), Begun.of("somebody", alone)])
    cutoff = NOW + timedelta(days=1)
    assert Purged(1, 0, 0, 0, 1) == purge(store, cutoff, audio)
    assert {old.call_id, "alone"} == audio.there == audio.known_of
    store.insert([again, alone])
    assert Purged(2, 2, 0, 0, 2) == purge(store, cutoff, audio)
    assert set() == audio.there


@pytest.mark.parametrize("state", ["delivered", "given_up"])
def test_a_record_that_the_webhook_has_to_send_is_held_without_its_recordings(
    database, samples, state
):
    store = RecordStore(database, webhook=True)
    record, other = samples[0], dataclasses.replace(samples[1], started_at=samples[0].started_at)
    store.insert([record, other])
    outbox = Outbox(database)
    outbox.settle(Delivery(other.id, 1), state=state)
    audio = Audio(record.call_id, other.call_id)
    cutoff = record.started_at + timedelta(seconds=1)
    assert Purged(1, 2, 0, 1) == purge(store, cutoff, audio)
    assert Purged(0, 0, 0, 1) == purge(store, cutoff, audio)
    assert [record.id] == ids(store.search().rows)
    assert outbox.body(record.id)
    [(delivery, _)] = outbox.claim(record.ended_at, 1)
    assert Purged(0, 0, 0, 1) == purge(store, cutoff, audio), "while somebody tries"
    outbox.settle(delivery, state=state)
    assert Purged(1, 0, 0, 0) == purge(store, cutoff, audio)


def test_a_record_is_not_held_for_ever(database, samples):
    """As when the webhook was turned off, with deliveries waiting."""
    store = RecordStore(database, webhook=True)
    store.insert(samples[:1])
    until = samples[0].started_at + HOLD
    assert Purged(0, 0, 0, 1) == purge(store, until)
    given_up = DELIVERIES.labels("given_up")._value
    before = given_up.get()
    assert Purged(1, 0, 0, 0) == purge(store, until + timedelta(seconds=1))
    assert 1 == given_up.get() - before


def test_more_held_records_than_are_looked_at_once_stop_no_others(database, samples, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    RecordStore(database, webhook=True).insert(samples[:8])
    RecordStore(database).insert(samples[8:16])
    assert Purged(8, 0, 0, 8) == purge(
        RecordStore(database), max(each.started_at for each in samples[:16]) + timedelta(seconds=1)
    )


def test_retention_counts_days_and_zero_is_for_ever(store, samples):
    store.insert(samples)
    schedule = RetentionSchedule(store, 0)
    schedule.start()
    schedule.stop()
    assert len(samples) == store.search().total
    assert (
        sum(r.started_at < NOW - timedelta(days=5) for r in samples)
        == RetentionSchedule(store, 5).once(NOW).records
    )


def test_a_database_that_is_away_does_not_stop_the_schedule():
    database = Database("sqlite:////nonexistent/a.db")
    assert Purged() == RetentionSchedule(RecordStore(database), 5).once()
    database.close()


def test_a_fault_does_not_stop_the_schedule(store, monkeypatch):
    monkeypatch.setattr(store, "before", lambda *_, **__: 1 / 0)
    assert Purged() == RetentionSchedule(store, 5).once()

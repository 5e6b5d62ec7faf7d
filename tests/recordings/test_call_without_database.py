"""One call's recordings while the database, or a disk, is away: nothing is recorded in vain, and no order is lost."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from fsflows.database import DatabaseFailed
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.freeswitch.control import RecordingError
from recordings.fakes import UUID, fail_database


def test_nothing_is_recorded_that_can_not_be_written_down(world):
    call = world.call()
    fail_database(world)
    with pytest.raises(RecordingError, match="disk is full"):
        call.start()
    assert world.switch.calls[UUID] == {}


def test_P12_the_order_is_on_disk_before_the_database_is_asked(world):
    """A database may take its time, and a process be killed meanwhile: whoever comes next finds the order."""
    call = world.call()
    call.start()
    asked = []
    run = world.database._run

    def watched(work, of, kind):
        asked.append([(each.call_uuid, each.cause) for each in spool.read()])
        return run(work, of, kind)

    spool = world.service.intents
    world.database._run = watched
    cause = world.cause()
    call.discard(cause)
    world.database._run = run
    assert asked[0] == [(UUID, cause)]
    assert spool.read() == []


@pytest.mark.parametrize("transactions", range(4))
def test_a_full_disk_for_the_journal_then_the_audio_is_gone_and_it_is_said(world, transactions):
    call = world.call()
    call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    world.switch.talk()
    repair = fail_database(world, after=transactions)
    enough = transactions == 3
    with nullcontext() if enough else pytest.raises(DiscardFailed, match="disk is full"):
        call.discard(world.cause())
    assert world.audio() == []
    repair()
    receipt = call.discard(world.cause())
    assert receipt.complete
    assert [f.how for f in receipt.files] == ["deleted", "deleted"]
    assert not list(world.directory.glob("*/**/*.json"))


def test_the_database_is_away_for_the_whole_call_and_back_at_its_end(world):
    call = world.call()
    repair = fail_database(world)
    world.switch.uuid_record(UUID, "start", f"{world.staging}/theirs.wav")
    world.switch.talk()
    world.switch.hang_up(UUID)
    repair()
    assert len(call.finish().locations) == 1
    assert world.audio() == [f"archive/2026-01-01/theirs-{UUID}.wav"]


def test_the_database_is_away_at_the_calls_end_and_the_sweep_goes_on(world):
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    repair = fail_database(world)
    assert call.finish().state == "present"
    assert world.service.tools.live == {}
    repair()
    assert world.service.sweeper.sweep().published == 1
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def test_a_start_that_was_written_down_too_late_is_no_recording_that_was_lost(world):
    run = world.database._run

    def late(work, of, kind):
        run(work, of, kind)
        raise DatabaseFailed("it does not answer")

    call = world.call()
    world.database._run = late
    with pytest.raises(RecordingError, match="it does not answer"):
        call.start()
    world.database._run = run
    assert world.states() == ["starting"]
    lost = metrics.RECORDINGS.labels("lost")._value.get()
    world.switch.hang_up(UUID)
    assert call.finish().state == "none"
    assert world.states() == ["failed"]
    assert metrics.RECORDINGS.labels("lost")._value.get() == lost


def test_P12_the_database_is_back_at_the_last_moment_and_the_discard_does_not_wait_for_our_end(
    world,
):
    """It is in the spool as that of a call which is up, and nobody else would touch it while this process lives."""
    call = world.call()
    call.start()
    world.service.sweeper.tend()  # this process lives
    repair = fail_database(world)
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    unwatch = world.service.tools.journal.unwatch

    def back(call_uuid):
        repair()
        return unwatch(call_uuid)

    world.service.tools.journal.unwatch = back
    world.switch.hang_up(UUID)
    assert call.finish().state == "pending"
    world.calls.clear()
    node = world.service.tools.journal.node.name
    assert world.make(node).sweeper.sweep().discarded == 1
    assert world.receipt().complete
    assert not list(world.directory.glob("*/**/*.json"))


def test_neither_journal_nor_spool_can_be_written_then_both_are_said(world):
    call = world.call()
    call.start()
    world.switch.talk()
    fail_database(world)
    world.service.intents._shelves = IntentSpool(["/proc/nothing", "/proc/no"])._shelves
    with pytest.raises(DiscardFailed, match=r"disk is full.*nor can the spool"):
        call.discard(world.cause())
    assert world.audio() == []
    assert call.discarded

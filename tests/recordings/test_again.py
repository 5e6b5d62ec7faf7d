"""A discard that fails is tried again at longer and longer intervals, and leaves a trace only when something changes."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock

import pytest

from fsflows.database import DatabaseFailed
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.journal.listing import Listing
from fsflows.recordings.oversight.settling import settle
from recordings.fakes import UUID, World, sweep_alone


@pytest.fixture
def world(tmp_path, url):
    world = World(tmp_path, url=url)
    yield world
    world.close()


def failing(world):
    """A discard that can't be finished, of a call that is over."""
    delete = world.failing_discard()
    world.switch.hang_up(UUID)
    world.calls.pop(UUID).finish()
    return delete


def steps(world):
    return [step.step for step in Listing(world.database).steps(UUID)]


def intent(world):
    return world.service.tools.journal.load(UUID).intent


def swept(world, seconds, every=15):
    """The seconds, of so many, at which the sweeps have tried."""
    tried = []
    for second in range(every, seconds + 1, every):
        world.later(seconds=every)
        before = intent(world).attempts
        world.service.sweeper.sweep(at_once=False)
        if intent(world).attempts > before:
            tried.append(second)
    return tried


def test_a_clock_that_is_set_back_puts_nothing_off(world, monkeypatch):
    world.files.delete = failing(world)
    real = world.clock.utcnow
    monkeypatch.setattr(world.clock, "utcnow", lambda: real() - timedelta(days=30))
    assert world.service.sweeper.sweep(at_once=False).discarded == 1


def test_the_intervals_double_up_to_five_minutes(world):
    failing(world)  # it has failed when it was asked for, and at the call's end
    assert swept(world, 1500) == [30, 90, 210, 450, 750, 1050, 1350]
    assert intent(world).attempts == 9
    age = world.clock.utcnow() - intent(world).tried_at
    assert age.total_seconds() == 150


def test_a_sweep_by_hand_tries_at_once(world):
    delete = failing(world)
    world.files.delete = delete
    assert world.service.sweeper.sweep(at_once=False).discarded == 0
    assert world.audio() != []
    assert world.service.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_attempts_that_change_nothing_leave_no_steps(world):
    failing(world)
    world.service.sweeper.sweep()
    before = steps(world)
    assert before.count("stop") <= 2  # while the call was up, and when it was over
    for _ in range(20):
        world.service.sweeper.sweep()
    assert steps(world) == before
    assert intent(world).attempts == 23


def test_when_it_is_done_the_steps_go_on_and_failures_count_no_more(world):
    delete = failing(world)
    world.files.delete = delete
    world.service.sweeper.sweep()
    assert steps(world)[-3:] == ["delete", "verify", "receipt"]
    assert (intent(world).attempts, intent(world).tried_at, intent(world).error) == (0, None, None)


def test_what_is_recorded_again_is_tried_at_once_and_stopped_with_a_step(world):
    delete = failing(world)
    world.files.delete = delete
    world.service.sweeper.sweep()
    before = steps(world).count("stop")
    path = f"{world.other}/x.wav"
    world.call().begin()
    world.switch.uuid_record(UUID, "start", path)
    assert steps(world).count("stop") == before + 1
    assert world.audio() == []


def test_an_operators_word_is_taken_by_the_next_sweep(world):
    call = world.call()
    world.switch.uuid_record(UUID, "start", f"{world.directory}/elsewhere/x.wav")
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    world.switch.hang_up(UUID)
    world.calls.pop(UUID).finish()
    assert world.service.sweeper.sweep(at_once=False).failed == []
    journal, files = world.service.tools.journal, world.files
    path = f"{world.directory}/elsewhere/x.wav"
    settle(journal, files, world.clock, UUID, path, by="E", why="deleted")
    assert world.service.sweeper.sweep(at_once=False).discarded == 1


@pytest.mark.parametrize("call_over", [False, True])
def test_P12_a_late_recording_that_only_the_spool_knows_opens_the_discard_again(
    world, monkeypatch, call_over
):
    """Recorded after the receipt, with the journal away; the server dies before the file is deleted."""
    world.switch.forbids = False
    call = world.call()
    call.discard(world.cause())
    with monkeypatch.context() as away:
        away.setattr(world.database, "write", Mock(side_effect=DatabaseFailed("away")))
        away.setattr(world.files, "delete", Mock(side_effect=FileWorkFailed("read-only")))
        world.switch.uuid_record(UUID, "start", f"{world.other}/late.wav")
        world.switch.talk()
        if call_over:
            world.switch.hang_up(UUID)
            call.finish()
    world.calls.clear()
    world.socket = False  # nobody can be asked
    service = world.restart()
    if not call_over:
        world.switch.hang_up(UUID)
    sweep_alone(service.sweeper)
    assert world.audio() == []
    assert world.receipt().complete == call_over  # whether it records elsewhere nobody knows
    assert intent(world).open != call_over

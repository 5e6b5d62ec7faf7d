"""Several processes: what a worker could not finish with its call is finished by the one that sweeps for its node."""

from __future__ import annotations

import pytest

from recordings.fakes import UUID, World


@pytest.fixture
def world(tmp_path, url):
    world = World(tmp_path, url=url)
    world.office = world.make("node-a")
    world.elsewhere = world.make("node-b")
    alive(world)
    yield world
    world.close()


def alive(world):
    """All processes say that they live."""
    for each in (world.service, world.office, world.elsewhere):
        each.sweeper._beaten = None
        each.sweeper.tend()


def over(world):
    world.switch.hang_up(UUID)
    world.calls.pop(UUID).finish()
    alive(world)


def away(world):
    (world.directory / "archive").rename(world.directory / "aside")


def back(world):
    (world.directory / "aside").rename(world.directory / "archive")


def test_a_workers_recording_that_could_not_be_published_is_published_by_the_sweep(world):
    world.call().start()
    world.switch.talk()
    away(world)
    over(world)
    assert world.states() == ["publishing"]
    back(world)
    assert world.elsewhere.sweeper.sweep().published == 0  # its own node lives
    assert world.office.sweeper.sweep().published == 1


def test_a_workers_discard_that_failed_is_finished_by_the_sweep(world):
    delete = world.failing_discard()
    assert world.office.sweeper.sweep().failed == []  # the worker has the call
    over(world)
    world.files.delete = delete
    assert world.elsewhere.sweeper.sweep().discarded == 0
    assert world.office.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_an_operators_sweep_tries_what_the_servers_has_failed_at(world):
    delete = world.failing_discard()
    over(world)
    assert len(world.office.sweeper.sweep().failed) == 1
    assert len(world.make("node-a").sweeper.sweep().failed) == 1
    world.files.delete = delete
    assert world.office.sweeper.sweep(at_once=False).discarded == 0
    assert world.make("node-a").sweeper.sweep().discarded == 1


def test_what_runs_on_in_a_call_that_was_handed_on_is_published_at_its_end(world):
    call = world.call()
    call.start()
    world.switch.talk()
    world.calls.pop(UUID).finish(call_over=False, keep_running=True)
    alive(world)
    assert world.office.sweeper.sweep().waiting == 1
    world.switch.hang_up(UUID)
    assert world.office.sweeper.sweep().published == 1


def test_a_discarded_call_that_was_handed_on_is_watched_to_its_end(world):
    call = world.call()
    call.start()
    call.discard(world.cause())
    world.calls.pop(UUID).finish(call_over=False)
    alive(world)
    path = f"{world.other}/{{x=1}}.wav"
    world.switch.forbids = False
    world.switch.uuid_record(UUID, "start", path)
    world.office.sweeper.sweep()
    assert world.switch.calls[UUID] == {}
    assert world.audio() == []
    world.switch.hang_up(UUID)
    world.office.sweeper.sweep()
    assert not world.office.tools.journal.load(UUID).intent.watch


def test_what_a_node_publishes_in_vain_another_node_can_discard(world):
    world.call().start()
    world.switch.talk()
    away(world)
    over(world)
    assert world.states() == ["publishing"]
    world.office.sweeper.sweep()
    world.service = world.elsewhere
    receipt = world.call().discard(world.cause())  # it comes back, to the other node
    assert [file.how for file in receipt.files] == ["deleted"]
    assert world.audio() == []


def test_when_no_process_of_a_node_is_left_another_node_takes_over(world):
    world.call().start()
    world.switch.talk()
    away(world)
    over(world)
    back(world)
    world.later(seconds=61)
    world.elsewhere.sweeper.sweep()
    assert world.states() == ["published"]

"""A call that was handed on comes back while its recording is still on its way into the archive, which may take minutes.

In virtual time: the copy waits at the point before it is under its name.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import gevent
import pytest

from fsflows.clock import GeventClock
from fsflows.recordings.call.book import Book
from fsflows.recordings.discarding.arrivals import PATIENCE
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import GoesOn
from fsflows.recordings.files.offhub import OffHub
from recordings.fakes import UUID, World, sweep_alone


class Slow:
    """A copy into the archive that takes so many seconds."""

    def __init__(self):
        self.seconds = 0.0
        self.point = "publish 3"
        self.clock = None
        self.copies = 0

    def at(self, point):
        if point.startswith(self.point):
            self.copies += 1
            self.clock.sleep(self.seconds)


@pytest.fixture
def archive():
    return Slow()


@pytest.fixture(params=["moved", "copied"])
def world(request, tmp_path, in_memory, archive):
    """Into an archive on the same file system, and on another one."""
    if request.param == "copied":
        (tmp_path / "archive").mkdir()
        (in_memory / "archive").symlink_to(tmp_path / "archive")
    world = World(tmp_path if request.param == "moved" else in_memory, faults=archive)
    archive.clock = world.clock
    yield world
    world.close()


def hand_on(world, archive, seconds):
    """The first visit ends; the task in which it publishes."""
    archive.seconds = seconds
    call = world.call()
    call.start()
    world.switch.talk()
    task = world.clock.spawn(partial(call.finish, call_over=False))
    world.clock.sleep(1)
    assert world.states() == ["publishing"]
    return task


def ended(task):
    task.join()
    if task.exception is not None:
        raise task.exception
    return task.value


def test_its_caller_waits_for_nothing(world, archive):
    def story():
        first = hand_on(world, archive, 280)
        began = world.clock.now()
        call = world.call()
        call.begin()
        path = call.start()
        call.mask()
        call.unmask()
        call.pause()
        call.resume()
        assert world.clock.now() == began
        assert not first.done
        assert path in world.switch.opened
        assert len(ended(first).locations) == 1
        world.switch.hang_up(UUID)
        archive.seconds = 0
        assert len(call.finish().locations) == 3
        assert world.states() == ["published"] * 3

    world.clock.run(story)
    assert [] == [file for file in world.audio() if file.startswith("staging/")]


def test_what_a_visit_records_ends_with_it_though_the_clock_was_set_back(world):
    def story():
        call = world.call()
        path = call.start()
        earlier = world.clock.utcnow() - timedelta(hours=2)
        world.clock.utcnow = lambda: earlier
        assert len(call.finish(call_over=False).locations) == 1
        assert path not in world.switch.calls[UUID]

    world.clock.run(story)


def test_P12_an_opt_out_waits_until_nothing_is_on_its_way(world, archive):
    def story():
        first = hand_on(world, archive, 3)
        call = world.call()
        call.start()
        world.switch.talk()
        receipt = call.discard(world.cause())
        assert first.done
        assert [file.how for file in receipt.files] == ["deleted", "deleted"]
        assert world.audio() == []
        assert ended(first).state == "pending"
        assert call.finish(call_over=False).state == "discarded"

    world.clock.run(story)


def test_P12_what_hangs_on_its_way_keeps_the_caller_for_seconds_and_never_arrives(world, archive):
    def story():
        first = hand_on(world, archive, 280)
        call = world.call()
        began = world.clock.now()
        with pytest.raises(DiscardFailed, match="still on its way into the archive"):
            call.discard(world.cause())
        assert PATIENCE <= world.clock.now() - began <= PATIENCE + 1
        assert world.audio() == []
        assert call.summary().state == "pending"
        world.service.sweeper.sweep()
        assert not world.receipt()
        ended(first)
        assert world.audio() == []
        world.service.sweeper.tend()
        assert world.receipt().complete
        assert call.finish(call_over=False).state == "discarded"

    world.clock.run(story)


def test_a_second_visit_that_ends_first_publishes_nothing_twice(world, archive):
    def story():
        first = hand_on(world, archive, 100)
        call = world.call()
        call.start()
        archive.seconds = 0
        world.switch.hang_up(UUID)
        call.finish()
        assert sorted(world.states()) == ["published", "publishing"]
        for _ in range(3):
            assert world.service.sweeper.sweep().published == 0
            world.clock.sleep(15)
        assert len(ended(first).locations) == 1
        assert world.states() == ["published"] * 2
        assert archive.copies == 2
        assert len(world.audio()) == 2

    world.clock.run(story)


@pytest.mark.parametrize("seconds", [2, 100])
def test_P12_it_comes_back_to_another_worker(world, archive, seconds):
    """Which deletes the staged file at once: who copies it notices that at the next piece."""

    def story():
        first = hand_on(world, archive, seconds)
        there = to_another_worker(world)
        call = world.call()
        if seconds < PATIENCE:
            assert call.discard(world.cause()).complete
        else:
            with pytest.raises(DiscardFailed, match="is being published by node-a"):
                call.discard(world.cause())
            assert world.audio() == []
            for _ in range(10):
                world.clock.sleep(10)
                there.sweeper.tend()
                world.service.sweeper.tend()
            assert call.retry() or call.receipt.complete
        ended(first)
        assert world.audio() == []
        assert [file.how for file in world.receipt().files] == ["deleted"]
        assert call.finish(call_over=False).state == "discarded"

    world.clock.run(story)


def to_another_worker(world):
    """The call comes back to it; the process that the first visit was in."""
    world.service.sweeper.tend()
    there, world.service = world.service, world.make("node-a")
    world.service.sweeper.tend()
    return there


def test_a_second_visit_on_another_worker_leaves_the_copy_to_the_first(world, archive):
    def story():
        first = hand_on(world, archive, 100)
        there = to_another_worker(world)
        call = world.call()
        call.start()
        archive.seconds = 0
        world.switch.hang_up(UUID)
        assert len(call.finish().locations) == 1
        at_it, published = world.service.tools.journal.load(UUID).entries
        assert (at_it.state, at_it.owner) == ("publishing", there.tools.journal.node.id)
        assert published.state == "published"
        assert len(ended(first).locations) == 1
        assert world.states() == ["published"] * 2
        assert archive.copies == 2

    world.clock.run(story)


@pytest.mark.parametrize("dies", [False, True])
def test_P12_the_receipt_is_true_when_a_third_process_writes_it(world, archive, dies):
    """Who deleted the staged file has ended; who copied it says only that nothing arrived, or has died."""

    def story():
        first = hand_on(world, archive, 300 if dies else 30)
        to_another_worker(world)
        call = world.call()
        with pytest.raises(DiscardFailed, match="is being published by node-a"):
            call.discard(world.cause())
        assert call.finish(call_over=False).state == "pending"
        if not dies:
            ended(first)
        world.service = world.make("node-a")
        sweep_alone(world.service.sweeper)
        assert [file.how for file in world.receipt().files] == ["deleted earlier"]
        assert world.audio() == []

    world.clock.run(story)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_P12_a_copy_that_goes_on_though_nobody_waits_is_waited_for(world, archive, elsewhere):
    """After five minutes, say, in a thread."""

    def story():
        over = []
        world.files.publish = Mock(side_effect=GoesOn("no answer", lambda: bool(over)))
        hand_on(world, archive, 0).join()
        assert world.states() == ["publishing"]
        for _ in range(2):  # and nobody begins a second one beside it
            world.clock.sleep(15)
            assert world.service.sweeper.sweep().published == 0
        there = to_another_worker(world) if elsewhere else world.service
        assert world.service.sweeper.sweep().published == 0
        assert world.files.publish.call_count == 1
        call = world.call()
        with pytest.raises(DiscardFailed, match=r"into the archive|being published by"):
            call.discard(world.cause())
        assert world.audio() == []
        over.append(True)
        there.sweeper.tend()
        world.service.sweeper.tend()
        assert [file.how for file in world.receipt().files] == ["deleted"]

    world.clock.run(story)


def test_P12_what_is_recorded_later_is_deleted_though_the_first_visit_still_publishes(
    world, archive
):
    """The first visit's process is the one that hears of it, after the second one, elsewhere, has handed on as well."""

    def story():
        first = hand_on(world, archive, 100)
        there = to_another_worker(world)
        call = world.call()
        with pytest.raises(DiscardFailed):
            call.discard(world.cause())
        call.finish(call_over=False)
        del world.calls[UUID]
        path = f"{world.other}/late.wav"
        world.switch.uuid_record(UUID, "start", path)
        there.sweeper.noticed(UUID, path, None)
        assert world.audio() == []
        assert not first.done

    world.clock.run(story)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("pauses", [False, True])
def test_the_end_of_a_visit_leaves_alone_what_the_next_one_records(world, elsewhere, pauses):
    """Nothing was recorded in the first one, whose end function takes its time."""

    def story():
        first = world.call()
        first.begin()
        first.close()
        world.clock.sleep(1)
        if elsewhere:
            to_another_worker(world)
        call = world.call()
        path = call.start()
        if pauses:
            call.pause()
        first.finish(call_over=False)
        assert (path in world.switch.calls[UUID]) is not pauses
        assert world.states() == ["staged" if pauses else "recording"]
        call.resume()
        world.switch.talk()
        world.switch.hang_up(UUID)
        assert len(call.finish().locations) == 1 + pauses

    world.clock.run(story)


def test_P12_it_comes_back_to_another_worker_when_it_has_just_arrived(world, archive):
    """If it was moved, no staged file is there to be deleted."""

    def story():
        archive.point = "publish 4"
        first = hand_on(world, archive, 2)
        to_another_worker(world)
        assert world.call().discard(world.cause()).complete
        ended(first)
        assert world.audio() == []
        assert [file.how.split()[0] for file in world.receipt().files] == ["deleted"]

    world.clock.run(story)


def test_it_comes_back_while_the_sweep_publishes_what_another_process_has_left(world, archive):
    def story():
        call = world.call()
        call.start()
        world.switch.talk()
        world.switch.hang_up(UUID)
        world.service = world.make("node-a")
        world.service.sweeper._claims.retire_if(lambda process: True)
        archive.seconds = 280
        sweep = world.clock.spawn(world.service.sweeper.sweep)
        world.clock.sleep(1)
        assert world.states() == ["publishing"]
        began = world.clock.now()
        again = world.call()
        again.start()
        again.mask()
        assert world.clock.now() == began
        world.switch.hang_up(UUID)
        archive.seconds = 0
        again.finish()
        assert ended(sweep).published == 1
        assert world.states() == ["published"] * 2

    world.clock.run(story)


def test_between_two_recordings_of_a_call_nobody_else_settles_the_second(world, monkeypatch):
    """A sweep that takes it for an orphan's, and discards the call."""
    reload = Book.reload

    def meanwhile(book):
        world.service.sweeper.sweep()
        return reload(book)

    def story():
        world.restart(discard_orphans=True)
        call = world.call()
        first = call.start()
        call.pause()
        call.resume()
        world.switch.talk()
        world.switch.hang_up(UUID)
        Path(first).unlink()
        assert call.finish().state == "present"
        assert world.states() == ["lost", "published"]

    monkeypatch.setattr(Book, "reload", meanwhile)
    world.clock.run(story)


class Held:
    """On a thread: holds a copy at the point before it is under its name, until it is let go."""

    def __init__(self):
        self.reached = False
        self._reading, self._writing = os.pipe()

    def at(self, point):
        if point.startswith("publish 3"):
            self.reached = True
            os.read(self._reading, 1)

    def let_go(self):
        os.write(self._writing, b"1")

    def close(self):
        os.close(self._reading)
        os.close(self._writing)


@pytest.fixture
def held(tmp_path):
    """A world as a server has it: file work on threads, beside gevent's hub."""
    held = Held()
    world = World(tmp_path, faults=held)
    world.clock = GeventClock()
    world.restart()
    world.files = OffHub(world.files)
    world.service = world.make("node-a")
    with gevent.Timeout(60):
        yield world, held
    world.files.close()
    world.close()
    held.close()


def until(met):
    while not met():
        gevent.sleep(0.001)


def test_P12_an_opt_out_waits_for_a_copy_on_a_thread(held):
    world, copying = held
    call = world.call()
    path = Path(call.start())
    world.switch.talk()
    first = gevent.spawn(call.finish, call_over=False)
    until(lambda: copying.reached)
    retract, retracted = world.files.retract, []

    def noted(name):
        try:
            return retract(name)
        finally:
            retracted.append(name)

    world.files.retract = noted
    discarding = gevent.spawn(world.call().discard, world.cause())
    until(lambda: retracted)
    assert not path.exists()
    copying.let_go()
    assert [file.how for file in discarding.get().files] == ["deleted"]
    assert first.get().state in ("pending", "discarded")
    assert world.audio() == []

"""The spool while others are at it: a directory that hangs, another process, a call that comes back."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import gevent
import pytest

from fsflows.clock import GeventClock
from fsflows.lanes import Beside
from fsflows.recordings.discarding import spool
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.discarding.shelf import Shelf, name_for
from fsflows.recordings.discarding.spooled import Spooled
from fsflows.recordings.journal.entries import Entry
from recordings.fakes import OTHER, SWITCH, UUID, fail_database
from recordings.hanging import Hanging


def hang(world):
    """From now on the spool's directory beside the audio hangs."""
    shelf, _ = world.service.intents._shelves[0]
    lane = Hanging()
    world.service.intents._shelves[0] = (shelf, lane)
    return lane


def order(world, call_uuid, *paths, **values):
    entries = [
        Entry(call_uuid=call_uuid, path=each, started_at=world.clock.utcnow()) for each in paths
    ]
    made = Spooled(call_uuid, SWITCH, world.cause(), tuple(entries), **values)
    world.service.intents.write(made, name_for(call_uuid, jotted=False))


def orders(world):
    return sorted(file.name for file in world.directory.glob("*/**/*.json"))


def ran():
    """Something else of the process: it runs when it isn't kept from it."""
    return gevent.spawn(lambda: "ran")


def test_P12_an_opt_out_while_the_spool_hangs_holds_nobody_else_and_is_done(world, monkeypatch):
    world.clock = GeventClock()
    world.service = world.make("node-a", lane=Beside)
    monkeypatch.setattr(spool, "JOT", 0.05)
    call = world.call()
    call.start()
    world.switch.talk()
    hangs, jot, other = Event(), Shelf.jot, []
    beside_the_audio = world.service.intents._shelves[0][0]

    def slow(shelf, name, text):
        if shelf is beside_the_audio:
            hangs.wait(60)
        jot(shelf, name, text)
        other.append(another.value)

    monkeypatch.setattr(Shelf, "jot", slow)
    another = ran()
    try:
        assert call.discard(world.cause()).complete
        # In the meantime others ran, and the order was in the directory on disk.
        assert other == ["ran"]
        assert world.audio() == []
    finally:
        hangs.set()
        world.service.intents.close()
    assert len(other) == 2  # it came late,
    assert orders(world) == []  # and was taken back after that


def test_P12_neither_database_nor_spool_in_time_is_said_and_done_when_one_is_back(world):
    call = world.call()
    call.start()
    world.switch.talk()
    repair = fail_database(world)
    lane = hang(world)
    shelf, _ = world.service.intents._shelves[1]
    other = Hanging()
    world.service.intents._shelves[1] = (shelf, other)
    with pytest.raises(DiscardFailed, match=r"disk is full.*nor can the spool: .* does not answer"):
        call.discard(world.cause())
    assert world.audio() == []
    lane.back()
    other.back()
    assert orders(world)  # it comes late, and a process that is killed now leaves it
    repair()
    assert call.discard(world.cause()).complete
    assert orders(world) == []


def test_P12_nothing_is_published_while_it_is_not_known_whether_there_is_an_order(world):
    call = world.call()
    call.start()
    world.switch.talk()
    order(world, UUID, owner="one that was killed")
    lane = hang(world)
    world.service.intents._shelves.pop()  # only the one that hangs has it
    world.switch.hang_up(UUID)
    call.finish()
    world.calls.clear()
    assert world.service.sweeper.sweep().waiting == 1
    assert not [path for path in world.audio() if path.startswith("archive")]
    lane.back()
    assert world.service.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_P12_an_order_in_the_other_directory_is_taken_while_one_hangs(world):
    order(world, UUID, f"{world.other}/a.wav", owner="one that was killed")
    lane = hang(world)
    world.service.sweeper.tend()
    world.service.sweeper.sweep()
    assert world.service.tools.journal.load(UUID).intent is not None
    lane.back()
    assert orders(world) == []


def test_P12_what_becomes_known_while_an_order_is_brought_into_the_journal_is_not_lost(world):
    """The database takes its time; the call comes back meanwhile, and its order can't be written elsewhere."""
    first, second = f"{world.other}/first.wav", f"{world.other}/second.wav"
    order(world, UUID, first, owner="one that was killed")
    open_discard = world.service.tools.journal.open_discard

    def slow(*arguments):
        world.service.tools.journal.open_discard = open_discard
        result = open_discard(*arguments)
        order(world, UUID, first, second, owner="one that was killed")
        return result

    world.service.tools.journal.open_discard = slow
    world.service.sweeper.sweep()
    world.service.sweeper.sweep()
    known = {entry.path for entry in world.service.tools.journal.load(UUID).entries}
    assert known == {first, second}


def test_what_another_process_has_finished_meanwhile_is_not_begun_anew(world):
    for uuid in (OTHER, UUID):
        order(world, uuid, f"{world.other}/{uuid}.wav", owner="one that was killed")
    taken = []
    open_discard = world.service.tools.journal.open_discard

    def slow(call_uuid, *arguments):
        taken.append(call_uuid)
        for other in world.service.intents.read():
            world.service.intents.remove(other.files)
        return open_discard(call_uuid, *arguments)

    world.service.tools.journal.open_discard = slow
    world.service.sweeper.sweep()
    assert len(set(taken)) == 1


def test_P12_two_who_ask_at_once_leave_no_order_behind(world):
    """The second jots down while the first is at work."""
    call = world.call()
    call.start()
    discarder = world.service.tools.discarder
    find = discarder._find

    def slow(discard):
        find(discard)
        call._discard.jot()

    discarder._find = slow
    assert call.discard(world.cause()).complete
    assert orders(world) == []


def test_P12_after_an_order_could_be_written_in_one_place_only_it_is_replaced_there(world):
    call = world.call()
    call.start()
    world.switch.talk()
    repair = fail_database(world)
    for _ in range(3):
        with pytest.raises(DiscardFailed):
            call.discard(replace(world.cause(), step="again"))
    assert len(orders(world)) == 2  # one in each directory
    assert len(call._discard._discard.orders) == 1
    repair()
    assert call.discard(world.cause()).complete
    assert orders(world) == []

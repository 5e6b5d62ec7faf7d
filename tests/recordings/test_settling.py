"""A discard that can't be finished: an operator's word, and what it is good for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.oversight.settling import settle
from recordings.fakes import OTHER, UUID

WORD = {"by": "E. Noether", "why": "deleted by hand from the voicemail server"}


@pytest.fixture
def outside(world):
    """A discard that stays open: one recording lies outside of all directories."""
    path = f"{world.directory}/elsewhere/x.wav"
    opted_out(world, UUID, path)
    return path


def opted_out(world, uuid, path):
    call = world.call(uuid)
    world.switch.uuid_record(uuid, "start", path)
    call.start()
    world.switch.talk()
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    world.switch.hang_up(uuid)
    call.finish()
    world.calls.clear()


def say(world, path, call=UUID, **word):
    tools = world.service.tools
    settle(tools.journal, world.files, world.clock, call, path, **{**WORD, **word})


def intent(world, call=UUID):
    return world.service.tools.journal.load(call).intent


def test_9_a_word_finishes_it_and_is_on_the_receipt_as_a_word(world, outside):
    world.service.sweeper.sweep()
    assert intent(world).open
    say(world, outside)
    at = world.clock.utcnow().isoformat()
    world.later(minutes=1)
    assert world.service.sweeper.sweep().discarded == 1
    receipt = world.receipt()
    assert receipt.complete
    (theirs,) = [file for file in receipt.files if file.path == outside]
    assert (theirs.how, theirs.by, theirs.at, theirs.why) == (
        "settled",
        WORD["by"],
        at,
        WORD["why"],
    )
    (ours,) = [file for file in receipt.files if file.path != outside]
    assert ours.how == "deleted earlier"
    # It was not ours to touch, and has not been touched.
    assert world.audio() == ["elsewhere/x.wav"]
    assert sorted(world.states()) == ["discarded", "settled"]
    # It stays so, also when the call is looked at again.
    world.service.sweeper.sweep()
    assert world.receipt() == receipt


def test_9_a_recording_that_was_never_found_here(world):
    path = f"{world.other}/x.wav"
    world.switch.where = lambda named: named.replace("/other/", "/elsewhere/")
    opted_out(world, UUID, path)
    say(world, path)
    assert world.service.sweeper.sweep().discarded == 1
    assert [f.how for f in world.receipt().files if f.path == path] == ["settled"]


def test_9_what_is_recorded_there_later_needs_a_word_of_its_own(world, outside):
    say(world, outside)
    world.service.sweeper.sweep()
    world.switch.begin(UUID)
    call = world.call()
    world.switch.uuid_record(UUID, "start", outside)
    assert call.summary().state == "pending"
    assert intent(world).open
    world.switch.hang_up(UUID)
    call.finish()
    world.calls.clear()
    say(world, outside, why="that one, too")
    world.service.sweeper.sweep()
    assert not intent(world).open
    (file,) = [f for f in world.receipt().files if f.path == outside]
    assert (file.why, file.late) == ("that one, too", True)


def test_9_a_word_is_no_leave_for_what_we_can_delete(world, outside):
    """Its directory is configured by now: the file is deleted, whatever anybody said of it."""
    say(world, outside)
    world.files._roots._roots += (
        type(next(iter(world.files._roots)))(f"{world.directory}/elsewhere"),
    )
    world.service.sweeper.sweep()
    assert world.audio() == []
    assert {f.how for f in world.receipt().files} == {"deleted", "deleted earlier"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"by": " "}, "goes onto the receipt"),
        ({"why": ""}, "goes onto the receipt"),
        ({"call": OTHER}, "were not discarded"),
        ({"path": "/nowhere"}, "has no recording '/nowhere'; it has: "),
    ],
)
def test_9_what_can_not_be_settled(world, outside, change, expected):
    with pytest.raises(ValueError, match=expected):
        say(world, **{"path": outside, **change})
    world.service.sweeper.sweep()
    assert intent(world).open


def test_9_what_is_there_is_not_settled_but_deleted(world, outside):
    (ours,) = [e for e in world.service.tools.journal.load(UUID).entries if e.path != outside]
    Path(ours.path).write_text("x")
    with pytest.raises(ValueError, match="is there, with 1 bytes"):
        say(world, ours.path)


def test_9_a_finished_discard_has_nothing_to_settle(world, outside):
    say(world, outside)
    world.service.sweeper.sweep()
    with pytest.raises(ValueError, match="is finished"):
        say(world, outside)


def test_one_that_can_not_be_finished_hides_no_other(world, outside):
    world.later(hours=5)
    world.service.sweeper.sweep()
    assert metrics.OVERDUE_DISCARDS._value.get() == 1
    opted_out(world, OTHER, f"{world.directory}/elsewhere/y.wav")
    world.service.sweeper.sweep()
    assert (metrics.OPEN_DISCARDS._value.get(), metrics.OVERDUE_DISCARDS._value.get()) == (2, 1)
    world.later(minutes=3)
    report = world.service.sweeper.sweep()
    assert (report.open, report.overdue) == (2, 2)
    assert metrics.OVERDUE_DISCARDS._value.get() == 2
    say(world, outside)
    world.service.sweeper.sweep()
    assert metrics.OVERDUE_DISCARDS._value.get() == 1
    assert metrics.OLDEST_OPEN_DISCARD._value.get() == 180


def test_two_databases_agree_on_a_word(world, url):
    world.url = url
    world.node = f"node-{world.directory.name}"
    world.restart()
    uuid = "77777777-2222-4333-8444-555555555555"
    path = f"{world.directory}/elsewhere/z\u00e9.wav"
    opted_out(world, uuid, path)
    say(world, path, call=uuid)
    say(world, path, call=uuid, why="again")
    world.service.sweeper.sweep()
    assert [f.why for f in world.receipt(uuid).files if f.how == "settled"] == ["again"]

"""What is known of recordings that are gone is kept as long as records are, and never forgotten while it matters."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock

import pytest
from sqlalchemy import func, select

from fsflows.archive.retention import purge
from fsflows.archive.store import RecordStore
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.journal import tables
from fsflows.recordings.journal.entries import CallFile
from fsflows.recordings.oversight.expiry import Expiry, NoExpiry
from recordings.fakes import OTHER, UUID, World

ROWS = (
    tables.recordings,
    tables.discards,
    tables.discard_steps,
    tables.receipts,
    tables.settlements,
)


@pytest.fixture
def world(tmp_path, url):
    world = World(tmp_path, url=url)
    yield world
    world.close()


def over(world, uuid=UUID):
    world.switch.hang_up(uuid)
    world.calls.pop(uuid).finish()


def purged(world, *, days, expiry=None):
    """After so many days all that is older than 30 is purged; what was forgotten."""
    world.later(days=days)
    cutoff = world.clock.utcnow() - timedelta(days=30)
    expiry = expiry or Expiry(world.service.tools)
    return purge(RecordStore(world.database), cutoff, expiry)


def rows(world):
    count = [select(func.count()).select_from(table) for table in ROWS]
    return [world.database.read(lambda c, q=query: c.execute(q).scalar()) for query in count]


@pytest.mark.parametrize("kept", [False, True])
def test_a_receipt_is_kept_as_long_as_a_record_and_then_nothing_is_known(world, kept):
    world.one_discarded_one_published()
    assert purged(world, days=29).forgotten == 0
    assert world.receipt().cause.key_or_word == "1"
    expiry = NoExpiry(world.service.tools.journal) if kept else None
    done = purged(world, days=2, expiry=expiry)
    assert (done.forgotten, done.recordings) == (1, 0 if kept else 1)
    assert world.service.tools.journal.load(UUID) == CallFile()
    assert world.service.tools.journal.load(OTHER).entries
    if kept:
        assert world.audio(OTHER)
        return
    # That a recording was deleted for its age can be shown as long again.
    assert world.receipt(OTHER).cause.key_or_word == "retention"
    assert purged(world, days=29).forgotten == 0
    assert purged(world, days=2).forgotten == 1
    assert rows(world) == [0, 0, 0, 0, 0]


def test_an_open_discard_is_never_forgotten(world):
    call = world.call()
    call.start()
    world.switch.talk()
    world.files.delete = Mock(side_effect=FileWorkFailed("read-only"))
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    over(world)
    for days in (31, 300):
        purged(world, days=days)
        assert world.service.tools.journal.load(UUID).intent.open


def test_a_call_that_is_watched_or_was_recorded_again_is_not_forgotten(world):
    call = world.call()
    call.discard(world.cause())
    call.finish(call_over=False)
    world.later(days=29)
    again = world.call()
    path = f"{world.other}/x.wav"
    world.switch.uuid_record(UUID, "start", path)
    assert again.receipt.revision == 2
    over(world)
    assert purged(world, days=2).forgotten == 0  # what was added to the receipt is two days old
    assert [file.path for file in world.receipt().files] == [path]
    assert purged(world, days=29).forgotten == 1


def test_a_recording_that_was_lost_is_forgotten_too(world):
    call = world.call()
    path = call.start()
    world.files.delete(path, None)
    over(world)
    assert world.states() == ["lost"]
    assert purged(world, days=29).forgotten == 0
    assert purged(world, days=2).forgotten == 1
    assert rows(world)[0] == 0


@pytest.mark.parametrize("state", ["staged", "published", "kept"])
def test_what_is_still_there_is_not_forgotten(world, state):
    call = world.call()
    if state == "kept":
        world.switch.uuid_record(UUID, "start", f"{world.other}/x.wav")
    else:
        call.start()
    if state == "staged":
        (world.directory / "archive").rmdir()
    over(world)
    journal = world.service.tools.journal
    before = journal.load(UUID).entries
    assert purged(world, days=31, expiry=NoExpiry(journal)).forgotten == 0
    assert journal.load(UUID).entries == before


def test_a_recording_of_a_call_that_came_back_stays_with_its_last_visit(world):
    """The old record expires while the same call's new recording is there, its record still on its way."""
    call = world.call()
    call.start()
    world.switch.talk()
    call.finish(call_over=False)
    world.later(days=31)
    again = world.call()
    again.start()
    world.switch.talk()
    expiry, cutoff = Expiry(world.service.tools), world.clock.utcnow() - timedelta(days=30)
    assert not expiry.expire(UUID, cutoff)
    over(world)
    assert not expiry.expire(UUID, cutoff)
    assert len(world.audio()) == 2
    assert expiry.expire(UUID, world.soon())
    assert world.audio() == []


def test_a_call_that_this_process_has_is_not_purged(world):
    call = world.call()
    call.start()
    world.switch.talk()
    assert not Expiry(world.service.tools).expire(UUID, world.soon())
    over(world)
    assert Expiry(world.service.tools).expire(UUID, world.soon())

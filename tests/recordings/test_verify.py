"""`verify` compares the journal with the disk and with the conversation records."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from record_samples import sample_records

from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.archive.store import RecordStore
from fsflows.console.journal import note_of
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.journal.listing import Listing
from fsflows.recordings.oversight.verifying import differences, lasting
from fsflows.server.office.verifying import LATE, record_differences
from recordings.fakes import OTHER, UUID


@pytest.fixture
def kept(world):
    """One discarded and one published call, each with a record that is right."""
    world.one_discarded_one_published()
    store = RecordStore(world.database)
    for uuid in (UUID, OTHER):
        write_record(world, store, uuid, note(world, uuid))
    world.later(seconds=LATE)
    return store


def note(world, uuid):
    return note_of(world.service.tools.journal.load(uuid)) or RecordingNote()


def write_record(world, store, uuid, recording):
    now = world.clock.utcnow()
    (sample,) = sample_records(1, until=now, seed=int(uuid[0], 16))
    record = dataclasses.replace(
        sample, call_id=uuid, recording=recording, started_at=now, ended_at=now
    )
    store.insert([record])


def look(world, store):
    listing, now = Listing(world.database), world.clock.utcnow()
    return [
        *differences(listing, world.files, now),
        *record_differences(store, listing, now),
    ]


def test_9_all_agree(world, kept):
    assert look(world, kept) == []


@pytest.mark.parametrize(
    ("uuid", "says", "expected"),
    [
        (UUID, RecordingNote(), "the record says none, the journal discarded"),
        (
            UUID,
            RecordingNote(state=RecordingState.PRESENT, links=("x",)),
            "the record says present, the journal discarded",
        ),
        (
            UUID,
            RecordingNote(state=RecordingState.PENDING),
            "the record says pending, the journal discarded",
        ),
        (OTHER, RecordingNote(), "the record says none, the journal present"),
        (
            OTHER,
            RecordingNote(state=RecordingState.DISCARDED, receipt={"revision": 1}),
            "the record says discarded, the journal present",
        ),
        (
            OTHER,
            RecordingNote(state=RecordingState.PRESENT, links=("/x.wav",)),
            "the record names /x.wav, the journal does not",
        ),
        (OTHER, RecordingNote(state=RecordingState.PRESENT), "the record names no recording"),
    ],
)
def test_9_a_record_that_says_something_else(world, kept, uuid, says, expected):
    kept.set_recording(uuid, says)
    (line,) = look(world, kept)
    assert line.startswith(f"call {uuid}: {expected}")


def test_9_a_record_of_a_call_that_the_journal_knows_nothing_of(world, kept):
    unknown = "99999999-2222-4333-8444-555555555555"
    write_record(world, kept, unknown, RecordingNote(state=RecordingState.PRESENT, links=("x",)))
    world.later(seconds=LATE)
    assert look(world, kept) == [f"call {unknown}: the record says present, the journal none"]


def test_9_a_record_with_an_older_receipt(world, kept):
    world.service.tools.journal.note(
        [dataclasses.replace(world.service.tools.journal.load(UUID).entries[0], state="recording")]
    )
    (line, record) = look(world, kept)
    assert f"call {UUID}: discard of 2026-01-01T12:00:00+00:00 is not finished" in line
    assert f"call {UUID}: the record says discarded, the journal pending" in record
    (world.directory / "other" / "late.wav").write_text(UUID)
    journal = world.service.tools.journal
    entry = journal.load(UUID).entries[0]
    journal.note([dataclasses.replace(entry, id=0, path=f"{world.other}/late.wav")])
    world.service.sweeper.sweep()
    world.later(seconds=LATE)
    (line,) = look(world, kept)
    assert line.startswith(f"call {UUID}: the record's receipt has completed_at ")


def test_9_a_record_may_take_a_moment(world, kept):
    call = world.call("33333333-2222-4333-8444-555555555555")
    call.start()
    write_record(world, kept, call.call_uuid, RecordingNote())
    world.switch.hang_up(call.call_uuid)
    call.finish()
    assert look(world, kept) == []
    world.later(seconds=LATE)
    assert len(look(world, kept)) == 1


def test_9_an_open_discard_is_a_difference_however_young(world, kept):
    call = world.call("44444444-2222-4333-8444-555555555555")
    call.noticed_start("shout://x", 0.0)
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    assert [line for line in look(world, kept) if "is not finished" in line]


def test_9_a_staged_file_that_nobody_knows_is_a_difference_however_young(world, kept):
    path = f"{world.staging}/x.wav"
    world.switch.begin("u")
    world.switch.uuid_record("u", "start", path)
    assert look(world, kept) == [f"{path}: in the staging directory, but of no known call"]


def test_9_parameters_in_front_of_a_path_hide_no_file(world, kept):
    call = world.call("55555555-2222-4333-8444-555555555555")
    world.switch.uuid_record(call.call_uuid, "start", f"{{x=1}}{world.staging}/x.wav")
    assert look(world, kept) == []
    assert call.recording == (f"{{x=1}}{world.staging}/x.wav",)
    assert world.service.sweeper.sweep().unknown == 0


def test_9_what_was_only_under_way_is_no_difference(world, kept):
    """It is looked at again after a while, and counts if it still differs."""
    path = world.directory / "staging" / "x.wav"
    path.write_text("x")
    waited = []

    def wait():
        waited.append(timedelta(seconds=5))
        path.unlink()

    assert lasting(lambda: look(world, kept), wait) == []
    assert len(waited) == 1
    assert lasting(lambda: look(world, kept), wait) == []
    assert len(waited) == 1  # nothing differed: nobody has to wait
    path.write_text("x")
    (line,) = lasting(lambda: look(world, kept), lambda: None)
    assert line == f"{path}: in the staging directory, but of no known call"


def test_a_second_recording_by_the_name_of_one_that_is_published_is_said(world):
    """A call's id that comes again: neither recording may be lost, and only an operator knows what to do."""
    path = f"{world.staging}/dial_{UUID}.wav"
    for length in (1, 2):
        world.call()
        world.switch.uuid_record(UUID, "start", path)
        for _ in range(length):
            world.switch.talk()
        world.switch.hang_up(UUID)
        world.calls.pop(UUID).finish()
    found = list(differences(Listing(world.database), world.files, world.clock.utcnow()))
    assert 2 == len(world.audio())
    assert [True] == [f"{path} is staged, and" in line for line in found]

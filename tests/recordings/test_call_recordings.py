"""One call's recordings: recorded, masked, paused, published, discarded."""

from __future__ import annotations

import re

import pytest

from fsflows.recordings import metrics
from fsflows.recordings.call.summary import RecordingsClosed
from fsflows.recordings.discarding.discard import TOO_SHORT
from fsflows.recordings.freeswitch.control import RecordingError
from recordings.fakes import OTHER, UUID

# --- recording and publishing -----------------------------------------------------------------------------------------


def test_a_recording_lies_in_staging_while_the_call_runs_and_in_the_archive_after_it(world):
    call = world.call()
    path = call.start()
    world.switch.talk()
    assert path == f"{world.staging}/2026-01-01_{UUID}.wav"
    assert call.recording == (path,)
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]

    world.switch.hang_up(UUID)
    call.close()
    summary = call.finish()

    assert summary.state == "present"
    assert summary.locations == (f"{world.directory}/archive/2026-01-01/{UUID}.wav",)
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]
    assert world.states() == ["published"]


def test_stereo_and_format_and_template(world):
    call = world.call()
    path = call.start("{flow}/{date}/{uuid}", audio_format="mp3", stereo=True)
    assert path.endswith(f"/demo_2026-01-01_{UUID}.mp3")
    assert f"uuid_setvar {UUID} RECORD_STEREO true" in world.switch.asked


def test_a_second_recording_of_a_call_never_empties_the_first(world):
    call = world.call()
    first = call.start()
    second = call.start()
    assert first != second
    world.switch.hang_up(UUID)
    assert len(call.finish().locations) == 2


@pytest.mark.parametrize("template", ["{date}", "", "all.wav"])
def test_a_template_without_the_call_in_it_is_refused(world, template):
    with pytest.raises(RecordingError, match=re.escape("needs {uuid}")):
        world.call().start(template)


def test_a_template_can_not_lead_out_of_the_staging_directory(world):
    path = world.call().start("../../{uuid}/../x")
    assert path == f"{world.staging}/____{UUID}___x.wav"


def test_freeswitch_refuses_to_record(world):
    call = world.call()
    world.switch.uuid_record = lambda *_: "-ERR Cannot record session!"
    with pytest.raises(RecordingError, match="Cannot record session"):
        call.start()
    assert world.states() == ["failed"]


def test_what_could_never_be_deleted_is_not_recorded(world):
    """FreeSWITCH is on another host, and its directory is not shared."""
    call = world.call()
    world.switch.where = lambda path: path.replace("staging", "elsewhere")
    with pytest.raises(RecordingError, match="no such file is here"):
        call.start()
    assert call.recording == ()


def test_a_recording_of_the_dialplan_belongs_to_the_call_and_stays_where_it_is(world):
    call = world.call()
    world.switch.uuid_record(UUID, "start", f"{world.other}/mine.wav")
    world.switch.talk()
    assert call.recording == (f"{world.other}/mine.wav",)
    world.switch.hang_up(UUID)
    summary = call.finish()
    assert summary.locations == (f"{world.other}/mine.wav",)
    assert world.states() == ["kept"]


def test_a_recording_of_the_dialplan_in_the_staging_directory_is_published(world):
    call = world.call()
    world.switch.uuid_record(UUID, "start", f"{world.staging}/mine.wav")
    world.switch.hang_up(UUID)
    assert call.finish().locations == (f"{world.directory}/archive/2026-01-01/mine-{UUID}.wav",)


def test_freeswitch_deleted_a_short_recording_itself(world):
    call = world.call()
    path = call.start()
    world.switch.calls[UUID].pop(path).close()
    world.switch.on_event("stop", UUID, path, TOO_SHORT)
    (world.directory / path).unlink()
    assert call.finish().state == "none"

    world.call(UUID)
    assert world.calls[UUID].discard(world.cause()).files[0].how == "removed by FreeSWITCH"


def test_a_call_that_was_never_recorded_leaves_nothing(world):
    call = world.call()
    world.switch.hang_up(UUID)
    assert call.finish().state == "none"
    assert world.states() == []


def test_a_call_that_is_handed_on_stops_our_recording_and_publishes_it(world):
    call = world.call()
    call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    summary = call.finish(call_over=False)
    assert list(world.switch.calls[UUID]) == [f"{world.other}/theirs.wav"]
    assert len(summary.locations) == 1
    assert world.states() == ["published", "recording"]


# --- masks and pauses -------------------------------------------------------------------------------------------------


def test_P13_all_recordings_are_masked_while_a_step_is_private(world):
    call = world.call()
    ours = call.start()
    theirs = f"{world.other}/theirs.wav"
    world.switch.uuid_record(UUID, "start", theirs)
    call.mask()
    assert world.switch.masked == {(UUID, ours), (UUID, theirs)}
    late = f"{world.other}/late.wav"
    world.switch.uuid_record(UUID, "start", late)
    third = call.start()
    assert world.switch.masked == {(UUID, path) for path in (ours, theirs, late, third)}
    call.unmask()
    assert world.switch.masked == set()


def test_P13_a_recording_from_before_we_had_the_call_is_masked_as_well(world):
    world.switch.begin(UUID)
    world.switch.uuid_record(UUID, "start", f"{world.other}/early.wav")
    call = world.call()
    call.mask()
    assert world.switch.masked == {(UUID, f"{world.other}/early.wav")}


def test_at_the_begin_of_a_call_only_one_question_is_asked(world):
    call = world.call()
    call.begin()
    assert world.switch.asked == [f"uuid_buglist {UUID}"]
    assert world.states() == []
    world.switch.begin(OTHER)
    world.switch.uuid_record(OTHER, "start", f"{world.other}/early.wav")
    other = world.call(OTHER)
    other.begin()
    assert world.states(OTHER) == ["recording"]
    world.switch.broken = "uuid_buglist"
    call.begin()


def test_masks_nest_by_reason(world):
    call = world.call()
    path = call.start()
    call.mask()
    call.mask("conv")
    call.mask()
    for _ in range(2):
        call.unmask()
        assert world.switch.masked == {(UUID, path)}
    call.unmask()
    assert world.switch.masked == {(UUID, path)}
    call.unmask("conv")
    assert world.switch.masked == set()
    call.unmask("conv")


def test_what_can_not_be_masked_is_stopped_and_counted(world):
    before = metrics.MASK_FAILED._value.get()
    call = world.call()
    call.start()
    record = world.switch.uuid_record
    world.switch.uuid_record = lambda uuid, what, path: (
        "-ERR Cannot mask recording session!" if what == "mask" else record(uuid, what, path)
    )
    call.mask()
    assert world.switch.calls[UUID] == {}
    assert call.recording == ()
    assert metrics.MASK_FAILED._value.get() == before + 1


def test_what_has_ended_already_need_not_be_masked(world):
    """And nobody has told us yet: the private step goes on."""
    call = world.call()
    world.switch.calls[UUID].pop(call.start()).close()
    before = metrics.MASK_FAILED._value.get()
    call.mask()
    assert metrics.MASK_FAILED._value.get() == before


def test_what_can_neither_be_masked_nor_stopped_is_an_error(world):
    call = world.call()
    call.start()
    world.switch.broken = "uuid_record"
    with pytest.raises(RecordingError, match="neither masked nor stopped"):
        call.mask()


def test_a_mask_that_failed_masks_the_others_and_is_asked_for_anew_by_the_next(world):
    """A function, or the flow's fall-back, may go on to another private step."""
    call = world.call()
    both = {(UUID, call.start()) for _ in range(2)}
    first = min(path for _, path in both)
    record, broken = world.switch.uuid_record, True
    world.switch.uuid_record = lambda uuid, what, path: (
        "-ERR" if broken and path == first else record(uuid, what, path)
    )
    with pytest.raises(RecordingError):
        call.mask()
    broken = False
    call.mask()
    assert world.switch.masked == both
    call.unmask()
    assert world.switch.masked == set()


def test_nothing_private_is_asked_for_while_nobody_says_what_is_recorded(world):
    """It may be what somebody else has begun."""
    call = world.call()
    ours = call.start()
    world.switch.broken = "uuid_buglist"
    with pytest.raises(RecordingError, match="uuid_buglist"):
        call.mask()
    world.switch.broken = ""
    call.mask()
    assert world.switch.masked == {(UUID, ours)}
    call.unmask()
    assert world.switch.masked == set()


def test_what_begins_while_a_step_is_private_is_masked_before_it_is_looked_for(world):
    """Files that are slow to be found, or a database, must not leave it unmasked meanwhile."""
    call = world.call()
    call.mask()
    masked = []
    look = world.files.look

    def slow(path):
        masked.append((UUID, path) in world.switch.masked)
        return look(path)

    world.files.look = slow
    call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    assert masked
    assert all(masked)


def test_pause_stops_ours_masks_theirs_and_resume_goes_on_in_a_new_file(world):
    call = world.call()
    first = call.start()
    theirs = f"{world.other}/theirs.wav"
    world.switch.uuid_record(UUID, "start", theirs)
    call.pause()
    call.pause()
    assert list(world.switch.calls[UUID]) == [theirs]
    assert world.switch.masked == {(UUID, theirs)}
    call.resume()
    call.resume()
    call.unmask("pause")
    assert world.switch.masked == set()
    (second,) = set(world.switch.calls[UUID]) - {theirs}
    assert second == first.replace(".wav", "-2.wav")


def test_unmasking_that_fails_leaves_silence_and_raises_nothing(world):
    call = world.call()
    path = call.start()
    call.mask()
    world.switch.broken = "unmask"
    call.unmask()
    assert world.switch.masked == {(UUID, path)}


def test_after_the_end_nothing_starts(world):
    call = world.call()
    call.close()
    with pytest.raises(RecordingsClosed):
        call.start()
    assert call.retry() is False


def test_a_handed_on_call_whose_recording_can_not_be_stopped_is_left_to_the_sweep(world):
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.broken = "uuid_record"
    call.finish(call_over=False)
    assert world.states() == ["recording"]
    world.switch.broken = ""
    assert world.service.sweeper.sweep().waiting == 1
    world.switch.hang_up(UUID)
    assert world.service.sweeper.sweep().published == 1


def test_a_recording_that_is_to_run_on_runs_on(world):
    call = world.call()
    path = call.start()
    call.finish(call_over=False, keep_running=True)
    assert list(world.switch.calls[UUID]) == [path]


def test_what_was_said_is_kept_whatever_characters_it_has(world):
    cause = world.cause(step="\ud800 a\0b")
    receipt = world.call().discard(cause)
    assert receipt.cause.step == "? a\ufffdb"

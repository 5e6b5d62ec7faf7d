"""One call's recordings: recorded, masked, paused, published, discarded."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import select

from fsflows.database import DatabaseFailed
from fsflows.privacy import Pii
from fsflows.recordings import metrics
from fsflows.recordings.control import RecordingError
from fsflows.recordings.discard import TOO_SHORT, DiscardFailed
from fsflows.recordings.files import Deleted
from fsflows.recordings.receipt import DiscardCause, Receipt
from fsflows.recordings.summary import RecordingsClosed
from fsflows.recordings.tables import discard_steps
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
    assert world.states() == ["lost"]


def test_what_could_never_be_deleted_is_not_recorded(world):
    """FreeSWITCH is on another host, and its directory is not shared."""
    call = world.call()
    world.switch.where = lambda path: path.replace("staging", "elsewhere")
    with pytest.raises(RecordingError, match="no such file is here"):
        call.start()
    assert call.recording == ()


def test_nothing_is_recorded_that_can_not_be_written_down(world):
    call = world.call()
    fail_database(world)
    with pytest.raises(RecordingError, match="disk is full"):
        call.start()
    assert world.switch.calls[UUID] == {}


def fail_database(world, after=0):
    """From now on (or after so many transactions) the database can't be written."""
    from sqlalchemy.exc import OperationalError

    from fsflows.database.turns import READ

    run = world.database._run
    left = [after]

    def failing(work, of, kind):
        writing = kind is not READ

        def full(connection):
            left[0] -= writing
            if writing and left[0] < 0:
                raise OperationalError("COMMIT", {}, Exception("database or disk is full"))
            return work(connection)

        return run(full, of, kind)

    world.database._run = failing
    return lambda: setattr(world.database, "_run", run)


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


def test_what_can_not_be_masked_is_stopped(world):
    call = world.call()
    call.start()
    record = world.switch.uuid_record
    world.switch.uuid_record = lambda uuid, what, path: (
        "-ERR Cannot mask recording session!" if what == "mask" else record(uuid, what, path)
    )
    call.mask()
    assert world.switch.calls[UUID] == {}
    assert call.recording == ()


def test_what_can_neither_be_masked_nor_stopped_is_an_error(world):
    call = world.call()
    call.start()
    world.switch.broken = "uuid_record"
    with pytest.raises(RecordingError, match="neither masked nor stopped"):
        call.mask()


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
    assert world.switch.masked == set()
    (second,) = set(world.switch.calls[UUID]) - {theirs}
    assert second == first.replace(".wav", "-2.wav")


# --- discards ---------------------------------------------------------------------------------------------------------


def test_P12_a_discard_stops_and_deletes_everything_and_says_so(world):
    call = world.call()
    ours = call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    world.switch.talk()
    other = world.call(OTHER)
    other.start()
    world.switch.talk()
    cause = world.cause()

    receipt = call.discard(cause)

    assert world.audio() == []
    assert world.switch.calls[UUID] == {}
    assert receipt.complete
    assert receipt.cause == cause
    assert [(f.path, f.how, f.late) for f in receipt.files] == [
        (ours, "deleted", False),
        (f"{world.other}/theirs.wav", "deleted", False),
    ]
    assert all(f.size > 300 for f in receipt.files)
    assert set(receipt.ms) == {"intent", "stop", "delete", "verify"}
    assert not receipt.recovered
    assert receipt.node.startswith("node-a#")
    assert world.receipt() == receipt
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["cause"]["key_or_word"] == "1"
    assert call.summary().state == "discarded"
    # Nobody else's call was touched.
    assert len(world.switch.calls[OTHER]) == 1
    assert world.audio(OTHER) == [f"staging/2026-01-01_{OTHER}.wav"]


def test_P12_twice_is_fine_and_the_first_cause_stays(world):
    call = world.call()
    call.start()
    first = call.discard(world.cause())
    assert call.discard(world.cause("another")) == first


def test_P12_the_order_is_on_disk_before_the_database_is_asked(world):
    """A database may take its time, and a process be killed meanwhile: whoever comes next finds the order."""
    call = world.call()
    call.start()
    asked = []
    run = world.database._run

    def watched(work, of, kind):
        asked.append([(each.call_uuid, each.cause) for each in spool.read()])
        return run(work, of, kind)

    spool = world.service.tools.discarder._spool
    world.database._run = watched
    cause = world.cause()
    call.discard(cause)
    world.database._run = run
    assert asked[0] == [(UUID, cause)]
    assert spool.read() == []


def test_P12_nothing_can_be_recorded_afterwards(world):
    call = world.call()
    call.discard(world.cause())
    with pytest.raises(RecordingError, match="none can start again"):
        call.start()
    call.pause()
    call.resume()
    call.mask()
    assert world.audio() == []


@pytest.mark.parametrize(("forbids", "how"), [(True, "removed by FreeSWITCH"), (False, "deleted")])
def test_P12_a_recording_that_starts_after_the_discard_is_stopped_deleted_and_on_the_receipt(
    world, forbids, how
):
    world.switch.forbids = forbids
    call = world.call()
    call.start()
    call.discard(world.cause())
    late = f"{world.other}/late.wav"
    world.switch.uuid_record(UUID, "start", late)
    assert world.switch.calls[UUID] == {}
    assert world.audio() == []
    receipt = world.receipt()
    assert receipt.complete
    assert receipt.revision == 2
    assert [(f.path, f.how, f.late) for f in receipt.files][1:] == [(late, how, True)]
    assert call.receipt == receipt


def test_what_became_of_recordings_is_counted_as_the_journal_has_it(world):
    """One published, one kept, two discarded; and a discarded call that is recorded again, one more."""

    def counted():
        results = ("published", "kept", "discarded", "lost", "failed")
        return [metrics.RECORDINGS.labels(result)._value.get() for result in results]

    before = counted()
    for uuid in (UUID, OTHER):
        world.call(uuid).start()
        world.switch.uuid_record(uuid, "start", f"{world.other}/{uuid}.wav")
    world.switch.talk()
    world.calls[UUID].discard(world.cause())
    world.calls[UUID].discard(world.cause())
    world.switch.uuid_record(UUID, "start", f"{world.other}/late.wav")
    for uuid in (UUID, OTHER):
        world.switch.hang_up(uuid)
        world.calls[uuid].finish()
    assert sorted(world.states()) == ["discarded"] * 3
    assert sorted(world.states(OTHER)) == ["kept", "published"]
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 3, 0, 0]


@pytest.mark.parametrize("forbids", [True, False])
def test_P12_the_same_file_recorded_again_is_deleted_again(world, forbids):
    world.switch.forbids = forbids
    call = world.call()
    path = call.start()
    call.discard(world.cause())
    world.switch.uuid_record(UUID, "start", path)
    assert world.audio() == []
    assert [(f.path, f.late) for f in world.receipt().files] == [(path, True)]


def test_news_of_a_start_that_come_after_the_discard_are_no_new_recording(world):
    call = world.call()
    world.calls.clear()  # the event is late
    path = call.start()
    call.discard(world.cause())
    call.noticed_start(path, 0.0)
    assert world.receipt().revision == 1


def test_P12_recordings_from_before_we_had_the_call_are_found(world):
    world.switch.begin(UUID)
    early = f"{world.other}/early.wav"
    world.switch.uuid_record(UUID, "start", early)
    world.switch.talk()
    receipt = world.call().discard(world.cause())
    assert [f.path for f in receipt.files] == [early]
    assert world.audio() == []


@pytest.mark.parametrize("how", ["stopped", "hung up"])
def test_P12_a_recording_of_which_only_the_end_is_heard_belongs_to_the_call(world, how):
    world.switch.begin(UUID)
    early = f"{world.other}/early.wav"
    world.switch.uuid_record(UUID, "start", early)
    world.switch.talk()
    call = world.call()
    if how == "stopped":
        world.switch.uuid_record(UUID, "stop", early)
    else:
        world.switch.hang_up(UUID)
    assert world.states() == ["kept"]
    assert [f.path for f in call.discard(world.cause()).files] == [early]
    assert world.audio() == []


def test_P12_finished_recordings_from_before_are_found_where_the_settings_say(world):
    world.patterns = (f"{world.other}/*/rec-{{uuid}}*.wav",)
    world.restart()
    for uuid in (UUID, OTHER):
        (world.directory / "other" / "x").mkdir(exist_ok=True)
        (world.directory / "other" / "x" / f"rec-{uuid}-1.wav").write_text(uuid * 5)
    receipt = world.call().discard(world.cause())
    assert [f.path for f in receipt.files] == [f"{world.other}/x/rec-{UUID}-1.wav"]
    assert world.audio() == []
    assert len(world.audio(OTHER)) == 1


def test_P12_a_call_that_comes_back_stays_discarded(world):
    world.call().discard(world.cause())
    world.calls[UUID].finish(call_over=False)
    again = world.call()
    world.switch.uuid_record(UUID, "start", f"{world.other}/again.wav")
    assert world.audio() == []
    with pytest.raises(RecordingError, match="none can start again"):
        again.start()
    assert again.discarded


def test_P12_a_published_recording_of_an_earlier_part_of_the_call_goes_as_well(world):
    call = world.call()
    call.start()
    call.finish(call_over=False)
    assert len(world.audio()) == 1
    receipt = world.call().discard(world.cause())
    assert world.audio() == []
    assert [(f.path, f.how) for f in receipt.files] == [
        (f"archive:2026-01-01/{UUID}.wav", "deleted")
    ]


def test_P12_after_the_end_a_discard_is_an_error_and_does_nothing(world):
    call = world.call()
    call.start()
    call.close()
    with pytest.raises(RecordingsClosed, match="the call is over"):
        call.discard(world.cause())
    assert not call.discarded
    assert len(world.audio()) == 1


def test_nothing_recorded_is_a_receipt_without_files(world):
    receipt = world.call().discard(world.cause())
    assert receipt.files == ()
    assert receipt.complete


def test_the_call_ends_during_the_discard(world):
    call = world.call()
    call.start()
    world.switch.talk()
    buglist = world.switch.uuid_buglist

    def hang_up_first(uuid):
        world.switch.hang_up(uuid)
        return buglist(uuid)

    world.switch.uuid_buglist = hang_up_first
    receipt = call.discard(world.cause())
    assert receipt.call_over
    assert world.audio() == []


def test_a_file_that_was_taken_away_by_others_is_said_to_be_absent(world):
    call = world.call()
    path = call.start()
    world.switch.talk()
    (world.directory / path).rename(world.directory / "elsewhere" / "x.wav")
    receipt = call.discard(world.cause())
    assert [(f.path, f.how) for f in receipt.files] == [(path, "absent")]


def test_a_file_that_was_never_seen_is_no_proof_of_anything(world):
    """FreeSWITCH on another host, its directory not shared: gone would be a lie."""
    call = world.call()
    world.switch.where = lambda path: path.replace("other", "elsewhere")
    world.switch.uuid_record(UUID, "start", f"{world.other}/unseen.wav")
    with pytest.raises(DiscardFailed, match="never found here"):
        call.discard(world.cause())
    assert world.receipt() is None


def test_a_path_outside_of_the_roots_is_refused_and_said(world):
    call = world.call()
    outside = f"{world.directory}/elsewhere/x.wav"
    world.switch.uuid_record(UUID, "start", outside)
    ours = call.start()
    with pytest.raises(DiscardFailed, match="none of the recording directories") as failed:
        call.discard(world.cause())
    assert len(failed.value.left) == 1
    assert world.switch.calls[UUID] == {}
    assert world.audio() == ["elsewhere/x.wav"]
    assert not (world.directory / ours).exists()
    assert call.summary().state == "pending"


def test_a_stream_is_refused_and_said(world):
    call = world.call()
    call.noticed_start("shout://source:x@example.com/live.mp3", 0.0)
    with pytest.raises(DiscardFailed, match="not an absolute path"):
        call.discard(world.cause())


def test_freeswitch_can_not_be_reached_then_the_audio_goes_first_and_the_rest_is_said(world):
    world.socket = False
    world.restart()
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.broken = "uuid_"
    with pytest.raises(DiscardFailed, match="records no more"):
        call.discard(world.cause())
    assert world.audio() == []
    assert world.receipt() is None
    assert said(world) == ["not known whether anything is still recorded"]
    world.switch.broken = ""
    assert call.discard(world.cause()).complete
    assert said(world)[1:] == ["nothing is recorded"]


def said(world):
    """What the journal's steps say of the recordings' end."""
    query = select(discard_steps.c.detail).where(discard_steps.c.step == "stop")
    return world.database.read(
        lambda c: c.execute(query.order_by(discard_steps.c.id)).scalars().all()
    )


def test_the_event_socket_is_the_second_way(world):
    call = world.call()
    call.start()
    call._control._api = _gone
    assert call.discard(world.cause()).complete
    assert world.switch.calls[UUID] == {}


def _gone(*_):
    raise ConnectionError("the link is gone")


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


def test_a_killed_function_leaves_the_lock_free_and_the_discard_open(world):
    clock = world.clock
    call = world.call()

    def scenario():
        call.start()
        api = call._control._api

        def slow(*words):
            clock.sleep(1)
            return api(*words)

        call._control._api = slow
        task = clock.spawn(call.discard, world.cause())
        clock.sleep(0.5)
        task.kill()
        clock.sleep(0.1)
        call._control._api = api
        assert call.receipt is None
        return call.finish(call_over=False)

    assert clock.run(scenario).state == "discarded"
    assert world.audio() == []


def test_two_tasks_wait_for_one_another(world):
    clock = world.clock
    call = world.call()
    receipts = []

    def scenario():
        call.start()
        api = call._control._api

        def slow(*words):
            clock.sleep(0.01)
            return api(*words)

        call._control._api = slow
        tasks = [clock.spawn(lambda: receipts.append(call.discard(world.cause()))) for _ in "ab"]
        clock.sleep(0.02)
        world.switch.uuid_record(UUID, "start", f"{world.other}/late.wav")
        for task in tasks:
            task.join()
            assert task.exception is None

    clock.run(scenario)
    assert receipts[0] == receipts[1] == world.receipt()
    assert len(receipts[0].files) == 2
    assert world.audio() == []


def test_a_late_recording_out_of_reach_is_not_acknowledged(world):
    call = world.call()
    api = call._control._api

    def meanwhile(name, *words):
        if name == "uuid_buglist" and len(world.switch.asked) < 3:
            world.switch.uuid_record(UUID, "start", f"{world.directory}/elsewhere/x.wav")
            world.switch.uuid_record(UUID, "stop", "all")
        return api(name, *words)

    call._control._api = meanwhile
    with pytest.raises(DiscardFailed, match="none of the recording directories"):
        call.discard(world.cause())
    assert not world.receipt().complete
    with pytest.raises(DiscardFailed, match="none of the recording directories"):
        call.discard(world.cause())


def test_a_refused_start_does_not_make_a_later_discard_fail(world):
    call = world.call()
    record = world.switch.uuid_record
    world.switch.uuid_record = lambda *_: "-ERR Cannot record session!"
    with pytest.raises(RecordingError):
        call.start()
    world.switch.uuid_record = record
    assert [f.how for f in call.discard(world.cause()).files] == ["never started"]


def test_P12_what_is_there_again_at_the_calls_end_is_deleted_again(world):
    call = world.call()
    path = call.start()
    call.discard(world.cause())
    Path(path).write_text(UUID)  # put back by whatever does such things
    world.switch.hang_up(UUID)
    assert call.finish().state == "discarded"
    assert world.audio() == []
    assert world.receipt().revision == 2


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
    assert world.states() == ["lost"]
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
    world.service.tools.discarder._spool._directories = [Path("/proc/nothing"), Path("/proc/no")]
    with pytest.raises(DiscardFailed, match=r"disk is full.*nor can the spool"):
        call.discard(world.cause())
    assert world.audio() == []
    assert call.discarded


def test_recordings_that_are_started_again_and_again_are_an_error_in_the_end(world):
    call = world.call()
    path = f"{world.other}/stubborn.wav"
    stop = world.switch._close

    def stop_and_start(uuid, which, *rest):
        stop(uuid, which, *rest)
        world.switch.uuid_record(uuid, "start", which)

    world.switch.uuid_record(UUID, "start", path)
    world.switch._close = stop_and_start
    with pytest.raises(DiscardFailed, match="records no more"):
        call.discard(world.cause())
    world.switch._close = stop
    assert call.discard(world.cause()).complete
    assert world.audio() == []


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


def test_a_task_that_is_killed_while_it_waits_for_its_turn(world):
    clock, locks = world.clock, world.service.tools.locks
    order = []

    def work(name, seconds):
        with locks.hold("call"):
            order.append(name)
            clock.sleep(seconds)

    def scenario():
        first = clock.spawn(work, "first", 1)
        clock.sleep(0.1)
        second, third = clock.spawn(work, "second", 1), clock.spawn(work, "third", 1)
        clock.sleep(0.1)
        second.kill()
        for task in (first, second, third):
            task.join()
        # Killed in the moment in which it gets its turn.
        fourth = clock.spawn(work, "fourth", 1)
        clock.sleep(0.1)
        fifth, sixth = clock.spawn(work, "fifth", 1), clock.spawn(work, "sixth", 1)
        clock.at(clock.now() + 0.9, fifth.kill)
        for task in (fourth, fifth, sixth):
            task.join()

    clock.run(scenario)
    assert order in (
        ["first", "third", "fourth", "sixth"],
        ["first", "third", "fourth", "fifth", "sixth"],
    )
    assert locks._waiting == {}


def test_P13_a_private_value_does_not_get_into_the_receipt(world):
    cause = DiscardCause("demo", "pin", Pii("4711"), world.clock.utcnow())
    receipt = world.call().discard(cause)
    assert receipt.cause.key_or_word != "4711"
    assert "4711" not in receipt.to_json()


class Liar:
    """File work that says "deleted" and does nothing."""

    def __init__(self, files):
        self._files = files

    def __getattr__(self, name):
        return getattr(self._files, name)

    def delete(self, path, mark):
        return Deleted("deleted", 5)


def test_P12_a_deletion_is_not_believed_but_looked_at(world):
    world.files = Liar(world.files)
    world.service = world.make("node-a")
    call = world.call()
    call.start()
    with pytest.raises(DiscardFailed, match="is still there"):
        call.discard(world.cause())
    assert world.receipt() is None


def test_what_was_said_is_kept_whatever_characters_it_has(world):
    cause = world.cause(step="\ud800 a\0b")
    receipt = world.call().discard(cause)
    assert receipt.cause.step == "? a\ufffdb"

"""One call's recordings discarded: stopped, deleted, looked for again, and on the receipt."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
from random_text import without_random
from sqlalchemy import select

from fsflows.privacy import Pii
from fsflows.recordings import metrics
from fsflows.recordings.call.summary import RecordingsClosed
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed, NotAllSearched
from fsflows.recordings.files.files import Deleted
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.freeswitch.control import RecordingError
from fsflows.recordings.journal.receipt import DiscardCause, Receipt
from fsflows.recordings.journal.tables import discard_steps
from recordings.fakes import OTHER, UUID


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


def test_P12_nothing_can_be_recorded_afterwards(world):
    call = world.call()
    call.discard(world.cause())
    with pytest.raises(RecordingError, match="none can start again"):
        call.start()
    call.pause()
    call.resume()
    call.mask()
    assert world.audio() == []


def test_P13_what_asked_for_it_is_called_otherwise_when_it_is_private_later_and_stays_so(world):
    call = world.call()
    call.start()
    call.discard(DiscardCause("demo", "ask", "it is 4711", world.clock.utcnow()))
    summary = call.finish(
        call_over=False, clean=lambda text: text.replace("4711", "[4 digits hidden]")
    )
    assert summary.receipt.cause.key_or_word == "it is [4 digits hidden]"
    assert world.service.tools.journal.load(UUID).intent.cause == summary.receipt.cause
    assert world.receipt() == summary.receipt
    world.switch.forbids = False
    world.switch.uuid_record(UUID, "start", f"{world.other}/late.wav")
    world.service.sweeper.sweep()
    assert world.receipt().revision == 2
    assert "4711" not in world.receipt().to_json()


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


def test_P12_what_is_found_goes_though_it_can_not_be_looked_for_everywhere(world, monkeypatch):
    early = f"{world.other}/{UUID}-early.wav"
    Path(early).write_text("audio")
    call = world.call()
    call.start()

    def find(self, call_uuid, places=()):
        raise NotAllSearched("/mnt/nfs does not answer", [early])

    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "find", find)
        with pytest.raises(DiscardFailed, match="/mnt/nfs does not answer"):
            call.discard(world.cause())
    assert not Path(early).exists()
    assert world.audio() == []
    assert call.retry()
    assert early in {file.path for file in call.receipt.files}


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


def test_P12_one_that_was_out_of_reach_when_it_began_has_been_seen_when_it_was_published(
    world, monkeypatch
):
    call, theirs = world.call(), f"{world.staging}/theirs.wav"
    with monkeypatch.context() as patched:
        patched.setattr(LocalFiles, "look", Mock(side_effect=FileWorkFailed("no answer")))
        world.switch.uuid_record(UUID, "start", theirs)
    world.switch.talk()
    world.switch.uuid_record(UUID, "stop", theirs)
    call.finish(call_over=False)
    name = world.audio()[0].partition("/")[2]
    receipt = world.call().discard(world.cause())
    assert world.audio() == []
    assert [(f.path, f.how) for f in receipt.files] == [(f"archive:{name}", "deleted")]


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
    assert "4711" not in without_random(receipt.to_json())


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

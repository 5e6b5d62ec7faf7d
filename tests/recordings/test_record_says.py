"""What a call's record says of its recordings, at each moment of a discard that does not go smoothly."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.archive.record import RecordBuilder
from fsflows.call.happenings import RecordingStarted
from fsflows.conversation.recording import CallRecorder
from fsflows.esl.event import Event
from fsflows.recordings.discarding.discard import DiscardFailed
from recordings.fakes import SWITCH, UUID


@pytest.fixture
def record(world):
    return RecordBuilder(UUID, world.clock)


@pytest.fixture
def recorder(world, record):
    world.switch.begin(UUID)
    call = SimpleNamespace(
        uuid=UUID,
        clock=world.clock,
        ended=None,
        gone=False,
        passed_on=False,
        api=world.switch.api,
        link=SimpleNamespace(channel=Event.from_headers({"FreeSWITCH-Switchname": SWITCH})),
    )
    flow = SimpleNamespace(
        name="demo",
        recording=SimpleNamespace(start="answer", path="{uuid}", format="wav", stereo=False),
    )
    made = CallRecorder(call, flow, record, world.service)
    made.begin(flow, "")
    return made


@pytest.fixture
def read_only(monkeypatch):
    def fail(*_, **__):
        raise OSError(30, "Read-only file system")

    return lambda: monkeypatch.setattr(os, "unlink", fail)


def opt_out(recorder):
    return recorder.discard(flow="demo", step="opt_out", trigger="1")


def again(world, recorder):
    """Somebody records the call once more."""
    path = f"{world.other}/again.wav"
    world.switch.uuid_record(UUID, "start", path)
    recorder._noticed(RecordingStarted(at=world.clock.now(), path=path))


def test_P12_a_discard_that_is_done_and_is_not_any_more(
    world, record, recorder, read_only, monkeypatch
):
    world.switch.forbids = False
    opt_out(recorder)
    assert record.note.state is RecordingState.DISCARDED
    assert record.note.receipt["complete"]
    read_only()
    again(world, recorder)
    assert record.note.state is RecordingState.PENDING
    assert not record.note.receipt["complete"]
    monkeypatch.undo()
    world.service.sweeper.sweep()
    assert record.note.state is RecordingState.DISCARDED
    assert record.note.receipt["revision"] == 2


def test_P12_what_is_still_open_at_the_end_is_pending_in_the_record(
    world, record, recorder, read_only
):
    world.switch.forbids = False
    opt_out(recorder)
    read_only()
    again(world, recorder)
    world.switch.hang_up(UUID)
    recorder.close()
    recorder.finish()
    finished = record.finish(Result.COMPLETED, Reason.FLOW_ENDED)
    assert finished.recording.state is RecordingState.PENDING


def test_P12_a_discard_that_failed_is_pending_at_once_and_done_when_it_is(
    world, record, recorder, read_only, monkeypatch
):
    read_only()
    with pytest.raises(DiscardFailed):
        opt_out(recorder)
    assert record.note.state is RecordingState.PENDING
    monkeypatch.undo()
    world.service.sweeper.sweep()
    assert record.note.state is RecordingState.DISCARDED
    assert record.note.receipt["complete"]


def test_a_recording_that_freeswitch_refused(world, record, request):
    """Whoever looks the call up sees that it was to be recorded, and why it is not."""
    world.switch.uuid_record = lambda *_: "-ERR Cannot record session!"
    said = []
    record.recording_event = lambda *what, **_: said.append(what)
    recorder = request.getfixturevalue("recorder")
    world.switch.hang_up(UUID)
    recorder.finish()
    ((event, why),) = said
    assert event == "failed"
    assert "Cannot record session" in why
    assert record.note.state is RecordingState.NONE

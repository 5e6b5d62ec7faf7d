"""Calls on a whole server: many at once, callers who leave, a FreeSWITCH that talks nonsense. Nothing stays behind."""

import gc
import random
import re

import gevent
import pytest
from prometheus_client import REGISTRY
from server_peers import channel_data, event, finished, key, wait_for

from fsflows import pacing
from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.conversation import run
from fsflows.esl import serialize

pytestmark = pytest.mark.process

FLOWS = {
    "ask.yaml": """
        steps:
          ask:
            prompt: Which?
            dtmf: {num_digits: 2, first_digit_timeout: 20, inter_digit_timeout: 20}
            asr: false
            next: {hangup: true}
    """,
    "opt_out.yaml": """
        recording: true
        steps:
          ask:
            prompt: This call may be recorded. To opt out, press 1.
            dtmf: {num_digits: 1}
            on: {1: {discard_recording: true, say: Thank you., hangup: true}, otherwise: {hangup: true}}
    """,
    "speech.yaml": """
        steps:
          ask: {prompt: Say a number., dtmf: {num_digits: 3}, confirm: always, next: {hangup: true}}
    """,
    "desk.yaml": """
        steps:
          ask: {prompt: Putting you through., next: {handoff: desk}}
        handoffs: {desk: {transfer: 5000 XML default}}
    """,
    "work.yaml": """
        start_function: start_function
        greeting: Welcome.
        steps:
          ask: {prompt: One digit., dtmf: {num_digits: 1}, run: work}
    """,
    "work.py": """
        import time

        def start_function(conv):
            time.sleep(0.05)  # other calls go on meanwhile

        def work(conv, flow):
            return {"utterance": f"You pressed {conv.history[-1].text}.", "hangup": True}
    """,
}

CALLS = {
    "ask": ("hear Which / press 12", "completed", "12"),
    "opt_out": ("hear opt out / press 1", "completed", "1"),
    "speech": ("hear number / say five oh nine / hear right / press 1", "completed", "509"),
    "desk": ("", "handed_off", None),
    "work": ("hear One digit / press 7", "completed", "7"),
}


def test_many_calls_at_once_with_different_flows_all_end_well(serve, tmp_path):
    server = serve(FLOWS)
    calls = [(flow, server.call(flow, CALLS[flow][0])) for flow in [*CALLS] * 3]
    for flow, call in calls:
        result = finished(call)
        assert None is result.failure, (flow, result.lines)
        record = server.record(call.channel.uuid)
        _, ended, digits = CALLS[flow]
        assert (flow, ended) == (record.flow, record.result), record.entries
        assert [digits] * bool(digits) == [each.digits for each in record.collected]
        if flow == "opt_out":
            assert RecordingState.DISCARDED == record.recording.state
    server.idle()
    assert 0 == len(server.service.live)
    assert [] == [each for each in (tmp_path / "staging").rglob("*") if each.suffix == ".wav"]
    assert [] == [each for each in (tmp_path / "recordings").rglob("*.wav") if each.is_file()]


def test_callers_who_hang_up_at_any_moment(serve, tmp_path):
    server = serve(FLOWS)
    dice = random.Random(5)
    calls = []
    for number in range(30):
        flow = [*CALLS][number % len(CALLS)]
        script = f"wait {dice.uniform(0, 1.2):.3f} / hangup"
        calls.append(server.call(flow, script, pace=dice.choice([0.001, 0.02])))
        gevent.sleep(dice.uniform(0, 0.02))
    for call in calls:
        finished(call)
    server.idle()
    wait_for(lambda: len(server.records) == len(calls))
    assert {Result.ABANDONED, Result.COMPLETED, Result.HANDED_OFF} >= {
        record.result for record in server.records
    }
    left_early = [each for each in server.records if each.reason is Reason.CALLER_HUNG_UP]
    assert len(left_early) > 15
    assert [] == [each for each in (tmp_path / "staging").rglob("*") if each.suffix == ".wav"]
    published = [each for each in (tmp_path / "recordings").rglob("*.wav") if each.is_file()]
    present = [each for each in server.records if each.recording.state is RecordingState.PRESENT]
    assert len(present) == len([each for each in published if each.suffix == ".wav"])


def test_an_unknown_flow_is_refused_and_the_dialplan_goes_on(serve, log):
    server = serve(FLOWS)
    call = server.call(
        "aks", then=[("answer", ""), ("playback", "sorry.wav"), ("hangup", "USER_BUSY")]
    )
    result = finished(call)
    assert (["sorry.wav"], "USER_BUSY") == (
        [sound.what for sound in result.transcript.heard],
        result.cause,
    )
    record = server.record(call.channel.uuid)
    assert (Result.REFUSED, Reason.UNKNOWN_FLOW) == (record.result, record.reason)
    [line] = [line for line in log if line["level"] == "error"]
    assert ("call refused", call.channel.uuid) == (line["event"], line["call"])
    assert line["why"].startswith("socket_path names 'aks'; there are: ask, desk")


@pytest.mark.parametrize(
    ("stopping", "reason"), [(False, Reason.AT_CAPACITY), (True, Reason.DRAINED)]
)
def test_a_call_that_there_was_no_room_for_has_a_record(serve, stopping, reason):
    server = serve(FLOWS)
    listener = server.service.listener
    listener.admit = listener.let_go  # as if it came while the door is being closed
    listener._stopping = stopping
    call = server.call("ask", then=[("hangup", "USER_BUSY")])
    assert "USER_BUSY" == finished(call).cause
    record = server.record(call.channel.uuid)
    assert (Result.REFUSED, reason) == (record.result, record.reason)
    assert record.caller
    assert 1 == len(server.records)


def counted(flow, reason):
    """Calls that are over, and how many of them have a duration."""
    ended = {"flow": flow, "result": "failed", "reason": str(reason)}
    return (
        REGISTRY.get_sample_value("fsflows_calls_total", ended) or 0,
        REGISTRY.get_sample_value("fsflows_call_duration_seconds_count", {"flow": flow}) or 0,
    )


def test_a_call_that_is_cut_off_has_a_record_and_is_counted(serve):
    server = serve(FLOWS)
    before = counted("opt_out", Reason.DRAINED)
    call = server.call("opt_out", "wait quiet 20")
    wait_for(lambda: call.channel and call.channel.answered)
    wait_for(lambda: server.service.recordings.tools.live)
    server.service.cut()
    record = server.record(call.channel.uuid)
    assert (Result.FAILED, Reason.DRAINED) == (record.result, record.reason)
    assert (before[0] + 1, before[1] + 1) == counted("opt_out", Reason.DRAINED)
    finished(call)
    assert 0 == len(server.service.live)


def test_a_call_that_a_fault_of_ours_ends_has_a_record_and_is_counted(serve, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a fault of ours")

    server = serve(FLOWS)
    monkeypatch.setattr(run, "Engine", broken)
    before = counted("ask", Reason.INTERNAL_ERROR)
    call = server.call("ask")
    finished(call)
    record = server.record(call.channel.uuid)
    assert (Result.FAILED, Reason.INTERNAL_ERROR) == (record.result, record.reason)
    assert (before[0] + 1, before[1] + 1) == counted("ask", Reason.INTERNAL_ERROR)
    assert 1 == len(server.records)


# --- a FreeSWITCH that talks nonsense -----------------------------------------------------------------------------------


@pytest.fixture
def bystander(serve, log):
    """A server with a good call on it that must not notice anything; ends it at the end, and looks."""
    server = serve(FLOWS, silence_timeout=0.5)
    good = server.call("ask", "hear Which / press 1 / wait end within 60")
    wait_for(lambda: good.channel and good.channel.transcript.did)
    assert 1 == server.calls
    yield server
    wait_for(lambda: server.calls == 1)
    good.press("2")
    assert None is finished(good).failure
    record = server.record(good.channel.uuid)
    assert ["12"] == [each.digits for each in record.collected]
    assert (Result.COMPLETED, "NORMAL_CLEARING") == (record.result, record.hangup_cause)
    assert [] == [
        line for line in log if line.get("call") == good.channel.uuid and line["level"] != "info"
    ]


def complaint(log, call):
    """The one thing that was logged about a call, as text."""
    lines = [
        line for line in log if line["level"] in ("warning", "error") and line.get("call") == call
    ]
    assert 1 == len(lines), lines
    return f"{lines[0]['event']}: {lines[0].get('reason', lines[0].get('cause'))}"


BEFORE = {
    "a huge Content-Length": (
        b"Content-Type: command/reply\nContent-Length: 99999999999\n\n",
        "not the event socket protocol: Content-Length is '99999999999'; 8,388,608 bytes is the limit",
    ),
    "a negative Content-Length": (
        b"Content-Type: command/reply\nContent-Length: -5\n\n",
        "not the event socket protocol: Content-Length is not a number of bytes: '-5'",
    ),
    "ten thousand headers": (
        channel_data("ask")[:-1] + b"X-Header: 1\n" * 10_000 + b"\n",
        "not the event socket protocol: a header block of 10,",
    ),
    "no end of the headers": (b"\xff" * 300_000, "a header block of more than 262,144 bytes"),
    "a refusal": (
        serialize.reply("-ERR no session"),
        "the reply to `connect` has no channel in it",
    ),
    "another protocol": (
        b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        "it did not answer `connect`",
    ),
    "nothing": (b"", "it did not answer `connect`"),
}


@pytest.mark.parametrize("kind", BEFORE)
def test_nonsense_instead_of_the_calls_data(bystander, log, kind):
    data, text = BEFORE[kind]
    peer = bystander.peer()
    peer.begin(data)
    assert peer.ended()
    bystander.service.clock.sleep(0.01)
    lines = [
        line for line in log if line["part"] == "server.listener" and line["level"] == "warning"
    ]
    assert 1 == len(lines)
    assert text in f"{lines[0]['event']}: {lines[0].get('reason')}"
    assert [] == bystander.records


def test_an_end_anywhere_in_the_calls_data(bystander, log):
    data = channel_data("ask")
    cuts = [0, 1, len(data) - 1, *random.Random(1).sample(range(2, len(data) - 1), 25)]
    for cut in cuts:
        peer = bystander.peer()
        peer.begin(data[:cut])
        peer.close()
    wait_for(lambda: bystander.calls == 1)
    said = [line for line in log if line["event"] == "a connection ended before its call began"]
    assert len(cuts) == len(said)
    assert sum("in the middle of a frame" in line["reason"] for line in said) == len(cuts) - 1


def test_bytes_that_are_no_text_are_a_name_like_any_other(bystander):
    data = channel_data("ask").replace(b"Caller-ID-Name: Tester", b"Caller-ID-Name: \xff\xfe%FF%00")
    peer = bystander.peer()
    peer.begin(data).obey()
    wait_for(lambda: bystander.calls == 2)
    wait_for(lambda: "sendmsg speak" in peer.heard)
    peer.send(event("DTMF", DTMF_Digit="\xff\udcff") + key("3") + key("4"))
    record = bystander.record("peer")
    assert ["34"] == [each.digits for each in record.collected]
    assert "\ufffd\ufffd\ufffd" in record.caller_name
    peer.close()


def asked(bystander):
    """A peer whose call has got as far as its question."""
    peer = bystander.peer("ask")
    peer.begin().obey()
    wait_for(lambda: "sendmsg speak" in peer.heard)
    return peer


EVENT = event("DTMF", DTMF_Digit="1", Padding="x" * 500)

DURING = {
    "a huge Content-Length": (
        b"Content-Length: 99999999\nContent-Type: text/event-plain\n\n",
        "not the event socket protocol: Content-Length is '99999999'",
    ),
    "a negative Content-Length": (
        b"Content-Length: -1\nContent-Type: text/event-plain\n\n",
        "not the event socket protocol: Content-Length is not a number of bytes: '-1'",
    ),
    "ten thousand headers": (
        b"X-Header: 1\n" * 10_000 + b"\n",
        "not the event socket protocol: a header block of 10,000 headers",
    ),
    "no text at all": (b"\x00\xff" * 200_000, "a header block of more than"),
    "an end": (None, "connection to FreeSWITCH lost: FreeSWITCH closed the connection"),
}


@pytest.mark.parametrize("kind", DURING)
def test_nonsense_while_a_call_runs(bystander, log, kind):
    data, text = DURING[kind]
    peer = asked(bystander)
    peer.send(data or b"")
    if data is None:
        peer.close()
    record = bystander.record("peer")
    assert (Result.FAILED, Reason.LINK_LOST) == (record.result, record.reason)
    wait_for(lambda: bystander.calls == 1)
    assert text in complaint(log, "peer")
    peer.close()


def test_a_caller_who_left_before_we_were_told_of_anything(bystander):
    """He cancelled while FreeSWITCH read what we want to be told: there was no hangup event for us."""
    peer = bystander.peer("ask").begin()
    peer.send(serialize.linger_notice("peer", "sofia/internal/1000@example.org", 5))
    peer.send(serialize.disconnect_notice("peer"))
    peer.close()
    record = bystander.record("peer")
    assert (Result.ABANDONED, Reason.CALLER_HUNG_UP) == (record.result, record.reason)
    assert "ORIGINATOR_CANCEL" == record.hangup_cause


def test_an_end_anywhere_in_an_event(bystander, log):
    cuts = [1, len(EVENT) - 1, *random.Random(2).sample(range(2, len(EVENT) - 1), 10)]
    for number, cut in enumerate(cuts):
        peer = bystander.peer("ask", f"peer-{number}")
        peer.begin().obey()
        wait_for(lambda peer=peer: "sendmsg speak" in peer.heard)
        peer.send(EVENT[:cut])
        peer.close()
        record = bystander.record(f"peer-{number}")
        assert (Result.FAILED, Reason.LINK_LOST) == (record.result, record.reason)
        assert re.search("in the middle of a frame: .* had come", complaint(log, f"peer-{number}"))


def test_events_that_cannot_be_read_are_passed_over(bystander):
    """The frame around them is sound: the call goes on without them."""
    peer = asked(bystander)
    for body in (
        b"",
        b"\n",
        b"\xff\xfe\xff\n\n",
        b"Event-Name\n\n",
        b": \n\n",
        b"Event-Name: %\n\n",
    ):
        peer.send(b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(body), body))
    for body in (b"", b"{", b"[]", b'{"Event-Name": 5}', b"\xff"):
        peer.send(b"Content-Length: %d\nContent-Type: text/event-json\n\n%s" % (len(body), body))
    peer.send(event("DTMF", DTMF_Digit="") + event("DTMF") + event("DTMF", DTMF_Digit="12"))
    peer.send(event("DTMF", DTMF_Digit="4", DTMF_Duration="-1e99"))
    peer.send(event("DETECTED_SPEECH", Speech_Type="detected-speech", body="{"))
    peer.send(key("5"))
    record = bystander.record("peer")
    assert ["45"] == [each.digits for each in record.collected]
    assert Result.COMPLETED == record.result
    peer.close()


def test_an_unknown_application(bystander, log):
    """FreeSWITCH says +OK and hangs up."""
    peer = bystander.peer("ask")
    peer.begin()
    while (command := peer.command()).application != "speak":
        peer.send(peer.answer(command))
    cause = {"Hangup_Cause": "DESTINATION_OUT_OF_ORDER"}
    peer.send(
        serialize.reply("+OK")
        + event("CHANNEL_HANGUP", **cause)
        + event("CHANNEL_HANGUP_COMPLETE", **cause)
        + serialize.disconnect_notice("peer")
    )
    peer.close()
    record = bystander.record("peer")
    assert "DESTINATION_OUT_OF_ORDER" == record.hangup_cause
    assert (Result.FAILED, Reason.SWITCH_ERROR) == (record.result, record.reason)
    assert "DESTINATION_OUT_OF_ORDER" in complaint(log, "peer")


def test_calls_have_their_turn_while_flows_are_loaded_again(serve, monkeypatch):
    server = serve(FLOWS)
    turns, thresholds = [], gc.get_threshold()

    def nap(_):
        turns.append(gc.get_threshold()[2])

    monkeypatch.setattr(pacing, "TURN", -1.0)
    monkeypatch.setattr(pacing.gevent, "sleep", nap)
    before = server.service.flows
    server.service.reload()
    # Between any two files; and the old is not gone through for garbage while there is more of it with each.
    assert len(turns) >= len(FLOWS)
    assert set(turns) == {10**9}
    assert thresholds == gc.get_threshold()
    assert before.keys() == server.service.flows.keys()
    assert before is not server.service.flows

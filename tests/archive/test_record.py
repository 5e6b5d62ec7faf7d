import dataclasses
import json
import math

import pytest

from fsflows import log
from fsflows.archive import record as record_module
from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.archive.entries import KINDS, Collected, Heard, Noted, Said, from_json
from fsflows.archive.live import LiveCalls
from fsflows.archive.model import Record, loads
from fsflows.archive.record import RecordBuilder
from fsflows.clock import VirtualClock
from fsflows.privacy import Pii, Redactor


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def redactor():
    return Redactor()


@pytest.fixture
def builder(clock, redactor):
    return RecordBuilder(
        "uuid-1",
        clock,
        redactor,
        caller="+15550001",
        caller_name="Ada",
        callee="100",
        flow="desk",
        flow_version="abc",
    )


def finish(builder):
    return builder.finish(Result.COMPLETED, Reason.FLOW_ENDED, "NORMAL_CLEARING")


def test_a_call_becomes_a_record(clock, builder):
    def call():
        clock.sleep(0.5)
        builder.answered()
        builder.entered("account")
        builder.said("Your account number?", how="speech")
        clock.sleep(2)
        builder.heard("four", "speech", confidence=0.91)
        clock.sleep(1)
        builder.collected(
            "account", "complete", "42", "both", confidence=0.91, attempts=2, seconds=1.0
        )
        builder.function("look_up", 0.25)
        builder.metric("balance", 12.5)
        builder.handoff("desk", "transfer", "asked for")
        builder.recording(RecordingState.PRESENT, "2026-01-01/uuid-1.wav")
        return finish(builder)

    record = clock.run(call)
    assert ("uuid-1", "+15550001", "Ada", "100", "desk", "abc") == (
        record.call_id,
        record.caller,
        record.caller_name,
        record.callee,
        record.flow,
        record.flow_version,
    )
    assert (Result.COMPLETED, Reason.FLOW_ENDED, "NORMAL_CLEARING") == (
        record.result,
        record.reason,
        record.hangup_cause,
    )
    assert 3.5 == record.seconds
    assert 0.5 == (record.answered_at - record.started_at).total_seconds()
    assert [0.5, 0.5, 2.5, 3.5] == [entry.at for entry in record.entries[:4]]
    assert [
        Collected(
            at=3.5,
            step="account",
            outcome="complete",
            digits="42",
            source="both",
            confidence=0.91,
            attempts=2,
            seconds=1.0,
        )
    ] == (record.collected)
    assert {"balance": 12.5} == record.metrics
    assert ("desk", "transfer", "asked for") == (
        record.handoff.name,
        record.handoff.method,
        record.handoff.reason,
    )
    assert "account" == record.last_step
    assert record == loads(record.dumps())


def test_what_is_noted_late_stands_where_it_belongs(clock, builder):
    def call():
        builder.said("first", at=clock.now() + 1)
        builder.said("second", at=clock.now() + 2)
        builder.heard("between", "speech", at=clock.now() + 1.5)
        return finish(builder)

    assert ["first", "between", "second"] == [entry.text for entry in clock.run(call).entries]


def test_P12_a_discarded_recording_is_not_brought_back(builder):
    builder.recording("present", "a.wav")
    builder.recording("pending")
    builder.recording("present", "a.wav")
    assert builder.note.state == RecordingState.PENDING
    builder.recording("discarded", receipt={"cause": "key 1"})
    builder.recording("present", "b.wav")
    record = finish(builder)
    assert RecordingState.DISCARDED == record.recording.state
    assert () == record.recording.links
    assert {"cause": "key 1"} == record.recording.receipt


def test_P13_private_values_are_hidden_as_they_come_and_once_more_at_the_end(builder, redactor):
    builder.heard("four five five six seven", "speech")  # said before it was asked for
    builder.noted("4556737586899855")
    builder.metric("card 45567375", {"n": 4556737586899855, "4556737586899855": [Pii("1")]})
    builder.collected("card", "complete", redactor.add("4556737586899855"), "keys")
    builder.function("pay", 0.1, ValueError("bad card 4556737586899855"))
    builder.handoff("desk", reason=Pii("Jane"))
    builder.recording("discarded", receipt={"cause": "said 4556 7375"})
    record = finish(builder)
    for text in (record.dumps(), repr(record), str(record.as_json())):
        assert "45567" not in text
        assert "4556 7375" not in text
        assert "five five" not in text
        assert "Jane" not in text
    assert record.collected[0].pii
    assert "[16 digits hidden]" == record.collected[0].digits


def test_P13_a_private_step_is_hidden_while_the_call_runs(builder, redactor):
    live = LiveCalls()
    live.add(builder)
    builder.heard("seven three nine one", "speech")
    builder.collected("pin", "complete", redactor.add("7391"), "speech")
    assert "[hidden]" == live.entries(builder.id)[0].text
    assert "[4 digits hidden]" == live.snapshot()[0].latest["digits"]


class Bad:
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda b: b.said(Bad()),
        lambda b: b.heard(Bad(), "keys"),
        lambda b: b.collected("s", "complete", Bad()),
        lambda b: b.function("f", "soon"),
        lambda b: b.metric(Bad(), 1),
        lambda b: b.handoff(Bad()),
        lambda b: b.recording("lost"),
        lambda b: b.recording("present", None),
        lambda b: b.said("x", at="now"),
        lambda b: b.noted(Bad()),
    ],
)
def test_a_builder_never_raises_and_says_what_is_missing(builder, wrong):
    with log.capture() as events:
        wrong(builder)
        builder.said("hello")
    assert ["an entry is missing from the record"] == [event["event"] for event in events]
    assert ["hello"] == [entry.text for entry in finish(builder).entries]


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        "a\0b",
        "\ud800",
        object(),
        {1: {2, 3}},
        b"\xff",
        10**400,
        [Bad.__str__],
        "x" * 5000,
    ],
)
def test_any_value_can_be_stored(builder, value):
    builder.metric("m", value)
    builder.said(str(value)[:10] if not isinstance(value, str) else value)
    text = finish(builder).dumps()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "\\u0000" not in text
    assert text.encode()
    assert loads(text).dumps() == text


def test_a_call_without_end_does_not_fill_the_database(builder, monkeypatch):
    monkeypatch.setattr(record_module, "MAX_ENTRIES", 3)
    for number in range(5):
        builder.entered(f"step {number}")
    record = finish(builder)
    assert 3 == len(record.entries)
    assert 2 == record.dropped_entries
    assert "step 4" == record.last_step


def test_a_finished_record_stays_as_it_is(clock, builder):
    first = finish(builder)
    builder.said("too late")
    builder.recording("present", "x")
    assert first is builder.finish(Result.FAILED, Reason.INTERNAL_ERROR)
    assert () == first.entries


def test_live_calls_come_change_and_go(clock, builder):
    live = LiveCalls()
    before = live.revision()
    live.add(builder)
    builder.entered("menu", flow="other")
    (call,) = live.snapshot()
    assert ("uuid-1", "other", "menu", "none") == (
        call.call_id,
        call.flow,
        call.step,
        call.recording,
    )
    assert live.revision() != before
    between = live.revision()
    builder.said("hello")
    assert between != live.revision()
    live.remove(builder)
    live.remove(builder)
    assert [] == live.snapshot()
    assert live.entries(builder.id) is None


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_kind_of_entry_survives_json(kind):
    required = {
        field.name: 0.5 if field.name in ("at", "seconds") else ""
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING
    }
    entry = kind(**required)
    assert entry == from_json(json.loads(json.dumps(entry.as_json())))


def test_entries_of_a_later_version_are_read_as_far_as_they_go():
    assert Said(at=1.0, text="hi") == from_json({"kind": "said", "at": 1.0, "text": "hi", "new": 1})
    assert Noted(at=2.0, text="hologram") == from_json({"kind": "hologram", "at": 2.0})


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "1", "{}", '{"id": 1}', '{"id":"1","call_id":"2","started_at":"noon"}']
)
def test_what_is_no_record_is_a_value_error(line):
    with pytest.raises(ValueError):
        loads(line)


def test_a_record_cut_off_by_a_crash_is_a_value_error(samples):
    text = samples[0].dumps()
    for end in (1, len(text) // 2, len(text) - 1):
        with pytest.raises(ValueError):
            loads(text[:end])


def test_samples_are_records_like_any_other(samples):
    assert all(isinstance(record, Record) and record == loads(record.dumps()) for record in samples)
    assert {Result.COMPLETED, Result.ABANDONED, Result.HANDED_OFF, Result.FAILED} == {
        r.result for r in samples
    }


NUMBER = "4556737586899855"


def asked(builder, keyed, digits=None, at=0.0):
    """A step that isn't private, and what it has heard."""
    for word in keyed:
        builder.heard(word, "keys" if len(word) == 1 else "speech", at)
    builder.collected("ask", "complete", digits or "".join(keyed), at=at)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "answers",
    [
        [(NUMBER, NUMBER)],
        [(NUMBER[:9] + "*" + NUMBER, NUMBER)],
        [("".join(2 * key for key in NUMBER), NUMBER)],  # each reported twice
        [(["four five five", "six seven three", "seven five eight", *"6899855"], NUMBER)],
        [(NUMBER[at : at + 4], NUMBER[at : at + 4]) for at in range(0, 16, 4)],
    ],
)
def test_P13_a_number_that_was_keyed_or_said_in_pieces_is_hidden_when_it_is_private(
    clock, builder, answers, before
):
    def call():
        asked(builder, "1")
        if before:
            builder.redactor.add(NUMBER)
        for at, (keyed, digits) in enumerate(answers, 1):
            asked(builder, keyed, digits, at)
        builder.redactor.add(NUMBER)
        asked(builder, "2", at=9)
        return finish(builder)

    record = clock.run(call)
    heard = [entry.text for entry in record.entries if isinstance(entry, Heard)]
    assert ["1", "2"] == [text for text in heard if "hidden]" not in text]
    shown = "".join(each.digits for each in record.collected if "hidden]" not in each.digits)
    assert shown in ("12", "1" + NUMBER[-4:] + "2")


def test_P13_what_a_receipt_says_that_was_said_is_hidden_when_it_is_private_afterwards(
    clock, builder
):
    said = {"cause": {"key_or_word": f"it is {NUMBER}, don't record me"}}

    def call():
        builder.recording(RecordingState.DISCARDED, receipt=said)
        builder.redactor.add(NUMBER)
        return finish(builder)

    assert NUMBER not in repr(clock.run(call))

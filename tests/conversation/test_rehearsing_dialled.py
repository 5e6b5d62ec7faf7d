"""A script of a flow that is dialled: its call is as one that we make."""

import pytest

from fsflows.archive.endings import Reason, Result
from fsflows.conversation.rehearsal import profile_of
from fsflows.switch import parse_script

FLOW = """
    greeting: Good morning {name}.
    steps:
      ask:
        prompt: Press one.
        dtmf: {num_digits: 1}
        asr: false
        next: {say: "You are {callee_number}, we are {caller_number}.", run: note}
"""
NOTE = """
    def note(conv, flow):
        conv.write_metric("customer", conv.state.customer)
        conv.write_metric("who", [conv.caller_number, conv.callee_number, conv.sip_headers])
        return {"hangup": True}
"""
DIALLED = "dialled +44 20 7946 0018\nstate name=Ann Example\nstate customer=4711\n"


def test_whoever_answers_gets_the_flow_with_what_is_known_of_them(play):
    played = play(
        FLOW.replace("say: ", "metric: {said: ").replace('.", run', '."}, run'),
        f"{DIALLED}from 442079460000\nsay hello\nhear good morning ann example\nhear press one\npress 1\n",
        NOTE,
    )
    record = played.record
    assert (Result.COMPLETED, "outbound", "answered") == (
        record.result,
        record.direction,
        record.outcome,
    )
    assert ("442079460000", "+442079460018") == (record.caller, record.callee)
    assert record.id == record.call_id
    assert {
        "said": "You are +442079460018, we are 442079460000.",
        "customer": "4711",
        "who": ["442079460000", "+442079460018", {}],
    } == record.metrics
    assert {"name": "Ann Example", "customer": "4711"} == played.engine.state
    assert "taken" == played.channel.variables["fsflows_dial_state"]


def test_without_a_number_of_ours_there_is_none(play):
    played = play(
        FLOW, f"{DIALLED}hear press one\npress 1\nexpect heard +442079460018, we are .\n", NOTE
    )
    assert ("", "") == (played.record.caller, played.record.caller_name)


def test_python_adds_what_is_no_text(play):
    played = play(FLOW, f"{DIALLED}hear press one\npress 1\n", NOTE, state={"customer": 4711})
    assert {"name": "Ann Example", "customer": 4711} == played.engine.state


def test_a_machine_is_hung_up_on(play):
    mailbox = "you have reached the mailbox of ada lindqvist please leave a message after the tone"
    script = (
        f"{DIALLED}machine hang_up\nsay {mailbox}\nexpect ended machine\nexpect not heard good\n"
    )
    record = play(FLOW, script, NOTE).record
    assert (Result.UNANSWERED, Reason.MACHINE, "machine") == (
        record.result,
        record.reason,
        record.outcome,
    )


def test_a_machine_gets_the_flow_unless_it_is_said(play):
    play(FLOW, f"{DIALLED}hear good morning\nhangup\nexpect not ended machine\n", NOTE)


def test_more_than_can_be_sent_is_said():
    script = parse_script(f"dialled 1\nstate much={'x' * 4096}\n", "a.call")
    with pytest.raises(ValueError, match=r"^state: must be 4096 bytes of JSON at the most"):
        profile_of(script)


def test_a_call_that_comes_in_takes_no_values_from_anybody(play):
    """The variable alone is none of ours."""
    played = play(FLOW, "set fsflows_values=eyJuYW1lIjoiQW5uIn0\nhear press one\npress 1\n", NOTE)
    assert {} == played.engine.state
    assert "inbound" == played.record.direction

"""Calls that we made: who answered, our number and theirs, and the record of it."""

import pytest

from fsflows.archive.endings import Reason, Result

FLOW = """
    greeting: Good morning, this is a survey.
    steps:
      ask: {prompt: Press a key., dtmf: {num_digits: 1}, asr: false, next: {say: Thank you., hangup: true}}
"""
OURS = """
    to 442079460018
    set fsflows_dialled=442079460018
    set origination_caller_id_number=442079460000
    set fsflows_machine=hang_up
"""
MAILBOX = "you have reached the mailbox of ada lindqvist please leave a message after the tone"


def test_a_person_says_hello_and_gets_the_flow(play):
    played = play(
        FLOW,
        f"{OURS}say hello\nhear good morning\nwait end\nhear press a key\npress 1\nexpect heard thank you\n",
    )
    record = played.record
    assert (Result.COMPLETED, "outbound", "answered") == (
        record.result,
        record.direction,
        record.outcome,
    )
    assert ("442079460000", "442079460018") == (record.caller, record.callee)
    assert ["answered by a person"] == [e.text for e in record.entries if e.kind == "note"]


def test_somebody_who_says_nothing_is_greeted(play):
    played = play(FLOW, f'{OURS}hear "good morning" within 4\nhear press a key\npress 1\n')
    assert Result.COMPLETED is played.record.result


def test_a_key_ends_the_waiting(play):
    played = play(FLOW, f'{OURS}press 5\nhear "good morning" within 2\nhear press a key\npress 1\n')
    assert Result.COMPLETED is played.record.result


def test_a_machine_is_hung_up_on(play):
    played = play(FLOW, f"{OURS}say {MAILBOX}\nexpect not heard good morning\n")
    record = played.record
    assert (Result.UNANSWERED, Reason.MACHINE, "machine") == (
        record.result,
        record.reason,
        record.outcome,
    )
    assert "machine" == played.channel.variables["fsflows_dial_state"]
    assert 6.0 > record.seconds


def test_whoever_hangs_up_meanwhile_has_answered(play):
    record = play(FLOW, f"{OURS}wait 1\nhangup\n").record
    assert (Result.ABANDONED, "answered") == (record.result, record.outcome)


def test_without_a_recogniser_everybody_is_a_person(play):
    played = play(
        FLOW, f'{OURS}recogniser down\nhear "good morning" within 4\nhear press a key\npress 1\n'
    )
    assert Result.COMPLETED is played.record.result


@pytest.mark.parametrize("variable", ["set fsflows_machine=", "set fsflows_machine=ignore"])
def test_a_machine_may_be_talked_to(play, variable):
    script = OURS.replace("set fsflows_machine=hang_up", variable if variable[-1] != "=" else "")
    played = play(
        FLOW,
        f'{script}meanwhile say {MAILBOX}\nhear "good morning" within 1\nhear press a key\npress 1\n',
    )
    assert Result.COMPLETED is played.record.result
    assert "taken" == played.channel.variables["fsflows_dial_state"]


def test_a_call_that_came_in_is_none_of_ours(play):
    played = play(
        FLOW,
        'set fsflows_machine=hang_up\nhear "good morning" within 1\nhear press a key\npress 1\n',
    )
    record = played.record
    assert ("inbound", "") == (record.direction, record.outcome)
    assert "fsflows_dial_state" not in played.channel.variables

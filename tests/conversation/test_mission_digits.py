"""MISSION.md, rows L1-L14 and beyond, through the whole conversation in virtual time: YAML in, a caller, what came of it."""

import pytest
from conversation_flows import one_key

from fsflows.archive.endings import Reason, Result
from fsflows.archive.entries import Heard
from fsflows.conversation.history import AgentResponse


def test_L7_a_key_interrupts_what_is_being_played_at_the_key(play):
    played = play(
        one_key(
            prompt="This is a long prompt that goes on and on and on, and nobody listens to its end."
        ),
        "wait 1\npress 2\nexpect digits 2\n",
    )
    prompt = played.channel.transcript.heard[0]
    pressed = played.channel.transcript.did[0].at
    assert "key" == prompt.ending
    assert prompt.end - pressed <= 0.06


def test_L4_confirmation_by_key_by_voice_and_a_correction(play):
    flow = """
        steps:
          ask:
            prompt: Your number.
            dtmf: {num_digits: 4, inter_digit_timeout: 3}
            confirm: always
            next: done
          done: {prompt: Thank you., next: {hangup: true}}
    """
    play(flow, "wait end\npress 1234\nhear right\npress 1\nexpect digits 1234\n")
    play(flow, "wait end\nsay one two three four\nwait end\nsay yes\nexpect digits 1234\n")
    play(
        flow,
        "wait end\npress 1234\nhear right\npress 2\nwait end\npress 5678\nhear right\npress 1\nexpect digits 5678\n",
    )
    play(
        flow,
        "wait end\npress 1234\nwait end\nsay no one two three five\nwait end\nsay yes\nexpect digits 1235\n",
    )


def test_L12_a_wrong_count_is_never_a_success_and_keeps_its_digits(play):
    play(
        """
        steps:
          ask:
            prompt: Four digits.
            dtmf: {num_digits: 4, end_key: "#"}
            asr: false
            retry: {attempts: 1}
            on: {too_short: {say: "Only {digits}.", hangup: true}, otherwise: {hangup: true}}
        """,
        "wait end\npress 12#\nexpect outcome too_short\nexpect digits 12\nexpect heard Only 12\n",
    )


def test_L13_a_caller_who_never_does_anything(play):
    played = play(
        """
        steps:
          ask:
            prompt: Hello?
            dtmf: {num_digits: 1}
            retry: {attempts: 2, then: {say: Goodbye., hangup: true}}
            on: {1: ask}
        """,
        "expect outcome no_input\nexpect heard Goodbye\n",
    )
    assert (Result.ABANDONED, Reason.NO_INPUT_LIMIT) == (played.record.result, played.record.reason)


TASK = """
    from fsflows import GetDtmfTask

    def number(conv, flow):
        result = GetDtmfTask(
            num_digits=10,
            ask_for_confirmation=True,
            dtmf_input_timeout=4.0,
            dtmf_stop_event="#",
            extra_instructions="What is your phone number?",
            chat_ctx=conv.history,
        ).run(conv)
        conv.write_metric("number", result.user_input)
        conv.write_metric("how", [result.outcome, result.source, result.digits])
        return {"hangup": True}
"""


def test_L10_the_task_inside_a_function(play):
    flow = """
        steps:
          ask: {prompt: Ready?, dtmf: {num_digits: 1}, asr: false, run: number}
    """
    played = play(
        flow,
        "wait end\npress 1\nhear phone number\npress 5551234567\nhear right\npress 1\n",
        TASK,
    )
    assert {
        "number": "5551234567",
        "how": ["complete", "keys", "5551234567"],
    } == played.record.metrics
    played = play(
        flow,
        "wait end\npress 1\nhear phone number\npress 555#\nwait quiet 20 within 90\nhangup\n",
        TASK,
    )
    assert "" == played.record.metrics.get("number", "")


def test_L3_a_task_hears_what_is_said_over_its_prompt_where_no_step_listens(play):
    played = play(
        "steps: {ask: {run: ask}}",
        "wait start\nwait 1\nsay one two three four\nexpect digits 1234\n",
        """
        def ask(conv, flow):
            conv.collect(num_digits=4, extra_instructions="Which four digits are on the back of your card?")
            return {"hangup": True}
        """,
    )
    assert "break" == played.channel.transcript.heard[0].ending


def test_L9_the_conversation_so_far_is_given(play):
    played = play(
        one_key().replace("on:\n          otherwise: done", "run: look\n        next: done"),
        "wait end\npress 4\n",
        """
        def look(conv, flow):
            conv.write_metric("turns", [turn.role + ":" + turn.text for turn in conv.history])
        """,
    )
    assert ["agent:Press a key now please, any key.", "user:4"] == played.record.metrics["turns"]
    assert isinstance(played.engine.history[0], AgentResponse)


def test_beyond_8_an_escape_works_in_every_step(play):
    flow = """
        escape: {keys: "0", words: [operator], then: {handoff: desk}}
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, on: {1: two}, next: one}
          two: {prompt: Second., dtmf: {num_digits: 4}, next: one}
        handoffs: {desk: {transfer: 5000 XML default}}
    """
    played = play(flow, "wait end\npress 1\nwait end\npress 0\nexpect handoff desk\n")
    assert (Result.HANDED_OFF, Reason.ESCAPED) == (played.record.result, played.record.reason)
    play(flow, "wait end\nsay i want the operator\nexpect handoff desk\n")


@pytest.mark.parametrize(("repeat", "expected"), [("true", 2), ("false", 1)])
def test_beyond_9_the_prompt_is_said_again_where_the_flow_wants_it(play, repeat, expected):
    played = play(
        f"""
        steps:
          ask:
            prompt: Press one.
            dtmf: {{num_digits: 1}}
            asr: false
            retry: {{attempts: 2, no_input: Hello?, repeat_prompt: {repeat}, then: {{hangup: true}}}}
            on: {{1: ask}}
        """,
        "wait quiet 15 within 60\nhangup\n",
    )
    assert expected == played.heard.splitlines().count("Press one.")


def test_beyond_10_type_ahead_through_three_menus_loses_no_key(play):
    played = play(
        """
        steps:
          one: {prompt: First menu., dtmf: {num_digits: 1}, asr: false, next: two}
          two: {prompt: Second menu., dtmf: {num_digits: 1}, asr: false, next: three}
          three: {prompt: Third menu., dtmf: {num_digits: 1}, asr: false, next: {hangup: true}}
        """,
        "wait start\nwait 0.2\npress 123 gap 0.05\nexpect digits 1\nexpect digits 2\nexpect digits 3\n",
    )
    assert 3 == len(played.record.collected)
    assert played.record.seconds < 3


def test_L6_the_end_key_of_the_answer_before_does_not_cut_the_next_prompt(play):
    played = play(
        """
        steps:
          pin:
            prompt: Your PIN.
            dtmf: {num_digits: 4, end_key: "#"}
            asr: false
            validate: {values: ["1111"]}
            retry: {attempts: 2, no_match: That number is not the right one., then: {hangup: true}}
            on: {complete: {hangup: true}}
        """,
        "wait end\npress 1357# gap 0.1\nwait quiet 20 within 60\nhangup\n",
    )
    sounds = {sound.what: str(sound.ending) for sound in played.channel.transcript.heard}
    assert "done" == sounds["That number is not the right one."]


def test_P13_the_record_of_a_private_step_without_an_answer_says_nothing(play):
    played = play(
        """
        steps:
          pin: {prompt: Your PIN., dtmf: {num_digits: 4, is_pii: true}, asr: false, retry: {attempts: 1}, next: {hangup: true}}
        """,
        "wait quiet 20 within 60\nhangup\n",
    )
    assert [""] == [each.digits for each in played.record.collected]


RUNS_ON = """
steps:
  first:
    prompt: Your number.
    dtmf: {{ num_digits: {digits}, is_pii: true, end_key: "#", first_digit_timeout: 4 }}
    retry: {{attempts: 1}}
    next: more
  more:
    prompt: Anything else?
    dtmf: {{ num_digits: {more}, first_digit_timeout: 6 }}
    retry: {{attempts: 1}}
    next: {{hangup: true}}
"""


@pytest.mark.parametrize("pressed", ["12#", "#"])
def test_P13_what_is_said_on_past_the_end_of_a_private_step_is_answered_and_shown_nowhere(
    play, pressed
):
    played = play(
        RUNS_ON.format(digits=16, more=6),
        f"""\
        hear your number
        meanwhile say "four five five six seven three seven five eight six eight nine nine eight five five" word 0.5
        wait 3
        press {pressed}
        hear anything else
        wait quiet 20 within 60
        """,
    )
    assert [None, "no_input"] == [
        None if each.step == "first" else each.outcome for each in played.record.collected
    ]
    said = [entry for entry in played.record.of_kind(Heard) if entry.source == "speech"]
    assert said
    assert {"[hidden]"} == {entry.text for entry in said}


def test_P13_the_surplus_of_a_private_answer_is_private_in_the_next_step(play):
    """For whoever looks on while the call runs, too: at its end the whole answer tells what its keys were."""
    played = play(
        "start_function: watched" + RUNS_ON.format(digits=4, more=2),
        "hear your number\npress 80531975\nwait quiet 20 within 60\n",
        """
        def watched(conv):
            conv.state.seen = []
            conv._engine.record.watchers.append(conv.state.seen.append)
        """,
    )
    seen = [entry.text for entry in played.engine.state.seen if isinstance(entry, Heard)]
    assert ["[hidden]"] * len(seen) == seen
    assert len(seen) >= 6
    assert ["[4 digits hidden]", "[2 digits hidden]"] == [
        each.digits for each in played.record.collected
    ]
    assert {"[hidden]"} == {entry.text for entry in played.record.of_kind(Heard)}


@pytest.mark.parametrize("answer", ["12", "12#"])
def test_P13_the_other_report_of_the_last_private_key_is_private(play, answer):
    played = play(
        RUNS_ON.format(digits=2 if answer == "12" else 3, more=2),
        f"""\
        hear your number
        press {answer} inband 0.05
        hear anything else
        press 9 inband 0.05
        wait quiet 20 within 60
        """,
    )
    assert ["first", "more"] == [each.step for each in played.record.collected]
    heard = [(entry.step, entry.text) for entry in played.record.of_kind(Heard)]
    assert {"[hidden]"} == {text for step, text in heard[: 2 * len(answer)]}
    assert ("more", "9") == heard[2 * len(answer)]


@pytest.mark.parametrize("words", ["four five five six", "four"])
def test_P13_speech_of_which_nothing_was_heard_when_a_private_step_ended_is_private(play, words):
    """It begins just before the last key, so slowly that the next prompt already plays when the recogniser hears a word."""
    played = play(
        RUNS_ON.format(digits=2, more=4),
        f"""\
        hear your number
        press 1
        meanwhile say "{words}" word 0.8
        wait 0.1
        press 2 gap 0 hold 0.1
        wait start
        wait quiet 20 within 60
        """,
    )
    assert ["first", "more"] == [each.step for each in played.record.collected]
    said = [entry for entry in played.record.of_kind(Heard) if entry.source == "speech"]
    assert ["more"] * len(said) == [entry.step for entry in said]
    assert said
    assert {"[hidden]"} == {entry.text for entry in said}
    assert "four" not in played.record.dumps()
    assert "4" not in "".join(each.digits for each in played.record.collected[1:]).replace(
        "[4 d", ""
    )

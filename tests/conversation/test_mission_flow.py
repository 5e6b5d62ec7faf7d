"""MISSION.md, rows P1-P15, through the whole conversation in virtual time: YAML in, a caller, what came of it."""

import pytest
from conversation_flows import one_key, texts
from random_text import without_random

from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.clock import VirtualClock
from fsflows.conversation import rehearsal
from fsflows.conversation.history import UserInput
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.journal import Journal


def test_P3_the_start_function_runs_to_its_end_before_a_key_counts(play):
    played = play(
        one_key(),
        """
        wait 1
        press 7
        hear any key
        press 2
        expect digits 2
        expect not digits 7
        """,
        """
        def start_function(conv):
            conv._engine.clock.sleep(3)
        """,
    )
    assert "7" not in texts(played)


def test_P3_keys_that_a_question_of_the_start_function_did_not_take_are_nobody_s(play):
    played = play(
        """
        steps:
          ask: {prompt: Press a key., dtmf: {num_digits: 1}, retry: {attempts: 1}, next: {hangup: true}}
        """,
        "wait 1\npress 12\n",
        """
        def start_function(conv):
            conv._engine.clock.sleep(3)
            conv.collect(num_digits=1)
        """,
    )
    assert ["1", ""] == [str(each.digits) for each in played.record.collected]


GREETED = """
    greeting: Welcome to the house of many long words.
    steps:
      ask:
        prompt: Press a key.
        dtmf:
          num_digits: 1
          type_ahead: flush
          {dtmf}
        asr: false
        retry: {{attempts: 1}}
        on: {{otherwise: done}}
      done: {{prompt: Goodbye., next: {{hangup: true}}}}
"""


def test_P4_the_greeting_plays_before_capture_begins(play):
    played = play(
        GREETED.format(dtmf=""),
        """
        wait start
        wait 0.5
        press 7
        hear press a key
        press 2
        expect digits 2
        """,
    )
    greeting = played.channel.transcript.heard[0]
    assert "done" == greeting.ending
    assert "7" not in texts(played)


def test_P4_an_empty_greeting_means_capture_is_the_first_thing(play):
    played = play(
        GREETED.format(dtmf=""),
        """
        wait start
        press 2
        expect digits 2
        expect not heard Welcome
        """,
        'def start_function(conv):\n    return {"utterance": ""}\n',
    )
    assert "Press a key." == played.channel.transcript.heard[0].what


def test_P4_the_start_function_s_utterance_is_the_greeting(play):
    played = play(
        GREETED.format(dtmf=""),
        "hear press a key\npress 2\nexpect heard Hello Ann\nexpect not heard Welcome\n",
        'def start_function(conv):\n    return {"utterance": "Hello Ann."}\n',
    )
    assert ["Hello Ann.", "Press a key.", "2", "Goodbye."] == texts(played)


@pytest.mark.parametrize(
    ("dtmf", "keys", "ending"),
    [("", ["2"], "done"), ("collect_while_agent_speaking: true", ["7"], "done"), ("barge_in: interrupt", ["7"], "key")],
)  # fmt: skip
@pytest.mark.parametrize("leads", ['"transition": "ask"', '"transition": {"goto_flow": "flow"}'])
def test_P4_the_greeting_plays_first_wherever_the_start_function_leads(
    play, dtmf, keys, ending, leads
):
    played = play(
        GREETED.format(dtmf=dtmf),
        "wait start\nwait 0.2\npress 7\nhear a key\nwait 0.1\npress 2\n"
        if not dtmf
        else "wait start\nwait 0.2\npress 7\n",
        f'def start_function(conv):\n    return {{"utterance": "Hello, Ann.", {leads}}}\n',
    )
    assert keys == [str(each.digits) for each in played.record.collected]
    assert ending == played.channel.transcript.heard[0].ending


def test_P5_keys_are_captured_in_the_background_while_the_agent_speaks(play):
    played = play(
        GREETED.format(dtmf="collect_while_agent_speaking: true"),
        """
        wait start
        wait 0.5
        press 2
        expect digits 2
        """,
    )
    assert ["done"] * 3 == [str(each.ending) for each in played.channel.transcript.heard]


def test_P6_speech_answers_where_keys_could(play):
    play(
        """
        steps:
          ask:
            prompt: Which one?
            dtmf: {num_digits: 1}
            on: {"2": two, otherwise: other}
          two: {prompt: Two it is., next: {hangup: true}}
          other: {prompt: Something else., next: {hangup: true}}
        """,
        "wait end\nsay two\nexpect digits 2\nexpect heard Two it is\n",
    )


def test_P7_silence_ends_at_the_first_digit_timeout(play):
    played = play(one_key(dtmf="first_digit_timeout: 3"), "expect outcome no_input\n")
    prompt, goodbye = played.channel.transcript.heard
    assert 3.0 <= goodbye.start - prompt.end <= 3.1


def test_P7_a_finished_answer_is_not_held_up(play):
    played = play(one_key(), "hear any key\npress 2\n")
    _, goodbye = played.channel.transcript.heard
    pressed = played.channel.transcript.did[0].at
    assert goodbye.start - pressed < 0.1


def test_P8_goto_step_goto_flow_and_exit_flow(play):
    played = play(
        """
        steps:
          ask: {prompt: One., dtmf: {num_digits: 1}, asr: false, run: choose}
          other: {prompt: Other step., next: {flow: second}}
        """,
        "wait end\npress 1\nhear in the second flow\npress 1\nexpect heard Left it\n",
        """
        def choose(conv, flow):
            assert flow.current_step == "ask"
            flow.goto_step("other")
        """,
        others={
            "second": """
                steps:
                  ask: {prompt: You are in the second flow., dtmf: {num_digits: 1}, asr: false, on: {otherwise: {exit: true}}}
                on_exit: {say: Left it., hangup: true}
            """,
        },
    )
    assert (Result.COMPLETED, Reason.FLOW_ENDED) == (played.record.result, played.record.reason)


def test_P8_another_flow_speaks_with_its_own_voice(play):
    """ "Press 2 for Spanish": what was queued before is still said in the voice before."""
    played = play(
        """
        steps:
          ask: {prompt: One., dtmf: {num_digits: 1}, asr: false, on: {otherwise: {run: both}}}
        """,
        "wait end\npress 2\nexpect ended completed\n",
        """
        def start_function(conv):
            call = conv._engine.call
            execute, conv.state.said = call.execute, []
            def listening(application, argument="", *, more=False):
                if application == "speak":
                    conv.state.said.append(argument)
                return execute(application, argument, more=more)
            call.execute = listening

        def both(conv, flow):
            conv.say("Two.")
            conv.say("Three.")
            conv.goto_flow("second")
        """,
        others={
            "second": "voice: {voice: rms}\nsteps: {end: {prompt: Cuatro., next: {hangup: true}}}\n"
        },
    )
    assert ["flite|slt|One.", "flite|slt|Two.", "flite|slt|Three.", "flite|rms|Cuatro."] == (
        played.engine.state.said
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('flow.goto_step("a" + "sk2")', "there is no step named 'ask2'; did you mean 'ask'?"),
        ('flow.goto("ask")', "has no attribute 'goto'; did you mean 'goto_step'?"),
        ("flow.transfer", "has no attribute 'transfer'; write conv.call_handoff()"),
        ("flow.colour", "has no attribute 'colour'; it has: current_step, goto_step, name"),
        ("conv.delete_recording()", "'delete_recording'; write conv.discard_recording()"),
        ('conv.goto_step("ask")', "has no attribute 'goto_step'; write flow.goto_step()"),
        ("conv.caller_number.last", "'str' object has no attribute 'last'"),
        ('conv.goto_flow("no" + "where")', "there is no flow named 'nowhere'"),
        ('conv.call_handoff("de" + "sk")', "there is no hand-off named 'desk'; there are: none"),
    ],
)
def test_P8_a_name_that_does_not_exist_is_loud_at_run_time(play, call, message):
    played = play(
        one_key().replace("on:\n          otherwise: done", "run: choose\n        next: done"),
        "wait end\npress 1\nexpect failed choose\n",
        f"def choose(conv, flow):\n    {call}\n",
    )
    assert Reason.FUNCTION_FAILED == played.record.reason
    [ran] = played.record.functions
    assert message in ran.error


def test_P9_digits_and_silence_in_the_history(play):
    seen = []
    played = play(
        """
        steps:
          first: {prompt: One., dtmf: {num_digits: 1}, asr: false, retry: {attempts: 1}, next: second}
          second: {prompt: Two., dtmf: {num_digits: 1}, asr: false, retry: {attempts: 1}, next: {hangup: true}}
        """,
        "wait end\npress 1\n",
    )
    users = [turn for turn in played.engine.history if isinstance(turn, UserInput)]
    assert [("user", "1", "complete"), ("user", "", "no_input")] == [
        (turn.role, turn.text, turn.outcome) for turn in users
    ]
    assert [] == seen


def test_P10_a_function_s_utterance_hangup_and_handoff(play):
    flow = """
        steps:
          ask: {prompt: One., dtmf: {num_digits: 1}, asr: false, run: decide}
        handoffs: {desk: {transfer: 5000 XML default, say: Moving you.}}
    """
    play(
        flow,
        "wait end\npress 1\nexpect heard See you\nexpect ended completed flow_ended\n",
        'def decide(conv, flow):\n    return {"utterance": "See you.", "hangup": True}\n',
    )
    play(
        flow,
        "wait end\npress 1\nexpect heard Moving you\nexpect handoff desk\n",
        'def decide(conv, flow):\n    return {"handoff": "desk"}\n',
    )


def test_P10_listen_asks_again_with_settings_of_its_own(play):
    played = play(
        """
        steps:
          ask: {prompt: How many?, dtmf: {num_digits: 1}, asr: false, run: decide}
        """,
        """
        wait end
        press 3
        hear the code
        press 123
        expect digits 3
        expect digits 123
        expect ended completed
        """,
        """
        def decide(conv, flow):
            if len(conv.history[-1].text) == 1:
                return {"utterance": "Now the code.", "listen": {"dtmf": {"num_digits": 3}}}
            return {"hangup": True}
        """,
    )
    assert 1 == texts(played).count("How many?")


def test_P10_transition(play):
    play(
        """
        steps:
          ask: {prompt: One., dtmf: {num_digits: 1}, asr: false, run: decide}
          other: {prompt: The other., next: {hangup: true}}
        """,
        "wait end\npress 1\nexpect heard The other\n",
        'def decide(conv, flow):\n    return {"transition": {"goto_step": "other"}}\n',
    )


MENU = """
    steps:
      menu:
        prompt: Press one or two.
        dtmf: {num_digits: 1}
        asr: false
        retry: {then: end}
        on:
          1: {discard_recording: true, say: Not recorded., goto: end}
          2: {set: {choice: "two"}, metric: {chosen: two}, goto: end}
      end: {prompt: "Your choice: {choice}.", next: {hangup: true}}
    recording: true
"""


def test_P11_different_keys_different_actions_in_yaml_alone(play):
    played = play(MENU, "wait end\npress 1\nexpect discarded\nexpect heard Not recorded\n")
    assert Result.COMPLETED == played.record.result
    played = play(MENU, "wait end\npress 2\nexpect not discarded\nexpect metric chosen two\n")
    assert "Your choice: two." in texts(played)


def test_P12_a_discard_leaves_no_file_and_a_receipt(play, tmp_path):
    played = play(MENU, "wait end\npress 1\n")
    assert [] == [path for path in (tmp_path / "recordings").rglob("*.wav") if path.is_file()]
    note = played.record.recording
    assert RecordingState.DISCARDED == note.state
    cause = note.receipt["cause"]
    assert ("flow", "menu", "1") == (cause["flow"], cause["step"], cause["key_or_word"])


def test_P13_what_a_discard_was_asked_for_with_is_hidden_in_its_receipt_when_it_is_private_later(
    play,
):
    played = play(
        """
        recording: true
        steps:
          ask:
            prompt: Your number?
            dtmf: {num_digits: 8}
            run: take
        """,
        "hear number\npress 47110815\nexpect discarded\n",
        """
        def take(conv, flow):
            conv.discard_recording()
            conv.pii(conv.history[-1].text)
            return {"hangup": True}
        """,
    )
    assert "hidden]" in played.record.recording.receipt["cause"]["key_or_word"]
    journal = Journal(rehearsal._database()[0], VirtualClock(), Node.make())
    kept = journal.load(played.record.call_id)
    assert "hidden]" in kept.intent.cause.key_or_word
    assert kept.receipt.cause == kept.intent.cause


def test_P12_a_kept_recording_is_published(play, tmp_path):
    played = play(MENU, "wait end\npress 2\n")
    files = [path for path in (tmp_path / "recordings").rglob("*.wav") if path.is_file()]
    assert 1 == len(files)
    assert "published" in files[0].parts
    assert RecordingState.PRESENT == played.record.recording.state


def test_P12_in_the_end_function_a_discard_is_a_clear_error_and_does_nothing(play, tmp_path):
    played = play(
        MENU,
        "wait end\npress 2\nexpect failed end_function\n",
        """
        def end_function(conv):
            # Written out, the loader would refuse the flow already.
            getattr(conv, "discard_" + "recording")()
        """,
    )
    [ran] = played.record.functions
    assert "discard_recording() can't be called in the end function" in ran.error
    assert RecordingState.PRESENT == played.record.recording.state


def test_P12_twice_is_fine_and_nothing_starts_again(play, tmp_path):
    played = play(
        MENU,
        "wait end\npress 2\n",
        """
        def start_function(conv):
            conv.discard_recording()
            conv.discard_recording()
            conv.resume_recording()
        """,
    )
    assert RecordingState.DISCARDED == played.record.recording.state
    assert [] == [path for path in (tmp_path / "recordings").rglob("*.wav") if path.is_file()]


PIN = """
    recording: true
    steps:
      pin:
        prompt: Your PIN.
        dtmf: {num_digits: 4, is_pii: true, end_key: "#"}
        asr: false
        run: look
"""


def test_P13_private_digits_reach_the_function_and_nothing_else(play, capsys):
    played = play(
        PIN,
        "wait end\npress 4071\nexpect digits 4071\nexpect failed look\n",
        """
        def look(conv, flow):
            pin = conv.history[-1].text
            assert pin == "4071"
            conv.log.info(f"the pin is {pin}", pin=pin)
            conv.log.info("in the clear " + pin.reveal())
            raise ValueError("bad pin " + pin.reveal())
        """,
    )
    everything = repr(played.record) + played.record.dumps() + repr(played.engine.history)
    everything += "".join(turn.to_string() for turn in played.engine.history)
    everything += repr(played.engine.state) + "".join(capsys.readouterr())
    assert "4071" not in without_random(everything)


def test_P13_the_recording_is_masked_while_a_private_step_listens(play, tmp_path):
    played = play(
        PIN,
        "wait end\nwait 1\npress 4071\nwait 3\n",
        'def look(conv, flow):\n    conv.say("Thank you very much, that was all.")\n    return {"hangup": True}\n',
    )
    [wav] = (tmp_path / "recordings").rglob("*.wav")
    audio = wav.read_bytes()[44:]
    began = played.began
    pressed = [did.at - began for did in played.channel.transcript.did if did.what == "key"]
    started = played.channel.transcript.heard[0].start - began

    def silent(a, b):
        return not any(audio[int(a * 16000) & ~1 : int(b * 16000) & ~1])

    # The file begins when the recording does, some 40 ms after the call.
    assert silent(started + 0.1, pressed[-1] - 0.1)
    assert not silent(pressed[-1] + 1.0, pressed[-1] + 1.5)


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ('"Your PIN is {digits}, and again, {digits}."', ""),
        (
            "",
            "def tell(conv, flow):\n    conv.say(conv.pii('4071, and then once more, slowly, 4071'))\n",
        ),
        (
            "",
            "def tell(conv, flow):\n    conv.say(f'It is {conv.history[-1].text.reveal()}, and that is it.')\n",
        ),
    ],
)
def test_P13_the_recording_is_masked_while_something_private_is_said(play, says, code):
    """A prompt of a step that isn't private itself, or a function, tells the caller what he has keyed."""
    played = play(
        f"""
        recording: true
        steps:
          pin:
            prompt: Your PIN.
            dtmf: {{num_digits: 4, is_pii: true}}
            next: {{{"run: tell, " if code else ""}goto: again}}
          again:
            prompt: {says or '""'}
            dtmf: {{num_digits: 1}}
            next: {{hangup: true}}
        """,
        "wait end\nwait 1\npress 4071\nwait end\nwait 3\npress 1\nwait 1\n",
        code or None,
    )
    taped = [(each.what, each.at) for each in played.channel.transcript.taped]
    assert ["start", "mask", "unmask", "stop"] == [what for what, _ in taped]
    told = played.channel.transcript.heard[-1]
    assert told.end < dict(taped)["unmask"] < told.end + 1.5
    assert "4071" not in repr(played.record)


def test_P13_the_recording_is_masked_while_an_answer_is_said_that_a_function_has_marked(play):
    played = play(
        """
        recording: true
        steps:
          number:
            prompt: Your number.
            dtmf: {num_digits: 6}
            next: {run: mark, goto: again}
          again: {prompt: "You said {digits}. Thank you.", next: {hangup: true}}
        """,
        "wait end\nwait 1\npress 407188\nwait end\n",
        "def mark(conv, flow):\n    conv.pii(conv.history[-1].text)\n",
    )
    taped = [(each.what, each.at) for each in played.channel.transcript.taped]
    told = played.channel.transcript.heard[-1]
    assert "407188" in told.what
    assert ["start", "mask", "stop"] == [what for what, _ in taped]
    assert dict(taped)["mask"] <= told.start
    assert "407188" not in repr(played.record)


def test_P14_the_end_function_runs_after_the_call_and_its_value_is_ignored(play):
    played = play(
        one_key(),
        "wait end\npress 1\n",
        """
        def end_function(conv):
            conv.write_metric("digits", conv.history[1].text)
            return {"utterance": "Nobody hears this.", "transition": {"goto_step": "ask"}}
        """,
    )
    assert {"digits": "1"} == played.record.metrics
    assert "Nobody hears this." not in played.heard


def test_P14_the_end_function_also_runs_when_the_caller_hangs_up(play):
    played = play(
        one_key(),
        "wait 0.5\nhangup\n",
        'def end_function(conv):\n    conv.write_metric("ended", True)\n',
    )
    assert {"ended": True} == played.record.metrics
    assert (Result.ABANDONED, Reason.CALLER_HUNG_UP) == (played.record.result, played.record.reason)


@pytest.mark.parametrize(
    ("caller", "masked"),
    [
        ("press 4071\n", 1.1),
        # Digits of the same answer, too many for the step: each is followed by a second in which one more may come.
        ("press 407188 gap 0.8\n", 2 * 0.9 + 1.1),
        # The last one is of another answer.
        ("press 407188 gap 0.8\nwait 1.05\npress 5\n", 2 * 0.9 + 1.1),
        ("press 4071\nwait 2\npress 5\n", 1.1),
        ("press 407\n", 0.6),  # the wait for the fourth was longer than that second
        (
            'meanwhile say "four zero seven one nine nine nine" word 0.5\nwait 1.2\npress 4071\n',
            3.6,
        ),
    ],
)
def test_P13_the_recording_stays_masked_while_the_caller_speaks_on(play, tmp_path, caller, masked):
    played = play(
        PIN.replace("asr: false", "asr: {}"),
        "wait end\nwait 1\n" + caller + "wait 9\n",
        'def look(conv, flow):\n    conv.say("Thank you very much. " * 9)\n    return {"hangup": True}\n',
    )
    [wav] = (tmp_path / "recordings").rglob("*.wav")
    [collected] = [entry.at for entry in played.record.collected]
    after = wav.read_bytes()[44 + (int(collected * 16000) & ~1) :]
    silence = len(after) - len(after.lstrip(b"\0"))
    assert masked == pytest.approx(silence / 16000, abs=0.08)


def test_P13_the_recording_is_masked_from_the_moment_in_which_a_step_becomes_private(play):
    """What is said as soon as a private step is over may have begun in it: the digits of the next one are private."""
    played = play(
        """
        recording: true
        steps:
          pin:
            prompt: Your PIN.
            dtmf: {num_digits: 4, is_pii: true}
            next: age
          age:
            dtmf: {num_digits: 2, inter_digit_timeout: 9}
            asr: {}
            next: done
          done: {prompt: Thank you. We have noted all of it. Goodbye., next: {hangup: true}}
        """,
        'wait end\nwait 1\npress 4071\nwait 0.5\nsay "one"\nwait 1\npress 2\nwait 9\n',
    )
    assert ["[4 digits hidden]", "[2 digits hidden]"] == [
        each.digits for each in played.record.collected
    ]
    taped = [(each.what, each.at) for each in played.channel.transcript.taped]
    assert ["start", "mask", "unmask", "stop"] == [what for what, _ in taped]
    assert dict(taped)["unmask"] - taped[0][1] > played.record.collected[1].at

"""What goes wrong in a call: the caller hears an apology and goes somewhere, the log says where, the server lives."""

import pytest

from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.conversation.routing import FAILED_TURNS
from fsflows.switch import CallProfile, Leg, Recogniser, Setup

RUNS = """
    apology: I am sorry about this.
    steps:
      ask: {{prompt: One., dtmf: {{num_digits: 1}}, asr: false, run: work}}
    handoffs: {{desk: {{transfer: 5000 XML default}}}}
    {more}
"""


def work(body):
    return "def work(conv, flow):\n" + "\n".join(f"    {line}" for line in body.splitlines())


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        ("raise ValueError('no')", "raised ValueError: no", Reason.FUNCTION_FAILED),
        ("raise SystemExit", "raised SystemExit", Reason.FUNCTION_FAILED),
        ("return 17", "returned a value of type int", Reason.FUNCTION_FAILED),
        ("return {'utter': 1}", "returned the unknown key 'utter'", Reason.FUNCTION_FAILED),
        ("return {'transition': 'no' + 'where'}", "which is no step of flow", Reason.FUNCTION_FAILED),
        ("conv.say(5)", "say() takes a text, got int", Reason.FUNCTION_FAILED),
        ("conv.hang_up('USER_BUSSY')", "no hangup cause named 'USER_BUSSY'; did you mean 'USER_BUSY'?", Reason.FUNCTION_FAILED),
        ("conv._engine.clock.sleep(60)", "did not return within 10 s", Reason.FUNCTION_TIMED_OUT),
        ("return {'listen': {'dtmf': {'num_digits': 99}}}", "num_digits must be between 1 and 32", Reason.FUNCTION_FAILED),
        ("return {'listen': {'dtmf': {'num_digits': 1}, 'validate': {'function': 'wrok'}}}", "'wrok', which does not exist; did you mean 'work'?", Reason.FUNCTION_FAILED),
        ("conv.functions.wrok()", "no function named 'wrok'; did you mean 'work'?", Reason.FUNCTION_FAILED),
    ],
)  # fmt: skip
def test_a_function_that_fails(play, capsys, body, error, reason):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\nexpect heard sorry about this\nexpect failed work\n",
        work(body.replace("conv.functions.wrok()", "getattr(conv.functions, 'wr' + 'ok')()")),
    )
    assert (Result.FAILED, reason) == (played.record.result, played.record.reason)
    [ran] = played.record.functions
    assert ran.error, "the record knows, too"
    assert error in capsys.readouterr().err


def test_a_language_without_a_grammar_is_spoken_in_the_flow_s_own_words_and_else_in_english(play):
    played = play(
        """
        language: tlh
        greeting: [nuqneH, {digits: "12"}]
        steps:
          ask: {prompt: mI'?, dtmf: {num_digits: 2}, asr: false, confirm: always, retry: {attempts: 2}, run: work}
        """,
        "hear mI'\nwait quiet\nhear mI'\npress 12\nhear is that right\npress 1\nexpect failed work\n",
        work("raise ValueError"),
    )
    assert Reason.FUNCTION_FAILED == played.record.reason
    for said in ("one two", "I have one two", "something went wrong"):
        assert said in played.heard


def test_the_fallback_is_a_hand_off(play):
    play(
        RUNS.format(more="fallback: {handoff: desk}"),
        "wait end\npress 1\nexpect heard sorry about this\nexpect handoff desk\nexpect failed work\n",
        work("raise ValueError"),
    )


def test_delay_phrases_cover_a_slow_function(play):
    played = play(
        RUNS.format(more="delay: {after: 2, say: [One moment., Still working.]}"),
        "wait end\npress 1\nexpect heard One moment\nexpect heard Still working\nexpect ended completed\n",
        work("conv._engine.clock.sleep(5)\nreturn {'hangup': True, 'utterance': 'Done.'}"),
    )
    heard = {sound.what: sound.start for sound in played.channel.transcript.heard}
    pressed = played.channel.transcript.did[0].at
    assert 2.0 <= heard["One moment."] - pressed < 2.2
    assert 4.0 <= heard["Still working."] - pressed < 4.2


def test_P9_delay_phrases_do_not_come_between_a_function_and_what_the_caller_keyed(play):
    played = play(
        RUNS.format(more="delay: {after: 2, say: [One moment.]}"),
        "wait end\npress 1\nexpect heard One moment\nexpect ended completed\n",
        work(
            "conv._engine.clock.sleep(3)\nreturn {'hangup': conv.history[-1].text == '1', 'utterance': 'Done.'}"
        ),
    )
    texts = [turn.text for turn in played.engine.history]
    assert ["One.", "1", "One moment.", "Done."] == texts


def test_a_start_function_that_fails(play):
    played = play(
        RUNS.format(more=""),
        "expect heard sorry about this\nexpect failed start_function\n",
        "def start_function(conv):\n    raise ValueError\n" + work("pass"),
    )
    assert Reason.FUNCTION_FAILED == played.record.reason


def test_a_start_function_that_wants_to_listen(play):
    played = play(
        RUNS.format(more=""),
        "expect heard sorry about this\nexpect failed start_function\n",
        "def start_function(conv):\n    return {'listen': {'dtmf': {'num_digits': 2}}}\n"
        + work("pass"),
    )
    assert Reason.FUNCTION_FAILED == played.record.reason


def test_an_end_function_that_fails_changes_nothing(play):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\nexpect failed end_function ValueError: late\n",
        work("return {'hangup': True}")
        + "\ndef end_function(conv):\n    raise ValueError('late')\n",
    )
    assert Result.COMPLETED == played.record.result
    assert played.record.functions[-1].error.startswith("raised ValueError: late (flow.py:")


@pytest.mark.parametrize("when", [0.0, 0.03, 0.05, 0.3, 1.2, 1.9, 2.3, 3.0, 6.0])
def test_a_hangup_at_any_moment(play, when):
    played = play(
        """
        recording: true
        greeting: Hello there.
        steps:
          ask:
            prompt: Your number please.
            dtmf: {num_digits: 4}
            confirm: always
            next: {hangup: true}
        """,
        f"wait {when}\nhangup\n",
        "def start_function(conv):\n    conv._engine.clock.sleep(0.2)\n",
    )
    assert (Result.ABANDONED, Reason.CALLER_HUNG_UP) == (played.record.result, played.record.reason)


def test_the_digits_of_a_caller_who_hung_up_are_kept(play):
    played = play(
        """
        steps:
          ask:
            prompt: Four digits.
            dtmf: {num_digits: 4}
            asr: false
            on: {hangup: {metric: {left: yes}}, otherwise: {hangup: true}}
        """,
        "wait end\npress 12\nwait 0.2\nhangup\nexpect outcome hangup\nexpect digits 12\n",
    )
    assert ["hangup"] == [each.outcome for each in played.record.collected]
    assert {"left": "yes"} == played.record.metrics


ASK = """
    steps:
      ask: {prompt: "Which?", dtmf: {num_digits: 1}, retry: {attempts: 2}, next: {hangup: true}}
"""


def test_speech_recognition_that_is_down_leaves_the_keys(play):
    play(ASK, "wait end\npress 3\nexpect digits 3\n", setup=Setup(recogniser=Recogniser(up=False)))


@pytest.mark.parametrize("json", [False, True])
def test_return_json_on_and_off(play, json):
    played = play(
        ASK,
        'wait end\nsay "for" confidence 0.9 or "four" confidence 0.8\nexpect digits 4\n',
        setup=Setup(recogniser=Recogniser(json=json)),
    )
    assert ["speech"] == [each.source for each in played.record.collected]


def test_a_caller_who_is_never_there_is_given_up(play):
    played = play(
        """
        steps:
          ask: {prompt: Hello?, dtmf: {num_digits: 1}, asr: false, retry: {attempts: 1}, next: ask2}
          ask2: {prompt: Hello again?, dtmf: {num_digits: 1}, asr: false, retry: {attempts: 1}, next: ask}
        """,
        "wait quiet 60 within 300\nhangup\n",
    )
    assert (Result.ABANDONED, Reason.NO_INPUT_LIMIT) == (played.record.result, played.record.reason)
    assert FAILED_TURNS == len(played.record.collected)


def test_a_flow_that_goes_in_circles_ends(play):
    played = play(
        """
        steps:
          one: {prompt: "", run: back}
        """,
        "wait quiet 60 within 300\nhangup\n",
        "def back(conv, flow):\n    flow.goto_step('one')\n",
    )
    assert (Result.FAILED, Reason.FLOW_ERROR) == (played.record.result, played.record.reason)


@pytest.mark.parametrize("method", ["bridge", "refer", "transfer"])
def test_hand_offs(play, method):
    target = {
        "bridge": "user/1000",
        "refer": "sip:desk@example.com",
        "transfer": "5000 XML default",
    }
    played = play(
        f"""
        steps:
          ask: {{prompt: Hello., next: {{handoff: desk}}}}
        handoffs: {{desk: {{{method}: "{target[method]}", say: Moving you.}}}}
        """,
        "expect handoff desk\nexpect heard Moving you\n",
        setup=Setup(
            dial=lambda _: Leg(talks=5.0), extensions={"5000": (("answer", ""), ("park", ""))}
        ),
    )
    assert Result.HANDED_OFF == played.record.result


def test_a_transfer_to_an_extension_that_is_not_there(play, capsys):
    played = play(
        """
        steps:
          ask: {prompt: Hello., next: {handoff: desk}}
        handoffs: {desk: {transfer: 5000 XML default}}
        """,
        "wait end\n",
        setup=Setup(extensions={"5001": (("answer", ""),)}),
    )
    assert (Result.FAILED, Reason.HANDOFF_FAILED) == (played.record.result, played.record.reason)
    assert "NO_ROUTE_DESTINATION" == played.record.hangup_cause
    assert "the dialplan has no extension '5000 XML default'" in capsys.readouterr().err


def test_a_bridge_that_nobody_answers(play):
    played = play(
        """
        apology: Nobody is there.
        steps:
          ask: {prompt: Hello., next: {handoff: desk}}
        handoffs: {desk: {bridge: user/1000}}
        """,
        "expect heard Nobody is there\n",
        setup=Setup(dial=lambda _: Leg(answers=False, after=3.0, cause="NO_ANSWER")),
    )
    assert (Result.FAILED, Reason.HANDOFF_FAILED) == (played.record.result, played.record.reason)


@pytest.mark.parametrize(
    "name", ["%0AContent-Length: 3", "${hangup(all)}", '"><script>', "x" * 5000, "\udcff\x00"]
)
def test_hostile_names_are_text(play, name):
    played = play(
        """
        steps:
          ask: {prompt: "Hello {name}.", next: {hangup: true}}
        """,
        "wait 1\n",
        "def start_function(conv):\n    conv.state.name = conv._engine.call.caller_name\n",
        profile=CallProfile(caller_name=name),
    )
    assert Result.COMPLETED == played.record.result
    assert "${hangup" not in played.heard


def test_state_attributes_and_keys(play):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\n",
        work(
            "assert conv.state.missing is None\n"
            "try:\n    conv.state['missing']\n"
            "except KeyError:\n    conv.state.count = 1\n"
            "conv.state['count'] += 1\n"
            "conv.write_metric('count', conv.state.count)\n"
            "conv.write_metric('who', [conv.caller_number, conv.callee_number, conv.sip_headers.get('X-Id')])\n"
            "conv.write_metric('once', 1, write_once=True)\n"
            "conv.write_metric('once', 2, write_once=True)\n"
            "return {'hangup': True}"
        ),
    )
    assert {"count": 2, "who": ["1000", "7001", None], "once": 1} == played.record.metrics


DECORATED = """
import functools

def loud(function):
    @functools.wraps(function)
    def louder(*arguments):
        return function(*arguments) + "!"
    return louder

@loud
def shout(conv, text):
    return text.upper() + conv.language
"""


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("def shout(conv, text):\n    return text.upper() + conv.language\n", "Xen-US"),
        ("def shout(conv, flow, text):\n    return text.upper() + flow.name\n", "Xflow"),
        ("def shout(text):\n    return text.upper()\n", "X"),
        (DECORATED, "Xen-US!"),
    ],
)
def test_a_function_is_given_what_it_names_by_another(play, function, expected):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\n",
        work("conv.write_metric('shout', conv.functions.shout('x'))\nreturn {'hangup': True}")
        + f"\n{function}",
    )
    assert {"shout": expected} == played.record.metrics


def test_pause_resume_and_mask(play, tmp_path):
    played = play(
        "recording: true\n" + RUNS.format(more="").replace("\n    ", "\n"),
        "wait end\npress 1\n",
        work(
            "conv.pause_recording()\nconv.resume_recording()\nconv.mask_recording()\nconv.mask_recording(False)\n"
            "return {'hangup': True}"
        ),
    )
    assert RecordingState.PRESENT == played.record.recording.state
    files = [
        path for path in (tmp_path / "recordings" / "published").rglob("*.wav") if path.is_file()
    ]
    assert 2 == len(files)


def test_a_call_that_is_interrupted_hears_an_apology(play):
    """A server that is being stopped, and can't wait any longer."""
    played = play(
        """
        apology: We have to end this call, sorry.
        steps:
          ask: {prompt: "Which?", dtmf: {num_digits: 1}, asr: false, next: {hangup: true}}
        """,
        "expect heard We have to end this call\n",
        "def start_function(conv):\n    engine = conv._engine\n"
        "    engine.clock.spawn(lambda: (engine.clock.sleep(3), engine.call.interrupt()))\n",
    )
    assert (Result.FAILED, Reason.DRAINED) == (played.record.result, played.record.reason)


def test_a_slow_function_is_interrupted_as_well(play):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\nexpect heard sorry about this\n",
        work(
            "engine = conv._engine\nengine.clock.spawn(engine.call.interrupt)\nengine.clock.sleep(8)"
        ),
    )
    assert Reason.DRAINED == played.record.reason
    assert played.record.seconds < 5


def test_a_call_that_is_interrupted_while_it_is_hung_up_has_ended_well(play):
    played = play(
        RUNS.format(more=""),
        "wait end\npress 1\nexpect not heard sorry about this\n",
        work(
            "call = conv._engine.call\nexecute = call.execute\n"
            "def interrupted(application, *arguments, **named):\n"
            "    if application == 'hangup':\n        call.interrupt()\n"
            "    return execute(application, *arguments, **named)\n"
            "call.execute = interrupted\nreturn {'hangup': True}"
        ),
    )
    record = played.record
    assert (Result.COMPLETED, Reason.FLOW_ENDED) == (record.result, record.reason)
    assert "NORMAL_CLEARING" == record.hangup_cause


def test_a_recogniser_that_never_starts_is_said_once(play, capsys):
    played = play(
        ASK, "wait end\npress 3\nexpect digits 3\n", setup=Setup(recogniser=Recogniser(up=False))
    )
    assert 1 == capsys.readouterr().err.count("speech recognition lost")
    assert 1 == sum(entry.kind == "note" for entry in played.record.entries)


@pytest.mark.parametrize(
    "number", ["1555,[x=9]user/evil", "1 XML admin", "../../etc/passwd", "a@evil.example"]
)
def test_a_caller_s_number_adds_nothing_to_a_destination(play, number):
    played = play(
        """
        apology: That did not work.
        steps:
          ask: {prompt: Hello., next: {handoff: desk}}
        handoffs: {desk: {bridge: "sofia/gateway/pstn/{caller_number}"}}
        """,
        "expect heard That did not work\n",
        profile=CallProfile(caller_number=number),
    )
    assert Reason.HANDOFF_FAILED == played.record.reason


def test_a_value_that_can_be_no_part_of_a_path_silences_nothing_else(play, capsys):
    played = play(
        """
        steps:
          ask:
            prompt: [Hello., {play: "names/{name}.wav", text: your name}, Press one.]
            dtmf: {num_digits: 1}
            next: {hangup: true}
        """,
        "hear press one\npress 1\nexpect digits 1\nexpect not heard your name\n",
        state={"name": "../Ann, Lee"},
    )
    assert Result.COMPLETED == played.record.result
    assert "sound could not be played" in capsys.readouterr().err


def test_what_the_caller_never_heard_was_not_said(play):
    played = play(
        """
        steps:
          one: {prompt: First question., dtmf: {num_digits: 1}, asr: false, run: twice}
        """,
        "wait end\npress 1\nwait 0.3\npress 2\nwait quiet 20 within 60\nhangup\n",
        """
        def twice(conv, flow):
            if len(conv.history) > 3:
                return {"hangup": True}
            conv.say("This is a rather long sentence that the caller cuts short by a key.")
            conv.say("This was never heard.")
        """,
    )
    assert "This was never heard." not in played.heard
    assert not any("never heard" in str(turn.text) for turn in played.engine.history)


def test_the_escape_works_in_a_task(play):
    played = play(
        """
        escape: {keys: "0", then: {hangup: true}}
        steps:
          ask: {prompt: Ready?, dtmf: {num_digits: 1}, asr: false, run: number}
        """,
        "wait end\npress 1\nhear which number\npress 0\n",
        """
        from fsflows import GetDtmfTask
        def number(conv, flow):
            result = GetDtmfTask(num_digits=4, extra_instructions="Which number?").run(conv)
            conv.write_metric("outcome", result.outcome)
            return {"hangup": True}
        """,
    )
    assert {"outcome": "escaped"} == played.record.metrics


@pytest.mark.parametrize(
    "ask",
    [
        "conv.write_metric('got', conv.collect(num_digits=2, extra_instructions='Now.').user_input)",
        "return {'utterance': 'Now.', 'listen': {'dtmf': {'num_digits': 2}}} if len(conv.history) < 4 else {'hangup': True}",
    ],
)
def test_a_step_without_an_escape_has_none_in_its_function_s_questions(play, ask):
    played = play(
        """
        escape: {keys: "0", then: {hangup: true}}
        steps:
          pin: {prompt: Ready?, dtmf: {num_digits: 1}, asr: false, escape: false, run: ask, next: {hangup: true}}
        """,
        "wait end\npress 1\nhear now\nwait quiet\npress 01\n",
        f"def ask(conv, flow):\n    {ask}\n",
    )
    assert ["1", "01"] == [str(each.digits) for each in played.record.collected]


def test_a_result_reaches_a_function_whole(play):
    played = play(
        RUNS.format(more="").replace("asr: false", "asr: true"),
        'wait end\nsay "for" confidence 0.9 or "four" confidence 0.8\n',
        work(
            "last = conv.history[-1]\n"
            "conv.write_metric('result', [last.text, last.how, last.attempts, list(last.alternatives)])\n"
            "conv.write_metric('sure', last.confidence is None or 0 < last.confidence <= 1)\n"
            "return {'hangup': True}"
        ),
        setup=Setup(recogniser=Recogniser(json=True)),
    )
    metrics = played.record.metrics
    assert ["4", True] == [metrics["result"][0], metrics["sure"]]
    assert "for" in metrics["result"][3]

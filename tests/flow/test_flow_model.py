"""YAML -> model: both vocabularies, defaults, prompts, actions."""

from __future__ import annotations

import pytest

from fsflows.collect.spec import (
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Escape,
    Policy,
    Speech,
    TypeAhead,
    Validation,
)
from fsflows.flow.building.build import collection_from
from fsflows.flow.errors import FlowErrors
from fsflows.flow.model import Action, Handoff, Play, Recording, Retry, Say, SayDigits, Silence


@pytest.fixture
def collect(load):
    def collect(settings: str, rest: str = "", code: str = "") -> Collection:
        text = f"steps:\n  ask:\n    dtmf: {{{settings}}}\n    next: {{hangup: true}}\n    {rest}\n"
        return load(text, code).steps["ask"].collect

    return collect


def test_P1_the_defaults(collect):
    expected = Collection(
        min_digits=4,
        max_digits=4,
        first_digit_timeout=5.0,
        inter_digit_timeout=2.0,
        speech=Speech(language="en-US"),
    )
    assert expected == collect("num_digits: 4")


@pytest.mark.parametrize(
    ("polyai", "other"),
    [
        ("num_digits: 6", "max_digits: 6"),
        ("num_digits: 6, end_key: '#'", "max_digits: 6, finish_on_key: '#'"),
        ("num_digits: 6, collect_while_agent_speaking: true", "num_digits: 6, early_listening: true"),
        ("num_digits: 6, collect_while_agent_speaking: false", "num_digits: 6, early_listening: false"),
        ("num_digits: 6, end_key: ['#', '*']", "num_digits: 6, max_digits: 6, end_key: '#*', finish_on_key: '*#'"),
    ],
)  # fmt: skip
def test_P1_both_vocabularies(collect, polyai, other):
    assert collect(polyai) == collect(other)


@pytest.mark.parametrize(
    ("settings", "lengths"),
    [
        ("num_digits: 1", (1, 1)),
        ("num_digits: 32", (32, 32)),
        ("num_digits: 4.0", (4, 4)),
        ("num_digits: 6, min_digits: 4", (4, 6)),
        ("num_digits: -1", (1, None)),
        ("num_digits: -1, min_digits: 3", (3, None)),
    ],
)
def test_P1_number_of_digits(collect, settings, lengths):
    spec = collect(settings)
    assert lengths == (spec.min_digits, spec.max_digits)


@pytest.mark.parametrize(
    ("settings", "barge_in", "during_greeting"),
    [
        ("", BargeIn.INTERRUPT, False),
        ("collect_while_agent_speaking: true", BargeIn.COLLECT, True),
        ("collect_while_agent_speaking: false", BargeIn.IGNORE, False),
        ("barge_in: interrupt", BargeIn.INTERRUPT, True),
        ("barge_in: collect", BargeIn.COLLECT, True),
        ("barge_in: ignore", BargeIn.IGNORE, False),
        ("barge_in: interrupt, early_listening: true", BargeIn.INTERRUPT, True),
        ("barge_in: ignore, early_listening: false", BargeIn.IGNORE, False),
    ],
)
def test_P4_P5_keys_during_prompts(collect, settings, barge_in, during_greeting):
    spec = collect(f"num_digits: 1, {settings}")
    assert (barge_in, during_greeting) == (spec.barge_in, spec.during_greeting)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("none", ""), ("'#'", "#"), ("'*'", "*"), ("'#*'", "#*"), ("['#', '*']", "#*"), ("[]", "")],
)
def test_P1_end_keys(collect, keys, expected):
    assert frozenset(expected) == collect(f"num_digits: 4, end_key: {keys}").end_keys


def test_every_dtmf_setting_arrives(collect):
    spec = collect(
        "num_digits: 8, min_digits: 6, end_key: '#', clear_key: '*', allow_letters: true, first_digit_timeout: 7,"
        "inter_digit_timeout: 3.5, collection_timeout: 60, barge_in: collect, type_ahead: flush,"
        "same_press_window: 0.1, policy: keys_win, is_pii: true",
        "asr: false",
    )
    expected = Collection(
        min_digits=6,
        max_digits=8,
        first_digit_timeout=7.0,
        inter_digit_timeout=3.5,
        collection_timeout=60.0,
        end_keys=frozenset("#"),
        clear_keys=frozenset("*"),
        allow_letters=True,
        barge_in=BargeIn.COLLECT,
        during_greeting=True,
        type_ahead=TypeAhead.FLUSH,
        same_press_window=0.1,
        policy=Policy.KEYS_WIN,
        speech=None,
        is_pii=True,
    )
    assert expected == spec


def test_P2_every_asr_setting_arrives(collect):
    spec = collect(
        "num_digits: 4",
        "asr: {language: en-GB, preset: alphanumeric, keywords: [yes, no, 5], barge_in_words: 3, settle_time: 0.3,"
        "end_of_speech_timeout: 1, alternatives: 5, partial_timeout: 3, hold_limit: 20}",
    )
    expected = Speech(
        language="en-GB",
        preset="alphanumeric",
        keywords=("yes", "no", "5"),
        barge_in_words=3,
        settle_time=0.3,
        end_of_speech_timeout=1.0,
        alternatives=5,
        partial_timeout=3.0,
        hold_limit=20.0,
    )
    assert expected == spec.speech


@pytest.mark.parametrize("off", ["asr: false", "asr: {enabled: false}"])
def test_P6_speech_is_on_beside_keys_unless_it_is_switched_off(collect, off):
    assert Speech() == collect("num_digits: 4").speech
    assert Speech() == collect("num_digits: 4", "asr: true").speech
    assert collect("num_digits: 4", off).speech is None


def test_speech_that_never_barges_in(collect):
    assert collect("num_digits: 4", "asr: {barge_in_words: false}").speech.barge_in_words is None


def test_asr_without_dtmf(load):
    flow = load("language: en-GB\nsteps: {ask: {asr: {preset: yes_no}, next: {hangup: true}}}")
    spec = flow.steps["ask"].collect
    assert (1, 1) == (spec.min_digits, spec.max_digits)
    assert Speech(language="en-GB", preset="yes_no") == spec.speech


def test_every_validation_arrives(collect):
    spec = collect(
        "num_digits: 8",
        "validate: {pattern: '[0-9]+', values: [01022024, 31122024], kind: date, check: luhn, function: f}",
        "def f(conv, digits): return True",
    )
    expected = Validation(
        pattern="[0-9]+",
        values=frozenset({"01022024", "31122024"}),
        check="luhn",
        function="f",
        kind="date",
    )
    assert expected == spec.validation


@pytest.mark.parametrize(
    ("confirm", "expected"),
    [
        ("never", Confirmation()),
        ("false", Confirmation()),
        ("always", Confirmation(when=Confirm.ALWAYS)),
        ("true", Confirmation(when=Confirm.ALWAYS)),
        ("when_unsure", Confirmation(when=Confirm.WHEN_UNSURE)),
        ("{groups: [3, 3, 4]}", Confirmation(when=Confirm.ALWAYS, groups=(3, 3, 4))),
        (
            "{when: when_unsure, accept: '#', refuse: [9, '*'], sure: 0.7, spoken_is_unsure: false, timeout: 8, asks: 3}",
            Confirmation(
                when=Confirm.WHEN_UNSURE,
                accept_keys=frozenset("#"),
                refuse_keys=frozenset("9*"),
                sure=0.7,
                spoken_is_unsure=False,
                timeout=8.0,
                asks=3,
            ),
        ),
    ],
)
def test_L4_confirmation(collect, confirm, expected):
    assert expected == collect("num_digits: 10", f"confirm: {confirm}").confirmation


def test_a_phone_number(collect):
    assert (
        Validation(phone_region="US")
        == collect("num_digits: 10", "validate: {phone: US}").validation
    )


def test_a_confirmation_prompt(load):
    flow = load(
        "steps: {ask: {dtmf: {num_digits: 4}, confirm: {prompt: 'I have {digits}?'}, next: {hangup: true}}}"
    )
    assert (Say("I have {digits}?"),) == flow.steps["ask"].confirm_prompt


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Hello {name}.", (Say("Hello {name}."),)),
        ("5", (Say("5"),)),
        ("yes", (Say("yes"),)),
        ("''", ()),
        ("welcome.wav", (Play("welcome.wav"),)),
        ("sounds/en/hello.mp3", (Play("sounds/en/hello.mp3"),)),
        ("tone_stream://%(200,0,440)", (Play("tone_stream://%(200,0,440)"),)),
        ("'{loops=3}tone_stream://path=x'", (Play("{loops=3}tone_stream://path=x"),)),
        ("'See https://example.com for more.'", (Say("See https://example.com for more."),)),
        ("'We sent you a file named a.wav'", (Say("We sent you a file named a.wav"),)),
        ("{say: hi.wav}", (Say("hi.wav"),)),
        ("{play: a.wav, text: Hello}", (Play("a.wav", "Hello"),)),
        ("{digits: 0123}", (SayDigits("0123"),)),
        ("{digits: '555 12-34'}", (SayDigits("5551234"),)),
        ("{digits: '{number}'}", (SayDigits("{number}"),)),
        ("{silence: 1}", (Silence(1.0),)),
        ("[Hi, {silence: 0.5}, bye.wav]", (Say("Hi"), Silence(0.5), Play("bye.wav"))),
    ],
)
def test_prompts(load, prompt, expected):
    flow = load(f"steps:\n  a:\n    prompt: {prompt}\n    next: {{hangup: true}}\n")
    assert expected == flow.steps["a"].prompt


def test_the_ladder(load):
    flow = load(
        """
        steps:
          ask:
            dtmf: {num_digits: 4}
            retry:
              attempts: 4
              no_input: [First., [Second., b.wav]]
              no_match: Wrong.
              keys_only_after: 2
              keys_only: Use the keys.
              then: {say: Bye., hangup: USER_BUSY}
            next: ask
        """
    )
    expected = Retry(
        attempts=4,
        no_input=((Say("First."),), (Say("Second."), Play("b.wav"))),
        no_match=((Say("Wrong."),),),
        keys_only_after=2,
        keys_only=(Say("Use the keys."),),
        then=Action(say=(Say("Bye."),), hangup="USER_BUSY"),
    )
    assert expected == flow.steps["ask"].retry


def test_P11_actions(load):
    flow = load(
        """
        steps:
          ask:
            dtmf: {num_digits: 2, min_digits: 1}
            on:
              1: ask
              02: {goto: ask, say: Again., set: {n: 1, t: "{digits}"}, discard_recording: true}
              3: {run: f, metric: tries}
              4: {handoff: desk, metric: {tries: 2}}
              5: {flow: f}
              6: {hangup: true}
              7: {hangup: no_answer}
              8: {exit: true}
              no_input: ask
              otherwise: ask
        handoffs: {desk: {transfer: 5000, say: Wait.}}
        """,
        "def f(conv, flow): pass",
    )
    assert {
        "1": Action(goto="ask"),
        "02": Action(goto="ask", say=(Say("Again."),), set={"n": 1, "t": "{digits}"}, discard_recording=True),
        "3": Action(run="f", metric=("tries", 1)),
        "4": Action(handoff="desk", metric=("tries", 2)),
        "5": Action(flow="f"),
        "6": Action(hangup="NORMAL_CLEARING"),
        "7": Action(hangup="NO_ANSWER"),
        "8": Action(exit=True),
        "no_input": Action(goto="ask"),
        "otherwise": Action(goto="ask"),
    } == flow.steps["ask"].on  # fmt: skip
    assert (
        Handoff(name="desk", method="transfer", target="5000", say=(Say("Wait."),))
        == flow.handoffs["desk"]
    )


def test_the_rows_of_a_closed_menu_are_its_values(load):
    flow = load(
        "steps: {m: {dtmf: {num_digits: 1}, on: {1: m, 2: m, '*': m}, retry: {then: {hangup: true}}}}"
    )
    assert frozenset("12*") == flow.steps["m"].collect.validation.values


@pytest.mark.parametrize("rest", ["otherwise: m", "complete: m"])
def test_a_menu_that_catches_other_digits_takes_them(load, rest):
    flow = load(
        f"steps: {{m: {{dtmf: {{num_digits: 1}}, on: {{1: m, {rest}}}, next: m, retry: {{then: {{hangup: true}}}}}}}}"
    )
    assert flow.steps["m"].collect.validation.values is None


def test_the_flow_itself(load):
    flow = load(
        """
        language: fr
        voice: {engine: flite, voice: slt}
        greeting: Bonjour.
        first_step: b
        apology: Pardon.
        fallback: {handoff: desk}
        delay: {after: 1.5, say: [Un instant., Encore un instant.]}
        function_timeout: 4
        recording: {start: "step:a", format: mp3, stereo: true, path: "{date}/{flow}-{uuid}"}
        on_exit: {goto: a}
        escape: {keys: 0, words: [aide], then: {handoff: desk}}
        handoffs: {desk: {bridge: user/1001}}
        steps:
          a: {next: {hangup: true}}
          b: {dtmf: {num_digits: 4}, next: a}
          c: {dtmf: {num_digits: 4}, next: a, escape: false}
        """
    )
    escape = Escape(keys=frozenset("0"), words=("aide",))
    assert ("f", "fr", "b") == (flow.name, flow.language, flow.first_step)
    assert {"engine": "flite", "voice": "slt"} == flow.voice
    assert ((Say("Bonjour."),), (Say("Pardon."),)) == (flow.greeting, flow.apology)
    assert Action(handoff="desk") == flow.fallback
    assert ((Say("Un instant."),), (Say("Encore un instant."),)) == flow.delay
    assert (1.5, 4.0) == (flow.delay_after, flow.function_timeout)
    assert (
        Recording(start="step:a", format="mp3", stereo=True, path="{date}/{flow}-{uuid}")
        == flow.recording
    )
    assert Action(goto="a") == flow.on_exit
    assert (escape, Action(handoff="desk")) == (flow.escape, flow.escape_action)
    assert (escape, Escape()) == (flow.steps["b"].collect.escape, flow.steps["c"].collect.escape)
    assert [14, 15, 16] == [step.line for step in flow.steps.values()]


def test_what_a_flow_is_when_it_says_nothing(load):
    flow = load("steps: {a: {next: {hangup: true}}}")
    assert "a" == flow.first_step
    assert Action(hangup="NORMAL_TEMPORARY_FAILURE") == flow.fallback
    assert (None, None, None) == (flow.recording, flow.on_exit, flow.escape_action)
    assert (2.0, 10.0) == (flow.delay_after, flow.function_timeout)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", Recording()), ("false", None), ("{}", Recording())]
)
def test_recording_in_short(load, text, expected):
    assert (
        expected == load(f"recording: {text}\nsteps: {{a: {{next: {{hangup: true}}}}}}").recording
    )


def test_the_version_changes_with_the_yaml_and_with_the_functions(load):
    yaml, code = "steps: {a: {run: f}}", "def f(conv, flow): return {'hangup': True}\n"
    first = load(yaml, code).version
    assert first == load(yaml, code).version
    assert first != load(yaml + "\n# x", code).version
    assert first != load(yaml, code + "# x\n").version


def test_anchors_are_shared_between_steps(load):
    flow = load(
        """
        x-ladder: &ladder {attempts: 2, then: {hangup: true}}
        steps:
          a: {dtmf: &four {num_digits: 4}, retry: *ladder, next: b}
          b: {dtmf: {<<: *four, is_pii: true}, retry: {<<: *ladder, attempts: 3}, next: {hangup: true}}
        """
    )
    assert [2, 3] == [step.retry.attempts for step in flow.steps.values()]
    assert [(4, False), (4, True)] == [
        (step.collect.max_digits, step.collect.is_pii) for step in flow.steps.values()
    ]


def test_P10_a_listen_dict_is_read_like_a_step():
    found = collection_from(
        {"dtmf": {"num_digits": 4, "end_key": None}, "asr": False}, language="en-US"
    )
    assert Collection(min_digits=4, max_digits=4, speech=None) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            {"dtmf": {"num_digits": 40}},
            "num_digits must be between 1 and 32 (or -1 for no limit), got 40",
        ),
        (
            {"dtmf": {"nun_digits": 4, "num_digits": 4}},
            "unknown key 'nun_digits' in dtmf; did you mean 'num_digits'?",
        ),
        ({"dmtf": {"num_digits": 4}}, "unknown key 'dmtf'; did you mean 'dtmf'?"),
        ({}, "nothing to listen to; add 'dtmf': {'num_digits': 1}, or 'asr': True"),
        ({"dtmf": object()}, "dtmf must be a mapping, at least {num_digits: 1}, got "),
    ],
)
def test_P10_a_bad_listen_dict(data, said):
    with pytest.raises(FlowErrors) as caught:
        collection_from(data, language="en-US")
    assert said == caught.value.problems[0].text[: len(said)]

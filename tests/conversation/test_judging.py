"""What fails a script: functions that failed, and what it says about them."""

import textwrap

import pytest

from fsflows.conversation.judging import EXPECTATIONS
from fsflows.conversation.rehearsal import rehearse
from fsflows.flow.loader import load_flows
from fsflows.switch.script import parse_script

FLOW = """
    apology: I am sorry about this.
    steps:
      ask: {prompt: One., dtmf: {num_digits: 1}, asr: false, run: work}
    handoffs: {desk: {transfer: 5000 XML default}}
"""


@pytest.fixture
def failures(tmp_path):
    """`failures(functions, script="", flow=FLOW)`: those of the script."""

    def failures(functions, script="", flow=FLOW):
        (tmp_path / "flow.yaml").write_text(textwrap.dedent(flow))
        (tmp_path / "flow.py").write_text(textwrap.dedent(functions))
        flows = load_flows([tmp_path])
        parsed = parse_script(f"wait end\npress 1\n{script}", "a.call", EXPECTATIONS)
        return rehearse(flows["flow"], flows, parsed).failures

    return failures


def work(body):
    return f"def work(conv, flow):\n    {body}\n"


AFTER = "; the caller heard: I am sorry about this.; if that is what the script is about, write: expect failed work"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise ValueError('no')", "raised ValueError: no (flow.py:2)"),
        ("return {'utter': 1}", "returned the unknown key 'utter'; did you mean 'utterance'? (flow.py:1)"),
        ("return {'transition': 'no' + 'where'}", "returned a transition to 'nowhere', which is no step of flow (flow.py:1)"),
        ("conv._engine.clock.sleep(60)", "did not return within 10 s (flow.py:2)"),
        ("from fsflows import DiscardFailed; raise DiscardFailed('the call', ())", "raised DiscardFailed: "),
    ],
)  # fmt: skip
def test_a_function_that_failed_fails_the_script_that_does_not_expect_it(failures, body, error):
    [why] = failures(work(body), "expect digits 1\nexpect heard sorry\n")
    assert why.startswith(f"a.call: function work {error}")
    assert why.endswith(AFTER)
    assert [] == failures(work(body), "expect failed work\n")
    assert [] == failures(work(body), f'expect failed work "{error.split()[0]}"\n')


def test_a_validation_function(failures):
    flow = FLOW.replace("run: work", "validate: {function: good}, next: {hangup: true}")
    for body in ("raise ValueError", "return 7", "conv._engine.clock.sleep(60)"):
        functions = f"def good(conv, digits):\n    {body}\n"
        [why] = failures(functions, flow=flow)
        assert why.startswith("a.call: function good ")
        assert "(flow.py:" in why
        assert [] == failures(functions, "expect failed good", flow)


def test_the_start_and_the_end_function(failures):
    def end(body):
        return f"def end_function(conv):\n    {body}\n" + work("return {'hangup': True}")

    [why] = failures(end("raise ValueError('late')"))
    assert why == (
        "a.call: function end_function raised ValueError: late (flow.py:2);"
        " if that is what the script is about, write: expect failed end_function"
    )
    [why] = failures(end("conv.say('Bye.')"))
    assert "function end_function raised CallEnded" in why, "nobody is there any more"
    assert [] == failures(end("return 17")), "it is ignored"
    start = "def start_function(conv):\n    raise ValueError\n" + work("pass")
    [why] = failures(start, "expect not digits 1\n")
    assert why.startswith("a.call: function start_function raised ValueError")


@pytest.mark.parametrize("body", ["conv.collect(num_digits=4)", "conv._engine.call.sleep(5)"])
def test_a_function_that_the_caller_hung_up_on_has_not_failed(failures, body):
    assert [] == failures(work(body), "wait 1\nhangup\nexpect ended abandoned\n")


def test_what_is_expected_of_functions(failures):
    raises, returns = work("raise ValueError('no')"), work("return {'hangup': True}")
    assert [] == failures(returns, "expect not failed work\n")
    assert ["a.call:3: expected failed work; no function failed"] == failures(
        returns, "expect failed work\n"
    )
    first, second = failures(raises, "expect not failed work\n")
    assert first.startswith("a.call: function work raised")
    assert (
        second
        == "a.call:3: expected not failed work; function work raised ValueError: no (flow.py:2)"
    )
    first, second = failures(raises, "expect failed work KeyError\n")
    assert first.startswith("a.call: function work raised ValueError: no"), "it is another error"
    assert second.startswith("a.call:3: expected failed work KeyError; function work raised")
    for line in ("expect failed wrok\n", "expect not failed wrok\n"):
        assert "a.call:3: there is no function 'wrok'; did you mean 'work'?" in failures(
            returns, line
        )
    assert ["a.call:3: expect failed what? Write what is expected behind it"] == failures(
        returns, "expect failed"
    )


MENU = """
    greeting: Good morning, Ann!
    steps:
      ask:
        prompt: One, or two.
        dtmf: {num_digits: 1}
        asr: {words: {1: [sales]}}
        on: {1: work, 2: {handoff: desk}}
        next: {hangup: true}
      work: {run: work}
    handoffs: {desk: {transfer: 5000 XML default}}
"""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("outcome no_mach", "there is no outcome 'no_mach'; did you mean 'no_match'?"),
        ("outcome complete 1", "there is no outcome 'complete 1'; did you mean 'complete'?"),
        ("ended complted", "there is no ending 'complted'; did you mean 'completed'?"),
        ("step aks", "there is no step 'aks'; did you mean 'ask'?"),
        ("handoff dsek", "there is no hand-off 'dsek'; did you mean 'desk'?"),
    ],
)
def test_what_there_cannot_be_is_not_expected_the_other_way_round_either(failures, line, why):
    returns = work("return {'hangup': True}")
    for no in ("", "not "):
        assert [f"a.call:3: {why}"] == failures(returns, f"expect {no}{line}\n", MENU)


@pytest.mark.parametrize(
    "line",
    [
        "heard good morning ann one or two",
        "heard Good morning, Ann!",
        "not heard '!'",
        "not outcome no_match",
        "not ended USER_BUSY",
        "ended completed flow_ended NORMAL_CLEARING",
        "not step ask",
        "not handoff desk",
    ],
)
def test_what_there_can_be(failures, line):
    assert [] == failures(work("return {'hangup': True}"), f"expect {line}\n", MENU)


def test_the_words_of_an_error_as_of_a_prompt_are_compared_without_punctuation(failures):
    raises = work("raise ValueError('no, really')")
    assert [] == failures(raises, "expect failed work valueerror no really\n")


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("say sales", "'sales'"),
        ("press 2\nsay sales please", "keys 2 and 'sales please'"),
        ("dialled 7001\nsay hello\nhear good\nsay sales", "'sales'"),
        ("dialled 7001\nsay hello", ""),
    ],
)
def test_what_was_said_before_the_first_step_listened(tmp_path, first, said):
    (tmp_path / "flow.yaml").write_text(textwrap.dedent(MENU))
    (tmp_path / "flow.py").write_text(work("pass"))
    flows = load_flows([tmp_path])
    script = parse_script(f"{first}\nexpect digits 9\n", "a.call", EXPECTATIONS)
    *_, last = rehearse(flows["flow"], flows, script).failures
    hint = f"({said} came before the first step listened: the greeting plays first, unless "
    assert last.startswith(hint if said else "a.call:3: expected digits 9")

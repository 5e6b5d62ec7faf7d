from __future__ import annotations

import pytest

from fsflows.conversation.judging import EXPECTATIONS
from fsflows.switch.script import ScriptError, parse_script
from fsflows.switch.script_call import Dialled
from fsflows.switch.script_words import EXPECTED, VERBS
from fsflows.switch.steps import (
    Expect,
    HangUp,
    Hear,
    Mishap,
    Press,
    Say,
    Utterance,
    Wait,
    WaitForEnd,
    WaitForQuiet,
    WaitForStart,
)


def step_of(line: str):
    (step,) = parse_script(line).steps
    return step


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("wait 1.5", Wait(line=1, seconds=1.5)),
        ("wait start", WaitForStart(line=1)),
        ("wait end within 5", WaitForEnd(line=1, within=5)),
        ("wait quiet", WaitForQuiet(line=1)),
        ("wait quiet 2 within 9", WaitForQuiet(line=1, seconds=2, within=9)),
        ("hear press 1 within reach", Hear(line=1, text="press 1 within reach")),
        ('hear "press 1" within 3', Hear(line=1, text="press 1", within=3)),
        ("press 12 3#", Press(line=1, keys="123#")),
        ("press *a gap 0.5 hold 0.2", Press(line=1, keys="*A", gap=0.5, hold=0.2)),
        ("press 5 inband 0.03", Press(line=1, keys="5", inband=0.03)),
        ("meanwhile press 5", Press(line=1, keys="5", meanwhile=True)),
        (
            'meanwhile say "one" endpoint 1',
            Say(line=1, heard_as=(Utterance(text="one"),), endpoint=1, meanwhile=True),
        ),
        ("recogniser dies", Mishap(line=1, what="dies")),
        ("say one or two", Say(line=1, heard_as=(Utterance(text="one or two"),))),
        (
            'say "five" confidence 0.6 or "nine" confidence 0.4 word 0.3 endpoint 1',
            Say(
                line=1,
                heard_as=(
                    Utterance(text="five", confidence=0.6),
                    Utterance(text="nine", confidence=0.4),
                ),
                word=0.3,
                endpoint=1,
            ),
        ),
        (r'say "a \"quoted\" word"', Say(line=1, heard_as=(Utterance(text='a "quoted" word'),))),
        ("hangup", HangUp(line=1)),
        ("expect digits 123", Expect(line=1, words=("digits", "123"))),
        (
            'expect not heard "good bye"',
            Expect(line=1, words=("heard", "good bye"), negated=True),
        ),
    ],
)
def test_steps(line: str, step: object):
    assert step == step_of(line)


def test_who_calls():
    script = parse_script(
        '# a call\n\nfrom "Ann Example" 15551234567\nto 8000\nheader X-Account: 42\nset language=en\nhangup'
    )

    assert ("Ann Example", "15551234567") == (
        script.profile.caller_name,
        script.profile.caller_number,
    )
    assert script.profile.destination == "8000"
    assert script.profile.sip_headers == {"X-Account": "42"}
    assert script.profile.variables == {"language": "en"}
    assert script.where(script.steps[0]) == "script:7"


def test_whom_we_call():
    script = parse_script(
        'dialled +44 (20) 7946-0018\nstate customer=4711\nstate name="Ann Example"\nstate note=a = b\n'
        'state empty=\nfrom "Harbour Books" 442079460000\nmachine hang_up\nsay hello'
    )
    assert script.dialled == Dialled(
        number="+442079460018",
        caller_number="442079460000",
        caller_name="Harbour Books",
        state={"customer": "4711", "name": "Ann Example", "note": "a = b", "empty": ""},
        hang_up_on_machine=True,
    )
    assert parse_script('dialled "7001"').dialled == Dialled(number="7001")
    assert parse_script("from 15551234567\nhangup").dialled is None


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ("dialled 1\nto 2", ["2: whom we call is in the line 'dialled'; leave this one out"]),
        ("to 2\ndialled 1", ["1: whom we call is in the line 'dialled'; leave this one out"]),
        ("dialled 1\nheader X-A: 1", ["2: nobody sends us a header in a call that we make; leave it out"]),
        ("dialled 1\nset a=1\nset b=1", ["2: no dialplan sets variables of a call that we make; what --set gives is written: state", "3: no "]),
        ("dialled 1\ndialled 2", ["2: whom we call is in line 1 already"]),
        ("from anonymous\ndialled 1", ["1: of a call that we make, this is our own number: digits, not 'anonymous'"]),
        ("state a=1\nmachine hang_up", ["1: only a call that we make has first values; write", "2: only a call that we make is"]),
        ("dialled nobody\nto 2\npress x", ["1: the number must be", "2: whom we call is in", "3: 'X' is no key"]),
    ],
)  # fmt: skip
def test_lines_that_contradict_each_other(lines: str, problems: list[str]):
    with pytest.raises(ScriptError) as caught:
        parse_script(lines, "a.call")

    assert len(problems) == len(caught.value.problems)
    for problem, found in zip(problems, caught.value.problems, strict=True):
        assert found.startswith(f"a.call:{problem}")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "dial 5",
            "there is no step 'dial'; there are from, to, header, set, dialled, state, machine, wait, hear,",
        ),
        ("dialed 5", "there is no step 'dialed'; here it is called 'dialled'"),
        (
            "dialled",
            "the number must be digits (and +, *, #), 32 at the most; write: dialled +44 20 7946 0018",
        ),
        (
            "dialled 0800 HELP",
            "the number must be digits (and +, *, #), 32 at the most; write: dialled +44",
        ),
        (
            "dialled 7001 a=1",
            "the number must be digits (and +, *, #), 32 at the most; write: dialled +44 20 7946 0018; what --set gives has a line of its own: state customer=4711",
        ),
        ("state name", "write: state customer=4711"),
        ("state a-b=1", "'a-b' is no name that conv.state can have; write: state customer=4711"),
        (
            "state name=Ann customer=4711",
            "one value a line; write 'customer=4711' in a line of its own, or all of the value in quotes",
        ),
        ('state name="Ann Lee" customer=4711', "one value a line; write 'customer=4711' in"),
        ('state name="Ann', 'a quotation mark " has no end'),
        (
            "machine",
            "write: machine hang_up; without this line, a machine that answers gets the flow",
        ),
        ("machine ignore", "write: machine hang_up"),
        ("pres 5", "there is no step 'pres'; did you mean 'press'?"),
        ("dtmf 5", "there is no step 'dtmf'; here it is called 'press'"),
        ("hang up", "there is no step 'hang'; here it is called 'hangup'"),
        ("wait 500ms", "'500ms' is not a number of seconds; write 0.5"),
        ("wait", "how long?"),
        ("wait soon", "'soon' is not a number of seconds"),
        ("wait 3000", "seconds are between 0 and 600, not 3000"),
        ("wait nan", "'nan' is not a number of seconds"),
        ("wait start within", "a number of seconds is missing"),
        ("wait start for 5", "'for' is not understood here; there may be within and seconds"),
        ("hear", "hear what?"),
        ("hear goodbye within 5", "with 'within' behind it, the text goes in quotes: \"goodbye\""),
        ("say yes confidence 0.4", "with 'confidence' behind it, the text goes in quotes: \"yes\""),
        ('hear "no end', 'a quotation mark " has no end'),
        ("press", "press what?; keys are 0-9, *, # and A-D"),
        ("press 12x", "'X' is no key"),
        ("say", "say what?"),
        ('say "yes" confidence 4', "a confidence is between 0 and 1, not 4"),
        ('say "five" or nine', 'another guess is in quotes: say "five" or "nine"'),
        ("meanwhile hangup", "meanwhile what?"),
        ("recogniser sleeps", "what happens to it? write: recogniser dies or closes or garbles"),
        ("hangup now", "hangup stands alone"),
        ("expect", "expect what?"),
        ("expect not", "expect what?"),
        ("header X", "write: header X-Name: value"),
        ("set a b=c", "write: set name=value"),
        ("from a b c", 'write: from "Ann Example" 15551234567'),
    ],
)
def test_what_is_wrong_with_a_line(line: str, problem: str):
    with pytest.raises(ScriptError) as caught:
        parse_script(f"\n{line}", "a.call")

    (only,) = caught.value.problems
    assert only.startswith(f"a.call:2: {problem}")


def test_all_problems_come_at_once():
    with pytest.raises(ScriptError) as caught:
        parse_script("wait\nhangup\nto 5\npress x", "a.call")

    assert [1, 3, 4] == [int(problem.split(":")[1]) for problem in caught.value.problems]


def test_every_other_word_leads_to_one_of_ours():
    with pytest.raises(ScriptError) as caught:
        parse_script("\n".join(" ".join(VERBS.values()).split()))

    assert all("; here it is called " in problem for problem in caught.value.problems)
    assert set(EXPECTED) <= set(EXPECTATIONS)


def test_expectations_are_known_or_refused():
    assert parse_script("expect digits 1", expectations={"digits"}).expectations
    with pytest.raises(
        ScriptError, match="nothing is known of 'digit' to expect; did you mean 'digits'\\?"
    ):
        parse_script("expect digit 1", expectations={"digits"})

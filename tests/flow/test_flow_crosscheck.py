"""Names, ways out, rows that can't happen, circles, and what nothing leads to."""

from __future__ import annotations

import pytest


def two(step: str, extra: str = "") -> str:
    return f"steps:\n  ask: {{{step}}}\n  end: {{prompt: Bye., next: {{hangup: true}}}}\n{extra}"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("next: edn", "f.yaml:2:15: no step is named 'edn'; did you mean 'end'?"),
        ("next: {goto: edn}", "f.yaml:2:22: no step is named 'edn'; did you mean 'end'?"),
        ("next: hangup", "f.yaml:2:15: no step is named 'hangup'; to do that write {hangup: true}"),
        ("next: exit", "f.yaml:2:15: no step is named 'exit'; to do that write {exit: true}"),
        (
            "next: front_desk",
            "f.yaml:2:15: no step is named 'front_desk'; for the hand-off write {handoff: front_desk}",
        ),
        (
            "next: {handoff: frontdesk}",
            "f.yaml:2:25: no hand-off is named 'frontdesk'; did you mean 'front_desk'?",
        ),
        ("next: {flow: g}", "f.yaml:2:22: no flow is named 'g' in these files; there are: f"),
        (
            "run: xyz",
            "f.yaml:2:14: there is no function 'xyz': the flow has no functions file; write f.py beside it",
        ),
    ],
)
def test_P8_names_that_do_not_exist(check, step, said):
    assert [said] == check(two(step, "handoffs: {front_desk: {transfer: 5000}}\non_exit: end\n"))


def test_a_function_where_a_step_is_wanted(check):
    said = "f.yaml:2:15: no step is named 'choose'; for the function write {run: choose}"
    assert said in check(two("next: choose"), "def choose(conv, flow): pass\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("flow.goto_step('edn')", "f.py:2:20: no step is named 'edn'; did you mean 'end'?"),
        ("flow.goto_step(name='edn')", "f.py:2:25: no step is named 'edn'; did you mean 'end'?"),
        ("conv.goto_flow('g')", "f.py:2:20: no flow is named 'g' in these files; there are: f"),
        ("conv.call_handoff('desk')", "f.py:2:23: no hand-off is named 'desk'; there are: front_desk"),
        ("conv.call_handoff(destination='desk')", "f.py:2:35: no hand-off is named 'desk'; there are: front_desk"),
        ("conv.functions.gg()", "f.py:2:20: no function 'gg' in f.py; did you mean 'g'?"),
        ("return {'transition': {'goto_step': 'edn'}}", "f.py:2:41: no step is named 'edn'; did you mean 'end'?"),
        ("return {'transition': 'edn'}", "f.py:2:27: no step is named 'edn'; did you mean 'end'?"),
        ("return {'transition': {'goto_flow': 'g'}}", "f.py:2:41: no flow is named 'g' in these files; there are: f"),
        ("return {'handoff': 'desk'}", "f.py:2:24: no hand-off is named 'desk'; there are: front_desk"),
        ("return {'handoff': {'destination': 'desk'}}", "f.py:2:40: no hand-off is named 'desk'; there are: front_desk"),
        ("return {'utterence': 'Hi'}", "f.py:2:13: warning: 'utterence' means nothing in what a function returns; did you mean 'utterance'?"),
        ("conv.discard_recordng()", "f.py:2:10: warning: conv has no 'discard_recordng'; did you mean 'discard_recording'?"),
        ("conv.discard_recording('x')", "f.py:2:10: discard_recording() takes no arguments"),
    ],
)  # fmt: skip
def test_P8_names_in_the_functions_text(check, code, said):
    functions = f"def f(conv, flow):\n    {code}\ndef g(conv): pass\n"
    text = two("run: f", "handoffs: {front_desk: {transfer: 5000}}\n")
    assert [said] == [
        line
        for line in check(text, functions)
        if "nothing leads" not in line and "g is never" not in line
    ]


def test_names_that_only_the_call_knows_are_let_pass(check):
    functions = "def f(conv, flow):\n    flow.goto_step(conv.state.step)\n    conv.goto_flow(str(conv.state.flow))\n"
    assert [] == check(two("run: f"), functions)


def test_P12_discarding_in_the_end_function_is_an_error(check):
    functions = "def f(conv, flow):\n    flow.goto_step('end')\ndef end_function(conv):\n    conv.discard_recording()\n"
    said = "f.py:4:10: discard_recording() can't be called in the end function: the call is over; call it in a step"
    assert [said] == check(two("run: f"), functions)


def test_a_shared_functions_file_is_checked_where_it_is_used(write, check):
    write(
        "def f(conv, flow): flow.goto_step('end')\ndef other(conv, flow): flow.goto_step('elsewhere')\n",
        "shared.py",
    )
    assert [] == check(two("run: f", "functions: shared.py\n"))
    (said,) = check(two("run: other, next: end", "functions: shared.py\n"))
    assert "shared.py:2:39: no step is named 'elsewhere'; there are: ask, end" == said


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "prompt: Hi.",
            "f.yaml:2:3: step 'ask' has no way out; add 'next: {hangup: true}', or 'next:' with a step's name",
        ),
        (
            "next: {say: Hi.}",
            "f.yaml:2:9: next leads nowhere; add goto, flow, handoff, hangup or exit",
        ),
        (
            "dtmf: {num_digits: 1}",
            "f.yaml:2:3: step 'ask' has no way out when the outcome is complete, no_input, no_match or too_long; add 'next:', 'otherwise:' to 'on:'",
        ),
        (
            "dtmf: {num_digits: 1}, asr: false, on: {complete: end}",
            "f.yaml:2:3: step 'ask' has no way out when the outcome is no_input; add 'next:', 'otherwise:' to 'on:', or 'then:' to 'retry:'",
        ),
        (
            "dtmf: {num_digits: 4}, asr: false, on: {complete: end, no_input: end}",
            "f.yaml:2:3: step 'ask' has no way out when the outcome is too_short; add 'next:', 'otherwise:' to 'on:', or 'then:' to 'retry:'",
        ),
        (
            "dtmf: {num_digits: 1}, validate: {values: [1, 2]}, on: {1: end}, retry: {then: end}",
            "f.yaml:2:3: step 'ask' has no way out when the outcome is complete; add 'next:', 'otherwise:' to 'on:'",
        ),
        (
            "dtmf: {num_digits: 1}, on: {1: {say: Hi.}, otherwise: end}",
            "f.yaml:2:37: row '1' leads nowhere; add goto, flow, handoff, hangup or exit to it, or 'next:' to the step",
        ),
        (
            "dtmf: {num_digits: 1}, on: {escaped: {say: Hi.}, otherwise: end}",
            "f.yaml:2:37: row 'escaped' leads nowhere; add goto, flow, handoff, hangup or exit to it, or 'next:' to the step",
        ),
        (
            "on: {1: end}",
            "f.yaml:2:9: 'on:' has nothing to decide, since the step collects nothing; write 'next:', or add 'dtmf:'",
        ),
    ],
)
def test_steps_without_a_way_out(check, step, said):
    assert [said] == [line for line in check(two(step)) if "can never happen" not in line]


@pytest.mark.parametrize(
    "step",
    [
        "prompt: Hi., next: end",
        "dtmf: {num_digits: 4}, next: end",
        "dtmf: {num_digits: 4}, on: {otherwise: end}",
        "dtmf: {num_digits: 1}, on: {1: end, 2: end}, retry: {then: end}",
        "dtmf: {num_digits: 1}, on: {1: {say: Hi.}}, next: end",
        "dtmf: {num_digits: 4}, on: {complete: end}, retry: {then: {hangup: true}}",
        "dtmf: {num_digits: 1}, asr: false, on: {complete: end, no_input: end}",
        "dtmf: {num_digits: 1}, validate: {values: [1, 2]}, on: {1: end, 2: end}, retry: {then: end}",
    ],
)
def test_steps_with_ways_out(check, step):
    assert [] == check(two(step))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("dtmf: {num_digits: 1}, on: {12: end}", "f.yaml:2:37: row '12' can never happen: it has 2 digits, and num_digits is 1"),
        ("dtmf: {num_digits: 4}, on: {1: end}", "f.yaml:2:37: row '1' can never happen: it has 1 digit, and 4 are asked for"),
        (
            "dtmf: {num_digits: 1, end_key: '#'}, on: {'#': end}",
            "f.yaml:2:51: row '#' can never happen: '#' is the end key, which is not part of the digits",
        ),
        ("dtmf: {num_digits: 1, clear_key: '*'}, on: {'*': end}", "f.yaml:2:53: row '*' can never happen: '*' is the clear key"),
        (
            "dtmf: {num_digits: 1}, on: {'*': end}",
            "f.yaml:2:37: row '*' can never happen: '*' is no digit; add 'validate: {values: [...]}' with every row's digits to collect it",
        ),
        (
            "dtmf: {num_digits: 8}, validate: {kind: date}, on: {'*': end}",
            "f.yaml:2:61: row '*' can never happen: '*' is no digit; only the flow's 'escape' can be a key here; write a row 'escaped'",
        ),
        ("dtmf: {num_digits: 1}, on: {A: end}", "f.yaml:2:37: row 'A' can never happen: 'A' is no digit; add 'allow_letters: true'"),
        (
            "dtmf: {num_digits: 1}, on: {0: end}",
            "f.yaml:2:37: row '0' can never happen: '0' is the flow's escape key; write a row 'escaped', or 'escape: false' in the step",
        ),
        (
            "dtmf: {num_digits: 1}, validate: {values: [1, 2]}, on: {1: end, 3: end}",
            "f.yaml:2:73: row '3' can never happen: 'validate:' refuses it (not one of the values)",
        ),
        (
            "dtmf: {num_digits: 2}, validate: {pattern: '1.'}, on: {21: end}",
            "f.yaml:2:64: row '21' can never happen: 'validate:' refuses it (does not match the pattern)",
        ),
        ("dtmf: {num_digits: 1}, escape: false, on: {escaped: end}", "f.yaml:2:52: row 'escaped' can never happen: the flow has no 'escape:' (or the step turns it off)"),
        ("dtmf: {num_digits: 1}, on: {hangup: end}", "f.yaml:2:37: on hangup the caller is gone; only run, set, metric and discard_recording make sense"),
        ("dtmf: {num_digits: -1}, on: {too_long: end}", "f.yaml:2:38: warning: row 'too_long' can never happen with these settings; drop it"),
        ("dtmf: {num_digits: 1}, on: {too_short: end}", "f.yaml:2:37: warning: row 'too_short' can never happen with these settings; drop it"),
        (
            "dtmf: {num_digits: 1}, retry: {then: end}, on: {no_input: end}",
            "f.yaml:2:57: warning: row 'no_input' can never happen: retry's 'then:' comes first; keep one of the two",
        ),
    ],
)  # fmt: skip
def test_rows_that_can_never_happen(check, step, said):
    text = two(f"{step}, next: end", "escape: {keys: 0, then: end}\n")
    assert [said] == check(text)


def test_a_function_behind_otherwise_is_never_come_to(check):
    text = two("dtmf: {num_digits: 1}, run: f, on: {otherwise: end}")
    said = "f.yaml:2:32: warning: run: f is never come to, since 'otherwise' takes everything; keep one of the two"
    assert [said] == check(text, "def f(conv, flow): flow.goto_step('end')\n")


def test_a_circle_without_the_caller_is_an_error(check):
    text = "steps:\n  a: {prompt: A., next: b}\n  b: {prompt: B., next: c}\n  c: {prompt: C., next: b}\n"
    said = "f.yaml:3:3: b → c → b goes round for ever without listening to the caller; let one of them collect, or hang up"
    assert [said] == [line for line in check(text) if "round" in line]


def test_a_silent_caller_in_a_circle_is_a_warning(check):
    text = (
        "steps:\n  a: {dtmf: {num_digits: 1}, on: {1: b}, next: a}\n  b: {next: {hangup: true}}\n"
    )
    said = "f.yaml:2:3: warning: a caller who says nothing goes round for ever: a → a; end it with 'retry: {then: {hangup: true}}' or a hand-off"
    assert [said] == check(text)


@pytest.mark.parametrize(
    "text",
    [
        "steps:\n  a: {dtmf: {num_digits: 1}, next: b}\n  b: {prompt: B., run: f}\n",
        "steps:\n  a: {dtmf: {num_digits: 1}, on: {complete: b}, retry: {then: {hangup: true}}}\n  b: {prompt: B., next: a}\n",
    ],
)
def test_circles_that_end(check, text):
    assert [] == check(text, "def f(conv, flow): flow.goto_step('a')\n" if "run" in text else "")


def test_what_nothing_leads_to_is_a_warning(check):
    text = "steps:\n  a: {run: f}\n  b: {next: c}\n  c: {next: {hangup: true}}\n  d: {next: {hangup: true}}\n"
    functions = "def f(conv, flow): flow.goto_step('d')\ndef g(conv): pass\ndef _h(conv): pass\n"
    assert [
        "f.py:2:1: warning: g is never used; drop it, or begin its name with '_'",
        "f.yaml:3:3: warning: nothing leads to step 'b'",
        "f.yaml:4:3: warning: nothing leads to step 'c'",
    ] == check(text, functions)


def test_what_a_function_may_lead_to_is_not_called_unreachable(check):
    text = "steps:\n  a: {run: f}\n  b: {next: {hangup: true}}\n"
    functions = "def f(conv, flow): _go(flow, 'b')\ndef _go(flow, name): flow.goto_step(name)\n"
    assert [] == check(text, functions)


def test_functions_that_are_used_by_others_are_used(check):
    functions = """
def f(conv, flow):
    conv.functions.g()
    TABLE[conv.state.x](conv)
    return {"hangup": True}
def g(conv): pass
def h(conv): pass
TABLE = {"h": h}
"""
    assert [] == check("steps: {a: {run: f}}", functions)


def test_goto_flow_looks_among_all_flows(read):
    reading = read(
        {
            "one.yaml": "steps: {a: {next: {flow: two}}}",
            "sub/two.yml": "steps: {a: {next: {flow: on}}}",
            "tests/three.yaml": "this is no flow",
            ".hidden/four.yaml": "nor is this",
        }
    )
    assert [
        "flows/sub/two.yml:1:26: no flow is named 'on' in these directories; did you mean 'one'?"
    ] == [str(problem) for problem in reading.problems]
    assert ["one"] == list(reading.flows)


def test_a_flow_name_that_is_taken(read):
    reading = read(
        {
            "a.yaml": "name: x\nsteps: {a: {next: {hangup: true}}}",
            "b.yaml": "name: x\nsteps: {a: {next: {hangup: true}}}",
        }
    )
    assert [
        "flows/b.yaml:1:7: the flow name 'x' is taken by flows/a.yaml; give it another 'name:'"
    ] == [str(problem) for problem in reading.problems]


def test_a_flow_that_can_not_be_read_is_not_missing_as_well(read):
    reading = read({"a.yaml": "steps: {a: {next: {flow: b}}}", "b.yaml": "steps: [\n"})
    assert ["flows/b.yaml:2:1: a value is missing, or a bracket is not closed"] == [
        str(problem) for problem in reading.problems
    ]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ('"You keyed {digit}."', ["f.yaml:2:17: warning: nothing sets {digit}; did you mean {digits}?"]),
        ('"I chose {choise}."', ["f.yaml:2:17: warning: nothing sets {choise}; did you mean {choice}?"]),
        ('"Dear {custmer}."', ["f.yaml:2:17: warning: nothing sets {custmer}; did you mean {customer}?"]),
        ('"Table {tabel}."', ["f.yaml:2:17: warning: nothing sets {tabel}; did you mean {table}?"]),
        ('[Hello., {say: "{digts}"}]', ["f.yaml:2:32: warning: nothing sets {digts}; did you mean {digits}?"]),
        ('"You chose {phrase}."', ["f.yaml:2:17: warning: {phrase} has a value in the question of `confirm:` only; {digits} has one everywhere"]),
        ('"{digits} {caller_number} {callee_number} {choice} {customer} {table}"', []),
        ('"{appointment}"', []),  # another flow may set it, or the table of a dialled call
        ('"{number}, {last_digits}"', []),
        ('"{helper}"', []),  # the functions have the word: they may well set it
    ],
)  # fmt: skip
def test_a_placeholder_that_is_like_one_which_has_a_value(check, prompt, said):
    functions = (
        "def f(conv, flow):\n"
        "    conv.state.customer = helper = 1\n"
        "    conv.state['table'] = 2\n"
        "    helpers = helper\n"
    )
    text = two(f"prompt: {prompt}, run: f, next: {{set: {{choice: 1}}, goto: end}}")
    assert said == check(text, functions)


def test_the_phrase_has_a_value_in_a_question_and_where_it_is_set(check):
    asked = "prompt: x, dtmf: {num_digits: 1}, confirm: {prompt: '{phrase}?'}, next: end"
    assert [] == [line for line in check(two(asked)) if "phrase" in line]
    its_own = two("prompt: '{phrase}', next: {set: {phrase: 1}, goto: end}")
    assert [] == [line for line in check(its_own) if "phrase" in line]
    from_function = two("prompt: '{phrase}', run: f, next: end")
    assert [] == check(from_function, "def f(conv, flow):\n    conv.state.phrase = 'sales'\n")


def test_a_name_that_always_has_a_value_is_set_in_vain(check):
    text = two("prompt: x, next: {set: {digits: 1}, goto: end}")
    assert [
        "f.yaml:2:33: warning: {digits} in a text is never what is set here; choose another name"
    ] == check(text)


def test_braces_that_are_no_placeholders(check):
    """Of a recording's path, of a regular expression, and FreeSWITCH's own."""
    step = 'dtmf: {num_digits: 4}, validate: {pattern: "\\\\d{digit}"}, next: end'
    text = two(step, 'recording: {path: "{uuid}-{flow}"}\n')
    assert not [line for line in check(text) if "nothing sets" in line]

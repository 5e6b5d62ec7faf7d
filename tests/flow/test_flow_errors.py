"""Bad flows and exactly what is said about them."""

from __future__ import annotations

import pytest

from fsflows.flow.errors import FlowErrors, Problem
from fsflows.flow.loader import load_flow
from fsflows.flow.model import Say

STEP = "steps:\n  ask:\n    {}\n    next: {{hangup: true}}\n"


def step(line: str) -> str:
    return STEP.format(line)


def dtmf(settings: str) -> str:
    return step(f"dtmf: {{{settings}}}")


def test_a_wrong_row_hides_none_of_the_others(check):
    rows = ["complet", '"12"', '"#"', "A", '"1"']
    on = "".join(f"      {row}: {{hangup: true}}\n" for row in rows)
    said = check(
        f"steps:\n  ask:\n    dtmf: {{num_digits: 1}}\n    on:\n{on}    next: {{hangup: true}}\n"
    )

    assert [
        "f.yaml:5:7: 'complet' is neither digits nor an outcome; did you mean 'complete'?",
        "f.yaml:6:7: row '12' can never happen: it has 2 digits, and num_digits is 1",
        "f.yaml:7:7: row '#' can never happen: '#' is no digit; add 'validate: {values: [...]}' with every row's digits to collect it",
        "f.yaml:8:7: row 'A' can never happen: 'A' is no digit; add 'allow_letters: true'",
    ] == said


def test_rows_are_not_held_against_settings_that_are_wrong_themselves(check):
    said = check(
        "steps:\n  ask:\n    dtmf: {num_digits: x}\n    on:\n      '12': {hangup: true}\n    next: {hangup: true}\n"
    )

    assert 1 == len(said)


def test_the_united_kingdom_is_gb(check):
    (said,) = check(step("dtmf: {num_digits: 11}\n    validate: {phone: UK}"))

    assert said.endswith("did you mean 'GB'?")


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("dtmf: {num_digits: 1, end_key: # }", "3:36"),
        ("dtmf: {num_digits: 1, end_key: #}", "3:36"),
        ('dtmf: {num_digits: 1,\n      end_key: ["*", #]}', "4:22"),
        ("dtmf:\n      num_digits: 1\n      end_key: ['#', #]", "5:22"),
    ],
)
def test_a_sign_that_begins_a_comment_and_hides_a_bracket(check, setting, place):
    what = "'#' begins a comment, which hides the rest of the line; put it in quotes: \"#\""

    assert [f"f.yaml:{place}: {what}"] == check(step("{}").replace("{}", setting))


def test_a_bracket_that_no_comment_hides(check):
    (said,) = check(step("{}").replace("{}", "dtmf: {num_digits: 1, end_key: '#' # the end"))

    assert "begins a comment" in said
    (said,) = check(step("{}").replace("{}", "dtmf: {num_digits: 1, end_key: '#'"))
    assert said.endswith("',' or '}' is missing")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            "num_digits: 40",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got 40",
        ),
        (
            "num_digits: 0",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got 0",
        ),
        (
            "num_digits: -2",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got -2",
        ),
        (
            "num_digits: 33",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got 33",
        ),
        (
            "num_digits: four",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got 'four'",
        ),
        (
            "num_digits: 2.5",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got 2.5",
        ),
        (
            "num_digits: true",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got true",
        ),
        (
            "num_digits: '4'",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got '4', which is a text; write 4",
        ),
        (
            "num_digits: 04",
            "f.yaml:3:24: num_digits must be between 1 and 32 (or -1 for no limit), got '04', which is a text; write 4",
        ),
        (
            "num_digits: [1]",
            "f.yaml:3:12: num_digits must be between 1 and 32 (or -1 for no limit), got a list",
        ),
        (
            "num_digits: ",
            "f.yaml:3:12: num_digits is empty; it must be between 1 and 32 (or -1 for no limit)",
        ),
        ("is_pii: true", "f.yaml:3:5: dtmf needs num_digits: between 1 and 32, or -1 for no limit"),
        (
            "num_digits: 1, nun_digits: 4",
            "f.yaml:3:27: unknown key 'nun_digits' in dtmf; did you mean 'num_digits'?",
        ),
        (
            "numDigits: 1, num_digits: 1",
            "f.yaml:3:12: unknown key 'numDigits' in dtmf; did you mean 'num_digits'?",
        ),
        (
            "num_digits: 1, dtmf_stop_event: '#'",
            "f.yaml:3:27: unknown key 'dtmf_stop_event' in dtmf; here it is called 'end_key'",
        ),
        (
            "num_digits: 1, first_digit_timeout: 3000",
            "f.yaml:3:48: first_digit_timeout must be more than 0 and at most 120 seconds, got 3000; 3000 looks like milliseconds: write 3.0",
        ),
        (
            "num_digits: 1, inter_digit_timeout: 0",
            "f.yaml:3:48: inter_digit_timeout must be more than 0 and at most 120 seconds, got 0",
        ),
        (
            "num_digits: 1, collection_timeout: soon",
            "f.yaml:3:47: collection_timeout must be more than 0 and at most 120 seconds, got 'soon'",
        ),
        (
            "num_digits: 1, end_key: [",  # the flow mapping ends there
            "f.yaml:3:37: a value is missing, or a bracket is not closed",
        ),
        (
            "num_digits: 1, end_key: pound",
            'f.yaml:3:36: end_key must be keys of the telephone, such as "#" or ["#", "*"], or none, got \'pound\'; write "#"',
        ),
        (
            "num_digits: 1, end_key: ['##']",
            'f.yaml:3:37: item 1 of end_key must be one key: a digit, "*" or "#", got \'##\'',
        ),
        (
            "num_digits: 1, barge_in: interupt",
            "f.yaml:3:37: barge_in must be interrupt, collect or ignore, got 'interupt'; did you mean 'interrupt'?",
        ),
        (
            "num_digits: 1, policy: both",
            "f.yaml:3:35: policy must be merge, keys_win or first_wins, got 'both'",
        ),
        (
            "num_digits: 1, type_ahead: no",
            "f.yaml:3:39: type_ahead must be keep or flush, got 'no'; write flush",
        ),
        (
            "num_digits: 1, is_pii: yes",
            "f.yaml:3:35: is_pii must be true or false, got 'yes'; write true",
        ),
        (
            "num_digits: 1, is_pii: off",
            "f.yaml:3:35: is_pii must be true or false, got 'off'; write false",
        ),
        (
            "num_digits: 1, same_press_window: 60",
            "f.yaml:3:46: same_press_window must be between 0 and 0.3 seconds, got 60",
        ),
        (
            "num_digits: 4, min_digits: 6",
            "f.yaml:3:39: min_digits must not be more than num_digits, which is 4, got 6",
        ),
        (
            "num_digits: 4, max_digits: 6",
            "f.yaml:3:27: max_digits is another name for num_digits, and they disagree; keep one of the two",
        ),
        (
            "num_digits: 4, end_key: '#', finish_on_key: '*'",
            "f.yaml:3:41: finish_on_key is another name for end_key, and they disagree; keep one of the two",
        ),
        (
            "num_digits: 4, collect_while_agent_speaking: true, early_listening: false",
            "f.yaml:3:63: early_listening is another name for collect_while_agent_speaking, and they disagree; keep one of the two",
        ),
        (
            "num_digits: 4, barge_in: ignore, collect_while_agent_speaking: true",
            "f.yaml:3:37: barge_in: ignore contradicts collect_while_agent_speaking: true; keep one of the two",
        ),
        (
            "num_digits: 4, barge_in: interrupt, early_listening: false",
            "f.yaml:3:37: barge_in: interrupt contradicts early_listening: false; keep one of the two",
        ),
        (
            "num_digits: 4, barge_in: collect, early_listening: false",
            "f.yaml:3:37: barge_in: collect contradicts early_listening: false; keep one of the two",
        ),
    ],
)
def test_L1_P1_dtmf_settings(check, settings, said):
    assert [said] == check(dtmf(settings))


def test_an_end_key_without_quotes_is_a_comment(check):
    text = """
        steps:
          ask:
            dtmf:
              num_digits: 4
              end_key: #
            next: {hangup: true}
        """
    said = 'f.yaml:5:7: end_key is empty; it must be keys of the telephone, such as "#" or ["#", "*"], or none; a plain # begins a comment, write "#" in quotes'
    assert [said] == check(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dtmf: 4", "f.yaml:3:11: dtmf must be a mapping, at least {num_digits: 1}, got 4"),
        ("dtmf:", "f.yaml:3:5: dtmf is empty; it must be a mapping, at least {num_digits: 1}"),
        ("num_digits: 4", "f.yaml:3:5: unknown key 'num_digits' in step 'ask'; it belongs under 'dtmf:'"),
        ("keywords: [a]", "f.yaml:3:5: unknown key 'keywords' in step 'ask'; it belongs under 'asr:'"),
        ("prompt: {name}", "f.yaml:3:14: unknown key 'name' in prompt; to say it write \"{name}\", in quotes"),
        ("on_exit: ask", "f.yaml:3:5: unknown key 'on_exit' in step 'ask'; it belongs to the flow, at the left margin"),
        ("pompt: hi", "f.yaml:3:5: unknown key 'pompt' in step 'ask'; did you mean 'prompt'?"),
        ("asr: maybe", "f.yaml:3:10: asr must be true, false or a mapping with words, language, preset ..., got 'maybe'"),
        (
            "asr: {preset: numbers}",
            "f.yaml:3:19: preset must be numeric, yes_no, single_number, alphanumeric or none, got 'numbers'; did you mean 'numeric'?",
        ),
        ("asr: {barge_in_words: true}", "f.yaml:3:27: barge_in_words must be a number of words between 1 and 20, or false, got true"),
        ("asr: {barge_in_words: 0}", "f.yaml:3:27: barge_in_words must be a number of words between 1 and 20, or false, got 0"),
        ("asr: {keywords: sales}", "f.yaml:3:21: keywords must be a list of words or phrases, got 'sales'; write [sales]"),
        (
            "asr: {settle_time: 400}",
            "f.yaml:3:24: settle_time must be more than 0 and at most 120 seconds, got 400; 400 looks like milliseconds: write 0.4",
        ),
        ("confirm: alwys", "f.yaml:3:14: confirm must be never, always, when_unsure or a mapping with when, accept, refuse ..., got 'alwys'; did you mean 'always'?"),
        ("validate: {}", "f.yaml:3:5: validate must be a mapping with pattern, values, check, phone, kind or function"),
        ("validate: {values: []}", 'f.yaml:3:16: values must be a list of digits, such as ["1", "2"]'),
        ("validate: {phone: us}", "f.yaml:3:23: phone must be a country code of two capital letters, such as US, got 'us'"),
        ("validate: {kind: day}", "f.yaml:3:22: kind must be date, time or amount, got 'day'"),
        ("retry: {attempts: 0}", "f.yaml:3:23: attempts must be between 1 and 10, got 0"),
        ("prompt: {sy: hello}", "f.yaml:3:14: unknown key 'sy' in prompt; did you mean 'say'?"),
        ("prompt: [hello, {silence: 0}]", "f.yaml:3:31: silence must be more than 0 and at most 120 seconds, got 0"),
        ("prompt: {play: a.wav, say: hello}", "f.yaml:3:14: say and play in one item; write a list with an item for each"),
        ("prompt: {text: hello}", "f.yaml:3:14: 'text' goes with 'play:'; to speak a text write 'say:'"),
        ("prompt: {say: hello, text: hello}", "f.yaml:3:26: 'text' goes with 'play:', not with 'say:'"),
        ("prompt: {digits: hello}", "f.yaml:3:22: digits must be digits or a placeholder such as \"{digits}\", got 'hello'"),
        ("prompt: Hello {name", "f.yaml:3:13: a '{' is never closed; write {name}, or leave the brace out"),
        ("prompt: Hello name}", "f.yaml:3:13: a '}' has no '{' before it; write {name}, or leave the brace out"),
        ("prompt: 'Hello {first name}'", "f.yaml:3:13: '{first name}' is not a placeholder; write {first_name}"),
        ("prompt: 'Hello {}'", "f.yaml:3:13: '{}' is not a placeholder; write {name}"),
        ("confirm: always", "f.yaml:3:5: 'confirm:' has nothing to work on; add 'dtmf:' (or 'asr: true') to the step"),
        ("escape: 5", "f.yaml:3:13: escape must be true or false, got 5"),
    ],
)  # fmt: skip
def test_step_settings(check, line, said):
    assert [said] == check(step(line))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("validate: {values: [1, 2 3]}", "f.yaml:3:52: item 2 of values must be digits without spaces, such as \"1234\", got '2 3'"),
        ("validate: {date_format: DDMM}", "f.yaml:3:40: date_format goes with 'kind: date'; add it"),
        ("confirm: {accept: 1, refuse: 1}", "f.yaml:3:58: refuse: '1' is one of accept too; a key can do one thing"),
        ("confirm: {refuse: '1'}", "f.yaml:3:47: refuse: '1' is one of accept too; a key can do one thing"),
        ("confirm: {accept: none}", "f.yaml:3:47: accept: needs a key: who isn't understood must be able to press an answer"),
        ("confirm: {refuse: none}", "f.yaml:3:47: refuse: needs a key: who isn't understood must be able to press an answer"),
        ("confirm: {groups: [3, 0]}", "f.yaml:3:51: item 2 of groups must be a number of digits between 1 and 32, got 0"),
        ("confirm: {sure: 85}", "f.yaml:3:45: sure must be between 0 and 1, got 85"),
        ("retry: {keys_only_after: 3}", "f.yaml:3:54: keys_only_after must be less than attempts (3), got 3"),
        ("retry: {keys_only: x}", "f.yaml:3:37: keys_only is never said; add keys_only_after"),
        ("asr: false, retry: {keys_only_after: 1}", "f.yaml:3:49: keys_only_after can't happen: speech is off in this step (asr: false)"),
        ("retry: {then: {say: bye}}", "f.yaml:3:37: then leads nowhere; add goto, flow, handoff, hangup or exit"),
        ("retry: {attempts: 1, no_input: x}", "f.yaml:3:50: warning: no_input is never said: attempts is 1"),
    ],
)  # fmt: skip
def test_collection_settings(check, settings, said):
    text = f"steps:\n  ask:\n    {{dtmf: {{num_digits: 1}}, {settings}, next: {{hangup: true}}}}\n"
    assert [said] == check(text)


@pytest.mark.parametrize(
    ("settings", "place", "about"),
    [
        ("dtmf: {num_digits: 4, end_key: '5'}", "3:37", "end_key: '5'"),
        ("dtmf: {num_digits: 4, clear_key: '5'}", "3:39", "clear_key: '5'"),
        ("dtmf: {num_digits: 4, end_key: '#', clear_key: '#'}", "3:53", "clear_key: '#' is one of end_key"),
        ("dtmf: {num_digits: 4}, validate: {pattern: '[0-9]{3}'}", "3:49", "pattern: '[0-9]{3}' can't match"),
        ("dtmf: {num_digits: 4}, validate: {pattern: '(1'}", "3:49", "pattern: '(1' is not a regular expression"),
        ("dtmf: {num_digits: 4}, validate: {values: [123]}", "3:40", "values: '123' has 3 keys"),
        ("dtmf: {num_digits: 4}, validate: {check: luhm}", "3:47", "check: 'luhm' is not a check digit scheme"),
        ("dtmf: {num_digits: 10}, validate: {phone: UK}", "3:48", "phone: 'UK' is not a region"),
        ("dtmf: {num_digits: 4}, validate: {phone: US}", "3:47", "phone: "),
        ("dtmf: {num_digits: 6}, validate: {kind: date}", "3:29", "date_format: DDMMYYYY has 8 digits"),
    ],
)  # fmt: skip
def test_settings_that_can_not_work_together(check, settings, place, about):
    (said,) = check(f"steps:\n  ask:\n    {{{settings}, next: {{hangup: true}}}}\n")
    assert f"f.yaml:{place}: {about}" == said[: len(f"f.yaml:{place}: {about}")]


def test_a_language_without_a_grammar_is_said_once_where_it_stands(check):
    text = """
        language: tlh
        steps:
          one: {dtmf: {num_digits: 1}, next: two}
          two: {dtmf: {num_digits: 1}, next: {hangup: true}}
        """
    (said,) = check(text)
    assert said.startswith("f.yaml:1:11: language: unknown language 'tlh': ")


def test_a_language_without_a_grammar_can_be_spoken(check):
    assert [] == check(
        "language: tlh\nsteps: {one: {prompt: nuqneH, dtmf: {num_digits: 1}, asr: false, next: {hangup: true}}}"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nam: x", "f.yaml:1:1: unknown key 'nam'; did you mean 'name'?"),
        ("prompt: x", "f.yaml:1:1: unknown key 'prompt'; it belongs to a step, under 'steps:'"),
        ("name: ' x'", "f.yaml:1:7: name must be a name of at most 100 characters without a space at either end, got ' x'"),
        ("language: English", "f.yaml:1:11: language must be a language tag such as en-US, en-GB or fr, got 'English'"),
        ("voice: {voise: x}", "f.yaml:1:9: unknown key 'voise' in voice; did you mean 'voice'?"),
        ("functions: code", "f.yaml:1:12: functions must be the name of a Python file, such as my_functions.py, got 'code'"),
        ("functions: code.py", "f.yaml:1:12: there is no file 'code.py'"),
        ("start_function: begin", "f.yaml:1:17: there is no function 'begin': the flow has no functions file; write f.py beside it"),
        ("first_step: tow", "f.yaml:1:13: no step is named 'tow'; did you mean 'two'?"),
        ("escape: {keys: 0}", "f.yaml:1:1: escape needs 'then:'"),
        ("escape: {then: two}", "f.yaml:1:1: escape needs keys or words (or both)"),
        ("escape: {keys: 0, then: tow}", "f.yaml:1:25: no step is named 'tow'; did you mean 'two'?"),
        ("escape: {keys: 0, then: {say: x}}", "f.yaml:1:19: then leads nowhere; add goto, flow, handoff, hangup or exit"),
        ("fallback: two", "f.yaml:1:1: fallback must be {handoff: name} or {hangup: true}, so that nothing more can fail"),
        ("fallback: {handoff: x}", "f.yaml:1:21: no hand-off is named 'x'; the flow has no hand-offs"),
        ("fallback: {hangup: BUSY}", "f.yaml:1:20: 'BUSY' is not a hangup cause; did you mean 'USER_BUSY'?"),
        ("delay: {after: 2000, say: [x]}", "f.yaml:1:16: after must be more than 0 and at most 120 seconds, got 2000; 2000 looks like milliseconds: write 2.0"),
        ("delay: {after: 2}", "f.yaml:1:1: delay needs 'say:'"),
        ("function_timeout: 10s", "f.yaml:1:19: function_timeout must be more than 0 and at most 120 seconds, got '10s', which has a unit; write 10"),
        ("handoffs: {a: 5000}", "f.yaml:1:15: hand-off 'a' must be a mapping with one of transfer, bridge, refer, got 5000"),
        ("handoffs: {a: {transfr: 5}}", "f.yaml:1:16: unknown key 'transfr' in hand-off 'a'; did you mean 'transfer'?"),
        ("handoffs: {a: {say: x}}", "f.yaml:1:12: hand-off 'a' needs transfer, bridge or refer: where the call goes"),
        ("handoffs: {a: {transfer: 5, bridge: 6}}", "f.yaml:1:29: hand-off 'a' has transfer and bridge; keep one"),
        ('handoffs: {a: {transfer: "5\\n6"}}', "f.yaml:1:26: transfer must be a destination on one line, without a space at either end, got '5\\n6'"),
        ("recording: maybe", "f.yaml:1:12: recording must be true, false or a mapping with start, format, stereo, path, got 'maybe'"),
        ("recording: {format: wave}", "f.yaml:1:21: format must be wav, mp3, ogg, opus or flac, got 'wave'; did you mean 'wav'?"),
        ("recording: {start: later}", "f.yaml:1:20: start must be answer, or step: and a step's name (\"step:main\"), got 'later'"),
        ("recording: {start: 'step:tow'}", "f.yaml:1:20: no step is named 'tow'; did you mean 'two'?"),
        ("recording: {path: '{date}'}", "f.yaml:1:19: path needs {uuid}, or one call would overwrite another's recording"),
        ("recording: {path: '{uid}{uuid}'}", "f.yaml:1:19: path can't have {uid}; did you mean 'uuid'?"),
        ("recording: {path: '/x/{uuid}'}", "f.yaml:1:19: path must stay below the recordings' directory; begin without '/' and '..'"),
        ("recording: {path: '../{uuid}'}", "f.yaml:1:19: path must stay below the recordings' directory; begin without '/' and '..'"),
        ("on_exit: {exit: true}", "f.yaml:1:1: on_exit can't exit again; write goto, flow, handoff or hangup"),
        ("on_exit: {say: x}", "f.yaml:1:1: on_exit leads nowhere; add goto, flow, handoff, hangup or exit"),
        ("on_exit: {flow: x}", "f.yaml:1:17: no flow is named 'x' in these files; there are: f"),
        ("on_exit: {hangup: false}", "f.yaml:1:19: 'false' is not a hangup cause; for a normal end write 'hangup: true'"),
        ("on_exit: {goto: two, hangup: true}", "f.yaml:1:22: goto and hangup can't both happen; keep one"),
        ("on_exit: {goto: two, metric: {a: 1, b: 2}}", "f.yaml:1:22: metric must be a metric's name, or {name: value}"),
        ("on_exit: {goto: two, set: {a: '{x y}'}}", "f.yaml:1:31: '{x y}' is not a placeholder; write {x_y}"),
        ("on_exit: {goto: two, set: {'a_{digits}': 1}}", "f.yaml:1:28: 'a_{digits}': names have no placeholders; write set: {a: \"{digits}\"}"),
        ("on_exit: {goto: two, metric: 'a {digits}'}", "f.yaml:1:30: 'a {digits}': names have no placeholders; write metric: {a: \"{digits}\"}"),
        ("on_exit: {goto: two, metric: {'{digits}': 1}}", "f.yaml:1:31: '{digits}': names have no placeholders; write metric: {name: \"{digits}\"}"),
        ("on_exit: {goto: two, metric: {a: '{digits'}}", "f.yaml:1:34: a '{' is never closed; write {name}, or leave the brace out"),
        ("on_exit: {goto: two, set: {a: '{digits!r}'}}", "f.yaml:1:31: '{digits!r}' is not a placeholder; write {digits}"),
        ("on_exit: {goto: two, set: {a: '{conv.state.count}'}}", "f.yaml:1:31: '{conv.state.count}' is not a placeholder; write {count}"),
        ("on_exit: {goto: two, set: {a: '{count:03}'}}", "f.yaml:1:31: '{count:03}' is not a placeholder; write {count}"),
        ("on_exit: [two]", "f.yaml:1:1: on_exit must be a step's name, or a mapping such as {goto: step}, {handoff: name} or {hangup: true}, got a list"),
        ("on_exit: {}", "f.yaml:1:1: on_exit is empty; write a step's name, or a mapping such as {goto: step}, {handoff: name} or {hangup: true}"),
    ],
)  # fmt: skip
def test_flow_settings(check, line, said):
    assert [said] == check(f"{line}\nsteps: {{two: {{prompt: hello, next: {{hangup: true}}}}}}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x", "f.yaml:1:1: a flow needs 'steps:'"),
        ("steps: {}", "f.yaml:1:1: steps must be a mapping from names to steps, at least one"),
        (
            "steps: [a]",
            "f.yaml:1:1: steps must be a mapping from names to steps, at least one, got a list; a name takes the place of each '-'",
        ),
        (
            "steps: {a: hello}",
            "f.yaml:1:12: step 'a' must be a mapping with prompt, dtmf, on, next ..., got 'hello'",
        ),
        (
            "steps: {a: }",
            "f.yaml:1:9: step 'a' is empty; it must be a mapping with prompt, dtmf, on, next ...",
        ),
    ],
)
def test_steps_are_needed(check, text, said):
    assert [said] == check(text)


def test_everything_is_reported_at_once_and_in_order(check):
    text = """
        nam: x
        steps:
          ask:
            prompt: Hello {name
            dtmf: {num_digits: 40, is_pii: yes}
            on: {1: nowhere}
            next: finish
          finsh:
            next: {hangup: BUSY}
        """
    assert [
        "f.yaml:1:1: unknown key 'nam'; did you mean 'name'?",
        "f.yaml:4:13: a '{' is never closed; write {name}, or leave the brace out",
        "f.yaml:5:24: num_digits must be between 1 and 32 (or -1 for no limit), got 40",
        "f.yaml:5:36: is_pii must be true or false, got 'yes'; write true",
        "f.yaml:6:13: no step is named 'nowhere'; there are: ask, finsh",
        "f.yaml:7:11: no step is named 'finish'; did you mean 'finsh'?",
        "f.yaml:9:20: 'BUSY' is not a hangup cause; did you mean 'USER_BUSY'?",
    ] == check(text)


def test_load_flow_raises_them_all(write):
    path = write("steps: {a: {next: b}, c: {next: d}}")
    with pytest.raises(FlowErrors) as caught:
        load_flow(path)
    first, second = caught.value.problems
    assert Problem("f.yaml", 1, 19, "no step is named 'b'; there are: a, c") == first
    assert f"{first}\n{second}" == str(caught.value)


def test_a_file_that_is_not_there(write):
    write("steps: {}", "front_desk.yaml")
    with pytest.raises(
        FlowErrors,
        match=r"^frnt_desk.yaml:1:1: there is no such file; did you mean front_desk.yaml\?$",
    ):
        load_flow("frnt_desk.yaml")


def test_a_directory_without_flows(write):
    write("x", "flows/readme.txt")
    with pytest.raises(FlowErrors, match=r"^flows:1:1: no flow \(\*\.yaml\) in this directory$"):
        load_flow("flows")


def test_L8_extra_instructions_are_the_prompt_of_a_step(check, load):
    text = "steps: {{ask: {{{}: Which number?, dtmf: {{num_digits: 4}}, next: {{hangup: true}}}}}}"
    (said,) = check(text.format("extra_instructions"))

    assert said.endswith(
        "unknown key 'extra_instructions' in step 'ask'; here it is called 'prompt'"
    )
    assert (Say("Which number?"),) == load(text.format("prompt")).steps["ask"].prompt

"""`asr: words` in YAML: what becomes of it, and what is said about slips."""

from __future__ import annotations

import pytest

from fsflows.collect import Speech
from fsflows.flow.building.build import collection_from
from fsflows.flow.drawing.graph import graph_of
from fsflows.flow.errors import FlowErrors

MENU = """
steps:
  ask:
    dtmf: {num_digits: 1}
    asr: {words: {1: [Opening hours, hours], 2: agent, "#": [go back]}}
    on: {1: {hangup: true}, 2: {hangup: true}, "#": ask, 3: ask}
    retry: {then: {hangup: true}}
"""
WORDS = (("1", ("Opening hours", "hours")), ("2", ("agent",)), ("#", ("go back",)))


def test_a_list_of_phrases_or_one(load):
    spec = load(MENU).steps["ask"].collect

    assert spec.speech.words == WORDS


def test_a_step_without_dtmf_takes_one_digit(load):
    flow = load("steps: {ask: {asr: {words: {1: [hours]}}, next: {hangup: true}}}")
    spec = flow.steps["ask"].collect

    assert (1, 1) == (spec.min_digits, spec.max_digits)


def test_a_function_may_listen_for_them():
    data = {"asr": {"words": {1: ["opening hours"], "2": "agent"}}}
    spec = collection_from(data, language="en-GB")

    assert spec.speech == Speech(
        language="en-GB", words=(("1", ("opening hours",)), ("2", ("agent",)))
    )
    with pytest.raises(FlowErrors, match="words: '12' has 2 keys; the step takes 1 digit"):
        collection_from({"asr": {"words": {12: ["opening hours"]}}}, language="en-GB")


def test_the_drawing_has_the_first_phrase(load):
    labels = {edge.label for edge in graph_of(load(MENU)).edges}

    assert '1 "Opening hours", 2 "agent", no answer' in labels
    assert '# "go back", 3' in labels


STEP = "steps:\n  ask:\n    {}\n    next: {{hangup: true}}\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("asr: {words: {1: four}}", "f.yaml:3:22: words: 'four' is understood as 4; choose other words"),
        ("asr: {words: {1: [hours, four]}}", "f.yaml:3:30: words: 'four' is understood as 4; choose other words"),
        ("asr: {words: {1: [yes]}}", "f.yaml:3:23: words: 'yes' is a yes; leave it out, and write 'preset: yes_no', which knows all such words"),
        ("asr: {words: {1: [hours], 2: [Hours]}}", "f.yaml:3:35: words: 'Hours' stands for 1 already; a phrase can be one key"),
        ("asr: {words: {12: [hours]}}", "f.yaml:3:19: words: '12' has 2 keys; the step takes 1 digit"),
        ("asr: {words: {1: []}}", "f.yaml:3:19: words: '1' needs a phrase that is said for it"),
        ("asr: {words: {1: 'hours, agent'}}", "f.yaml:3:22: words: 'hours, agent' is one phrase; for several write [hours, agent]"),
        ("asr: {words: {hours: 1}}", "f.yaml:3:19: 'hours' is no key; the key comes first: 1: [hours]"),
        ("asr: {words: {hours: [a, b]}}", "f.yaml:3:19: 'hours' is no key; the key comes first: 1: [hours]"),
        ("asr: {words: [hours]}", "f.yaml:3:11: words must be a mapping from keys to what may be said for them, such as {1: [opening hours, hours]}, got a list; a name takes the place of each '-'"),
        ("asr: {words: {}}", "f.yaml:3:11: words must be a mapping from keys to what may be said for them, such as {1: [opening hours, hours]}"),
        ("asr: {words: {1: {a: b}}}", "f.yaml:3:19: 1 must be a phrase, or a list of them"),
        ("asr: {enabled: false, words: {1: [hours]}}", "f.yaml:3:27: words can't be said: speech is off in this step (enabled: false)"),
        ('asr: {words: {"#": [back]}}', "f.yaml:3:19: words: '#' can't be an answer: '#' is no digit; add 'validate: {values: [...]}' with all answers"),
        ("words: {1: [hours]}", "f.yaml:3:5: unknown key 'words' in step 'ask'; it belongs under 'asr:'"),
        ("dtmf: {num_digits: 1, words: {1: [hours]}}", "f.yaml:3:27: unknown key 'words' in dtmf; it belongs under the step's 'asr:'"),
        ("asr: {utterances: {1: [hours]}}", "f.yaml:3:11: unknown key 'utterances' in asr; here it is called 'words'"),
        ("asr: {keywords: {1: [hours]}}", "f.yaml:3:11: keywords must be a list of words or phrases, got a mapping; write words: {...}, if each is to be a key"),
        ("asr: {words: {1: [hours]}, language: xx}", "f.yaml:3:42: language: unknown language 'xx'"),
    ],
)  # fmt: skip
def test_slips(check, line, said):
    found = [each.partition(": known are")[0] for each in check(STEP.format(line))]

    assert [said] == found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("dtmf: {num_digits: 4, end_key: '#'}\n    asr: {words: {'#': [done]}}", "4:19: words: '#' has 1 key; the step takes 4 digits"),
        ("dtmf: {num_digits: -1, end_key: '#'}\n    asr: {words: {'#': [done]}}", "4:19: words: '#' can't be an answer: '#' is one of end_key"),
        ("dtmf: {num_digits: 1}\n    asr: {words: {3: [c]}}\n    validate: {values: ['1', '2']}", "4:19: words: '3' is refused by 'validate:' (not one of the values)"),
    ],
)  # fmt: skip
def test_keys_that_the_step_does_not_take(check, settings, said):
    assert [f"f.yaml:{said}"] == check(STEP.format(settings))


def test_a_key_without_a_row(check):
    rows = "on: {1: {hangup: true}}\n    retry: {then: {hangup: true}}"
    step = f"steps:\n  ask:\n    asr: {{words: {{1: [a], 2: [b]}}}}\n    {rows}\n"

    assert ["f.yaml:3:27: words: '2' has no row in 'on:'; add one"] == check(step)
    assert [] == check(step.replace("on: {", "on: {otherwise: ask, "))
    assert [] == check(step + "    next: ask\n")


def test_an_escape_word_in_a_phrase(check):
    escape = "escape: {words: [operator], then: {hangup: true}}\n"
    said = check(escape + STEP.format("asr: {words: {1: [the operator]}}"))

    assert [
        "f.yaml:4:23: words: 'the operator' has the escape word 'operator' in it, which comes first; choose other words"
    ] == said
    assert [] == check(escape + STEP.format("asr: {words: {1: [the operator]}}\n    escape: false"))


def test_a_row_for_what_is_said(check):
    said = check(
        "steps:\n  ask:\n    dtmf: {num_digits: 1}\n    on: {sales: ask}\n    next: {hangup: true}\n"
    )

    assert [
        "f.yaml:4:10: 'sales' is neither digits nor an outcome; what is said is a key, too: asr: {words: {1: [sales]}}, and a row 1"
    ] == said

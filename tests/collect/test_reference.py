"""The dialogue beside the reference model of the documentation: the same callers, the same prompts, times and endings.

To look further than CI does::

    FSFLOWS_REFERENCE=500000 FSFLOWS_REFERENCE_SEED=10000 pytest tests/collect/test_reference.py

A failure names its seed, and shows the least that still differs.
"""

from __future__ import annotations

import os
from dataclasses import fields, replace

import pytest

from collect.reference import Asr, Confirm, Key, Reference, Step, Words
from collect.stage import Stage, differs, scenario, shrunk

CALLERS = int(os.environ.get("FSFLOWS_REFERENCE", "2000"))
FIRST = int(os.environ.get("FSFLOWS_REFERENCE_SEED", "1"))


def report(seed: int) -> str:
    steps, inputs = shrunk(*scenario(seed))
    lines = [f"seed {seed}", *(plain(step) for step in steps), *map(str, inputs)]
    lines += [
        f"reference {Reference(steps, inputs).run()}",
        f"dialogue  {Stage(steps, inputs).run()}",
    ]
    return "\n".join(lines)


def plain(step: Step) -> str:
    own = {each.name: getattr(step, each.name) for each in fields(step)}
    shown = {name: value for name, value in own.items() if value != getattr(Step(), name)}
    return f"step {shown}"


@pytest.mark.parametrize("part", range(4))
def test_callers_get_what_the_documentation_says(part):
    for seed in range(FIRST + part, FIRST + CALLERS, 4):
        assert not differs(*scenario(seed)), report(seed)


def keys(at: float, text: str) -> list[Key]:
    """One each eighth of a second."""
    return [Key(at + place / 8, key) for place, key in enumerate(text)]


MENU = Step(num=1, least=1, values=("1", "2"), attempts=1)
BACK = Step(end="#", attempts=2, confirm=Confirm(), prompts={"read_back": 4.0})
HEARD = Step(asr=Asr())


@pytest.mark.parametrize(
    ("steps", "inputs", "endings"),
    [
        pytest.param(
            [Step(num=1, least=0, end="#", attempts=2)],
            [Key(6.0, "#")],
            [(6.0, "complete", "", "end_key")],
            id="an end key alone, a moment after silence, is an answer",
        ),
        pytest.param(
            [MENU, MENU],
            [*keys(1.0, "777"), Key(2.0, "1")],
            [(1.0, "no_match", "7", "length"), (2.0, "complete", "1", "length")],
            id="what goes on with the last attempt is no answer to the next step",
        ),
        pytest.param(
            [replace(MENU, before=1.0), replace(MENU, before=2.0)],
            [Key(0.5, "7"), Key(0.75, "7"), Key(2.0, "1")],
            [(1.0, "no_match", "7", "length"), (3.0, "complete", "1", "length")],
            id="nor when it was typed ahead",
        ),
        pytest.param(
            [Step(num=3, least=3, letters=True, confirm=Confirm())],
            [*keys(1.0, "B12"), *keys(3.0, "A12"), Key(5.0, "1")],
            [(5.0, "complete", "A12", "length")],
            id="a letter begins a correction where letters are keys",
        ),
        pytest.param(
            [BACK],
            [*keys(1.0, "1234"), *keys(4.0, "2#"), *keys(6.0, "1235"), *keys(9.0, "1#")],
            [(9.0, "complete", "1235", "length")],
            id="an end key after the no does not use up an attempt",
        ),
        pytest.param(
            [BACK, Step(num=1, least=1, end="#", attempts=1)],
            [*keys(1.0, "1234"), *keys(4.0, "1#"), Key(6.0, "2")],
            [(4.0, "complete", "1234", "length"), (6.0, "complete", "2", "length")],
            id="nor after the yes",
        ),
        pytest.param(
            [Step(confirm=Confirm(), attempts=2)],
            [each for at in (1, 3, 5, 7) for each in keys(at, f"555{at}")] + [Key(9.0, "1")],
            [(9.0, "complete", "5557", "length")],
            id="the key that begins a correction too many is the first of the next attempt",
        ),
        pytest.param(
            [Step(num=2, least=2, type_ahead="flush", confirm=Confirm())],
            [*keys(1.0, "12"), Key(3.0, "3"), Key(3.0, "4"), Key(5.0, "1")],
            [(5.0, "complete", "34", "length")],
            id="no key of a correction comes before the question",
        ),
        pytest.param(
            [Step(least=1, confirm=Confirm(), asr=Asr())],
            [
                *keys(1.0, "1234"),
                Words(3.0, "six two three", final=True, speech=1),
                Key(3.0, "4"),
                Key(5.0, "1"),
            ],
            [(5.0, "complete", "6234", "length")],
            id="keys after a spoken correction stand after it",
        ),
        pytest.param(
            [HEARD],
            [
                Words(1.0, "five", final=False, speech=1),  # and taken back
                Key(4.0, "1"),
                Words(5.0, "two three four", final=True, speech=2),
            ],
            [(5.0, "complete", "1234", "length")],
            id="what was taken back keeps no place",
        ),
        pytest.param(
            [HEARD],
            [
                Words(1.0, "five", final=False, speech=1),
                Words(1.5, "hello", final=True, speech=1),
                Key(2.0, "1"),
                Words(3.0, "two three four", final=True, speech=2),
            ],
            [(3.0, "complete", "1234", "length")],
            id="nor what was another word in the end",
        ),
        pytest.param(
            [replace(HEARD, num=1, least=1), replace(HEARD, num=1, least=1, before=1.0)],
            [
                Words(1.0, "one", final=False, speech=1),
                Words(1.625, "one", final=True, speech=1),
                Words(2.5, "one", final=True, speech=2),
            ],
            [(1.375, "complete", "1", "settled_partial"), (2.5, "complete", "1", "length")],
            id="speech that has ended while nobody listened is over",
        ),
        pytest.param(
            [Step(num=1, least=1, asr=Asr()), Step(num=2, least=2, asr=Asr(), before=3.0)],
            [
                Words(0.5, "four", final=False, speech=1),
                Key(0.75, "1"),
                *(Words(at / 4, "four five", final=False, speech=1) for at in range(4, 15)),
                Words(4.0, "four five", final=True, speech=1),
                Words(6.0, "four five", final=True, speech=2),
            ],
            [(0.75, "complete", "1", "length"), (6.0, "complete", "45", "length")],
            id="speech that goes on while a function runs is the one that was answered",
        ),
        pytest.param(
            [
                replace(HEARD, num=3, least=3, policy="first_wins"),
                replace(HEARD, num=1, least=1),
            ],
            [
                Key(1.0, "2"),
                Words(1.25, "six", final=False, speech=1),  # and taken back; only keys count by now
                Key(2.5, "3"),
                Key(4.0, "4"),
                Words(5.0, "six", final=True, speech=2),
            ],
            [(4.0, "complete", "234", "length"), (5.0, "complete", "6", "length")],
            id="what was taken back while only keys count is no part of what is said next",
        ),
        pytest.param(
            [Step(num=2, least=1, between=0.25, policy="keys_win", confirm=Confirm(), asr=Asr())],
            [
                Words(1.0, "six one", final=False, speech=1),  # and taken back
                Key(2.0, "3"),
                Key(5.0, "4"),
                Words(5.25, "six", final=False, speech=2),  # as the collection ends
                Words(6.25, "six seven", final=True, speech=2),
                Key(8.0, "1"),
            ],
            [(8.0, "complete", "67", "length")],
            id="speech that nobody listened to is none that was over long before",
        ),
        pytest.param(
            [replace(HEARD, least=1, words=(("22", ("hours", "opening hours")),))],
            [
                Key(1.0, "1"),
                Words(2.0, "opening", final=False, speech=1),
                Words(2.25, "opening hours", final=False, speech=1),
                Words(2.75, "opening hours", final=True, speech=1),
            ],
            [(2.75, "complete", "22", "end_word")],
            id="a phrase is a whole answer",
        ),
        pytest.param(
            [replace(MENU, asr=Asr(), words=(("1", ("sales",)), ("2", ("sales support",))))],
            [
                Words(1.0, "sales", final=False, speech=1),
                Words(2.0, "sales", final=False, speech=1),
                Words(3.0, "sales support", final=True, speech=1),
            ],
            [(3.0, "complete", "2", "length")],
            id="the longest phrase counts, and is waited for",
        ),
    ],
)
def test_by_the_example(steps, inputs, endings):
    assert endings == Stage(steps, inputs).run()[1]
    assert endings == Reference(steps, inputs).run()[1]

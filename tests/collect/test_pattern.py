"""Patterns: as Python's `re` has them, but never slow."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fsflows.collect.pattern import Pattern

AS_IN_RE = [
    r"\d{4}",
    r"[1-9]\d{3}",
    r"(?!000|666)\d{3}(?!00)\d{2}",
    r"(12|34)*5?",
    r"(\d+)+",
    r"^1\d*$",
    r"1(23?)+|4{2,3}",
    r"(?=.*7)\d{3}",
    r"\d{2,4}?0",
    r"[^5-9]+",
    r"(?:0|1(?=2))\d*",
    r"^$|^1$",
    r"()*1",
    r"(a|1)*#?",
    r"(1?){3}2",
    r"\D?\d",
    r"\w{2}",
    r"[^\d]1",
    r"\S\s?",
    r".",
    r"(?!1)",
    r"(?!.*11)\d+",
]


@pytest.mark.parametrize("text", AS_IN_RE)
def test_a_pattern_matches_what_re_matches(text):
    ours, theirs = Pattern(text), re.compile(text)
    answers = [
        "".join(each) for size in range(5) for each in itertools.product("01257*#", repeat=size)
    ]

    assert [] == [each for each in answers if ours.fullmatch(each) != bool(theirs.fullmatch(each))]


pieces = st.recursive(
    st.sampled_from(["0", "1", "2", r"\d", "[12]", "[^1]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,3}?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        st.tuples(st.sampled_from(["(?=", "(?!"]), inner, inner).map(
            lambda each: f"{each[0]}{each[1]}){each[2]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(pieces, st.lists(st.text("012", max_size=6), min_size=1, max_size=8))
def test_any_pattern_that_is_accepted_matches_what_re_matches(text, answers):
    try:
        ours = Pattern(text)
    except ValueError as error:
        assume("look-ahead inside a repeat" not in str(error))
        raise

    assert [bool(re.fullmatch(text, each)) for each in answers] == [
        ours.fullmatch(each) for each in answers
    ]


@pytest.mark.parametrize(
    "text", [r"(\d+)+\*", r"(\d*)*x", r"(\d|\d\d)+#", r"(.*)1(.*){20}2", r"(\d{0,30}){0,30}\*"]
)
def test_a_pattern_that_would_hang_re_takes_no_time(text):
    pattern = Pattern(text)
    started = time.perf_counter()

    assert pattern.fullmatch("1" * 40 + "3") is False
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (r"(", "is not a regular expression: missing \\)"),
        (r"(\d)\1", "references to a group"),
        (r"(?<=1)2", "look-behind"),
        (r"1^2", "an anchor in the middle never matches"),
        (r"\b1", "an anchor in the middle"),
        (r"(1(?=2))*", "look-ahead inside a repeat"),
        (r"((\d{1,30}){1,30}){1,30}", "too complicated"),
        (r"1++", "possessive"),
    ],
)
def test_what_cannot_be_used_is_refused_with_advice(text, says):
    with pytest.raises(ValueError, match=says):
        Pattern(text)


@pytest.mark.parametrize(
    ("text", "lengths", "can"),
    [
        (r"\d{5}", range(4, 5), False),
        (r"\d{5}", range(4, 6), True),
        (r"(\d\d)*", range(3, 4), False),
        (r"(?!1)1\d*", range(1, 9), False),
        (r"[A-Z]\d", range(2, 3), False),
        (r"(?=.*7)[1-6]+", range(1, 33), False),
        (r".*1.{20}", range(21, 33), True),
        (r"", range(1), True),
    ],
)
def test_whether_any_answer_of_some_lengths_can_match(text, lengths, can):
    assert can == Pattern(text).can_match(lengths)


def test_a_pattern_forgets_what_takes_too_much_memory():
    pattern = Pattern(r".*1.{24}")
    answers = [f"{number:040b}" for number in range(0, 2**40, 2**40 // 3000)]
    matched = [pattern.fullmatch(each) for each in answers]

    assert [each[15] == "1" for each in answers] == matched
    assert pattern._nodes.made < 60_000

"""What is wrong with a collection, found when a flow is loaded."""

from __future__ import annotations

import pytest

from fsflows.collect import (
    Collection,
    Confirm,
    Confirmation,
    Escape,
    Speech,
    Validation,
    problems,
)


def collection(**fields) -> Collection:
    return Collection(**{"min_digits": 4, "max_digits": 4, **fields})


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        (
            Collection(max_digits=0),
            "max_digits",
            "must be between 1 and 32 (or -1 for no limit), got 0",
        ),
        (
            Collection(max_digits=33),
            "max_digits",
            "must be between 1 and 32 (or -1 for no limit), got 33",
        ),
        (Collection(max_digits="four"), "max_digits", "must be a whole number, got 'four'"),
        (Collection(max_digits=True), "max_digits", "must be a whole number, got True"),
        (Collection(min_digits=-1), "min_digits", "must be between 0 and 32, got -1"),
        (
            Collection(min_digits=5, max_digits=4),
            "min_digits",
            "must not be more than max_digits, which is 4, got 5",
        ),
        (
            collection(inter_digit_timeout=3000),
            "inter_digit_timeout",
            "must be at most 120 seconds, got 3000; 3000 looks like milliseconds, write 3",
        ),
        (
            collection(first_digit_timeout=0),
            "first_digit_timeout",
            "must be more than 0 seconds, got 0",
        ),
        (
            collection(collection_timeout=-1),
            "collection_timeout",
            "must be more than 0 seconds, got -1",
        ),
        (
            collection(first_digit_timeout="5"),
            "first_digit_timeout",
            "must be a number of seconds, got '5'",
        ),
        (
            collection(first_digit_timeout=float("nan")),
            "first_digit_timeout",
            "must be a number of seconds, got nan",
        ),
        (
            collection(speech=Speech(settle_time=400)),
            "speech.settle_time",
            "must be at most 5 seconds, got 400; 400 looks like milliseconds, write 0.4",
        ),
        (
            collection(same_press_window=1.0),
            "same_press_window",
            "must be at most 0.3 seconds, got 1",
        ),
        (
            collection(end_keys=frozenset("5")),
            "end_keys",
            "'5' is a digit, so it can't have a meaning of its own; use '#' or '*'",
        ),
        (
            collection(
                clear_keys=frozenset("*"), validation=Validation(values=frozenset({"123*"}))
            ),
            "clear_keys",
            "'*' is also collected, so it can't have a meaning of its own; use '#'",
        ),
        (
            collection(
                clear_keys=frozenset("#"),
                end_keys=frozenset("*"),
                validation=Validation(values=frozenset({"12##"})),
            ),
            "clear_keys",
            "take '#' out here, or out of 'values'",
        ),
        (
            collection(end_keys=frozenset({"##"})),
            "end_keys",
            "'##' is not a key; keys are 0-9, *, # and A-D",
        ),
        (
            collection(end_keys=frozenset("#"), clear_keys=frozenset("#")),
            "clear_keys",
            "'#' is one of end_keys too; a key can do one thing",
        ),
        (
            collection(
                confirmation=Confirmation(
                    when=Confirm.ALWAYS, accept_keys=frozenset("1"), refuse_keys=frozenset("1")
                )
            ),
            "confirmation.refuse_keys",
            "'1' is one of confirmation.accept_keys too; a key can do one thing",
        ),
        (
            collection(validation=Validation(pattern=r"\d{5}")),
            "validation.pattern",
            r"'\\d{5}' can't match any 4 digits of 0-9",
        ),
        (
            collection(validation=Validation(pattern=r"(\d")),
            "validation.pattern",
            r"'(\\d' is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            collection(
                validation=Validation(pattern=r"0\d{3}"), escape=Escape(keys=frozenset("0"))
            ),
            "validation.pattern",
            r"all that '0\\d{3}' matches begins with an escape key (0)",
        ),
        (
            collection(validation=Validation(values=frozenset({"12 34"}))),
            "validation.values",
            "'12 34' has blanks in it; write '1234'",
        ),
        (
            collection(validation=Validation(values=frozenset({"123"}))),
            "validation.values",
            "'123' has 3 keys; the step takes 4 digits",
        ),
        (
            collection(validation=Validation(values=frozenset({1234}))),
            "validation.values",
            "1234 must be text; write '1234', in quotes",
        ),
        (
            collection(validation=Validation(values=frozenset({"12E4"}))),
            "validation.values",
            "'12E4' can't be keyed: keys are 0-9, *, # and A-D",
        ),
        (
            collection(validation=Validation(values=frozenset({"1234"}), pattern=r"9\d*")),
            "validation.values",
            r"'1234' does not match the pattern '9\\d*'",
        ),
        (
            collection(validation=Validation(values=frozenset())),
            "validation.values",
            "the list is empty: no answer could be right",
        ),
        (
            Collection(
                validation=Validation(values=frozenset({"0", "1"})),
                escape=Escape(keys=frozenset("0")),
            ),
            "validation.values",
            "'0' begins with the escape key '0', and can't be keyed",
        ),
        (
            collection(validation=Validation(kind="date")),
            "validation.date_format",
            "DDMMYYYY has 8 digits; the step takes 4 digits",
        ),
        (
            Collection(min_digits=5, max_digits=6, validation=Validation(kind="time")),
            "validation.kind",
            "a time of day has 4 digits; the step takes 5 to 6 digits",
        ),
        (
            collection(validation=Validation(phone_region="US")),
            "validation.phone_region",
            "no phone number as dialled in US has 4 digits; they have 10, 11",
        ),
        (
            Collection(min_digits=13, max_digits=15, validation=Validation(kind="amount")),
            "validation.kind",
            "an amount has at most 12 digits; the step takes 13 to 15 digits",
        ),
        (
            collection(validation=Validation(kind="date", date_format="DM")),
            "validation.date_format",
            "'DM' is not an order of the digits of a date",
        ),
        (
            collection(validation=Validation(check="lunh")),
            "validation.check",
            "'lunh' is not a check digit scheme of python-stdnum; did you mean 'luhn'",
        ),
        (
            collection(speech=Speech(preset="numbers")),
            "speech.preset",
            "'numbers' is not a preset; did you mean 'numeric'?",
        ),
        (
            collection(speech=Speech(barge_in_words=0)),
            "speech.barge_in_words",
            "must be 1 or more, or none for never, got 0",
        ),
        (
            collection(speech=Speech(alternatives=0)),
            "speech.alternatives",
            "must be 1 or more, got 0",
        ),
        (
            collection(confirmation=Confirmation(sure=85)),
            "confirmation.sure",
            "must be between 0 and 1, got 85",
        ),
        (
            collection(confirmation=Confirmation(groups=(3, 0))),
            "confirmation.groups",
            "sizes must be 1 or more, got (3, 0)",
        ),
        (
            collection(confirmation=Confirmation(asks=0)),
            "confirmation.asks",
            "must be between 1 and 5, got 0",
        ),
    ],
)
def test_beyond_15_a_setting_that_cannot_work_is_found_and_says_what_to_write(spec, field, text):
    found = problems(spec)

    assert [field] == sorted({problem.field for problem in found})
    assert text in found[0].text


def test_an_unknown_language_is_found():
    found = problems(collection(speech=Speech(language="xx-XX")))

    assert ["speech.language"] == [problem.field for problem in found]


@pytest.mark.parametrize(
    "spec",
    [
        Collection(),
        collection(),
        Collection(max_digits=None, end_keys=frozenset("#"), clear_keys=frozenset("*")),
        collection(speech=None),
        collection(validation=Validation(kind="date", date_format="DDMM")),
        Collection(min_digits=7, max_digits=15, validation=Validation(phone_region="GB")),
        Collection(validation=Validation(values=frozenset({"1", "2", "*", "#"}))),
        collection(
            speech=Speech(preset="alphanumeric"), validation=Validation(pattern=r"[A-Z]\d{3}")
        ),
        collection(validation=Validation(pattern=r"\d{4}"), escape=Escape(keys=frozenset("0"))),
        collection(escape=Escape(keys=frozenset("1"))),
    ],
)
def test_what_can_work_has_no_problems(spec):
    assert [] == problems(spec)


def test_all_problems_are_found_at_once():
    spec = Collection(max_digits=0, inter_digit_timeout=3000, end_keys=frozenset("1"))

    assert {"max_digits", "inter_digit_timeout", "end_keys"} == {
        each.field for each in problems(spec)
    }


def test_a_key_that_values_name_is_collected_and_so_ends_nothing():
    spec = Collection(end_keys=frozenset("#"), validation=Validation(values=frozenset({"1", "#"})))

    assert ["end_keys"] == [problem.field for problem in problems(spec)]

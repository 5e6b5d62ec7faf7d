"""Of the alternatives, the one that fits."""

from __future__ import annotations

import math
import re

import pytest
from stdnum import luhn

from fsflows.spoken import Alternative, choose


def pick(*texts: str, **expectation: object) -> str | None:
    choice = choose([Alternative(text) for text in texts], **expectation)  # type: ignore[arg-type]
    return choice and choice.reading.keys


def exactly(length: int) -> range:
    return range(length, length + 1)


def test_beyond_5_the_alternative_with_the_right_length_wins():
    assert "8256" == pick("a two five six", "eight two five six", lengths=exactly(4))


def test_beyond_5_the_first_wins_among_those_that_fit():
    assert "1234" == pick("one two three four", "one two three five", lengths=exactly(4))


def test_beyond_5_the_pattern_decides():
    def starts_with_nine(value: str) -> bool:
        return bool(re.fullmatch("9..", value))

    assert "945" == pick("five four five", "nine four five", accept=starts_with_nine)


def test_beyond_5_the_check_digit_decides_between_alternatives():
    said = "four one one one one one one one one one one one one one one"
    choice = choose(
        [Alternative(f"{said} five"), Alternative(f"{said} one")],
        lengths=exactly(16),
        accept=luhn.is_valid,
    )
    assert choice is not None
    assert ("4111111111111111", 1, True) == (choice.reading.keys, choice.rank, choice.fits)


def test_beyond_5_the_check_digit_decides_between_readings():
    """ "fifty one three" is 513 or 5013; only one of them passes."""
    assert luhn.is_valid("5017")
    assert "5017" == pick("fifty one seven", accept=luhn.is_valid)


def test_beyond_2_length_settles_an_ambiguity():
    assert ["51", "501"] == [pick("fifty one", lengths=exactly(size)) for size in (2, 3)]


def test_beyond_4_the_prefix_counts_towards_the_length():
    assert "501" == pick("fifty one", lengths=exactly(10), prefix="5551234")
    assert "51" == pick("fifty one", lengths=exactly(10), prefix="55512345")


def test_beyond_4_the_check_sees_the_whole_buffer():
    seen = []

    def note(value: str) -> bool:
        seen.append(value)
        return True

    pick("one two", lengths=exactly(5), prefix="999", accept=note)
    assert ["99912"] == seen


def test_beyond_4_what_may_still_grow_comes_before_what_is_too_long():
    choice = choose(
        [Alternative("one two three four five six"), Alternative("one two three")],
        lengths=exactly(5),
    )
    assert choice is not None
    assert ("123", False) == (choice.reading.keys, choice.fits)


def test_beyond_4_a_partial_number_is_chosen_though_it_does_not_fit():
    choice = choose([Alternative("five five five")], lengths=exactly(10))
    assert choice is not None
    assert ("555", False) == (choice.reading.keys, choice.fits)


def test_nothing_to_read_is_none():
    assert pick("i want to talk to someone", "i want two talk to someone") is None
    assert choose([]) is None


def test_accept_is_asked_only_about_allowed_lengths_and_never_twice():
    seen: list[str] = []

    def note(value: str) -> bool:
        seen.append(value)
        return False

    pick("fifty one", "fifty one", "five one", lengths=exactly(2), accept=note)
    assert ["51"] == seen


def test_end_keys_do_not_count_as_length():
    choice = choose([Alternative("one two three four pound")], lengths=exactly(4))
    assert choice is not None
    assert ("1234", True, True) == (choice.reading.keys, choice.reading.finish, choice.fits)
    choice = choose([Alternative("pound")], lengths=exactly(4), prefix="1234")
    assert choice is not None
    assert ("", True, True) == (choice.reading.keys, choice.reading.finish, choice.fits)


def test_a_literal_reading_comes_before_a_homophone():
    choice = choose([Alternative("for too"), Alternative("four two")])
    assert choice is not None
    assert ("42", True, 1) == (choice.reading.keys, choice.reading.literal, choice.rank)


def test_P2_keywords_prefer_an_alternative():
    texts = ("sector five six", "vector five six")
    assert pick(*texts) is None
    choice = choose([Alternative(text) for text in texts], keywords=["vector"])
    assert choice is not None
    assert ("56", 1) == (choice.reading.keys, choice.rank)


def test_P2_keywords_of_several_words_are_expected_words():
    assert "5" == pick("the blue lagoon five", keywords=["blue lagoon"])


def test_L10_confidence_is_the_lowest_word_that_became_a_key():
    words = (("uh", 0.1), ("five", 0.9), ("six", 0.6))
    choice = choose([Alternative("uh five six", confidence=0.99, words=words)])
    assert choice is not None
    assert 0.6 == pytest.approx(choice.reading.confidence)


def test_L10_confidence_of_the_whole_serves_when_words_have_none():
    choice = choose(
        [Alternative("five six", confidence=0.7, words=(("five", None), ("six", None)))]
    )
    assert choice is not None
    assert 0.7 == pytest.approx(choice.reading.confidence)


def test_words_that_do_not_line_up_with_the_text_are_taken_together():
    choice = choose([Alternative("five six", words=(("five", 0.9), ("six", 0.8), ("seven", 0.3)))])
    assert choice is not None
    assert 0.3 == pytest.approx(choice.reading.confidence)


@pytest.mark.parametrize("raw", [None, 298.4, -3.0, math.nan, math.inf])
def test_a_score_that_is_no_share_is_unknown(raw):
    choice = choose([Alternative("five six", confidence=raw)])
    assert choice is not None
    assert 1.0 == choice.reading.confidence


def test_a_homophone_lowers_the_confidence_below_sure():
    choice = choose([Alternative("five for two")])
    assert choice is not None
    assert (False, True) == (choice.reading.literal, choice.reading.confidence < 0.85)


def test_fillers_do_not_lower_the_confidence_below_sure():
    said = "yeah okay so my account number is uh five five um one two please thank you"
    choice = choose([Alternative(said)])
    assert choice is not None
    assert (True, True) == (choice.reading.literal, choice.reading.confidence > 0.95)


@pytest.mark.parametrize(
    ("said", "language", "keys"),
    [
        ("a b c one two three", "en-US", "ABC123"),
        ("alpha seven zulu", "en-US", "A7Z"),
        ("b as in boy four d for dog", "en-US", "B4D"),
        ("double u nine", "en-US", "W9"),
        ("double b nine", "en-US", "BB9"),
        ("A5B 2C", "en-US", "A5B2C"),
        ("k wie kaufmann drei", "de", "K3"),
        ("b de barcelona dos", "es", "B2"),
        ("m comme marcel cinq", "fr", "M5"),
        ("r come roma otto", "it", "R8"),
        ("tango um", "pt-BR", "T1"),
        ("bravo twee", "nl", "B2"),
    ],
)
def test_alphanumeric_letters_are_letters(said, language, keys):
    assert keys == pick(said, language=language, alphanumeric=True)


def test_letters_are_nothing_in_a_digit_step():
    assert pick("a b c") is None
    assert pick("alpha bravo") is None


def test_letters_out_of_a_sentence_are_nothing():
    assert pick("i want a human", alphanumeric=True) is None
    assert pick("i see you are a robot", alphanumeric=True) is None


def test_an_o_between_letters_and_digits_is_either_and_the_check_decides():
    assert "B05" == pick("b oh five", alphanumeric=True, accept=lambda value: value[1] == "0")
    assert "BO5" == pick("b oh five", alphanumeric=True, accept=lambda value: value[1] == "O")


def test_many_long_alternatives_are_bounded():
    hostile = [Alternative("twenty one " * 75)] * 200
    calls = []

    def note(value: str) -> bool:
        calls.append(value)
        return False

    choose(hostile, accept=note)
    assert len(calls) <= 4 * 32

"""Digits back to speech."""

from __future__ import annotations

import pytest

from fsflows.spoken import digit_words, group_for_reading, languages, phrases


@pytest.mark.parametrize(
    ("digits", "groups"),
    [
        ("", []),
        ("5", ["5"]),
        ("1234", ["1234"]),
        ("12345", ["123", "45"]),
        ("123456", ["123", "456"]),
        ("1234567", ["123", "4567"]),
        ("12345678", ["1234", "5678"]),
        ("123456789", ["123", "456", "789"]),
        ("5551234567", ["555", "123", "4567"]),
        ("12345678901", ["123", "4567", "8901"]),
        ("4111111111111111", ["4111", "1111", "1111", "1111"]),
    ],
)
def test_L4_groups_of_threes_and_fours(digits, groups):
    assert groups == group_for_reading(digits, "en-US")


def test_L4_groups_are_never_long_and_lose_nothing():
    for size in range(33):
        digits = ("1234567890" * 4)[:size]
        groups = group_for_reading(digits, "en-US")
        assert digits == "".join(groups)
        assert all(2 <= len(group) <= 4 for group in groups) or size == 1


@pytest.mark.parametrize(
    ("digits", "sizes", "groups"),
    [
        ("5551234567", (3, 3, 4), ["555", "123", "4567"]),
        ("5551234567", (4,), ["5551", "234", "567"]),
        ("55", (3, 3), ["55"]),
        ("", (3,), []),
    ],
)
def test_L4_groups_can_be_given(digits, sizes, groups):
    assert groups == group_for_reading(digits, "en-US", groups=sizes)


def test_a_group_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="group sizes"):
        group_for_reading("123", "en-US", groups=(0, 3))


@pytest.mark.parametrize(
    ("digits", "region", "groups"),
    [
        ("6502530000", "US", ["650", "253", "0000"]),
        ("0612345678", "FR", ["06", "12", "34", "56", "78"]),
        ("02079460958", "GB", ["020", "7946", "0958"]),
        ("11961234567", "br", ["11", "96123", "4567"]),
        ("123", "US", ["123"]),
        ("5551234567890123", "US", ["5551", "2345", "6789", "0123"]),
        ("12*4", "US", ["12*4"]),
        ("6502530000", "XX", ["650", "253", "0000"]),
    ],
)
def test_L4_phone_numbers_are_grouped_as_in_their_region(digits, region, groups):
    assert groups == group_for_reading(digits, "en-US", phone_region=region)


@pytest.mark.parametrize(
    ("digits", "language", "words"),
    [
        ("5551234567", "en-US", "five five five, one two three, four five six seven"),
        ("555 12", "en-US", "five five five, one two"),
        ("0", "en-US", "zero"),
        ("*6#", "en-US", "star six pound"),
        ("6#", "en-GB", "six hash"),
        ("A1", "en-US", "A one"),
        ("", "en-US", ""),
        ("7,7", "en-US", "seven, seven"),
        ("5\n5; DROP", "en-US", "five, five, D R O P"),
        ("06 12", "fr-FR", "zéro six, un deux"),
        ("15", "de-DE", "eins fünf"),
        ("36", "pt-BR", "três seis"),
        ("19", "nl", "één negen"),
    ],
)
def test_L4_digits_are_spoken_one_by_one(digits, language, words):
    assert words == digit_words(digits, language)


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_sentences(language):
    ours, english = phrases(language), phrases("en-US")
    assert set(english) == set(ours)
    assert "{phrase}" in ours["confirm"]
    assert "{accept}" in ours["confirm_keys"]
    assert "{refuse}" in ours["confirm_keys"]
    assert all(text.strip() for text in ours.values())


def test_sentences_are_read_only():
    with pytest.raises(TypeError):
        phrases("en-US")["confirm"] = "changed"  # type: ignore[index]

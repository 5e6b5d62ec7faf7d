"""Digits rendered as people say them are read back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.spoken import Alternative, choose, digit_words, languages, parse
from fsflows.spoken.language import Kind, load

DIGITS = st.text("0123456789", min_size=1, max_size=16)


@settings(max_examples=150)
@given(st.sampled_from(languages()), DIGITS)
def test_L3_spoken_one_by_one(language, digits):
    reading = parse(digit_words(digits, language), language)[0]
    assert (digits, True) == (reading.keys, reading.literal)


def repeats(language: str) -> dict[int, str]:
    words = {}
    for word, found in load(language).numbers.items():
        for entry in found:
            if entry.kind is Kind.REPEAT and not entry.rest:
                words.setdefault(int(entry.value), word)
    return words


@settings(max_examples=100)
@given(
    st.sampled_from(languages()),
    st.lists(st.tuples(st.sampled_from("0123456789"), st.integers(1, 3)), max_size=8),
)
def test_beyond_2_spoken_with_doubles_and_triples(language, runs):
    names, words = load(language).names, repeats(language)
    digits = "".join(digit * count for digit, count in runs)
    said = " ".join(
        f"{words[count]} {names[digit]}" if count > 1 else names[digit] for digit, count in runs
    )
    readings = parse(said, language)
    assert digits == (readings[0].keys if readings else "")


def english(ten: str, unit: str, _: int) -> str:
    return f"{ten} {unit}"


def spanish(ten: str, unit: str, value: int) -> str:
    small = {
        21: "veintiuno",
        22: "veintidós",
        23: "veintitrés",
        24: "veinticuatro",
        25: "veinticinco",
    }
    small |= {26: "veintiséis", 27: "veintisiete", 28: "veintiocho", 29: "veintinueve"}
    return small.get(value, f"{ten} y {unit}")


def portuguese(ten: str, unit: str, _: int) -> str:
    return f"{ten} e {unit}"


def german(ten: str, unit: str, value: int) -> str:
    return f"{'ein' if value % 10 == 1 else unit}und{ten}"


def dutch(ten: str, unit: str, value: int) -> str:
    unit = "een" if value % 10 == 1 else unit
    return f"{unit}{'ën' if unit.endswith('e') else 'en'}{ten}"


def italian(ten: str, unit: str, value: int) -> str:
    stem = ten[:-1] if value % 10 in (1, 8) else ten
    return stem + ("tré" if value % 10 == 3 else unit)


def french(ten: str, unit: str, value: int) -> str:
    return f"{ten} et un" if value % 10 == 1 and value != 81 else f"{ten}-{unit}"


FORMS: dict[str, Callable[[str, str, int], str]] = {
    "en-US": english, "en-GB": english, "en-IN": english, "es-ES": spanish, "es-MX": spanish, "pt-BR": portuguese,
    "pt-PT": portuguese, "de-DE": german, "nl-NL": dutch, "it-IT": italian, "fr-FR": french, "fr-CA": french,
}  # fmt: skip


def pair(language: str, value: int) -> str:
    """Two digits as one number, 10 to 99; as in Belgium and Switzerland where French needs more than a ten and a unit."""
    cardinals = {}
    for word, found in load(language).numbers.items():
        for entry in found:
            if entry.kind is Kind.CARDINAL:
                cardinals.setdefault(entry.value, " ".join((word, *entry.rest)))
    if value in cardinals:
        return cardinals[value]
    return FORMS[language](
        cardinals[value - value % 10], load(language).names[str(value % 10)], value
    )


@pytest.mark.parametrize("language", languages())
def test_beyond_2_every_number_of_two_digits(language):
    wrong = {
        value: said
        for value in range(10, 100)
        for said in [pair(language, value)]
        if [str(value)] != [one.keys for one in parse(said, language)][:1]
    }
    assert {} == wrong


@settings(max_examples=150)
@given(st.sampled_from(languages()), st.lists(st.integers(0, 99), min_size=1, max_size=5))
def test_beyond_2_phone_style_pairs_are_among_the_readings_of_their_length(language, numbers):
    names = load(language).names
    said, digits = [], ""
    for number in numbers:
        said.append(pair(language, number) if number > 9 else names[str(number)])
        digits += str(number)
    choice = choose(
        [Alternative(" ".join(said))],
        language,
        lengths=range(len(digits), len(digits) + 1),
        accept=lambda value: value == digits,
    )
    assert choice is not None
    assert (digits, True) == (choice.reading.keys, choice.fits)


@pytest.mark.parametrize(
    ("language", "filler"),
    [
        ("en-US", "uh"),
        ("es-ES", "eh"),
        ("fr-FR", "euh"),
        ("de-DE", "äh"),
        ("pt-BR", "ah"),
        ("it-IT", "ehm"),
        ("nl-NL", "eh"),
    ],
)
def test_beyond_2_fillers_change_nothing(language, filler):
    said = digit_words("0123456789", language).replace(",", "")
    assert "0123456789" == parse(f" {filler} ".join(said.split()), language)[0].keys

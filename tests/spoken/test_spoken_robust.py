"""Any text at all: no exception, bounded work, and results that keep their promises."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.spoken import (
    Alternative,
    assent,
    begun,
    choose,
    digit_words,
    group_for_reading,
    languages,
    named,
    parse,
    says,
    word_count,
)
from fsflows.spoken.language import load
from fsflows.spoken.parser import MAX_READINGS, MAX_WORDS, _Utterance
from fsflows.spoken.text import split

TAGS = st.sampled_from(languages())
STEPS_A_WORD = 400
"""Lattice width (24) times the most edges and skips seen at one word, with room; what counts is that it is constant."""


def vocabulary(tag: str) -> list[str]:
    return [
        " ".join((word, *entry.rest))
        for word, found in load(tag).numbers.items()
        for entry in found
    ]


UTTERANCES = TAGS.flatmap(
    lambda tag: st.tuples(
        st.just(tag),
        st.lists(st.sampled_from(vocabulary(tag)), max_size=14).map(" ".join),
    )
)


@settings(max_examples=150)
@given(TAGS, st.text(max_size=200))
def test_no_text_raises(tag, text):
    parse(text, tag)
    parse(text, tag, alphanumeric=True)
    assent(text, tag)
    says(text, [text, "operator"], tag)
    named(text, (("1", (text[3:9], "operator")), ("2", ("operator two",))), tag)
    begun(text, (("1", (text, "operator")),), tag)
    digit_words(text, tag)
    group_for_reading(text, tag, phone_region="US")
    assert word_count(text) >= 0


@settings(max_examples=200)
@given(UTTERANCES, st.booleans())
def test_readings_keep_their_promises(utterance, alphanumeric):
    tag, text = utterance
    readings = parse(text, tag, alphanumeric=alphanumeric)
    assert len(readings) <= MAX_READINGS
    confidences = [one.confidence for one in readings]
    assert sorted(confidences, reverse=True) == confidences
    assert all(0.0 < one <= 1.0 for one in confidences)
    allowed = r"[0-9*#A-Z]*" if alphanumeric else r"[0-9*#]*"
    for one in readings:
        assert re.fullmatch(allowed, one.keys)
        assert not one.keys.endswith("#")
        assert one.keys or one.finish or one.clear or one.repair
        assert one.repair >= 0
    assert readings == parse(text, tag, alphanumeric=alphanumeric)


@settings(max_examples=100)
@given(UTTERANCES, st.text("0123456789*", max_size=12), st.integers(1, 12))
def test_a_choice_that_fits_does_fit(utterance, prefix, length):
    tag, text = utterance
    choice = choose([Alternative(text)], tag, lengths=range(length, length + 1), prefix=prefix)
    if choice is not None:
        reading = choice.reading
        assert reading.repair <= len(prefix)
        kept = "" if reading.clear else prefix[: len(prefix) - reading.repair]
        assert choice.fits == (length == len((kept + reading.keys).rstrip("*#")))


HOSTILE = {
    "digits": ("en-US", "five "),
    "seams": ("en-US", "twenty one "),
    "everything": ("en-US", "twenty one hundred and five thousand to "),
    "homophones": ("en-US", "to for two won "),
    "oh": ("en-US", "oh "),
    "scales": ("en-US", "hundred thousand million "),
    "lakh": ("en-IN", "twenty five lakh thousand crore "),
    "repairs": ("en-US", "no five six seven "),
    "restarts": ("en-US", "start over five "),
    "repeats": ("en-US", "double triple five times "),
    "twenties": ("fr-FR", "quatre vingt "),
    "nineties": ("fr-FR", "cent vingt quatre vingt dix sept "),
    "reversed": ("de-DE", "ein und zwanzig hundert "),
    "hyphens": ("pt-BR", "vinte e um mil e duzentos e "),
    "letters": ("en-US", "a i o b for bravo "),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_work_is_bounded_by_the_number_of_words(name):
    tag, text = HOSTILE[name]
    for repeat in (4, 400):
        words = split(text * repeat).words[:MAX_WORDS]
        utterance = _Utterance(words, load(tag), name == "letters", ())
        utterance.drafts(None)
        assert utterance.steps <= STEPS_A_WORD * len(words)


def test_a_speech_is_no_number():
    assert [] == parse("five " * 10_000)
    assert choose([Alternative("five " * 10_000)]) is None


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "einundzwanzig" * 1000,
        "een" * 26,
        "\x00\x01\x02 five",
        "\u202efive\u202c",
        "מספר 5 5 5",
        "५५५",
        "five\ud800six",
        "🤷 five 🤷",
        "5️⃣ 6️⃣",
        "½ ² ③",
        "ﬁve",
        "İ five",
    ],
)
def test_odd_text_is_read_or_left(text):
    for tag in languages():
        parse(text, tag)
        parse(text, tag, alphanumeric=True)
        assent(text, tag)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("५५५", "555"),
        ("５５５", "555"),
        ("5️⃣ 6️⃣", "56"),
        ("\x00 five\x07", "5"),
        ("FIVE Six", "56"),
        ("five—six", "56"),
    ],
)
def test_figures_of_any_script_and_case(text, keys):
    assert keys == parse(text)[0].keys

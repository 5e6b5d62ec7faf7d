"""The data files: found, inherited, complete, and without words that contradict each other."""

from __future__ import annotations

import pytest

from fsflows.spoken import assent, digit_words, languages, parse, phrases, resolve, says
from fsflows.spoken.language import Kind, Language, load

ALL = ["de-DE", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "fr-CA", "fr-FR", "it-IT", "nl-NL", "pt-BR", "pt-PT"]  # fmt: skip


def test_languages():
    assert ALL == languages()


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en-US"), ("EN_us", "en-US"), ("en-gb", "en-GB"), ("en-AU", "en-GB"), ("en-UK", "en-GB"),
        ("en-IN", "en-IN"), ("en-CA", "en-US"), ("es", "es-ES"), ("es-419", "es-MX"), ("es-AR", "es-MX"),
        ("fr", "fr-FR"), ("fr-BE", "fr-FR"), ("fr-ca", "fr-CA"), ("de", "de-DE"), ("de-AT", "de-DE"),
        ("pt", "pt-BR"), ("pt-PT", "pt-PT"), ("pt-Latn-PT", "pt-PT"), ("it", "it-IT"), ("nl-BE", "nl-NL"),
        (" nl ", "nl-NL"), ("en-SG", "en-US"),
    ],
)  # fmt: skip
def test_resolve(tag, language):
    assert language == resolve(tag)


@pytest.mark.parametrize(
    "tag", ["", "xx", "en-USA", "english", "klingon", "en US", "../en-US", "_common", "\x00"]
)
def test_an_unknown_language_names_the_known_ones(tag):
    with pytest.raises(ValueError, match=r"unknown language.*en-US"):
        resolve(tag)


def test_a_near_miss_is_suggested():
    with pytest.raises(ValueError, match=r"did you mean en-US"):
        resolve("en-USS")
    with pytest.raises(ValueError, match=r"did you mean pt-BR"):
        resolve("pt-BRA")


@pytest.mark.parametrize(
    "call",
    [
        lambda: parse("one", "xx"),
        lambda: assent("yes", "xx"),
        lambda: says("yes", ["yes"], "xx"),
        lambda: digit_words("1", "xx"),
        lambda: phrases("xx"),
    ],
)
def test_every_function_refuses_an_unknown_language(call):
    with pytest.raises(ValueError, match="unknown language 'xx'"):
        call()


def test_a_language_is_read_once():
    assert load("en") is load("en-US")


@pytest.fixture(params=ALL)
def language(request) -> Language:
    return load(request.param)


def entries(language: Language) -> list[tuple[tuple[str, ...], Kind, object]]:
    return [
        ((word, *entry.rest), entry.kind, entry.value)
        for word, found in language.numbers.items()
        for entry in found
    ]


def test_every_digit_has_a_word_and_a_name(language):
    digits = {value for _, kind, value in entries(language) if kind is Kind.DIGIT}
    assert set("0123456789") == digits
    assert set("0123456789*#") == set(language.names)
    for key, name in language.names.items():
        readings = parse(name, language.tag)
        assert key == readings[0].keys or (key == "#" and readings[0].finish)


def test_no_phrase_has_two_values_of_one_kind(language):
    seen: dict[tuple[tuple[str, ...], Kind], object] = {}
    for words, kind, value in entries(language):
        assert value == seen.setdefault((words, kind), value), words


def test_a_word_that_is_skipped_is_no_digit_unless_it_is_declared_an_article(language):
    digits = {words for words, kind, _ in entries(language) if kind in (Kind.DIGIT, Kind.CARDINAL)}
    fillers = {
        words for words, kind, _ in entries(language) if kind in (Kind.HESITATION, Kind.CARRIER)
    }
    assert set() == digits & fillers


def test_a_homophone_is_no_edit_and_no_answer(language):
    heard_as = {words for words, kind, _ in entries(language) if kind is Kind.HOMOPHONE}
    edits = {
        words
        for words, kind, _ in entries(language)
        if kind in (Kind.CLEAR, Kind.REPAIR, Kind.UNDO)
    }
    answers = {
        (word, *entry.rest)
        for word, found in language.assent.items()
        for entry in found
        if entry.kind in (Kind.YES, Kind.NO)
    }
    assert set() == heard_as & (edits | answers)


def test_an_idiom_is_more_than_numbers(language):
    """ "fifty fifty" may well be a PIN; an idiom needs a word that is no digit."""
    numbers = {words for words, kind, _ in entries(language) if kind in (Kind.DIGIT, Kind.CARDINAL)}
    idioms = {words for words, kind, _ in entries(language) if kind is Kind.IDIOM}
    assert set() == {words for words in idioms if all((word,) in numbers for word in words)}


def test_every_language_has_what_every_step_needs(language):
    kinds = {kind for _, kind, _ in entries(language)}
    assert {
        Kind.CARDINAL, Kind.SCALE, Kind.REPEAT, Kind.TIMES, Kind.KEY, Kind.LETTER, Kind.HESITATION, Kind.CARRIER,
        Kind.IDIOM, Kind.CLEAR, Kind.REPAIR, Kind.UNDO, Kind.SPELLING, Kind.PLURAL,
    } <= kinds  # fmt: skip
    assert {"*", "#"} <= {value for _, kind, value in entries(language) if kind is Kind.KEY}


def test_a_recogniser_s_marks_are_skipped(language):
    name = language.names["7"]
    assert "77" == parse(f"[noise] {name} <unk> {name}", language.tag)[0].keys

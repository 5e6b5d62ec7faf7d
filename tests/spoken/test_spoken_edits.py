"""Spoken keys, edits and self-repair within one utterance and into earlier ones."""

from __future__ import annotations

import pytest

from fsflows.spoken import Alternative, Choice, Reading, choose, parse


def first(text: str, language: str = "en-US") -> Reading:
    return parse(text, language)[0]


def chosen(text: str, prefix: str, *, length: int | None = None, language: str = "en-US") -> Choice:
    lengths = None if length is None else range(length, length + 1)
    choice = choose([Alternative(text)], language, lengths=lengths, prefix=prefix)
    assert choice is not None
    return choice


def buffer(choice: Choice, prefix: str) -> str:
    """What a collector does with a choice."""
    reading = choice.reading
    return ("" if reading.clear else prefix[: len(prefix) - reading.repair]) + reading.keys


@pytest.mark.parametrize(
    ("said", "language", "keys"),
    [
        ("five six pound", "en-US", "56"),
        ("five six hash key", "en-GB", "56"),
        ("pound", "en-US", ""),
        ("five #", "en-US", "5"),
        ("five six done", "en-US", "56"),
        ("five six pound please", "en-US", "56"),
        ("cinco almohadilla", "es", "5"),
        ("cinq dièse", "fr", "5"),
        ("fünf raute", "de", "5"),
        ("cinco jogo da velha", "pt-BR", "5"),
        ("cinco cardinal", "pt-PT", "5"),
        ("cinque cancelletto", "it", "5"),
        ("vijf hekje", "nl", "5"),
    ],
)
def test_beyond_3_an_end_key_said_last_finishes(said, language, keys):
    reading = first(said, language)
    assert (keys, True) == (reading.keys, reading.finish)


def test_beyond_3_pound_money_is_no_key_in_britain():
    assert [] == [one for one in parse("five pound", "en-GB") if one.finish]


def test_beyond_3_star_and_hash_inside_are_keys():
    assert ("*67", False) == (first("star six seven").keys, first("star six seven").finish)
    assert ("1#2", False) == (first("one pound two").keys, first("one pound two").finish)
    assert "12*" == first("one two star").keys


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("start over", "en-US"),
        ("clear that", "en-US"),
        ("scratch that", "en-US"),
        ("no let me start over", "en-US"),
        ("i want to start over", "en-US"),
        ("empiezo de nuevo", "es"),
        ("je recommence", "fr"),
        ("noch mal von vorne", "de"),
        ("vou começar de novo", "pt-BR"),
        ("ricomincio", "it"),
        ("opnieuw", "nl"),
    ],
)
def test_beyond_3_start_over_clears_even_alone(said, language):
    reading = first(said, language)
    assert (True, "") == (reading.clear, reading.keys)


def test_beyond_3_what_follows_start_over_counts():
    reading = first("one two three start over four five")
    assert (True, "45", 0) == (reading.clear, reading.keys, reading.repair)


def test_beyond_3_the_last_start_over_wins():
    assert "9" == first("one start over two no clear that nine").keys


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        # one unit replaces one unit
        ("five five six no wait five", "555"),
        ("one two sixty one sorry sixty two", "1262"),
        ("seven double five no double six", "766"),
        ("four four i mean five", "45"),
        # two replace two
        ("one two three four sorry five five", "1255"),
        # three or more: a retrace replaces the group
        ("five five five one two three sorry one two four", "555124"),
        ("five five five one two one two no one two one three", "5551213"),
        # three or more that retrace nothing: the last unit, and on
        ("five five six no wait five one two", "55512"),
        # longer than all before it: the last unit, and on
        ("five six no wait seven eight nine one", "57891"),
        # several
        ("one two no three no four", "14"),
        ("five no five six no seven", "57"),
        # a correction of nothing
        ("five six no", "56"),
        ("five six sorry", "56"),
        ("sorry five six", "56"),
    ],
)
def test_beyond_3_self_repair_replaces_units(said, keys):
    assert keys == first(said).keys


@pytest.mark.parametrize(
    ("said", "language", "keys"),
    [
        ("three, not three, four", "en-US", "4"),
        ("three, no, not three, four", "en-US", "4"),
        ("three, sorry, it's not three it's four", "en-GB", "4"),
        ("one two three not the three four", "en-US", "124"),
        ("one two three not two three four five", "en-US", "145"),
        ("three three not three three four", "en-US", "4"),
        ("fifty one not fifty one fifty two", "en-US", "52"),
        ("double five not double five double six", "en-US", "66"),
        ("five not five six not six seven", "en-IN", "7"),
        ("one two three, not three", "en-US", "12"),
        ("drei nicht drei vier", "de-DE", "4"),
        ("einundzwanzig nicht die einundzwanzig zweiundzwanzig", "de-DE", "22"),
        ("trois pas trois quatre", "fr-FR", "4"),
        ("trois ce n'est pas trois c'est quatre", "fr-CA", "4"),
        ("tres no es tres cuatro", "es-ES", "4"),
        ("tre non tre quattro", "it-IT", "4"),
        ("tre non è tre è quattro", "it-IT", "4"),
        ("drie niet drie vier", "nl-NL", "4"),
        ("três não é três é quatro", "pt-BR", "4"),
        # where nothing is said again, it is a word like others
        ("it's not one two three four", "en-US", "1234"),
        ("not three four five", "en-US", "345"),
    ],
)
def test_what_is_said_again_behind_a_not_is_taken_back(said, language, keys):
    assert keys == first(said, language).keys


@pytest.mark.parametrize(
    ("said", "language"), [("tres no tres cuatro", "es-MX"), ("três não três quatro", "pt-PT")]
)
def test_a_no_that_is_a_not_as_well_takes_back_what_suits_the_length(said, language):
    assert "4" == chosen(said, "", length=1, language=language).reading.keys
    assert "34" == chosen(said, "", length=2, language=language).reading.keys


@pytest.mark.parametrize(
    ("said", "prefix", "keys"),
    [("not three four", "123", "124"), ("not two three, four five", "123", "145"), ("not three", "123", "12"),
     ("no one", "123", "121")],
)  # fmt: skip
def test_it_takes_back_what_was_said_before(said, prefix, keys):
    assert keys == buffer(chosen(said, prefix), prefix)


@pytest.mark.parametrize(
    "said",
    ["three not three", "four not three", "five, not five hundred", "not to", "no one", "not that three", "it's not for you"],
)  # fmt: skip
def test_of_what_nothing_stands(said):
    assert [] == parse(said)


def test_many_of_them_are_looked_through_a_few_times_only():
    said = " ".join(
        f"{one} not {other}" for one in ("one", "two") for other in ("three", "one") * 19
    )
    assert parse(said) is not None


@pytest.mark.parametrize(
    ("said", "length", "keys"),
    [
        ("five five six no wait five one two", 3, "512"),
        ("five five six no wait five one two", 5, "55512"),
        ("five five six no wait five one two", 4, "5512"),
        ("five five six no wait five one two", 6, "556512"),
        ("one two three four sorry five five", 5, "12355"),
        ("five oh no wait six", 2, "56"),
    ],
)
def test_beyond_5_the_length_settles_how_much_is_taken_back(said, length, keys):
    choice = chosen(said, "", length=length)
    assert (keys, True) == (choice.reading.keys, choice.fits)


@pytest.mark.parametrize(
    ("said", "prefix", "length", "result"),
    [
        ("no wait five", "556", None, "555"),
        ("sorry five five", "1234", None, "1255"),
        ("no one two four", "555123", None, "555124"),
        ("no wait five one two one two", "556", 7, "5551212"),
        ("no five five five one two one two", "556", 7, "5551212"),
        ("no wait five", "", None, "5"),
        ("no five six seven", "5", 3, "567"),
        ("start over five six", "1234", None, "56"),
        ("backspace", "123", None, "12"),
        ("delete the last one", "123", None, "12"),
        ("five backspace six", "12", None, "126"),
        ("backspace", "", None, None),
    ],
)
def test_beyond_3_corrections_reach_into_earlier_utterances(said, prefix, length, result):
    if result is None:
        assert choose([Alternative(said)], prefix=prefix) is None
    else:
        assert result == buffer(chosen(said, prefix, length=length), prefix)


@pytest.mark.parametrize(
    ("said", "prefix", "result"),
    [
        ("one two three no wait four", "", "124"),
        ("sorry i meant four", "123", "124"),
        ("make that four", "123", "124"),
        ("one two no wait three four", "", "34"),
        # It may be about anything.
        ("one two three sorry four", "", "1234"),
        ("no four", "123", "1234"),
    ],
)
def test_beyond_3_a_correction_in_so_many_words_is_one_whatever_length_is_missing(
    said, prefix, result
):
    assert result == buffer(chosen(said, prefix, length=4), prefix)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("one two three i meant to say four", "en-US"),
        ("eins zwei drei ich wollte sagen vier", "de"),
        ("eins zwei drei nein tut mir leid ich meinte vier", "de"),
        ("uno dos tres perdón quería decir cuatro", "es"),
        ("uno dos tres me he confundido cuatro", "es"),
        ("un deux trois je suis désolé quatre", "fr"),
        ("un deux trois scusez quatre", "fr-CA"),
        ("uno due tre mi dispiace quattro", "it"),
        ("een twee drie het spijt me vier", "nl"),
        ("um dois três perdão eu queria dizer quatro", "pt-BR"),
    ],
)
def test_beyond_3_i_meant_to_say(said, language):
    assert "124" == first(said, language).keys


def test_beyond_3_a_correction_without_a_known_prefix_says_how_much():
    reading = first("no wait five")
    assert ("5", 1) == (reading.keys, reading.repair)
    reading = first("sorry five six")
    assert ("56", 2) == (reading.keys, reading.repair)


def test_beyond_3_a_correction_never_takes_back_more_than_there_is():
    for said in ("no five five five five", "backspace backspace backspace", "no six"):
        choice = choose([Alternative(said)], prefix="12")
        assert choice is not None
        assert choice.reading.repair <= 2


@pytest.mark.parametrize(
    "said", ["no wait", "sorry could you say that again", "i mean it", "no no no", "actually"]
)
def test_beyond_3_an_edit_without_digits_is_nothing(said):
    assert [] == parse(said)

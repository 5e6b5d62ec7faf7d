"""Phrases that stand for keys, in what a caller says around them."""

from __future__ import annotations

import pytest

from fsflows.spoken import begun, digit_words, languages, named, says

MENU = (
    ("1", ("opening hours", "hours")),
    ("2", ("sales",)),
    ("3", ("sales support", "speak to someone")),
    ("4", ("one way", "do not record")),
)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("sales", "2"),
        ("SALES!", "2"),
        ("uh could i have sales please", "2"),
        ("opening hours", "1"),
        ("the opening hours, the hours", "1"),
        ("sales support", "3"),
        ("sales, sales support", None),
        ("i would like to speak to someone", "3"),
        ("sales support and then sales", None),
        ("not sales, support", None),
        ("sales hours", None),
        # a number beside it
        ("two, sales", "2"),
        ("press two for sales", "2"),
        ("sales, number two please", "2"),
        ("one, sales", None),
        ("sales, three", None),
        ("two sales three", None),
        ("i want to go to sales", "2"),
        ("one moment please, sales", "2"),
        ("one way", "4"),
        ("four, one way", "4"),
        # a negation before it
        ("not sales", None),
        ("i don't want to get sales", "2"),
        ("i don't want the sales", None),
        ("please do not record", "4"),
        ("no please don't, do not record", "4"),
        ("i come without sales", None),
        ("i don't know, sales", "2"),
        ("i'm not sure, sales", "2"),
        ("no, sales", "2"),
        # a correction
        ("opening hours, no wait, sales", "2"),
        ("sales sorry i meant opening hours please", "1"),
        ("one, no wait, sales", "2"),
        ("sales, scratch that, opening hours", "1"),
        ("sales no wait hours no i mean sales support", "3"),
        ("not sales, i mean sales support", "3"),
        ("sales, no wait, not hours", None),
        ("sales, no wait", None),
        ("sales, scratch that", None),
        ("no sales, no hours", None),
        ("sales, sorry, hours", None),
    ],
)
def test_what_an_utterance_names(text, keys):
    found = named(text, MENU, "en-US")

    assert found is not None
    assert keys == found.keys


def test_the_words_of_a_phrase_are_no_correction():
    names = (("1", ("cancel my order", "start over")), ("2", ("sales",)))

    assert ["1", "1", "2"] == [
        each and each.keys
        for each in (
            named("cancel my order please", names, "en-US"),
            named("start over", names, "en-US"),
            named("cancel sales", names, "en-US"),
        )
    ]


@pytest.mark.parametrize(
    "text",
    ["", "two", "sale", "salesman", "support", "opening the hours please", "speak to some one"],
)
def test_an_utterance_without_a_phrase(text):
    found = named(text, (("1", ("opening hours",)), *MENU[1:]), "en-US")

    assert found is None


@pytest.mark.parametrize(
    ("language", "phrase", "said"),
    [
        ("fr-FR", "Réservations d'hôtel", "je voudrais les RESERVATIONS D’HOTEL s'il vous plaît"),
        ("fr-FR", "opérateur", "je veux parler à l'opérateur"),
        ("fr-CA", "l'opérateur", "passez-moi l’opérateur"),
        ("it-IT", "operatore", "con un'operatore per favore"),
        ("de-DE", "Öffnungszeiten", "die öffnungszeiten bitte"),
        ("de-DE", "Straße", "STRASSE"),
        ("es-ES", "atención al cliente", "Atencion al cliente, por favor"),
    ],
)
def test_accents_and_case_are_not_heard(language, phrase, said):
    assert "5" == named(said, (("5", (phrase,)),), language).keys


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en-US", "not xylophone"),
        ("de-DE", "nicht xylophone"),
        ("de-DE", "ich will keinen xylophone"),
        ("de-DE", "ohne xylophone"),
        ("fr-FR", "sans xylophone"),
        ("it-IT", "senza xylophone"),
        ("nl-NL", "zonder xylophone"),
        ("es-ES", "sin xylophone"),
        ("pt-PT", "sem xylophone"),
        ("fr-FR", "pas xylophone"),
        ("es-ES", "no quiero ir a xylophone"),
        ("es-MX", "no es xylophone"),
        ("it-IT", "non xylophone"),
        ("nl-NL", "niet xylophone"),
        ("pt-BR", "não é xylophone"),
        ("pt-PT", "não quero xylophone"),
    ],
)
def test_a_negation_in_each_language(language, said):
    assert named(said, (("1", ("xylophone",)),), language).keys is None


@pytest.mark.parametrize(
    ("language", "phrase", "said"),
    [
        ("de-DE", "nicht aufzeichnen", "nein ich möchte das nicht bitte nicht aufzeichnen"),
        ("de-DE", "keine Aufnahme", "nein nicht keine aufnahme"),
        ("es-ES", "no quiero grabar", "no no me graben no quiero grabar"),
        ("fr-FR", "n'enregistrez pas", "pas d'accord n'enregistrez pas"),
    ],
)
def test_a_phrase_that_says_no_itself_is_said_again_by_one_before_it(language, phrase, said):
    assert "1" == named(said, (("1", (phrase,)),), language).keys


@pytest.mark.parametrize("language", languages())
def test_every_language_has_them(language):
    assert "12" == named("hm xylophone", (("12", ("Xylophone",)),), language).keys


def test_an_unknown_language_is_an_error():
    with pytest.raises(ValueError, match="unknown language 'xx'"):
        named("sales", MENU, "xx")


@pytest.mark.parametrize(
    ("language", "article"),
    [
        ("fr-FR", "un"),
        ("fr-CA", "un"),
        ("nl-NL", "een"),
        ("pt-BR", "um"),
        ("pt-PT", "um"),
    ],
)
def test_an_article_is_no_number_beside_a_phrase(language, article):
    """It is the word for one in half of the languages, and how most callers begin."""
    names = (("9", ("agent",)),)
    two, one = digit_words("2", language), digit_words("1", language)

    found = named(f"{article} agent", names, language)
    assert found is not None
    assert ("9", ()) == (found.keys, found.rest)
    again = named(f"{article} agent, {article} agent", names, language)
    assert again is not None
    assert "9" == again.keys
    no = {"fr": "non", "nl": "nee", "pt": "não"}[language[:2]]
    instead = named(f"{no} {article} agent", names, language)
    assert instead is not None
    assert "9" == instead.keys
    for number in (f"{two} {one}", two, f"{one} {one}"):
        beside = named(f"{number} agent", names, language)
        assert beside is not None
        assert beside.keys is None


@pytest.mark.parametrize("language", ["fr-FR", "fr-CA", "it-IT"])
def test_an_elided_article_is_no_part_of_an_escape_word(language):
    assert says("parler à l'agent", ["agent"], language)
    assert not says("parler à d'artagnan", ["agent"], language)


def test_the_rest_keeps_its_apostrophes():
    assert ("c'est faux",) == named("c'est faux agent", (("1", ("agent",)),), "fr-FR").rest


def test_the_rest_is_what_was_said_beside():
    found = named("Yes, sales please; the sales!", MENU, "en-US")

    assert (False, ("yes", "please the")) == (found.starts, found.rest)
    assert named("sales please", MENU, "en-US").starts


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("sales", "3"),
        ("no, sales", "3"),
        ("do", "4"),
        ("the one", "4"),
        ("speak to", "3"),
        ("opening", "1"),
        ("sales support", ""),
        ("sales please", ""),
        ("", ""),
    ],
)
def test_a_phrase_that_has_begun(text, keys):
    assert set(keys) == begun(text, MENU, "en-US")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("sales no", None),
        ("sales, not that", None),
        ("uh sales, no, not that one please", None),
        ("sales no wait", None),
        ("two, sales, no", None),
        ("sales, i don't want that", None),
        ("opening hours, thanks, no thanks", None),
        ("sales no sales", "2"),
        ("sales, no, the sales please", "2"),
        ("opening hours, no hurry", "1"),
        ("sales, no problem, thank you", "2"),
        ("sales, i don't know", "2"),
        ("sales, i'm not sure", "2"),
        ("sales please", "2"),
        ("sales, the other one not", "2"),
        # with a negation of its own
        ("do not record, no", "4"),
        ("do not record, please don't", "4"),
    ],
)
def test_a_negation_behind_a_phrase(text, keys):
    assert keys == named(text, MENU, "en-US").keys


def test_a_bare_no_takes_nothing_back_where_it_is_an_answer():
    assert "2" == named("sales, no", MENU, "en-US", yes_no=True).keys
    assert named("sales, not that", MENU, "en-US", yes_no=True).keys is None


@pytest.mark.parametrize(
    ("language", "behind"),
    [
        ("en-US", "no, nope, not, not that, no thanks, uh no please, i don't"),
        ("en-GB", "no, no ta, not that love"),
        ("en-IN", "no, nahi, nahi ji, not like that"),
        ("de-DE", "nicht, nein, nee danke, das nicht, doch nicht, bitte nicht, das will ich nicht, keinen, brauche ich nicht, kein interesse"),
        ("es-ES", "no, no gracias, eso no, no quiero, ya no lo quiero"),
        ("es-MX", "no, no gracias, no me interesa"),
        ("fr-FR", "non, pas, non merci, pas ça, je n'en veux pas, non s'il vous plaît, ça ne m’intéresse pas"),
        ("fr-CA", "non, pas ça, non là"),
        ("it-IT", "no, non, no grazie, quello no, non mi interessa"),
        ("nl-NL", "niet, nee, nee bedankt, dat niet, wil ik niet, toch niet, geen, heb ik niet nodig"),
        ("pt-BR", "não, não obrigado, isso não, não quero, não né"),
        ("pt-PT", "não, não se faz favor, agora não"),
    ],
)  # fmt: skip
def test_a_negation_behind_a_phrase_in_each_language(language, behind):
    for said in behind.split(","):
        assert named(f"xylophone {said}", (("1", ("xylophone",)),), language).keys is None, said


@pytest.mark.parametrize(
    ("language", "phrase", "said"),
    [
        # what is said of the thing is what the caller calls for
        ("de-DE", "Rechnung", "meine rechnung stimmt nicht"),
        ("de-DE", "Internet", "das internet geht nicht"),
        ("nl-NL", "internet", "mijn internet werkt niet"),
        ("fr-FR", "internet", "mon internet ne marche pas"),
        ("it-IT", "internet", "internet non funziona"),
        ("es-ES", "internet", "el internet va mal"),
        ("en-US", "bill", "my bill is wrong"),
        ("en-US", "opt out", "opt out no recording please"),
        ("pt-BR", "conta", "a conta está errada"),
        # a negation that is the phrase's own
        ("de-DE", "nicht aufzeichnen", "bitte nicht aufzeichnen nein"),
        ("de-DE", "keine Aufnahme", "keine aufnahme das will ich nicht"),
        ("fr-FR", "n'enregistrez pas", "n'enregistrez pas non"),
        ("es-ES", "no grabar", "no grabar no"),
    ],
)
def test_what_a_negation_behind_a_phrase_does_not_take_back(language, phrase, said):
    assert "1" == named(said, (("1", (phrase,)),), language).keys

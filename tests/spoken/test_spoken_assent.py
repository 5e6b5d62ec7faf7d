"""Yes, no, escape words, word counts."""

from __future__ import annotations

import pytest

from fsflows.spoken import Assent, assent, languages, says, word_count

YES = {
    "en-US": ["yes", "yeah", "yep", "uh huh", "correct", "that's right", "that is correct", "sure", "yes it is",
              "um yes please", "i think that's right", "yeah that's right thanks", "exactly", "you got it"],
    "en-GB": ["aye", "spot on", "yes love"],
    "en-IN": ["haan ji", "correct only", "yes sir"],
    "es-ES": ["sí", "sí señor", "correcto", "es correcto", "claro que sí", "eso es", "vale", "de acuerdo"],
    "es-MX": ["sale", "sí"],
    "fr-FR": ["oui", "c'est ça", "c'est bon", "tout à fait", "exact", "oui c'est ça", "d'accord", "ouais"],
    "fr-CA": ["oui", "c'est correct"],
    "de-DE": ["ja", "ja genau", "stimmt", "das ist richtig", "korrekt", "genau", "jawohl", "ja bitte"],
    "pt-BR": ["sim", "isso mesmo", "está certo", "correto", "é isso", "com certeza", "tá certo"],
    "pt-PT": ["sim", "está bem", "pois", "correto"],
    "it-IT": ["sì", "sì esatto", "va bene", "è corretto", "giusto", "certo", "confermo"],
    "nl-NL": ["ja", "klopt", "dat klopt", "ja hoor", "juist", "dat is correct", "inderdaad"],
}  # fmt: skip
NO = {
    "en-US": ["no", "nope", "wrong", "that's wrong", "that's not right", "incorrect", "no that's not it",
              "i don't think so", "it isn't", "uh no", "no no no", "not quite"],
    "en-GB": ["no", "no thank you"],
    "en-IN": ["nahi", "no sir", "wrong"],
    "es-ES": ["no", "no señor", "incorrecto", "no es correcto", "está mal", "no no"],
    "es-MX": ["no", "no es"],
    "fr-FR": ["non", "c'est faux", "ce n'est pas ça", "pas du tout", "non merci", "c'est pas ça"],
    "fr-CA": ["non"],
    "de-DE": ["nein", "falsch", "stimmt nicht", "das stimmt nicht", "nee", "das ist falsch", "nein danke"],
    "pt-BR": ["não", "errado", "não está certo", "está errado", "não é isso", "não senhor"],
    "pt-PT": ["não", "não está correto"],
    "it-IT": ["no", "sbagliato", "non è corretto", "no grazie", "non va bene", "è sbagliato"],
    "nl-NL": ["nee", "klopt niet", "dat klopt niet", "nee dank u", "fout", "dat is niet juist"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "said"), [(tag, said) for tag in YES for said in YES[tag]])
def test_L4_assent_in_every_language(language, said):
    answer = assent(said, language)
    assert answer is not None
    assert answer.yes


@pytest.mark.parametrize(("language", "said"), [(tag, said) for tag in NO for said in NO[tag]])
def test_L4_refusal_in_every_language(language, said):
    answer = assent(said, language)
    assert answer is not None
    assert not answer.yes


def test_every_language_is_covered():
    assert set(languages()) == set(YES) == set(NO)


@pytest.mark.parametrize(
    ("said", "language", "rest"),
    [
        ("no, five five", "en-US", "five five"),
        ("no five five", "en-US", "five five"),
        ("No. It's 5551212", "en-US", "5551212"),
        ("no that's wrong it's five", "en-US", "it's five"),
        ("nein, fünf fünf", "de", "fünf fünf"),
        ("non, c'est le cinq", "fr", "le cinq"),
        ("no,cinco", "es", "cinco"),
        ("não é cinco", "pt-BR", "cinco"),
        ("no, è Città cinque", "it", "Città cinque"),
        ("nee vijf", "nl", "vijf"),
        ("yes, no wait, four eight", "en-US", "four eight"),
        ("ja, nein Moment, vier acht", "de", "vier acht"),
        ("oui, non attendez, quatre huit", "fr", "quatre huit"),
    ],
)
def test_beyond_3_a_refusal_carries_its_correction(said, language, rest):
    assert Assent(yes=False, rest=rest) == assent(said, language)


@pytest.mark.parametrize(
    "said",
    [
        "", "   ", "five five five", "maybe", "yes but the last one is wrong", "yes no", "no yes", "i'm not sure",
        "i would like to know the right time", "what", "the number was wrong yesterday", "don't know", "hmm", "\x00",
    ],
)  # fmt: skip
def test_neither_yes_nor_no(said):
    assert assent(said) is None


REFUSED = {
    "en-US": ["of course not", "absolutely not", "definitely not", "certainly not", "yes no wait no", "yes sorry no",
              "yeah actually no it isn't", "okay yes wait no", "yes i mean no", "no i mean no"],
    "es-ES": ["claro que no", "por supuesto que no", "sí no espera no", "sí perdón no"],
    "fr-FR": ["bien sûr que non", "absolument pas", "oui non attendez non", "oui pardon non"],
    "en-IN": ["haan no wait no"],
    "de-DE": ["das stimmt so nicht", "stimmt leider nicht", "das passt nicht", "natürlich nicht", "sicher nicht",
              "ja nein moment nein", "ja ich meine nein", "ja entschuldigung nein"],
    "pt-BR": ["claro que não", "com certeza não", "sim não espera não", "sim quer dizer não"],
    "pt-PT": ["claro que não", "sim aliás não"],
    "it-IT": ["certo che no", "sì no aspetti no", "sì anzi no"],
    "nl-NL": ["klopt helemaal niet", "dat klopt helaas niet", "natuurlijk niet", "ja nee wacht nee", "ja ik bedoel nee"],
}  # fmt: skip
CHANGED = {
    "en-US": ["no i mean yes", "no that's wrong sorry yes", "no no i meant yes that's right"],
    "de-DE": ["nein ich meine ja"],
    "fr-FR": ["non je veux dire oui"],
    "es-ES": ["no quiero decir sí"],
    "it-IT": ["no volevo dire sì"],
    "nl-NL": ["nee ik bedoel ja"],
    "pt-BR": ["não quer dizer sim"],
}
WEAK = {
    "en-US": ["okay i want an agent", "good morning", "right what was that", "great weather today", "fine whatever i need help",
              "okay my name is paul"],
    "en-GB": ["lovely weather we have", "right then mate what number was it"],
    "es-ES": ["vale quiero hablar con alguien", "bien mire usted"],
    "es-MX": ["ándele quiero un agente"],
    "fr-FR": ["voilà je voudrais un conseiller", "d'accord je vous explique"],
    "de-DE": ["gut ich will einen mitarbeiter", "klar ich brauche hilfe"],
    "pt-BR": ["tá eu quero um atendente", "claro eu preciso de ajuda"],
    "pt-PT": ["pois eu queria um assistente"],
    "it-IT": ["bene io vorrei un operatore", "ok mi passi qualcuno"],
    "nl-NL": ["goed ik wil een medewerker", "prima ik heb een vraag"],
}  # fmt: skip
POLITE = {
    "en-US": ["okay", "okay thanks", "good thank you", "um right", "right that's correct", "okay yes", "great thank you"],
    "es-ES": ["vale gracias", "muy bien", "perfecto sí"],
    "fr-FR": ["d'accord merci", "très bien", "ok c'est ça"],
    "de-DE": ["gut danke", "okay", "okay ja stimmt"],
    "pt-BR": ["tá bom obrigado", "perfeito", "ok sim"],
    "pt-PT": ["está bem obrigada", "pois"],
    "it-IT": ["va bene grazie", "perfetto", "ok sì"],
    "nl-NL": ["prima bedankt", "goed", "oké ja"],
    "en-GB": ["lovely thank you", "brilliant"],
    "en-IN": ["ok ok thank you"],
    "fr-CA": ["parfait merci"],
    "es-MX": ["ándele gracias"],
}  # fmt: skip
SENTENCE = {
    "en-US": ["yes that is my number", "yeah i want that", "correct my name is paul"],
    "de-DE": ["ja das ist meine nummer"],
    "fr-FR": ["oui c'est mon numéro"],
    "es-ES": ["sí es mi número"],
    "it-IT": ["sì è il mio numero"],
    "nl-NL": ["ja dat is mijn nummer"],
    "pt-BR": ["sim esse é o meu número"],
}  # fmt: skip
TAKEN_BACK = {
    "en-US": ["okay can you repeat that", "right say that again please", "okay so that's wrong", "right but that isn't it", "yes no wait", "yes no i mean", "yes no", "no wait yes", "yeah no no", "good but not the last one", "fine but don't"],
    "es-ES": ["vale puede repetir", "correcto salvo que no", "vale pero está mal"],
    "fr-FR": ["d'accord vous pouvez répéter", "d'accord mais c'est pas ça", "bien sûr que c'est faux"],
    "de-DE": ["gut können sie das wiederholen", "das stimmt aber nicht ganz", "gut aber das ist falsch", "richtig ist das nicht"],
    "pt-BR": ["tá pode repetir", "certo mas não é isso", "tá mas está errado"],
    "it-IT": ["va bene può ripetere", "va bene ma non è così", "certo però è sbagliato"],
    "nl-NL": ["goed nog een keer graag", "goed maar dat is niet juist", "prima maar het klopt niet"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "said"), [(tag, said) for tag in REFUSED for said in REFUSED[tag]]
)
def test_L4_a_refusal_that_begins_like_a_yes(language, said):
    answer = assent(said, language)
    assert answer is not None
    assert not answer.yes


@pytest.mark.parametrize(
    ("language", "said"), [(tag, said) for tag in TAKEN_BACK for said in TAKEN_BACK[tag]]
)
def test_L4_a_yes_that_is_taken_back_is_none(language, said):
    assert assent(said, language) is None


@pytest.mark.parametrize(("language", "said"), [(tag, said) for tag in WEAK for said in WEAK[tag]])
def test_L4_a_weak_yes_before_a_sentence_is_none(language, said):
    assert assent(said, language) is None


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (tag, said)
        for said_as in (POLITE, SENTENCE, CHANGED)
        for tag in said_as
        for said in said_as[tag]
    ],
)
def test_L4_a_weak_yes_by_itself_is_one_and_a_strong_one_before_a_sentence_too(language, said):
    answer = assent(said, language)
    assert answer is not None
    assert answer.yes


def test_beyond_8_escape_words_are_whole_words():
    words = ["operator", "agent", "speak to someone"]
    assert says("Operator, please!", words, "en-US")
    assert says("i want to speak to someone now", words, "en-US")
    assert not says("operators are busy", words, "en-US")
    assert not says("speak to anyone or someone", words, "en-US")
    assert not says("", words, "en-US")
    assert not says("anything", ["", "  "], "en-US")
    assert not says("anything", [], "en-US")


def test_beyond_8_escape_words_ignore_accents_and_case():
    assert says("un Operador por favor", ["operador"], "es")
    assert says("je veux un opérateur", ["OPERATEUR"], "fr")
    assert says("einen Mitarbeiter bitte", ["mitarbeiter"], "de")


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("", 0),
        (" \t\n", 0),
        ("one", 1),
        ("it's 5551212", 2),
        ("five-five", 2),
        ("j'ai deux", 2),
        ("...", 0),
        ("你好", 1),
    ],
)
def test_word_count(said, count):
    assert count == word_count(said)

"""Phrases that are keys when they are said: `asr: words`."""

from __future__ import annotations

import pytest

from collect.scenario import attempt, ending
from fsflows.collect import (
    Collection,
    Confirm,
    Confirmation,
    Escape,
    Policy,
    Speech,
    Validation,
    problems,
)
from fsflows.collect.confirm import Said, Verdict, understand
from fsflows.privacy import Pii
from fsflows.spoken import Alternative

WORDS = (
    ("1", ("opening hours", "hours")),
    ("2", ("sales",)),
    ("3", ("sales support", "support")),
)
CHOICES = Validation(values=frozenset("123"))


def menu(*, words=WORDS, speech=None, **more) -> Collection:
    return Collection(
        **{"validation": CHOICES, **more}, speech=Speech(words=words, **(speech or {}))
    )


@pytest.mark.parametrize(
    ("said", "outcome", "digits"),
    [
        ("opening hours please", "complete", "1"),
        ("sales", "complete", "2"),
        ("sales support", "complete", "3"),
        ("two", "complete", "2"),
        ("press two for sales", "complete", "2"),
        ("three, sales", "no_match", ""),
        ("not sales, support", "no_match", ""),
        ("i don't want sales", "no_match", ""),
        ("what was that", "no_match", ""),
        # the recogniser's alternatives
        ("sails | sales", "complete", "2"),
        ("for | sales", "complete", "2"),
        ("four | sales", "complete", "2"),
        ("three | sales", "complete", "3"),
        ("what | sales | three", "complete", "2"),
        ("not sales | sales", "no_match", ""),
        ("what | not sales | support", "complete", "3"),
        ("hours two | two", "no_match", ""),
    ],
)
def test_what_is_said_is_a_key(said, outcome, digits):
    assert (outcome, digits) == ending(menu(), f"1.0 final {said}")[::2]


def test_a_phrase_ends_the_step_as_its_key_does():
    found = attempt(menu(), "1.0 final opening hours @0.7")

    assert ("complete", "length", "1", "speech", 0.7, 1.0) == (
        found.outcome, found.how, found.digits, found.source, found.confidence, found.ended_at,
    )  # fmt: skip
    assert "opening hours" == found.heard


def test_the_confidence_is_that_of_the_alternative():
    assert 0.6 == attempt(menu(), "1.0 final sails @0.9 | sales @0.6").confidence
    assert attempt(menu(), "1.0 final sales").confidence is None


def test_a_partial_that_settles_ends_the_step():
    assert ("complete", "settled_partial", "1", 1.4) == ending(
        menu(), "1.0 partial opening hours\n1.2 partial opening hours"
    )


def test_a_partial_waits_where_a_longer_phrase_of_another_key_begins_with_it():
    scenario = "1.0 partial sales\n1.2 partial sales\n1.4 partial sales\n{}"

    assert ("complete", "length", "3", 1.8) == ending(
        menu(), scenario.format("1.8 final sales support")
    )
    assert ("complete", "length", "2", 1.8) == ending(menu(), scenario.format("1.8 final sales"))
    assert ("complete", "settled_partial", "3", 2.0) == ending(
        menu(), scenario.format("1.6 partial sales support")
    )


def test_a_partial_does_not_wait_for_a_longer_phrase_of_the_same_key():
    spec = menu(words=(("1", ("sales", "sales team")),))

    assert ("complete", "settled_partial", "1", 1.4) == ending(
        spec, "1.0 partial sales\n1.2 partial sales"
    )


def test_a_digit_that_begins_a_phrase_waits_too():
    spec = menu(words=(("2", ("one way ticket",)),))

    assert ("complete", "length", "2", 2.0) == ending(
        spec,
        "1.0 partial one\n1.2 partial one\n1.4 partial one\n1.6 partial one\n2.0 final one way ticket",
    )


def test_a_phrase_that_begins_an_escape_waits_too():
    spec = menu(escape=Escape(words=("sales manager", "operator")), words=WORDS[:2])
    scenario = "1.0 partial sales\n1.2 partial sales\n1.4 partial sales\n1.8 final sales{}"

    assert ("escaped", "") == ending(spec, scenario.format(" manager"))[::2]
    assert ("complete", "2") == ending(spec, scenario.format(""))[::2]


def test_a_partial_that_nothing_follows_counts_in_the_end():
    """The recogniser hangs after "sales", which could have gone on."""
    found = ending(menu(), "1.0 partial sales\n1.2 partial sales\n1.4 partial sales")

    assert ("complete", "length", "2", 3.4) == found


def test_speech_with_a_phrase_barges_in():
    found = attempt(menu(), "1.0 final opening hours", prompt=True)

    assert ("complete", "1", 1.0) == (found.outcome, found.digits, found.ended_at)


def test_talk_with_a_phrase_in_it_is_progress():
    """`hold_limit` is for talk that means nothing. ("Sales" waits here: "sales support" is another key.)"""
    talk = "".join(f"{at}.0 partial hm {{0}}\n" for at in range(1, 8)) + "7.5 final hm {0}"
    spec = menu(speech={"hold_limit": 5.0})

    assert ("no_match", 5.0) == ending(spec, talk.format("hm"))[::3]
    assert ("complete", 6.0) == ending(spec, talk.format("sales"))[::3]


def test_a_phrase_of_more_than_one_digit():
    spec = Collection(
        min_digits=4, max_digits=4, speech=Speech(words=(("0000", ("i don't have one",)),))
    )

    assert [] == problems(spec)
    assert ("complete", "length", "0000", 1.0) == ending(spec, "1.0 final sorry i don't have one")


def test_a_phrase_stands_in_place_of_what_came_before_it():
    """Who keys two digits and then says that there is no number has said all."""
    words = (("0000", ("i don't have one",)),)
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(words=words))
    found = attempt(spec, "1.0 keys 12\n2.0 final i don't have one")

    assert ("complete", "0000", "speech") == (found.outcome, found.digits, found.source)


def test_a_phrase_ends_a_step_that_could_take_more():
    spec = Collection(
        min_digits=1,
        max_digits=8,
        end_keys=frozenset("#"),
        speech=Speech(words=(("0", ("none",)),)),
    )

    assert ("complete", "end_word", "0", 1.0) == ending(spec, "1.0 final none")
    assert ("complete", "end_word", "0", 3.0) == ending(spec, "2.0 keys 12\n3.0 final none")


def test_keys_pressed_while_a_phrase_is_being_said_stand_behind_it():
    spec = Collection(min_digits=1, max_digits=8, speech=Speech(words=(("0", ("none",)),)))

    assert "05" == ending(spec, "1.0 partial none\n1.5 key 5\n2.0 final none")[2]


@pytest.mark.parametrize(
    ("policy", "key_first", "phrase_first", "key_meanwhile"),
    [
        ("merge", "3", "1", "12"),
        ("keys_win", "1", "1", "2"),
        ("first_wins", "1", "1", "2"),
    ],
)
def test_policies(policy, key_first, phrase_first, key_meanwhile):
    spec = Collection(min_digits=1, max_digits=2, policy=Policy(policy), speech=Speech(words=WORDS))

    assert key_first == ending(spec, "1.0 key 1\n2.0 final support")[2]
    assert phrase_first == ending(spec, "1.0 final opening hours\n2.0 key 2")[2]
    said = "1.0 partial opening hours\n1.2 key 2\n1.4 final opening hours"
    assert key_meanwhile == ending(spec, said)[2]


def test_an_escape_word_comes_first():
    spec = menu(escape=Escape(words=("operator",)))

    assert "escaped" == ending(spec, "1.0 final sales operator")[0]


def test_a_private_phrase_is_hidden():
    found = attempt(menu(is_pii=True), "1.0 final opening hours")

    assert isinstance(found.digits, Pii)
    assert "opening hours" not in repr(found)
    assert "1" == found.digits.reveal()


# --- yes and no ---


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("yes", "1"),
        ("no", "2"),
        ("do not record", "1"),
        ("no recording", "1"),
        ("yes, do not record", "1"),
        ("no, do not record", ""),
        ("please record me", "2"),
        ("no, record me", "2"),
        ("don't record me", ""),
    ],
)
def test_together_with_yes_and_no(said, digits):
    words = (("1", ("do not record", "no recording")), ("2", ("record me",)))
    spec = Collection(speech=Speech(preset="yes_no", words=words))

    assert [] == problems(spec)
    assert digits == ending(spec, f"1.0 final {said}")[2]


# --- the read-back ---


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("yes", Said(Verdict.YES)),
        ("opening hours", Said(Verdict.YES)),
        ("yes, opening hours", Said(Verdict.YES)),
        ("i said the hours", Said(Verdict.YES)),
        ("support", Said(Verdict.CORRECTION, (Alternative("support"),))),
        ("no, support", Said(Verdict.CORRECTION, (Alternative("support"),))),
        ("no", Said(Verdict.NO)),
        ("no, opening hours", Said(Verdict.NO)),
        ("no wait, opening hours", Said(Verdict.NO)),
        ("no wait, support", Said(Verdict.CORRECTION, (Alternative("support"),))),
        ("not sales, support", Said(None)),
        ("no sale", Said(Verdict.CORRECTION, (Alternative("no sale"),))),
        ("three", Said(Verdict.CORRECTION, (Alternative("three"),))),
    ],
)
def test_a_reply_to_the_read_back(said, expected):
    words = (*WORDS[:2], ("3", ("sales support", "support", "no sale")))
    spec = menu(words=words, confirmation=Confirmation(when=Confirm.ALWAYS))

    assert expected == understand(spec, spec.speech, "1", (Alternative(said),))


# --- what is wrong with them ---


def wrong(words, **more):
    return [
        (problem.field.removeprefix("speech.words."), problem.text)
        for problem in problems(menu(words=words, **more))
    ]


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("four", "is understood as 4; choose other words"),
        ("One.", "is understood as 1 without it; leave it out"),
        ("press two", "is understood as 2; choose other words"),
        ("for", "is understood as 4; choose other words"),
        ("17", "is understood as 17; choose other words"),
        ("star", "is understood as *; choose other words"),
        ("yes", "is a yes; leave it out, and write 'preset: yes_no', which knows all such words"),
        ("an operator please", "has the escape word 'operator' in it, which comes first; choose other words"),
        ("Agent!", "stands for 3 already; a phrase can be one key"),
        ("...", "has no words in it"),
        ("ask for {name}", "has a placeholder in it; nothing is put into phrases that callers say"),
    ],
)  # fmt: skip
def test_a_phrase_that_is_something_else(phrase, text):
    found = wrong((("3", ("agent",)), ("1", ("hours", phrase))), escape=Escape(words=("operator",)))

    assert [("1.1", f"{phrase!r} {text}")] == found


def test_a_yes_or_a_no_may_be_any_other_key_when_nothing_is_confirmed():
    """How was it? Three: fine. And "yes" is 2 where the question is turned round."""
    words = (("3", ("fine",)), ("1", ("no thanks",)), ("2", ("yes",)))
    assert [] == wrong(words)
    asks = Confirmation(when=Confirm.ALWAYS)
    assert [
        ("3.0", "'fine' is a yes, which is the answer to 'confirm:'; choose other words"),
        ("1.0", "'no thanks' is a no, which is the answer to 'confirm:'; choose other words"),
    ] == wrong(words[:2], confirmation=asks)
    no = "'no' is a no; leave it out, and write 'preset: yes_no', which knows all such words"
    assert [("2.0", no)] == wrong((("2", ("no",)),))


@pytest.mark.parametrize(
    "phrase",
    ["one way", "for sale", "no recording", "yes i agree", "24 hour service", "two bedroom flat", "start over", "hours"],
)  # fmt: skip
def test_a_phrase_with_such_words_in_it(phrase):
    assert [] == wrong((("1", (phrase,)),))


@pytest.mark.parametrize(
    ("keys", "more", "text"),
    [
        ("12", {}, "has 2 keys; the step takes 1 digit"),
        ("7", {}, "is refused by 'validate:' (not one of the values)"),
        ("#", {"validation": Validation()}, "can't be an answer: '#' is no digit; add 'validate: {values: [...]}' with all answers"),
        ("#", {"end_keys": frozenset("#")}, "can't be an answer: '#' is one of end_keys"),
        ("*", {"clear_keys": frozenset("*")}, "can't be an answer: '*' is one of clear_keys"),
        ("1", {"escape": Escape(keys=frozenset("1")), "validation": Validation()}, "begins with the escape key '1', and can't be keyed"),
        ("A", {"validation": Validation()}, "can't be an answer: 'A' is no digit; add 'allow_letters: true'"),
        ("1", {"validation": Validation(pattern="[2-9]")}, "does not match the pattern '[2-9]'"),
        ("x", {}, "can't be keyed: keys are 0-9, *, # and A-D"),
        ("1234", {"min_digits": 4, "max_digits": 4, "validation": Validation(check="luhn")}, "is refused by 'validate:' (not a valid luhn number)"),
    ],
)  # fmt: skip
def test_keys_that_no_answer_can_be(keys, more, text):
    assert [(keys, f"{keys!r} {text}")] == wrong(((keys, ("hours",)),), **more)


def test_keys_without_phrases():
    assert [("1", "'1' needs a phrase that is said for it")] == wrong((("1", ()),))


def test_a_sign_that_is_a_choice():
    assert [] == wrong((("#", ("go back",)),), validation=Validation(values=frozenset("12#")))
    assert [] == problems(menu(words=(("#", ("back",)),), validation=Validation()), frozenset("1#"))


def test_a_menus_rows():
    found = problems(menu(words=(("3", ("back",)),), validation=Validation()), frozenset("12"))

    assert [("speech.words.3", "'3' has no row in 'on:'; add one")] == found


def test_an_unknown_language_is_said_once():
    assert ["speech.language"] == [each.field for each in problems(menu(speech={"language": "xx"}))]


def test_what_was_said_for_the_digits_is_known_as_the_flow_writes_it():
    spec = menu(words=(("1", ("Opening hours!", "hours")), ("2", ("sales",))))
    two = Collection(min_digits=2, max_digits=2, speech=Speech(words=(("12", ("sales",)),)))
    open_end = Collection(min_digits=1, max_digits=None, speech=Speech(words=(("1", ("sales",)),)))

    assert "Opening hours!" == attempt(spec, "1.0 final the opening hours please").phrase
    assert "hours" == attempt(spec, "1.0 final ours | hours").phrase
    assert "sales" == attempt(two, "1.0 key 1\n1.1 final sales").phrase
    for other in ("1.0 final one two", "1.0 keys 12", "1.0 final nine\n2.0 key 1"):
        assert "" == attempt(two, other).phrase
    keyed_on = attempt(open_end, "1.0 partial sales\n1.2 key 5\n1.4 final sales")
    assert ("15", "") == (keyed_on.digits, keyed_on.phrase)

"""One buffer for keys and speech, through whole conversations: policies, several results, alternatives, languages."""

import pytest
from collecting_flows import ask, got

from fsflows.switch import Recogniser, Setup

MIXED = {
    "keys, then speech": (
        "wait end\npress 12 gap 0.1\nsay three four\n",
        {"merge": "complete 1234 both", "keys_win": "too_short 12 keys", "first_wins": "too_short 12 keys"},
    ),
    "speech, then keys": (
        "wait end\nsay one two\nwait 0.3\npress 34\n",
        {"merge": "complete 1234 both", "keys_win": "too_short 34 keys", "first_wins": "too_short 12 speech"},
    ),
    "a key after a pause of the speech": (
        'wait end\nmeanwhile say "one two three"\nwait 1.1\npress 4\n',
        {"merge": "complete 1234 both", "keys_win": "too_short 4 keys", "first_wins": "too_short 123 speech"},
    ),
    "a key before the last word": (  # what is not said to its end yet has not come first
        'wait end\nmeanwhile say "one two three"\nwait 0.35\npress 4\n',
        {"merge": "complete 1234 both", "keys_win": "too_short 4 keys", "first_wins": "too_short 4 keys"},
    ),
    "speech over all of the keys": (
        'wait end\nmeanwhile say "one two three four"\npress 5678 gap 0.05 hold 0.05\n',
        {"merge": "complete 5678 keys", "keys_win": "complete 5678 keys", "first_wins": "complete 5678 keys"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("policy", ["merge", "keys_win", "first_wins"])
@pytest.mark.parametrize("mix", MIXED)
def test_beyond_1_keys_and_speech_fill_one_buffer_under_a_policy(play, mix, policy):
    script, expected = MIXED[mix]
    played = play(ask(f"num_digits: 4, policy: {policy}"), script)
    assert [expected[policy]] == got(played)


def test_beyond_4_several_finals_build_one_number(play):
    played = play(
        ask("num_digits: 7"),
        "wait end\nsay five five five\nwait 1.2\nsay one two\nwait 1.2\nsay one two\n",
    )
    assert ["complete 5551212 speech"] == got(played)


def test_beyond_4_a_partial_that_stays_ends_an_exact_length(play):
    """The recogniser would take four seconds more to be sure that the caller has finished."""
    played = play(ask(), 'wait end\nsay "one two three four" endpoint 4\n')
    assert ["complete 1234 speech"] == got(played)
    said = played.channel.transcript.did[0].at
    thanks = played.channel.transcript.heard[-1].start
    assert 0.8 + 0.4 <= thanks - said <= 0.8 + 0.4 + 0.1


def test_beyond_4_a_partial_does_not_end_what_may_grow(play):
    played = play(
        ask("num_digits: 6, min_digits: 4"), 'wait end\nsay "one two three four" endpoint 3\n'
    )
    assert ["complete 1234 speech"] == got(played)
    said = played.channel.transcript.did[0].at
    assert played.channel.transcript.heard[-1].start - said >= 0.8 + 2.0


def test_beyond_4_one_digit_is_patient_with_what_grows(play):
    """ "one hundred ..." is heard as "one" first."""
    played = play(ask("num_digits: 3"), "wait end\nsay one hundred twelve\n")
    assert ["complete 112 speech"] == got(played)


def test_beyond_6_keys_and_speech_take_turns_and_all_stand_in_order(play):
    played = play(
        ask("num_digits: 8"),
        "wait end\npress 1\nsay two three\nwait 0.3\npress 45\nsay six\nwait 0.3\npress 78\n",
    )
    assert ["complete 12345678 both"] == got(played)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("double five oh nought", "complete 5500 speech"),
        ("fifty sixty one", "complete 5061 speech"),
        ("uh it's one two er three four please", "complete 1234 speech"),
        ("one two no wait three four five", "complete 1345 speech"),
        ("one two three four no wait five", "complete 1235 speech"),
        ("nine nine start over one two three four", "complete 1234 speech"),
        ("i want to talk to someone", "no_match speech"),
        ("one two three four five", "too_long 12345 speech"),
    ],
)
def test_beyond_2_and_3_what_is_said(play, said, expected):
    played = play(ask(), f"wait end\nsay {said}\n")
    assert [expected.replace("no_match speech", "no_match none")] == got(played)


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize(
    ("step", "said", "expected"),
    [
        # plain text is the best guess alone; JSON has all of them, and the fitting one is taken
        ({"dtmf": "num_digits: 4"}, '"one two three" confidence 0.9 or "one two three four" confidence 0.5',
         {False: "too_short 123 speech", True: "complete 1234 speech"}),
        ({"dtmf": "num_digits: 2", "more": "validate: {values: ['15', '90']}"}, '"fifty" or "nine tea" or "fifteen"',
         {False: "no_match 50 speech", True: "complete 15 speech"}),
        ({"dtmf": "num_digits: 8", "more": "validate: {check: luhn}"},
         '"four one one one one one one nine" or "four one one one one one one three"',
         {False: "no_match 41111119 speech", True: "complete 41111113 speech"}),
        ({"dtmf": "num_digits: 4", "asr": "{alternatives: 1}"}, '"one two three" or "one two three four"',
         {False: "too_short 123 speech", True: "too_short 123 speech"}),
        ({"dtmf": "num_digits: 2", "asr": "{keywords: [room]}"}, '"broom twelve" or "room twelve"',
         {False: "no_match none", True: "complete 12 speech"}),
        ({"dtmf": "num_digits: 2"}, '"broom twelve" or "room twelve"',
         {False: "no_match none", True: "no_match none"}),
        ({"dtmf": "num_digits: 1", "asr": "{preset: yes_no}"}, '"yes please"',
         {False: "complete 1 speech", True: "complete 1 speech"}),
        ({"dtmf": "num_digits: 1", "asr": "{preset: yes_no}"}, '"oh" or "no"',
         {False: "complete 0 speech", True: "complete 0 speech"}),
        ({"dtmf": "num_digits: 3", "asr": "{preset: alphanumeric}"}, '"bravo one two"',
         {False: "complete B12 speech", True: "complete B12 speech"}),
    ],
)  # fmt: skip
def test_P2_and_beyond_5_the_alternative_that_fits_is_taken(play, step, said, expected, json):
    played = play(
        ask(**step), f"wait end\nsay {said}\n", setup=Setup(recogniser=Recogniser(json=json))
    )
    assert [expected[json]] == got(played)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en-GB", "double one nought treble two"),
        ("es-ES", "once cero dos dos dos"),
        ("fr-FR", "onze zéro deux cent vingt deux"),
        ("de-DE", "elf null zweihundertzweiundzwanzig"),
        ("pt-BR", "um um zero dois dois dois"),
        ("it-IT", "undici zero duecentoventidue"),
        ("nl-NL", "elf nul tweehonderdtweeëntwintig"),
    ],
)
@pytest.mark.parametrize("json", [False, True])
def test_beyond_2_other_languages_in_a_flow(play, language, said, json):
    played = play(
        ask("num_digits: 6", top=f"language: {language}"),
        f"wait end\nsay {said}\n",
        setup=Setup(recogniser=Recogniser(json=json)),
    )
    assert ["complete 110222 speech"] == got(played)

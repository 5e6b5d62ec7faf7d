"""MISSION.md, section 1: what a digit-collection task does, a test a row."""

from __future__ import annotations

import pytest

from fsflows.collect import (
    Cause,
    Collection,
    Collector,
    Confirm,
    Confirmation,
    Dialogue,
    Done,
    Echo,
    Ignored,
    Listen,
    Outcome,
    Policy,
    Prompt,
    PromptKind,
    Source,
    StopPrompt,
    Why,
    problems,
)

from .scenario import attempt, collector, ending, play

TEN = Collection(min_digits=10, max_digits=10, end_keys=frozenset("#"))
FOUR = Collection(min_digits=4, max_digits=4, end_keys=frozenset("#"))
UP_TO_SIX = Collection(min_digits=2, max_digits=6, end_keys=frozenset("#"))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (0, "must be between 1 and 32 (or -1 for no limit), got 0"),
        (33, "must be between 1 and 32 (or -1 for no limit), got 33"),
        ("four", "must be a whole number, got 'four'"),
    ],
)
def test_L1_a_number_of_digits_that_makes_no_sense_is_found_before_any_call(wrong, text):
    found = problems(Collection(max_digits=wrong))

    assert ("max_digits", text) in found


def test_L2_keyed_digits_are_collected():
    result = attempt(TEN, "1.0 keys 5551234567")

    assert (Outcome.COMPLETE, "5551234567", Source.KEYS, 1.0) == (
        result.outcome,
        result.digits,
        result.source,
        result.confidence,
    )


@pytest.mark.parametrize(
    ("scenario", "digits", "source"),
    [
        ("1.0 final five five five one two three four five six seven", "5551234567", "speech"),
        (
            """1.0 keys 555
               2.0 final one two three four five six seven""",
            "5551234567",
            "both",
        ),
        (
            """1.0 final five five five
               2.0 keys 1234567""",
            "5551234567",
            "both",
        ),
        (
            """1.0 final five five five
               2.0 final one two three
               3.0 final four five six seven""",
            "5551234567",
            "speech",
        ),
    ],
)
def test_L3_keys_and_speech_fill_one_buffer(scenario, digits, source):
    result = attempt(TEN, scenario)

    assert ("complete", digits, source) == (result.outcome, result.digits, result.source)


def test_L3_keys_win_throws_away_what_was_spoken_and_listens_no_more():
    spec = Collection(min_digits=4, max_digits=4, policy=Policy.KEYS_WIN)
    result = attempt(
        spec,
        """1.0 final nine nine
           1.5 keys 12
           2.0 final eight
           3.0 keys 34""",
    )

    assert ("complete", "1234", "keys") == (result.outcome, result.digits, result.source)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (
            """1.0 final one two
               1.5 key 9
               2.0 final three four""",
            ("complete", "1234", "speech"),
        ),
        (
            """1.0 keys 12
               1.5 final nine
               2.0 keys 34""",
            ("complete", "1234", "keys"),
        ),
    ],
)
def test_L3_first_wins_goes_on_with_what_came_first(scenario, expected):
    spec = Collection(min_digits=4, max_digits=4, policy=Policy.FIRST_WINS)
    result = attempt(spec, scenario)

    assert expected == (result.outcome, result.digits, result.source)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("9.0 key 1", "complete"),
        ("9.0 final yes that's right", "complete"),
        ("9.0 key 2", "no_match"),
        ("9.0 final no", "no_match"),
    ],
)
def test_L4_confirmation_by_key_or_by_voice(answer, outcome):
    spec = Collection(min_digits=4, max_digits=4, confirmation=Confirmation(when=Confirm.ALWAYS))
    dialogue = Dialogue(spec, attempts=1)

    assert PromptKind.FIRST is dialogue.next(0.0).kind
    play(dialogue.next(0.0).listener, "1.0 keys 1234")
    asked = dialogue.next(2.0)
    assert (PromptKind.CONFIRM, "one two three four") == (asked.kind, asked.read_back.words)
    play(dialogue.next(2.0, prompt_playing=True).listener, f"8.0 prompt ends\n{answer}")
    done = dialogue.next(10.0)

    assert isinstance(done, Done)
    assert (outcome, "1234") == (done.result.outcome, done.result.digits)


def test_L4_a_correction_reopens_the_collection_and_is_read_back_again():
    spec = Collection(min_digits=4, max_digits=4, confirmation=Confirmation(when=Confirm.ALWAYS))
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 final one two three five")
    dialogue.next(2.0)
    play(dialogue.next(2.0).listener, "4.0 final no one two")
    corrected = dialogue.next(4.0)
    assert isinstance(corrected, Listen)
    play(corrected.listener, "5.0 final three four")
    again = dialogue.next(5.0)

    assert isinstance(again, Prompt)
    assert ("confirm", "one two three four") == (again.kind, again.read_back.words)


def test_L5_the_inter_digit_timeout_is_restarted_by_each_digit():
    spec = Collection(min_digits=4, max_digits=4, inter_digit_timeout=4.0)

    assert ("too_short", "inter_digit_timeout", "12", 8.9) == ending(
        spec,
        """1.0 key 1
           4.9 key 2""",
    )


def test_L5_the_inter_digit_timeout_is_held_while_the_caller_speaks():
    spec = Collection(min_digits=4, max_digits=4, inter_digit_timeout=2.0)
    scenario = """
        1.0 key 1
        2.5 partial two
        3.5 partial two three
        5.0 partial two three
        5.2 final two three
        6.0 key 4"""

    assert ("complete", "length", "1234", 6.0) == ending(spec, scenario)


@pytest.mark.parametrize("key", ["#", "*"])
def test_L6_the_end_key_ends_the_collection_and_is_no_part_of_it(key):
    spec = Collection(min_digits=2, max_digits=6, end_keys=frozenset("#*"))

    assert ("complete", "end_key", "123", 2.0) == ending(spec, f"1.0 keys 123\n2.0 key {key}")


def test_L7_a_key_interrupts_the_prompt_at_the_key_and_counts():
    listener = Collector(FOUR, opened_at=0.0, prompt_playing=True)
    listener.key("5", 1.25)

    assert [StopPrompt(1.25, Cause.KEY), Echo(1.25, "5", Source.KEYS)] == listener.decisions()
    assert 3.25 == listener.deadline


def test_L11_reaching_the_number_of_digits_finishes_at_once():
    assert ("complete", "length", "1234", 1.3) == ending(FOUR, "1.0 keys 1234")


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("1.0 keys 123", ("too_short", "inter_digit_timeout", "123")),
        ("1.0 keys 123#", ("too_short", "end_key", "123")),
        ("1.0 final one two three", ("too_short", "end_of_speech", "123")),
        ("1.0 final one two three four five", ("too_long", "length", "12345")),
    ],
)
def test_L12_a_wrong_count_is_never_a_success_and_keeps_the_digits(scenario, expected):
    assert expected == ending(FOUR, scenario)[:3]


@pytest.mark.parametrize(
    ("scenario", "prompt", "at"), [("", False, 5.0), ("7.5 prompt ends", True, 12.5)]
)
def test_L13_a_caller_who_never_does_anything(scenario, prompt, at):
    assert ("no_input", "first_digit_timeout", "", at) == ending(FOUR, scenario, prompt=prompt)


def test_L14_star_and_letters_are_keys_and_never_digits():
    listener = collector(FOUR, "1.0 keys 1*A2b34")

    assert ("complete", "1234") == (listener.result.outcome, listener.result.digits)
    assert [("*", Why.NO_MEANING), ("A", Why.LETTER), ("B", Why.LETTER)] == [
        (each.key, each.why) for each in listener.decisions() if isinstance(each, Ignored)
    ]


def test_L14_star_can_be_a_clear_key():
    spec = Collection(min_digits=4, max_digits=4, clear_keys=frozenset("*"))

    assert ("complete", "length", "5678") == ending(spec, "1.0 keys 123*5678")[:3]


def test_L14_letters_are_collected_where_they_are_allowed():
    spec = Collection(min_digits=4, max_digits=4, allow_letters=True)

    assert ("complete", "length", "1A2D") == ending(spec, "1.0 keys 1A2d")[:3]


@pytest.mark.parametrize("report", ["", "12", "x", "é", "10", "ß"])
def test_L14_what_is_no_key_is_logged_and_ignored(report):
    listener = Collector(FOUR, opened_at=0.0, prompt_playing=True)
    listener.key(report, 1.0)

    assert [Ignored(report, Why.NOT_A_KEY)] == listener.decisions()
    assert listener.deadline is None


def test_L10_the_result_says_how_it_ended_and_what_there_was():
    dialogue = Dialogue(TEN, attempts=1)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 555\n1.5 final one two @0.9")
    result = dialogue.next(9.0).result

    assert ("", "55512", "too_short", "end_of_speech", "both", 1) == (
        result.user_input,
        result.digits,
        result.outcome,
        result.how,
        result.source,
        result.attempts,
    )
    assert [("one two", 0.9)] == [(each.text, each.confidence) for each in result.alternatives]
    assert "one two" == result.heard


def test_L10_user_input_is_the_digits_of_a_complete_collection():
    dialogue = Dialogue(TEN)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 5551234567")

    assert "5551234567" == dialogue.next(9.0).result.user_input

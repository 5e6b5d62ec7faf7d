"""What a collection leaves behind, and the next one passes over."""

from __future__ import annotations

from typing import Any

import pytest

from fsflows.collect import (
    Alternative,
    Collection,
    Collector,
    Confirmer,
    Ignored,
    Speech,
    StopPrompt,
    Why,
)
from fsflows.privacy import Pii

from .scenario import collector, play

FOUR = Collection(min_digits=4, max_digits=4, end_keys=frozenset("#"))


def after(first: Any, scenario: str, *, spec: Collection = FOUR) -> Collector:
    """A second collection, its prompt playing, right after the first."""
    ended = first.result.ended_at
    second = Collector(spec, opened_at=ended, prompt_playing=True, trail=first.result.trail)
    return play(second, scenario, to_the_end=False)


def test_the_end_key_that_came_after_complete_digits_belongs_to_them():
    second = after(collector(FOUR, "1.0 keys 1234"), "1.6 key #")

    assert [Ignored("#", Why.ANSWERED)] == second.decisions()
    assert second.result is None


def test_an_end_key_that_comes_late_or_twice_is_the_next_answer():
    first = collector(FOUR, "1.0 keys 1234")

    assert "too_short" == after(first, "3.4 key #").result.outcome
    assert "too_short" == after(first, "1.6 key #\n1.9 key #").result.outcome


def test_an_end_key_after_a_digit_is_this_steps_own():
    spec = Collection(min_digits=1, max_digits=4, end_keys=frozenset("#"))
    second = after(collector(spec, "1.0 keys 1234"), "1.6 key 7\n1.8 key #", spec=spec)

    assert ("complete", "7") == (second.result.outcome, second.result.digits)


SETTLED = "1.0 partial one two three four\n1.2 partial one two three four"


@pytest.mark.parametrize(
    ("late", "stops"),
    [
        pytest.param(
            "1.8 final one two three four", [], id="the final result of what was believed"
        ),
        pytest.param(
            "1.6 partial one two three four\n1.9 final one two three four", [], id="and a partial"
        ),
        pytest.param("1.8 final one two three for", [], id="a word mended"),
        pytest.param(
            "1.8 final one two three four | won too three four", [], id="with alternatives"
        ),
        pytest.param(
            "2.5 partial yes", [2.5], id="another speech: the recogniser was started anew"
        ),
        pytest.param(
            "5.0 partial one two three four", [5.0], id="the same words, too late to be the same"
        ),
    ],
)
def test_words_that_were_believed_are_no_answer_to_the_next_question(late, stops):
    first = collector(FOUR, SETTLED)
    assert "settled_partial" == first.result.how
    second = after(first, late)

    assert stops == [each.at for each in second.decisions() if isinstance(each, StopPrompt)]


def test_what_is_said_after_them_is():
    second = after(
        collector(FOUR, SETTLED),
        "2.0 partial one two three four five\n3.0 final one two three four five six",
    )
    play(second, "9.0 prompt ends")

    assert "56" == second.result.digits


def test_believed_words_do_not_confirm_their_own_read_back():
    first = collector(FOUR, SETTLED)
    second = Confirmer(FOUR, "1234", opened_at=1.5, prompt_playing=True, trail=first.result.trail)
    play(second, "1.9 final one two three four", to_the_end=False)

    assert second.result is None


def test_words_in_the_middle_of_which_a_key_completed_the_answer_are_passed_over():
    first = collector(FOUR, "1.0 keys 123\n1.5 partial five\n1.6 key 9")
    second = after(first, "1.9 partial five\n2.2 final five")
    play(second, "9.0 prompt ends")

    assert ("1239", "no_input") == (first.result.digits, second.result.outcome)


def test_a_trail_of_a_private_collection_shows_nothing():
    spec = Collection(min_digits=4, max_digits=4, is_pii=True, speech=Speech())
    trail = collector(spec, SETTLED).result.trail
    keyed = collector(spec, "1.0 keys 7777").result.trail

    assert isinstance(trail.words, Pii)
    assert {Pii} == {type(press.key) for press in keyed.presses}
    assert "one" not in repr(trail)
    assert "7" not in repr(keyed.end_keys) + repr(keyed)[: repr(keyed).index("end_keys_until")]


PRIVATE = Collection(
    min_digits=4, max_digits=4, end_keys=frozenset("#"), is_pii=True, speech=Speech()
)


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param("1.0 partial four five\n1.5 key #", id="an end key"),
        pytest.param("1.0 partial four five\n1.2 partial four five\n1.4 keys 1234", id="keys"),
        pytest.param(SETTLED, id="a partial that stayed"),
    ],
)
@pytest.mark.parametrize(
    "rest",
    [
        "2.0 partial one two three four five six\n2.6 final one two three four five six seven",
        "2.0 partial four five six seven eight nine\n2.6 final four five six seven eight nine",
        "2.0 partial nine eight nine eight\n2.6 final nine eight nine eight",
        "1.9 final six eight nine nine",
        "1.9 partial six\n3.7 partial six eight\n5.5 partial six eight nine\n6.5 final six eight nine",
    ],
)
def test_speech_that_began_in_a_private_step_is_an_answer_nowhere_else(ending, rest):
    first = collector(PRIVATE, ending)
    second = after(first, rest)
    assert second.result is None
    play(second, "9.0 prompt ends\n9.5 final eight")

    assert ("8", ["eight"]) == (
        second.result.digits,
        [each.text for each in second.result.alternatives],
    )


def test_speech_that_began_in_a_private_step_stays_hidden_to_its_end():
    second = after(collector(PRIVATE, SETTLED), "2.0 partial one two three four five")
    assert second.hides_speech("one two", 2.2, final=False)
    play(second, "2.3 keys 1234", to_the_end=False)
    third = after(second, "2.8 partial one two three four five six")

    assert isinstance(second.result.trail.words, Pii)
    assert third.hides_speech("one two", 2.8, final=False)
    play(third, "3.0 final one two three four five six", to_the_end=False)
    assert not third.hides_speech("eight", 3.1, final=False)


UNHEARD = "1.0 keys 1234"
"""A private step ends; somebody may be speaking, and the recogniser has said nothing of it yet."""


@pytest.mark.parametrize(
    "late",
    [
        pytest.param("1.4 partial five", id="at once"),
        pytest.param("1.7 final four five five six", id="more than can be said since"),
        pytest.param("1.4 partial four\n2.4 final four five five six", id="and its final result"),
    ],
)
def test_P13_speech_that_must_have_begun_in_a_private_step_is_no_answer(late):
    second = after(collector(PRIVATE, UNHEARD), late)
    assert second.result is None
    play(second, "9.0 prompt ends\n9.5 final eight")

    assert ("8", False) == (second.result.digits, isinstance(second.result.digits, Pii))


@pytest.mark.parametrize(
    ("late", "hidden"),
    [
        pytest.param("1.9 partial four\n3.0 final four five five six", True, id="slowly"),
        pytest.param("5.2 final four five five six", True, id="with no partial result"),
        pytest.param("5.4 final four five five six", False, id="later"),
        pytest.param("2.9 partial four\n3.9 final four five five six", False, id="words later"),
        pytest.param("1.9 final seven\n2.4 final four five five six", True, id="the first speech"),
        pytest.param("1.5 final four\n4.0 final four five five six", False, id="a second one"),
    ],
)
def test_P13_speech_that_may_have_begun_in_a_private_step_is_private(late, hidden):
    second = after(collector(PRIVATE, UNHEARD), late)
    play(second, "9.0 prompt ends")

    assert hidden == isinstance(second.result.digits, Pii)
    assert hidden == all(isinstance(each.text, Pii) for each in second.result.alternatives)


def test_P13_what_is_said_after_a_private_answer_by_voice_has_begun_after_it():
    first = collector(PRIVATE, "1.0 final one two three four")
    second = after(first, "1.6 partial four five five six\n2.0 final four five five six")
    play(second, "9.0 prompt ends")

    assert "4556" == second.result.digits
    assert not isinstance(second.result.digits, Pii)


def test_P13_it_is_private_two_steps_later_too():
    second = after(collector(PRIVATE, UNHEARD), "2.4 keys 5678")
    third = after(second, "2.8 final four five five six")

    assert isinstance(third.result.digits, Pii)


def test_P13_another_report_of_a_private_press_is_private():
    second = after(collector(PRIVATE, UNHEARD), "")

    assert second.hides_key("4", 1.34, "INBAND_AUDIO")
    assert not second.hides_key("4", 1.34, "RTP")
    assert not second.hides_key("5", 1.34, "INBAND_AUDIO")
    assert not second.hides_key("4", 1.9, "INBAND_AUDIO")
    assert not after(collector(FOUR, UNHEARD), "").hides_key("4", 1.34, "INBAND_AUDIO")


def test_speech_goes_on_from_one_private_step_to_the_next_as_ever():
    second = after(
        collector(PRIVATE, SETTLED), "2.0 final one two three four five six", spec=PRIVATE
    )
    play(second, "9.0 prompt ends")

    assert "56" == second.result.digits


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [
        pytest.param("1.4 keys 5678", True, id="the surplus"),
        pytest.param("2.1 keys 5678", True, id="a slow finger"),
        pytest.param("2.5 keys 5678", False, id="an answer"),
        pytest.param("1.4 key #\n2.5 keys 5678", False, id="the end key, then an answer"),
    ],
)
@pytest.mark.parametrize("ahead", [False, True])
def test_the_surplus_of_a_private_answer_is_private(keys, hidden, ahead):
    first = collector(PRIVATE, "1.0 keys 1234")
    if ahead:
        play(first, keys)
        second = Collector(
            FOUR,
            opened_at=3.5,
            prompt_playing=True,
            typed_ahead=first.left_over,
            trail=first.result.trail,
        )
    else:
        second = after(first, keys)

    assert "5678" == second.result.digits
    assert hidden == isinstance(second.result.digits, Pii) == second.spec.is_pii
    assert hidden == all(isinstance(press.key, Pii) for press in second.result.trail.presses[-4:])


def test_the_words_that_are_left_keep_their_own_confidences():
    first = collector(FOUR, SETTLED)
    second = Collector(FOUR, opened_at=1.4, prompt_playing=True, trail=first.result.trail)
    said = ["one", "two", "three", "four", "five", "six"]
    timed = tuple((word, 0.9 if place < 5 else 0.6) for place, word in enumerate(said))
    second.final([Alternative(" ".join(said), 0.2, timed)], 2.0)
    play(second, "9.0 prompt ends")

    assert ("56", 0.6) == (second.result.digits, second.result.confidence)

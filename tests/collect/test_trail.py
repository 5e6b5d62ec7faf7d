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


def test_the_words_that_are_left_keep_their_own_confidences():
    first = collector(FOUR, SETTLED)
    second = Collector(FOUR, opened_at=1.4, prompt_playing=True, trail=first.result.trail)
    said = ["one", "two", "three", "four", "five", "six"]
    timed = tuple((word, 0.9 if place < 5 else 0.6) for place, word in enumerate(said))
    second.final([Alternative(" ".join(said), 0.2, timed)], 2.0)
    play(second, "9.0 prompt ends")

    assert ("56", 0.6) == (second.result.digits, second.result.confidence)

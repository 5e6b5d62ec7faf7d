"""MISSION.md, section 2: digit capture as a setting of a step, the rows that are about collecting."""

from __future__ import annotations

import pytest

from fsflows.collect import (
    BargeIn,
    Cause,
    Collection,
    Collector,
    Escape,
    Ignored,
    Speech,
    StopPrompt,
    TypeAhead,
    Validation,
    Why,
    problems,
)

from .scenario import attempt, collector, ending, play

FOUR = Collection(min_digits=4, max_digits=4)


def test_P1_the_defaults_of_the_panel():
    assert (5.0, 2.0, frozenset(), False) == (
        Collection().first_digit_timeout,
        Collection().inter_digit_timeout,
        Collection().end_keys,
        Collection().is_pii,
    )
    assert [] == problems(Collection())


@pytest.mark.parametrize("digits", [1, 32, None])
def test_P1_one_to_thirty_two_digits_or_no_limit(digits):
    spec = Collection(min_digits=1, max_digits=digits)

    assert [] == problems(spec)
    assert "5" * (digits or 40) == attempt(spec, f"1.0 keys {'5' * (digits or 40)}").digits


@pytest.mark.parametrize(
    "field", ["first_digit_timeout", "inter_digit_timeout", "collection_timeout"]
)
def test_P1_milliseconds_taken_for_seconds_are_found_before_any_call(field):
    found = problems(Collection(**{field: 3000}))

    text = "must be at most 120 seconds, got 3000; 3000 looks like milliseconds, write 3"
    assert [(field, text)] == found


def test_P1_the_end_key_can_be_none_and_then_ends_nothing():
    assert ("too_short", "inter_digit_timeout", "12") == ending(FOUR, "1.0 keys 12#")[:3]


@pytest.mark.parametrize(
    ("policy", "stops", "digits"),
    [
        (BargeIn.INTERRUPT, True, "1234"),
        (BargeIn.COLLECT, False, "1234"),
        (BargeIn.IGNORE, False, ""),
    ],
)
def test_P5_keys_while_the_agent_speaks(policy, stops, digits):
    spec = Collection(min_digits=4, max_digits=4, barge_in=policy)
    listener = collector(
        spec,
        """1.0 keys 1234
           6.0 prompt ends""",
        prompt=True,
    )
    decisions = listener.decisions()

    assert digits == listener.result.digits
    assert stops == any(isinstance(each, StopPrompt) for each in decisions)
    assert (not digits) == any(each == Ignored("1", Why.PROMPT) for each in decisions)


def test_P5_digits_collected_quietly_wait_for_the_rest_until_the_prompt_has_ended():
    spec = Collection(min_digits=4, max_digits=4, barge_in=BargeIn.COLLECT)

    assert ("too_short", "inter_digit_timeout", "12", 32.0) == ending(
        spec,
        """1.0 keys 12
           30.0 prompt ends""",
        prompt=True,
    )


@pytest.mark.parametrize(
    "scenario",
    [
        "1.0 keys 1234",
        "1.0 final one two three four",
        """1.0 partial one two
           1.4 keys 12
           1.8 final nothing at all
           2.5 keys 34""",
    ],
)
def test_P6_either_keys_or_speech_may_answer(scenario):
    assert ("complete", "1234") == ending(FOUR, scenario)[::2][:2]


def test_P7_silence_costs_the_first_digit_timeout_and_no_more():
    spec = Collection(first_digit_timeout=3.0)

    assert ("no_input", "first_digit_timeout", "", 3.0) == ending(spec)


@pytest.mark.parametrize(
    ("spec", "scenario", "at"),
    [
        (Collection(), "1.0 key 1", 1.0),
        (FOUR, "1.0 final one two three four", 1.0),
        (Collection(max_digits=8, end_keys=frozenset("#")), "1.0 keys 1234#", 1.4),
        (Collection(max_digits=8), "1.0 final one two three four pound", 1.0),
        (
            Collection(max_digits=8, validation=Validation(values=frozenset({"10", "2"}))),
            "1.0 key 2",
            1.0,
        ),
    ],
)
def test_P7_no_delay_is_added_to_a_finished_answer(spec, scenario, at):
    result = attempt(spec, scenario)

    assert ("complete", at) == (result.outcome, round(result.ended_at, 3))


@pytest.mark.parametrize(("key", "digits"), [("1", "1"), ("2", "2"), ("*", "*")])
def test_P11_different_keys_are_different_answers(key, digits):
    """A list of values makes `*` and `#` choices of a menu."""
    spec = Collection(validation=Validation(values=frozenset({"1", "2", "*"})))

    assert ("complete", "length", digits, 1.0) == ending(spec, f"1.0 key {key}")


def test_P11_a_key_that_is_no_choice_is_no_match_and_kept():
    spec = Collection(validation=Validation(values=frozenset({"1", "2"})))
    result = attempt(spec, "1.0 key 7")

    assert ("no_match", "7", "values") == (result.outcome, result.digits, result.failure.reason)


@pytest.mark.parametrize(
    ("said", "digits"), [("yes", "1"), ("yeah", "1"), ("no", "2"), ("no thanks", "2")]
)
def test_P2_yes_and_no_are_the_keys_one_and_two_where_they_are_expected(said, digits):
    spec = Collection(speech=Speech(preset="yes_no"))

    assert ("complete", "length", digits) == ending(spec, f"1.0 final {said}")[:3]


def test_P2_a_yes_further_down_the_alternatives_is_found_when_nothing_else_is():
    spec = Collection(speech=Speech(preset="yes_no"))

    assert ("complete", "1") == ending(spec, "1.0 final yeast | yes")[::2][:2]
    assert ("no_match", "") == ending(spec, "1.0 final what | who")[::2][:2]


@pytest.mark.parametrize(
    ("policy", "keys"),
    [
        (BargeIn.INTERRUPT, "#*0123456789"),
        (BargeIn.COLLECT, "0"),
        (BargeIn.IGNORE, ""),
    ],
)
def test_P5_the_keys_that_freeswitch_may_stop_the_prompt_at(policy, keys):
    spec = Collection(
        end_keys=frozenset("#"),
        clear_keys=frozenset("*"),
        escape=Escape(keys=frozenset("0")),
        barge_in=policy,
    )

    assert keys == "".join(sorted(spec.interrupting_keys))


def test_P2_keywords_pick_an_alternative_and_letters_count_where_they_are_expected():
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(preset="alphanumeric"))

    assert "A1B2" == attempt(spec, "1.0 final alpha one bravo two").digits


@pytest.mark.parametrize(("type_ahead", "digits"), [(TypeAhead.KEEP, "12"), (TypeAhead.FLUSH, "")])
def test_P3_keys_pressed_ahead_of_capture_are_kept_or_flushed(type_ahead, digits):
    spec = Collection(min_digits=4, max_digits=4, type_ahead=type_ahead)

    assert digits == attempt(spec, typed_ahead=[("1", -0.9), ("2", -0.4)]).digits


def test_P4_without_a_greeting_capture_is_the_first_thing_and_silence_counts_from_it():
    listener = Collector(FOUR, opened_at=100.0, prompt_playing=False)

    assert 105.0 == listener.deadline


def test_P5_an_escape_stops_a_prompt_that_digits_do_not():
    spec = Collection(barge_in=BargeIn.COLLECT, escape=Escape(keys=frozenset("0")))
    listener = play(Collector(spec, opened_at=0.0, prompt_playing=True), "1.0 key 0")

    assert [StopPrompt(1.0, Cause.ESCAPE)] == listener.decisions()
    assert "escaped" == listener.result.outcome

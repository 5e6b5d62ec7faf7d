"""Each timer: what starts it, what holds it, what it leads to. docs/timers.md is the drawing of this."""

from __future__ import annotations

import pytest

from fsflows.collect import BargeIn, Collection, Collector, Speech

from .scenario import attempt, ending, feed, lines, play

FOUR = Collection(min_digits=4, max_digits=4)
ANY = Collection(min_digits=1, max_digits=None)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        pytest.param("", ("no_input", "first_digit_timeout", "", 5.0), id="silence"),
        pytest.param(
            "1.0 final hello",
            ("no_match", "end_of_speech", "", 5.0),
            id="a word does not cut it short",
        ),
        pytest.param(
            "4.5 final hello",
            ("no_match", "end_of_speech", "", 6.5),
            id="a word at its end is heard out",
        ),
        pytest.param(
            "4.5 partial hello\n6.4 partial hello i",
            ("no_input", "first_digit_timeout", "", 8.4),
            id="it is held while somebody speaks, and a partial that is taken back is nothing",
        ),
        pytest.param(
            "1.0 key A", ("no_input", "first_digit_timeout", "", 5.0), id="no key stops nothing"
        ),
    ],
)
def test_the_first_digit_timer(scenario, expected):
    assert expected == ending(ANY, scenario)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        pytest.param("1.0 key 1", ("inter_digit_timeout", "1", 3.0), id="after a key"),
        pytest.param(
            "1.0 key 1\n2.9 key 2", ("inter_digit_timeout", "12", 4.9), id="restarted by each"
        ),
        pytest.param(
            "1.0 key 1\n2.9 key A", ("inter_digit_timeout", "1", 3.0), id="not by what is no key"
        ),
        pytest.param("1.0 final one", ("end_of_speech", "1", 3.0), id="after speech"),
        pytest.param(
            "1.0 key 1\n2.0 final um",
            ("inter_digit_timeout", "1", 4.0),
            id="words are heard out too",
        ),
        pytest.param(
            "1.0 key 1\n2.9 partial two\n4.8 partial two three\n5.0 final two three",
            ("end_of_speech", "123", 7.0),
            id="held while the caller speaks",
        ),
        pytest.param(
            "1.0 final one\n2.0 key 2", ("inter_digit_timeout", "12", 4.0), id="a key after speech"
        ),
    ],
)
def test_the_inter_digit_and_the_end_of_speech_timer(scenario, expected):
    assert ("complete", *expected) == ending(ANY, scenario)


def test_no_silence_counts_while_a_prompt_plays():
    spec = Collection(max_digits=None, barge_in=BargeIn.COLLECT)
    listener = Collector(spec, opened_at=0.0, prompt_playing=True)
    assert listener.deadline is None
    listener.key("1", 1.0)

    assert listener.deadline is None


def test_the_whole_collection_has_a_limit_of_its_own_even_under_a_prompt():
    spec = Collection(max_digits=None, collection_timeout=8.0)
    listener = Collector(spec, opened_at=2.0, prompt_playing=True)

    assert 10.0 == listener.deadline


def test_a_recogniser_that_goes_silent_holds_the_timers_no_longer_than_partial_timeout():
    """Seen twice and 0.4 s apart, its words are believed; seen once, they were taken back."""
    stable = "1.0 partial one two\n1.4 partial one two"

    assert ("too_short", "end_of_speech", "12", 3.4) == ending(FOUR, stable)
    assert ("no_input", "first_digit_timeout", "", 5.0) == ending(FOUR, "1.0 partial one two")
    assert ("too_short", "inter_digit_timeout", "7", 3.5) == ending(
        FOUR, "0.5 key 7\n1.5 partial two"
    )


def test_the_final_result_of_a_partial_that_was_believed_is_not_added_again():
    scenario = """
        1.0 partial one two
        1.4 partial one two
        3.0 key 3
        3.5 final one two
        4.0 key 4"""

    assert ("complete", "length", "1234", 4.0) == ending(FOUR, scenario)


def test_a_television_holds_a_call_no_longer_than_hold_limit():
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(hold_limit=10.0))
    chatter = [f"{1 + second} partial and now the weather {second}" for second in range(60)]

    assert ("too_short", "inter_digit_timeout", "7", 10.5) == ending(
        spec, "\n".join(["0.5 key 7", *chatter])
    )
    assert ("no_match", "end_of_speech", "", 10.0) == ending(spec, "\n".join(chatter))
    assert ("no_match", "end_of_speech", "", 10.0) == ending(
        spec, "\n".join(f"{1.5 * second} final and now the weather" for second in range(60))
    )


def test_a_caller_who_goes_on_saying_digits_is_not_limited():
    spec = Collection(max_digits=None, speech=Speech(hold_limit=3.0))
    said = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    scenario = [f"{count}.0 partial {' '.join(said[:count])}" for count in range(1, 9)]

    assert "12345678" == attempt(spec, "\n".join([*scenario, f"9.0 final {' '.join(said)}"])).digits


def test_a_partial_settles_when_its_words_stay_the_same():
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(settle_time=0.7))
    scenario = """
        1.0 partial one two three
        1.4 partial one two three four
        1.6 partial one two three four
        1.8 partial one two three four"""

    assert ("complete", "settled_partial", "1234", 2.1) == ending(spec, scenario)


def test_time_is_taken_from_the_inputs_and_a_slow_server_changes_nothing():
    """The deadline has long passed when the key is looked at; the key had come before it."""
    listener = Collector(FOUR, opened_at=0.0, prompt_playing=False)
    for line in lines("1.0 key 1\n2.9 key 2\n4.8 key 3\n6.7 key 4"):
        feed(listener, line)
    listener.advance(60.0)

    assert ("complete", "1234", 6.7) == (
        listener.result.outcome,
        listener.result.digits,
        listener.result.ended_at,
    )


def test_a_deadline_that_is_noticed_late_ended_when_it_was_due():
    listener = Collector(FOUR, opened_at=0.0, prompt_playing=False)
    listener.advance(60.0)

    assert 5.0 == listener.result.ended_at


def test_inputs_with_times_out_of_order_count_as_simultaneous():
    assert ("complete", "length", "1234", 2.0) == ending(
        FOUR, "2.0 key 1\n1.9 key 2\n1.5 key 3\n1.99 key 4"
    )


def test_a_deadline_comes_before_an_input_at_the_same_time():
    listener = play(Collector(FOUR, opened_at=0.0, prompt_playing=False), "1.0 key 1\n3.0 key 2")

    assert "1" == listener.result.digits
    assert ["2"] == [key.key for key in listener.left_over]


def test_a_lost_recogniser_leaves_what_it_heard_and_the_keys_go_on():
    scenario = """
        1.0 partial one two
        1.1 speech lost
        2.0 keys 34"""

    assert ("complete", "length", "1234", 2.1) == ending(FOUR, scenario)
    assert ("no_input", "first_digit_timeout", "", 5.0) == ending(FOUR, "1.0 speech lost")


@pytest.mark.parametrize("nothing", ["1.0 partial", "1.0 final", "1.0 wait", "1.0 prompt ends"])
def test_nothing_changes_nothing(nothing):
    assert ("no_input", "first_digit_timeout", "", 5.0) == ending(FOUR, nothing)


def test_a_step_without_speech_hears_none():
    spec = Collection(min_digits=4, max_digits=4, speech=None)

    assert ("no_input", "first_digit_timeout", "", 5.0) == ending(
        spec, "1.0 partial one two\n4.0 final one two three four"
    )


def test_a_real_recogniser_and_a_real_key():
    """The times at which FreeSWITCH and mod_vosk gave these: a key in the middle of three words."""
    spec = Collection(min_digits=4, max_digits=4)
    scenario = """
        0.913 partial one
        1.114 partial one two
        1.214 key 5
        1.315 partial one two
        1.516 partial one two three
        1.718 final one two three"""

    assert ("complete", "length", "1235", 1.718) == ending(spec, scenario)

"""MISSION.md, "Beyond both": the rows that are about collecting."""

from __future__ import annotations

import pytest

from fsflows.call.happenings import KeyPressed
from fsflows.collect import (
    Cause,
    Collection,
    Collector,
    Dialogue,
    Done,
    Escape,
    Ignored,
    Key,
    Policy,
    Prompt,
    PromptKind,
    Source,
    Speech,
    StopPrompt,
    TypeAhead,
    Validation,
    Why,
)

from .scenario import attempt, collector, ending, play

FOUR = Collection(min_digits=4, max_digits=4)
SEVEN = Collection(min_digits=7, max_digits=7)
HASH = Collection(min_digits=2, max_digits=9, end_keys=frozenset("#"), clear_keys=frozenset("*"))
OPERATOR = Escape(keys=frozenset("0"), words=("operator", "agent please"))
CARD = Collection(min_digits=16, max_digits=16, validation=Validation(check="luhn"))

# --- 1: one buffer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "digits"),
    [
        (
            """1.0 key 1
               2.0 final two
               3.0 key 3
               4.0 final four""",
            "1234",
        ),
        (
            # The words were spoken before the keys, though their final result comes after them.
            """1.0 partial one
               1.4 partial one two
               1.6 keys 34
               2.0 final one two""",
            "1234",
        ),
        (
            # The first word was noise: the digits come after the key.
            """1.0 partial the
               1.2 key 1
               1.8 partial the two three four
               2.6 final two three four""",
            "1234",
        ),
    ],
)
def test_beyond_1_one_buffer_in_the_order_in_which_things_came(scenario, digits):
    result = attempt(FOUR, scenario)

    assert ("complete", digits, Source.BOTH) == (result.outcome, result.digits, result.source)


def test_beyond_1_an_end_key_still_works_when_speech_came_first():
    spec = Collection(max_digits=9, end_keys=frozenset("#"), policy=Policy.FIRST_WINS)

    assert ("complete", "end_key", "12", 2.0) == ending(spec, "1.0 final one two\n2.0 key #")


def test_beyond_1_speech_that_keys_have_shut_out_holds_no_timer():
    spec = Collection(min_digits=4, max_digits=4, policy=Policy.KEYS_WIN)
    scenario = """
        1.0 key 1
        1.5 partial two
        2.5 partial two three"""

    assert ("too_short", "inter_digit_timeout", "1", 3.0) == ending(spec, scenario)


# --- 3: spoken keys and edits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("1.0 final one two three pound", ("complete", "end_word", "123")),
        ("1.0 final one two three\n2.0 final hash", ("complete", "end_word", "123")),
        ("1.0 keys 12\n2.0 final pound", ("complete", "end_word", "12")),
        ("1.0 final one two start over three four five pound", ("complete", "end_word", "345")),
        ("1.0 keys 12\n2.0 final start over\n3.0 keys 345#", ("complete", "end_key", "345")),
        ("1.0 final one two star three four pound", ("complete", "end_word", "34")),
        ("1.0 keys 12*34#", ("complete", "end_key", "34")),
        ("1.0 final one two no wait five pound", ("complete", "end_word", "15")),
        ("1.0 final one two\n2.0 final no wait five pound", ("complete", "end_word", "15")),
        ("1.0 keys 12\n2.0 final no wait five pound", ("complete", "end_word", "15")),
    ],
)
def test_beyond_3_spoken_keys_and_edits(scenario, expected):
    assert expected == ending(HASH, scenario)[:3]


def test_beyond_3_a_cleared_caller_gets_the_time_of_a_first_digit_again():
    assert ("no_input", "first_digit_timeout", "", 6.2) == ending(HASH, "1.0 keys 12*")


def test_beyond_3_words_said_before_the_clear_key_stay_cleared():
    scenario = """
        1.0 partial one two
        1.3 key *
        1.6 partial one two three
        2.0 final one two three four
        2.5 key #"""

    assert ("complete", "end_key", "34", 2.5) == ending(HASH, scenario)


def test_beyond_3_an_end_key_in_the_middle_of_speech_waits_for_the_last_words():
    scenario = """
        1.0 partial one two
        1.2 key #
        1.5 final one two three"""

    assert ("complete", "end_key", "123", 1.5) == ending(HASH, scenario)


@pytest.mark.parametrize(
    ("scenario", "at"),
    [
        ("1.0 partial one two\n1.2 key #", 1.6),
        ("1.0 partial one two\n1.2 key #\n1.4 partial one two", 1.6),
        ("1.0 partial one two\n1.2 key #\n1.5 partial one two three", 1.9),
        ("1.0 partial one two\n1.2 key #\n1.3 speech lost", 1.3),
        # the recogniser goes on and on, and never comes to an end
        (
            "1.0 partial one two\n1.2 key #"
            + "".join(f"\n{1.3 + n / 5} partial one two {n}" for n in range(20)),
            3.2,
        ),
    ],
)
def test_beyond_3_but_not_for_long(scenario, at):
    result = attempt(HASH, scenario)

    assert ("complete", "end_key", at) == (result.outcome, result.how, round(result.ended_at, 3))


def test_beyond_3_nor_at_all_when_the_words_are_complete_already():
    spec = Collection(min_digits=4, max_digits=4, end_keys=frozenset("#"))

    assert ("complete", "end_key", "1234", 1.1) == ending(
        spec, "1.0 partial one two three four\n1.1 key #"
    )


def test_beyond_3_a_key_after_that_end_key_is_typed_ahead_for_the_next_step():
    listener = collector(HASH, "1.0 partial one two\n1.2 key #\n1.3 key 7")

    assert ("complete", "12") == (listener.result.outcome, listener.result.digits)
    assert (Key("7", 1.3),) == listener.left_over


def test_beyond_3_an_end_key_with_nothing_before_it_is_an_answer_too_short():
    assert ("too_short", "end_key", "", 1.0) == ending(HASH, "1.0 key #")
    assert ("complete", "end_key", "", 1.0) == ending(
        Collection(min_digits=0, max_digits=4, end_keys=frozenset("#")), "1.0 key #"
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("pound", ("complete", "length", "#")),
        ("press the pound key please", ("complete", "length", "#")),
        ("star", ("complete", "length", "*")),
        ("that's all", ("too_short", "end_word", "")),
    ],
)
def test_beyond_3_the_name_of_a_key_is_that_choice_where_there_is_one(said, expected):
    menu = Collection(
        min_digits=1, max_digits=1, validation=Validation(values=frozenset({"1", "*", "#"}))
    )

    assert expected == ending(menu, f"1.0 final {said}")[:3]


# --- 4: length-aware endpointing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (  # patient while digits are missing: 1.9 s between the finals
            """1.0 final five five five
               2.9 final one two
               4.8 final one two""",
            ("complete", "length", "5551212", 4.8),
        ),
        (  # impatient when they stay missing
            "1.0 final five five five",
            ("too_short", "end_of_speech", "555", 3.0),
        ),
        (  # instant when complete, in a partial that stays the same for 0.4 s
            """1.0 partial five five five one two
               1.4 partial five five five one two one two
               1.6 partial five five five one two one two
               9.0 final five five five one two one two""",
            ("complete", "settled_partial", "5551212", 1.8),
        ),
        (  # but not in one that goes on changing
            """1.0 partial five five five one two one two
               1.3 partial five five five one two one two no
               1.6 partial five five five one two one two no wait
               1.9 partial five five five one two one two no wait three
               2.2 final five five five one two one two no wait three""",
            ("complete", "length", "5551213", 2.2),
        ),
        (  # keys count for the length too
            """1.0 keys 555
               2.0 partial one two one two""",
            ("complete", "settled_partial", "5551212", 2.4),
        ),
    ],
)
def test_beyond_4_patient_while_digits_are_missing_instant_when_complete(scenario, expected):
    assert expected == ending(SEVEN, scenario)


def test_beyond_4_a_range_is_never_finished_by_a_partial():
    spec = Collection(min_digits=2, max_digits=7)
    scenario = """
        1.0 partial five five five one two one two
        1.8 partial five five five one two one two"""

    assert ("complete", "length", "5551212", 3.8) == ending(spec, scenario)


def test_beyond_4_a_caller_who_begins_again_is_not_heard_twice():
    scenario = """
        1.0 final five five five
        2.5 final five five five one two one two"""

    assert ("complete", "length", "5551212", 2.5) == ending(SEVEN, scenario)


@pytest.mark.parametrize(
    ("spec", "scenario", "digits"),
    [
        (FOUR, "1.0 final one two double\n2.0 final five", "1255"),
        (FOUR, "1.0 final one two double | one two trouble\n2.0 final five", "1255"),
        (FOUR, "1.0 final uh triple\n2.0 final five six", "5556"),
        (FOUR, "1.0 final one double uh\n2.0 partial five six\n2.8 wait", "1556"),
        (FOUR, "1.0 final one two three\n2.0 final no wait\n3.0 final five six", "1256"),
        (FOUR, "1.0 keys 123\n2.0 final sorry i meant\n3.0 final four five", "1245"),
        (FOUR, "1.0 final one two three oh sorry\n2.0 final four five", "1245"),
        (FOUR, "1.0 final one two three sorry\n2.0 final one two three four", "1234"),
        # "No one" is nobody, but not here.
        (FOUR, "1.0 final one two three\n2.0 final no\n3.0 final one five", "1215"),
        (FOUR, "1.0 keys 12\n2.0 final no one\n3.0 final five six", "1156"),
        (FOUR, "1.0 final no\n2.0 final one two three four", "1234"),
        # A key, or a new beginning, is not what was announced.
        (FOUR, "1.0 final one two double\n2.0 key 3\n3.0 final four", "1234"),
        (FOUR, "1.0 final one two double\n2.0 final start over one two three four", "1234"),
        (HASH, "1.0 final one two double\n1.5 key *\n2.0 final three four\n2.5 key #", "34"),
        (FOUR, "1.0 final triple\n2.0 final double one two three", "1123"),
        # With nothing behind it, it is nothing.
        (HASH, "1.0 final one two double\n2.5 key #", "12"),
    ],
)
def test_beyond_4_words_about_the_next_digits_wait_for_them(spec, scenario, digits):
    assert digits == attempt(spec, scenario).digits


def test_beyond_4_a_number_that_goes_on_is_not_whole():
    listener = Collector(
        Collection(min_digits=2, max_digits=2), opened_at=0.0, prompt_playing=False
    )
    play(listener, "1.0 partial one two double\n1.9 wait", to_the_end=False)

    assert listener.result is None


def test_beyond_4_no_is_an_answer_where_it_is_a_key():
    spec = Collection(min_digits=1, max_digits=2, speech=Speech(preset="yes_no"))

    assert "21" == attempt(spec, "1.0 final no\n2.0 final one").digits


# --- 5: the alternative that fits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "scenario", "digits"),
    [
        (FOUR, "1.0 final one two three | one two three four", "1234"),
        (FOUR, "1.0 final fifty sixty one", "5061"),
        (
            Collection(min_digits=4, max_digits=4, validation=Validation(pattern=r"9\d{3}")),
            "1.0 final five two three four | nine two three four",
            "9234",
        ),
        (
            CARD,
            """1.0 final four one one one
               2.0 final one one one one
               3.0 final one one one one
               4.0 final one one one nine | one one one one""",
            "4111111111111111",
        ),
        (  # the wrong digit was in an utterance long past; the check digit, which comes last, tells
            CARD,
            """1.0 final four one one nine | four one one one
               2.0 final one one one one
               3.0 final one one one one
               4.0 final one one one one""",
            "4111111111111111",
        ),
    ],
)
def test_beyond_5_the_alternative_that_fits_length_pattern_or_check_digit(spec, scenario, digits):
    result = attempt(spec, scenario)

    assert ("complete", digits) == (result.outcome, result.digits)


def test_beyond_5_when_none_fits_the_best_is_kept():
    result = attempt(CARD, "1.0 final four one one one | four one one nine")

    assert ("too_short", "4111") == (result.outcome, result.digits)
    assert ["four one one one", "four one one nine"] == [each.text for each in result.alternatives]


# --- 6: an outcome for every ending -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "scenario", "expected"),
    [
        (FOUR, "1.0 keys 1234", ("complete", "length", "1234")),
        (FOUR, "", ("no_input", "first_digit_timeout", "")),
        (FOUR, "1.0 final i want to talk to someone", ("no_match", "end_of_speech", "")),
        (FOUR, "1.0 keys 12", ("too_short", "inter_digit_timeout", "12")),
        (FOUR, "1.0 final one two three four five", ("too_long", "length", "12345")),
        (FOUR, "1.0 keys 12\n1.5 hangup", ("hangup", "hangup", "12")),
        (FOUR, "1.0 partial one two\n1.5 hangup", ("hangup", "hangup", "12")),
        (Collection(escape=OPERATOR), "1.0 key 0", ("escaped", "escape_key", "")),
        (
            Collection(min_digits=4, max_digits=4, escape=OPERATOR),
            "1.0 keys 12\n1.5 final operator",
            ("escaped", "escape_word", "12"),
        ),
        (CARD, "1.0 keys 4111111111111112", ("no_match", "length", "4111111111111112")),
        (
            Collection(max_digits=None, collection_timeout=5.0),
            "1.0 keys 12\n2.5 keys 34\n4.0 keys 56",
            ("complete", "collection_timeout", "123456"),
        ),
        (
            Collection(min_digits=4, max_digits=4, collection_timeout=2.0),
            "1.9 partial one two",
            ("too_short", "collection_timeout", "12"),
        ),
    ],
)
def test_beyond_6_an_outcome_for_every_ending_with_what_there_was(spec, scenario, expected):
    assert expected == ending(spec, scenario)[:3]


# --- 7: keys during a prompt --------------------------------------------------------------------------------------


def test_beyond_7_the_key_that_interrupts_is_never_lost():
    listener = collector(FOUR, "1.0 keys 1234", prompt=True)

    assert "1234" == listener.result.digits
    assert StopPrompt(1.0, Cause.KEY) == listener.decisions()[0]


@pytest.mark.parametrize(
    ("words", "scenario", "stops"),
    [
        (1, "1.0 partial hello", [1.0]),
        (2, "1.0 partial hello\n1.4 partial hello there", [1.4]),
        (2, "1.0 final hello there", [1.0]),
        (3, "1.0 partial hello there", []),
        (None, "1.0 partial one two three\n1.5 final one two three", []),
    ],
)
def test_beyond_7_speech_stops_a_prompt_at_so_many_words_or_never(words, scenario, stops):
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(barge_in_words=words))
    listener = play(Collector(spec, opened_at=0.0, prompt_playing=True), scenario, to_the_end=False)

    assert stops == [each.at for each in listener.decisions() if isinstance(each, StopPrompt)]


def test_beyond_7_speech_that_does_not_stop_the_prompt_is_heard_all_the_same():
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(barge_in_words=None))

    assert ("complete", "length", "1234", 1.0) == ending(
        spec, "1.0 final one two three four", prompt=True
    )


# --- 8: an escape -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("1.0 key 0", ("escaped", "escape_key", "")),
        ("1.0 keys 1023", ("complete", "length", "1023")),
        ("1.0 keys 12*\n2.0 key 0", ("escaped", "escape_key", "")),
        ("1.0 partial the\n1.2 key 0", ("escaped", "escape_key", "")),
        ("1.0 final can i have the operator", ("escaped", "escape_word", "")),
        ("1.0 keys 12\n2.0 final agent please", ("escaped", "escape_word", "12")),
        ("1.0 final a man please | agent please", ("escaped", "escape_word", "")),
    ],
)
def test_beyond_8_an_escape_key_when_pressed_first_and_an_escape_word_at_any_time(
    scenario, expected
):
    spec = Collection(min_digits=4, max_digits=4, clear_keys=frozenset("*"), escape=OPERATOR)

    assert expected == ending(spec, scenario)[:3]


def test_beyond_8_an_escape_word_is_understood_where_keys_have_shut_out_speech():
    spec = Collection(min_digits=4, max_digits=4, policy=Policy.KEYS_WIN, escape=OPERATOR)

    assert ("escaped", "escape_word", "1") == ending(spec, "1.0 key 1\n2.0 final operator")[:3]


# --- 9: the ladder ------------------------------------------------------------------------------------------------


def ladder(dialogue: Dialogue, *scenarios: str) -> tuple[list[tuple[str, int]], Done]:
    """The prompts of a dialogue whose attempts go as written, and its end."""
    prompts, rest, now = [], list(scenarios), 0.0
    while True:
        match dialogue.next(now):
            case Prompt(kind=kind, attempt=attempt):
                prompts.append((str(kind), attempt))
            case Done() as done:
                return prompts, done
            case todo:
                lines = [line.strip() for line in rest.pop(0).splitlines() if line.strip()]
                later = [
                    f"{now + float(line.split()[0])} {line.split(maxsplit=1)[1]}" for line in lines
                ]
                play(todo.listener, "\n".join(later))
                now += 100.0


def test_beyond_9_a_ladder_with_a_cap():
    prompts, done = ladder(
        Dialogue(FOUR, attempts=3), "", "1.0 keys 12", "1.0 final i don't know it"
    )

    assert [("first", 1), ("no_input", 2), ("too_short", 3)] == prompts
    assert ("no_match", 3) == (done.result.outcome, done.result.attempts)
    assert ["no_input", "too_short", "no_match"] == [
        each.outcome for each in done.result.attempts_log
    ]
    assert ["", "12", ""] == [each.digits for each in done.result.attempts_log]


def test_beyond_9_after_so_many_failures_only_keys_count():
    dialogue = Dialogue(FOUR, attempts=4, keys_only_after=2)
    prompts, done = ladder(
        dialogue, "1.0 final um", "1.0 final well", "1.0 final one two three four", "1.0 keys 1234"
    )

    assert [("first", 1), ("no_match", 2), ("keys_only", 3), ("no_input", 4)] == prompts
    assert ("complete", "1234", Source.KEYS) == (
        done.result.outcome,
        done.result.digits,
        done.result.source,
    )
    assert dialogue.spec.speech is None


def test_beyond_9_the_keys_only_prompt_says_why_it_is_played():
    dialogue = Dialogue(FOUR, keys_only_after=1)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "")
    asked = dialogue.next(9.0)

    assert (PromptKind.KEYS_ONLY, PromptKind.NO_INPUT) == (asked.kind, asked.because)


@pytest.mark.parametrize(
    ("scenario", "outcome"), [("1.0 hangup", "hangup"), ("1.0 key 0", "escaped")]
)
def test_beyond_9_nobody_is_asked_again_who_hung_up_or_escaped(scenario, outcome):
    spec = Collection(min_digits=4, max_digits=4, escape=OPERATOR)
    prompts, done = ladder(Dialogue(spec), scenario)

    assert ([("first", 1)], outcome) == (prompts, done.result.outcome)


# --- 10: type-ahead -----------------------------------------------------------------------------------------------


def test_beyond_10_keys_typed_ahead_complete_a_step_and_stop_its_prompt():
    listener = collector(FOUR, prompt=True, typed_ahead=[(key, -1.0) for key in "1234"])

    assert ("complete", "1234", 0.0) == (
        listener.result.outcome,
        listener.result.digits,
        listener.result.ended_at,
    )
    assert StopPrompt(0.0, Cause.KEY) == listener.decisions()[0]


def test_beyond_10_what_is_typed_further_ahead_is_left_for_the_next_step():
    listener = collector(FOUR, typed_ahead=[(key, -1.0) for key in "123456"])

    assert "1234" == listener.result.digits
    assert ["5", "6"] == [each.key for each in listener.left_over]


def test_beyond_10_silence_after_keys_typed_ahead_counts_from_the_opening():
    assert ("too_short", "inter_digit_timeout", "12", 2.0) == ending(
        FOUR, typed_ahead=[("1", -9.0), ("2", -8.0)]
    )


def test_beyond_10_flushed_keys_are_logged_and_a_second_report_of_one_is_no_key_either():
    spec = Collection(min_digits=4, max_digits=4, type_ahead=TypeAhead.FLUSH)
    listener = collector(spec, "0.02 key 7 INBAND_AUDIO\n1.0 keys 1234", typed_ahead=[("7", -0.01)])

    assert "1234" == listener.result.digits
    assert [Why.FLUSHED, Why.SAME_PRESS] == [
        each.why for each in listener.decisions() if isinstance(each, Ignored)
    ]


# --- 11: one press that arrives twice -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "digits"),
    [
        ("1.00 key 5 RTP\n1.03 key 5 INBAND_AUDIO", "5"),
        ("1.00 key 5 INBAND_AUDIO\n1.05 key 5 RTP", "5"),
        ("3.941 key 5 RTP\n4.001 key 5 INBAND_AUDIO", "5"),  # a little more as floats
        ("1.00 key 5 RTP\n1.05 key 5 RTP", "55"),
        ("1.00 key 5 RTP\n1.08 key 5 INBAND_AUDIO", "55"),
        ("1.00 key 5 RTP\n1.02 key 6 INBAND_AUDIO", "56"),
        # a fast true double press, and both reports of each
        (
            """1.00 key 5 RTP
               1.03 key 5 INBAND_AUDIO
               1.08 key 5 RTP
               1.11 key 5 INBAND_AUDIO""",
            "55",
        ),
        # so fast that the second press is reported before the first was reported twice
        (
            """1.00 key 5 RTP
               1.04 key 5 RTP
               1.05 key 5 INBAND_AUDIO
               1.09 key 5 INBAND_AUDIO""",
            "55",
        ),
    ],
)
def test_beyond_11_one_press_from_two_sources_counts_once_a_true_double_press_twice(
    scenario, digits
):
    assert digits == attempt(Collection(max_digits=None), scenario).digits


@pytest.mark.parametrize(
    ("reports", "digits"),
    [
        # A finger takes 0.2 s: RFC 2833 reports the release, the others what is down (measured: 0.2 s apart).
        ([("ENDPOINT", 1.0, 0.0), ("RTP", 1.22, 0.2)], "5"),
        ([("INBAND_AUDIO", 1.07, 0.0), ("RTP", 1.3, 0.3)], "5"),
        ([("RTP", 1.3, 0.3), ("INBAND_AUDIO", 1.07, 0.0)], "5"),
        (
            [
                ("ENDPOINT", 1.0, 0.0),
                ("RTP", 1.2, 0.2),
                ("ENDPOINT", 1.35, 0.0),
                ("RTP", 1.55, 0.2),
            ],
            "55",
        ),
        ([("ENDPOINT", 1.0, 0.0), ("RTP", 1.15, 0.1)], "5"),
        ([("ENDPOINT", 1.0, 0.0), ("RTP", 1.3, 0.1)], "55"),
    ],
)
def test_beyond_11_a_press_that_takes_its_time_counts_once(reports, digits):
    listener = Collector(Collection(max_digits=None), opened_at=0.0, prompt_playing=False)
    for source, at, held in reports:
        listener.key("5", at, source, held)
    listener.advance(60.0)
    assert digits == listener.result.digits


def test_beyond_11_how_long_a_key_was_down_only_rfc_2833_says():
    assert 0.2 == KeyPressed("5", 1.2, "RTP", 0.2).held
    assert 0.0 == KeyPressed("5", 1.2, "ENDPOINT", 0.2).held


def test_beyond_11_the_second_report_of_the_last_key_is_no_key_of_the_next_step():
    first = collector(Collection(), "1.0 key 5 RTP")
    second = Collector(FOUR, opened_at=1.01, prompt_playing=True, trail=first.result.trail)
    second.key("5", 1.03, "INBAND_AUDIO")

    assert [Ignored("5", Why.SAME_PRESS)] == second.decisions()

    first = collector(Collection(), "1.0 key 5 ENDPOINT")
    second = Collector(FOUR, opened_at=1.01, prompt_playing=True, trail=first.result.trail)
    second.key("5", 1.25, "RTP", 0.24)

    assert [Ignored("5", Why.SAME_PRESS)] == second.decisions()


# --- 15: validation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("validation", "digits", "reason"),
    [
        (Validation(pattern=r"[2-9]\d{3}"), "1234", "pattern"),
        (Validation(check="luhn"), "1234", "check"),
        (Validation(values=frozenset({"9999"})), "1234", "values"),
        (Validation(kind="time"), "2460", "time"),
        (Validation(kind="date", date_format="DDMM"), "3113", "date"),
        (Validation(kind="amount"), "0000", "amount"),
    ],
)
def test_beyond_15_an_answer_that_breaks_a_rule_is_no_match_and_kept(validation, digits, reason):
    spec = Collection(min_digits=4, max_digits=4, validation=validation)
    result = attempt(spec, f"1.0 keys {digits}")

    assert ("no_match", digits, reason) == (result.outcome, result.digits, result.failure.reason)


def test_beyond_15_a_function_of_the_flow_has_the_last_word():
    spec = Collection(min_digits=4, max_digits=4, validation=Validation(function="known"))
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 1234")
    asked = dialogue.next(2.0)
    assert ("1234", "known") == (asked.digits, asked.function)
    dialogue.validated(False, "That account is closed.")
    again = dialogue.next(3.0)

    assert (PromptKind.NO_MATCH, 2, "That account is closed.") == (
        again.kind,
        again.attempt,
        again.say,
    )
    play(dialogue.next(3.0).listener, "4.0 keys 5678")
    dialogue.next(5.0)
    dialogue.validated(True)
    assert ("complete", "5678", 2) == (
        dialogue.next(6.0).result.outcome,
        dialogue.next(6.0).result.digits,
        dialogue.next(6.0).result.attempts,
    )


# --- the corners of these -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "digits"),
    [(Policy.FIRST_WINS, "3456"), (Policy.KEYS_WIN, ""), (Policy.MERGE, "3456")],
)
def test_beyond_1_after_clearing_a_policy_begins_anew_but_keys_that_won_have_won(policy, digits):
    spec = Collection(min_digits=4, max_digits=4, clear_keys=frozenset("*"), policy=policy)

    assert digits == attempt(spec, "1.0 keys 12*\n2.0 final three four five six").digits


def test_beyond_3_what_is_said_after_a_spoken_end_key_is_not_part_of_the_answer():
    assert ("complete", "end_word", "12") == ending(HASH, "1.0 final one two pound three four")[:3]


def test_beyond_4_another_number_after_the_first_is_too_long_and_kept_whole():
    assert ("too_long", "length", "1235551212") == ending(
        SEVEN, "1.0 final one two three\n2.0 final five five five one two one two"
    )[:3]


def test_beyond_5_keys_pressed_meanwhile_count_for_the_length_that_must_fit():
    spec = Collection(min_digits=6, max_digits=6)
    scenario = """
        1.0 partial fifty sixty one
        1.2 keys 99
        2.0 final fifty sixty one"""

    assert ("complete", "506199") == ending(spec, scenario)[::2][:2]


def test_beyond_5_a_reading_that_was_chosen_in_the_end_has_its_own_confidence():
    result = attempt(
        CARD,
        """1.0 final four one one nine @0.9 | four one one one @0.4
           2.0 final one one one one @0.9
           3.0 final one one one one @0.9
           4.0 final one one one one @0.9""",
    )

    assert ("4111111111111111", 0.4) == (result.digits, result.confidence)


# --- 2: spoken digits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said", "digits"),
    [
        ("en-GB", "oh double seven nought", "0770"),
        ("en-US", "uh it's fifty sixty one", "5061"),
        ("en-US", "nineteen oh five", "1905"),
        ("en-US", "triple zero four please", "0004"),
        ("de-DE", "einundzwanzig null drei", "2103"),
        ("fr-FR", "quatre vingt onze zéro deux", "9102"),
    ],
)
def test_beyond_2_digits_are_spoken_as_people_speak_them(language, said, digits):
    spec = Collection(min_digits=4, max_digits=4, speech=Speech(language=language))

    assert ("complete", digits) == ending(spec, f"1.0 final {said}")[::2]

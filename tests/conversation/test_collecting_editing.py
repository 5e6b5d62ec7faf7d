"""Editing what is being entered, ways out of it, and keys that come too early or twice, through whole conversations."""

import pytest
from collecting_flows import ask, got, heard

# --- end, clear, start over, repair ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtmf", "script", "expected"),
    [
        ("num_digits: -1, end_key: '#'", "press 12345#", "complete 12345 keys"),
        ("num_digits: -1, end_key: '#*'", "press 123*", "complete 123 keys"),
        ("num_digits: -1, end_key: '#*'", "press 123#", "complete 123 keys"),
        ("num_digits: 8, min_digits: 4, end_key: '#'", "press 1234#", "complete 1234 keys"),
        ("num_digits: 8, min_digits: 4, end_key: '#'", "press 123#", "too_short 123 keys"),
        ("num_digits: 4, end_key: '#'", "press #", "too_short none"),
        ("num_digits: 4, clear_key: '*'", "press 129*1234", "complete 1234 keys"),
        ("num_digits: 4, clear_key: '*', end_key: '#'", "press 129*12#", "too_short 12 keys"),
        ("num_digits: 4, clear_key: '*'", "press *****1234", "complete 1234 keys"),
        ("num_digits: 4", "press 1*2#3A4", "complete 1234 keys"),
        ("num_digits: 4, allow_letters: true", "press 1A2B", "complete 1A2B keys"),
        ("num_digits: -1, end_key: '#'", "say one two three pound", "complete 123 speech"),
        ("num_digits: -1, end_key: '#'", "say one two three hash", "complete 123 speech"),
        ("num_digits: -1, end_key: '*'", "say one two three star", "complete 123 speech"),
        ("num_digits: -1, end_key: '#'", "say one two three that's all", "complete 123 speech"),
        ("num_digits: 4, clear_key: '*'", "say nine nine star one two three four", "complete 1234 speech"),
        ("num_digits: 4", "press 99\nsay start over\nwait 0.5\npress 1234", "complete 1234 keys"),
        ("num_digits: 4", "say one two\nwait 0.5\nsay no wait three", "too_short 13 speech"),
        ("num_digits: 4", "press 12\nsay no wait three\nwait 0.3\npress 45", "complete 1345 both"),
        ("num_digits: 4", "say one two three four no wait five", "complete 1235 speech"),
        ("num_digits: -1, end_key: '#'", 'meanwhile say "one two three" endpoint 1\nwait 0.5\npress #', "complete 123 speech"),
    ],
)  # fmt: skip
def test_beyond_3_editing(play, dtmf, script, expected):
    assert [expected] == got(play(ask(dtmf), f"wait end\n{script}\n"))


def test_L14_keys_that_are_no_digits_are_refused_and_written_down(play):
    """They are in the record's time line, and not in the digits."""
    played = play(ask("num_digits: 2"), "wait end\npress *A1#2\n")
    pressed = [entry["text"] for entry in played.record.as_json()["entries"] if entry["kind"] == "heard"]  # fmt: skip
    assert (["complete 12 keys"], ["*", "A", "1", "#", "2"]) == (got(played), pressed)


# --- escape ---------------------------------------------------------------------------------------------------------

ESCAPING = """
escape: {keys: "0", words: [operator, agent], then: {handoff: desk}}
steps:
  menu: {prompt: Which one?, dtmf: {num_digits: 1}, on: {1: number, 2: pin, 3: words, otherwise: {hangup: true}}}
  number:
    prompt: Your number.
    dtmf: {num_digits: 4}
    confirm: always
    next: {hangup: true}
  pin: {prompt: Your PIN., dtmf: {num_digits: 4, is_pii: true}, escape: false, next: {hangup: true}}
  words: {prompt: Say it., asr: {barge_in_words: false}, next: {hangup: true}}
handoffs: {desk: {transfer: 5000 XML default}}
"""


@pytest.mark.parametrize(
    "script",
    [
        "wait end\npress 0\n",
        "wait end\nsay operator\n",
        "wait end\nsay i would like to speak to an agent please\n",
        "wait end\npress 1\nhear your number\npress 0\n",
        "wait end\npress 1\nhear your number\npress 12\nsay operator\n",
        "wait end\npress 1\nhear your number\npress 1234\nwait end\npress 0\n",
        "wait end\npress 1\nhear your number\npress 1234\nwait end\nsay the operator\n",
        "wait end\npress 3\nhear say it\nsay operator\n",
        "wait end\nsay what\nhear which one\npress 0\n",
    ],
)
def test_beyond_8_the_escape_works_in_every_step_and_in_a_confirmation(play, script):
    played = play(ESCAPING, script + "expect handoff desk\nexpect outcome escaped\n")
    assert "escaped" == played.record.reason


def test_beyond_8_the_escape_key_is_a_digit_in_the_middle_of_a_number(play):
    played = play(ESCAPING, "wait end\npress 1\nhear your number\npress 1000\nwait end\npress 1\n")
    assert ["complete 1 keys", "complete 1000 keys"] == got(played)


def test_beyond_8_a_step_may_have_no_escape(play):
    played = play(ESCAPING, "wait end\npress 2\nhear your pin\npress 0000\n")
    assert ["complete", "complete"] == [each.outcome for each in played.record.collected]


# --- type-ahead -----------------------------------------------------------------------------------------------------

TWO = """
steps:
  one: {{prompt: The first of two questions., dtmf: {{num_digits: 2}}, next: two}}
  two:
    prompt: The second of two questions.
    dtmf: {{num_digits: 2, type_ahead: {type_ahead}, barge_in: {barge_in}}}
    retry: {{attempts: 1}}
    next: done
  done: {{prompt: Thank you., next: {{hangup: true}}}}
"""


def two(play, script, type_ahead="keep", barge_in="interrupt", **more):
    return play(TWO.format(type_ahead=type_ahead, barge_in=barge_in), script, **more)


def test_beyond_10_keys_typed_ahead_are_kept_and_answer_the_next_step(play):
    played = two(play, "wait start\npress 1234 gap 0.05 hold 0.05\n")
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


def test_beyond_10_keys_typed_ahead_can_be_flushed(play):
    """What is pressed while the second step listens counts, what came before it does not."""
    played = two(
        play, "wait start\npress 123 gap 0.01 hold 0.01\nwait end\npress 45\n", type_ahead="flush"
    )
    first, second = got(played)
    assert "complete 12 keys" == first
    assert second in ("complete 45 keys", "complete 34 keys")


def test_beyond_10_a_part_typed_ahead_and_the_rest_later(play):
    played = two(play, "wait start\npress 123 gap 0.05 hold 0.05\nwait 1\npress 4\n")
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


def test_beyond_10_keys_typed_ahead_leave_a_prompt_alone_that_keys_do_not_stop(play):
    played = two(play, "wait start\npress 1234 gap 0.05 hold 0.05\n", barge_in="collect")
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


SLOW = """
steps:
  one: {{prompt: First., dtmf: {{num_digits: 1}}, run: slow}}
  two: {{prompt: Second., dtmf: {{num_digits: 2, type_ahead: {type_ahead}}}, retry: {{attempts: 1}}, next: {{hangup: true}}}}
"""


@pytest.mark.parametrize(
    ("type_ahead", "expected"),
    [("keep", "complete 23 keys"), ("flush", "complete 45 keys")],
)
def test_beyond_10_keys_pressed_while_a_function_runs(play, type_ahead, expected):
    played = play(
        SLOW.format(type_ahead=type_ahead),
        "wait end\npress 1\nwait 1\npress 23\nwait start\nwait 1\npress 45\n",
        """
        def slow(conv, flow):
            conv._engine.clock.sleep(3)
            flow.goto_step("two")
        """,
    )
    assert ["complete 1 keys", expected] == got(played)


CHECKED = """
steps:
  one:
    prompt: First.
    dtmf: {{num_digits: 2}}
    asr: false
    validate: {{function: is_right}}
    confirm: always
    retry: {{attempts: {attempts}}}
    next: {{hangup: true}}
"""


@pytest.mark.parametrize(
    ("attempts", "keys", "late", "expected"),
    [
        (1, "12", "1", "no_match 12 keys"),  # not a yes to a read-back that was not heard
        (2, "13", "12", "no_input none"),  # nor an answer to a question that was not put
    ],
)
def test_beyond_10_keys_pressed_while_a_validation_runs_answer_nothing(
    play, attempts, keys, late, expected
):
    played = play(
        CHECKED.format(attempts=attempts),
        f"wait end\npress {keys}\nwait 1\npress {late}\n",
        """
        def is_right(conv, digits):
            conv._engine.clock.sleep(3)
            return digits == "12"
        """,
    )
    assert [expected] == got(played)


# --- once and twice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 0.01, 0.03, 0.05])
@pytest.mark.parametrize("keys", ["55", "1213", "5555"])
def test_beyond_11_a_press_reported_twice_counts_once_and_two_presses_twice(play, keys, lag):
    played = play(
        ask("num_digits: 8, min_digits: 2"),
        f"wait end\npress {keys} gap 0.05 hold 0.05 inband {lag}\n",
    )
    assert [f"complete {keys} keys"] == got(played)


def test_beyond_11_the_fastest_true_double_press(play):
    """No second reporter: 40 ms apart, as no hand can and a dialler can."""
    played = play(ask("num_digits: 2"), "wait end\npress 55 gap 0.02 hold 0.02\n")
    assert ["complete 55 keys"] == got(played)


@pytest.mark.parametrize("lag", [0.01, 0.03, 0.05])
def test_beyond_11_the_second_report_of_the_last_key_is_not_typed_ahead(play, lag):
    played = two(play, f"wait end\npress 12 inband {lag}\nhear second of two\npress 34\n")
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


@pytest.mark.parametrize("lag", [0, 0.01, 0.03, 0.05])
def test_beyond_11_a_prompt_that_a_second_report_has_cut_is_heard_again(play, lag):
    """FreeSWITCH stops a prompt at any report of a key."""
    played = two(play, f"wait end\npress 12 inband {lag}\nwait quiet 1\npress 34\n")
    prompts = [sound for sound in heard(played) if "second" in sound[0]]
    assert ("The second of two questions.", "done") == prompts[-1]
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


@pytest.mark.parametrize("lag", [0.01, 0.03, 0.05])
def test_beyond_11_what_is_said_between_two_prompts_survives_a_second_report(play, lag):
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, on: {1: {say: This one., goto: two}, otherwise: {hangup: true}}}
          two: {prompt: Second., dtmf: {num_digits: 1}, next: {hangup: true}}
        """,
        f"wait end\npress 1 inband {lag}\nwait quiet 1\npress 2\n",
    )
    assert [("This one.", "done"), ("Second.", "done")] == heard(played)[-2:]
    assert ["complete 1 keys", "complete 2 keys"] == got(played)
    assert 1 == [turn.text for turn in played.engine.history].count("Second.")


def test_L4_one_digit_too_many_does_not_cut_the_read_back(play):
    played = play(
        ask("num_digits: 4", more="confirm: always"),
        "wait end\npress 12345 gap 0.1\nhear is that right\npress 1\n",
    )
    assert ["complete 1234 keys"] == got(played)


def test_beyond_11_a_report_outside_of_the_window_is_a_press(play):
    played = play(ask("num_digits: 2, same_press_window: 0.02"), "wait end\npress 5 inband 0.04\n")
    assert ["complete 55 keys"] == got(played)


def test_L6_an_end_key_stops_the_prompt_and_the_next_one_is_heard(play):
    played = play(
        ask("num_digits: -1, end_key: '#'", prompt="A prompt that nobody needs to hear."),
        "wait start\nwait 0.3\npress 12 gap 0.05\npress #\n",
    )
    assert ["complete 12 keys"] == got(played)
    assert [("A prompt that nobody needs to hear.", "key"), ("Thank you.", "done")] == heard(played)

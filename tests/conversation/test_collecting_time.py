"""The timers of a collection through whole conversations: what they count from, what holds them, who wins a draw."""

import pytest
from collecting_flows import ask, got, heard, sound, times

LATENCY = 0.025
"""Seconds from a key's release to its event (`fsflows.switch.clockwork.DTMF_LATENCY`)."""


def test_P1_the_first_digit_timer_counts_from_the_end_of_the_prompt(play):
    played = play(ask("num_digits: 4, first_digit_timeout: 3"), "")
    assert ["no_input none"] == got(played)
    _, [ended] = times(played)
    prompt = sound(played, "number").end - played.began
    assert 3.0 == pytest.approx(ended - prompt, abs=0.001)


def test_P1_without_a_prompt_the_first_digit_timer_counts_from_the_opening(play):
    played = play(ask("num_digits: 4, first_digit_timeout: 3", prompt='""'), "")
    assert ["no_input none"] == got(played)
    assert 3.0 == played.record.collected[0].seconds


def test_P1_the_first_key_stops_the_first_digit_timer_for_good(play):
    """Keys 2.5 s apart go on for longer than the first-digit timeout, which is shorter than the pause."""
    played = play(
        ask("num_digits: 4, first_digit_timeout: 1, inter_digit_timeout: 3"),
        "wait end\nwait 0.5\npress 1234 gap 2.5\n",
    )
    assert ["complete 1234 keys"] == got(played)


@pytest.mark.parametrize("timeout", [1, 2.5])
def test_L5_the_inter_digit_timer_begins_anew_with_each_key(play, timeout):
    played = play(
        ask(f"num_digits: 4, inter_digit_timeout: {timeout}"), "wait end\npress 123 gap 0.8\n"
    )
    assert ["too_short 123 keys"] == got(played)
    keys, [ended] = times(played)
    assert timeout == pytest.approx(ended - keys[-1], abs=0.001)


def test_L5_the_inter_digit_timer_is_held_while_the_caller_speaks(play):
    """The words after the key take 1.8 s, longer than the timeout."""
    played = play(
        ask("num_digits: 4, inter_digit_timeout: 1"),
        'wait end\npress 1\nwait 0.3\nsay "two three four" word 0.6\n',
    )
    assert ["complete 1234 both"] == got(played)


def test_L5_words_without_a_digit_hold_the_timers_as_well(play):
    played = play(
        ask("num_digits: 4, inter_digit_timeout: 1"),
        'wait end\npress 1\nwait 0.3\nsay "hm let me see" word 0.6\nwait 1.5\npress 234\n',
    )
    assert ["complete 1234 keys"] == got(played)


def test_P6_patience_after_speech_is_its_own_timer(play):
    played = play(
        ask("num_digits: 4", asr="{end_of_speech_timeout: 3.5}"), "wait end\nsay one two\n"
    )
    assert ["too_short 12 speech"] == got(played)
    [final], [ended] = times(played)
    assert 3.5 == pytest.approx(ended - final, abs=0.001)


def test_P1_the_whole_collection_is_bounded(play):
    played = play(
        ask("num_digits: 20, collection_timeout: 4, inter_digit_timeout: 3", prompt='""'),
        "wait 1\npress 123456 gap 0.7\n",
    )
    [collected] = played.record.collected
    assert ("too_short", 4.0) == (collected.outcome, collected.seconds)


def test_P7_a_finished_answer_waits_for_nothing(play):
    played = play(ask("num_digits: 2"), "wait end\npress 12\n")
    keys, [ended] = times(played)
    assert keys[-1] == ended
    thanks = sound(played, "Thank you").start
    assert thanks - played.channel.transcript.did[-1].at < 0.1


def test_P1_while_a_prompt_plays_no_silence_counts(play):
    """`collect`: the digits wait for the end of the prompt, however long it is."""
    played = play(
        ask(
            "num_digits: 4, barge_in: collect, inter_digit_timeout: 1",
            prompt="A prompt of quite some length that is heard to its very end by everybody.",
        ),
        "wait start\npress 12\nwait end\nwait 0.5\npress 34\n",
    )
    assert ["complete 1234 keys"] == got(played)
    assert "done" == heard(played)[0][1]


# --- draws ----------------------------------------------------------------------------------------------------------


LATE = ask("num_digits: 2, inter_digit_timeout: 2")
"""After a first key the inter-digit timer is due in 2 s."""


@pytest.mark.parametrize(
    ("offset", "expected"), [(-0.001, "complete 12 keys"), (0.001, "too_short 1 keys")]
)
def test_beyond_4_a_key_a_millisecond_before_or_after_the_deadline(play, offset, expected):
    script = f"wait end\npress 1\nwait {2 - 0.1 + offset}\npress 2\n"
    assert [expected] == got(play(LATE, script))


def test_beyond_4_a_key_at_the_deadline_has_one_result_and_the_same_each_time(play):
    results = {tuple(got(play(LATE, "wait end\npress 1\nwait 1.9\npress 2\n"))) for _ in range(3)}
    assert 1 == len(results)
    assert results <= {("complete 12 keys",), ("too_short 1 keys",)}


def test_beyond_10_a_key_that_came_too_late_is_typed_ahead_for_the_next_step(play):
    flow = LATE.replace("on: {otherwise: done}", "on: {otherwise: more}").replace(
        "steps:", "steps:\n  more: {prompt: More., dtmf: {num_digits: 1}, next: done}", 1
    )
    played = play("first_step: ask\n" + flow, "wait end\npress 1\nwait 1.92\npress 2\n")
    assert ["too_short 1 keys", "complete 2 keys"] == got(played)


@pytest.mark.parametrize(("offset", "expected"), [(-0.002, "both"), (0.002, "keys")])
def test_beyond_4_a_final_result_just_before_or_after_the_deadline(play, offset, expected):
    """A final without a partial before it: nothing holds the timer."""
    function = f"""
    import json
    def start_function(conv):
        channel = conv._engine.call.link.far_end
        def pressed(item):
            if getattr(item, "what", "") == "key":
                said = channel.now + {LATENCY} + 2 - 0.026 + {offset}
                message = json.dumps({{"text": "two"}})
                channel.at(said, lambda: channel.detector.message(message))
        channel.transcript.watchers.append(pressed)
    """
    played = play(LATE, "wait end\npress 1\nwait 4\n", function)
    assert [expected] == [each.source for each in played.record.collected]


def test_beyond_4_a_partial_at_the_deadline_comes_too_late(play):
    played = play(LATE, "wait end\npress 1\nwait 1.9\nsay two three\n")
    assert "too_short 1 keys" == got(played)[0]


@pytest.mark.parametrize("offset", [-0.1, -0.02, 0.0, 0.02, 0.1])
def test_beyond_7_a_key_around_the_end_of_the_prompt_counts(play, offset):
    length = len("Your number please.") * 0.065
    played = play(
        ask("num_digits: 1"), f"wait start\nwait {length - 0.1 + offset}\npress 7 hold 0.1\n"
    )
    assert ["complete 7 keys"] == got(played)


@pytest.mark.parametrize("hold", [0.1, 0.118, 0.12, 0.122, 0.14, 0.2])
def test_L11_a_hangup_around_the_last_key_has_one_result(play, hold):
    """The key is released, and the caller hangs up, within a few milliseconds."""
    played = play(
        ask("num_digits: 2"), f"wait end\nmeanwhile press 12 gap 0.1\nwait {0.2 + hold}\nhangup\n"
    )
    [collected] = got(played)
    assert collected in ("complete 12 keys", "hangup 1 keys", "hangup 12 keys")

"""Recognisers that fail, and results that come too late, through whole conversations: the keys always work."""

import pytest
from collecting_flows import ask, got

from fsflows.archive.entries import Noted
from fsflows.conversation import metrics
from fsflows.switch import Recogniser, Setup

DOWN = Setup(recogniser=Recogniser(up=False))


def notes(played):
    return [entry.text for entry in played.record.of_kind(Noted)]


# --- a recogniser that fails ----------------------------------------------------------------------------------------

# Each leaves the call without a recogniser for good: it is started again twice a call, and no more.
MISHAPS = {
    "missing": ("", DOWN),
    "dies": ("recogniser down\n", None),
    "dies three times": ("recogniser dies\nwait 1\nrecogniser dies\nwait 1\nrecogniser dies\n", None),
    "closes three times": ("recogniser closes\nwait 1\nrecogniser closes\nwait 1\nrecogniser closes\n", None),
    "sends bad JSON": ("recogniser garbles\nwait 1\nrecogniser garbles\nwait 1\nrecogniser garbles\n", None),
}  # fmt: skip


@pytest.mark.parametrize("mishap", MISHAPS)
def test_P6_without_a_recogniser_the_step_goes_on_with_keys(play, mishap, capsys):
    script, setup = MISHAPS[mishap]
    before = metrics.SPEECH_LOST._value.get()
    played = play(
        ask("num_digits: 4, first_digit_timeout: 8, inter_digit_timeout: 8"),
        f"wait end\npress 1\n{script}wait 0.5\npress 234\n",
        **({"setup": setup} if setup else {}),
    )
    assert ["complete 1234 keys"] == got(played)
    assert ["speech recognition lost"] == notes(played)
    assert 1 == capsys.readouterr().err.count("speech recognition lost")
    assert before + 1 == metrics.SPEECH_LOST._value.get()


@pytest.mark.parametrize("mishap", ["dies", "closes", "garbles"])
def test_P6_a_recogniser_that_comes_back_is_listened_to_again(play, mishap):
    played = play(
        ask("num_digits: 4, first_digit_timeout: 8, inter_digit_timeout: 8"),
        f"wait end\nrecogniser {mishap}\nwait 1\nsay one two three four\n",
    )
    assert ["complete 1234 speech"] == got(played)
    assert [] == notes(played)


def test_P6_what_was_heard_before_it_died_counts(play):
    played = play(
        ask("num_digits: 4"),
        'wait end\nmeanwhile say "one two three four five"\nwait 0.45\nrecogniser down\nwait 2\npress 4\n',
    )
    assert ["complete 1234 both"] == got(played)


def test_P6_one_warning_a_call_however_many_steps(play, capsys):
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, next: two}
          two: {prompt: Second., dtmf: {num_digits: 1}, next: three}
          three: {prompt: Third., dtmf: {num_digits: 1}, next: {hangup: true}}
        """,
        "wait end\npress 1\nwait quiet\npress 2\nwait quiet\npress 3\n",
        setup=DOWN,
    )
    assert ["complete 1 keys", "complete 2 keys", "complete 3 keys"] == got(played)
    assert ["speech recognition lost"] == notes(played)
    assert 1 == capsys.readouterr().err.count("speech recognition lost")


def test_P6_a_recogniser_that_hangs_is_waited_for_once(play, capsys):
    """While it is being started, the channel plays nothing."""
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, next: two}
          two: {prompt: Second., dtmf: {num_digits: 1}, next: {hangup: true}}
        """,
        'wait start within 20\nwait end\npress 1\nhear "second" within 2\nwait quiet\npress 2\n',
        setup=Setup(recogniser=Recogniser(up=False, hangs=10.0)),
    )
    assert ["complete 1 keys", "complete 2 keys"] == got(played)
    assert ["speech recognition lost"] == notes(played)
    assert "the recogniser hung" in capsys.readouterr().err
    assert 10 < played.record.seconds < 15


def test_P6_a_timer_that_speech_holds_goes_on_when_the_recogniser_dies(play):
    """Otherwise a caller whose words nobody hears any more would wait for ever."""
    played = play(
        ask("num_digits: 4, first_digit_timeout: 3"),
        'wait end\nmeanwhile say "hm well let me see"\nwait 0.5\nrecogniser down\n',
    )
    assert played.record.collected[0].outcome in ("no_input", "no_match")
    assert played.record.seconds < 12


# --- what comes too late --------------------------------------------------------------------------------------------

CHAIN = """
steps:
  one: {{prompt: First., dtmf: {{num_digits: 2}}, asr: {asr}, retry: {{attempts: 1}}, next: two}}
  two: {{prompt: {second}, dtmf: {{num_digits: 2}}, retry: {{attempts: 1}}, next: {{hangup: true}}}}
"""


@pytest.mark.parametrize("endpoint", [0.45, 0.6, 1, 1.5])
@pytest.mark.parametrize(
    "second", ['""', "And the second number is what we would like to hear now."]
)
def test_beyond_4_a_final_result_after_its_partial_was_believed_is_not_heard_twice(
    play, endpoint, second
):
    played = play(
        CHAIN.format(asr="{}", second=second), f'wait end\nsay "one two" endpoint {endpoint}\n'
    )
    assert ["complete 12 speech", "no_input none"] == got(played)


def test_beyond_4_words_that_go_on_belong_to_the_next_question(play):
    """ "one two" completes the first answer; "three four", in the same breath, is the second."""
    played = play(
        CHAIN.format(asr="{settle_time: 0.1}", second='""'),
        'wait end\nsay "one two three four" endpoint 0.6\n',
    )
    assert ["complete 12 speech", "complete 34 speech"] == got(played)


def test_beyond_4_the_words_of_a_keyed_step_do_not_answer_the_next(play):
    """The caller says the digits while keying them; the keys are faster."""
    played = play(
        CHAIN.format(asr="{}", second='""'),
        'wait end\nmeanwhile say "one two" endpoint 1\npress 12 gap 0.2\nwait 5\n',
    )
    first, second = got(played)
    assert ("complete 12 keys", "no_input none") == (first, second)


def test_beyond_10_a_key_between_two_steps_is_not_lost(play):
    """A key a millisecond after the last one of the step before."""
    played = play(
        CHAIN.format(asr="{}", second="Second."), "wait end\npress 1234 gap 0.001 hold 0.001\n"
    )
    assert ["complete 12 keys", "complete 34 keys"] == got(played)


@pytest.mark.parametrize("at", [0.5, 2.5, 2.97, 3.0, 3.05])
def test_beyond_10_a_key_while_a_transition_function_runs_answers_the_next_step(play, at):
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, run: slow}
          two: {prompt: Second., dtmf: {num_digits: 1}, retry: {attempts: 1}, next: {hangup: true}}
        """,
        f"wait end\npress 1\nwait {at}\npress 2\n",
        """
        def slow(conv, flow):
            conv._engine.clock.sleep(3)
            flow.goto_step("two")
        """,
    )
    assert ["complete 1 keys", "complete 2 keys"] == got(played)


def test_P3_a_key_while_a_function_asks_for_digits_itself_answers_that(play):
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 1}, run: more}
          two: {prompt: Second., dtmf: {num_digits: 1}, retry: {attempts: 1}, next: {hangup: true}}
        """,
        "wait end\npress 1\nwait 0.5\npress 234\nhear second\nwait quiet\npress 5\n",
        """
        def more(conv, flow):
            conv._engine.clock.sleep(1)
            conv.state.more = conv.collect(num_digits=3).user_input
            flow.goto_step("two")
        """,
    )
    assert ["complete 1 keys", "complete 234 keys", "complete 5 keys"] == got(played)
    assert "234" == played.engine.state.more


@pytest.mark.parametrize("digit", ["", "12", "??", "E", "5\n"])
def test_L14_what_is_no_key_is_ignored(play, digit):
    """Empty digits, two at once, nonsense: from a broken gateway, or from nobody's telephone."""
    played = play(
        ask("num_digits: 2"),
        "wait end\npress 1\nwait 0.5\npress 2\n",
        f"""
        def start_function(conv):
            channel = conv._engine.call.link.far_end
            headers = {{"Event-Name": "DTMF", "Unique-ID": channel.uuid, "DTMF-Digit": {digit!r}}}
            channel.at(channel.now + 2, lambda: channel.inject(headers))
        """,
    )
    assert ["complete 12 keys"] == got(played)


@pytest.mark.parametrize("delay", ["", "delay: {after: 0.5, say: [One moment., Still looking.]}"])
def test_P3_a_function_runs_to_its_end_when_the_caller_hangs_up(play, delay):
    played = play(
        f"""
        {delay}
        steps:
          one: {{prompt: First., dtmf: {{num_digits: 1}}, run: slow}}
        """,
        "wait end\npress 1\nwait 0.2\nhangup\n",
        """
        def slow(conv, flow):
            conv._engine.clock.sleep(3)
            conv.write_metric("done", True)
        """,
    )
    assert {"done": True} == played.record.metrics
    assert "caller_hung_up" == played.record.reason


def test_P12_an_answer_stands_though_its_caller_has_hung_up_since(play):
    """What it leads to is done, as far as it needs nobody to hear it."""
    played = play(
        """
        recording: true
        steps:
          one:
            prompt: Press one to opt out.
            dtmf: {num_digits: 1}
            validate: {function: looks}
            on: {1: {discard_recording: true, say: Not recorded., goto: one}, otherwise: {hangup: true}}
        """,
        "wait end\npress 1\nwait 0.2\nhangup\nexpect discarded\n",
        """
        def looks(conv, digits):
            conv._engine.clock.sleep(1)
            return True
        """,
    )
    assert ["complete 1 keys"] == got(played)
    assert "caller_hung_up" == played.record.reason


@pytest.mark.parametrize("seconds", [0.5, 3])
def test_what_was_said_with_the_last_key_does_not_count_again_after_a_function(play, seconds):
    """However long it runs while the caller speaks on: "four" went with the key, the rest is new."""
    played = play(
        """
        steps:
          one: {prompt: First., dtmf: {num_digits: 4}, run: slow, next: two}
          two: {prompt: Second., dtmf: {num_digits: 8}, next: {hangup: true}}
        """,
        """
        wait end
        press 123
        wait 0.2
        say "four nine nine eight eight seven seven six six" word 0.6
        """,
        f"def slow(conv, flow):\n    conv._engine.clock.sleep({seconds})\n",
    )
    assert ["complete 1234 both", "complete 99887766 speech"] == got(played)

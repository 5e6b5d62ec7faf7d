"""Barge-in, and the ladder of prompts, through whole conversations: what the caller heard, and when it stopped."""

import pytest
from collecting_flows import ask, got, heard, sound

from fsflows.archive.endings import Reason, Result

LONG = "This prompt is so long that hardly anybody ever hears it to its end."
SECONDS = len(LONG) * 0.065


def stopped_after(played, index=0):
    """Seconds from what the caller did to the moment when the prompt was silent."""
    return sound(played, "This prompt").end - played.channel.transcript.did[index].at


# --- keys -----------------------------------------------------------------------------------------------------------


def test_beyond_7_interrupt_stops_the_prompt_and_the_key_counts(play):
    played = play(ask(prompt=LONG), "wait start\nwait 1\npress 1234\n")
    assert ["complete 1234 keys"] == got(played)
    assert (LONG, "key") == heard(played)[0]
    assert 0 <= stopped_after(played) <= 0.06


def test_beyond_7_collect_counts_the_key_and_plays_on(play):
    played = play(ask("num_digits: 4, barge_in: collect", prompt=LONG), "wait start\npress 1234\n")
    assert ["complete 1234 keys"] == got(played)
    assert (LONG, "done") == heard(played)[0]


def test_beyond_7_ignore_hears_nothing_until_the_prompt_is_over(play):
    played = play(
        ask("num_digits: 2, barge_in: ignore", prompt=LONG),
        "wait start\npress 12\nwait end\npress 34\n",
    )
    assert ["complete 34 keys"] == got(played)
    assert (LONG, "done") == heard(played)[0]


@pytest.mark.parametrize("barge_in", ["interrupt", "collect"])
def test_beyond_8_an_escape_key_stops_the_prompt_whatever_the_policy(play, barge_in):
    top = "escape: {keys: '0', then: {say: One moment., hangup: true}}"
    played = play(
        ask(f"num_digits: 2, barge_in: {barge_in}", prompt=LONG, top=top),
        "wait start\nwait 1\npress 0\n",
    )
    assert ["escaped none"] == got(played)
    assert (LONG, "key") == heard(played)[0]
    assert stopped_after(played) <= 0.06


def test_beyond_8_an_escape_key_that_is_a_digit_stops_no_prompt_that_plays_on(play):
    top = "escape: {keys: '0', then: {say: One moment., hangup: true}}"
    step = ask("num_digits: 4, clear_key: '*', barge_in: collect", prompt=LONG, top=top)
    played = play(step, "wait start\npress 1002\n")
    assert ["complete 1002 keys"] == got(played)
    assert (LONG, "done") == heard(played)[0]
    played = play(step, "wait start\npress 10*0\n")
    assert ["escaped none"] == got(played)
    assert (LONG, "key") == heard(played)[0]


def test_beyond_7_a_key_without_a_meaning_stops_nothing(play):
    played = play(ask(prompt=LONG), "wait start\nwait 1\npress *#A\nwait end\npress 1234\n")
    assert ["complete 1234 keys"] == got(played)
    assert (LONG, "done") == heard(played)[0]


def test_L7_a_prompt_of_several_parts_stops_as_a_whole(play):
    prompt = "[First part of it., {silence: 0.5}, second.wav, {digits: '4711'}, Last part.]"
    played = play(ask(prompt=prompt), "wait start\nwait 0.5\npress 1234\n")
    assert [("First part of it.", "key"), ("Thank you.", "done")] == heard(played)
    assert ["complete 1234 keys"] == got(played)


@pytest.mark.parametrize("at", [0.0, 0.005, 0.01, 0.02, 0.03])
def test_L7_a_key_in_the_first_moments_of_a_prompt_stops_it(play, at):
    """FreeSWITCH loses a break in the 20 ms before the sound begins (FACTS.md §2)."""
    played = play(
        ask(prompt=LONG), f"wait {0.03 + at}\npress 1 hold 0\npress 234 gap 0.05 hold 0.05\n"
    )
    assert ["complete 1234 keys"] == got(played)
    assert stopped_after(played) <= 0.1


def test_L7_a_key_between_two_parts_of_a_prompt_stops_the_second(play):
    """The first has ended, the second has not begun: FreeSWITCH stops neither at that key."""
    begun = []
    for milliseconds in range(220, 300, 4):  # the gap is somewhere there
        script = f"wait start\nwait {milliseconds / 1000}\npress 1 hold 0\nwait 1\npress 234\n"
        played = play(ask(prompt=f"[One., {LONG}]"), script)
        if LONG in played.heard:
            begun.append(stopped_after(played))
    assert begun
    assert max(begun) <= 0.1


# --- speech ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    # a word takes 0.2 s, its partial 26 ms more, the break two frames
    [(1, 0.2), (2, 0.4), (3, 0.6), ("false", None)],
)
def test_beyond_7_speech_stops_the_prompt_at_so_many_words(play, words, expected):
    played = play(
        ask(asr=f"{{barge_in_words: {words}}}", prompt=LONG),
        "wait start\nwait 1\nsay one two three four\n",
    )
    assert ["complete 1234 speech"] == got(played)
    if expected is None:
        assert (LONG, "done") == heard(played)[0]
    else:
        assert (LONG, "break") == heard(played)[0]
        assert expected <= stopped_after(played) <= expected + 0.1


def test_beyond_8_an_escape_word_stops_the_prompt_where_speech_does_not(play):
    top = "escape: {words: [operator], then: {say: One moment., hangup: true}}"
    played = play(
        ask(asr="{barge_in_words: false}", prompt=LONG, top=top),
        "wait start\nsay the operator please\n",
    )
    assert ["escaped none"] == got(played)
    assert (LONG, "break") == heard(played)[0]
    escaped = played.began + played.record.collected[0].at
    assert 0 <= sound(played, "This prompt").end - escaped <= 0.1


@pytest.mark.parametrize("barge_in", ["interrupt", "collect"])
def test_keys_typed_ahead_stop_what_is_said_still_at_once(play, barge_in):
    """Whatever the step before would have had stop it: FreeSWITCH was not told to stop it at these."""
    played = play(
        f"""
        steps:
          one:
            prompt: Which?
            dtmf: {{num_digits: 1, barge_in: {barge_in}}}
            asr: false
            on: {{otherwise: {{run: slow, goto: two}}}}
          two: {{prompt: Your number., dtmf: {{num_digits: 2}}, asr: false, next: {{hangup: true}}}}
        """,
        "wait end\npress 5\nwait start\nwait 1\npress 12\n",
        f"""
        def slow(conv, flow):
            conv.say({LONG!r})
            conv._engine.clock.sleep(3)
        """,
    )
    assert ["complete 5 keys", "complete 12 keys"] == got(played)
    answered = played.began + played.record.collected[1].at
    assert sound(played, "This prompt").end - answered <= 0.1


def test_P5_speech_over_a_prompt_that_collects_counts(play):
    played = play(
        ask("num_digits: 2, barge_in: collect", asr="{barge_in_words: false}", prompt=LONG),
        "wait start\npress 1\nsay two\n",
    )
    assert ["complete 12 both"] == got(played)
    assert (LONG, "done") == heard(played)[0]


# --- the ladder -----------------------------------------------------------------------------------------------------

LADDER = (
    "{attempts: 4, no_input: [Nothing one., Nothing two.], no_match: [Wrong one., Wrong two.], "
    "then: {say: That was it., hangup: true}}"
)


def said(played):
    """What was said, in order."""
    return [what for what, _ in heard(played)]


def test_beyond_9_each_attempt_has_its_own_prompt_and_the_last_serves_for_the_rest(play):
    played = play(ask(retry=LADDER), "")
    assert [
        "Your number please.", "Nothing one.", "Nothing two.", "Nothing two.", "That was it.",
    ] == said(played)  # fmt: skip
    assert ["no_input none"] == got(played)
    assert 4 == played.record.collected[0].attempts
    assert (Result.ABANDONED, Reason.NO_INPUT_LIMIT) == (played.record.result, played.record.reason)


def test_beyond_9_the_prompt_says_what_was_wrong_with_the_attempt_before_it(play):
    played = play(
        ask("num_digits: 4, end_key: '#'", retry=LADDER),
        "wait end\npress 1#\nhear wrong one\nhear nothing two\npress 12345678#\n",
    )
    assert ["Your number please.", "Wrong one.", "Nothing two.", "Thank you."] == said(played)
    assert ["complete 1234 keys"] == got(played)


def test_beyond_9_without_prompts_of_its_own_the_step_speaks_the_flow_s_language(play):
    played = play(
        ask(retry="{attempts: 2}", top="language: de-DE", prompt="Ihre Nummer bitte."), ""
    )
    first, again, prompt, thanks = said(played)
    assert ("Ihre Nummer bitte.", "Ihre Nummer bitte.", "Thank you.") == (first, prompt, thanks)
    assert again not in (first, thanks)


def test_beyond_9_after_so_many_failures_only_keys_count(play):
    retry = (
        "{attempts: 4, keys_only_after: 2, keys_only: The keys please., no_input: Again., no_match: Again., "
        "then: {hangup: true}}"
    )
    played = play(
        ask(retry=retry),
        "wait end\nsay what\nhear again\nsay what again\nhear the keys please\n"
        "say one two three four\nwait 6\npress 5678\n",
    )
    assert ["Your number please.", "Again.", "The keys please.", "Again.", "Thank you."] == said(
        played
    )
    assert ["complete 5678 keys"] == got(played)


GIVEN_UP = ("abandoned", "no_input_limit")
THEN = {
    "{say: Bye., goto: done}": (*GIVEN_UP, "Thank you."),
    "done": (*GIVEN_UP, "Thank you."),
    "{flow: other}": (*GIVEN_UP, "Another flow."),
    "{handoff: desk}": ("handed_off", "handed_off", "To the desk."),
    "{say: Bye., hangup: USER_BUSY}": (*GIVEN_UP, "Bye."),
    "{run: decide}": (*GIVEN_UP, "Thank you."),
    "{exit: true}": (*GIVEN_UP, "Your number please."),
}


@pytest.mark.parametrize("then", THEN)
def test_beyond_9_what_happens_at_the_cap(play, then):
    top = "handoffs: {desk: {transfer: 5000 XML default, say: To the desk.}}"
    flow = ask(retry=f"{{attempts: 1, then: {then}}}", top=top).replace(
        "on: {otherwise: done}", "on: {complete: done}"
    )
    played = play(
        flow,
        "",
        "def decide(conv, flow):\n    flow.goto_step('done')\n",
        {"other": "steps:\n  one: {prompt: Another flow., next: {hangup: true}}\n"},
    )
    result, reason, last = THEN[then]
    assert (result, reason, last) == (played.record.result, played.record.reason, said(played)[-1])


@pytest.mark.parametrize(
    ("row", "ending"),
    [
        ("no_input: done", ("completed", "flow_ended")),
        ("otherwise: done", ("completed", "flow_ended")),
        ("no_input: {run: decide}", ("completed", "flow_ended")),
        ("no_input: {say: Bye., hangup: true}", GIVEN_UP),
    ],
)
def test_P7_silence_may_be_an_answer_and_the_call_goes_on_to_a_good_end(play, row, ending):
    """ "Press 1 to opt out, or stay on the line": who stays on the line has not given up."""
    flow = ask().replace("on: {otherwise: done}", f"on: {{{row}}}\n    next: done")
    played = play(flow, "", "def decide(conv, flow):\n    flow.goto_step('done')\n")
    assert ending == (played.record.result, played.record.reason)


def test_L12_every_kind_of_failure_climbs_the_same_ladder(play):
    played = play(
        ask("num_digits: 4, end_key: '#'", retry=LADDER, more="validate: {pattern: '1.*'}"),
        "wait end\npress 12#\nhear wrong one\npress 9999\nhear wrong two\nsay one two three four five\n"
        "hear wrong two\npress 1111\n",
    )
    assert ["complete 1111 keys"] == got(played)
    assert 4 == played.record.collected[0].attempts

"""Barge-in: how fast a prompt stops for a key or a word, and that the next one is never lost over it."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from .world import Phone, World

PROMPTS = (500, 700)
PRESSES = 25
WORDS = 4


@pytest.mark.real_time
def test_L7_a_key_stops_the_prompt_and_the_next_one_follows(world: World, measured: Any) -> None:
    silences, nexts = [], []
    with world.call("two_steps") as phone:
        now, then = PROMPTS
        phone.wait_heard(now)
        for _ in range(PRESSES):
            world.wait(0.25)
            released = phone.press("1")[0]
            nexts.append(phone.wait_heard(then, since=released) - released)
            silences.append(last_heard(phone, now, since=released) - released)
            now, then = then, now
        phone.press("9")
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
    measured("prompt silent after the key's release", milliseconds(silences))
    measured("next prompt heard after the key's release", milliseconds(nexts))
    # Generous: a busy machine must not fail this. Without barge-in it would be 20 seconds.
    assert median(silences) < 0.2
    assert median(nexts) < 0.4


def test_L7_a_word_stops_the_prompt_and_the_next_one_follows(world: World, measured: Any) -> None:
    silences = []
    with world.call("two_steps") as phone:
        now, then = PROMPTS
        phone.wait_heard(now)
        for _ in range(WORDS):
            world.wait(0.5)
            # The word in a partial result, and 200 ms later in the final one.
            said = phone.say("one")
            phone.wait_heard(then, since=said - 0.2)
            silences.append(last_heard(phone, now, since=said - 0.2) - (said - 0.2))
            now, then = then, now
        phone.press("9")
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
    measured("prompt silent after the recogniser's first word", milliseconds(silences))
    assert median(silences) < 0.6


def test_P4_no_key_cuts_the_greeting_short_or_counts_in_it(world: World) -> None:
    """Also not the star, at which FreeSWITCH stops whatever it plays unless it is told otherwise."""
    greets, asks, right = 700, 500, 900
    with world.call("greeted") as phone:
        phone.wait_heard(greets)
        phone.press("*#1")
        phone.wait_heard(asks)
        assert next(sound for sound in phone.sounds() if sound.what == greets).seconds > 1.4
        world.wait(0.3)
        phone.press("1")
        phone.wait_heard(right)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause


def last_heard(phone: Phone, prompt: int, since: float) -> float:
    """The end of the prompt that was playing at a moment."""
    return max(s.end for s in phone.sounds() if s.what == prompt and s.start < since)


def milliseconds(seconds: list[float]) -> str:
    return (
        f"p50 {1000 * median(seconds):.0f} ms, worst {1000 * max(seconds):.0f} ms of {len(seconds)}"
    )


def test_a_prompt_that_somebody_drops_is_heard_all_the_same(world: World) -> None:
    """It waits behind what somebody else has played, who then says `uuid_break all`: FreeSWITCH forgets the prompt."""
    with world.call("two_steps") as phone:
        phone.wait_heard(500)
        world.announce(phone.uuid, 1300)
        world.wait(0.3)
        phone.press("1")
        phone.wait_heard(1300)
        world.wait(0.3)
        world.break_all(phone.uuid)
        phone.wait_heard(700)
        phone.press("2")
        assert "NORMAL_CLEARING" == phone.wait_ended().cause


def test_a_call_is_hung_up_also_while_somebody_else_has_something_played(world: World) -> None:
    with world.call("two_steps") as phone:
        phone.wait_heard(500)
        world.announce(phone.uuid, 1300)
        world.wait(0.3)
        phone.press("2")
        phone.wait_heard(1300)
        assert "NORMAL_CLEARING" == phone.wait_ended(4.0).cause

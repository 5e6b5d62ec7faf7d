"""Barge-in: how fast a prompt stops for a key."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from .world import World

HERE, THERE = 500, 700
PRESSES = 12


@pytest.mark.real_time
def test_L7_a_key_stops_the_prompt_and_the_next_one_follows(world: World, measured: Any) -> None:
    silences, nexts = [], []
    with world.call("two_steps") as phone:
        now, then = HERE, THERE
        phone.wait_heard(now)
        for _ in range(PRESSES):
            world.wait(0.4)
            released = phone.press("1")[0]
            begun = phone.wait_heard(then, since=released)
            last = max(sound.end for sound in phone.sounds() if sound.start < released)
            silences.append(last - released)
            nexts.append(begun - released)
            now, then = then, now
        phone.press("9")
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
    measured("prompt silent after the key's release", _milliseconds(silences))
    measured("next prompt heard after the key's release", _milliseconds(nexts))
    # Generous: a busy machine must not fail this. Where no recogniser or terminator works, it is seconds.
    assert median(silences) < 0.2
    assert median(nexts) < 0.4


def _milliseconds(seconds: list[float]) -> str:
    return (
        f"p50 {1000 * median(seconds):.0f} ms, worst {1000 * max(seconds):.0f} ms of {len(seconds)}"
    )

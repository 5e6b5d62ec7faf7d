"""A telephone number and a PIN: keyed, spoken and both, with and without a recogniser that works."""

from __future__ import annotations

import pytest
from random_text import without_random

from .rtp import pitches_of
from .world import World

RIGHT, WRONG, SHORT, ASKS = 900, 300, 400, 500


@pytest.mark.real_time
def test_L2_L11_ten_keys_are_the_number_and_finish_at_once(world: World) -> None:
    with world.call("number") as phone:
        asked = phone.wait_heard(ASKS)
        released = phone.press("5551234567")
        right = phone.wait_heard(RIGHT, since=asked)
        assert right - released[-1] < 1.0  # far below the inter-digit timeout of 2 s
        ended = phone.wait_ended()
        assert ("switch", "NORMAL_CLEARING") == (ended.by, ended.cause)


def test_L3_ten_spoken_digits_are_the_number(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.say("five five five one two three four five six seven")
        phone.wait_heard(RIGHT)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause


@pytest.mark.real_time
def test_L3_keys_and_speech_fill_one_buffer(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("555")
        phone.say("one two three")
        phone.press("4567")
        phone.wait_heard(RIGHT)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause


def test_L2_fast_keys_and_the_same_key_again_are_all_counted(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("5551234567", hold=0.06, gap=0.04)
        phone.wait_heard(RIGHT)


def test_L12_too_few_digits_are_no_success(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("55512")
        phone.wait_heard(SHORT)
        assert "USER_BUSY" == phone.wait_ended().cause


def test_L13_a_caller_who_does_nothing_is_not_waited_for_for_ever(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        silent = phone.wait_silence(0.3)
        gave_up = phone.wait_heard(SHORT, timeout=8.0)
        assert 3.8 <= gave_up - silent <= 5.0  # first_digit_timeout is 4 s, from the prompt's end


def test_without_a_recogniser_keys_do(world: World) -> None:
    world.speech(up=False)
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("5551234567")
        phone.wait_heard(RIGHT)


@pytest.mark.parametrize("fault", ["dies", "garbles", "goes away"])
def test_when_the_recogniser_fails_in_mid_call_keys_do(world: World, fault: str) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.say("five five five")
        if fault == "dies":
            world.speech_dies()
        elif fault == "garbles":
            world.speech_garbles()
        else:
            world.speech(up=False)
        phone.press("1234567")
        phone.wait_heard(RIGHT)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause


def test_a_recogniser_whose_start_somebody_drops_hears_all_the_same(world: World) -> None:
    """It dies while somebody else has something played, who then says `uuid_break all`."""
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        world.announce(phone.uuid, 1300)
        phone.say("five five five")
        phone.wait_heard(1300)
        world.speech_dies()
        world.wait(0.5)
        world.break_all(phone.uuid)
        world.wait(1.0)
        phone.say("one two three four five six seven")
        phone.wait_heard(RIGHT)


def test_P13_a_pin_is_heard_by_nobody_else(world: World) -> None:
    """Keyed, while the caller says it as well (1000 Hz); once it is over, he says something else (1300 Hz)."""
    with world.call("pin") as phone:
        phone.wait_heard(ASKS)
        phone.talk(1000)
        phone.press("4271", gap=0.3)
        phone.talk(None)
        phone.wait_heard(RIGHT)
        phone.wait_heard(700)
        world.wait(1.0)
        phone.talk(1300)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
        uuid = phone.uuid
    world.wait_recordings(uuid, 1)
    recorded = pitches_of(world.recordings(uuid)[0])
    assert 0 == recorded[1000]
    if world.records_sound:
        # In the mix with the prompt's 700 Hz: neither is pure, but there is sound.
        assert recorded[0] + recorded[700] + recorded[1300] > 20
    assert "4271" not in without_random(world.server_log())

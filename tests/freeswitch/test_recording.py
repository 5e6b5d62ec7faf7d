"""The opt-out: after it there is no recording; without it there is one."""

from __future__ import annotations

import pytest

from .rtp import pitches_of
from .world import World, is_at_the_desk

ASKS, GREETS, GONE = 500, 700, 900


@pytest.mark.real_time
@pytest.mark.parametrize(("flow", "first"), [("opt_out_first", ASKS), ("opt_out_beside", GREETS)])
def test_P12_P15_key_1_leaves_no_recording(world: World, flow: str, first: int) -> None:
    with world.call(flow) as phone:
        phone.talk(1000)
        phone.wait_heard(first)
        world.wait(0.5)
        phone.press("1")
        phone.wait_heard(GONE)
        assert [] == list(world.recordings(phone.uuid)), "already while the call goes on"
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
        uuid = phone.uuid
    world.wait(0.5)
    assert [] == list(world.recordings(uuid))


@pytest.mark.parametrize(("flow", "first"), [("opt_out_first", ASKS), ("opt_out_beside", GREETS)])
def test_P12_without_the_key_there_is_one_recording(world: World, flow: str, first: int) -> None:
    with world.call(flow) as phone:
        phone.talk(1000)
        phone.wait_heard(first)
        phone.wait_ended(15.0)
        uuid = phone.uuid
    world.wait_recordings(uuid, 1)
    assert len(world.recordings(uuid)[0]) > 8000  # half a second of sound at the least


def test_P15_the_greeting_plays_on_beside_the_key(world: World) -> None:
    with world.call("opt_out_beside") as phone:
        phone.wait_heard(GREETS)
        world.wait(0.3)
        phone.press("1")
        phone.wait_heard(GONE)
        greeting = next(sound for sound in phone.sounds() if sound.what == GREETS)
        assert greeting.seconds > 1.7  # all two seconds of it


# Two frames at least: FreeSWITCH does not report a key whose end comes together with the BYE.
@pytest.mark.parametrize("after", [0.05, 0.3])
def test_P12_a_caller_who_hangs_up_behind_the_key_leaves_no_recording(
    world: World, after: float
) -> None:
    with world.call("opt_out_first") as phone:
        phone.talk(1000)
        phone.wait_heard(ASKS)
        world.wait(0.5)
        phone.press("1")
        world.wait(after)
        phone.hang_up()
        phone.wait_ended()
        uuid = phone.uuid
        phone.hangup_cause()
    world.wait_recordings(uuid, 0)


@pytest.mark.parametrize("flow", ["opt_out_first", "opt_out_beside"])
def test_P12_what_the_dialplan_records_is_gone_as_well(world: World, flow: str) -> None:
    with world.call(flow, recorded=True) as phone:
        phone.talk(1000)
        phone.wait_heard()
        world.wait(1.0)
        assert 2 == len(world.recordings(phone.uuid))
        phone.press("1")
        phone.wait_heard(GONE)
        assert [] == list(world.recordings(phone.uuid))
        phone.wait_ended()
        phone.hangup_cause()
        uuid = phone.uuid
    world.wait_recordings(uuid, 0)


def test_P12_so_is_what_it_records_to_a_path_without_an_ending(world: World) -> None:
    """FreeSWITCH makes two files of it, called after the call's codec."""
    with world.call("opt_out_first", recorded=True, ending="") as phone:
        phone.talk(1000)
        phone.wait_heard()
        world.wait(1.0)
        assert 3 == len(world.recordings(phone.uuid))
        phone.press("1")
        phone.wait_heard(GONE)
        assert [] == list(world.recordings(phone.uuid))
        phone.wait_ended()
        phone.hangup_cause()
        uuid = phone.uuid
    world.wait_recordings(uuid, 0)


@pytest.mark.parametrize("keyed", ["4271", "42"], ids=["handed on", "taken away"])
def test_P13_what_the_dialplan_records_goes_on_when_the_caller_is_passed_on(
    world: World, keyed: str
) -> None:
    """It is masked for the PIN, and no longer."""
    with world.call("pin_away", recorded=True) as phone:
        phone.wait_heard(ASKS)
        phone.talk(1000)
        phone.press(keyed)
        phone.talk(None)
        if len(keyed) < 4:
            world.take_away(phone.uuid)
        is_at_the_desk(world, phone)
        world.wait(1.5)
        phone.hang_up()
        phone.hangup_cause()  # then the file is whole
        uuid = phone.uuid
    world.wait_recordings(uuid, 1)
    recorded = pitches_of(world.recordings(uuid)[0])
    assert 0 == recorded[1000]
    assert recorded.total() > 50  # a second of the desk at the least

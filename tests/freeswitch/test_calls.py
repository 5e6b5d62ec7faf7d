"""How calls end, who calls, and where they go: nothing a caller does harms the server or another call."""

from __future__ import annotations

import pytest

from .world import DESK, LOST, TOUCHED, Phone, World, is_at_the_desk

ASKS, RIGHT = 500, 900


def is_served(world: World) -> None:
    """A call that runs as it should."""
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("5551234567", hold=0.06, gap=0.04)
        phone.wait_heard(RIGHT)


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1, 0.5, 2.0])
def test_a_caller_who_hangs_up_is_gone(world: World, after: float) -> None:
    with world.call("number") as phone:
        phone.wait_answered()
        world.wait(after)
        phone.hang_up()
        assert "caller" == phone.wait_ended().by
        assert "NORMAL_CLEARING" == phone.hangup_cause()
    is_served(world)


@pytest.mark.real_time
def test_a_caller_may_hang_up_between_two_keys(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.press("555")
        phone.hang_up()
        assert "caller" == phone.wait_ended().by
        assert "NORMAL_CLEARING" == phone.hangup_cause()
    is_served(world)


def test_a_caller_may_hang_up_while_speaking(world: World) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        phone.say("five five")
        phone.hang_up()
        assert "caller" == phone.wait_ended().by
    is_served(world)


def test_a_caller_may_cancel_before_the_answer(world: World) -> None:
    with world.call("number") as phone:
        phone.cancel()
        ended = phone.wait_ended()
        # Either the CANCEL was in time (487), or the answer crossed it and a BYE followed.
        assert (ended.by, ended.status) in {("refused", 487), ("caller", 200)}
        assert phone.hangup_cause() in {"ORIGINATOR_CANCEL", "NORMAL_CLEARING"}
    is_served(world)


HOSTILE = {
    "forged headers": "%0AContent-Length: 9999%0A%0A",
    "expansion": "${hostname} ${system(touch " + TOUCHED + ")}",
    "quotes": 'a "quoted" <sip:name@example.org> \\',
    "separators": "it's; DROP|TABLE, {x=y}[z]",
    "other scripts and control characters": "grüße 日本 \x01\x7f",
    "long": "long " * 60,
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_only_a_name(world: World, name: str) -> None:
    headers = [("X-Account", name.replace("\x01", "")[:60])]
    with world.call("named", user="+1${uuid}%0A", name=name, headers=headers) as phone:
        phone.wait_said("Hello")
        phone.wait_heard(ASKS, timeout=90.0)
        phone.press("5551234567")
        phone.wait_heard(RIGHT)
        assert "NORMAL_CLEARING" == phone.wait_ended().cause
    assert [] == list(world.ran())


@pytest.mark.real_time
def test_a_transfer_takes_the_caller_to_the_desk(world: World) -> None:
    with world.call("away") as phone:
        phone.wait_heard(ASKS)
        phone.press("1")
        phone.wait_heard(RIGHT)
        is_at_the_desk(world, phone)
        has_the_keys(world, phone)
    is_served(world)


@pytest.mark.real_time
@pytest.mark.parametrize("silent", [False, True], ids=["in a prompt", "in silence"])
def test_a_call_that_somebody_takes_away_is_his(world: World, silent: bool) -> None:
    with world.call("number") as phone:
        phone.wait_heard(ASKS)
        if silent:
            phone.wait_silence(0.3)
        world.wait(0.3)
        world.take_away(phone.uuid)
        is_at_the_desk(world, phone)
        has_the_keys(world, phone)
    is_served(world)


def has_the_keys(world: World, phone: Phone) -> None:
    """The desk's keys are the desk's: they are shown to everybody, and do there what they always do."""
    phone.press("5")
    world.wait(1.0)
    phone.wait_heard(DESK, since=world.now() - 0.2, timeout=1.0)
    assert "5" == phone.keys_shown()
    phone.press("*")
    assert "switch" == phone.wait_ended().by


def test_a_transfer_to_nowhere_is_no_success(world: World) -> None:
    with world.call("away") as phone:
        phone.wait_heard(ASKS)
        phone.press("3")
        assert "NO_ROUTE_DESTINATION" == phone.wait_ended().cause
    world.wait(0.3)
    assert "the dialplan has no extension 'nosuchdesk'" in world.server_log()


def test_a_refer_tells_the_caller_where_to_go(world: World) -> None:
    with world.call("away") as phone:
        phone.wait_heard(ASKS)
        phone.press("2")
        phone.wait_ended()
        assert "sip:desk@example.org" == phone.referred_to


@pytest.mark.parametrize("key", ["2", "3", "4"])
def test_a_hand_off_that_somebody_drops_is_made_all_the_same(world: World, key: str) -> None:
    """It waits behind what somebody else has played, who then says `uuid_break all`: FreeSWITCH forgets it."""
    with world.call("away") as phone:
        phone.wait_heard(ASKS)
        world.announce(phone.uuid, 1300)
        world.wait(0.3)
        phone.press(key)
        phone.wait_heard(1300)
        world.wait(0.3)
        world.break_all(phone.uuid)
        if key == "2":
            phone.wait_ended()
            assert "sip:desk@example.org" == phone.referred_to
        elif key == "3":
            assert "NO_ROUTE_DESTINATION" == phone.wait_ended().cause
            world.wait(0.3)
            assert "the dialplan has no extension 'nosuchdesk'" in world.server_log()
        else:
            phone.wait_silence(0.3)
            phone.wait_heard(since=world.now())
    assert "FreeSWITCH has dropped a command" in world.server_log()


def test_two_calls_do_not_hear_each_other(world: World) -> None:
    with world.call("number") as one, world.call("number") as other:
        one.wait_heard(ASKS)
        other.wait_heard(ASKS)
        one.press("55512")
        other.press("5551234567")
        one.press("34568")
        other.wait_heard(RIGHT)
        one.wait_heard(300)
        assert ("USER_BUSY", "NORMAL_CLEARING") == (
            one.wait_ended().cause,
            other.wait_ended().cause,
        )


@pytest.mark.real_time
def test_a_flow_that_is_not_there_leaves_the_call_to_the_dialplan(world: World) -> None:
    with world.call("nosuchflow") as phone:
        phone.wait_heard(LOST)
    is_served(world)

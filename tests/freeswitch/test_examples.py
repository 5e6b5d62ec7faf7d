"""The example flows of conf/flows, by what they say and where they lead."""

from __future__ import annotations

import pytest

from .world import Phone, World, is_at_the_desk

VOICE = 0
CONSENT = {
    "recording_opt_out": "To opt out, press 1",
    "opt_out_beside_greeting": "to opt out, press 1",
}


def press(phone: Phone, keys: str) -> None:
    """Press keys at an able thumb's pace."""
    phone.press(keys, hold=0.06, gap=0.04)


@pytest.mark.parametrize("flow", CONSENT)
def test_P15_who_opts_out_is_served_and_not_recorded(world: World, flow: str) -> None:
    with world.call(flow) as phone:
        phone.talk(1000)
        asked = phone.wait_said(CONSENT[flow])
        phone.wait_heard(VOICE, since=asked)
        world.wait(0.5)
        press(phone, "1")
        phone.wait_said("not recorded")
        phone.wait_said("To speak to someone, press 2.")
        world.wait(0.5)
        press(phone, "2")
        is_at_the_desk(world, phone)
        assert [] == list(world.recordings(phone.uuid))
        phone.hang_up()
        phone.hangup_cause()
        world.wait_recordings(phone.uuid, 0)


@pytest.mark.parametrize("flow", CONSENT)
def test_P12_who_says_nothing_about_it_is_recorded(world: World, flow: str) -> None:
    with world.call(flow) as phone:
        phone.talk(1000)
        phone.wait_said(CONSENT[flow])
        world.wait(1.5)
        phone.hang_up()
        phone.hangup_cause()
        world.wait_recordings(phone.uuid, 1)


def test_a_phone_number_is_keyed_and_confirmed_by_key(world: World) -> None:
    with world.call("phone_number") as phone:
        phone.wait_said("key or say your ten-digit phone number")
        world.wait(0.3)
        press(phone, "2015550123#")
        phone.wait_said("two zero one, five five five, zero one two three")
        world.wait(0.3)
        press(phone, "1")
        phone.wait_said("We will call you back")
        assert "NORMAL_CLEARING" == phone.wait_ended(30.0).cause


def test_a_phone_number_is_said_and_confirmed_by_voice(world: World) -> None:
    with world.call("phone_number") as phone:
        phone.wait_said("key or say your ten-digit phone number")
        phone.say("two oh one five five five zero one two three")
        phone.wait_said("two zero one, five five five, zero one two three")
        phone.say("yes")
        phone.wait_said("We will call you back")
        assert "NORMAL_CLEARING" == phone.wait_ended(30.0).cause


def test_a_menu_leads_to_the_operator_by_key(world: World) -> None:
    with world.call("menu") as phone:
        phone.wait_said("For orders, press 1.")
        world.wait(0.3)
        press(phone, "1")
        phone.wait_said("For a new order, press 1.")
        world.wait(0.3)
        press(phone, "0")
        is_at_the_desk(world, phone)


def test_a_menu_leads_to_the_operator_by_voice(world: World) -> None:
    with world.call("menu") as phone:
        phone.wait_said("For orders, press 1.")
        phone.say("operator please")
        is_at_the_desk(world, phone)


def test_P13_a_pin_is_asked_again_and_found_in_no_log(world: World) -> None:
    with world.call("pin_entry") as phone:
        phone.wait_said("four-digit PIN")
        world.wait(0.3)
        press(phone, "1357#")
        phone.wait_said("That PIN is not right")
        world.wait(0.3)
        press(phone, "2468#")
        phone.wait_said("Your balance")
        assert "NORMAL_CLEARING" == phone.wait_ended(20.0).cause
    assert not [pin for pin in ("1357", "2468") if pin in world.server_log()]

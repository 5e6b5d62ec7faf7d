"""Recordings whose call lost its server are published, or discarded if the settings say so; and which are none of those."""

from __future__ import annotations

import os
from unittest.mock import Mock

import pytest

from fsflows.database import DatabaseFailed
from recordings.fakes import UUID, fail_database, sweep_alone


def test_a_recording_whose_server_died_is_published_when_its_call_is_over(world):
    sweep_alone(world.service.sweeper)
    call = world.call()
    call.start()
    world.switch.talk()
    world.calls.clear()
    service = world.restart()
    assert sweep_alone(service.sweeper).waiting == 1
    world.switch.hang_up(UUID)
    assert service.sweeper.sweep().published == 1
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def test_or_discarded_if_the_settings_say_so(world):
    sweep_alone(world.service.sweeper)
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    world.calls.clear()
    service = world.restart(discard_orphans=True)
    assert sweep_alone(service.sweeper).discarded == 1
    assert world.audio() == []
    assert world.receipt().cause.key_or_word == "server lost"


@pytest.mark.parametrize("origin", ["flow", "dialplan"])
def test_what_goes_on_after_a_hand_off_is_no_orphan(world, origin):
    world.restart(discard_orphans=True)
    call = world.call()
    if origin == "flow":
        call.start()
    else:
        world.switch.uuid_record(UUID, "start", f"{world.staging}/x.wav")
    call.finish(call_over=False, keep_running=True)
    world.calls.clear()
    assert world.service.sweeper.sweep().waiting == 1
    world.switch.talk()
    world.switch.hang_up(UUID)
    assert world.service.sweeper.sweep().published == 1
    assert world.states() == ["published"]


def test_it_is_one_if_the_call_has_come_back_and_that_server_is_lost(world):
    world.restart(discard_orphans=True)
    call = world.call()
    call.start()
    call.finish(call_over=False, keep_running=True)
    world.call().begin()
    world.switch.talk()
    world.switch.hang_up(UUID)
    world.calls.clear()
    service = world.restart(discard_orphans=True)
    assert sweep_alone(service.sweeper).discarded == 1
    assert world.audio() == []


def test_what_waits_for_another_recording_of_its_call_is_no_orphan(world):
    """The server dies, or the database goes away, when the first of two is published."""
    world.restart(discard_orphans=True)
    call = world.call()
    call.start()
    call.pause()
    call.resume()
    world.switch.talk()
    world.switch.hang_up(UUID)
    publish = world.files.publish
    world.files.publish = Mock(side_effect=DatabaseFailed("away"))
    call.finish()
    world.files.publish = publish
    assert world.states() == ["publishing", "staged"]
    assert world.service.sweeper.sweep().published == 2
    assert world.states() == ["published"] * 2


@pytest.mark.parametrize("after", range(6))
def test_what_ended_in_good_order_is_no_orphan_though_the_database_was_away(world, after):
    """Another worker sweeps, at any time."""
    world.restart(discard_orphans=True)
    call = world.call()
    call.start()
    call.pause()
    call.resume()
    world.switch.talk()
    world.switch.hang_up(UUID)
    there, world.service = world.service, world.make("node-a", discard_orphans=True)
    for service in (there, world.service):
        service.sweeper.tend()
    back = fail_database(world, after)
    assert call.finish().state == "present"
    back()
    for _ in range(2):
        world.service.sweeper.sweep()
        there.sweeper.tend()
    world.service.sweeper.sweep()
    assert world.states() == ["published"] * 2


def test_without_the_event_socket_a_recording_counts_as_over_when_it_has_not_changed_for_an_hour(
    world,
):
    world.socket = False
    world.restart()
    call = world.call()
    path = call.start()
    world.switch.hang_up(UUID)
    world.calls.clear()
    service = world.restart()
    os.utime(path, (world.clock.utcnow().timestamp(),) * 2)
    world.later(minutes=59)
    assert sweep_alone(service.sweeper).waiting == 1
    world.later(minutes=2)
    assert service.sweeper.sweep().published == 1

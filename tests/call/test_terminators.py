"""Which keys stop a sound: FreeSWITCH is told once, with the sound that they are for."""

import pytest

from fsflows.call.audio import File
from fsflows.call.call import Call
from fsflows.call.ended import CallEnded, CallFailed
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.switch.link import incoming_call

SOUND = File("/sounds/menu.wav")


@pytest.fixture
def told():
    """Runs something on a call that has been answered; what FreeSWITCH was told: applications, and terminators."""

    def run(work):
        clock = VirtualClock()
        link = incoming_call(clock, opening=subscribe())
        seen = []
        post = link.post

        def posted(command, *, more=False):
            words = command.args.split()
            if words[:1] == ["uuid_setvar"] and words[2] == "playback_terminators":
                seen.append(" ".join(words[3:]))
            elif command.application:
                seen.append(command.application)
            post(command, more=more)

        def all_of_it():
            call = Call(link, clock)
            call.answer()
            link.post = posted
            work(call)

        clock.run(all_of_it)
        return seen

    return run


def test_keys_that_nothing_was_played_with_are_never_sent(told):
    def work(call):
        call.stop_on_keys("")
        call.stop_on_keys("12")
        call.play(SOUND)
        call.finish_playing()
        call.play(SOUND)
        call.finish_playing()
        call.stop_on_keys("")

    assert ["12", "playback", "playback"] == told(work)


def test_what_plays_already_is_stopped_by_other_keys_from_now_on(told):
    def work(call):
        call.stop_on_keys("12")
        call.play(SOUND, SOUND)
        call.stop_on_keys("")
        call.finish_playing()

    assert ["12", "playback", "none", "playback"] == told(work)


def test_keys_that_were_wanted_and_are_no_longer_change_nothing(told):
    def work(call):
        call.stop_on_keys("12")
        call.play(SOUND)
        call.finish_playing()
        call.stop_on_keys("")
        call.stop_on_keys("12")
        call.play(SOUND)
        call.finish_playing()

    assert ["12", "playback", "playback"] == told(work)


def test_nothing_that_others_play_to_a_bridged_caller_is_stopped_by_keys_of_ours(told):
    def work(call):
        call.stop_on_keys("12")
        call.play(SOUND)
        call.finish_playing()
        call.stop_on_keys("")
        with pytest.raises((CallFailed, CallEnded)):
            call.bridge("user/nobody")

    assert ["12", "playback", "none", "bridge"] == told(work)

"""A call that was closed, and that somebody has kept: what a function has put aside, a task that goes on."""

import pytest

from fsflows.call.audio import File
from fsflows.call.call import Call
from fsflows.call.ended import CallEnded
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.switch.link import incoming_call


@pytest.mark.parametrize(
    "verb",
    [
        lambda call: call.play(File("a.wav")),
        lambda call: call.api("uuid_exists", call.uuid),
        lambda call: call.set_variable("a", "b"),
        lambda call: call.wait(),
    ],
    ids=["play", "api", "set_variable", "wait"],
)
def test_whoever_has_kept_a_closed_call_is_told_that_it_is_over(verb):
    """Also while events lie unread that would have told its recogniser and its player something."""
    clock = VirtualClock()

    def run():
        call = Call(incoming_call(clock, opening=subscribe()), clock)
        call.answer()
        call.prepare_speech()
        call.play(File("a.wav"))
        clock.sleep(0.5)  # that both have begun lies there
        call.close()
        with pytest.raises(CallEnded):
            verb(call)

    clock.run(run)

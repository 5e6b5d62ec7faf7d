"""A call that was closed, and that somebody has kept: what a function has put aside, a task that goes on."""

import pytest

from fsflows.call.audio import File
from fsflows.call.call import Call
from fsflows.call.ended import CallEnded
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.switch.link import incoming_call
from fsflows.switch.script import parse_script


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


def life(call):
    """All that a call's parts have to do with its events."""
    call.answer()
    call.listen()
    call.stop_on_keys("1")
    call.play(File("a.wav"), File("b.wav"))
    call.stop_playing()
    call.play(File("c.wav"), File("d.wav"))
    while call.wait(call.clock.now() + 60.0) is not None:
        pass


@pytest.mark.parametrize("count", range(1, 12))
def test_who_waits_while_a_call_is_closed_is_told_that_it_is_over(count):
    """Closed behind each of its first events in turn, before the task that waits has looked at it."""
    clock = VirtualClock()
    script = parse_script("wait 1\nsay one two three\npress 1\nwait 0.5\nsay one\n", "closed")
    link = incoming_call(clock, opening=subscribe(), script=script)
    receive, received = link.receive, []

    def run():
        call = Call(link, clock)

        def received_and_closed(until=None):
            event = receive(until)
            received.append(event)
            if len(received) == count:
                call.close()
            return event

        link.receive = received_and_closed
        with pytest.raises(CallEnded):
            life(call)

    clock.run(run)
    assert count <= len(received)


@pytest.mark.parametrize(
    "verb",
    [Call.listen, Call.prepare_speech, Call.dismiss_recogniser, lambda call: call.run("answer")],
    ids=["listen", "prepare_speech", "dismiss_recogniser", "run"],
)
@pytest.mark.parametrize("heard", [False, True])
def test_so_is_who_turns_to_the_recogniser_of_a_closed_call(verb, heard):
    clock = VirtualClock()

    def run():
        call = Call(incoming_call(clock, opening=subscribe()), clock)
        call.answer()
        if heard:
            call.listen()
        call.close()
        call.stop_listening()
        call.stop_playing()
        with pytest.raises(CallEnded):
            verb(call)

    clock.run(run)

"""A FreeSWITCH that stands still, with its connections open: no call waits for it for ever."""

from types import SimpleNamespace

import pytest

from fsflows.call.audio import File
from fsflows.call.call import Call
from fsflows.call.ended import CallEnded
from fsflows.call.line import SILENCE
from fsflows.clock import VirtualClock
from fsflows.esl.event import Event
from fsflows.esl.link import Reply, ReplyTimeout

UUID = "f14c4926-4780-4a1c-ada2-64dd0c0a5a81"


class Silent:
    """A link on which nothing ever comes; `answers`: to `api uuid_exists`, one after the other; None: no answer."""

    lingering = False

    def __init__(self, clock, answers):
        self.channel = Event.from_plain(f"Event-Name: CHANNEL_DATA\nUnique-ID: {UUID}\n\n".encode())
        self.clock = clock
        self.answers = list(answers)
        self.asked = []

    def ask(self, command):
        return SimpleNamespace(reply=lambda timeout: self.answer(command, timeout))

    def answer(self, command, timeout):
        assert command.label == "api uuid_exists", command.label
        self.asked.append(self.clock.now())
        answer = self.answers.pop(0)
        if answer is None:
            self.clock.sleep(timeout)
            raise ReplyTimeout("no reply")
        return Reply(answer, {})

    def post(self, command, *, more=False):
        pass

    def receive(self, until=None):
        assert until is not None, "nothing would ever end this"
        self.clock.sleep(until - self.clock.now())

    def wake(self):
        pass


def ended(answers, wait):
    """How a call ends on such a link, and when it was asked about and over: in seconds since it began to wait."""
    clock = VirtualClock()
    link = Silent(clock, answers)

    def run():
        call = Call(link, clock)
        began = clock.now()
        with pytest.raises(CallEnded) as end:
            wait(call)
        return end.value.cause, [at - began for at in link.asked], clock.now() - began

    return clock.run(run)


def test_a_call_of_which_freeswitch_says_nothing_more_is_lost():
    cause, asked, after = ended(["true", "true", None], lambda call: call.wait())
    assert "LINK_LOST" == cause
    assert [SILENCE, 2 * SILENCE, 3 * SILENCE] == asked
    assert 3 * SILENCE + 5.0 == after


def test_a_call_that_is_gone_without_a_word_is_over():
    cause, _, after = ended(["true", "false"], lambda call: call.wait())
    assert ("NORMAL_UNSPECIFIED", 2 * SILENCE) == (cause, after)


def test_so_is_one_that_waits_for_an_application_without_a_limit_to_speak_of():
    cause, asked, _ = ended([None], lambda call: call.run("bridge", "user/1", timeout=24 * 3600.0))
    assert ("LINK_LOST", [SILENCE]) == (cause, asked)


def test_what_is_asked_about_a_sound_that_does_not_begin_is_no_sign_of_life():
    def hear(call):
        call.play(File("a.wav"))
        call.finish_playing()
        while True:
            call.wait()

    cause, asked, _ = ended(["true", None], hear)
    assert ("LINK_LOST", [SILENCE, 2 * SILENCE]) == (cause, asked)


def test_nobody_is_asked_where_the_wait_has_an_end():
    clock = VirtualClock()
    link = Silent(clock, [])

    def run():
        call = Call(link, clock)
        return call.wait(clock.now() + SILENCE)

    assert clock.run(run) is None
    assert [] == link.asked

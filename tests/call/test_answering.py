"""The answer, and what is done while FreeSWITCH is at it."""

import pytest

from fsflows.call.call import Call
from fsflows.call.ended import CallEnded
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.esl import commands
from fsflows.switch.link import incoming_call
from fsflows.switch.script import parse_script


def answered(script="", before=lambda call: None):
    """When what is to be done meanwhile was done, and when the answer was over, or how the call had ended."""
    clock = VirtualClock()

    def run():
        link = incoming_call(clock, opening=subscribe(), script=parse_script(script, "answering"))
        call = Call(link, clock)
        before(call)
        began, done = clock.now(), []
        call.begin_answering()
        listed = call.ask("uuid_buglist", call.uuid)

        def meanwhile():
            done.append(clock.now() - began)
            assert "media-bugs" in listed(0.0).text or call.ended is not None

        try:
            call.answer(meanwhile)
        except CallEnded as ended:
            return done, ended.cause
        return done, clock.now() - began

    return clock.run(run)


def test_what_is_done_meanwhile_is_done_before_the_caller_is_answered():
    """The database is asked while FreeSWITCH answers, which takes it two of its rounds of 20 ms."""
    (at,), over = answered()
    assert 0.0 < at < over < 0.1


def test_a_call_that_is_answered_already_waits_for_nothing():
    assert ([0.0], 0.0) == answered(before=lambda call: call.answer())


def test_who_hangs_up_while_being_answered_is_looked_after_all_the_same():
    """What the dialplan has recorded until then belongs to the call; nobody else would tell."""

    def gone(call):
        call.link.far_end.handle(commands.api("uuid_kill", call.uuid), call.clock.now())

    done, cause = answered(before=gone)
    assert 1 == len(done)
    assert "NORMAL_CLEARING" == cause


@pytest.mark.parametrize("count", [0, 1])
def test_it_is_done_once(count):
    done, _ = answered("wait 0.01\nhangup\n" if count else "")
    assert 1 == len(done)

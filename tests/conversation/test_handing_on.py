"""Handing a call on to somebody: who hangs up first, who does not answer, and what is left when the server stops."""

import pytest

from fsflows.archive.endings import Reason, Result
from fsflows.switch import Leg, Setup
from fsflows.switch.setup import Telephone

FLOW = """
    apology: Nobody is there.
    steps:
      ask: {{prompt: Hello., next: {{handoff: desk}}}}
    handoffs: {{desk: {{{method}: "{target}", say: Moving you.}}}}
"""
BRIDGE = FLOW.format(method="bridge", target="user/1000")
REFER = FLOW.format(method="refer", target="sip:desk@example.com")


def to(**leg):
    return Setup(dial=lambda _: Leg(**leg))


def ending(played):
    return played.record.result, played.record.reason


def test_a_caller_who_hangs_up_on_the_desk_has_been_handed_on(play):
    played = play(BRIDGE, "wait 10\nhangup\n", setup=to())
    assert (Result.HANDED_OFF, Reason.HANDED_OFF) == ending(played)


def test_a_desk_that_hangs_up_ends_the_call(play):
    played = play(BRIDGE, "wait end within 30\n", setup=to(talks=5.0, cause="NORMAL_UNSPECIFIED"))
    assert (Result.HANDED_OFF, Reason.HANDED_OFF) == ending(played)
    assert "NORMAL_UNSPECIFIED" == played.record.hangup_cause


def test_a_caller_who_hangs_up_before_anybody_answers_has_not(play):
    played = play(BRIDGE, "wait 5\nhangup\n", setup=to(after=20.0))
    assert (Result.ABANDONED, Reason.CALLER_HUNG_UP) == ending(played)


def test_an_announcement_is_nobody(play):
    setup = to(answers=False, announces=4.0, cause="NO_ROUTE_DESTINATION")
    played = play(BRIDGE, "expect heard Nobody is there\n", setup=setup)
    assert (Result.FAILED, Reason.HANDOFF_FAILED) == ending(played)


def test_a_caller_who_has_heard_enough_of_an_announcement(play):
    setup = to(answers=False, announces=40.0, cause="NO_ROUTE_DESTINATION")
    played = play(BRIDGE, "wait 10\nhangup\n", setup=setup)
    assert (Result.ABANDONED, Reason.CALLER_HUNG_UP) == ending(played)


LATER = """
    def start_function(conv):
        engine = conv._engine
        def later():
            engine.clock.sleep(6)
            {do}
        engine.clock.spawn(later)
"""


@pytest.mark.parametrize(
    ("rings", "expected"),
    [
        (0.02, (Result.HANDED_OFF, Reason.HANDED_OFF)),
        (20.0, (Result.FAILED, Reason.DRAINED)),
    ],
)
def test_a_server_that_stops_leaves_them_to_each_other(play, rings, expected):
    """Nobody's conversation ends with ours; who still rings is waited for without us."""
    stops = LATER.format(do="engine.call.interrupt()")
    played = play(BRIDGE, "wait 30\nhangup\n", stops, setup=to(after=rings))
    assert expected == ending(played)
    assert "TRANSFERRED" == played.record.hangup_cause
    assert "Nobody is there" not in played.heard
    assert "hung up" not in played.page
    assert played.record.seconds < 8


def test_who_dies_tears_nobody_out_of_a_conversation(play):
    """The end of our connection is an end of what runs, unless FreeSWITCH is told otherwise."""
    asks = LATER.format(
        do="conv.state.told = [engine.call.api('uuid_getvar', engine.call.uuid, name).text.strip() for name in ('socket_resume', 'hangup_after_bridge')]; engine.write_metric('told', ' '.join(conv.state.told))"
    )
    played = play(BRIDGE, "wait 10\nhangup\n", asks, setup=to())
    assert ["false true"] == [each.value for each in played.record.entries if each.kind == "metric"]


@pytest.mark.parametrize(
    ("telephone", "expected"),
    [
        (Telephone(), (Result.HANDED_OFF, Reason.HANDED_OFF)),
        (Telephone(accepts=603), (Result.FAILED, Reason.HANDOFF_FAILED)),
        (Telephone(reached=486), (Result.FAILED, Reason.HANDOFF_FAILED)),
    ],
)
def test_a_telephone_that_is_told_to_call_somebody_else(play, telephone, expected):
    played = play(REFER, "wait end within 30\n", setup=Setup(telephone=telephone))
    assert expected == ending(played)
    assert "BLIND_TRANSFER" == played.record.hangup_cause


def test_a_caller_who_hangs_up_while_his_telephone_thinks(play):
    setup = Setup(telephone=Telephone(accepts=603))
    played = play(REFER, "wait 3\nhangup\n", setup=setup)
    assert (Result.FAILED, Reason.HANDOFF_FAILED) == ending(played)

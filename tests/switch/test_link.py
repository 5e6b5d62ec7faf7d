"""The simulated channel as a link, in virtual time."""

from __future__ import annotations

import time

import pytest

from fsflows.clock import VirtualClock
from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.esl.link import Link, LinkClosed, ReplyTimeout
from fsflows.switch import CallProfile, Setup, Sounds, parse_script
from fsflows.switch.link import SimulatedLink, incoming_call

OPENING = [
    *commands.subscription(
        ["DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "BACKGROUND_JOB"], linger_for=2
    ),
]


def in_a_call(test, *, script: str = "", setup: Setup | None = None):
    """Run `test(link, clock)` in a world of its own."""
    clock = VirtualClock()
    link = incoming_call(
        clock, setup=setup, opening=OPENING, script=parse_script(script) if script else None
    )
    return clock.run(test, link, clock)


def drain(link: Link) -> list[str]:
    names = []
    try:
        while True:
            event = link.receive()
            if event is not None:
                names.append(event.name)
    except LinkClosed:
        return names


def test_the_channels_data_is_there_at_once():
    clock = VirtualClock()
    link = incoming_call(clock, CallProfile(caller_number="15551234567"))

    assert link.channel.get("Caller-Caller-ID-Number") == "15551234567"
    assert link.channel.timestamp == pytest.approx(clock.utcnow().timestamp())
    assert not link.lingering


def test_a_scripted_call_from_its_beginning_to_its_end():
    def converse(link: SimulatedLink, clock: VirtualClock) -> list[str]:
        link.post(commands.execute("answer"))
        link.post(commands.execute("speak", "flite|kal|Press one"))
        return drain(link)

    names = in_a_call(converse, script="hear press one\npress 1\nwait 30\nhangup")

    assert names == [
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_EXECUTE_COMPLETE",
        "DTMF",
        "CHANNEL_HANGUP",
        "CHANNEL_EXECUTE_COMPLETE",
    ]


def test_a_deadline_passes():
    def converse(link: SimulatedLink, clock: VirtualClock) -> float:
        before = clock.now()
        assert link.receive(before + 1.5) is None
        return clock.now() - before

    assert in_a_call(converse) == pytest.approx(1.5)


def test_requests_and_replies():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        uuid = link.channel.uuid
        assert link.request(commands.api("uuid_exists", uuid)).text == "true"
        reply = link.request(commands.bgapi("uuid_exists", uuid))
        assert reply.headers["Job-UUID"]
        event = link.receive()
        assert event is not None
        assert ("BACKGROUND_JOB", "true") == (event.name, event.body)
        refused = link.request(Command("nonsense"))
        assert (False, "-ERR command not found") == (refused.ok, refused.text)

    in_a_call(converse)


def test_a_slow_reply_keeps_its_place():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        before = clock.now()
        with pytest.raises(ReplyTimeout, match="api msleep"):
            link.request(commands.api("msleep", "800"), timeout=0.5)
        assert link.request(commands.api("version")).text.startswith("FreeSWITCH Version")
        assert clock.now() - before == pytest.approx(0.8)

    in_a_call(converse)


def test_another_task_wakes_the_receiver():
    def converse(link: SimulatedLink, clock: VirtualClock) -> float:
        def later() -> None:
            clock.sleep(0.7)
            link.wake()

        clock.spawn(later)
        before = clock.now()
        assert link.receive(before + 60) is None
        return clock.now() - before

    assert in_a_call(converse) == pytest.approx(0.7)


def test_the_end_comes_behind_the_last_event():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        link.post(commands.execute("answer"))
        names = drain(link)
        assert names[-2:] == ["CHANNEL_HANGUP", "CHANNEL_EXECUTE_COMPLETE"]
        assert link.lingering
        for call in (
            lambda: link.receive(clock.now()),
            lambda: link.post(commands.linger()),
            lambda: link.request(commands.linger()),
        ):
            with pytest.raises(LinkClosed, match="the simulated switch closed the connection"):
                call()

    in_a_call(converse, script="wait 1\nhangup")


def test_closing_lets_the_dialplan_go_on():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        link.post(commands.execute("answer"))
        clock.sleep(1)
        link.close()
        link.close()
        assert drain(link) == ["CHANNEL_EXECUTE_COMPLETE"]
        with pytest.raises(LinkClosed, match="we closed the connection"):
            link.receive()
        clock.sleep(5)
        assert [sound.what for sound in link.far_end.transcript.heard] == ["sorry.wav"]
        assert link.far_end.ended

    in_a_call(converse, setup=Setup(then=(("playback", "sorry.wav"),)))


def test_exit_is_answered():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        assert link.request(commands.exit_()).text == "+OK bye"
        with pytest.raises(LinkClosed):
            link.receive()

    in_a_call(converse)


def test_the_caller_can_be_told_what_to_do():
    def converse(link: SimulatedLink, clock: VirtualClock) -> str | None:
        link.post(commands.execute("answer"))
        clock.sleep(1)
        link.caller.press("7")
        link.look()
        while (event := link.receive()) is None or event.name != "DTMF":
            pass
        return event.get("DTMF-Digit")

    assert in_a_call(converse) == "7"


def test_events_read_like_real_ones():
    def converse(link: SimulatedLink, clock: VirtualClock) -> None:
        link.post(commands.execute("set", "a=b", event_uuid="mine"))
        event = link.receive()
        assert event is not None
        assert event["Application-UUID"] == "mine"
        assert event.variable("a") == "b"
        assert event.get("No-Such-Header") is None
        assert event.get("variable_none", "default") == "default"
        assert event.uuid == link.channel.uuid
        assert event.timestamp == pytest.approx(clock.utcnow().timestamp(), abs=0.001)
        assert "Caller-Caller-ID-Name" in event
        assert event.headers["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE"
        assert isinstance(event.sequence, int)

    in_a_call(converse)


def test_an_hour_takes_no_time():
    def converse(link: SimulatedLink, clock: VirtualClock) -> int:
        link.post(commands.execute("answer"))
        link.post(commands.execute("playback", "music.wav"))
        return len(drain(link))

    began = time.perf_counter()
    setup = Setup(sounds=Sounds(default=3600.0))
    in_a_call(converse, script="wait end within 600\n", setup=setup)

    assert time.perf_counter() - began < 5.0

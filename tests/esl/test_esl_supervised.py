"""The connection that comes back by itself, in virtual time: when it tries, what it says, who is told."""

import random

import gevent
import pytest
from esl_peer import LONG, Peer
from gevent import socket

from fsflows.clock import GeventClock, VirtualClock
from fsflows.esl import serialize
from fsflows.esl.event import Event
from fsflows.esl.inbound import WrongPassword
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.esl.metrics import FREESWITCH_LOST, FREESWITCH_UP
from fsflows.esl.supervised import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    QUIET,
    STEADY,
    FreeSwitch,
    FreeSwitches,
    Unreachable,
)
from fsflows.log import capture


class Switch:
    """A FreeSWITCH that is there or not, answers or not."""

    def __init__(self, clock, name="fs1"):
        self.clock = clock
        self.name = name
        self.up = True
        self.mute = False
        self.tries = []
        self.links = []
        self.asked = []
        self.answers = {}
        self.order = []

    def connect(self):
        self.tries.append(self.clock.now())
        if not self.up:
            raise ConnectionError("connection refused")
        self.links.append(SwitchLink(self))
        return self.links[-1]

    def crash(self):
        self.up = False
        for link in self.links:
            link.end()

    def say(self, **headers):
        event = Event.from_headers({name.replace("_", "-"): text for name, text in headers.items()})
        self.links[-1].inbox.put(event)


class SwitchLink:
    def __init__(self, switch):
        self.switch = switch
        self.inbox = switch.clock.mailbox()
        self.subscribed = []
        self.over = False
        self.closed = False

    def request(self, command, timeout=5.0):
        if self.over:
            raise LinkClosed("FreeSWITCH closed the connection")
        if self.switch.mute:
            self.switch.clock.sleep(timeout)
            raise ReplyTimeout("no reply")
        self.switch.asked.append(command.args)
        if command.verb == "filter":
            self.switch.order.append(f"filter {command.args}")
        if command.verb == "bgapi":
            self.jobs = [*getattr(self, "jobs", []), command.headers["job-uuid"]]
            return Reply("+OK Job-UUID: x", {})
        answers = {"switchname": self.switch.name, "global_getvar core_uuid": "core-1"}
        return Reply(self.switch.answers.get(command.args, answers.get(command.args, "+OK")), {})

    def subscribe(self, names):
        self.subscribed += names
        self.switch.order.append(f"event {' '.join(names)}")

    def receive(self, until=None):
        event = self.inbox.get(until)
        if event == "end":
            raise LinkClosed("FreeSWITCH closed the connection")
        return event

    def end(self):
        self.over = True
        self.inbox.put("end")

    def close(self):
        self.closed = True


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def there(clock):
    return Switch(clock)


@pytest.fixture
def freeswitch(clock, there):
    return FreeSwitch("10.0.0.1:8021", there.connect, clock, chance=lambda: 0.5)


def gauge():
    return FREESWITCH_UP.labels("10.0.0.1:8021")._value.get()


def test_it_connects_and_learns_whom_it_has_reached(clock, there, freeswitch):
    def scenario():
        assert (False, "", "") == (freeswitch.connected, freeswitch.name, freeswitch.health.why)
        with pytest.raises(
            Unreachable, match=r"10\.0\.0\.1:8021 can't be reached: not yet connected"
        ):
            freeswitch.api("status")
        freeswitch.start()
        freeswitch.start()
        assert freeswitch.wait(clock.now() + 1)
        assert ("fs1", "core-1") == (freeswitch.health.name, freeswitch.health.core_uuid)
        assert "+OK" == freeswitch.api("status").text
        assert 1 == gauge()
        freeswitch.close()
        freeswitch.close()
        assert not freeswitch.connected
        with pytest.raises(Unreachable):
            freeswitch.api("status")

    clock.run(scenario)
    assert 1 == len(there.tries)
    assert there.links[0].closed


def test_it_comes_back_in_growing_pauses_and_says_so_once(clock, there, freeswitch):
    lost = FREESWITCH_LOST.labels("10.0.0.1:8021")._value.get()

    def scenario():
        freeswitch.start()
        freeswitch.wait()
        clock.sleep(STEADY)
        there.crash()
        clock.sleep(300)
        assert not freeswitch.connected
        assert 300 == freeswitch.health.since
        assert "connection refused" == freeswitch.health.why
        assert 0 == gauge()
        assert not freeswitch.wait(clock.now() + 0.001)
        there.up = True
        assert freeswitch.wait(clock.now() + LONGEST_PAUSE)
        freeswitch.close()

    with capture() as lines:
        clock.run(scenario)
    waits = [later - sooner for sooner, later in zip(there.tries, there.tries[1:], strict=False)]
    assert STEADY + FIRST_PAUSE == waits[0]
    assert [1, 2, 4, 8, 16, 30, 30] == waits[1:8]
    said = [(line["level"], line["event"]) for line in lines]
    assert [
        ("info", "FreeSWITCH's event socket is connected"),
        ("warning", "FreeSWITCH's event socket is lost"),
        ("info", "FreeSWITCH's event socket is connected again"),
    ] == said
    assert 1 == FREESWITCH_LOST.labels("10.0.0.1:8021")._value.get() - lost


def test_a_switch_that_was_never_there_is_said_once_too(clock, there, freeswitch):
    there.up = False

    def scenario():
        freeswitch.start()
        clock.sleep(120)
        freeswitch.close()

    with capture() as lines:
        clock.run(scenario)
    (line,) = lines
    assert "FreeSWITCH's event socket is not connected" == line["event"]
    assert "connection refused" == line["why"]


def test_a_connection_that_never_lasts_is_not_tried_without_a_pause(clock, there, freeswitch):
    def scenario():
        freeswitch.start()
        for _ in range(200):
            clock.sleep(0.25)
            for link in there.links:
                link.end()
        freeswitch.close()

    with capture():
        clock.run(scenario)
    assert len(there.tries) < 8


def test_no_two_servers_come_back_at_the_same_moment(clock):
    tries = []
    for seed in (1, 2):
        switch = Switch(clock)
        switch.up = False
        chance = random.Random(seed).random
        FreeSwitch("10.0.0.1:8021", switch.connect, clock, chance).start()
        tries.append(switch.tries)
    with capture():
        clock.run(lambda: clock.sleep(60))
    assert set(tries[0][1:]).isdisjoint(tries[1][1:])


def test_a_freeswitch_that_hangs_is_noticed(clock, there, freeswitch):
    def scenario():
        freeswitch.start()
        freeswitch.wait()
        clock.sleep(QUIET * 3)
        assert freeswitch.connected  # quiet, but it answers
        there.mute = True
        there.up = False
        clock.sleep(QUIET + PATIENCE)
        assert not freeswitch.connected
        freeswitch.close()

    with capture():
        clock.run(scenario)


def test_who_listens_is_told_of_events_and_of_each_new_connection(clock, there, freeswitch):
    told, connected = [], []

    def broken(event):
        raise RuntimeError(event.name)

    def scenario():
        freeswitch.listen(["RECORD_START"], broken)
        freeswitch.listen(["RECORD_START"], told.append, lambda: connected.append(clock.now()))
        freeswitch.start()
        freeswitch.wait()
        there.say(Event_Name="RECORD_START", Unique_ID="a")
        there.say(Event_Name="HEARTBEAT")
        clock.sleep(0)
        there.crash()
        there.up = True
        clock.sleep(1)
        there.say(Event_Name="RECORD_START", Unique_ID="b")
        clock.sleep(0)
        later = []
        stop = freeswitch.listen(["HEARTBEAT"], later.append, lambda: later.append("up"))
        there.say(Event_Name="HEARTBEAT")
        clock.sleep(0)
        stop()
        there.say(Event_Name="HEARTBEAT")
        clock.sleep(0)
        assert ["up", "HEARTBEAT"] == [getattr(each, "name", each) for each in later]
        freeswitch.close()

    with capture() as lines:
        clock.run(scenario)
    assert ["a", "b"] == [event.get("Unique-ID") for event in told]
    assert 2 == len(connected)
    assert [["RECORD_START"], ["RECORD_START", "HEARTBEAT"]] == [
        link.subscribed for link in there.links
    ]
    assert 2 == [line["event"] for line in lines].count("a listener raised")


def test_FreeSWITCH_sends_no_more_than_is_wanted(clock, there, freeswitch):
    """The filters go first: behind the subscription, every call's events would come meanwhile."""
    said = []

    def scenario():
        freeswitch.listen(["CHANNEL_ANSWER"], said.append, only=("variable_ours", "/./"))
        freeswitch.start()
        freeswitch.listen(["RECORD_START"], said.append)  # while it connects
        freeswitch.wait()
        there.order.clear()
        there.links[-1].end()
        clock.sleep(1)
        freeswitch.wait()
        freeswitch.listen(["RECORD_START", "RECORD_STOP"], said.append)
        freeswitch.close()

    there.order = []
    clock.run(scenario)
    assert [
        "filter Event-Name RECORD_START",
        "filter variable_ours /./",
        "event CHANNEL_ANSWER RECORD_START",
        "filter Event-Name RECORD_STOP",
        "event RECORD_STOP",
    ] == there.order


def test_a_filter_that_is_refused_is_no_connection(clock, there, freeswitch):
    """Not to hear of a recording must not go unnoticed."""
    there.answers["Event-Name RECORD_START"] = "-ERR no"

    def scenario():
        freeswitch.listen(["RECORD_START"], lambda event: None)
        freeswitch.start()
        clock.sleep(1)
        assert not freeswitch.connected
        assert "refuses an event filter: -ERR no" in freeswitch.health.why
        there.answers.clear()
        clock.sleep(60)
        assert freeswitch.connected
        freeswitch.close()

    with capture():
        clock.run(scenario)


def test_commands_that_take_their_time_are_run_in_the_background(clock, there, freeswitch):
    def answer(after, body):
        clock.sleep(after)
        there.say(Event_Name="BACKGROUND_JOB", Job_UUID="of somebody else")
        job = there.links[-1].jobs[-1]
        there.links[-1].inbox.put(
            Event.from_headers({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job}, body)
        )

    def scenario():
        freeswitch.start()
        freeswitch.wait()
        clock.spawn(answer, 20, "+OK abc\n")
        assert "+OK abc" == freeswitch.bgapi("originate", "x").text
        with pytest.raises(ReplyTimeout, match="`bgapi originate` within 5 s"):
            freeswitch.bgapi("originate", "x", timeout=5.0)
        task = clock.spawn(freeswitch.bgapi, "originate", "y")
        clock.sleep(1)
        there.crash()
        task.join()
        assert isinstance(task.exception, Unreachable)
        freeswitch.close()

    with capture():
        clock.run(scenario)
    assert ["BACKGROUND_JOB"] == there.links[0].subscribed


def test_several_freeswitches_are_found_by_their_names(clock):
    one, two = Switch(clock, "fs1"), Switch(clock, "fs2")
    two.up = False
    switches = FreeSwitches(
        [FreeSwitch(str(n), each.connect, clock) for n, each in enumerate((one, two))], clock
    )

    def scenario():
        switches.start()
        assert not switches.wait(0.1)
        assert (["fs1"], None) == (switches.names(), switches.named("fs2"))
        two.up = True
        assert switches.wait(10)
        assert ["fs1", "fs2"] == switches.names()
        assert "fs2" == switches.named("fs2").name
        assert (None, 2) == (switches.named(""), len(list(switches)))
        # It is another one by now: nothing that is meant for the first may reach it.
        one.crash()
        one.name, one.up = "fs3", True
        clock.sleep(30)
        assert switches.named("fs1") is None
        switches.close()

    with capture():
        clock.run(scenario)


@pytest.mark.parametrize("address", ["here", ":8021", "h:", "h:x", "h:70000"])
def test_an_address_needs_a_port(clock, address):
    with pytest.raises(ValueError, match="HOST:PORT"):
        FreeSwitches.at([address], "secret", clock)


@pytest.mark.process
@pytest.mark.usefixtures("nothing_is_left")
def test_over_a_real_socket():
    """Logs in, learns the name, hears an event, is told of the loss, and closes without a trace."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    heard = gevent.event.AsyncResult()

    def play():
        sock, _ = listener.accept()
        peer = Peer(sock)
        peer.send(serialize.auth_request())
        assert "secret" == peer.expect("auth").args
        peer.send(serialize.reply("+OK accepted"))
        for answer in ("fs1", "core-1"):
            peer.command()
            peer.send(serialize.api_response(answer))
        assert "Event-Name CUSTOM" == peer.expect("filter").args
        peer.send(serialize.reply("+OK filter added. [Event-Name]=[CUSTOM]"))
        peer.expect("event")
        peer.send(
            serialize.reply("+OK") + serialize.event(Event.from_headers({"Event-Name": "CUSTOM"}))
        )
        heard.get(timeout=LONG)
        peer.close()

    peer = gevent.spawn(play)
    host, port = listener.getsockname()
    clock = GeventClock()
    (freeswitch,) = FreeSwitches.at([f"{host}:{port}"], "secret", clock)
    freeswitch.listen(["CUSTOM"], heard.set)
    with capture():
        freeswitch.start()
        assert freeswitch.wait(clock.now() + LONG)
        assert "fs1" == freeswitch.name
        peer.get(timeout=LONG)
        until = clock.now() + LONG
        while freeswitch.connected and clock.now() < until:
            clock.sleep(0.01)
        assert not freeswitch.connected
        freeswitch.close()
    listener.close()


def test_a_wrong_password_is_the_reason_that_is_given(clock):
    def refuse():
        raise WrongPassword("refuses the password")

    freeswitch = FreeSwitch("10.0.0.1:8021", refuse, clock)
    with capture() as lines:
        freeswitch.start()
        clock.run(lambda: clock.sleep(5))
    assert ["refuses the password"] == [line["why"] for line in lines]

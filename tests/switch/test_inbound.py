"""The simulated FreeSWITCH's own event socket: who is let in, what apis print, calls that it makes."""

import gevent
import pytest

from fsflows.esl.inbound import InboundConnection, InboundFailed, WrongPassword
from fsflows.esl.link import ReplyTimeout
from fsflows.switch.core import Callee, Core
from fsflows.switch.inbound import SwitchServer
from fsflows.switch.originate import BadOriginate, parse_originate

pytestmark = pytest.mark.process

LONG = 30.0


@pytest.fixture
def server():
    """`server(core, **options)`: an event socket, and a way to log in to it."""
    started = []

    def start(core=None, **options):
        made = SwitchServer(core, **options)
        made.start()
        started.append(made)
        return made

    yield start
    for each in started:
        each.stop()


def connection(switch, password="ClueCon", timeout=LONG):
    host, port = switch.address.rsplit(":", 1)
    return InboundConnection(host, int(port), password, timeout)


def test_who_is_let_in(server):
    with pytest.raises(WrongPassword):
        connection(server(), "wrong").connect()
    with pytest.raises(InboundFailed, match="does not let this address in"):
        connection(server(allowed=False)).connect()
    with pytest.raises(InboundFailed, match="does not speak"):
        connection(server(mute=True), timeout=0.1).connect()


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("switchname", "simulated"),
        ("module_exists mod_sofia", "true"),
        ("module_exists mod_dance", "false"),
        ("xml_locate dialplan", "can't find anything"),
        ("xml_locate a b", "-ERR bad args"),
        ("sofia status gateway x", "Invalid Gateway!"),
        ("sofia status profile x", "Invalid Profile!"),
        ("file_exists /nowhere/at/all", "false"),
        ("uuid_exists x", "false"),
        ("uuid_kill x", "-ERR No such channel!"),
        ("dance", "-ERR dance Command not found!"),
        (
            "originate",
            "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] ...",
        ),
        ("originate sofia/gateway/x/1 &park()", "-ERR UNALLOCATED_NUMBER"),
        ("originate verto/1 &park()", "-ERR CHAN_NOT_IMPLEMENTED"),
    ],
)
def test_what_it_prints(server, command, printed):
    name, *arguments = command.split(" ")
    with connection(server()) as there:
        assert printed == there.api(name, *arguments).text


def test_an_api_that_never_answers_holds_up_its_connection_only(server):
    switch = server(Core(silent=frozenset({"status"})))
    with connection(switch) as one, connection(switch) as other:
        for name in ("status", "version"):
            with pytest.raises(ReplyTimeout):
                one.api(name, timeout=0.05)
        assert "1.10.12" in other.api("version").text


def test_a_call_that_it_makes_is_told_to_whom_it_may_concern(server):
    switch = server(Core(dial=lambda target: Callee(rings=0.01, answers=0.02)))
    with connection(switch) as there, connection(switch) as deaf:
        there.subscribe(["CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"])
        made = there.api(
            "originate", "{origination_uuid=call-1,a=b\\,c}sofia/gateway/x/1000", "&park()"
        )
        assert "+OK call-1" == made.text
        assert "true" == there.api("uuid_exists", "call-1").text
        assert there.api("uuid_kill", "call-1", "USER_BUSY").ok
        events = []
        with gevent.Timeout(LONG):
            while len(events) < 3:
                events.append(there.receive())
        assert ["CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"] == [
            e.name for e in events
        ]
        assert {"call-1"} == {event.uuid for event in events}
        assert "b,c" == events[0].variable("a")
        assert "false" == there.api("uuid_exists", "call-1").text
        assert deaf.api("version").ok
        assert not len(deaf._inbox)


@pytest.mark.parametrize(
    "text", ["", "user/1", "user/1 park", "{a=b user/1 &park()", "user/1 &park() 3 4 5 6 7 8"]
)
def test_an_originate_that_is_none(text):
    with pytest.raises(BadOriginate):
        parse_originate(text)


def test_an_originate_is_read_as_freeswitch_does():
    read = parse_originate(r"'{a=1,b=x y,c=d\\,e}user/1' '&socket(127.0.0.1:1/f async full)'")
    assert {"a": "1", "b": "x y", "c": "d,e"} == read.variables
    assert ("user/1", "socket", "127.0.0.1:1/f async full") == (
        read.target,
        read.application,
        read.argument,
    )

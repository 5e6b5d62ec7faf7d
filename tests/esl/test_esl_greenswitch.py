"""Applications written for greenswitch run unchanged: its README's example, verbatim, and the rest of its API."""

import importlib.metadata
import logging
import re
import textwrap
import types
import warnings

import gevent
import greenswitch.esl
import pytest
from esl_peer import CHANNEL, LONG, Peer, tcp_pair
from gevent.event import AsyncResult
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from fsflows.esl import serialize
from fsflows.esl.event import Event
from fsflows.esl.session import EslSession
from fsflows.log import capture
from fsflows.server.door.door import OwnDoor
from fsflows.server.door.listener import Listener, serve_greenswitch_application

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("nothing_is_left")]


def complete(application, **variables):
    return Event.from_headers(
        {
            "Event-Name": "CHANNEL_EXECUTE_COMPLETE",
            "Unique-ID": CHANNEL.uuid,
            "Application": application,
            "variable_current_application": application,
            **{f"variable_{name}": value for name, value in variables.items()},
        }
    )


def hung_up():
    return Event.from_headers({"Event-Name": "CHANNEL_HANGUP", "Unique-ID": CHANNEL.uuid})


def play_freeswitch(sock, digits="5"):
    """A scripted FreeSWITCH: the commands it got, as labels with arguments."""
    peer = Peer(sock)
    heard = []
    while (command := peer.command()) is not None:
        heard.append(f"{command.label} {command.argument or command.args}".strip())
        if command.verb == "connect":
            peer.send(serialize.channel_data(CHANNEL))
        elif command.verb == "api":
            peer.send(serialize.api_response("+OK\n") + serialize.event(complete("playback")))
        elif command.verb == "sendmsg":
            peer.send(serialize.reply("+OK"))
            application, argument = command.application, command.argument
            if application == "hangup":
                peer.send(
                    serialize.event(hung_up()) + serialize.linger_notice(CHANNEL.uuid, "x", -1)
                )
            elif not argument.startswith("local_stream"):
                words = argument.split() + [""] * 11
                peer.send(serialize.event(complete(application, **{words[7] or "none": digits})))
        elif command.verb == "exit":
            peer.send(serialize.reply("+OK bye") + serialize.disconnect_notice(CHANNEL.uuid))
            break
        else:
            peer.send(serialize.reply("+OK"))
    peer.close()
    return heard


def application_of_the_readme(printed):
    """MyApplication as greenswitch's README has it, read from the installed package. Only time is made to fly."""
    readme = importlib.metadata.metadata("greenswitch").get_payload()
    source = re.search(
        r"^( *)class MyApplication.*?(?=^ *server = )", readme, re.DOTALL | re.MULTILINE
    )
    namespace = {
        "gevent": types.SimpleNamespace(sleep=lambda _seconds: None),
        "greenswitch": greenswitch,
        "logging": logging,
        "print": lambda *words: printed.append(" ".join(words)),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its regular expression is no raw string
        exec(textwrap.dedent(source[0]), namespace)
    return namespace["MyApplication"]


def test_the_application_of_greenswitchs_readme_runs_unchanged():
    printed = []
    application = application_of_the_readme(printed)
    listener = Listener(OwnDoor(("127.0.0.1", 0)), serve_greenswitch_application(application))
    listener.start()
    sock = gevent.socket.create_connection(listener.address)
    with gevent.Timeout(LONG):
        heard = play_freeswitch(sock)
    assert 0 == listener.stop(drain=LONG)
    assert [
        "myevents", "linger", "answer", "sleep", "welcome", "User typed: 5", "moh", "sleep 5", "break", "hangup",
    ] == printed  # fmt: skip
    assert [
        "connect",
        "myevents",
        "linger",
        "sendmsg answer",
        "sendmsg playback ivr/ivr-welcome",
        "sendmsg play_and_get_digits 1 1 3 5000 # conference/conf-pin.wav invalid.wav test \\d 1000 ''",
        "sendmsg playback local_stream://default",
        f"api uuid_break uuid_break {CHANNEL.uuid}",
        "sendmsg hangup NORMAL_CLEARING",
        "exit",
    ] == heard


@pytest.fixture
def pair():
    ours, theirs = tcp_pair()
    session = EslSession(("127.0.0.1", 1), ours)
    session.keep_events = False
    peer = Peer(theirs)
    yield session, peer
    session.stop()
    peer.close()


def connected(session, peer):
    task = gevent.spawn(session.connect)
    peer.expect("connect")
    peer.send(serialize.channel_data(CHANNEL))
    return task.get(timeout=LONG)


def answer(session, peer, call, reply=b"Content-Type: command/reply\nReply-Text: +OK\n\n"):
    task = gevent.spawn(call)
    command = peer.command()
    peer.send(reply)
    return command, task.get(timeout=LONG)


def test_who_calls(pair):
    session, peer = pair
    assert isinstance(session, greenswitch.esl.OutboundSession)
    assert session.session_data is None
    data = connected(session, peer)
    assert data is session.session_data
    assert data is session.connect(), "a second time nothing is sent"
    assert (CHANNEL.uuid, CHANNEL.uuid, "1000") == (
        session.uuid,
        session.call_uuid,
        session.caller_id_number,
    )
    assert "Eve\nUnique-ID: forged" == data["Caller-Caller-ID-Name"]
    assert (True, False) == (session.connected, session.lingering)


def test_sending(pair):
    session, peer = pair
    connected(session, peer)
    command, reply = answer(
        session, peer, lambda: session.send("api status"), serialize.api_response("UP\n")
    )
    assert ("api", "status", "UP\n", "3") == (
        command.verb,
        command.args,
        reply.data,
        reply.headers["Content-Length"],
    )
    command, text = answer(session, peer, session.answer)
    assert ("answer", "+OK") == (command.application, text)
    command, _ = answer(session, peer, session.park)
    assert "park" == command.application
    command, _ = answer(session, peer, lambda: session.linger(7))
    assert "7" == command.args
    command, _ = answer(session, peer, lambda: session.say("en", text="12", block=False))
    assert ("say", "en NUMBER pronounced FEMININE 12") == (command.application, command.argument)
    command, _ = answer(session, peer, lambda: session.bridge("user/1", block=False))
    assert ("bridge", "user/1") == (command.application, command.argument)


def test_a_line_break_in_an_argument_sends_one_command(pair):
    session, peer = pair
    connected(session, peer)
    command, _ = answer(session, peer, lambda: session.call_command("set", "name=Eve\n\nexit\n\n"))
    assert ("set", "name=Eve\n\nexit\n\n") == (command.application, command.argument)
    assert "event-lock" not in command.headers, "as greenswitch sends it"


def test_blocking_verbs_wait_for_their_completion(pair):
    session, peer = pair
    connected(session, peer)
    task = gevent.spawn(session.playback, "x.wav")
    peer.expect("sendmsg playback")
    peer.send(serialize.reply("+OK") + serialize.event(complete("answer")))
    gevent.sleep(0.01)
    assert not task.ready()
    peer.send(serialize.event(complete("playback"), "json"))
    assert "playback" == task.get(timeout=LONG).headers["Application"]
    with pytest.raises(gevent.Timeout):
        answer(session, peer, lambda: session.bridge("user/1", response_timeout=0.01))
    task = gevent.spawn(session.bridge, "user/2", response_timeout=LONG)
    peer.expect("sendmsg bridge")
    peer.send(serialize.reply("+OK") + serialize.event(complete("bridge")))
    assert "bridge" == task.get(timeout=LONG)["Application"]


def test_a_hangup_while_a_verb_waits(pair):
    session, peer = pair
    connected(session, peer)
    with session.while_connected():
        playing = gevent.spawn(session.playback, "x.wav")
        peer.expect("sendmsg playback")
        peer.send(serialize.reply("+OK"))
    seen = AsyncResult()
    session.register_handle("CHANNEL_HANGUP", seen.set)
    peer.send(serialize.event(hung_up()))
    seen.get(timeout=LONG)
    with pytest.raises(OutboundSessionHasGoneAway):
        session.raise_if_disconnected()
    assert not playing.ready()
    peer.send(serialize.linger_notice(CHANNEL.uuid, "x", 5))
    with pytest.raises(OutboundSessionHasGoneAway):
        playing.get(timeout=LONG)
    for verb in (session.answer, session.uuid_break, lambda: session.playback("x")):
        with pytest.raises(OutboundSessionHasGoneAway):
            verb()
    _, reply = answer(session, peer, lambda: session.send("getvar uuid"))
    assert "+OK" == reply.data, "commands that are not for the call still work"


def test_an_end_while_a_command_waits(pair):
    session, peer = pair
    connected(session, peer)
    waiting = gevent.spawn(session.myevents)
    peer.expect("myevents")
    peer.close()
    with pytest.raises(OutboundSessionHasGoneAway):
        waiting.get(timeout=LONG)
    with pytest.raises(NotConnectedError, match="FreeSWITCH closed"):
        session.send("api status")
    assert not session.connected
    session.stop()


def test_an_end_instead_of_the_calls_data(pair):
    session, peer = pair
    task = gevent.spawn(session.connect)
    peer.expect("connect")
    peer.close()
    with pytest.raises(OutboundSessionHasGoneAway):
        task.get(timeout=LONG)


def test_handlers(pair):
    session, peer = pair
    connected(session, peer)
    seen = []
    done = AsyncResult()

    def broken(_event):
        raise RuntimeError("in a handler")

    def dtmf(event):
        seen.append(("dtmf", event.headers["DTMF-Digit"]))

    session.register_handle("DTMF", broken)
    session.register_handle("DTMF", dtmf)
    session.register_handle("DTMF", dtmf)
    session.register_handle("my::sub", lambda event: seen.append(("custom", event.headers["X"])))
    session.register_handle("*", lambda event: seen.append(("*", event.name)))
    session.register_handle("log", lambda event: seen.append(("log", event.data)))
    session.register_handle(
        "DISCONNECT", lambda event: done.set(event.headers["Content-Disposition"])
    )
    session.before_handle = lambda _event: seen.append("before")
    session.after_handle = lambda _event: seen.append("after")
    session.unregister_handle("TALK", print) if "TALK" in session.event_handlers else None
    with pytest.raises(ValueError, match="TALK"):
        session.unregister_handle("TALK", print)
    custom = {"Event-Subclass": "my::sub", "Event-Name": "CUSTOM", "X": "1"}
    with capture() as log:
        peer.send(
            serialize.event(Event.from_headers({"Event-Name": "DTMF", "DTMF-Digit": "5"}))
            + serialize.event(Event.from_headers(custom))
            + serialize.event(Event.from_headers({"Event-Name": "TALK"}))
            + b"Content-Type: log/data\nContent-Length: 2\n\nhi"
            + serialize.disconnect_notice("x")
        )
        assert "disconnect" == done.get(timeout=LONG)
    assert [("dtmf", "5"), ("custom", "1"), ("*", "TALK"), ("log", "hi")] == [
        item for item in seen if isinstance(item, tuple)
    ]
    assert 5 == seen.count("before")
    assert "an event handler raised" in [line["event"] for line in log]


def test_a_handler_that_is_taken_away(pair):
    session, peer = pair
    connected(session, peer)
    seen, done = [], AsyncResult()
    session.register_handle("DTMF", seen.append)
    session.unregister_handle("DTMF", seen.append)
    session.register_handle("TALK", done.set)
    peer.send(serialize.event(Event.from_headers({"Event-Name": "DTMF"})))
    peer.send(serialize.event(Event.from_headers({"Event-Name": "TALK"})))
    done.get(timeout=LONG)
    assert [] == seen
    assert 0 == len(session._inbox), "nobody receives"


def test_a_handler_registered_after_the_end(pair):
    session, peer = pair
    peer.close()
    with gevent.Timeout(LONG):
        while session.connected:
            gevent.sleep(0.001)
    session.register_handle("DTMF", print)

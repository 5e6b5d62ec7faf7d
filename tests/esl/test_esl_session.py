"""The session on a real socket: replies in order, a prompt end from anywhere, nothing left behind."""

import time

import gevent
import pytest
from esl_peer import CHANNEL, LONG, Peer, tcp_pair
from gevent import socket
from gevent.event import AsyncResult
from leftovers import greenlets

from fsflows.esl import commands, serialize, tuning
from fsflows.esl import inbox as inbox_module
from fsflows.esl import wire as wire_module
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed, ReplyTimeout
from fsflows.esl.session import EslSession
from fsflows.log import capture

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("nothing_is_left")]


@pytest.fixture
def pair():
    ours, theirs = tcp_pair()
    session = EslSession(("127.0.0.1", 1), ours)
    peer = Peer(theirs)
    yield session, peer
    session.close()
    peer.close()


def event(name="DTMF", body="", **headers):
    return Event.from_headers(
        {
            "Event-Name": name,
            "Unique-ID": CHANNEL.uuid,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        },
        body,
    )


def ready(session, peer):
    """Connected, as far as `connect`."""
    task = gevent.spawn(session.prepare, (), LONG)
    peer.expect("connect")
    peer.send(serialize.channel_data(CHANNEL))
    task.get(timeout=LONG)


# --- the link ---------------------------------------------------------------------------------------------------------


def test_a_command_waits_for_no_other_and_a_host_that_vanished_is_noticed(pair):
    session, _ = pair
    assert session.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert session.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for name, seconds in tuning.KEEPALIVE.items():
        assert seconds == session.sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


def test_preparing_is_one_write_and_connect_is_first(pair):
    session, peer = pair
    wanted = commands.subscription(["DTMF", "PLAYBACK_STOP"])
    with pytest.raises(LinkClosed, match="not been asked for"):
        session.channel  # noqa: B018
    task = gevent.spawn(session.prepare, wanted, LONG)
    data = peer.sock.recv(65536)
    assert b"".join(command.encode() for command in [commands.connect(), *wanted]) == data
    peer.send(
        serialize.channel_data(CHANNEL) + serialize.reply("+OK") * 3 + serialize.reply("-ERR no")
    )
    with capture() as log:
        channel = task.get(timeout=LONG)
        peer.send(serialize.event(event()))
        session.receive(time.monotonic() + LONG)
    assert (CHANNEL.uuid, "full") == (channel.uuid, channel["Control"])
    assert channel is session.channel
    (refused,) = [line for line in log if line["level"] == "warning"]
    assert ("FreeSWITCH refused a command", "event") == (refused["event"], refused["command"])


@pytest.mark.parametrize(
    ("lacks", "what"),
    [({"control": "single-channel"}, "are refused"), ({"mode": "static"}, "are late"), ({}, "")],
)
def test_a_dialplan_without_async_or_full_is_said(pair, lacks, what):
    session, peer = pair
    task = gevent.spawn(session.prepare)
    peer.expect("connect")
    with capture() as log:
        peer.send(serialize.channel_data(CHANNEL, **lacks))
        task.get(timeout=LONG)
    said = [line["event"] for line in log if "async full" in line["event"]]
    assert len(said) == bool(lacks)
    assert all(what in each for each in said)


def test_a_connect_that_is_refused_ends_the_connection(pair):
    session, peer = pair
    task = gevent.spawn(session.prepare)
    peer.expect("connect")
    peer.send(serialize.reply("-ERR no session"))
    with pytest.raises(LinkClosed, match="no channel in it"):
        task.get(timeout=LONG)


def test_a_command_that_another_follows_goes_in_one_piece_with_it(pair):
    session, peer = pair
    session.post(commands.api("uuid_setvar", "u", "a", "1"), more=True)
    session.post(commands.execute("answer"), more=True)
    asked = gevent.spawn(session.request, commands.api("status"), LONG)
    assert ["api", "sendmsg", "api"] == [command.verb for command in peer.commands(3)]
    with capture() as log:
        replies = serialize.api_response("-ERR one\n") + serialize.reply("-ERR two")
        peer.send(replies + serialize.api_response("three"))
        assert "three" == asked.get(timeout=LONG).text
    assert ["api uuid_setvar", "sendmsg answer"] == [line["command"] for line in log]


def test_a_command_that_nothing_follows_after_all_goes_when_others_run(pair):
    session, peer = pair
    session.post(commands.api("uuid_setvar", "u", "a", "1"), more=True)
    assert ["api"] == [command.verb for command in peer.commands(1)]
    session.post(commands.execute("answer"), more=True)
    session.close()
    assert ["sendmsg", "exit"] == [command.verb for command in peer.commands(2)]
    with pytest.raises(LinkClosed):
        session.post(commands.execute("answer"), more=True)


def test_a_reply_that_is_wanted_later_keeps_its_place(pair):
    session, peer = pair
    asked = session.ask(commands.api("uuid_buglist", "u"))
    other = gevent.spawn(session.request, commands.api("status"), LONG)
    assert ["api", "api"] == [command.verb for command in peer.commands(2)]
    peer.send(serialize.api_response("first") + serialize.api_response("second"))
    assert "second" == other.get(timeout=LONG).text
    assert "first" == asked.reply(0.0).text, "it has come already"
    never = session.ask(commands.api("uuid_buglist", "u"))
    with pytest.raises(ReplyTimeout, match="api uuid_buglist"):
        never.reply(0.01)
    lost = session.ask(commands.api("uuid_buglist", "u"))
    peer.sock.close()
    with pytest.raises(LinkClosed):
        lost.reply(LONG)
    with pytest.raises(LinkClosed):
        session.ask(commands.api("uuid_buglist", "u"))


def test_replies_go_to_those_who_asked_in_order_and_overtake_events(pair):
    session, peer = pair
    first = gevent.spawn(session.request, commands.api("status"), LONG)
    second = gevent.spawn(session.request, commands.linger(5), LONG)
    gevent.sleep(0)
    session.post(commands.api("uuid_break", "secret-1"))
    third = gevent.spawn(session.request, commands.bgapi("status"), LONG)
    assert ["api", "linger", "api", "bgapi"] == [command.verb for command in peer.commands(4)]
    with capture() as log:
        peer.send(
            serialize.event(event(DTMF_Digit="5"))
            + serialize.api_response("UP\n\n")
            + serialize.reply("+OK will linger")
            + serialize.api_response("-ERR No such channel!\n")
            + serialize.reply("+OK Job-UUID: j", {"Job-UUID": "j"})
            + serialize.reply("nobody asked")
        )
        assert "UP\n" == first.get(timeout=LONG).text
        assert ("+OK will linger", True) == (second.get(timeout=LONG).text, second.value.ok)
        assert "j" == third.get(timeout=LONG).headers["Job-UUID"]
    assert [
        ("warning", "FreeSWITCH refused a command", "api uuid_break"),
        ("warning", "a reply to no command was dropped", None),
    ] == [(line["level"], line["event"], line.get("command")) for line in log]
    assert "secret-1" not in str(log)
    assert "5" == session.receive(time.monotonic() + LONG)["DTMF-Digit"]


def test_a_late_reply_is_not_taken_for_the_next_ones(pair):
    session, peer = pair
    with pytest.raises(ReplyTimeout, match=r"`api slow` within 0.01 s"):
        session.request(commands.api("slow"), 0.01)
    killed = gevent.spawn(session.request, commands.api("killed"), LONG)
    gevent.sleep(0)
    killed.kill()
    third = gevent.spawn(session.request, commands.api("third"), LONG)
    peer.commands(3)
    peer.send(b"".join(serialize.api_response(text) for text in ("slow", "killed", "third")))
    assert "third" == third.get(timeout=LONG).text


def test_receiving_waits_until_its_deadline_or_until_it_is_woken(pair):
    session, peer = pair
    assert session.receive(time.monotonic() - 1) is None
    assert session.receive(time.monotonic() + 0.01) is None
    session.wake()  # nobody waits: nothing to do, and nothing remembered
    task = gevent.spawn(session.receive, time.monotonic() + LONG)
    gevent.sleep(0.01)
    assert not task.ready()
    session.wake()
    assert task.get(timeout=LONG) is None
    task = gevent.spawn(session.receive)
    gevent.sleep(0)
    peer.send(serialize.event(event(), "json") + serialize.event(event("TALK"), "plain"))
    assert "DTMF" == task.get(timeout=LONG).name
    assert "TALK" == session.receive().name


def test_lingering(pair):
    session, peer = pair
    ready(session, peer)
    assert not session.lingering
    peer.send(
        serialize.linger_notice(CHANNEL.uuid, "x", 5)
        + serialize.event(event("CHANNEL_HANGUP_COMPLETE"))
    )
    assert "CHANNEL_HANGUP_COMPLETE" == session.receive(time.monotonic() + LONG).name
    assert session.lingering
    with capture() as log:
        session.post(commands.api("uuid_break", "x"))
        peer.send(
            serialize.api_response("-ERR No such channel!\n")
            + serialize.disconnect_notice(CHANNEL.uuid)
        )
        with pytest.raises(LinkClosed, match="FreeSWITCH ended the connection"):
            session.receive(time.monotonic() + LONG)
    assert [] == [line for line in log if line["level"] == "warning"], (
        "no news for a call that is over"
    )


# --- the end, from anywhere -------------------------------------------------------------------------------------------

WHOLE = serialize.event(event("TALK"))


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"", "FreeSWITCH closed the connection$"),
        (b"Content-Type: api/resp", "in the middle of a frame: 22 bytes of a header block"),
        (WHOLE[:-3], f"in the middle of a frame: {len(WHOLE) - 3} of a frame's {len(WHOLE)}"),
        (
            b"Content-Length: -3\n\n",
            "not the event socket protocol: Content-Length is not a number",
        ),
        (b"Content-Length: 99999999999\n\n", "8,388,608 bytes is the limit"),
        (b"H: x\n" * 10_000 + b"\n", "is the limit"),
        (b"\xff\xfe\x00" * 100_000, "a header block of more than"),
        (serialize.disconnect_notice("x"), "FreeSWITCH ended the connection"),
    ],
)
def test_an_end_anywhere_is_prompt_for_everyone(pair, last, reason):
    session, peer = pair
    asking = gevent.spawn(session.request, commands.api("status"), LONG)
    first = gevent.spawn(session.receive, time.monotonic() + LONG)
    peer.commands(1)
    peer.send(WHOLE + WHOLE + last)
    peer.close()
    with pytest.raises(LinkClosed, match=reason):
        asking.get(timeout=LONG)
    assert "TALK" == first.get(timeout=LONG).name
    assert "TALK" == session.receive().name, "what came before the end is handed out"
    for use in (
        session.receive,
        lambda: session.request(commands.api("status")),
        lambda: session.post(commands.exit_()),
    ):
        with pytest.raises(LinkClosed, match=reason) as caught:
            use()
        assert caught.value.reason == str(caught.value)
    assert session.released
    session.close()


def test_a_reset_connection(pair):
    session, peer = pair
    waiting = gevent.spawn(session.receive, time.monotonic() + LONG)
    gevent.sleep(0)
    peer.reset()
    with pytest.raises(LinkClosed, match=r"connection to FreeSWITCH broke .*reset"):
        waiting.get(timeout=LONG)


def test_what_came_before_a_failed_write_is_handed_out(pair):
    session, peer = pair
    peer.send(WHOLE)
    peer.close()

    def write_on():
        while True:  # the hub does not run in between: only writing can notice
            session.post(commands.api("status"))

    with pytest.raises(LinkClosed):
        write_on()
    assert "TALK" == session.receive().name


def test_noise_is_dropped(pair):
    session, peer = pair
    with capture() as log:
        peer.send(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            b"Content-Length: 4\nContent-Type: text/event-json\n\n{{{{"
            b"Content-Length: 3\nContent-Type: text/event-xml\n\n<x>"
        )
        peer.send(WHOLE)
        assert "TALK" == session.receive(time.monotonic() + LONG).name
    assert [
        "a frame of an unknown kind was dropped",
        "an event was dropped",
        "a frame of an unknown kind was dropped",
    ] == [line["event"] for line in log]


def test_an_application_that_takes_no_events_loses_its_call_and_no_other(pair, monkeypatch):
    session, peer = pair
    monkeypatch.setattr(inbox_module, "MAX_EVENTS", 50)
    waiting = gevent.spawn(session.request, commands.api("status"), LONG)
    gevent.sleep(0)
    with capture() as log:
        peer.send(WHOLE * 60)
        with pytest.raises(LinkClosed, match="50 events were waiting"):
            waiting.get(timeout=LONG)
    assert "does not take its events" in log[0]["event"]
    for _ in range(50):
        session.receive()
    with pytest.raises(LinkClosed):
        session.receive()


def test_events_are_limited_by_their_bytes_too(pair, monkeypatch):
    session, peer = pair
    monkeypatch.setattr(inbox_module, "MAX_BYTES", 10 * len(WHOLE))
    peer.send(WHOLE * 30)
    until = time.monotonic() + LONG
    while not session.released and time.monotonic() < until:
        gevent.sleep(0.001)
    with pytest.raises(LinkClosed, match="events were waiting"):
        session.post(commands.exit_())


def test_a_fault_of_ours_ends_its_own_call(pair):
    session, peer = pair
    session.on_event = lambda _event: 1 / 0
    session.expected_events["TALK"] = [("x", "y", AsyncResult())]
    with capture() as log:
        peer.send(WHOLE)
        with pytest.raises(LinkClosed, match="internal error"):
            session.receive(time.monotonic() + LONG)
    assert "ZeroDivisionError" in log[0]["exception"]


def test_a_socket_closed_behind_our_back(pair):
    session, _ = pair
    session.sock.close()
    with pytest.raises(LinkClosed):
        session.request(commands.api("status"), LONG)
    assert session.released


# --- writing ----------------------------------------------------------------------------------------------------------


def test_commands_of_several_greenlets_do_not_mix_when_freeswitch_reads_slowly(pair):
    session, peer = pair
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)

    def write(letter):
        for _ in range(4):
            session.post(commands.execute("set", letter * 50_000))
            gevent.sleep(0)

    writers = [gevent.spawn(write, letter) for letter in "abcdefgh"]
    gevent.joinall(writers, timeout=LONG, raise_error=True)
    assert session._wire._unsent, "or this test tests nothing"
    arguments = [command.argument for command in peer.commands(32)]
    assert sorted("abcdefgh" * 4) == sorted(argument[0] for argument in arguments)
    assert {50_000} == {argument.count(argument[0]) for argument in arguments}


def test_freeswitch_that_does_not_read_at_all(pair, monkeypatch):
    session, _ = pair
    monkeypatch.setattr(wire_module, "MAX_UNSENT", 100_000)

    def write_on():
        while True:
            session.post(commands.execute("set", "x" * 100_000))

    with pytest.raises(LinkClosed, match="does not read our commands"):
        write_on()
    assert session.released


def test_closing_loses_nothing_that_was_sent(pair):
    session, peer = pair
    peer.send(WHOLE * 1000)  # unread: a plain close would reset the connection
    gevent.sleep(0.01)
    session.post(commands.execute("hangup"))
    session.close()
    session.close()
    with pytest.raises(LinkClosed, match="we closed"):
        session.request(commands.api("status"))
    assert ["sendmsg hangup", "exit"] == [command.label for command in peer.commands(2)]
    peer.send(serialize.reply("+OK bye") + serialize.disconnect_notice("x"))
    peer.close()


def test_closing_while_freeswitch_reads_slowly(pair):
    session, peer = pair
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    session.post(commands.execute("set", "x" * 2_000_000))
    session.close()
    assert session._wire._unsent, "or this test tests nothing"
    assert ["sendmsg set", "exit"] == [command.label for command in peer.commands(2)]
    assert peer.command() is None


def test_a_peer_that_resets_while_it_reads_slowly(pair):
    session, peer = pair
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    waiting = gevent.spawn(session.request, commands.execute("set", "x" * 3_000_000), LONG)
    gevent.sleep(0)
    assert session._wire._unsent, "or this test tests nothing"
    session._wire._reading.stop()  # only the write can notice
    peer.reset()
    with pytest.raises(LinkClosed):
        waiting.get(timeout=LONG)


def test_one_turn_of_the_hub_takes_one_piece(pair):
    session, peer = pair
    pieces = 8
    session._wire._reading.stop()
    writer = gevent.spawn(peer.send, WHOLE * (pieces * wire_module.READ_SIZE // len(WHOLE)))
    gevent.sleep(0.01)
    session._wire._readable()
    assert 0 < len(session._inbox) <= wire_module.READ_SIZE // len(WHOLE)
    session._wire._reading.start(session._wire._readable)
    writer.join(LONG)


def test_closing_towards_a_peer_that_never_closes(pair, monkeypatch):
    session, peer = pair
    monkeypatch.setattr(wire_module, "CLOSING", 0.01)
    session.close()
    until = time.monotonic() + LONG
    while not session.released and time.monotonic() < until:
        gevent.sleep(0.001)
    assert session.released
    assert ["exit"] == [command.verb for command in peer.commands(1)]


def test_a_call_has_no_greenlet_of_its_own():
    before = greenlets()
    pairs = [tcp_pair() for _ in range(10)]
    sessions = [EslSession(("127.0.0.1", 1), ours) for ours, _ in pairs]
    gevent.sleep(0)
    assert greenlets() <= before
    for session, (_, theirs) in zip(sessions, pairs, strict=True):
        session.close()
        theirs.close()

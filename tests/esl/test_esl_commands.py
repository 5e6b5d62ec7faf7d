"""Commands: what is sent, to the byte, and read back as FreeSWITCH reads it."""

import dataclasses

import pytest
from esl_traces import NAMES, stream
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.esl import commands
from fsflows.esl.command_reader import CommandReader
from fsflows.esl.commands import Command
from fsflows.esl.frames import FrameError
from fsflows.esl.quoting import UnsafeValue


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (commands.connect(), "connect"),
        (commands.linger(5), "linger 5"),
        (commands.linger(), "linger"),
        (commands.myevents(), "myevents plain"),
        (commands.myevents("json"), "myevents json"),
        (commands.events(["DTMF", "PLAYBACK_STOP"]), "event plain DTMF PLAYBACK_STOP"),
        (commands.events(["my::x", "DTMF", "vosk"], "json"), "event json DTMF CUSTOM my::x vosk"),
        (commands.events(["CUSTOM", "DTMF"]), "event plain DTMF CUSTOM"),
        (commands.nixevents(["DTMF"]), "nixevent DTMF"),
        (commands.filter_on("Unique-ID", "u-1"), "filter Unique-ID u-1"),
        (commands.divert_events(True), "divert_events on"),
        (commands.divert_events(False), "divert_events off"),
        (commands.exit_(), "exit"),
        (commands.auth("Clue Con"), "auth Clue Con"),
        (commands.api("status"), "api status"),
        (
            commands.api("uuid_record", "u-1", "stop", "/r/a.wav"),
            "api uuid_record u-1 stop /r/a.wav",
        ),
        (commands.api("uuid_setvar", "u", "x", "a b's"), "api uuid_setvar u x 'a b\\'s'"),
        (commands.bgapi("uuid_break", "u-1"), "bgapi uuid_break u-1"),
        (commands.bgapi("status", job_uuid="j-1"), "bgapi status\njob-uuid: j-1"),
        (
            commands.execute("playback", "/a b.wav", event_uuid="e-1"),
            "sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: /a b.wav\nevent-uuid: e-1\nevent-lock: true",
        ),
        (
            commands.execute("answer", event_uuid="", lock=False, loops=2),
            "sendmsg\ncall-command: execute\nexecute-app-name: answer\nloops: 2",
        ),
    ],
)
def test_what_is_sent(command, expected):
    assert f"{expected}\n\n".encode() == command.encode()
    assert [command] == CommandReader().feed(command.encode())


@pytest.mark.parametrize(
    "argument", ["x" * 2049, "set=a\nsecond: x\n\nthird", "a\rb", " leading", "größe\n"]
)
def test_an_awkward_argument_is_a_body(argument):
    command = commands.execute("set", argument, event_uuid="e")
    head, _, body = command.encode().partition(b"\n\n")
    assert argument.encode() == body
    assert f"content-length: {len(body)}".encode() == head.split(b"\n")[-1]
    assert b"content-type: text/plain" in head
    assert b"execute-app-arg" not in head
    (read,) = CommandReader().feed(command.encode())
    assert ("set", argument) == (read.application, read.argument)
    assert (command.application, command.argument) == (read.application, read.argument)


def test_a_command_is_frozen_and_tells_no_values():
    command = commands.execute("set", "pin=4711")
    assert "sendmsg set" == command.label
    assert "api uuid_setvar" == commands.api("uuid_setvar", "u", "pin", "4711").label
    assert "connect" == commands.connect().label
    with pytest.raises(dataclasses.FrozenInstanceError):
        command.verb = "x"


def test_no_line_break_gets_past_the_builders_or_around_them():
    attack = "x\n\nexit"
    for build in (
        lambda: commands.execute(attack),
        lambda: commands.execute("set", "a\0b"),
        lambda: commands.execute("set", "a", event_uuid=attack),
        lambda: commands.api(attack),
        lambda: commands.api("x", attack),
        lambda: commands.bgapi("x", job_uuid=attack),
        lambda: commands.filter_on("X", attack),
        lambda: commands.filter_on(attack, "x"),
        lambda: commands.events([attack]),
        lambda: commands.auth(attack),
        lambda: Command("api", attack).encode(),
        lambda: Command(attack).encode(),
        lambda: Command("sendmsg", headers={"x": attack}).encode(),
        lambda: Command("sendmsg", headers={attack: "x"}).encode(),
    ):
        with pytest.raises(UnsafeValue):
            build()


def test_what_makes_no_command():
    with pytest.raises(ValueError, match="'plain' or 'json'"):
        commands.myevents("xml")
    with pytest.raises(ValueError, match="no event"):
        commands.events([])


def test_a_lone_surrogate_is_sent_as_a_question_mark():
    assert b"execute-app-arg: a?b\n" in commands.execute("set", "a\ud800b").encode()


def test_a_subscription_asks_for_no_more_than_is_wanted():
    linger, myevents, nix, more = commands.subscription(
        ["DTMF", "RECORD_STOP", "CHANNEL_HANGUP"], linger_for=3
    )
    assert ("linger", "3") == (linger.verb, linger.args)
    assert "myevents" == myevents.verb, "before `event`: it is what keeps other calls' events out"
    assert {"DTMF", "CHANNEL_HANGUP"} == set(commands.MYEVENTS) - set(nix.args.split())
    assert ("event", "plain RECORD_STOP") == (more.verb, more.args)
    only = commands.subscription(commands.MYEVENTS)
    assert ["linger", "myevents"] == [command.verb for command in only]


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_applications_side_of_a_trace(name):
    data = stream(name, "app->fs")
    whole = CommandReader().feed(data)
    reader = CommandReader()
    single = [command for i in range(len(data)) for command in reader.feed(data[i : i + 1])]
    assert whole == single
    assert data.count(b"sendmsg") == sum(command.verb == "sendmsg" for command in whole)
    assert data.count(b"execute-app-name: ") == sum(bool(command.application) for command in whole)
    for command in whole:
        if command.verb:
            assert [command] == CommandReader().feed(command.encode())


def test_as_lenient_as_freeswitch():
    data = (
        b"\n\r\n\nCONNECT\r\n\r\nSendMsg u-1\nCall-Command:execute\nbroken line\nEXECUTE-APP-NAME:   set\n"
        b"Content-Length: 3\n\nz=1\n\napi  status \n\n"
    )
    expected = [
        Command("connect"),
        Command("sendmsg", "u-1", {"call-command": "execute", "execute-app-name": "set"}, "z=1"),
        Command("api", "status"),
    ]
    for size in (1, 2, 5, len(data)):
        reader = CommandReader()
        read = []
        for start in range(0, len(data), size):
            read += reader.feed(data[start : start + size])
        assert expected == read


@pytest.mark.parametrize("length", [b"-1", b"99999999999"])
def test_a_length_that_freeswitch_refuses(length):
    with pytest.raises(FrameError, match="out of range"):
        CommandReader().feed(b"sendmsg\ncontent-length: " + length + b"\n\n")


SAFE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=150)
@given(st.lists(SAFE, max_size=4), st.integers(1, 9))
def test_every_argument_arrives(arguments, size):
    sent = [
        commands.execute("set", argument, event_uuid=f"e{n}")
        for n, argument in enumerate(arguments)
    ]
    data = b"".join(command.encode() for command in sent)
    reader = CommandReader()
    read = [
        command for i in range(0, len(data), size) for command in reader.feed(data[i : i + size])
    ]
    assert arguments == [command.argument for command in read]
    assert [f"e{n}" for n in range(len(arguments))] == [c.headers["event-uuid"] for c in read]

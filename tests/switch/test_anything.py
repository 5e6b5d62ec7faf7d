"""Whatever an application and a caller do, in any order: the channel stays a channel."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.esl.commands import Command
from fsflows.switch import wire
from fsflows.switch.channel import Channel
from fsflows.switch.event import Closed, Output, SwitchEvent
from fsflows.switch.setup import Leg, Setup

WORDS = st.sampled_from(
    [
        "",
        "all",
        "a.wav",
        "x",
        "5",
        "-1",
        "1 4 2 500 # a.wav '' d \\d+ 300",
        "\x00%0A${uuid}",
        "a=b=c",
        "stop",
        "vosk default default",
        "a.wav detect:vosk default",
        "say:one:two:three",
        "flite|kal|hello",
        "/rec/a.wav",
        "tone_stream://%(200,0,400);loops=2",
        "local_stream://x",
        "7103 XML public",
        "1 3 a.wav d 900 #",
        "'",
    ]
)
APPLICATIONS = st.sampled_from(
    [
        "answer",
        "playback",
        "speak",
        "say",
        "sleep",
        "set",
        "unset",
        "multiset",
        "push",
        "export",
        "event",
        "break",
        "read",
        "play_and_get_digits",
        "detect_speech",
        "play_and_detect_speech",
        "record_session",
        "hangup",
        "park",
        "stop_record_session",
        "bridge",
        "transfer",
        "deflect",
        "flush_dtmf",
        "send_dtmf",
        "pre_answer",
        "nosuch",
    ]
)
APIS = st.sampled_from(
    [
        "uuid_break",
        "uuid_kill",
        "uuid_record",
        "uuid_getvar",
        "uuid_setvar",
        "uuid_transfer",
        "uuid_broadcast",
        "uuid_bridge",
        "uuid_recv_dtmf",
        "uuid_dump",
        "uuid_buglist",
        "msleep",
        "status",
        "eval",
        "nosuch",
    ]
)
VERBS = st.sampled_from(
    [
        "connect",
        "linger",
        "nolinger",
        "myevents",
        "event",
        "nixevent",
        "noevents",
        "filter",
        "divert_events",
        "exit",
        "getvar",
        "resume",
        "sendevent",
        "log",
        "nolog",
        "nosuch",
    ]
)


@st.composite
def deeds(draw: st.DrawFn) -> tuple[str, object]:
    kind = draw(
        st.sampled_from(
            ["execute", "execute", "execute", "api", "api", "verb", "key", "say", "hangup", "close"]
        )
    )
    word = draw(WORDS)
    if kind == "execute":
        headers = {
            "call-command": "execute",
            "execute-app-name": draw(APPLICATIONS),
            "execute-app-arg": word,
        }
        headers |= draw(
            st.sampled_from([{}, {"event-lock": "true"}, {"loops": "2"}, {"Event-UUID": "x"}])
        )
        return kind, Command("sendmsg", "", headers)
    if kind == "api":
        verb = draw(st.sampled_from(["", "start ", "stop ", "mask "]))
        return kind, (draw(st.sampled_from(["api", "bgapi"])), draw(APIS), verb + word)
    if kind == "verb":
        return kind, Command(draw(VERBS), word)
    return kind, draw(st.sampled_from("0*#")) if kind == "key" else ""


@given(
    st.lists(st.tuples(deeds(), st.floats(0, 1.5)), max_size=25),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=100)
def test_any_call(
    deeds: list[tuple[tuple[str, object], float]], connects: bool, asynchronous: bool, talks: bool
):
    setup = Setup(
        socket="127.0.0.1:8084 async full" if asynchronous else "127.0.0.1:8084 full",
        extensions={"7103": (("answer", ""), ("playback", "b.wav"))},
        dial=lambda _: Leg(talks=0.5 if talks else None),
    )
    channel = Channel(setup=setup)
    out: list[Output] = []
    now = 0.0
    if connects:
        for verb, args in (("connect", ""), ("linger", "1"), ("event", "plain ALL")):
            out += channel.handle(Command(verb, args), now)
    for (kind, what), pause in deeds:
        if isinstance(what, Command):
            out += channel.handle(what, now)
        elif isinstance(what, tuple):
            verb, name, args = what
            out += channel.handle(Command(verb, f"{name} {channel.uuid} {args}"), now)
        elif kind == "key":
            channel.press(str(what))
        elif kind == "say":
            channel.detector.message('{"text": "one"}')
        elif kind == "hangup":
            channel.hang_up_caller()
        else:
            out += channel.disconnect(now)
        now += pause
        out += channel.advance(now)
    channel.hang_up_caller()
    out += channel.advance(now + 100)
    # In sync mode a linger without end keeps the call from ending until the application goes.
    out += channel.disconnect(now + 100)

    assert channel.ended
    times = [output.at for output in out]
    assert times == sorted(times)
    closings = [place for place, output in enumerate(out) if isinstance(output.frame, Closed)]
    assert closings in ([], [len(out) - 1])
    events = [output.frame for output in out if isinstance(output.frame, SwitchEvent)]
    hangups = [event for event in events if event.name == "CHANNEL_HANGUP"]
    assert len(hangups) <= 1
    assert channel.recorder.paths == []
    assert channel.transcript.playing is None
    assert len(channel.transcript.signals) <= 3
    for output in out:
        wire.encode(output.frame)

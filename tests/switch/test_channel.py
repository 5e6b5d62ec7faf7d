"""What the traces don't show, and what colleagues' tests lean on most."""

from __future__ import annotations

import pytest

from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.switch import wire
from fsflows.switch.channel import Channel
from fsflows.switch.event import ConnectReply
from fsflows.switch.profile import CallProfile
from fsflows.switch.setup import Leg, Recogniser, Setup
from fsflows.switch.sounds import Sounds

from .driving import Application


def test_a_hostile_caller_name_cannot_forge_headers_on_the_wire():
    app = Application(CallProfile(caller_name="Eve\nReply-Text: -ERR\n\n${uuid} %0A"))
    reply = next(out.frame for out in app.out if isinstance(out.frame, ConnectReply))

    data = wire.encode(reply)

    assert data.count(b"\n\n") == 1
    assert b"Caller-Caller-ID-Name: Eve%0AReply-Text%3A%20-ERR%0A%0A" in data


def test_channel_data_has_the_callers_sip_headers_and_variables():
    profile = CallProfile(sip_headers={"X-Account": "42"}, variables={"socket_path": "bank"})
    data = Application(profile).channel.data()

    assert ("42", "bank") == (data["variable_sip_h_X-Account"], data["variable_socket_path"])
    assert data["Caller-Caller-ID-Name"] == data["Channel-Caller-ID-Name"]


def test_variables_in_an_argument_are_expanded_and_apis_are_only_noted():
    app = Application(CallProfile(caller_name="${system(reboot)}"))
    app.execute("set", "greeting=Hello ${sip_from_display}, you called ${sip_to_user}")
    app.until(0.2)

    assert app.channel.variables["greeting"] == "Hello , you called 7001"
    assert app.channel.apis_expanded == ["system(reboot)"]


def test_a_break_in_the_first_frame_is_lost():
    app = Application(setup=Setup(sounds=Sounds({"a.wav": 1.0})))
    app.execute("playback", "a.wav")
    app.until(0.115)
    app.api(f"uuid_break {app.uuid}")
    app.until(3)

    assert app.last("PLAYBACK_STOP").get("Playback-Status") == "done"
    assert app.times("PLAYBACK_STOP") == [1.12]


def test_a_break_stops_the_innermost_sound_and_the_next_starts_a_frame_later():
    app = Application()
    app.execute("playback", "a.wav")
    app.execute("playback", "b.wav")
    app.until(0.5)
    app.api(f"uuid_break {app.uuid}")
    app.until(0.6)

    assert app.times("PLAYBACK_STOP") == [0.52]
    assert app.times("PLAYBACK_START") == [0.12, 0.54]
    assert app.last("PLAYBACK_STOP").get("Playback-Status") == "break"


def test_break_all_drops_what_is_queued():
    app = Application()
    app.execute("playback", "a.wav")
    app.execute("playback", "b.wav")
    app.until(0.5)
    app.api(f"uuid_break {app.uuid} all")
    app.until(5)

    assert app.times("PLAYBACK_START") == [0.12]


@pytest.mark.parametrize(
    ("terminators", "key", "stops"),
    [
        ("", "*", True),
        ("", "5", False),
        ("none", "*", False),
        ("any", "5", True),
        ("12", "2", True),
    ],
)
def test_the_keys_that_stop_a_playback(terminators: str, key: str, stops: bool):
    app = Application(setup=Setup(sounds=Sounds(default=10.0)))
    if terminators:
        app.execute("set", f"playback_terminators={terminators}")
    app.execute("playback", "a.wav")
    app.until(1.0)
    app.channel.press(key)
    app.until(2.0)

    assert [key] == [event.get("DTMF-Digit") for event in app.events("DTMF")]
    assert stops == bool(app.events("PLAYBACK_STOP"))
    if stops:
        assert app.last("PLAYBACK_STOP").get("variable_playback_terminator_used") == key


@pytest.mark.parametrize(
    ("before", "during", "stops"), [("none", "any", True), ("any", "none", False)]
)
def test_the_keys_that_stop_a_playback_are_looked_up_at_the_key(
    before: str, during: str, stops: bool
):
    app = Application(setup=Setup(sounds=Sounds(default=10.0)))
    app.execute("set", f"playback_terminators={before}")
    app.execute("playback", "a.wav")
    app.until(1.0)
    app.api(f"uuid_setvar {app.uuid} playback_terminators {during}")
    app.channel.press("5")
    app.until(2.0)

    assert stops == bool(app.events("PLAYBACK_STOP"))


def test_sensitive_dtmf_silences_the_events_and_not_the_keys():
    app = Application(setup=Setup(sounds=Sounds(default=10.0)))
    app.execute("set", "sensitive_dtmf=true")
    app.execute("playback", "a.wav")
    app.until(1.0)
    app.channel.press("*")
    app.until(2.0)

    assert app.events("DTMF") == []
    assert app.last("PLAYBACK_STOP").get("Playback-Status") == "break"


def test_a_missing_file_has_no_playback_events():
    app = Application(setup=Setup(sounds=Sounds(missing=["no.wav"])))
    app.execute("playback", "/sounds/no.wav")
    app.until(1.0)

    assert app.completed()[-1] == ("playback", "FILE NOT FOUND")
    assert app.events("PLAYBACK_START") == []


def test_speech_from_a_synthesiser_takes_its_time_and_stops_on_keys():
    app = Application(setup=Setup(sounds=Sounds(pace=0.1)))
    app.execute("speak", "flite|kal|0123456789")
    app.until(0.12)
    app.execute("playback", "say:flite:kal:twenty characters...")
    app.until(2.0)
    app.channel.press("*")
    app.until(3.0)

    assert [sound.what for sound in app.channel.transcript.heard] == [
        "0123456789",
        "twenty characters...",
    ]
    assert app.times("CHANNEL_EXECUTE_COMPLETE")[-2:] == [1.12, 2.125]
    assert app.events("PLAYBACK_START") == []


def test_hanging_up_under_a_queue_of_playbacks():
    app = Application()
    app.execute("playback", "a.wav")
    app.execute("playback", "b.wav")
    app.until(1.0)
    app.channel.hang_up_caller()
    app.until(20.0)

    assert app.names()[-9:] == [
        "CHANNEL_HANGUP",
        "PLAYBACK_STOP",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_UNPARK",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_STATE",
        "CHANNEL_CALLSTATE",
        "CHANNEL_STATE",
        "CHANNEL_HANGUP_COMPLETE",
    ]
    assert app.completed()[-2] == ("playback", "PLAYBACK ERROR")
    assert app.notices() == [2, None]
    assert app.closed


def test_during_linger_the_channel_is_gone():
    app = Application()
    app.channel.hang_up_caller()
    app.until(1.0)

    assert app.api(f"uuid_break {app.uuid}") == "-ERR No such channel!\n"
    assert app.api(f"uuid_exists {app.uuid}") == "false"
    assert app.send(commands.execute("playback", "a.wav")) == "+OK"
    assert app.send(commands.exit_()) == "+OK bye"
    assert app.closed


def test_a_socket_that_says_nothing_for_25_seconds_is_given_up():
    channel = Channel(setup=Setup(then=(("answer", ""), ("playback", "a.wav"))))
    out = channel.advance(24.9)
    late = channel.advance(60.0)

    assert ([], 1) == (out, len(late))
    assert channel.answered
    assert channel.hangup_cause == "NORMAL_CLEARING"


def test_an_unknown_application_ends_the_call():
    app = Application()
    app.execute("nosuchapp")
    app.until(1.0)

    assert app.channel.hangup_cause == "DESTINATION_OUT_OF_ORDER"
    assert "nosuchapp" not in str([event.headers for event in app.events()])


def test_play_and_get_digits_retries_with_the_invalid_file():
    app = Application(setup=Setup(sounds=Sounds({"ask.wav": 1.0, "bad.wav": 0.5})))
    app.execute("play_and_get_digits", r"1 1 2 3000 # ask.wav bad.wav choice [12]")
    app.until(1.0)
    app.channel.press("7")
    app.until(3.0)
    app.channel.press("2")
    app.until(6.0)

    assert app.channel.variables["choice"] == "2"
    assert [event.get("Playback-File-Path") for event in app.events("PLAYBACK_START")] == [
        "ask.wav",
        "bad.wav",
        "ask.wav",
    ]
    assert app.completed()[-1] == ("play_and_get_digits", "_none_")


def test_play_and_get_digits_gives_up_after_its_tries():
    app = Application(setup=Setup(sounds=Sounds({"ask.wav": 1.0})))
    app.execute("play_and_get_digits", r"1 4 2 500 # ask.wav '' choice \d+ 500")
    app.until(10.0)

    assert "choice" not in app.channel.variables
    assert app.completed()[-1] == ("play_and_get_digits", "_none_")
    assert app.times("PLAYBACK_START") == [0.12, 1.62]


def test_a_failed_bridge_hangs_up_unless_told_otherwise():
    busy = Setup(dial=lambda _: Leg(answers=False, cause="USER_BUSY", after=2.0))
    app = Application(setup=busy)
    app.execute("bridge", "user/1001")
    app.until(5.0)
    other = Application(setup=busy)
    other.execute("set", "continue_on_fail=true")
    other.execute("bridge", "user/1001")
    other.until(5.0)

    assert app.channel.hangup_cause == "USER_BUSY"
    assert other.channel.hangup_cause == ""
    assert (
        other.last("CHANNEL_EXECUTE_COMPLETE").get("variable_originate_disposition") == "USER_BUSY"
    )


def test_refer_sends_the_caller_away():
    app = Application()
    app.execute("deflect", "sip:5000@example.com")
    app.until(5.0)

    assert app.channel.referred_to == "sip:5000@example.com"
    assert app.channel.hangup_cause == "BLIND_TRANSFER"
    assert ("deflect", "_none_") in app.completed()


def test_a_transfer_to_nowhere_ends_the_call():
    app = Application(setup=Setup(extensions={}))
    app.api(f"uuid_transfer {app.uuid} 9999 XML public")
    app.until(1.0)

    assert app.channel.hangup_cause == "NO_ROUTE_DESTINATION"


def test_a_slow_api_holds_up_the_events_of_its_socket():
    app = Application()
    app.execute("playback", "a.wav")
    assert app.api("msleep 500") == ""
    app.until(0.5)
    before = app.events("PLAYBACK_START")
    app.until(0.7)

    assert before == []
    assert [output.at for output in app.out if output.frame in app.events("PLAYBACK_START")] == [
        pytest.approx(0.6)
    ]


def test_myevents_alone_brings_no_background_job():
    app = Application()
    app.send(commands.nixevents(["BACKGROUND_JOB"]))
    app.send(Command("bgapi", "status"))

    assert app.events("BACKGROUND_JOB") == []


def test_an_injected_event_arrives_as_it_is():
    app = Application()
    app.send(commands.events(["my::custom"]))
    headers = {"Event-Subclass": "my::custom", "Unique-ID": app.uuid, "x": "a\nb"}
    app.channel.inject(headers, "body")
    app.until(0.2)

    assert headers == app.events()[-1].headers
    assert wire.encode(app.events()[-1]).startswith(b"Content-Length: ")


def test_diverted_speech_does_not_say_whose_it_is():
    app = Application()
    app.send(commands.divert_events(True))
    app.execute("detect_speech", "vosk default default")
    app.until(0.3)
    app.channel.detector.message('{"text": "hello"}')
    app.until(0.5)

    event = app.last("DETECTED_SPEECH")
    assert ("hello", None) == (event.body, event.get("Unique-ID"))


def test_play_and_detect_speech_without_a_recogniser_only_plays():
    app = Application(setup=Setup(recogniser=Recogniser(up=False), sounds=Sounds(default=1.0)))
    app.execute("play_and_detect_speech", "a.wav detect:vosk default")
    app.until(5.0)

    assert app.completed()[-1] == ("play_and_detect_speech", "DONE")
    assert app.last("CHANNEL_EXECUTE_COMPLETE").at == pytest.approx(1.14)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("uuid_kill", "-USAGE: <uuid> [cause]\n"),
        ("uuid_getvar {uuid}", "-USAGE: <uuid> <var>\n"),
        ("uuid_getvar {uuid} nothing", "_undef_"),
        ("uuid_setvar {uuid}", "-USAGE: <uuid> <var> [value]\n"),
        ("uuid_setvar nobody a b", "-ERR No such channel!\n"),
        ("uuid_setvar_multi {uuid} a=1;b=2", "+OK\n"),
        ("uuid_setvar_multi nobody a=1", "-ERR No such channel!\n"),
        ("uuid_buglist nobody", "-ERR No such channel!\n"),
        ("uuid_broadcast nobody a.wav", "-ERR invalid uuid\n"),
        ("uuid_broadcast {uuid} speak::hello aleg", "+OK Message sent\n"),
        ("uuid_bridge {uuid} other", "+OK other\n"),
        ("uuid_bridge nobody other", "-ERR Invalid uuid nobody\n"),
        ("uuid_transfer nobody 5", "-ERR No such channel!\n"),
        ("uuid_recv_dtmf {uuid}", "-USAGE: <uuid> <dtmf_data>\n"),
        ("uuid_recv_dtmf nobody 5", "-ERR No such channel!\n"),
        ("uuid_send_dtmf nobody 5", "-ERR No such channel!\n"),
        ("uuid_flush_dtmf {uuid}", "+OK\n"),
        ("uuid_dump nobody", "-ERR No such channel!\n"),
        ("uuid_exists {uuid}", "true"),
        ("eval uuid:{uuid} ${{sip_to_user}}", "7001"),
        ("echo a b", "a b"),
        ("nosuch", "-ERR nosuch Command not found!\n"),
    ],
)
def test_what_an_api_says(line: str, answer: str):
    app = Application()

    assert answer == app.api(line.format(uuid=app.uuid))


@pytest.mark.parametrize(
    ("application", "data", "variables"),
    [
        ("set", "a=1", {"a": "1"}),
        ("export", "nolocal:a=1", {"a": "1"}),
        ("multiset", "a=1 b=2", {"a": "1", "b": "2"}),
        ("multiset", "^^;a=1 2;b=3", {"a": "1 2", "b": "3"}),
        ("push", "language=fr", {"language": "ARRAY::en|:fr"}),
        ("unset", "language", {"language": None}),
        ("set", "language=", {"language": None}),
    ],
)
def test_setting_variables(application: str, data: str, variables: dict[str, str | None]):
    app = Application(CallProfile(variables={"language": "en"}))
    app.execute(application, data)
    app.until(0.2)

    assert variables == {name: app.channel.variables.get(name) for name in variables}


def test_read_collects_until_its_terminator_or_its_time():
    app = Application(setup=Setup(sounds=Sounds(default=1.0)))
    app.execute("read", "1 4 ask.wav digits 500 #")
    app.channel.press("1", 0.5)
    app.channel.press("2", 0.8)
    app.until(3.0)
    app.execute("read", "2 4 ask.wav digits 500 #")
    app.until(6.0)

    assert app.channel.variables.get("digits") is None
    assert app.channel.variables["read_result"] == "timeout"
    assert [event.get("variable_digits") for event in app.events("CHANNEL_EXECUTE_COMPLETE")][
        -2:
    ] == [
        "12",
        None,
    ]


def test_the_same_seed_makes_the_same_call():
    def play() -> list[tuple[float, str, str | None]]:
        app = Application(setup=Setup(seed=7))
        app.execute("playback", "a.wav")
        app.channel.press("*", 1.0)
        app.until(3.0)
        return [(e.at, e.name, e.get("Application-UUID")) for e in app.events()]

    assert play() == play()

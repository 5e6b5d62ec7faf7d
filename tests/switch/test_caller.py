"""The caller: what keys, words and scripts do to a channel."""

from __future__ import annotations

import json

import pytest

from fsflows.switch.caller import Caller
from fsflows.switch.script import parse_script
from fsflows.switch.setup import Recogniser, Setup
from fsflows.switch.sounds import Sounds
from fsflows.switch.steps import Utterance
from fsflows.switch.transcript import Ending

from .driving import Application

LISTENING = ("set", "fire_asr_events=true"), ("detect_speech", "vosk default default")


def listening(*, returns_json: bool = False) -> Application:
    app = Application(
        setup=Setup(recogniser=Recogniser(json=returns_json), sounds=Sounds(default=30.0))
    )
    for name, data in LISTENING:
        app.execute(name, data)
    app.execute("playback", "music.wav")
    app.until(0.3)
    return app


def speech(app: Application) -> list[tuple[float, str | None, str]]:
    return [(round(e.at, 3), e.get("Speech-Type"), e.body) for e in app.events("DETECTED_SPEECH")]


def test_keys_come_at_their_pace():
    app = Application()
    released = Caller(app.channel).press("12", gap=0.3, hold=0.1)
    app.until(2.0)

    assert released == pytest.approx(0.6)
    assert [(0.225, "1"), (0.625, "2")] == [
        (round(e.at, 3), e.get("DTMF-Digit")) for e in app.events("DTMF")
    ]


def test_there_is_no_such_key():
    with pytest.raises(ValueError, match="keys are 0-9"):
        Caller(Application().channel).press("1x")


def test_partial_results_grow_and_a_final_one_follows():
    app = listening()
    Caller(app.channel).say(Utterance(text="five five"))
    app.until(3.0)

    assert speech(app) == [
        (0.526, "detected-partial-speech", "five"),
        (0.726, "detected-partial-speech", "five five"),
        (1.126, "detected-speech", "five five"),
    ]


def test_words_said_while_nobody_listens_are_lost():
    app = Application()
    Caller(app.channel).say(Utterance(text="one two three four"))
    app.until(0.45)
    for name, data in LISTENING:
        app.execute(name, data)
    app.until(3.0)

    # Parked, with fire_asr_events, every event comes twice.
    finals = [body for _, kind, body in speech(app) if kind == "detected-speech"]
    assert finals == ["two three four"] * 2


def test_confidences_and_other_guesses_are_in_the_json():
    app = listening(returns_json=True)
    caller = Caller(app.channel)
    caller.say(Utterance(text="yes", confidence=0.4))
    app.until(2.0)
    caller.say(Utterance(text="five", confidence=0.6), Utterance(text="nine", confidence=0.3))
    app.until(4.0)

    first, second = [json.loads(body) for _, kind, body in speech(app) if kind == "detected-speech"]
    assert [("yes", 0.4)] == [(word["word"], word["conf"]) for word in first["result"]]
    assert first["text"] == "yes"
    assert [("five", 0.6), ("nine", 0.3)] == [
        (guess["text"], guess["confidence"]) for guess in second["alternatives"]
    ]


def run(script: str, *prompts: str, until: float = 60.0) -> tuple[Application, Caller]:
    """A call that speaks its prompts, a character in 0.1 s, and then waits; what a scripted caller does meanwhile."""
    app = Application(setup=Setup(sounds=Sounds({"welcome.wav": 2.0}, pace=0.1)))
    caller = Caller(app.channel, parse_script(script).steps)
    for prompt in prompts:
        app.execute(*(("playback", prompt) if prompt.endswith(".wav") else ("speak", prompt)))
    app.until(until)
    return app, caller


def test_a_script_answers_when_the_words_have_been_spoken():
    app, caller = run("hear press one\npress 1\nhangup", "For sales, press one. Bye.")

    # 20 of 24 characters of 0.1 s each, from 0.12 on: punctuation is no sound.
    (key, hangup) = app.channel.transcript.did
    assert key.at == pytest.approx(0.12 + 2.6 * 19 / 23 + 0.1, abs=0.02)
    assert ("key", "hangup") == (key.what, hangup.what)
    assert (None, []) == (caller.failure, caller.undone)


def test_what_is_interrupted_is_not_heard():
    app, caller = run(
        'wait 0.5\npress *\nhear "goodbye" within 5', "Please hold the line. Goodbye."
    )

    assert app.channel.transcript.heard[0].ending is Ending.KEY
    assert caller.failure is not None
    assert caller.failure.step.line == 3
    assert caller.failure.why.startswith("'goodbye' was not heard within 5 s")
    assert app.channel.hangup_cause == "NORMAL_CLEARING"


def test_a_file_is_heard_when_it_begins():
    app, _ = run("hear welcome\npress 5", "/sounds/Welcome.wav", "x")

    assert app.channel.transcript.did[0].at == pytest.approx(0.22)


def test_the_same_words_are_waited_for_again():
    app, caller = run("hear again\nhear again\nhangup", "again", "again")

    assert [step.line for step, _ in caller.done] == [1, 2, 3]
    assert app.channel.transcript.did[0].at > 1.0


def test_waiting_for_sounds():
    _, caller = run("wait start\nwait end\nwait quiet 2\nhangup", "welcome.wav", "welcome.wav")

    assert [0.12, 2.12, 6.12, 6.12] == [pytest.approx(at) for _, at in caller.done]


def test_waiting_for_quiet_when_it_has_been_quiet():
    _, caller = run("wait 10\nwait quiet 2", "welcome.wav")

    assert [10.1, 10.1] == [pytest.approx(at) for _, at in caller.done]


def test_waiting_in_vain():
    _, caller = run("wait start within 3")

    assert caller.failure is not None
    assert caller.failure.why == "nothing was played within 3 s"


def test_the_call_ends_before_the_script():
    app, caller = run("wait 40\npress 1", until=1.0)
    app.execute("hangup")
    app.until(90.0)

    assert caller.failure is None
    assert [1, 2] == [step.line for step in caller.undone]
    assert app.channel.transcript.did == []


@pytest.mark.parametrize("waits", ["wait 40", "hear more", "press 1"])
def test_what_was_to_be_heard_when_the_call_was_over_was_not_heard(waits):
    app, caller = run(f"hear some\n{waits}\nhear more\nhear goodbye", "some", until=1.0)
    app.execute("hangup")
    app.until(90.0)

    assert caller.failure is not None
    assert "'more' was not heard: the call was over" == caller.failure.why
    assert caller.failure.step.line == (2 if waits == "hear more" else 3)


def test_last_words_are_heard_before_the_call_is_over():
    app, caller = run("hear some\nhear goodbye\nhangup", "some", "goodbye", until=1.0)
    app.execute("hangup")
    app.until(90.0)

    assert caller.failure is None


def test_the_transcript_reads_like_a_call():
    app, _ = run("hear press one\npress 1\nsay hello there\nhangup", "press one")

    assert [line.split("  ")[-1] for line in app.channel.transcript.lines()] == [
        "is answered",
        "hears speech: press one",
        "presses 1",
        "says hello there",
        "hangs up",
    ]

"""The dialogue, driven by the very loop that its docstring shows."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

import pytest

from fsflows.collect import (
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Dialogue,
    Done,
    Escape,
    Ignored,
    Key,
    Listen,
    Prompt,
    PromptKind,
    Source,
    StopPrompt,
    Validate,
    Validation,
    Why,
)
from fsflows.collect import dialogue as dialogue_module
from fsflows.collect.listener import Listener

from .scenario import alternative, play

FOUR = Collection(min_digits=4, max_digits=4)


def loop() -> dict[str, Any]:
    """The functions `collect`, `hear` and `obey` of the module's docstring."""
    text = dialogue_module.__doc__ or ""
    start, end = text.index("    def collect("), text.index("`call.wait` must")
    names = {each.__name__: each for each in (Done, Listen, Prompt, StopPrompt, Validate)}
    exec(textwrap.dedent(text[start:end]), names)
    return names


class Call:
    """A call on paper: prompts take 3 s, and the caller does what is written, at its times."""

    def __init__(self, *caller: tuple[Any, ...]) -> None:
        self._agenda = sorted(caller, key=lambda event: event[0])
        self._now = 0.0
        self._ends: float | None = None
        self.heard: list[str] = []

    def now(self) -> float:
        return self._now

    def play(self, prompt: str) -> None:
        self.heard.append(f"{self._now:.1f} {prompt}")
        self._ends = self._now + 3.0

    def is_playing(self) -> bool:
        return self._ends is not None

    def stop_playing(self) -> None:
        self.heard.append(f"{self._now:.1f} stop")
        self._ends = None

    def typed_ahead(self) -> list[Key]:
        return []

    def run(self, name: str, digits: str) -> tuple[bool, str]:
        return digits != "1234", f"{name} says no"

    def wait(self, until: float | None) -> tuple[Any, ...] | None:
        due = [time for time in (self._ends, until) if time is not None]
        if self._agenda and self._agenda[0][0] <= min(due, default=1e9):
            self._now, *event = self._agenda.pop(0)
            return tuple(event)
        self._now = min(due)
        if self._now == self._ends:
            self._ends = None
            return ("prompt_ended", self._now)
        return None


def keys(at: float, digits: str) -> list[tuple[Any, ...]]:
    return [
        (at + place / 10, "key", key, at + place / 10, "RTP") for place, key in enumerate(digits)
    ]


def said(at: float, *texts: str) -> tuple[Any, ...]:
    return (at, "final", [alternative(text) for text in texts], at)


def drive(dialogue: Dialogue, *caller: tuple[Any, ...]) -> tuple[list[str], Any]:
    call = Call(*caller)
    result = loop()["collect"](
        call, dialogue, lambda todo: f"{todo.kind} {todo.attempt} {todo.say}".strip()
    )
    return call.heard, result


def test_the_loop_of_the_docstring_with_a_caller_who_says_nothing():
    heard, result = drive(Dialogue(FOUR, attempts=2))

    assert ["0.0 first 1", "8.0 no_input 2"] == heard
    assert ("no_input", 2, 16.0) == (
        result.outcome,
        result.attempts,
        result.attempts_log[-1].ended_at,
    )


def test_the_loop_of_the_docstring_with_everything_in_it():
    spec = Collection(
        min_digits=4,
        max_digits=4,
        validation=Validation(function="known"),
        confirmation=Confirmation(when=Confirm.ALWAYS),
    )
    heard, result = drive(
        Dialogue(spec),
        *keys(1.0, "1234"),  # refused by the function
        said(3.0, "five six seven nine"),
        said(9.0, "no five six seven eight"),
        said(14.0, "yes"),
    )

    assert [
        "0.0 first 1",
        "1.0 stop",
        "1.3 no_match 2 known says no",
        "3.0 stop",
        "3.0 confirm 1",
        "9.0 confirm 1",
    ] == heard
    assert ("complete", "5678", True, Source.SPEECH) == (
        result.outcome,
        result.digits,
        result.confirmed,
        result.source,
    )


MENU = Collection(validation=Validation(values=frozenset("12")))
PIN = Collection(
    min_digits=4,
    max_digits=4,
    end_keys=frozenset("#"),
    validation=Validation(values=frozenset({"1234"})),
)


@pytest.mark.parametrize(
    ("spec", "impatient", "heard", "then", "answer"),
    [
        (MENU, "777", ["0.0 first 1", "1.0 stop", "1.0 no_match 2", "3.0 stop"], "1", "1"),
        (
            PIN,
            "48251#",
            ["0.0 first 1", "1.0 stop", "1.3 no_match 2", "3.0 stop"],
            "1234",
            "1234",
        ),
    ],
)
def test_impatient_keys_fail_once_and_the_next_prompt_is_heard(
    spec, impatient, heard, then, answer
):
    played, result = drive(Dialogue(spec), *keys(1.0, impatient), *keys(3.0, then))

    assert heard == played
    assert ("complete", answer, 2) == (result.outcome, result.digits, result.attempts)


def test_impatient_keys_are_flushed_and_then_the_caller_is_waited_for():
    played, result = drive(Dialogue(MENU, attempts=2), *keys(1.0, "777"))

    assert ["0.0 first 1", "1.0 stop", "1.0 no_match 2"] == played
    assert ("no_input", 9.0) == (result.outcome, result.attempts_log[-1].ended_at)


@pytest.mark.parametrize("typed", [[], [Key("7", 1.4), Key("1", 2.9)]])
def test_keys_pressed_before_the_next_prompt_are_flushed_after_a_failure(typed):
    dialogue = Dialogue(MENU)
    dialogue.next(0.0)
    listener = play(dialogue.next(0.0).listener, "1.0 key 7\n1.2 key 1", to_the_end=False)
    asked = dialogue.next(3.0, typed_ahead=typed)
    keys_that_stop = dialogue.interrupting_keys
    again = dialogue.next(3.0, prompt_playing=True).listener

    assert "no_match" == listener.result.outcome
    assert PromptKind.NO_MATCH is asked.kind
    assert frozenset() == keys_that_stop
    assert again.result is None
    assert [Ignored(press, Why.FLUSHED) for press in ["1", *(each.key for each in typed)]] == [
        each for each in again.decisions() if isinstance(each, Ignored)
    ]


@pytest.mark.parametrize(
    ("barge_in", "keys"),
    [
        (BargeIn.INTERRUPT, "*0123456789C"),
        (BargeIn.COLLECT, "C"),
        (BargeIn.IGNORE, ""),
    ],
)
def test_the_keys_that_answer_a_read_back_stop_it_and_no_others(barge_in, keys):
    """FreeSWITCH stops it in the frame of the key; at an end key, which means nothing there, it would begin anew."""
    spec = Collection(
        min_digits=1,
        max_digits=4,
        end_keys=frozenset("#"),
        barge_in=barge_in,
        escape=Escape(keys=frozenset("C")),
        confirmation=Confirmation(when=Confirm.ALWAYS, refuse_keys=frozenset("*")),
    )
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 12#", to_the_end=False)

    assert PromptKind.CONFIRM is dialogue.next(1.3).kind
    assert keys == "".join(sorted(dialogue.interrupting_keys))


def test_a_key_that_comes_a_moment_after_the_silence_is_not_lost():
    dialogue = Dialogue(MENU)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "")
    asked = dialogue.next(5.0, typed_ahead=[Key("1", 4.999)])
    again = dialogue.next(5.0, prompt_playing=True).listener

    assert PromptKind.NO_INPUT is asked.kind
    assert MENU.interrupting_keys == dialogue.interrupting_keys
    assert ("complete", "1") == (again.result.outcome, again.result.digits)


def test_keys_pressed_after_a_pause_count_however_fast_they_follow_one_another():
    dialogue = Dialogue(PIN)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 4825", to_the_end=False)
    dialogue.next(1.3)
    again = dialogue.next(1.3, prompt_playing=True).listener
    play(again, "1.4 key 1\n1.9 keys 1234", to_the_end=False)

    assert "1234" == again.result.digits


def test_keys_typed_ahead_of_a_success_are_kept():
    dialogue = Dialogue(MENU)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 123", to_the_end=False)

    assert isinstance(dialogue.next(2.0), Done)
    assert ["2", "3"] == [press.key for press in dialogue.left_over]


def test_keys_typed_after_a_refusal_are_the_next_answer():
    spec = Collection(min_digits=4, max_digits=4, confirmation=Confirmation(when=Confirm.ALWAYS))
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, "1.0 keys 1234", to_the_end=False)
    dialogue.next(2.0)
    play(dialogue.next(2.0).listener, "4.0 keys 25678", to_the_end=False)
    dialogue.next(5.0)

    assert "5678" == dialogue.next(5.0, prompt_playing=True).listener.result.digits


def test_asked_twice_it_says_the_same_twice():
    dialogue = Dialogue(Collection(validation=Validation(function="known")))
    dialogue.next(0.0)
    first = dialogue.next(0.0)

    assert first.listener is dialogue.next(1.0).listener
    play(first.listener, "1.0 key 7")
    assert dialogue.next(2.0) == dialogue.next(2.0) == Validate("7", "known")
    dialogue.validated(True)
    assert dialogue.next(3.0) == dialogue.next(3.0)


@pytest.mark.parametrize(
    ("prepare", "digits"),
    [
        pytest.param(lambda dialogue: None, "", id="before anything was asked"),
        pytest.param(lambda dialogue: dialogue.next(0.0), "", id="while the first prompt begins"),
        pytest.param(
            lambda dialogue: _listening(dialogue).key("7", 1.0), "7", id="in the middle of it"
        ),
        pytest.param(
            lambda dialogue: (play(_listening(dialogue), "1.0 keys 77"), dialogue.next(9.0)),
            "77",
            id="before it was asked again",
        ),
    ],
)
def test_a_call_that_ends_at_any_moment_gives_a_result(prepare, digits):
    dialogue = Dialogue(FOUR)
    prepare(dialogue)
    result = dialogue.hang_up(20.0)

    assert ("hangup", "hangup", digits) == (result.outcome, result.how, result.digits)
    assert result is dialogue.hang_up(30.0)
    assert Done(result) == dialogue.next(30.0)


def _listening(dialogue: Dialogue) -> Listener[Any]:
    dialogue.next(0.0)
    return dialogue.next(0.0).listener


def test_a_call_that_ends_right_after_the_answer_has_the_answer():
    dialogue = Dialogue(FOUR)
    play(_listening(dialogue), "1.0 keys 1234")

    assert "complete" == dialogue.hang_up(1.5).outcome


def test_an_answer_that_could_not_be_judged_is_no_match_with_its_digits():
    dialogue = Dialogue(replace(FOUR, validation=Validation(function="known")))
    assert dialogue.break_off() is None
    listener = _listening(dialogue)
    assert dialogue.break_off() is None
    play(listener, "1.0 keys 1234")
    assert dialogue.next(2.0) == Validate("1234", "known")

    result = dialogue.break_off()
    assert ("no_match", "1234", "length") == (result.outcome, result.digits, result.how)
    assert "not judged by known" == result.failure.text
    assert result is dialogue.break_off() is dialogue.hang_up(3.0)


def test_keys_typed_ahead_are_taken_once_and_what_is_left_is_for_the_next_step():
    dialogue = Dialogue(FOUR)
    dialogue.next(0.0, typed_ahead=[Key("1", -0.3), Key("2", -0.2), Key("3", -0.1)])
    listener = dialogue.next(0.0, typed_ahead=[Key("4", -0.05), Key("5", 0.0)]).listener
    result = dialogue.next(0.1).result

    assert ("1234", listener.result) == (result.digits, result.attempts_log[0])
    assert ["5"] == [press.key for press in dialogue.left_over]


def test_a_step_knows_the_trail_of_the_step_before():
    first = Dialogue(Collection(min_digits=4, max_digits=4, end_keys=frozenset("#")))
    play(_listening(first), "1.0 keys 1234")
    second = Dialogue(FOUR, trail=first.next(1.3).result.trail)
    second.next(1.3)
    listener = second.next(1.3, prompt_playing=True).listener
    listener.key("#", 1.6)

    assert "the end key of the answer before" == listener.decisions()[0].why


def test_at_least_one_attempt():
    with pytest.raises(ValueError, match="attempts must be 1 or more, got 0"):
        Dialogue(FOUR, attempts=0)


def test_a_prompt_of_a_second_attempt_says_which_family_it_is_of():
    dialogue = Dialogue(Collection(min_digits=4, max_digits=4, escape=Escape()))
    play(_listening(dialogue), "1.0 final one two three four five")
    asked = dialogue.next(2.0)

    assert (PromptKind.TOO_LONG, PromptKind.NO_MATCH, 2) == (
        asked.kind,
        asked.because,
        asked.attempt,
    )


def test_beyond_12_a_private_dialogue_shows_nothing_of_its_digits():
    spec = Collection(
        min_digits=4, max_digits=4, is_pii=True, confirmation=Confirmation(when=Confirm.ALWAYS)
    )
    dialogue = Dialogue(spec)
    play(_listening(dialogue), "1.0 final seven six five four")
    asked = dialogue.next(2.0)
    confirmer = dialogue.next(2.0).listener
    play(confirmer, "4.0 final no seven six five three")
    shown = [
        repr(each) for each in (asked, dialogue, vars(dialogue), confirmer.result, vars(confirmer))
    ]
    corrected, again = dialogue.next(5.0), dialogue.next(5.0)
    shown += [repr(corrected), repr(corrected.listener.result), repr(again)]
    play(dialogue.next(5.0).listener, "6.0 key 1")
    result = dialogue.next(7.0).result
    shown += [repr(result), str(result.user_input), f"{result.digits}"]

    assert (True, "7653") == (result.digits == "7653", result.user_input.reveal())
    for secret in ("seven", "7654", "7653"):
        assert [] == [text for text in shown if secret in text]

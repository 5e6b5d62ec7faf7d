"""The caller behind a simulated call: presses keys, says words, listens, hangs up; by hand or by a script's steps.

Everything the caller does is put on the channel's own agenda, so that a scripted call is the same from run to run.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsflows.switch.steps import (
    ENDPOINT,
    GAP,
    HOLD,
    KEYS,
    WORD,
    HangUp,
    Hear,
    Mishap,
    Press,
    Say,
    Step,
    Utterance,
    Wait,
    WaitForEnd,
    WaitForQuiet,
    WaitForStart,
)
from fsflows.switch.transcript import Did, Heard, Kind

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

NOTHING_TO_SAY = "there is nothing to say"


def check_keys(keys: str) -> None:
    """Whether a telephone has these keys.

    Raises:
        ValueError: it has not.
    """
    wrong = sorted(set(keys) - set(KEYS))
    if wrong or not keys:
        raise ValueError(f"keys are 0-9, *, # and A-D, not {''.join(wrong)!r}")


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that could not be done, and why."""

    step: Step
    why: str


class Caller:
    """One caller on one channel.

    Args:
        channel: the call.
        steps: what to do, from now on; none for a caller who is told what to do as it comes.

    Attributes:
        done: the steps that were done, each with the time at which it was.
        failure: the step that the script came to grief at (the caller has hung up then), or what was never heard
            because the call was over.
    """

    def __init__(self, channel: Channel, steps: Sequence[Step] = ()) -> None:
        self.channel = channel
        self.done: list[tuple[Step, float]] = []
        self.failure: Failure | None = None
        self._steps = list(steps)
        self._began = channel.now
        self._place = 0
        self._mark = (0, 0)
        if self._steps:
            thread = channel.thread(self._follow())
            channel.transcript.watchers.append(lambda _: channel.at(channel.now, thread.step))
            channel.at(channel.now, thread.step)

    @property
    def undone(self) -> list[Step]:
        """The steps that have not been done yet, or never will be, since the call is over."""
        return self._steps[self._place :]

    # --- by hand ----------------------------------------------------------------------------------------------

    def press(
        self, keys: str, gap: float = GAP, hold: float = HOLD, inband: float | None = None
    ) -> float:
        """Press keys; when the last one is released. `inband` is that of `Press`.

        Raises:
            ValueError: there is no such key.
        """
        check_keys(keys)
        at = self.channel.now
        for key in keys:
            self.channel.press(key, at, hold, inband)
            at += hold + gap
        return at - gap

    def say(self, *heard_as: Utterance, word: float = WORD, endpoint: float = ENDPOINT) -> float:
        """Say something; when the recogniser is done with it.

        A partial result grows word by word and a final one follows. Words that are said while nobody listens are lost.

        Raises:
            ValueError: there is nothing to say.
        """
        if not heard_as or not heard_as[0].text.split():
            raise ValueError(NOTHING_TO_SAY)
        channel, best = self.channel, heard_as[0]
        words = best.text.split()
        channel.transcript.note(Did(channel.now, "say", best.text))
        caught: list[int] = []

        def partial(place: int) -> None:
            if channel.detector.on and not channel.hangup_cause:
                caught.append(place)
                text = " ".join(words[place] for place in caught)
                channel.detector.message(json.dumps({"partial": text}, ensure_ascii=False))

        def final() -> None:
            if caught and channel.detector.on and not channel.hangup_cause:
                missed = caught[0]
                guesses = [
                    (guess.text.split()[missed:], _sure_unless_told(guess.confidence))
                    for guess in heard_as
                ]
                channel.detector.message(_final(guesses, word))

        for place in range(len(words)):
            channel.at(channel.now + word * (place + 1), functools.partial(partial, place))
        end = channel.now + word * len(words) + endpoint
        channel.at(end, final)
        return end

    def hang_up(self) -> None:
        self.channel.hang_up_caller()

    def _over(self) -> bool:
        return bool(self.channel.hangup_cause)

    # --- by script --------------------------------------------------------------------------------------------

    def _follow(self) -> Generator[float | None, None, None]:
        while self._place < len(self._steps):
            if self._over():
                self._left_alone()
                return
            step = self._steps[self._place]
            why = yield from self._take(step)
            if self._over() and (why or not isinstance(step, Hear | HangUp)):
                self._left_alone()
                return
            if why:
                self.failure = Failure(step, why)
                self.hang_up()
                return
            self.done.append((step, self.channel.now))
            self._place += 1

    def _left_alone(self) -> None:
        """The call is over before the script: what was still to be heard never came."""
        for step in self.undone:
            if isinstance(step, Hear):
                self.failure = Failure(step, f"{step.text!r} was not heard: the call was over")
                return

    def _take(self, step: Step) -> Generator[float | None, None, str]:
        """Do a step; why it could not be done, or ""."""
        match step:
            case Wait(seconds=seconds):
                yield from self._until(self.channel.now + seconds)
            case Press():
                end = self.press(step.keys, step.gap, step.hold, step.inband)
                yield from self._until(self.channel.now if step.meanwhile else end)
            case Say():
                end = self.say(*step.heard_as, word=step.word, endpoint=step.endpoint)
                yield from self._until(self.channel.now if step.meanwhile else end)
            case Mishap(what=what):
                self.channel.detector.mishap(what)
            case HangUp():
                self.hang_up()
            case Hear():
                return (yield from self._hear(step))
            case WaitForStart(within=within):
                return (yield from self._started(within))
            case WaitForEnd(within=within):
                return (yield from self._ended(within))
            case WaitForQuiet():
                return (yield from self._quiet(step))
        return ""

    def _until(self, when: float) -> Generator[float | None, None, None]:
        while self.channel.now < when and not self._over():
            yield when

    def _started(self, within: float) -> Generator[float | None, None, str]:
        deadline = self.channel.now + within
        while self.channel.transcript.playing is None:
            if self.channel.now >= deadline or self._over():
                return f"nothing was played within {within:g} s"
            yield deadline
        return ""

    def _ended(self, within: float) -> Generator[float | None, None, str]:
        deadline = self.channel.now + within
        why = yield from self._started(within)
        sound = self.channel.transcript.playing
        while sound is not None and sound.end is None:
            if self.channel.now >= deadline or self._over():
                return f"{sound.what!r} did not end within {within:g} s"
            yield deadline
        return why

    def _quiet(self, step: WaitForQuiet) -> Generator[float | None, None, str]:
        transcript, deadline = self.channel.transcript, self.channel.now + step.within
        while True:
            ends = [sound.end for sound in transcript.heard if sound.end is not None]
            quiet_at = max([self._began, *ends]) + step.seconds
            if transcript.playing is None and self.channel.now >= quiet_at - 1e-9:
                return ""
            if self.channel.now >= deadline or self._over():
                return f"it was not quiet for {step.seconds:g} s within {step.within:g} s"
            yield deadline if transcript.playing is not None else min(deadline, quiet_at)

    def _hear(self, step: Hear) -> Generator[float | None, None, str]:
        deadline = self.channel.now + step.within
        while True:
            place, offset, at = self._find(step.text)
            if at is not None and at <= self.channel.now + 1e-9:
                self._mark = (place, offset)
                return ""
            if self.channel.now >= deadline or self._over():
                heard = [sound.what for sound in self.channel.transcript.heard[self._mark[0] :]]
                return f"{step.text!r} was not heard within {step.within:g} s, but {heard}"
            yield deadline if at is None else min(at, deadline)

    def _find(self, wanted: str) -> tuple[int, int, float | None]:
        """Where `wanted` is or will be heard next: the sound, the place behind it, and the time. No time: nowhere."""
        heard = self.channel.transcript.heard
        first, passed = self._mark
        for place in range(first, len(heard)):
            sound = heard[place]
            as_heard = plain if sound.kind is Kind.SPEECH else str.casefold
            text, part = as_heard(sound.what), as_heard(wanted)
            found = text.find(part, passed if place == first else 0)
            if found < 0:
                continue
            behind = found + len(part)
            at = _heard_at(sound, behind, len(text))
            if sound.end is None or at <= sound.end + 1e-9:
                return place, behind, at
        return first, passed, None


def _heard_at(sound: Heard, behind: int, length: int) -> float:
    """When a sound has got that far: a text is spoken evenly, a file is known by its beginning."""
    if sound.kind is not Kind.SPEECH:
        return sound.start
    return sound.start + sound.length * behind / max(1, length)


@functools.lru_cache(maxsize=512)
def plain(text: str) -> str:
    """Text as it is listened to: without capitals, punctuation, and more than one blank in a row."""
    return " ".join(re.sub(r"[^\w\s*#+-]", " ", text.casefold()).split())


def _sure_unless_told(confidence: float | None) -> float:
    return 1.0 if confidence is None else confidence


def _final(guesses: list[tuple[list[str], float]], word: float) -> str:
    """The recogniser's final message: one result, or all its alternatives."""
    results = []
    for words, confidence in guesses:
        timed = [
            {
                "conf": confidence,
                "end": round(word * (place + 1), 2),
                "start": round(word * place, 2),
                "word": said,
            }
            for place, said in enumerate(words)
        ]
        results.append({"result": timed, "text": " ".join(words)})
    if len(results) == 1:
        return json.dumps(results[0], ensure_ascii=False)
    alternatives = [
        {"confidence": confidence, **result}
        for result, (_, confidence) in zip(results, guesses, strict=True)
    ]
    return json.dumps({"alternatives": alternatives}, ensure_ascii=False)

"""The real dialogue on a stage without delays, for callers at random: what `tests.collect.reference` is compared with.

All times are binary fractions of a second, so that what is due at the same moment is.
"""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

from collect import reference
from collect.reference import NAMES, Asr, Input, Key, Step, Words
from fsflows.collect import (
    Alternative,
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Dialogue,
    Done,
    Escape,
    Listen,
    Policy,
    Prompt,
    Speech,
    StopPrompt,
    TypeAhead,
    Validation,
)
from fsflows.collect import Key as Pressed

KINDS = {"first": "prompt", "no_input": "no_input", "confirm": "read_back"}


class Stage:
    """As `reference.Reference`."""

    def __init__(self, steps: list[Step], inputs: list[Input]) -> None:
        self.inputs = sorted(inputs, key=lambda each: each.time)
        self.steps = steps
        self.now = 0.0
        self.final_at = self.partial_at = float("-inf")
        self.ends: list[tuple] = []
        self.played: list[list] = []

    def run(self) -> tuple[list[tuple], list[tuple]]:
        trail, left = None, ()
        for step in self.steps:
            self.now += step.before
            dialogue = Dialogue(spec(step), attempts=step.attempts, trail=trail)
            typed = (*left, *self.typed())
            while not isinstance(todo := self.next(dialogue, typed), Done):
                if isinstance(todo, Prompt):
                    self.play(step, todo)
                if isinstance(todo, Listen):
                    self.listen(todo.listener)
                typed = self.typed() if isinstance(todo, Listen) else ()
            trail, left = todo.result.trail, dialogue.left_over
            self.ends.append(
                (self.now, str(todo.result.outcome), todo.result.digits, str(todo.result.how))
            )
        return [tuple(each) for each in self.played], self.ends

    def next(self, dialogue: Dialogue, typed: tuple[Pressed, ...]) -> Any:
        return dialogue.next(
            self.now,
            prompt_playing=self.now < self.until,
            typed_ahead=typed,
            speech_ended_at=self.final_at,
            spoke_at=self.partial_at,
        )

    @property
    def until(self) -> float:
        return self.played[-1][1] if self.played else -1.0

    def play(self, step: Step, todo: Prompt) -> None:
        kind = KINDS.get(todo.kind, "no_match")
        if kind == "read_back" and todo.attempt > 1:
            kind = "again"
        if length := step.prompts.get(kind, 0.0):
            begins = max(self.now, self.until)
            self.played.append([begins, begins + length, kind])

    def typed(self) -> tuple[Pressed, ...]:
        """What came while nobody listened."""
        keys = []
        while self.inputs and self.inputs[0].time <= self.now:
            given = self.inputs.pop(0)
            if isinstance(given, Key):
                keys.append(Pressed(given.key, given.time, given.source))
            else:
                self.spoken(given)
        return tuple(keys)

    def listen(self, listener: Any) -> None:
        knows = self.now >= self.until  # that the prompt is over
        while True:
            for decision in listener.decisions():
                if isinstance(decision, StopPrompt):
                    self.played = [each for each in self.played if each[0] < decision.at]
                    for each in self.played:
                        each[1] = min(each[1], decision.at)
                    knows = True
            if listener.result is not None:
                return
            moments = [] if knows else [(self.until, 0)]
            moments += [] if listener.deadline is None else [(listener.deadline, 1)]
            moments += [(self.inputs[0].time, 2)] if self.inputs else []
            at, what = min(moments)
            self.now = max(self.now, at)
            if what == 0:
                knows = True
                listener.prompt_ended(at)
            elif what == 1:
                listener.advance(at)
            else:
                self.give(listener, self.inputs.pop(0))

    def spoken(self, given: Words) -> None:
        if given.final:
            self.final_at = given.time
        else:
            if given.time > self.partial_at + 2.0:
                self.final_at = max(self.final_at, self.partial_at + 2.0)
            self.partial_at = given.time

    def give(self, listener: Any, given: Input) -> None:
        if isinstance(given, Key):
            listener.key(given.key, given.time, given.source)
            return
        self.spoken(given)
        if listener.spec.speech is None:
            return
        if given.final:
            listener.final([Alternative(given.text)], given.time)
        else:
            listener.partial(given.text, given.time)


def spec(step: Step) -> Collection:
    confirmation, speech = Confirmation(), None
    if step.confirm is not None:
        confirmation = Confirmation(
            when=Confirm.ALWAYS,
            accept_keys=frozenset(step.confirm.accept),
            refuse_keys=frozenset(step.confirm.refuse),
            timeout=step.confirm.timeout,
            asks=step.confirm.asks,
        )
    if step.asr is not None:
        speech = Speech(
            words=step.words,
            barge_in_words=step.asr.words,
            settle_time=step.asr.settle,
            end_of_speech_timeout=step.asr.patience,
            partial_timeout=step.asr.stall,
            hold_limit=step.asr.hold,
        )
    return Collection(
        min_digits=step.least,
        max_digits=step.num,
        first_digit_timeout=step.first,
        inter_digit_timeout=step.between,
        collection_timeout=step.total,
        end_keys=frozenset(step.end),
        clear_keys=frozenset(step.clear),
        allow_letters=step.letters,
        barge_in=BargeIn(step.barge_in),
        type_ahead=TypeAhead(step.type_ahead),
        policy=Policy(step.policy),
        same_press_window=step.window,
        escape=Escape(keys=frozenset(step.escape)),
        validation=Validation(values=frozenset(step.values) or None, pattern=step.pattern),
        confirmation=confirmation,
        speech=speech,
    )


# --- at random ---

SAID = (
    *("sales", "sales", "sales support", "hours", "opening hours", "hello sales", "sales hours"),
    *("one sales", "two two sales", "sales three", "sales sales support", "sales sales", "opening"),
    *("hours hours", "support", "hello support line"),
)


def scenario(seed: int) -> tuple[list[Step], list[Input]]:
    """Steps, and a caller of whom they may or may not make sense."""
    rng = random.Random(seed)
    talks = seed % 3 > 0
    steps = some_steps(rng, talks=talks)
    return steps, [*_keys(rng), *(_words(rng) if talks else ())]


def some_steps(rng: random.Random, *, talks: bool) -> list[Step]:
    return [_step(rng, talks=talks) for _ in range(rng.choice([1, 2, 2, 3]))]


PHRASES = (("sales",), ("sales support", "support line"), ("hours", "opening hours"))


def _step(rng: random.Random, *, talks: bool) -> Step:
    step = _plain_step(rng, talks=talks)
    if step.asr is None or rng.random() < 0.6:
        return step
    lengths = range(step.least, (step.num or 3) + 1)
    answers = [key * length for key in "123" for length in lengths if step.is_right(key * length)]
    rng.shuffle(answers)
    return replace(step, words=tuple(zip(answers, PHRASES, strict=False)))


def _plain_step(rng: random.Random, *, talks: bool) -> Step:
    pick = rng.choice
    num = pick([1, 2, 4, 4, None])
    end = pick(["", "#", "#", "#*"])
    menu = num in (1, 4, None) and not end
    confirms = [reference.Confirm(), reference.Confirm(asks=1), reference.Confirm("#", "*")]
    return Step(
        num=num,
        least=pick([1, num or 1, num or 2]),
        first=pick([5.0, 3.0]),
        between=pick([2.0, 1.0, 0.25]),
        total=pick([None, None, 4.0, 9.0]),
        end=end,
        clear=pick(["", "*"]) if "*" not in end else "",
        letters=pick([False, False, True]),
        barge_in=pick(["interrupt", "interrupt", "collect", "ignore"]),
        type_ahead=pick(["keep", "keep", "flush"]),
        policy=pick(["merge", "merge", "keys_win", "first_wins"]) if talks else "merge",
        values=pick([(), (), (), ("1", "2"), ("1", "12", "123"), ("1", "*", "#")]) if menu else (),
        pattern=pick([None, None, "[1-4]*"]),
        escape=pick(["", "", "0"]),
        attempts=pick([1, 2, 3]),
        before=pick([0.0, 0.0, 0.75, 3.0]),
        confirm=pick([None, None, *confirms]),
        asr=pick([None, Asr(), Asr(), Asr(words=None), Asr(hold=6.0)]) if talks else None,
        prompts={
            "prompt": pick([0.0, 3.0, 5.0]),
            "no_input": pick([0.0, 2.0]),
            "no_match": pick([0.0, 2.0]),
            "read_back": pick([0.0, 4.0]),
            "again": pick([0.0, 4.0]),
        },
    )


def _keys(rng: random.Random) -> list[Input]:
    pick, now = rng.choice, 0.0
    found: list[Input] = []
    gaps = [0, 1 / 8, 1 / 8, 1 / 4, 1 / 4, 9 / 32, 5 / 16, 1 / 2, 1 / 2, 1, 2, 3, 4, 5]
    for _ in range(rng.randrange(20)):
        now += pick(gaps)
        key = pick("1111222234567890##*A")
        found.append(Key(now, key))
        if rng.random() < 0.1:
            found.append(Key(now + pick([0, 1 / 32, 1 / 16, 5 / 64]), key, "INBAND_AUDIO"))
    return found


def _words(rng: random.Random) -> list[Input]:
    """Utterances: partials that grow, some repeated, and mostly a final result, which may be quite another one."""
    pick = rng.choice
    now = pick([0.5, 2.0, 4.0, 6.0, 8.0])
    found: list[Input] = []
    for speech in range(1, rng.randrange(2, 8)):
        said = [pick(NAMES) for _ in range(pick([1, 1, 2, 3, 4, 4, 5]))]
        if rng.random() < 0.15:
            said = [pick(["hello", "yes", "incorrect"])]
        elif rng.random() < 0.4:
            said = pick(SAID).split()
        for count in range(1, len(said) + 1):
            for _ in range(pick([0, 1, 1, 1, 3])):
                found.append(Words(now, " ".join(said[:count]), final=False, speech=speech))
                now += pick([3 / 16, 1 / 4])
        if rng.random() < 0.1:
            now += 4.0  # the recogniser takes it back, and says nothing of that
            continue
        now += pick([0, 1 / 8, 1 / 4, 1 / 2, 5 / 2])
        if said[0] in NAMES and rng.random() < 0.1:
            found.append(Words(now, "hello", final=True, speech=speech + 100))
        else:
            found.append(Words(now, " ".join(said), final=True, speech=speech))
        now += pick([1 / 4, 1, 31 / 16, 3, 6])
    return found


# --- smaller ---


def differs(steps: list[Step], inputs: list[Input]) -> bool:
    return reference.Reference(steps, inputs).run() != Stage(steps, inputs).run()


def shrunk(steps: list[Step], inputs: list[Input]) -> tuple[list[Step], list[Input]]:
    """As few steps, settings and inputs as still make a difference."""
    for smaller in _smaller(steps, inputs):
        if differs(*smaller):
            return shrunk(*smaller)
    return steps, inputs


def _smaller(steps: list[Step], inputs: list[Input]) -> Any:
    for place in range(len(steps) if len(steps) > 1 else 0):
        yield [*steps[:place], *steps[place + 1 :]], inputs
    for gone in inputs:
        # Without its final result, speech would be one that was taken back, and what follows too near.
        ends = gone.speech if isinstance(gone, Words) and gone.final else None
        yield (
            steps,
            [each for each in inputs if each is not gone and getattr(each, "speech", -1) != ends],
        )
    plain = Step()
    for place, step in enumerate(steps):
        simpler = [
            replace(step, **{each.name: getattr(plain, each.name)})
            for each in fields(step)
            if each.name != "prompts"
        ]
        simpler += [
            replace(
                step, prompts={name: step.prompts[name] for name in step.prompts if name != one}
            )
            for one in step.prompts
        ]
        for each in simpler:
            if each != step:
                yield [*steps[:place], each, *steps[place + 1 :]], inputs

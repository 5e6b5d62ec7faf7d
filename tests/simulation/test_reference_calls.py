"""Whole calls beside the reference model of the documentation: conversation, call and FreeSWITCH in between change nothing.

The keys and words that reached the conversation, at their times, are given to `tests.collect.reference` as well: every
step has to end in the same way, within a fraction of a second. Where a few hundredths of a second decide (prompts begin
a frame or two late), the reference itself differs from case to case, and nothing is compared.

    FSFLOWS_REFERENCE=5000 FSFLOWS_REFERENCE_SEED=10000 pytest tests/simulation/test_reference_calls.py
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from collect.reference import NAMES, Input, Key, Reference, Step, Words
from collect.stage import some_steps

from fsflows.call.call import Call
from fsflows.call.happenings import Heard, KeyPressed
from fsflows.call.leg import Leg
from fsflows.collect.dialogue import Dialogue
from fsflows.conversation import turn
from fsflows.conversation.judging import Rehearsal
from fsflows.conversation.rehearsal import rehearse
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flows
from fsflows.switch.script import parse_script

CALLS = int(os.environ.get("FSFLOWS_REFERENCE", "150"))
FIRST = int(os.environ.get("FSFLOWS_REFERENCE_SEED", "1"))
LATE = 0.5
"""Seconds. What the frames of a few prompts in a row come to."""
FRAME = 0.02
PERTURBED = [(0.0, 0.0), (0.03, 0.004), (0.06, -0.004), (0.1, 0.01), (0.1, -0.01)]
"""Seconds that prompts and timers are longer."""


def flow(steps: list[Step]) -> str:
    named = {f"s{place}": _step(step, f"s{place + 1}") for place, step in enumerate(steps)}
    named[f"s{len(steps)}"] = {"next": {"hangup": True}}
    escape = {"keys": "0", "then": {"hangup": True}}
    return yaml.safe_dump({"escape": escape, "steps": named}, sort_keys=False)


def _step(step: Step, following: str) -> dict[str, Any]:
    said = {kind: [{"silence": seconds or FRAME}] for kind, seconds in step.prompts.items()}
    dtmf = {
        "num_digits": step.num or -1,
        "min_digits": step.least,
        "first_digit_timeout": step.first,
        "inter_digit_timeout": step.between,
        "collection_timeout": step.total,
        "end_key": step.end,
        "clear_key": step.clear,
        "allow_letters": step.letters,
        "barge_in": step.barge_in,
        "type_ahead": step.type_ahead,
        "policy": step.policy,
        "same_press_window": step.window,
    }
    retry = {"attempts": step.attempts}
    validate = {"values": list(step.values), "pattern": step.pattern}
    made: dict[str, Any] = {
        "prompt": said["prompt"],
        "dtmf": {name: value for name, value in dtmf.items() if value not in (None, "")},
        "retry": {**retry, "no_input": [said["no_input"]], "no_match": [said["no_match"]]},
        "next": following,
        "asr": False,
    }
    made |= {"on": {"escaped": following}} if step.escape else {"escape": False}
    if rules := {name: value for name, value in validate.items() if value}:
        made["validate"] = rules
    if step.confirm is not None:
        made["confirm"] = {**vars(step.confirm), "prompt": said["read_back"]}
    if step.asr is not None:
        made["asr"] = {
            "settle_time": step.asr.settle,
            "end_of_speech_timeout": step.asr.patience,
            "partial_timeout": step.asr.stall,
            "hold_limit": step.asr.hold,
            "barge_in_words": False if step.asr.words is None else step.asr.words,
        }
    return made


def caller(rng: random.Random, *, talks: bool) -> str:
    pick, lines = rng.choice, []
    for _ in range(rng.randrange(1, 16)):
        what = rng.random()
        if what < 0.55:
            keys = "".join(pick("1111222234567890##*A") for _ in range(pick([1, 1, 2, 4, 5, 12])))
            gap, hold = pick([0, 0.05, 0.1, 0.2, 0.4, 1.0, 2.1]), pick([0.03, 0.1])
            twice = " inband 0.02" if rng.random() < 0.1 else ""
            lines.append(f"press {keys} gap {gap} hold {hold}{twice}")
        elif what < 0.75 and talks:
            said = " ".join(pick(NAMES) for _ in range(pick([1, 2, 3, 4, 4])))
            said = said if rng.random() < 0.8 else pick(["hello", "yes", "incorrect"])
            lines.append(f'say "{said}" word {pick([0.2, 0.5])} endpoint {pick([0.3, 0.6, 1.1])}')
        else:
            lines.append(f"wait {pick([0.05, 0.35, 0.7, 1.3, 2.3, 3.3, 5.1])}")
    return "\n".join([*lines, *["wait 100"] * 6]) + "\n"


class Watched:
    """One call: when its first step began, what reached it, and how its steps ended."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.inputs: list[Input] = []
        self.ends: list[tuple[float, str, str, str]] = []
        self.played_again = False
        self._speech = 1

    def play(self, steps: list[Step], script: str, directory: Path) -> Rehearsal:
        """Play it.

        Raises:
            FlowErrors: the settings contradict each other.
        """
        (directory / "flow.yaml").write_text(flow(steps), encoding="utf-8")
        flows = load_flows([directory / "flow.yaml"])
        wait, ask, again, note = Leg.wait, Dialogue.next, Call.play_again, turn._note

        def waited(call: Leg, until: float | None = None) -> Any:
            happening = wait(call, until)
            self._reached(happening)
            return happening

        def asked(dialogue: Dialogue, at: float, **more: Any) -> Any:
            self.began = at if self.began is None else self.began
            return ask(dialogue, at, **more)

        def played_again(call: Call, playback: Any) -> None:
            self.played_again = True
            again(call, playback)

        def noted(engine: Any, step: str, result: Any, started: float) -> None:
            how = (str(result.outcome), str(result.digits), str(result.how))
            self.ends.append((engine.clock.now() - (self.began or 0.0), *how))
            note(engine, step, result, started)

        with (
            patch.object(Leg, "wait", waited),
            patch.object(Dialogue, "next", asked),
            patch.object(Call, "play_again", played_again),
            patch.object(turn, "_note", noted),
        ):
            return rehearse(flows["flow"], flows, parse_script(script), recordings=directory)

    def _reached(self, happening: Any) -> None:
        if isinstance(happening, KeyPressed):
            self.inputs.append(Key(happening.at, happening.key, happening.source))
        if isinstance(happening, Heard):
            said = Words(happening.at, happening.text, final=happening.final, speech=self._speech)
            self.inputs.append(said)
            self._speech += happening.final

    def expected(self, steps: list[Step]) -> list[list[tuple[float, str, str, str]]]:
        """What the reference says, case by case."""
        began = self.began or 0.0
        inputs = [replace(each, time=max(0.0, each.time - began)) for each in self.inputs]
        return [Reference(perturbed(steps, *by), list(inputs)).run()[1] for by in PERTURBED]


def perturbed(steps: list[Step], prompts: float, timers: float) -> list[Step]:
    def more(step: Step) -> Step:
        confirm = step.confirm
        return replace(
            step,
            first=step.first + timers,
            between=step.between + timers,
            total=step.total and step.total + timers,
            confirm=confirm and replace(confirm, timeout=confirm.timeout + timers),
            prompts={kind: (long or FRAME) + prompts for kind, long in step.prompts.items()},
        )

    return [more(step) for step in steps]


def same(one: list[tuple], other: list[tuple], within: float) -> bool:
    return [each[1:] for each in one] == [each[1:] for each in other] and all(
        abs(mine[0] - yours[0]) < within for mine, yours in zip(one, other, strict=True)
    )


def test_beyond_14_whole_calls_end_as_the_documentation_says(tmp_path):
    compared = 0
    for seed in range(FIRST, FIRST + CALLS):
        rng = random.Random(seed)
        talks = seed % 3 > 0
        steps = [
            replace(
                step,
                before=0.0,
                window=0.06,
                prompts=step.prompts | {"again": step.prompts["read_back"]},
            )
            for step in some_steps(rng, talks=talks)
        ]
        script = caller(rng, talks=talks)
        call = Watched()
        try:
            played = call.play(steps, script, tmp_path)
        except FlowErrors:
            continue
        first, *others = call.expected(steps)
        # A prompt that a key has stopped which does not count begins anew: the reference knows nothing of that.
        if call.played_again or not all(same(first, other, 2 * LATE) for other in others):
            continue
        compared += 1
        assert same(first, call.ends, LATE), "\n".join(
            [f"seed {seed}", *map(str, steps), script, *map(str, (first, call.ends)), played.page]
        )
    assert compared > CALLS / 2

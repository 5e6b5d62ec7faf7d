"""Random callers against the example flows and against flows made up at random, in virtual time.

Each run is the same as the last one. To look further than CI does::

    FSFLOWS_SIMULATION=20000 FSFLOWS_SIMULATION_SEED=7 pytest tests/simulation

A failure names its seed; `FSFLOWS_SIMULATION=1 FSFLOWS_SIMULATION_SEED=<seed>` plays that call alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fsflows import log as logging
from fsflows.conversation.judging import Rehearsal
from fsflows.conversation.rehearsal import rehearse
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flows
from fsflows.flow.model import Flow, FlowSet
from fsflows.switch import Leg, Recogniser, Setup
from fsflows.switch.script import parse_script

from . import callers, flows
from .watching import problems, watching

CALLS = int(os.environ.get("FSFLOWS_SIMULATION", "300"))
FIRST = int(os.environ.get("FSFLOWS_SIMULATION_SEED", "1"))
EXAMPLES = load_flows([Path(__file__).parents[2] / "conf" / "flows"])


def setup(seed: int) -> Setup:
    """A FreeSWITCH whose recogniser and other parties differ from call to call."""
    leg = Leg(talks=5.0) if seed % 3 else Leg(answers=False, after=2.0, cause="NO_ANSWER")
    return Setup(
        recogniser=Recogniser(up=seed % 7 != 0, json=seed % 2 == 0),
        dial=lambda _: leg,
        extensions={"5000": (("answer", ""), ("sleep", "1000"))},
    )


def call(flow: Flow, all_flows: FlowSet, seed: int, directory: Path) -> tuple[Rehearsal, list[str]]:
    """A call by the caller of that seed, and what is wrong with it."""
    script = parse_script(callers.script(seed, flow.language))
    with logging.capture() as log, watching() as watch:
        played = rehearse(flow, all_flows, script, recordings=directory, setup=setup(seed))
    return played, list(problems(played, watch, log, directory))


def written(played: Rehearsal) -> dict[str, Any]:
    """The record, without what can't be the same twice."""
    record = played.record.as_json()
    for entry in record["entries"]:
        entry.pop("error", None)
    return {key: value for key, value in record.items() if key not in ("id", "recording")}


def report(seed: int, found: list[str], played: Rehearsal, flow: str = "") -> str:
    caller = callers.script(seed, played.engine.flow.language)
    return "\n".join([f"seed {seed}:", *found, "", flow, caller, played.page])


@pytest.mark.parametrize("name", EXAMPLES)
def test_beyond_14_any_caller_of_an_example_flow(name, tmp_path):
    for number in range(max(1, CALLS // 10)):
        seed = FIRST + number
        played, found = call(EXAMPLES[name], EXAMPLES, seed, tmp_path / str(seed))
        assert not found, report(seed, found, played)


def made_up(seed: int, directory: Path) -> FlowSet | None:
    """The flow of that seed; None when its settings contradict each other."""
    directory.mkdir()
    (directory / "flow.yaml").write_text(flows.flow(seed), encoding="utf-8")
    (directory / "flow.py").write_text(flows.FUNCTIONS)
    try:
        return load_flows([directory])
    except FlowErrors:
        return None


def test_beyond_14_any_caller_of_any_flow(tmp_path):
    refused = 0
    for number in range(CALLS):
        seed = FIRST + number
        loaded = made_up(seed, tmp_path / f"flow{seed}")
        if loaded is None:
            refused += 1
            continue
        played, found = call(loaded["flow"], loaded, seed, tmp_path / str(seed))
        assert not found, report(seed, found, played, flows.flow(seed))
    assert refused <= CALLS // 2


def test_beyond_14_the_same_caller_of_the_same_flow_leaves_the_same_record(tmp_path):
    for number in range(max(1, CALLS // 15)):
        seed = FIRST + number
        loaded = made_up(seed, tmp_path / f"flow{seed}")
        if loaded is None:
            continue
        once, _ = call(loaded["flow"], loaded, seed, tmp_path / f"{seed}a")
        again, _ = call(loaded["flow"], loaded, seed, tmp_path / f"{seed}b")
        assert written(once) == written(again), report(seed, [], once, flows.flow(seed))
        assert once.page.replace("a/", "b/") == again.page.replace("a/", "b/")


# --- the watch itself: without these, the tests above would prove nothing -----------------------------------------


def press_twice(self, key, at):
    self.buffer = self.buffer.press(key).press(key)


BROKEN = {
    "was lost": ("collect.collector.Collector._on_key", lambda *_: None),
    "collected": ("collect.answer.Answer.press", press_twice),
    "a private key": ("conversation.recording.CallRecorder.mask", lambda *_: None),
    "the record has": ("archive.record.RecordBuilder.collected", lambda *_, **__: None),
    "there is": ("conversation.rehearsal.local_files", None),
}


def watched(name: str, text: str, directory: Path) -> list[str]:
    with logging.capture() as log, watching() as watch:
        played = rehearse(EXAMPLES[name], EXAMPLES, parse_script(text), recordings=directory)
        (directory / "staging" / "left.wav").touch()
    return list(problems(played, watch, log, directory))


@pytest.mark.parametrize("symptom", BROKEN)
def test_the_watch_sees_what_is_broken(symptom, tmp_path, monkeypatch):
    where, broken = BROKEN[symptom]
    if broken is None:
        name, text = "recording_opt_out", "hear to opt out\npress 1\nhear hours\n"
    else:
        monkeypatch.setattr(f"fsflows.{where}", broken)
        name, text = "pin_entry", "wait end\npress 1234\nwait 2\n"
    assert any(symptom in each for each in watched(name, text, tmp_path))


def test_the_watch_sees_a_private_number(tmp_path, monkeypatch):
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        "steps: {one: {prompt: Yes?, dtmf: {num_digits: 8, is_pii: true}, next: {hangup: true}}}"
    )
    loaded = load_flows([flow])
    for script in ("press 12345678\n", "say one two three four five six seven eight\n"):
        for broken in (False, True):
            with logging.capture() as log, watching() as watch, monkeypatch.context() as patch:
                if broken:
                    patch.setattr("fsflows.privacy.Pii.__str__", lambda self: self.reveal())
                    patch.setattr("fsflows.privacy.Redactor.text", lambda self, text: str(text))
                played = rehearse(loaded["flow"], loaded, parse_script(f"wait end\n{script}"))
                found = list(problems(played, watch, log, tmp_path / "none"))
            assert broken == any("is in the" in each for each in found), found

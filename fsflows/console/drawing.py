"""A flow's graph in the console's own colours, and what its steps are in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from fsflows.collect.spec import Collection
from fsflows.flow.building.routes import routes
from fsflows.flow.drawing.graph import graph_of, note
from fsflows.flow.drawing.svg import svg
from fsflows.flow.model import Flow, Play, Prompt, Say, SayDigits, Step

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def graph(flow: Flow) -> Markup:
    """The drawing, without the colours that it has as a file: the page's style sheet knows light and dark."""
    drawing = _STYLE.sub("", svg(graph_of(flow)), count=1).strip()
    return Markup(drawing.replace("<svg ", '<svg class="graph" ', 1))  # noqa: S704 - svg() escapes


@dataclass(frozen=True, slots=True)
class StepView:
    """A step in words."""

    name: str
    line: int
    says: str
    collects: str
    timers: str
    ways: tuple[tuple[str, str], ...]


def steps(flow: Flow) -> list[StepView]:
    """All steps, in the order of the file."""
    return [
        StepView(
            name,
            step.line,
            prompt_text(step.prompt),
            note(step),
            _timers(step.collect),
            tuple(_ways(flow, step)),
        )
        for name, step in flow.steps.items()
    ]


def _ways(flow: Flow, step: Step) -> list[tuple[str, str]]:
    found = []
    for route in routes(flow, step, flow.code):
        target = {"hangup": "hang up", "exit": "leave the flow"}.get(route.target, route.name)
        kind = {"handoff": "hand off to ", "flow": "flow ", "function": "decided in "}.get(
            route.target, ""
        )
        found.append((route.label or "then", f"{kind}{target}"))
    return found


def _timers(collect: Collection | None) -> str:
    if collect is None:
        return ""
    return f"{collect.first_digit_timeout:g} s to begin, {collect.inter_digit_timeout:g} s between"


def prompt_text(prompt: Prompt) -> str:
    """What a prompt says, as far as the flow knows it."""
    texts = []
    for part in prompt:
        match part:
            case Say(text):
                texts.append(text)
            case Play(path, text):
                texts.append(text or f"[{path}]")
            case SayDigits(digits):
                texts.append(digits)
            case _:
                pass
    return " ".join(texts)

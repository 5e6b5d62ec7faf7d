"""What a call can come to: circles without an end, steps and functions that nothing leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fsflows.flow.building.actions import leads
from fsflows.flow.building.build import Draft
from fsflows.flow.building.routes import final_action, reachable, routes
from fsflows.flow.code import Mention
from fsflows.flow.model import Flow, Step
from fsflows.flow.python.functions import FunctionsFile


def used_functions(draft: Draft, file: FunctionsFile) -> set[str]:
    """Functions that the flow can come to."""
    waiting = {
        reference.name for reference in draft.notes.references if reference.kind == "function"
    }
    waiting |= {name for name in (draft.flow.start_function, draft.flow.end_function) if name}
    waiting |= file.used
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            if name in file.code:
                waiting |= file.code[name].names & file.functions.keys()
                waiting |= {
                    each.name
                    for each in file.code[name].mentions
                    if each.kind == "function" and each.name
                }
    return used


def check_circles(draft: Draft) -> None:
    """Steps that go round without the caller, and those that a silent caller never leaves."""
    flow = draft.flow

    def mute(step: Step) -> str | None:
        quiet = step.collect is None and not step.run and step.next and not step.next.run
        return step.next.goto if quiet and step.next else None

    for circle in _circles(flow, mute):
        way = " → ".join([*circle, circle[0]])
        what = f"{way} goes round for ever without listening to the caller"
        draft.problems.error(
            draft.step_mark(circle[0]), f"{what}; let one of them collect, or hang up"
        )

    def silent(step: Step) -> str | None:
        if step.collect is None:
            return mute(step)
        found = final_action(step, "no_input")
        if found is None or found.run:
            return None
        if not leads(found):
            found = step.next
        return found.goto if found and not found.run else None

    for circle in _circles(flow, silent):
        if any(flow.steps[name].collect for name in circle):
            way = " → ".join([*circle, circle[0]])
            what = f"a caller who says nothing goes round for ever: {way}"
            draft.problems.warn(
                draft.step_mark(circle[0]),
                f"{what}; end it with 'retry: {{then: {{hangup: true}}}}' or a hand-off",
            )


def _circles(flow: Flow, following: Callable[[Step], str | None]) -> Iterator[list[str]]:
    """Circles of steps that have one way each, every circle once, from its first step in the file."""
    done: set[str] = set()
    for start in flow.steps:
        way: list[str] = []
        name: str | None = start
        while name is not None and name not in done and name not in way:
            way.append(name)
            name = following(flow.steps[name])
        if name in way:
            circle = way[way.index(name) :]
            order = list(flow.steps)
            first = min(range(len(circle)), key=lambda index: order.index(circle[index]))
            yield circle[first:] + circle[:first]
        done |= set(way)


def check_unused(draft: Draft, file: FunctionsFile | None) -> None:
    """Steps and functions that nothing leads to."""
    flow, code = draft.flow, dict(file.code) if file else {}
    used = used_functions(draft, file) if file else set()
    anywhere = [mention for name in used for mention in reachable(name, code)]
    if not any(mention.kind == "step" and mention.name is None for mention in anywhere):
        reached = _reached(flow, anywhere)
        for name in flow.steps:
            if name not in reached:
                what = f"nothing leads to step {name!r}"
                draft.problems.warn(draft.step_mark(name), what)
    if file is None or draft.functions is not None:
        return
    for name in file.code:
        if name in file.functions and name not in used and not name.startswith("_"):
            what = f"{name} is never used; drop it, or begin its name with '_'"
            file.problems.warn(file.place(name), what)


def _reached(flow: Flow, mentions: Iterable[Mention]) -> set[str]:
    waiting = {flow.first_step}
    waiting |= {each.name for each in mentions if each.kind == "step" and each.name}
    for action in (flow.on_exit, flow.escape_action):
        if action is not None and action.goto:
            waiting.add(action.goto)
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in flow.steps and name not in reached:
            reached.add(name)
            waiting |= {
                route.name for route in routes(flow, flow.steps[name]) if route.target == "step"
            }
    return reached

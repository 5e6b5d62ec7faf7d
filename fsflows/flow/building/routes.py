"""Where a step may lead: the rules of a conversation, read from the model without a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from fsflows.collect.spec import Confirm, Validation
from fsflows.flow.building.actions import leads
from fsflows.flow.code import Code, Mention
from fsflows.flow.model import Action, Flow, Step

Target = Literal["step", "flow", "handoff", "hangup", "exit", "function"]
LADDER = ("no_input", "no_match", "too_short", "too_long")
"""The outcomes that ask the caller again while there are attempts left."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a step.

    Attributes:
        label: what takes it: digits, an outcome, "next", or a function's name.
        target: what it leads to.
        name: the target's name; of a hang-up, its cause.
        seen: it stands in a function's text, which may or may not take it.
    """

    label: str
    target: Target
    name: str
    seen: bool = False


def is_digits(key: str) -> bool:
    """Whether a row of `on` is for digits; outcomes are written in small letters."""
    return not key[:1].islower()


def outcomes(step: Step) -> frozenset[str]:
    """The outcomes that a step's collection can have, `escaped` and `hangup` aside."""
    spec = step.collect
    if spec is None:
        return frozenset()
    found = {"complete", "no_input"}
    confirms = spec.confirmation.when is not Confirm.NEVER
    if spec.speech is not None or spec.validation != Validation() or confirms:
        found.add("no_match")
    if spec.min_digits > 1:
        found.add("too_short")
    if spec.speech is not None and spec.max_digits is not None:
        found.add("too_long")
    return frozenset(found)


def final_action(step: Step, outcome: str) -> Action | None:
    """What a step does on an outcome that no row of digits has, when its attempts are used up.

    Returns:
        The action of `retry.then`, the row, `otherwise`, `run` or `next`, whichever comes first; None: there is none.
    """
    if outcome in LADDER and step.retry.then is not None:
        return step.retry.then
    row = step.on.get(outcome) or step.on.get("otherwise")
    if row is not None:
        return row
    return Action(run=step.run) if step.run else step.next


def missing(step: Step) -> list[str]:
    """The outcomes after which nothing says where to go on."""
    if step.collect is None:
        return [] if leads(step.next) or step.run else ["next"]
    rows = {key for key in step.on if is_digits(key)}
    lost = []
    for outcome in ("complete", *LADDER):
        if outcome in outcomes(step) and not _leads_on(step, final_action(step, outcome)):
            if outcome == "complete" and rows and (step.collect.validation.values or set()) == rows:
                continue
            lost.append(outcome)
    return lost


def dead_ends(step: Step) -> list[str]:
    """Rows of digits, and `escaped`, that lead nowhere in a step that has no `next`."""
    return [
        key
        for key, row in step.on.items()
        if (is_digits(key) or key == "escaped") and not _leads_on(step, row)
    ]


def _leads_on(step: Step, action: Action | None) -> bool:
    return leads(action) or (action is not None and leads(step.next))


def routes(flow: Flow, step: Step, code: Mapping[str, Code] | None = None) -> list[Route]:
    """Every way out of a step that the flow and the text of its functions show, in their order."""
    found: list[Route] = []
    for key, row in step.on.items():
        found += _ways(key, row, step, code)
    if step.collect is not None and step.retry.then is not None:
        found += _ways("no answer", step.retry.then, step, code)
    if step.run:
        found += _ways("", Action(run=step.run), step, code)
    if step.next is not None and not _settled(step):
        found += _ways("", step.next, step, code)
    if flow.escape_action and step.collect and "escaped" not in step.on:
        escape = step.collect.escape
        if escape.keys or escape.words:
            found += _ways("escape", flow.escape_action, step, code)
    return list(dict.fromkeys(found))


def _settled(step: Step) -> bool:
    """Whether `next` is never come to: everything has a row that leads elsewhere."""
    if step.run or step.collect is None:
        return False
    rows = [row for key, row in step.on.items() if key not in ("escaped", "hangup")]
    if any(not leads(row) or row.run for row in rows):
        return False
    return all(final_action(step, outcome) is not step.next for outcome in outcomes(step))


def _ways(
    label: str, action: Action, step: Step, code: Mapping[str, Code] | None
) -> Iterator[Route]:
    if action.run:
        yield from _function_ways(label, action.run, code)
    if action.goto:
        yield Route(label, "step", action.goto)
    elif action.flow:
        yield Route(label, "flow", action.flow)
    elif action.handoff:
        yield Route(label, "handoff", action.handoff)
    elif action.hangup:
        yield Route(label, "hangup", action.hangup)
    elif action.exit:
        yield Route(label, "exit", "")
    elif action is not step.next and step.next is not None and label and not action.run:
        yield from _ways(label, step.next, step, code)


def _function_ways(label: str, name: str, code: Mapping[str, Code] | None) -> Iterator[Route]:
    words = f"{label}: {name}()" if label else f"{name}()"
    seen = [way for mention in reachable(name, code or {}) if (way := _seen(words, mention))]
    yield from seen or [Route(words, "function", name)]


def _seen(label: str, mention: Mention) -> Route | None:
    if mention.kind in ("step", "flow", "handoff") and mention.name is not None:
        return Route(label, mention.kind, mention.name, seen=True)
    if mention.kind == "exit":
        return Route(label, "exit", "", seen=True)
    return Route(label, "hangup", "", seen=True) if mention.kind == "hangup" else None


def reachable(name: str, code: Mapping[str, Code]) -> list[Mention]:
    """What a function mentions, and the functions of the file that it uses."""
    mentions: list[Mention] = []
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in seen or current not in code:
            continue
        seen.add(current)
        mentions += code[current].mentions
        waiting += sorted(code[current].names & code.keys())
        waiting += [
            each.name for each in code[current].mentions if each.kind == "function" and each.name
        ]
    return mentions

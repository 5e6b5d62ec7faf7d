"""`goto`, `run`, `hangup` ... -> `Action`, and every name that is mentioned on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fsflows.flow.building.collecting import value
from fsflows.flow.building.prompts import check_placeholders, prompt
from fsflows.flow.causes import CAUSES, NORMAL
from fsflows.flow.errors import Mark, Place, Problems, listing, suggest
from fsflows.flow.model import Action
from fsflows.flow.reading.yaml_tree import Node, Scalar, Table
from fsflows.flow.schema.shape import to_data

Kind = Literal["step", "flow", "handoff", "function"]
Role = Literal["", "transition", "start", "end", "validate"]
_FILLED_IN = re.compile(r"\{\w+\}")
DESTINATIONS = ("goto", "flow", "handoff", "hangup", "exit")


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that has to exist.

    Attributes:
        kind: what it names.
        name: the name.
        place: where it stands.
        role: of a function: what it is called for, which decides on its arguments.
        bare: a step's name that stands alone, where another action may have been meant (`next: hangup`).
    """

    kind: Kind
    name: str
    place: Mark
    role: Role = ""
    bare: bool = False


@dataclass(slots=True)
class Notes:
    """What is found on the way through a file: its problems and the names that it mentions."""

    problems: Problems
    references: list[Reference] = field(default_factory=list)

    def refer(
        self, kind: Kind, node: Node | None, *, role: Role = "", bare: bool = False
    ) -> str | None:
        """Note a name; returns it."""
        if not isinstance(node, Scalar):
            return None
        place = Mark(node.line, node.column)
        self.references.append(Reference(kind, node.text, place, role, bare))
        return node.text


def action(
    node: Node | None, notes: Notes, *, must_lead: str = "", key: Place | None = None
) -> Action | None:
    """An action: a step's name, or a mapping.

    Args:
        node: it; None: there is none.
        notes: where problems and names go.
        must_lead: the setting's name when the action has to lead somewhere by itself.
        key: where the setting stands.
    """
    if node is None:
        return None
    if isinstance(node, Scalar):
        return Action(goto=notes.refer("step", node, bare=True))
    assert isinstance(node, Table)
    leading = [name for name in DESTINATIONS if name in node.keys]
    if len(leading) > 1:
        what = f"{listing(leading, 'and')} can't all happen; keep one"
        notes.problems.error(
            node.keys[leading[-1]], what.replace("all", "both" if len(leading) == 2 else "all")
        )
    if must_lead and node.keys and not leading and "run" not in node.keys:
        what = f"{must_lead} leads nowhere; add goto, flow, handoff, hangup or exit"
        notes.problems.error(key or node, what)
    return Action(
        discard_recording=value(node, "discard_recording", False),
        set=_state(node.get("set"), notes),
        metric=_metric(node.get("metric"), notes),
        run=notes.refer("function", node.get("run"), role="transition"),
        say=prompt(node.get("say"), notes.problems),
        goto=notes.refer("step", node.get("goto")),
        flow=notes.refer("flow", node.get("flow")),
        handoff=notes.refer("handoff", node.get("handoff")),
        hangup=_hangup(node.get("hangup"), notes.problems),
        exit=value(node, "exit", False),
    )


def leads(found: Action | None) -> bool:
    """Whether an action goes somewhere by itself, or by its function."""
    return found is not None and bool(
        found.goto or found.flow or found.handoff or found.hangup or found.exit or found.run
    )


def _state(node: Node | None, notes: Notes) -> Mapping[str, Any]:
    if not isinstance(node, Table):
        return {}
    for name, inner in node.values.items():
        _check_name(name, node.keys[name], "set", notes)
        if isinstance(inner, Scalar) and isinstance(inner.value, str):
            check_placeholders(inner.value, inner, notes.problems)
    found: dict[str, Any] = to_data(node)
    return found


def _metric(node: Node | None, notes: Notes) -> tuple[str, Any] | None:
    if isinstance(node, Scalar):
        _check_name(node.text, node, "metric", notes)
        return node.text, 1
    if isinstance(node, Table):
        for name, inner in node.values.items():
            _check_name(name, node.keys[name], "metric", notes)
            if isinstance(inner, Scalar) and isinstance(inner.value, str):
                check_placeholders(inner.value, inner, notes.problems)
            return name, to_data(inner)
    return None


def _check_name(name: str, place: Place, action: str, notes: Notes) -> None:
    """A name is taken as it is written: what is only known in a call is the value."""
    if found := _FILLED_IN.search(name):
        plain = re.sub(r"\W+", "_", _FILLED_IN.sub("", name)).strip("_") or "name"
        what = f'{name!r}: names have no placeholders; write {action}: {{{plain}: "{found[0]}"}}'
        notes.problems.error(place, what)


def _hangup(node: Node | None, problems: Problems) -> str | None:
    if not isinstance(node, Scalar):
        return None
    if node.value is True:
        return NORMAL
    cause = node.text.upper()
    if cause not in CAUSES:
        hint = suggest(cause, sorted(CAUSES)) if node.text not in ("false", "False") else ""
        near = hint if "did you mean" in hint else "; for a normal end write 'hangup: true'"
        if cause.isdecimal():
            near = "; a cause is a name, such as USER_BUSY"
        problems.error(node, f"{node.text!r} is not a hangup cause{near}")
        return None
    return cause

"""A checked tree -> the typed model.

The shape (types, bounds, unknown keys) was checked before; here are the rules between settings. What is wrong is
noted, and building goes on with something harmless in its place, so that everything is found in one go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fsflows.collect.spec import Collection, Escape
from fsflows.flow.building.actions import Notes, action
from fsflows.flow.building.collecting import block, collecting, keys, texts, value
from fsflows.flow.building.prompts import prompt, prompts
from fsflows.flow.building.routes import is_digits
from fsflows.flow.errors import FlowErrors, Mark, Place, Problems, suggest
from fsflows.flow.model import Action, Flow, Handoff, Recording, Retry, Step
from fsflows.flow.reading.yaml_tree import Node, Scalar, Table, tree_of
from fsflows.flow.schema.explain import check_shape

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_TEMPLATE_NAMES = ("uuid", "flow", "date")
FALLBACK_CAUSE = "NORMAL_TEMPORARY_FAILURE"


@dataclass(slots=True)
class Draft:
    """A flow on its way: built, and not yet checked for names that don't exist.

    Attributes:
        flow: without its functions.
        notes: its problems and the names it mentions.
        tree: for the places of keys.
        damaged: steps that had an error, with the settings it is in; what follows from it is not reported as well.
        functions: the setting, when it is given.
    """

    flow: Flow
    notes: Notes
    tree: Table
    damaged: dict[str, set[str]] = field(default_factory=dict)

    @property
    def problems(self) -> Problems:
        return self.notes.problems

    @property
    def functions(self) -> Scalar | None:
        node = self.tree.get("functions")
        return node if isinstance(node, Scalar) else None

    def step_table(self, name: str) -> Table:
        """A step's own part of the tree."""
        return block(block(self.tree, "steps") or Table(1, 1), name) or Table(1, 1)

    def step_mark(self, name: str, key: str = "") -> Place:
        """Where a step stands, or one of its settings."""
        if key:
            return self.step_table(name).keys[key]
        steps = block(self.tree, "steps")
        return steps.keys[name] if steps and name in steps.keys else Mark(1, 1)


def build(tree: Table, path: Path, problems: Problems) -> Draft:
    """Build a flow.

    Args:
        tree: what `read_tree` gave.
        path: its file.
        problems: has every error afterwards.
    """
    damaged = check_shape(tree, problems)
    notes = Notes(problems)
    language = value(tree, "language", "en-US")
    escape, escape_action = _escape(tree, notes)
    draft = Draft(Flow(name="", path=path, version=""), notes, tree, damaged)
    steps = _steps(draft, language, escape)
    delay = block(tree, "delay")
    notes.refer("function", tree.get("start_function"), role="start")
    notes.refer("function", tree.get("end_function"), role="end")
    first = notes.refer("step", tree.get("first_step")) or next(iter(steps), "")
    voice = block(tree, "voice")
    draft.flow = Flow(
        name=value(tree, "name", path.stem),
        path=path,
        version="",
        language=language,
        voice={key: value(voice, key, "") for key in voice.keys} if voice else {},
        greeting=prompt(tree.get("greeting"), problems),
        first_step=first,
        steps=steps,
        start_function=value(tree, "start_function", None),
        end_function=value(tree, "end_function", None),
        handoffs=_handoffs(tree, problems),
        escape=escape,
        escape_action=escape_action,
        apology=prompt(tree.get("apology"), problems),
        fallback=_fallback(tree, notes),
        delay=prompts(delay.get("say"), problems) if delay else (),
        delay_after=float(value(delay, "after", 2.0)) if delay else 2.0,
        function_timeout=float(value(tree, "function_timeout", 10.0)),
        recording=_recording(tree, notes),
        on_exit=_on_exit(tree, notes),
    )
    return draft


def collection_from(
    data: Mapping[str, Any], *, language: str, escape: Escape | None = None
) -> Collection:
    """A collection from plain data, for the `listen` that a function returns.

    Args:
        data: `dtmf`, `asr`, `validate` and `confirm` as a step has them.
        language: the flow's.
        escape: the flow's.

    Raises:
        FlowErrors: settings that can't be used; the places in it mean nothing.
    """
    problems = Problems("listen")
    tree = tree_of(dict(data))
    assert isinstance(tree, Table)
    for key in [key for key in tree.keys if key not in ("dtmf", "asr", "validate", "confirm")]:
        problems.error(
            tree, f"unknown key {key!r}{suggest(key, ('dtmf', 'asr', 'validate', 'confirm'))}"
        )
        tree.drop(key)
    check_shape(tree, problems, "step")
    found = collecting(
        tree, language=language, escape=escape or Escape(), at=tree, problems=problems
    )
    if found is None and not problems.errors:
        problems.error(tree, "nothing to listen to; add 'dtmf': {'num_digits': 1}, or 'asr': True")
    if problems.errors or found is None:
        raise FlowErrors(problems)
    return found


def _steps(draft: Draft, language: str, escape: Escape) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    tables = block(draft.tree, "steps")
    for name, table in tables.values.items() if tables else ():
        assert isinstance(table, Table)
        before = draft.problems.errors
        steps[name] = _step(name, table, draft, language, escape)
        if draft.problems.errors > before:
            draft.damaged.setdefault(name, set())
    return steps


def _step(name: str, table: Table, draft: Draft, language: str, escape: Escape) -> Step:
    notes, problems = draft.notes, draft.problems
    at, before = draft.step_mark(name), problems.errors
    choices = _choices(table)
    found = collecting(
        table,
        language=language,
        escape=escape,
        at=at,
        problems=problems,
        language_at=draft.tree.get("language"),
        rows=None if draft.damaged.get(name, set()) & {"", "on"} else choices,
    )
    if problems.errors > before:
        draft.damaged.setdefault(name, set()).add("dtmf")
    if found is None and name not in draft.damaged:
        _check_idle(table, problems)
    rows = block(table, "on")
    on = {
        key: made
        for key, node in (rows.values.items() if rows else ())
        if (made := action(node, notes)) is not None
    }
    validate, confirm = block(table, "validate"), block(table, "confirm")
    if validate is not None:
        notes.refer("function", validate.get("function"), role="validate")
    then = action(table.get("next"), notes, must_lead="next", key=table.keys.get("next"))
    run = notes.refer("function", table.get("run"), role="transition")
    if found is not None and choices:
        found = replace(found, validation=replace(found.validation, values=choices))
    return Step(
        name=name,
        prompt=prompt(table.get("prompt"), problems),
        collect=found,
        retry=_retry(block(table, "retry"), found, notes),
        confirm_prompt=prompt(confirm.get("prompt"), problems) if confirm else (),
        run=run,
        on=on,
        next=then,
        line=at.line,
    )


def _check_idle(table: Table, problems: Problems) -> None:
    for key in ("validate", "confirm", "retry"):
        if key in table.keys:
            what = f"'{key}:' has nothing to work on; add 'dtmf:' (or 'asr: true') to the step"
            problems.error(table.keys[key], what)


def _choices(step: Table) -> frozenset[str] | None:
    """A table of digits that nothing else catches is a menu: other digits are no_match. None: it is none."""
    on = block(step, "on")
    rows = frozenset(key for key in (on.keys if on else ()) if is_digits(key))
    catches = {"complete", "otherwise"} & (on.keys.keys() if on else set())
    if not rows or catches or {"validate", "run", "next"} & step.keys.keys():
        return None
    return rows


def _retry(table: Table | None, found: Collection | None, notes: Notes) -> Retry:
    if table is None:
        return Retry()
    problems = notes.problems
    attempts = int(value(table, "attempts", 3))
    after = value(table, "keys_only_after", None)
    if after is not None and found is not None:
        if found.speech is None:
            what = "keys_only_after can't happen: speech is off in this step (asr: false)"
            problems.error(table.keys["keys_only_after"], what)
        elif after >= attempts:
            what = f"keys_only_after must be less than attempts ({attempts}), got {int(after)}"
            problems.error(table.values["keys_only_after"], what)
    if after is None and "keys_only" in table.keys:
        what = "keys_only is never said; add keys_only_after"
        problems.error(table.keys["keys_only"], what)
    for key in ("no_input", "no_match"):
        if attempts == 1 and key in table.keys:
            problems.warn(table.keys[key], f"{key} is never said: attempts is 1")
    return Retry(
        attempts=attempts,
        no_input=prompts(table.get("no_input"), problems),
        no_match=prompts(table.get("no_match"), problems),
        repeat_prompt=value(table, "repeat_prompt", False),
        keys_only_after=None if after is None else int(after),
        keys_only=prompt(table.get("keys_only"), problems),
        then=action(table.get("then"), notes, must_lead="then", key=table.keys.get("then")),
    )


def _escape(tree: Table, notes: Notes) -> tuple[Escape, Action | None]:
    table = block(tree, "escape")
    if table is None:
        return Escape(), None
    escape = Escape(keys=keys(table.get("keys")), words=texts(table.get("words")))
    then = action(table.get("then"), notes, must_lead="then", key=table.keys.get("then"))
    return escape, then


def _handoffs(tree: Table, problems: Problems) -> dict[str, Handoff]:
    handoffs: dict[str, Handoff] = {}
    tables = block(tree, "handoffs")
    for name, table in tables.values.items() if tables else ():
        assert isinstance(table, Table)
        assert tables is not None
        methods = [key for key in ("transfer", "bridge", "refer") if key in table.keys]
        if len(methods) > 1:
            what = f"hand-off {name!r} has {' and '.join(methods)}; keep one"
            problems.error(table.keys[methods[1]], what)
        if not methods and table.keys:
            what = f"hand-off {name!r} needs transfer, bridge or refer: where the call goes"
            problems.error(tables.keys[name], what)
        method = methods[0] if methods else "transfer"
        said = prompt(table.get("say"), problems)
        handoffs[name] = Handoff(
            name=name, method=method, target=value(table, method, ""), say=said
        )
    return handoffs


def _fallback(tree: Table, notes: Notes) -> Action:
    node = tree.get("fallback")
    made = action(node, notes)
    if made is None:
        return Action(hangup=FALLBACK_CAUSE)
    if isinstance(node, Table) and not node.keys:
        return made  # what was in it is reported
    settings = node.keys.keys() if isinstance(node, Table) else set()
    if not settings & {"handoff", "hangup"} or "run" in settings:
        what = "fallback must be {handoff: name} or {hangup: true}, so that nothing more can fail"
        notes.problems.error(tree.keys["fallback"], what)
    return made


def _on_exit(tree: Table, notes: Notes) -> Action | None:
    made = action(tree.get("on_exit"), notes, must_lead="on_exit", key=tree.keys.get("on_exit"))
    if made is not None and made.exit:
        notes.problems.error(
            tree.keys["on_exit"], "on_exit can't exit again; write goto, flow, handoff or hangup"
        )
    return made


def _recording(tree: Table, notes: Notes) -> Recording | None:
    node = tree.get("recording")
    if isinstance(node, Scalar):
        return Recording() if node.value else None
    if not isinstance(node, Table):
        return None
    start = value(node, "start", "answer")
    if start.startswith("step:"):
        at = node.values["start"]
        name = Scalar(at.line, at.column, start.removeprefix("step:"), None)
        notes.refer("step", name)
    path = value(node, "path", "{date}/{uuid}")
    if "path" in node.keys:
        _check_template(path, node.values["path"], notes.problems)
    return Recording(
        start=start,
        format=value(node, "format", "wav"),
        stereo=value(node, "stereo", False),
        path=path,
    )


def _check_template(path: str, node: Node, problems: Problems) -> None:
    for name in _TEMPLATE.findall(path):
        if name not in _TEMPLATE_NAMES:
            what = f"path can't have {{{name}}}{suggest(name, _TEMPLATE_NAMES)}"
            problems.error(node, what)
    if "{uuid}" not in path:
        problems.error(node, "path needs {uuid}, or one call would overwrite another's recording")
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        problems.error(
            node, "path must stay below the recordings' directory; begin without '/' and '..'"
        )

"""What only shows when a flow is looked at as a whole: names, ways out, rows that can't happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from fsflows.collect.spec import Collection as Spec
from fsflows.collect.validate import Failure, check
from fsflows.flow.building.actions import Reference, leads
from fsflows.flow.building.build import Draft
from fsflows.flow.building.routes import LADDER, dead_ends, is_digits, missing, outcomes
from fsflows.flow.checking.reach import check_circles, check_unused, used_functions
from fsflows.flow.code import Mention
from fsflows.flow.errors import Mark, listing, nearest, suggest
from fsflows.flow.model import Flow, Step
from fsflows.flow.python import compat
from fsflows.flow.python.functions import FunctionsFile, signature_problem
from fsflows.flow.schema.synonyms import CONVERSATION, RETURNED, meant

_RETURN_KEYS = ("utterance", "hangup", "handoff", "listen", "transition")
_CONV = tuple(compat.Conversation.__annotations__)
_AGAIN = ("repeat", "again", "retry", "self", "same")
_INSTEAD = {
    **dict.fromkeys(("hangup", "hang_up", "end", "stop", "disconnect"), "{hangup: true}"),
    "exit": "{exit: true}",
}


def check_names(draft: Draft, file: FunctionsFile | None) -> None:
    """Steps, hand-offs and functions that are mentioned and do not exist, in the YAML and in the functions' text."""
    flow, problems = draft.flow, draft.problems
    functions = file.functions if file else {}
    for reference in draft.notes.references:
        known = {"step": flow.steps, "handoff": flow.handoffs, "function": functions}
        names = known.get(reference.kind)
        if names is not None and reference.name not in names:
            problems.error(reference.place, _no_such(reference, names, flow, file))
    if file is None:
        return
    _check_signatures(draft, file)
    for name in sorted(_examined(draft, file)):
        for mention in file.code[name].mentions:
            _check_mention(mention, name, draft, file)


def _no_such(
    reference: Reference, names: Iterable[str], flow: Flow, file: FunctionsFile | None
) -> str:
    kind, name = reference.kind, reference.name
    if kind == "function" and name.endswith("()"):
        return f"there is no function {name!r}; write its name without the brackets"
    if kind == "function":
        if file is None:
            beside = flow.path.with_suffix(".py").name
            return f"there is no function {name!r}: the flow has no functions file; write {beside} beside it"
        return f"no function {name!r} in {file.path}{suggest(name, names, what='it has')}"
    if kind == "step" and reference.bare:
        if name in _AGAIN and nearest(name, names) is None:
            return f"no step is named {name!r}; to stay in a step write its own name"
        if name == "next":
            return f"no step is named {name!r}; write the name of the step that 'next:' has"
        if name in _INSTEAD:
            return f"no step is named {name!r}; to do that write {_INSTEAD[name]}"
        if name in flow.handoffs and nearest(name, names) is None:
            return f"no step is named {name!r}; for the hand-off write {{handoff: {name}}}"
        if file is not None and name in file.functions and nearest(name, names) is None:
            return f"no step is named {name!r}; for the function write {{run: {name}}}"
    word = "hand-off" if kind == "handoff" else kind
    if not list(names):
        return f"no {word} is named {name!r}; the flow has no {word}s"
    return f"no {word} is named {name!r}{suggest(name, names, what='there are')}"


def _check_signatures(draft: Draft, file: FunctionsFile) -> None:
    roles: dict[str, set[str]] = {}
    for reference in draft.notes.references:
        if reference.kind == "function":
            roles.setdefault(reference.name, set()).add(reference.role)
    for name, role in (
        (draft.flow.start_function, "start"),
        (draft.flow.end_function, "end"),
    ):
        if name:
            roles.setdefault(name, set()).add(role)
    for name, wanted in roles.items():
        if name in file.functions:
            wrong = signature_problem(name, file.functions[name], sorted(wanted))
            if wrong:
                file.problems.error(file.place(name), wrong)


def _examined(draft: Draft, file: FunctionsFile) -> set[str]:
    """The functions whose text is checked: all of the flow's own file, of a shared file those that the flow uses."""
    if draft.functions is None:
        return set(file.code)
    return set(used_functions(draft, file)) & set(file.code)


def _check_mention(mention: Mention, function: str, draft: Draft, file: FunctionsFile) -> None:
    flow, problems = draft.flow, file.problems
    known: Mapping[str, Iterable[str]] = {
        "step": flow.steps,
        "handoff": flow.handoffs,
        "function": file.functions,
    }
    names = known.get(mention.kind)
    if names is not None and mention.name is not None and mention.name not in names:
        reference = Reference(mention.kind, mention.name, mention.place)  # type: ignore[arg-type]
        problems.error(mention.place, _no_such(reference, names, flow, file))
    elif mention.kind == "discard":
        if mention.arguments:
            problems.error(mention.place, "discard_recording() takes no arguments")
        if function == flow.end_function:
            what = "discard_recording() can't be called in the end function: the call is over; call it in a step"
            problems.error(mention.place, what)
    elif mention.kind == "conv" and mention.name is not None and mention.name not in _CONV:
        # The first parameter of a function that the flow calls is the conversation; of others, what is called so.
        if _roles(draft, function) or file.code[function].first == "conv":
            _check_attribute(mention, mention.name, file)
    elif mention.kind == "key" and mention.name is not None and mention.name not in _RETURN_KEYS:
        called = bool(_roles(draft, function) & {"transition", "start"})
        _check_returned(mention, mention.name, file, called=called)


def _roles(draft: Draft, function: str) -> set[str]:
    """What the flow itself calls a function for."""
    return {
        each.role
        for each in draft.notes.references
        if each.kind == "function" and each.name == function
    } | {
        role
        for role, name in (("start", draft.flow.start_function), ("end", draft.flow.end_function))
        if name == function
    }


def _check_attribute(mention: Mention, name: str, file: FunctionsFile) -> None:
    """Something that `conv` hasn't, when it is like something that it has."""
    ours, near = meant(CONVERSATION, name), nearest(name, _CONV)
    if ours:
        file.problems.warn(mention.place, f"conv has no {name!r}; write {ours}")
    elif near and not name.startswith("_"):
        file.problems.warn(mention.place, f"conv has no {name!r}; did you mean {near!r}?")


def _check_returned(mention: Mention, key: str, file: FunctionsFile, *, called: bool) -> None:
    """A key that a returned dict can't have: of a function that the flow calls, any; of others, what is like ours."""
    ours = meant(RETURNED, key) if called else None
    near = nearest(key, _RETURN_KEYS)
    if ours:
        hint = f"here it is called {ours!r}"
    elif near:
        hint = f"did you mean {near!r}?"
    elif called:
        hint = f"known: {', '.join(_RETURN_KEYS)}"
    else:
        return
    file.problems.warn(mention.place, f"{key!r} means nothing in what a function returns; {hint}")


_COLLECTS = frozenset(("", "dtmf", "asr", "validate", "confirm"))
"""The settings of a step that what it collects is made from; "" is the whole step."""


def check_steps(draft: Draft, file: FunctionsFile | None) -> None:
    """Steps without a way out, rows that can't happen, circles, steps and functions that nothing leads to."""
    flow, problems = draft.flow, draft.problems
    for name, step in flow.steps.items():
        if name not in draft.damaged:
            _check_ways_out(name, step, draft)
        collects = not draft.damaged.get(name, set()) & _COLLECTS
        if step.collect is not None and collects:
            _check_digits(name, step, step.collect, draft)
            if name not in draft.damaged:
                _check_rows(name, step, step.collect, draft)
    if problems.errors or (file and file.problems.errors):
        return
    check_circles(draft)
    check_unused(draft, file)


def _check_ways_out(name: str, step: Step, draft: Draft) -> None:
    problems, at = draft.problems, draft.step_mark(name)
    if step.collect is None and step.on:
        what = "'on:' has nothing to decide, since the step collects nothing; write 'next:', or add 'dtmf:'"
        problems.error(draft.step_mark(name, "on"), what)
        return
    lost = missing(step)
    if lost == ["next"]:
        what = f"step {name!r} has no way out; add 'next: {{hangup: true}}', or 'next:' with a step's name"
        problems.error(at, what)
    elif lost:
        what = f"step {name!r} has no way out when the outcome is {listing(lost)}; add 'next:', 'otherwise:' to 'on:'"
        ladder = ", or 'then:' to 'retry:'" if set(lost) <= set(LADDER) else ""
        problems.error(at, what + ladder)
    table = draft.step_table(name).get("on")
    for key in dead_ends(step):
        what = f"row {key!r} leads nowhere; add goto, flow, handoff, hangup or exit to it, or 'next:' to the step"
        problems.error(getattr(table, "keys", {}).get(key, at), what)
    if step.run and "otherwise" in step.on:
        what = f"run: {step.run} is never come to, since 'otherwise' takes everything; keep one of the two"
        problems.warn(draft.step_mark(name, "run"), what)


def _check_digits(name: str, step: Step, spec: Spec, draft: Draft) -> None:
    """Rows of digits that can never be taken, also beside rows that are wrong in another way."""
    marks: Mapping[str, Mark] = getattr(draft.step_table(name).get("on"), "keys", {})
    for key in filter(is_digits, step.on):
        why = _impossible(key, spec)
        if why:
            draft.problems.error(marks[key], f"row {key!r} can never happen: {why}")


def _check_rows(name: str, step: Step, spec: Spec, draft: Draft) -> None:
    """Rows of outcomes that can never be taken."""
    marks: Mapping[str, Mark] = getattr(draft.step_table(name).get("on"), "keys", {})
    possible = outcomes(step)
    for key, row in step.on.items():
        if key in LADDER and key not in possible:
            what = f"row {key!r} can never happen with these settings; drop it"
            draft.problems.warn(marks[key], what)
        elif key in LADDER and step.retry.then is not None:
            what = f"row {key!r} can never happen: retry's 'then:' comes first; keep one of the two"
            draft.problems.warn(marks[key], what)
        elif key == "escaped" and not (spec.escape.keys or spec.escape.words):
            what = "row 'escaped' can never happen: the flow has no 'escape:' (or the step turns it off)"
            draft.problems.error(marks[key], what)
        elif key == "hangup" and (row.say or leads(replace(row, run=None))):
            what = "on hangup the caller is gone; only run, set, metric and discard_recording make sense"
            draft.problems.error(marks[key], what)


def _impossible(digits: str, spec: Spec) -> str:
    """Why a collection never gives these digits; empty: it can."""
    for key in digits:
        if key in spec.end_keys:
            return f"{key!r} is the end key, which is not part of the digits"
        if key in spec.clear_keys:
            return f"{key!r} is the clear key"
        if key not in spec.keys:
            rows = "add 'validate: {values: [...]}' with every row's digits to collect it"
            if spec.max_digits is None or spec.max_digits > 2:
                rows = "only the flow's 'escape' can be a key here; write a row 'escaped'"
            return f"{key!r} is no digit; " + (rows if key in "*#" else "add 'allow_letters: true'")
    if digits[0] in spec.escape.keys:
        return f"{digits[0]!r} is the flow's escape key; write a row 'escaped', or 'escape: false' in the step"
    if spec.max_digits is not None and len(digits) > spec.max_digits:
        return f"it has {len(digits)} digits, and num_digits is {spec.max_digits}"
    if len(digits) < spec.min_digits:
        return f"it has {_count(len(digits))}, and {spec.min_digits} are asked for"
    return f"'validate:' refuses it ({failure.text})" if (failure := _refused(digits, spec)) else ""


def _count(count: int) -> str:
    return "1 digit" if count == 1 else f"{count} digits"


def _refused(digits: str, spec: Spec) -> Failure | None:
    try:
        return check(spec.validation, digits)
    except ValueError:  # reported where it stands
        return None


def check_flow_names(
    draft: Draft, file: FunctionsFile | None, known: Collection[str], *, among: str
) -> None:
    """Flows that are mentioned and are not among those loaded."""
    for reference in draft.notes.references:
        if reference.kind == "flow" and reference.name not in known:
            draft.problems.error(reference.place, _no_flow(reference.name, known, among))
    if file is not None:
        for name in sorted(_examined(draft, file)):
            for each in file.code[name].mentions:
                if each.kind == "flow" and each.name is not None and each.name not in known:
                    file.problems.error(each.place, _no_flow(each.name, known, among))


def _no_flow(name: str, known: Collection[str], among: str) -> str:
    return f"no flow is named {name!r} {among}{suggest(name, sorted(known), what='there are')}"

"""jsonschema's errors in the words of a flow author, each at its place in the file.

The words after "must be ..." are the schema's own `errorMessage` (which editors show, too). What was wrong is cut
out of the tree, so that the rest can be checked further and everything is reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fsflows.flow.errors import Mark, Place, Problems, label, listing, nearest, show
from fsflows.flow.reading.yaml_tree import Items, Node, Scalar, Table
from fsflows.flow.schema.advice import inline, instead_of, is_known, renamed, unknown
from fsflows.flow.schema.shape import DEFS, SCHEMA, check_for, definition, to_data

_TIME = re.compile(r"([0-9]*\.?[0-9]+) ?(ms|s|sec|seconds?|min|minutes?)")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+")
_TYPES = {
    "object": "must be a mapping",
    "array": "must be a list",
    "string": "must be a text",
    "integer": "must be a whole number",
    "number": "must be a number",
    "boolean": "must be true or false",
}

Path = Sequence[str | int]


def check_shape(tree: Table, problems: Problems, part: str = "") -> dict[str, set[str]]:
    """Check a tree against the schema and cut out what does not fit.

    Args:
        tree: the flow; scalars are read as what their place asks for.
        problems: where errors go.
        part: a definition of the schema ("dtmf") when the tree is only that.

    Returns:
        Names of the steps that something was cut out of, each with the settings that were touched ("" for its whole).
    """
    if check_for(part)(tree):
        return {}
    _indent(tree, problems)
    errors = _errors(tree, part)
    while _rename(errors, tree, problems):
        check_for(part)(tree)  # reads what was renamed as its place asks for
        errors = _errors(tree, part)
    cuts: list[Path] = []
    for error in errors:
        cuts += _report(error, tree, problems)
    for cut in sorted(cuts, key=_order, reverse=True):
        _cut(tree, cut)
    damaged: dict[str, set[str]] = {}
    for cut in cuts:
        if len(cut) > 1 and cut[0] == "steps":
            damaged.setdefault(str(cut[1]), set()).add(str(cut[2]) if len(cut) > 2 else "")
    return damaged


def _errors(tree: Table, part: str) -> list[Any]:
    import jsonschema  # costs 60 ms to import: only for flows that are wrong

    schema = {"$ref": f"#/$defs/{part}", "$defs": DEFS} if part else SCHEMA
    found = jsonschema.Draft202012Validator(schema).iter_errors(to_data(tree))
    return [leaf for error in found for leaf in _leaves(error)]


def _rename(errors: list[Any], tree: Table, problems: Problems) -> bool:
    """Report other words for our settings, and read them as ours, so that what they hold is checked at once.

    Returns:
        Whether there were any.
    """
    found = False
    for error in errors:
        if error.validator != "additionalProperties":
            continue
        path: Path = list(error.absolute_path)
        owner = _find(tree, path)
        assert isinstance(owner, Table)
        for key in [key for key in error.instance if not is_known(key, error.schema)]:
            ours = renamed(key, owner, error.schema)
            if ours is not None:
                problems.error(owner.keys[key], unknown(key, owner, path, error.schema))
                owner.keys[ours], owner.values[ours] = owner.keys[key], owner.values[key]
                owner.drop(key)
                found = True
    return found


def _indent(tree: Table, problems: Problems) -> None:
    """A step that is empty since its settings stand beside it, not below: reported, and read as it was meant."""
    steps = tree.get("steps")
    empty = ""
    for name, node in list(steps.values.items()) if isinstance(steps, Table) else ():
        assert isinstance(steps, Table)
        if not empty or name not in DEFS["step"]["properties"]:
            empty = name if isinstance(node, Scalar) and node.value is None else ""
            continue
        step, mark = steps.values[empty], steps.keys[name]
        if not isinstance(step, Table):
            what = f"step {empty!r} is empty; indent its settings further than its name"
            problems.error(mark, what)
            step = steps.values[empty] = Table(mark.line, mark.column)
        step.keys[name], step.values[name] = mark, node
        steps.drop(name)


def _leaves(error: Any) -> Iterator[Any]:
    """The errors that matter: of an `anyOf`, those of the branch that was meant."""
    if error.validator != "anyOf" or not isinstance(error.instance, dict | list):
        yield error
        return
    branches: dict[Any, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    for errors in branches.values():
        kind = ("type", "const", "enum", "required")
        if not any(inner.validator in kind and not inner.relative_path for inner in errors):
            for inner in errors:
                yield from _leaves(inner)
            return
    yield error


def _report(error: Any, tree: Table, problems: Problems) -> list[Path]:
    """Say what is wrong; returns the paths to cut out (one that ends in "" cuts nothing and marks the step)."""
    path: Path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        keys = [key for key in error.instance if not is_known(key, error.schema)]
        owner = _find(tree, path)
        assert isinstance(owner, Table)
        for key in keys:
            problems.error(owner.keys[key], unknown(key, owner, path, error.schema))
        return [[*path, key] for key in keys]
    place = _place(tree, path)
    if error.validator == "required" and "type" in error.schema:
        for key in error.validator_value:
            if key not in error.instance:
                what = "a flow" if not path else label(path)
                problems.error(place, f"{what} needs '{key}:'")
        return [[*path, ""]]
    message = error.schema.get("errorMessage") or _derived(error)
    if error.instance is None:
        problems.error(place, f"{label(path)} is empty; it {message}{_comment(error.schema)}")
    else:
        problems.error(place, f"{label(path)} {message}{_got(error, path)}")
    missing = error.validator == "anyOf" and "required" in error.schema["anyOf"][0]
    return [[*path, ""] if missing else path]


def _derived(error: Any) -> str:
    if error.validator == "enum":
        return f"must be {listing(map(_written, error.validator_value))}"
    return _TYPES.get(error.schema.get("type", ""), "is not right here")


def _written(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _got(error: Any, path: Path) -> str:
    """What was found, and the likely slip behind it."""
    value, schema = error.instance, error.schema
    if isinstance(value, dict | list) and not value:
        return ""
    if isinstance(value, dict) and error.validator in ("minProperties", "anyOf", "maxProperties"):
        return ""
    text = f", got {show(value)}"
    instead = instead_of(value, path)
    if instead is not None:
        return f"{text}; write {instead}"
    kind = schema.get("type")
    if isinstance(value, list) and kind == "object":
        return f"{text}; a name takes the place of each '-'"
    if kind == "array" and isinstance(value, str | int) and not isinstance(value, bool):
        return f"{text}; write [{inline(Scalar(1, 1, str(value), value))}]"
    if schema.get("const") is True and str(value).lower() in ("yes", "y", "on"):
        return f"{text}; write true"
    if isinstance(value, str):
        if _takes_boolean(schema) and value.lower() in ("yes", "y", "on", "no", "n", "off"):
            return f"{text}; write {'true' if value.lower() in ('yes', 'y', 'on') else 'false'}"
        if kind in ("integer", "number") and _NUMBER.fullmatch(value):
            return f"{text}, which is a text; write {value.lstrip('0') or '0'}"
        if schema.get("x-unit") == "seconds":
            return text + _seconds(value)
        words = [word for word in _words(schema) if isinstance(word, str)]
        near = nearest(value, words)
        return f"{text}; did you mean {near!r}?" if near else text
    return text + _seconds(value) if schema.get("x-unit") == "seconds" else text


def _seconds(value: Any) -> str:
    """What to write for a time that was written otherwise: in milliseconds, or with its unit."""
    if isinstance(value, int | float):
        return f"; {value:g} looks like milliseconds: write {value / 1000}" if value >= 100 else ""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return ""
    scale = 0.001 if found.group(2) == "ms" else 60 if found.group(2)[0] == "m" else 1
    return f", which has a unit; write {float(found.group(1)) * scale:g}"


def _takes_boolean(schema: dict[str, Any]) -> bool:
    return "boolean" in (
        schema.get("type"),
        *(each.get("type") for each in schema.get("anyOf", ())),
    )


def _words(schema: dict[str, Any]) -> list[Any]:
    words = list(schema.get("enum", ()))
    for branch in schema.get("anyOf", ()):
        words += definition(branch).get("enum", ())
    return words


def _comment(schema: dict[str, Any]) -> str:
    """What an empty key setting probably was."""
    if schema.get("x-unit") != "keys":
        return ""
    return '; a plain # begins a comment, write "#" in quotes'


def _find(tree: Node, path: Path) -> Node:
    node = tree
    for element in path:
        if isinstance(node, Table):
            node = node.values[str(element)]
        elif isinstance(node, Items):
            node = node.items[int(element)]
    return node


def _place(tree: Table, path: Path) -> Place:
    """A value's place; that of its key when the value is empty or goes on below."""
    if not path:
        return Mark(1, 1)
    node, owner = _find(tree, path), _find(tree, path[:-1])
    if isinstance(owner, Table) and not (isinstance(node, Scalar) and node.text):
        return owner.keys[str(path[-1])]
    return node


def _order(path: Path) -> list[tuple[int, str]]:
    return [(element, "") if isinstance(element, int) else (0, element) for element in path]


def _cut(tree: Table, path: Path) -> None:
    owner = _find(tree, path[:-1])
    if isinstance(owner, Table) and path:
        owner.drop(str(path[-1]))
    elif isinstance(owner, Items):
        del owner.items[int(path[-1])]

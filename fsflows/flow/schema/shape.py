"""The shape of a flow: one quick pass over the tree, made from `schema.json`.

The pass reads scalars as what their place asks for (`values: [0123]` is text, `prompt: 5` is "5") and says whether
the whole tree fits. Only a tree that doesn't is given to jsonschema, for its errors (`fsflows.flow.schema.explain`):
validating with jsonschema takes twenty times as long, and a server may have a thousand flows to load.

The keywords that are understood are those that `schema.json` uses; a test holds the two to each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsflows.flow.reading.yaml_tree import Items, Node, Scalar, Table

SCHEMA_FILE = Path(__file__).with_name("schema.json")
SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
DEFS: dict[str, Any] = SCHEMA["$defs"]

Check = Callable[[Node], bool]
ANNOTATIONS = frozenset(
    ("$schema", "$id", "$defs", "title", "description", "default", "errorMessage", "x-unit")
)
"""Keywords that say nothing about what is valid."""

_checks: dict[str, Check] = {}


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one it refers to."""
    reference = schema.get("$ref")
    return DEFS[reference.removeprefix("#/$defs/")] if reference else schema


def to_data(node: Node) -> Any:
    """The tree as plain data: dicts, lists and scalars."""
    if isinstance(node, Table):
        return {key: to_data(value) for key, value in node.values.items()}
    if isinstance(node, Items):
        return [to_data(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def check_for(name: str) -> Check:
    """The quick check of a definition (a key of `$defs`); "" is the whole flow."""
    if name not in _checks:
        _checks[name] = _compile(DEFS[name] if name else SCHEMA)
    return _checks[name]


def _compile(schema: dict[str, Any]) -> Check:
    if "$ref" in schema:
        return check_for(schema["$ref"].removeprefix("#/$defs/"))
    parts = [_KEYWORDS[key](schema) for key in schema if key in _KEYWORDS]
    if len(parts) == 1:
        return parts[0]
    return _all(parts)


def _all(parts: list[Check]) -> Check:
    """All of several checks; each one sees the node, whatever the others say."""

    def check(node: Node) -> bool:
        fits = [part(node) for part in parts]
        return all(fits)

    return check


def _type(schema: dict[str, Any]) -> Check:
    return _TYPES[schema["type"]](schema)


def _boolean(_: dict[str, Any]) -> Check:
    return lambda node: isinstance(node, Scalar) and isinstance(node.value, bool)


def _object(schema: dict[str, Any]) -> Check:
    known = {key: _compile(value) for key, value in schema.get("properties", {}).items()}
    patterns = [
        (re.compile(key), _compile(value))
        for key, value in schema.get("patternProperties", {}).items()
    ]
    rest = schema.get("additionalProperties", True)
    other = _compile(rest) if isinstance(rest, dict) else lambda _: rest
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", 10**9)
    required = schema.get("required", ())

    def check(node: Node) -> bool:
        if not isinstance(node, Table):
            return False
        fits = least <= len(node.values) <= most and all(key in node.values for key in required)
        for key, value in node.values.items():
            chosen = known.get(key)
            if chosen is None:
                chosen = next((found for pattern, found in patterns if pattern.search(key)), other)
            fits = chosen(value) and fits
        return fits

    return check


def _array(schema: dict[str, Any]) -> Check:
    inner = _compile(schema["items"])
    least = schema.get("minItems", 0)

    def check(node: Node) -> bool:
        if not isinstance(node, Items):
            return False
        fits = [inner(item) for item in node.items]
        return all(fits) and len(fits) >= least

    return check


def _string(schema: dict[str, Any]) -> Check:
    pattern = re.compile(schema.get("pattern", ""))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10**9)

    def check(node: Node) -> bool:
        if not isinstance(node, Scalar) or node.value is None:
            return False
        if not isinstance(node.value, str):
            node.value = node.text
        return least <= len(node.value) <= most and pattern.search(node.value) is not None

    return check


def _number(schema: dict[str, Any]) -> Check:
    whole = schema["type"] == "integer"
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    above = schema.get("exclusiveMinimum", float("-inf"))

    def check(node: Node) -> bool:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return least <= value <= most and value > above and not (whole and value != int(value))

    return check


def _enum(schema: dict[str, Any]) -> Check:
    known = {(type(value), value) for value in schema.get("enum", [schema.get("const")])}
    return lambda node: isinstance(node, Scalar) and (type(node.value), node.value) in known


def _any_of(schema: dict[str, Any]) -> Check:
    branches = [_compile(branch) for branch in schema["anyOf"]]
    return lambda node: any(branch(node) for branch in branches)


def _all_of(schema: dict[str, Any]) -> Check:
    return _all([_compile(part) for part in schema["allOf"]])


def _not(schema: dict[str, Any]) -> Check:
    refused = _compile(schema["not"])
    return lambda node: not refused(node)


def _required(schema: dict[str, Any]) -> Check:
    """`required` on its own; beside a type, `_object` looks after it."""
    keys = () if "type" in schema else schema["required"]
    return lambda node: not isinstance(node, Table) or all(key in node.values for key in keys)


_TYPES: dict[str, Callable[[dict[str, Any]], Check]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
}
_KEYWORDS: dict[str, Callable[[dict[str, Any]], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": _enum,
    "anyOf": _any_of,
    "allOf": _all_of,
    "not": _not,
    "required": _required,
}
WITH_TYPE = frozenset((
    "properties", "patternProperties", "additionalProperties", "minProperties", "maxProperties",
    "items", "minItems", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
))  # fmt: skip
"""Keywords that are read together with `type`."""
UNDERSTOOD = frozenset(_KEYWORDS) | WITH_TYPE | {"$ref"} | ANNOTATIONS

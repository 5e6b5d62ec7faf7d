"""What to write instead: of a key that isn't known where it stands, and of a value that isn't one of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from fsflows.collect.validate import check_digit_names
from fsflows.flow.errors import label, nearest, suggest
from fsflows.flow.reading.yaml_tree import Node, Scalar, Table
from fsflows.flow.schema.shape import DEFS, SCHEMA, definition
from fsflows.flow.schema.synonyms import (
    BLOCKS,
    VALUES,
    noted,
    plain,
    setting_around,
    setting_for,
    told,
)

Path = Sequence[str | int]
_PLACES = {
    **{id(schema): name for name, schema in DEFS.items()},
    **{id(schema): name for name, schema in SCHEMA["properties"].items() if "$ref" not in schema},
    id(SCHEMA): "flow",
}
_GLUED = re.compile(r"(\w+)[:=]\s*(\S.*)")
_SPAN = re.compile(r"([1-9][0-9]?)(?:-|\.\.|,)([1-9][0-9]?)")
_PLAIN = re.compile(r"[A-Za-z_/][\w ./@-]*")
_STEP = DEFS["step"]["properties"]
_LONGEST = 40
_DIGITS = re.compile(r"[0-9]+")


def is_known(key: str, schema: dict[str, Any]) -> bool:
    """Whether a mapping may have a key."""
    patterns = schema.get("patternProperties", {})
    return key in schema.get("properties", {}) or any(re.search(p, key) for p in patterns)


def block(schema: dict[str, Any]) -> dict[str, Any]:
    """The mapping that a property may be."""
    found = definition(schema)
    for branch in found.get("anyOf", ()):
        if definition(branch).get("type") == "object":
            return definition(branch)
    return found


def unknown(key: str, owner: Table, path: Path, schema: dict[str, Any]) -> str:
    """What to say about a key that a mapping can't have.

    Args:
        key: the key.
        owner: the mapping.
        path: where the mapping stands.
        schema: the mapping's own part of the schema.
    """
    where = f"unknown key {key!r}" + (f" in {label(path)}" if path else "")
    if schema is DEFS["on"]:
        where = f"{key!r} is neither digits nor an outcome"
    if schema is DEFS["key_words"]:
        return f"{key!r} is no key; the key comes first: {_key_first(key, owner.values[key])}"
    place = _PLACES.get(id(schema), "")
    advice = (
        _glued(key, schema)
        or _placeholder(key, owner, place)
        or _told(key, owner, path, place)
        or _renamed(key, owner, place)
        or _moved(key, owner, path, place, schema)
        or _from_around(key, place)
    )
    if advice:
        return f"{where}; {advice}"
    if schema is DEFS["on"] and nearest(key, schema["properties"]) is None:
        return f"{where}; what is said is a key, too: asr: {{words: {{1: [{key}]}}}}, and a row 1"
    return where + suggest(key, schema["properties"])


def _key_first(phrase: str, node: Node) -> str:
    digits = node.text if isinstance(node, Scalar) and _DIGITS.fullmatch(node.text) else "1"
    return f"{digits}: [{phrase}]"


def renamed(key: str, owner: Table, schema: dict[str, Any]) -> str | None:
    """Our setting that a key means here; None: it means none, or that one stands there already."""
    same = [each for each in schema["properties"] if plain(each) == plain(key)]
    found = same[0] if same else setting_for(_PLACES.get(id(schema), ""), key)
    return found if found and "/" not in found and found not in owner.values else None


def _glued(key: str, schema: dict[str, Any]) -> str | None:
    found = _GLUED.fullmatch(key)
    if found is None or not is_known(found.group(1), schema):
        return None
    return f"write '{found.group(1)}: {found.group(2)}', with a space after the ':'"


def _placeholder(key: str, owner: Table, place: str) -> str | None:
    """`prompt: {name}` is a mapping without values."""
    value = owner.values[key]
    if place != "prompt_part" or not isinstance(value, Scalar) or value.text:
        return None
    return f'to say it write "{{{key}}}", in quotes'


def _told(key: str, owner: Table, path: Path, place: str) -> str | None:
    template = told(place, key)
    step = path[1] if len(path) > 1 and path[0] == "steps" else "NAME"
    return template and template.format(key=key, value=inline(owner.values[key]), step=step)


def _renamed(key: str, owner: Table, place: str) -> str | None:
    """Another word for a setting of this place."""
    found = setting_for(place, key)
    if found is None:
        return None
    within, _, ours = found.rpartition("/")
    if within:
        return f"here it is {ours!r}, under '{within}:'{noted(found, key)}"
    if ours in ("*", "#"):
        return f'the key is written "{ours}", in quotes'
    if ours in owner.values and place in ("step", "action_block"):
        more = "which may be a list" if ours in ("prompt", "say") else "which stands there already"
        return f"here it is called {ours!r}, {more}"
    return f"here it is called {ours!r}{noted(f'{place}/{ours}', key)}"


def _moved(key: str, owner: Table, path: Path, place: str, schema: dict[str, Any]) -> str | None:
    """A setting of ours that stands in the wrong place."""
    of_a_step = place == "flow" and setting_for("step", key) is not None
    for name, child in () if of_a_step else schema["properties"].items():
        if _may_hold(place, name, child) and _has(block(child), key, owner.values[key]):
            return f"it belongs under '{name}:'{_with(name, key, owner, child)}"
    if place == "step" and _is_row(key, owner.values[key]):
        return (
            "it belongs under 'on:'" if is_known(key, DEFS["on"]) else "its rows belong under 'on:'"
        )
    if len(path) > 2 and path[0] == "steps" and key in _STEP:
        return f"it belongs to the step, beside '{path[2]}:'"
    if place in BLOCKS:
        for name in BLOCKS:
            if _has(DEFS[name], key, owner.values[key]):
                return f"it belongs under the step's '{name}:'"
    if path and key in SCHEMA["properties"]:
        return "it belongs to the flow, at the left margin"
    if path and key.startswith("x-"):
        return "notes and anchors of your own stand at the left margin"
    return _astray(key, owner) if place == "flow" and not of_a_step else None


def _is_row(key: str, node: Node) -> bool:
    """Whether something is a row of `on`, or such rows under another name."""
    rows = list(node.keys) if isinstance(node, Table) else []
    known = [row for row in rows if is_known(row, DEFS["on"])]
    return (
        is_known(key, DEFS["on"]) or len(known) * 2 > len(rows) or (1 < len(known) * 2 == len(rows))
    )


def _may_hold(place: str, name: str, child: dict[str, Any]) -> bool:
    """Whether a child is the one place where its settings can have been meant to stand."""
    if name == "on" or (place == "step" and name == "escape"):
        return False
    spoken = block(child) in (DEFS["prompt_part"], DEFS["action_block"])
    return not spoken or place not in ("flow", "retry", "delay") or name == "then"


def _has(schema: dict[str, Any], key: str, node: Node) -> bool:
    """Whether a mapping has a setting of that name that may be such a value: `words` are a list, or a mapping."""
    found = schema.get("properties", {}).get(key)
    is_table = found is not None and definition(found).get("type") == "object"
    return found is not None and (not is_table or isinstance(node, Table))


def _with(name: str, key: str, owner: Table, child: dict[str, Any]) -> str:
    """How it looks there, where that isn't plain: an action that is only a name so far, or none."""
    if block(child) is not DEFS["action_block"]:
        return ", which may be a list" if name in ("prompt", "say") and name in owner.values else ""
    given = owner.get(name)
    if isinstance(given, Table):
        return ", beside what it has"
    text = inline(owner.values[key])
    parts = {key: "true" if text == "..." and key in ("hangup", "exit") else text}
    if not {"goto", "flow", "handoff", "hangup", "exit", "run"} & parts.keys():
        parts["goto"] = inline(given) if isinstance(given, Scalar) else "STEP"
    whole = ", ".join(f"{each}: {text}" for each, text in parts.items())
    rows = " (or a row of 'on:')" if name == "next" and "dtmf" in owner.keys else ""
    return f"{rows}: {name}: {{{whole}}}"


def _astray(key: str, owner: Table) -> str | None:
    """Something at the left margin that is a step, or a part of one."""
    if key in _STEP:
        return "it belongs to a step, under 'steps:'"
    if key in DEFS["action_block"]["properties"]:
        return "it belongs to a step, under 'next:' or a row of 'on:'"
    for name in BLOCKS:
        if key in DEFS[name]["properties"]:
            return f"it belongs to a step, under '{name}:'"
    node = owner.values[key]
    if isinstance(node, Table) and len(node.keys.keys() & _STEP.keys()) * 2 > len(node.keys):
        return "it looks like a step; steps stand under 'steps:'"
    return None


def _from_around(key: str, place: str) -> str | None:
    """Another word for a setting of a step that stands elsewhere."""
    own = DEFS[place]["properties"] if place in DEFS else SCHEMA["properties"]
    found = setting_around(place, key)
    if found is None or plain(key) in map(plain, own):
        return None
    within, ours = found
    note = noted(f"{within}/{ours}", key)
    if within == "step":
        return (
            f"here it is {ours!r}, in "
            + ("a step" if place == "flow" else "the step itself")
            + note
        )
    whose = {"flow": "a step's ", "step": ""}.get(place, "the step's ")
    return f"here it is {ours!r}, under {whose}'{within}:'{note}"


def inline(node: Node) -> str:
    """A value as it may be written inside braces; what is long or goes on below is left to the author."""
    if not isinstance(node, Scalar) or not node.text or len(node.text) > _LONGEST:
        return "..."
    if not isinstance(node.value, str) or _PLAIN.fullmatch(node.text):
        return node.text
    return json.dumps(node.text, ensure_ascii=False)


def instead_of(value: Any, path: Path) -> str | None:
    """What is written here for a value, or None."""
    if not path:
        return None
    last = path[-1]
    if last == "keywords" and isinstance(value, dict):
        return "words: {...}, if each is to be a key"
    place = "step" if path[0] == "steps" and len(path) == 3 else path[-2] if len(path) > 1 else ""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    if isinstance(text, str):
        found = VALUES.get(f"{place}/{last}", {}).get(plain(text))
        if found is not None:
            return found
    return _in_braces(value, str(last), str(place))


def _in_braces(value: Any, last: str, place: str) -> str | None:
    """A mapping for what was given as one plain value."""
    if last == "retry" and isinstance(value, int) and not isinstance(value, bool):
        return f"{{attempts: {value}}}"
    if not isinstance(value, str) or not value:
        return None
    if last in ("num_digits", "max_digits") and (span := _SPAN.fullmatch(value)):
        return f"num_digits: {span.group(2)}, min_digits: {span.group(1)}"
    text = inline(Scalar(1, 1, value, value))
    if last == "validate":
        return f"{{check: {value}}}" if value in check_digit_names() else f"{{pattern: {text}}}"
    if place == "handoffs":
        method = "refer" if value.startswith("sip:") else "bridge" if "/" in value else "transfer"
        return f"{{{method}: {text}}}"
    return None

"""YAML text -> a tree in which every key and value knows its line and column.

Stricter and plainer than `yaml.safe_load`, because a phone menu is made of the things that YAML 1.1 misreads:

* a key is the text that was written: `1:`, `on:`, `no:` and `0123:` are "1", "on", "no" and "0123";
* only `true` and `false` are booleans, only decimal numbers without leading zeros are numbers; the rest is text
  (0123 stays "0123", 12:30 is no sexagesimal number), and the text of a number is kept beside its value;
* a key that is given twice, a tag, and an alias that grows without bounds are errors.

The tree is built from libyaml's events: `yaml.compose` recurses in C and crashes the process on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from fsflows.flow.errors import FlowErrors, Mark, Problems
from fsflows.flow.reading.yaml_text import decode, explain, hidden_rows, mark_of

MAX_DEPTH = 40
"""The deepest nesting; a flow needs about ten."""

_TOO_DEEP = f"nested more than {MAX_DEPTH} deep"

MAX_NODES = 50_000
"""The most keys and values of a file, aliases counted each time they are used."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]{1,2})?|[-+]?[1-9][0-9]*\.")
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_CORE = "tag:yaml.org,2002:"
_LONGEST_INTEGER = 18


@dataclass(slots=True)
class Node:
    """Something in the file; lines and columns count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Scalar(Node):
    """A single value. `text` is what was written, `value` what it means by itself."""

    text: str
    value: str | float | bool | None


@dataclass(slots=True)
class Items(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Table(Node):
    """A mapping. `keys` has the places of the keys."""

    keys: dict[str, Mark] = field(default_factory=dict)
    values: dict[str, Node] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return self.values.get(key)

    def drop(self, key: str) -> None:
        """Forget a key."""
        self.keys.pop(key, None)
        self.values.pop(key, None)


def read_tree(raw: bytes, problems: Problems) -> Table:
    """The tree of a file's bytes. Duplicate keys, tags and odd keys are added to `problems`.

    Raises:
        FlowErrors: there is no tree: not UTF-8, not YAML, empty, not a mapping, or too large.
    """
    text = decode(raw, problems.path)
    try:
        tree = _Builder(text, problems).build()
    except yaml.YAMLError as error:
        place, words = explain(error, text)
        # PyYAML's own limit, from 6.0.4 on; met while it looks ahead.
        if "maximum nesting depth" in words:
            words = _TOO_DEEP
        raise _fatal(problems, place, words) from None
    if tree is None or (isinstance(tree, Scalar) and tree.value is None):
        raise _fatal(problems, Mark(1, 1), "the file is empty; a flow needs at least 'steps:'")
    for place in hidden_rows(text):
        what = "'#' begins a comment: this row is none; for the # key write \"#\": in quotes"
        problems.warn(place, what)
    if not isinstance(tree, Table):
        raise _fatal(problems, tree, "a flow is a mapping of keys to values; begin with 'steps:'")
    return tree


def tree_of(data: Any, place: Mark = Mark(1, 1)) -> Node:  # noqa: B008 - a Mark is immutable
    """The tree of plain Python data, for settings that come from a function instead of a file. None is left out."""
    if isinstance(data, dict):
        table = Table(place.line, place.column)
        for key, value in data.items():
            if value is None:
                continue
            table.keys[str(key)] = place
            table.values[str(key)] = tree_of(value, place)
        return table
    if isinstance(data, list | tuple | set | frozenset):
        return Items(place.line, place.column, [tree_of(item, place) for item in data])
    if data is None or isinstance(data, str | int | float):
        return Scalar(place.line, place.column, "" if data is None else str(data), data)
    return Scalar(place.line, place.column, str(data), str(data))


def _fatal(problems: Problems, place: Any, text: str) -> FlowErrors:
    problems.error(place, text)
    return FlowErrors(problems)


class _Builder:
    """Events -> nodes, with limits on depth and size."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0

    def build(self) -> Node | None:
        tree: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    place = mark_of(event.start_mark)
                    raise _fatal(
                        self._problems, place, "one file, one flow: a second '---' begins here"
                    )
            elif not isinstance(
                event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent
            ):
                tree = self._node(event, 1)
        return tree

    def _node(self, event: Any, depth: int) -> Node:
        place = mark_of(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place)
        before = self._count
        self._grow(place, 1)
        if depth > MAX_DEPTH:
            raise _fatal(self._problems, place, _TOO_DEEP)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._tag(event, place, "seq")
            node = Items(place.line, place.column)
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                node.items.append(self._node(inner, depth + 1))
        else:
            self._tag(event, place, "map")
            node = self._table(place, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before)
        return node

    def _table(self, place: Mark, depth: int) -> Table:
        table = Table(place.line, place.column)
        merged: list[Table] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            plain = not getattr(event, "style", None)
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            at = mark_of(event.start_mark)
            if not isinstance(key, Scalar):
                self._problems.error(at, "a key must be a plain text")
            elif key.text == "<<" and plain:
                merged += self._merge(value)
            elif not key.text:
                self._problems.error(at, "the key before ':' is empty")
            elif key.text in table.keys:
                first = table.keys[key.text].line
                self._problems.error(
                    at, f"{key.text!r} is given twice, first in line {first}; keep one"
                )
            else:
                table.keys[key.text] = at
                table.values[key.text] = value
        for source in merged:
            for name, mark in source.keys.items():
                if name not in table.keys:
                    table.keys[name] = mark
                    table.values[name] = source.values[name]
        return table

    def _merge(self, value: Node) -> list[Table]:
        sources = value.items if isinstance(value, Items) else [value]
        for source in sources:
            if not isinstance(source, Table):
                self._problems.error(source, "'<<' takes a mapping, such as '*name'")
        return [source for source in sources if isinstance(source, Table)]

    def _scalar(self, event: Any, place: Mark) -> Scalar:
        self._tag(event, place, "str", "int", "float", "bool", "null")
        plain = not event.style
        kind = "str" if event.tag == "!" or not (plain or event.tag) else event.tag
        value = event.value if kind in ("str", f"{_CORE}str") else _resolve(event.value)
        return Scalar(place.line, place.column, event.value, value)

    def _alias(self, name: str, place: Mark) -> Node:
        if name not in self._anchors:
            raise _fatal(self._problems, place, f"'*{name}' has no '&{name}' above it")
        known = self._anchors[name]
        if known is None:
            raise _fatal(self._problems, place, f"'*{name}' stands inside '&{name}' itself")
        node, size = known
        self._grow(place, size)
        return _copy(node)

    def _grow(self, place: Mark, count: int) -> None:
        self._count += count
        if self._count > MAX_NODES:
            what = f"more than {MAX_NODES} keys and values, aliases counted where they are used"
            raise _fatal(self._problems, place, what)

    def _tag(self, event: Any, place: Mark, *allowed: str) -> None:
        if event.tag is not None and event.tag not in ("!", *(_CORE + name for name in allowed)):
            tag = event.tag.replace(_CORE, "!!")
            self._problems.error(place, f"the tag {tag!r} means nothing in a flow; drop it")


def _copy(node: Node) -> Node:
    """Another use of an anchor: the same marks, and nodes of its own, since they are edited."""
    if isinstance(node, Table):
        values = {key: _copy(value) for key, value in node.values.items()}
        return Table(node.line, node.column, dict(node.keys), values)
    if isinstance(node, Items):
        return Items(node.line, node.column, [_copy(item) for item in node.items])
    assert isinstance(node, Scalar)
    return Scalar(node.line, node.column, node.text, node.value)


def _resolve(text: str) -> str | float | bool | None:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text

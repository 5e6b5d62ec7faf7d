"""`{name}` in what flow authors write: which names have a value in every call, and which were hardly meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fsflows.flow.errors import Place, nearest
from fsflows.flow.reading.yaml_tree import Items, Node, Scalar, Table

if TYPE_CHECKING:
    from fsflows.flow.building.build import Draft
    from fsflows.flow.python.functions import FunctionsFile

PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")
"""`${name}` is FreeSWITCH's own, and left to it where an author wrote it."""

ALWAYS = ("digits", "caller_number", "callee_number")
"""What has a value in every call; any other name is one of `conv.state`."""

WHEN_ASKED = "phrase"
"""What has one in the question of `confirm:`."""

_STATE = re.compile(rb"\bstate\s*(?:\.\s*|\[\s*[\"'])([A-Za-z_]\w*)")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_ALIKE = 0.75
"""More than elsewhere, where an unknown name is wrong anyway: `{number}` is not `{caller_number}` mistyped."""
_OWN_NAMES = ("recording", "validate")
"""Settings whose braces are something else: the names in a file's path, a regular expression."""


def check_placeholders(draft: Draft, file: FunctionsFile | None) -> None:
    """Names that nothing sets, and that are like one which has a value.

    Any other name may be set from outside: by another flow, or by the table of a dialled call.
    """
    source = file.source if file else b""
    written = list(_set_in(draft.tree))
    for name, place in written:
        if name in ALWAYS:
            what = f"{{{name}}} in a text is never what is set here; choose another name"
            draft.problems.warn(place, what)
    set_here = {*ALWAYS, *(name for name, _ in written)}
    meant = {*set_here, WHEN_ASKED, *(name.decode() for name in _STATE.findall(source))}
    known = set_here | {word.decode() for word in _WORD.findall(source)}
    for key, node in draft.tree.values.items():
        if key in _OWN_NAMES:
            continue
        for scalar, asked in _texts(node):
            for name in PLACEHOLDER.findall(scalar.text):
                if name in known or (name == WHEN_ASKED and asked):
                    continue
                near = nearest(name, meant, cutoff=_ALIKE)
                if name == WHEN_ASKED:
                    what = f"{{{name}}} has a value in the question of `confirm:` only; {{digits}} has one everywhere"
                    draft.problems.warn(scalar, what)
                elif near is not None:
                    what = f"nothing sets {{{name}}}; did you mean {{{near}}}?"
                    draft.problems.warn(scalar, what)


def _set_in(node: Node) -> Iterator[tuple[str, Place]]:
    """The names that actions set, and where."""
    for key, inner in _inner(node):
        if key == "set" and isinstance(inner, Table):
            yield from inner.keys.items()
        yield from _set_in(inner)


def _texts(node: Node, *, asked: bool = False) -> Iterator[tuple[Scalar, bool]]:
    """Every text, and whether it stands in a `confirm:`."""
    if isinstance(node, Scalar):
        yield node, asked
    for key, inner in _inner(node):
        if key not in _OWN_NAMES:
            yield from _texts(inner, asked=asked or key == "confirm")


def _inner(node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, Table):
        yield from node.values.items()
    elif isinstance(node, Items):
        yield from (("", item) for item in node.items)

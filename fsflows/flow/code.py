"""What can be seen in a functions file without running it: where its functions lead, and what they mention."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fsflows.flow.errors import Mark

Kind = Literal["step", "flow", "handoff", "function", "exit", "hangup", "discard", "conv", "key"]

_CALLS: Mapping[str, Kind] = {
    "goto_step": "step",
    "goto_flow": "flow",
    "call_handoff": "handoff",
    "exit_flow": "exit",
    "hang_up": "hangup",
    "discard_recording": "discard",
}
_TRANSITIONS: Mapping[str, Kind] = {"goto_step": "step", "goto_flow": "flow", "exit_flow": "exit"}
_ARGUMENTS = ("name", "destination")


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a function does, as far as its text shows it.

    Attributes:
        kind: "step", "flow", "handoff", "function": the name of one; "exit", "hangup", "discard": such a call;
            "conv": an attribute of the conversation; "key": a key of a returned dict.
        name: the name; None when only the running program knows it.
        place: where.
        arguments: how many arguments a call has.
    """

    kind: Kind
    name: str | None
    place: Mark
    arguments: int = 0


@dataclass(slots=True)
class Code:
    """One function's text.

    Attributes:
        place: of its `def`.
        mentions: in the order of the text.
        names: the plain names it uses: other functions of the file, perhaps.
        first: its first parameter, "" when it has none.
    """

    name: str
    place: Mark
    mentions: list[Mention] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    first: str = ""
    yields: bool = False
    asynchronous: bool = False


def read_code(tree: ast.Module) -> tuple[dict[str, Code], set[str], set[str]]:
    """Every function of a module, the names used outside of them, and the names that were imported."""
    functions: dict[str, Code] = {}
    used: set[str] = set()
    imported: set[str] = set()
    for node in _top(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = _function(node)
            outside: list[ast.AST] = [*node.decorator_list, node.args]
        else:
            outside = [node]
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported |= {(name.asname or name.name).split(".")[0] for name in node.names}
        used |= {
            each.id for part in outside for each in ast.walk(part) if isinstance(each, ast.Name)
        }
    return functions, used, imported


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the margin, those inside `if` and `try` included."""
    for node in body:
        inner = [
            child
            for part in ("body", "orelse", "finalbody", "handlers")
            for child in getattr(node, part, ())
        ]
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top(inner)
        elif isinstance(node, ast.ExceptHandler):
            yield from _top(node.body)
        else:
            yield node


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Code:
    arguments = [*node.args.posonlyargs, *node.args.args]
    conv = arguments[0].arg if arguments else ""
    code = Code(
        node.name, _mark(node), first=conv, asynchronous=isinstance(node, ast.AsyncFunctionDef)
    )
    called: set[int] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            kind = _CALLS.get(each.func.attr)
            if kind is not None:
                called.add(id(each.func))
                code.mentions.append(_call(kind, each))
        elif isinstance(each, ast.Attribute):
            code.mentions += _attribute(each, conv)
        elif isinstance(each, ast.Return) and isinstance(each.value, ast.Dict):
            code.mentions += _returned(each.value)
        elif isinstance(each, ast.Name):
            code.names.add(each.id)
        elif isinstance(each, ast.Yield | ast.YieldFrom):
            code.yields = True
    code.mentions.sort(key=lambda mention: (mention.place.line, mention.place.column))
    return code


def _call(kind: Kind, node: ast.Call) -> Mention:
    count = len(node.args) + len(node.keywords)
    if kind in ("exit", "hangup", "discard"):
        return Mention(kind, "", _mark(node.func, end=True), count)
    argument: ast.expr | None = node.args[0] if node.args else None
    for keyword in node.keywords:
        if keyword.arg in _ARGUMENTS:
            argument = keyword.value
    return _named(kind, argument or node.func)


def _attribute(node: ast.Attribute, conv: str) -> Iterator[Mention]:
    owner = node.value
    if (
        isinstance(owner, ast.Attribute)
        and owner.attr == "functions"
        and isinstance(owner.value, ast.Name)
    ):
        yield Mention("function", node.attr, _mark(node, end=True))
    elif isinstance(owner, ast.Name) and owner.id == conv and conv:
        yield Mention("conv", node.attr, _mark(node, end=True))


def _returned(node: ast.Dict) -> Iterator[Mention]:
    """A dict that is returned as it stands: its keys, and where it leads."""
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        yield Mention("key", key.value, _mark(key))
        if key.value == "handoff":
            yield from _inside("handoff", value, ("destination", "name"))
        elif key.value == "hangup":
            yield Mention("hangup", "", _mark(key))
        elif key.value == "transition":
            if not isinstance(value, ast.Dict):
                yield _named("step", value)
            else:
                for name, kind in _TRANSITIONS.items():
                    yield from _inside(kind, value, (name,))


def _inside(kind: Kind, node: ast.expr, names: tuple[str, ...]) -> Iterator[Mention]:
    if not isinstance(node, ast.Dict):
        yield _named(kind, node)
        return
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value in names:
            yield _named(kind, value)


def _named(kind: Kind, node: ast.expr) -> Mention:
    known = isinstance(node, ast.Constant) and isinstance(node.value, str)
    name = node.value if isinstance(node, ast.Constant) and known else None
    return Mention(kind, name if isinstance(name, str) else None, _mark(node))


def _mark(node: ast.expr | ast.stmt, *, end: bool = False) -> Mark:
    if end and isinstance(node, ast.Attribute):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Mark(node.end_lineno, node.end_col_offset - len(node.attr) + 1)
    return Mark(node.lineno, node.col_offset + 1)

"""A flow as a drawing: nodes and edges, as Mermaid text, or (`fsflows.flow.drawing.svg`) as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from fsflows.collect.spec import Collection
from fsflows.flow.building.routes import Route, routes
from fsflows.flow.model import Flow, Step

Kind = Literal["start", "step", "handoff", "flow", "hangup", "exit", "function"]
FORMATS = ("mermaid", "svg")
START = "start"


@dataclass(frozen=True, slots=True)
class Node:
    """A box. `note` is its second line: what a step collects."""

    key: str
    kind: Kind
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow. `seen`: a function may take it."""

    source: str
    target: str
    label: str = ""
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A flow's drawing; the first node is where it starts."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(flow: Flow) -> Graph:
    """A flow's steps and the ways between them.

    What a function does is drawn as far as its text shows it, with a dashed line; a function that decides in the
    call is a node of its own. The flow's escape is one edge from the start, not one from every step.
    """
    nodes = {START: Node(START, "start", flow.name)}
    for name, step in flow.steps.items():
        nodes[f"step {name}"] = Node(f"step {name}", "step", name, note(step))
    edges: dict[tuple[str, str, bool], list[str]] = {}

    def add(source: str, route: Route) -> None:
        if route.target == "exit":
            node = Node("exit", "exit", "leave the flow")
        elif route.target == "hangup":
            node = Node("hangup", "hangup", "hang up")
        else:
            node = Node(f"{route.target} {route.name}", route.target, route.name)
        nodes.setdefault(node.key, node)
        labels = edges.setdefault((source, node.key, route.seen), [])
        if route.label and route.label not in labels:
            labels.append(route.label)

    add(START, Route("", "step", flow.first_step))
    for name, step in flow.steps.items():
        for route in routes(flow, step, flow.code):
            if route.label != "escape":
                add(f"step {name}", replace(route, label=_with_words(step, route.label)))
    _add_action(flow, "escape", add, START, "escape")
    if "exit" in nodes:
        _add_action(flow, "exit", add, "exit", "")
    made = [
        Edge(source, target, ", ".join(labels), seen)
        for (source, target, seen), labels in edges.items()
    ]
    return Graph(flow.name, tuple(nodes.values()), tuple(made))


def _add_action(flow: Flow, which: str, add: object, source: str, label: str) -> None:
    action = flow.escape_action if which == "escape" else flow.on_exit
    assert callable(add)
    if action is None:
        if which == "exit":
            add(source, Route(label, "hangup", ""))
        return
    for route in routes(flow, Step(name="", next=action), flow.code):
        add(source, Route(label or route.label, route.target, route.name, route.seen))


def _with_words(step: Step, label: str) -> str:
    """A row's label, with the first of the phrases that are its key."""
    speech = step.collect.speech if step.collect is not None else None
    key, colon, rest = label.partition(":")
    phrases = dict(speech.words).get(key) if speech is not None else None
    return f'{key} "{phrases[0]}"{colon}{rest}' if phrases else label


def note(step: Step) -> str:
    """What a step collects, in a few words."""
    spec = step.collect
    if spec is None:
        return ""
    words = _count(spec)
    if spec.speech is None:
        words += ", keys only"
    return words + (", private" if spec.is_pii else "")


def _count(spec: Collection) -> str:
    least, most = spec.min_digits, spec.max_digits
    if most is None:
        return "digits" if least == 1 else f"{least} or more digits"
    if least == most:
        return "1 digit" if most == 1 else f"{most} digits"
    return f"{least} to {most} digits"


_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "start": ("([", "])"),
    "step": ("[", "]"),
    "handoff": ("[/", "/]"),
    "flow": ("[[", "]]"),
    "hangup": ("((", "))"),
    "exit": ("([", "])"),
    "function": ("{{", "}}"),
}
PREFIXES: Mapping[Kind, str] = {
    "handoff": "hand-off: ",
    "flow": "flow: ",
    "function": "decided in ",
}


def words(node: Node) -> list[str]:
    """A node's lines."""
    first = PREFIXES.get(node.kind, "") + node.label + ("()" if node.kind == "function" else "")
    return [first, node.note] if node.note else [first]


def mermaid(graph: Graph) -> str:
    """Mermaid text, for Markdown files."""
    keys = {node.key: f"n{index}" for index, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for node in graph.nodes:
        opening, closing = _SHAPES[node.kind]
        text = "<br/>".join(_quoted(line) for line in words(node))
        lines.append(f'  {keys[node.key]}{opening}"{text}"{closing}')
    for edge in graph.edges:
        arrow = "-.->" if edge.seen else "-->"
        label = f'|"{_quoted(edge.label)}"|' if edge.label else ""
        lines.append(f"  {keys[edge.source]} {arrow}{label} {keys[edge.target]}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    named = {'"': "#quot;", "<": "&lt;", ">": "&gt;", "&": "&amp;", "#": "#35;", "`": "#96;"}
    return "".join(named.get(char, char) for char in " ".join(text.split()))

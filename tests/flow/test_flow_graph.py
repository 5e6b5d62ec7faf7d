"""Drawings of flows."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from fsflows.flow.drawing.graph import Edge, Node, graph_of, mermaid
from fsflows.flow.drawing.layers import GAP, arrange
from fsflows.flow.drawing.svg import svg

FLOW = """
escape: {keys: 0, then: {handoff: desk}}
steps:
  ask:
    dtmf: {num_digits: 4, is_pii: true}
    asr: false
    retry: {then: {hangup: true}}
    on: {1234: main, complete: {run: f}}
  main: {dtmf: {num_digits: -1, min_digits: 2}, run: g, next: ask}
handoffs: {desk: {transfer: 5000}}
"""
CODE = """
def f(conv, flow):
    if conv.state.x:
        flow.goto_step("main")
    conv.exit_flow()
def g(conv, flow):
    flow.goto_step(conv.state.next)
"""


@pytest.fixture
def graph(load):
    return graph_of(load(FLOW, CODE))


def test_nodes_and_edges(graph):
    assert [
        Node("start", "start", "f"),
        Node("step ask", "step", "ask", "4 digits, keys only, private"),
        Node("step main", "step", "main", "2 or more digits"),
        Node("exit", "exit", "leave the flow"),
        Node("hangup", "hangup", "hang up"),
        Node("function g", "function", "g"),
        Node("handoff desk", "handoff", "desk"),
    ] == list(graph.nodes)
    assert [
        Edge("start", "step ask"),
        Edge("step ask", "step main", "1234"),
        Edge("step ask", "step main", "complete: f()", seen=True),
        Edge("step ask", "exit", "complete: f()", seen=True),
        Edge("step ask", "hangup", "no answer"),
        Edge("step main", "function g", "g()"),
        Edge("step main", "step ask"),
        Edge("start", "handoff desk", "escape"),
        Edge("exit", "hangup"),
    ] == list(graph.edges)


def test_mermaid(load):
    flow = load(
        "steps:\n  'say \"hi\" <b>': {prompt: x, next: b}\n  b: {dtmf: {num_digits: 1}, next: {hangup: true}}\n"
    )
    assert (
        "flowchart TD\n"
        '  n0(["f"])\n'
        '  n1["say #quot;hi#quot; &lt;b&gt;"]\n'
        '  n2["b<br/>1 digit"]\n'
        '  n3(("hang up"))\n'
        "  n0 --> n1\n"
        "  n1 --> n2\n"
        "  n2 --> n3\n"
    ) == mermaid(graph_of(flow))


def test_svg_is_well_formed_and_shows_every_box(graph):
    root = ET.fromstring(svg(graph))
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {
        "ask",
        "4 digits, keys only, private",
        "hand-off: desk",
        "decided in g()",
        "hang up",
        "1234",
    } <= texts
    assert len(graph.edges) == sum(
        "edge" in path.get("class", "") for path in root.iter("{http://www.w3.org/2000/svg}path")
    )


def test_svg_text_is_escaped(load):
    flow = load("steps:\n  '<script>&\"': {next: {hangup: true}}\n")
    assert "<script>" not in svg(graph_of(flow))
    ET.fromstring(svg(graph_of(flow)))


def test_a_step_that_leads_to_itself(load):
    flow = load(
        "steps: {a: {dtmf: {num_digits: 1}, on: {'*': a, 1: {hangup: true}}, retry: {then: {hangup: true}}}}"
    )
    ET.fromstring(svg(graph_of(flow)))
    assert Edge("step a", "step a", "*") in graph_of(flow).edges


def test_boxes_never_overlap():
    widths = {f"n{i}": 60.0 + 10 * (i % 4) for i in range(14)}
    edges = [(f"n{i}", f"n{(i * 5 + j) % 14}") for i in range(14) for j in (1, 3, 8)]
    layout = arrange(widths, edges, passing=20.0)
    assert set(widths) <= set(layout.x)
    for layer in layout.layers:
        for left, right in pairwise(layer):
            room = (widths.get(left, 20.0) + widths.get(right, 20.0)) / 2 + GAP
            assert layout.x[right] - layout.x[left] >= room - 1e-6


def test_edges_go_down_one_layer_at_a_time():
    layout = arrange(
        {"a": 50, "b": 50, "c": 50, "d": 50},
        [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("d", "a"), ("c", "c")],
        passing=20.0,
    )
    rank = {key: index for index, layer in enumerate(layout.layers) for key in layer}
    assert {0, 1, 2, 3, 4} == set(layout.ways)
    for way in layout.ways.values():
        assert list(range(rank[way[0]], rank[way[-1]] + 1)) == [rank[key] for key in way]

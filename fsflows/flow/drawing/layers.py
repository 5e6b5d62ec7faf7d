"""Where the boxes of a drawing go: layers from top to bottom, few crossings, no overlaps.

The usual plan for layered drawings: turn round the edges that go back, rank by the longest way, put a point into every
layer that an edge passes, order each layer by its neighbours, then spread it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 28.0
"""Between two boxes of a layer."""

ROUNDS = 8
"""How often the layers are put in order; more changes nothing visible."""


@dataclass(slots=True)
class Layout:
    """The plan of a drawing.

    Attributes:
        layers: boxes and points, by layer, from the left.
        x: the middle of each.
        ways: for each edge (by its place in the list), the boxes and points that it runs through, from top to bottom.
    """

    layers: list[list[str]] = field(default_factory=list)
    x: dict[str, float] = field(default_factory=dict)
    ways: dict[int, list[str]] = field(default_factory=dict)


def arrange(
    widths: Mapping[str, float], edges: Sequence[tuple[str, str]], *, passing: float
) -> Layout:
    """Plan a drawing.

    Args:
        widths: each box's width; the first is the start.
        edges: from box to box; those from a box to itself are left out.
        passing: the room that an edge takes beside the boxes of a layer.
    """
    downward = _downward(list(widths), edges)
    ranks = _ranks(list(widths), downward)
    layout = Layout([[] for _ in range(max(ranks.values()) + 1)])
    for key in widths:
        layout.layers[ranks[key]].append(key)
    room = dict(widths)
    links: list[tuple[str, str]] = []
    for index, (source, target) in downward.items():
        way = [source]
        for rank in range(ranks[source] + 1, ranks[target]):
            point = f"\0{index} {rank}"
            room[point] = passing
            layout.layers[rank].append(point)
            way.append(point)
        way.append(target)
        layout.ways[index] = way
        links += pairwise(way)
    _order(layout.layers, links)
    layout.x = _spread(layout.layers, room, links)
    return layout


def _downward(keys: list[str], edges: Sequence[tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """The edges, those that close a circle turned round."""
    following: dict[str, list[tuple[int, str]]] = {key: [] for key in keys}
    for index, (source, target) in enumerate(edges):
        following[source].append((index, target))
    state: dict[str, int] = {}
    found: dict[int, tuple[str, str]] = {}
    for start in keys:
        stack = [(start, iter(following[start]))]
        if start in state:
            continue
        state[start] = 1
        while stack:
            source, ways = stack[-1]
            for index, target in ways:
                if target == source:
                    continue
                back = state.get(target) == 1
                found[index] = (target, source) if back else (source, target)
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(following[target])))
                    break
            else:
                state[source] = 2
                stack.pop()
    return dict(sorted(found.items()))


def _ranks(keys: list[str], edges: Mapping[int, tuple[str, str]]) -> dict[str, int]:
    ranks = dict.fromkeys(keys, 0)
    for _ in keys:
        changed = False
        for source, target in edges.values():
            if ranks[target] <= ranks[source]:
                ranks[target] = ranks[source] + 1
                changed = True
        if not changed:
            break
    return ranks


def _neighbours(links: list[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _order(layers: list[list[str]], links: list[tuple[str, str]]) -> None:
    """Order each layer by the middle of its neighbours, downwards and upwards in turn."""
    above, below = _neighbours(links)
    for turn in range(ROUNDS):
        neighbours = below if turn % 2 else above
        for layer in reversed(layers) if turn % 2 else layers:
            place = {key: index for row in layers for index, key in enumerate(row)}
            middle = {
                key: sum(place[near] for near in neighbours[key]) / len(neighbours[key])
                if neighbours.get(key)
                else place[key]
                for key in layer
            }
            layer.sort(key=middle.__getitem__)


def _spread(
    layers: list[list[str]], room: Mapping[str, float], links: list[tuple[str, str]]
) -> dict[str, float]:
    """Give each box a place near its neighbours and clear of the boxes beside it."""
    x: dict[str, float] = {}
    for layer in layers:
        total = sum(room[key] + GAP for key in layer)
        left = -total / 2
        for key in layer:
            x[key] = left + (room[key] + GAP) / 2
            left += room[key] + GAP
    above, below = _neighbours(links)
    for turn in range(ROUNDS):
        neighbours = below if turn % 2 else above
        for layer in reversed(layers) if turn % 2 else layers:
            wanted = [
                sum(x[near] for near in neighbours[key]) / len(neighbours[key])
                if neighbours.get(key)
                else x[key]
                for key in layer
            ]
            x.update(zip(layer, _apart(layer, wanted, room), strict=True))
    leftmost = min(x[key] - room[key] / 2 for key in x)
    return {key: place - leftmost for key, place in x.items()}


def _apart(layer: list[str], wanted: list[float], room: Mapping[str, float]) -> list[float]:
    """Places as near to the wanted ones as the widths allow, in order."""
    from_left = list(wanted)
    from_right = list(wanted)
    for index in range(1, len(layer)):
        apart = (room[layer[index - 1]] + room[layer[index]]) / 2 + GAP
        from_left[index] = max(from_left[index], from_left[index - 1] + apart)
    for index in range(len(layer) - 2, -1, -1):
        apart = (room[layer[index + 1]] + room[layer[index]]) / 2 + GAP
        from_right[index] = min(from_right[index], from_right[index + 1] - apart)
    return [(one + other) / 2 for one, other in zip(from_left, from_right, strict=True)]

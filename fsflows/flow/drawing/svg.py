"""A flow's drawing as SVG: one file, no scripts, light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from fsflows.flow.drawing.graph import Edge, Graph, Node, words
from fsflows.flow.drawing.layers import arrange

LETTER = 7.2
"""Width of a letter at 13 px, on average; the drawing needs no more."""

HEIGHT = 46.0
LEVEL = 118.0
MARGIN = 16.0
LONGEST = 34

_STYLE = """
svg{font:13px system-ui,sans-serif;background:#fff}
.box{fill:#eef4fb;stroke:#4a6fa5}.start{fill:#4a6fa5;stroke:#4a6fa5}.handoff{fill:#e9f6ec;stroke:#3f8f55}
.flow{fill:#f4eefb;stroke:#7a55a5}.hangup,.exit{fill:#f3f3f3;stroke:#888}.function{fill:#fdf5e3;stroke:#b08a2e}
text{fill:#1c2733}.on-start{fill:#fff}.note,.label{font-size:11px;fill:#4c5b69}
.edge{fill:none;stroke:#6b7a88;stroke-width:1.4}.seen{stroke-dasharray:5 4}.tip{fill:#6b7a88}
.under{fill:#fff;opacity:.88}
@media(prefers-color-scheme:dark){svg{background:#14191f}.box{fill:#1d2a3a;stroke:#6d94c9}
.handoff{fill:#17301e;stroke:#58ad70}.flow{fill:#2a1f38;stroke:#a184cc}.hangup,.exit{fill:#262a2f;stroke:#8b949d}
.function{fill:#332a12;stroke:#cfa947}text{fill:#e6edf3}.note,.label{fill:#aab6c1}.edge{stroke:#8b98a5}.tip{fill:#8b98a5}
.under{fill:#14191f}}
"""

_ROUND: Mapping[str, float] = {"start": 23, "exit": 23, "hangup": 23, "step": 7, "flow": 3}


def svg(graph: Graph) -> str:
    """The picture, as a complete SVG document."""
    widths = {node.key: _width(node) for node in graph.nodes}
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    layout = arrange(widths, pairs, passing=24.0)
    top = {key: MARGIN + rank * LEVEL for rank, layer in enumerate(layout.layers) for key in layer}
    x = {key: place + MARGIN for key, place in layout.x.items()}
    leaving = _ports(layout.ways, x, widths, end=0)
    arriving = _ports(layout.ways, x, widths, end=-1)
    lines: list[str] = []
    labels: list[str] = []
    right = max(x.values())
    for node in graph.nodes:
        right = max(right, x[node.key] + widths[node.key] / 2)
    for index, edge in enumerate(graph.edges):
        if edge.source == edge.target:
            side = x[edge.source] + widths[edge.source] / 2
            right = max(right, side + 40 + LETTER * len(_cut(edge.label)))
            line, label = _loop(edge, side, top[edge.source])
        else:
            way = layout.ways[index]
            points = [(x[key], top[key]) for key in way]
            points[0] = (leaving[index], points[0][1])
            points[-1] = (arriving[index], points[-1][1])
            line, label = _line(edge, points, back=way[0] != edge.source)
        lines.append(line)
        labels.append(label)
    width = right + MARGIN
    height = MARGIN * 2 + LEVEL * (len(layout.layers) - 1) + HEIGHT
    boxes = [_box(node, x[node.key], top[node.key], widths[node.key]) for node in graph.nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><title>{_safe(graph.title)}</title><style>{_STYLE}</style>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{''.join(lines)}{''.join(boxes)}{''.join(labels)}</svg>\n"
    )


def _ports(
    ways: Mapping[int, list[str]], x: Mapping[str, float], widths: Mapping[str, float], *, end: int
) -> dict[int, float]:
    """Where edges touch a box: side by side, in the order of where they come from or go to."""
    touching: dict[str, list[int]] = {}
    for index, way in ways.items():
        touching.setdefault(way[end], []).append(index)
    places: dict[int, float] = {}
    for key, indexes in touching.items():
        indexes.sort(key=lambda index: (x[ways[index][-2 if end else 1]], index))
        step = min(24.0, (widths[key] - 16) / len(indexes))
        for number, index in enumerate(indexes):
            places[index] = x[key] + step * (number - (len(indexes) - 1) / 2)
    return places


def _safe(text: str) -> str:
    return escape(" ".join(text.split()), quote=True)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _width(node: Node) -> float:
    return max(64.0, 26 + LETTER * max(len(_cut(line)) for line in words(node)))


def _box(node: Node, x: float, top: float, width: float) -> str:
    lines = words(node)
    kind = "box" if node.kind == "step" else node.kind
    rounding = _ROUND.get(node.kind, 7)
    first = top + (19 if len(lines) > 1 else 28)
    at = f'x="{x:.1f}" text-anchor="middle"'
    texts = f'<text class="on-{node.kind}" {at} y="{first:.1f}">{_safe(_cut(lines[0]))}</text>'
    if len(lines) > 1:
        texts += f'<text class="note" {at} y="{top + 35:.1f}">{_safe(lines[1])}</text>'
    return (
        f'<g><title>{_safe(lines[0])}</title><rect class="{kind}" x="{x - width / 2:.1f}" y="{top:.1f}" '
        f'width="{width:.1f}" height="{HEIGHT:.0f}" rx="{rounding}"/>{texts}</g>'
    )


def _line(edge: Edge, points: list[tuple[float, float]], *, back: bool) -> tuple[str, str]:
    """A smooth line from box to box, and its label near the box above."""
    (x, y), *rest = points
    y += HEIGHT
    path = f"M{x:.1f} {y:.1f}"
    middle = (x, y)
    for number, (next_x, next_y) in enumerate(rest):
        bend = (y + next_y) / 2
        path += f"C{x:.1f} {bend:.1f} {next_x:.1f} {bend:.1f} {next_x:.1f} {next_y:.1f}"
        if number == 0:
            middle = ((x + next_x) / 2, bend)
        x, y = next_x, next_y
        if number < len(rest) - 1:  # on beside the boxes of this layer
            y += HEIGHT
            path += f"V{y:.1f}"
    tip = "start" if back else "end"
    return _path(edge, path, tip), _label(edge.label, *middle)


def _path(edge: Edge, path: str, tip: str) -> str:
    style = "edge seen" if edge.seen else "edge"
    return f'<path class="{style}" d="{path}" marker-{tip}="url(#tip)"/>'


def _loop(edge: Edge, right: float, top: float) -> tuple[str, str]:
    """An edge from a box to itself, on its right."""
    out, upper, lower = right + 34, top + 12, top + 34
    path = f"M{right:.1f} {upper:.1f}C{out:.1f} {top:.1f} {out:.1f} {top + HEIGHT:.1f} {right:.1f} {lower:.1f}"
    text = f'<text class="label" x="{right + 30:.1f}" y="{top + 27:.1f}">{_safe(_cut(edge.label))}</text>'
    return _path(edge, path, "end"), text if edge.label else ""


def _label(text: str, x: float, y: float) -> str:
    if not text:
        return ""
    shown = _cut(text)
    width = 8 + LETTER * 0.86 * len(shown)
    return (
        f'<rect class="under" x="{x - width / 2:.1f}" y="{y - 9:.1f}" width="{width:.1f}" height="17" rx="3"/>'
        f'<text class="label" x="{x:.1f}" y="{y + 3:.1f}" text-anchor="middle">{_safe(shown)}</text>'
    )

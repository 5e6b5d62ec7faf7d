"""The picture of the curves."""

from __future__ import annotations

import math
from html import escape

COLOURS = {
    "fsflows": "#c2410c",
    "floor": "#6b7280",
    "greenswitch": "#15803d",
    "genesis": "#7c3aed",
    "node esl": "#1d4ed8",
    "eslgo": "#0891b2",
    "C library": "#be185d",
}
OTHERS = ("#a16207", "#4d7c0f", "#86198f", "#334155")
"""In turn, for the servers that were brought under other names."""

PANELS = (
    ("set-ups a second and core", "setups_per_second"),
    ("key to command, p99 (ms)", "key_ms_p99"),
    ("memory of an idle call (kB)", "kb_per_call"),
    ("processor of idle calls (% of a core)", "idle_percent"),
)
WIDTH, HEIGHT, LEFT, TOP = 380, 230, 56, 40
LEGEND = 6
"""Servers in a line of the legend."""


def picture(measured: dict, calls: list[int]) -> str:
    """An SVG: a panel a figure, calls at once from left to right, both axes logarithmic."""
    servers = measured["servers"]
    colours = _colours(list(servers))
    lines = math.ceil(len(servers) / LEGEND)
    size = f'width="{2 * WIDTH + 20}" height="{2 * HEIGHT + 30 + 20 * lines}"'
    font = 'font-family="sans-serif" font-size="11" fill="#374151"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for index, (title, key) in enumerate(PANELS):
        x, y = (index % 2) * WIDTH, (index // 2) * HEIGHT
        panel = _panel(servers, colours, calls, title, key)
        parts.append(f'<g transform="translate({x},{y})">{panel}</g>')
    for index, (name, colour) in enumerate(colours.items()):
        x, y = LEFT + index % LEGEND * 120, 2 * HEIGHT + 24 + 20 * (index // LEGEND)
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}"/>'
            f'<text x="{x + 10}" y="{y + 4}">{escape(name)}</text>'
        )
    return "".join(parts) + "</svg>\n"


def _colours(names: list[str]) -> dict[str, str]:
    """A colour for each server."""
    others = [name for name in names if name not in COLOURS]
    chosen = {name: OTHERS[index % len(OTHERS)] for index, name in enumerate(others)}
    return {name: COLOURS.get(name) or chosen[name] for name in names}


def _panel(servers: dict, colours: dict[str, str], calls: list[int], title: str, key: str) -> str:
    series = {
        name: [
            (n, max(value, 0.01))
            for n in calls
            if (value := jobs.get(f"calls {n}", {}).get(key)) is not None
        ]
        for name, jobs in servers.items()
    }
    values = [value for points in series.values() for _, value in points]
    parts = [f'<text x="{LEFT}" y="24" font-size="13" font-weight="bold">{title}</text>']
    if not values:
        return "".join(parts)
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    right, bottom = WIDTH - 20, HEIGHT - 24
    first, last = math.log10(min(calls)), math.log10(max(calls))

    def across(n: float) -> float:
        return LEFT + (right - LEFT) * (math.log10(n) - first) / ((last - first) or 1)

    def up(value: float) -> float:
        return bottom - (bottom - TOP) * (math.log10(value) - low) / (high - low)

    for power in range(low, high + 1):
        y = up(10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    parts += [
        f'<text x="{across(n):.1f}" y="{bottom + 16}" text-anchor="middle">{n:,}</text>'
        for n in calls
    ]
    for name, points in series.items():
        colour = colours[name]
        path = " ".join(f"{across(n):.1f},{up(value):.1f}" for n, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across(n):.1f}" cy="{up(value):.1f}" r="3" fill="{colour}"/>'
            for n, value in points
        ]
    return "".join(parts)

"""The table of ratios and the picture of the curves."""

from __future__ import annotations

import math
import re
from pathlib import Path

ROWS = (
    # title, job, key, decimals, goal of the ratio (or of the figure itself), which way is better
    ("events a second and core, whole server", "events 100", "events_per_second", 0),
    ("set-ups a second and core, {n} calls", "calls {n}", "setups_per_second", 0),
    ("set-ups a second by the clock, {n} calls", "calls {n}", "wall_setups_per_second", 0),
    ("lost of a burst of 1,000", "burst 1000", "lost", 0),
    ("key to command, {n} calls, p50 (ms)", "calls {n}", "key_ms_p50", 2),
    ("key to command, {n} calls, p99 (ms)", "calls {n}", "key_ms_p99", 2),
    ("processor time of a key (us)", "calls {n}", "cpu_us_per_key", 0),
    ("memory of an idle call (kB), {n} calls", "calls {n}", "kb_per_call", 1),
    ("processor, {most} idle calls (% of a core)", "calls {most}", "idle_percent", 2),
)

ELSEWHERE = {
    "FreeSWITCH's C library": {
        "events_per_second": 64 / 19,
        "wall_setups_per_second": 741 / 458,
        "kb_per_call": 115 / 64,
    },
    "eslgo": {
        "events_per_second": 42 / 19,
        "wall_setups_per_second": 3523 / 458,
        "kb_per_call": 31 / 64,
    },
}
"""Peers that can't be run here, as multiples of greenswitch: measured once beside it, on one load."""


def table(measured: dict, calls: list[int]) -> str:
    """Markdown: one row a figure, one column a server."""
    servers = measured["servers"]
    names = list(servers)
    most = max(calls)
    middle = 1000 if 1000 in calls else most
    lines = [
        "| what | " + " | ".join(names) + " | fsflows : greenswitch | fsflows : floor |",
        "|---" * (len(names) + 3) + "|",
    ]
    for title, pattern, key, decimals in ROWS:
        job = pattern.format(n=middle, most=most)
        found = {name: servers[name].get(job, {}).get(key) for name in names}
        cells = [_figure(found[name], decimals) for name in names]
        ratios = [_ratio(found, "fsflows", peer) for peer in ("greenswitch", "floor")]
        lines.append("| " + " | ".join([title.format(n=middle, most=most), *cells, *ratios]) + " |")
    lines += ["", *_alone(measured["alone"]), "", *_elsewhere(servers, middle)]
    lines += ["", *_curve(servers, calls)]
    busy = max(
        (job.get("player_busy", 0) for server in servers.values() for job in server.values()),
        default=0,
    )
    lines += [
        "",
        f"Machine: {measured['machine']}; load before: {measured['load before']:.1f}."
        f" The player used at most {busy:.0%} of its core."
        + "".join(f" Not run: {why}." for why in measured["not run"]),
    ]
    return "\n".join(lines)


def _figure(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def _ratio(found: dict, one: str, other: str) -> str:
    a, b = found.get(one), found.get(other)
    return "–" if a is None or not b else f"{a / b:.2f}"


def _alone(alone: dict) -> list[str]:
    scripted, receive = alone["scripted"], alone["receive"]
    theirs = receive.get("greenswitch", 0)
    lines = ["| fsflows by itself | |", "|---|---|"]
    for flows, (clock, processor) in alone["start"].items():
        took = f"{clock:.2f} s, of which {processor:.2f} s of the processor"
        lines.append(f"| start to first call, {flows:,} flow{'s' * (flows > 1)} | {took} |")
    for name, rate in scripted.items():
        lines.append(f"| scripted calls a second and core: {name} | {rate:,.0f} |")
    for name, rate in receive.items():
        times = (
            f" ({rate / theirs:.1f} × greenswitch's)" if theirs and name != "greenswitch" else ""
        )
        lines.append(f"| receive path alone, events a second: {name} | {rate:,.0f}{times} |")
    return lines


def _elsewhere(servers: dict, middle: int) -> list[str]:
    """Peers of no registry, from greenswitch's figure here and their ratio to it elsewhere."""
    jobs = {"events_per_second": "events 100"}
    lines = [
        "| from ratios measured elsewhere | events | set-ups by the clock | memory |",
        "|---|---|---|---|",
    ]
    for name, ratios in ELSEWHERE.items():
        cells = []
        for key, ratio in ratios.items():
            job = jobs.get(key, f"calls {middle}")
            base = servers.get("greenswitch", {}).get(job, {}).get(key)
            ours = servers.get("fsflows", {}).get(job, {}).get(key)
            if not base or ours is None:
                cells.append("–")
            else:
                cells.append(f"{base * ratio:,.0f} (fsflows: {ours / (base * ratio):.2f} ×)")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _curve(servers: dict, calls: list[int]) -> list[str]:
    ours = servers.get("fsflows", {})
    lines = [
        "| fsflows, calls at once | " + " | ".join(f"{each:,}" for each in calls) + " |",
        "|---" * (len(calls) + 1) + "|",
    ]
    for title, key, decimals in (
        ("set-ups a second and core", "setups_per_second", 0),
        ("key to command, p50 (ms)", "key_ms_p50", 2),
        ("key to command, p99 (ms)", "key_ms_p99", 2),
        ("memory of a call (kB)", "kb_per_call", 1),
        ("processor, idle (% of a core)", "idle_percent", 2),
        ("lost", "lost", 0),
    ):
        cells = [_figure(ours.get(f"calls {n}", {}).get(key), decimals) for n in calls]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


# --- the picture ----------------------------------------------------------------------------------------------------

COLOURS = {
    "fsflows": "#c2410c",
    "floor": "#6b7280",
    "greenswitch": "#15803d",
    "genesis": "#7c3aed",
    "node esl": "#1d4ed8",
}
PANELS = (
    ("set-ups a second and core", "setups_per_second"),
    ("key to command, p99 (ms)", "key_ms_p99"),
    ("memory of an idle call (kB)", "kb_per_call"),
    ("processor of idle calls (% of a core)", "idle_percent"),
)
WIDTH, HEIGHT, LEFT, TOP = 380, 230, 56, 40


def picture(measured: dict, calls: list[int]) -> str:
    """An SVG: a panel a figure, calls at once from left to right, both axes logarithmic."""
    servers = measured["servers"]
    size = f'width="{2 * WIDTH + 20}" height="{2 * HEIGHT + 50}"'
    font = 'font-family="sans-serif" font-size="11" fill="#374151"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for index, (title, key) in enumerate(PANELS):
        x, y = (index % 2) * WIDTH, (index // 2) * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_panel(servers, calls, title, key)}</g>')
    for index, name in enumerate(servers):
        x = LEFT + index * 120
        parts.append(
            f'<circle cx="{x}" cy="{2 * HEIGHT + 24}" r="5" fill="{COLOURS.get(name, "#000")}"/>'
            f'<text x="{x + 10}" y="{2 * HEIGHT + 28}">{name}</text>'
        )
    return "".join(parts) + "</svg>\n"


def _panel(servers: dict, calls: list[int], title: str, key: str) -> str:
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
        colour = COLOURS.get(name, "#000")
        path = " ".join(f"{across(n):.1f},{up(value):.1f}" for n, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across(n):.1f}" cy="{up(value):.1f}" r="3" fill="{colour}"/>'
            for n, value in points
        ]
    return "".join(parts)


# --- into the documentation -------------------------------------------------------------------------------------------

MARKS = ("<!-- bench: begin -->", "<!-- bench: end -->")


def into_docs(docs: Path, figures: str, curves: str) -> None:
    """Put the table between its marks in performance.md, and the picture beside it."""
    page = docs / "performance.md"
    begin, end = map(re.escape, MARKS)
    text = page.read_text()
    block = f"{MARKS[0]}\n{figures}\n{MARKS[1]}"
    page.write_text(re.sub(f"{begin}.*{end}", lambda _: block, text, flags=re.DOTALL))
    (docs / "performance.svg").write_text(curves)

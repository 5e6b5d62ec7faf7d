"""The tables of figures and ratios, and their way into the documentation."""

from __future__ import annotations

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
    "C library": {
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
"""Peers that must be brought (`servers.BROUGHT`), as multiples of greenswitch: measured once beside it, on one load."""


def table(measured: dict, calls: list[int]) -> str:
    """Markdown: one row a figure, one column a server."""
    servers = measured["servers"]
    names = list(servers)
    most = max(calls)
    middle = 1000 if 1000 in calls else most
    peers = ["greenswitch", "floor", *(name for name in names if name in ELSEWHERE)]
    heads = ["what", *names, *(f"fsflows : {peer}" for peer in peers)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for title, pattern, key, decimals in ROWS:
        job = pattern.format(n=middle, most=most)
        found = {name: servers[name].get(job, {}).get(key) for name in names}
        cells = [_figure(found[name], decimals) for name in names]
        ratios = [_ratio(found, "fsflows", peer) for peer in peers]
        lines.append("| " + " | ".join([title.format(n=middle, most=most), *cells, *ratios]) + " |")
    lines += ["", *_alone(measured["alone"]), ""]
    if any(name not in servers for name in ELSEWHERE):
        lines += [*_elsewhere(servers, middle), ""]
    lines += _curve(servers, calls)
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
    """Peers that were not brought, from greenswitch's figure here and their ratio to it elsewhere."""
    jobs = {"events_per_second": "events 100"}
    lines = [
        "| from ratios measured elsewhere | events | set-ups by the clock | memory |",
        "|---|---|---|---|",
    ]
    for name, ratios in ELSEWHERE.items():
        if name in servers:
            continue
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

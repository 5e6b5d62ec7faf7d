"""The first page: how it goes, in a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, current_app, g, render_template, request

from fsflows.archive.charts import calls_per_hour, give_ups, outcomes_per_step, totals
from fsflows.archive.search import Search
from fsflows.console import charts
from fsflows.console.filters import sources

pages = Blueprint("overview", __name__)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number worth a glance."""

    label: str
    value: str
    note: str
    name: str = ""


@pages.get("/")
def home() -> str:
    """Tiles, charts, the latest calls."""
    source = sources(current_app)
    span = charts.SPANS.get(request.args.get("span", ""), charts.SPANS["24h"])
    flow = request.args.get("flow", "")
    until = datetime.now(UTC)
    since = charts.since_of(span, until, g.zone)
    counted = source.database.read(lambda c: totals(c, since, until, flow))
    hours = source.database.read(lambda c: calls_per_hour(c, since, until, flow))
    outcomes = source.database.read(lambda c: outcomes_per_step(c, since, until, flow))
    left = source.database.read(lambda c: give_ups(c, since, until, flow, limit=40))
    live = source.live
    running = sum(call.flow == flow for call in live.snapshot()) if flow else len(live)
    chart = charts.bars(hours, span, until, g.zone)
    finished = max(1, counted.calls)
    happy = counted.results.get("completed", 0) + counted.results.get("handed_off", 0)
    tiles = [
        Tile("Live now", f"{running:,}", "calls at this moment", "live" if running else ""),
        Tile("Calls", f"{counted.calls:,}", f"in the last {span.label}"),
        Tile(
            "Came to an end",
            f"{happy / finished:.0%}" if counted.calls else "–",
            "completed or handed off",
            "good" if happy else "",
        ),
        Tile(
            "Gave up",
            f"{counted.results.get('abandoned', 0):,}",
            "callers who hung up or said nothing",
            "warn" if counted.results.get("abandoned") else "",
        ),
        Tile(
            "Failed",
            f"{counted.results.get('failed', 0):,}",
            "something of ours broke",
            "bad" if counted.results.get("failed") else "",
        ),
        Tile(
            "Recordings discarded",
            f"{counted.recordings.get('discarded', 0):,}",
            "on the callers' wish, for good",
        ),
    ]
    return render_template(
        "overview.html",
        tiles=tiles,
        spans=charts.SPANS.values(),
        span=span,
        flow=flow,
        flows=sorted(source.flows()),
        chart=charts.stacked(chart, span),
        results=[
            result for result in charts.RESULTS if any(bar.counts.get(result) for bar in chart)
        ],
        table=[bar for bar in chart if bar.total],
        outcomes=charts.outcome_rows(outcomes),
        outcome_names=[
            name for name in charts.OUTCOMES if any(each.outcome == name for each in outcomes)
        ],
        give_ups=charts.give_up_rows(left),
        latest=source.store.search(Search(flow=flow), limit=6).rows,
    )

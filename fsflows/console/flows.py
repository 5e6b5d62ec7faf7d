"""The flows that the server runs: drawn, and with how their steps fare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, current_app, render_template

from fsflows.archive.charts import outcomes_per_step, totals
from fsflows.console import charts, drawing
from fsflows.console.filters import sources

DAYS = 7

pages = Blueprint("flows", __name__, url_prefix="/flows")


@pages.get("")
def index() -> str:
    """All flows."""
    source = sources(current_app)
    until = datetime.now(UTC)
    since = until - timedelta(days=DAYS)
    names = list(source.flows())
    counts = source.database.read(lambda c: {name: totals(c, since, until, name) for name in names})
    return render_template("flows.html", flows=source.flows(), counts=counts, days=DAYS)


@pages.get("/<name>")
def show(name: str) -> str:
    """One flow."""
    source = sources(current_app)
    flow = source.flows().get(name)
    if flow is None:
        abort(
            404,
            "This server has no such flow. A record may be of a flow that was taken away since.",
        )
    until = datetime.now(UTC)
    counts = source.database.read(
        lambda c: outcomes_per_step(c, until - timedelta(days=DAYS), until, name)
    )
    rows = {row.step: row for row in charts.outcome_rows(counts, most=1000)}
    return render_template(
        "flow.html",
        flow=flow,
        graph=drawing.graph(flow),
        steps=drawing.steps(flow),
        greeting=drawing.prompt_text(flow.greeting),
        rows=rows,
        days=DAYS,
    )

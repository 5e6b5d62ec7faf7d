"""Whether all is well, and what can be turned."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from sqlalchemy import literal, select
from werkzeug.wrappers import Response as AnyResponse

from fsflows import log as logs
from fsflows.archive.webhook import Outbox
from fsflows.console.filters import sources
from fsflows.console.guard import editors_only
from fsflows.console.sources import Check, Sources
from fsflows.database import DatabaseFailed

pages = Blueprint("status", __name__, url_prefix="/status")
log = logs.get_logger("console")


def checks(source: Sources) -> list[Check]:
    """Each thing that may go wrong."""
    return [_database(source), *_writer(source), *_webhook(source), *source.checks()]


def _database(source: Sources) -> Check:
    kind = source.database.url.get_backend_name()
    try:
        source.database.read(lambda connection: connection.execute(select(literal(1))).scalar())
    except DatabaseFailed as error:
        return Check("Database", ok=False, text=f"{kind}: {error}")
    return Check("Database", ok=True, text=f"{kind} answers")


def _writer(source: Sources) -> list[Check]:
    if source.writer is None:
        return []
    stats = source.writer()
    waiting = f"{stats.waiting} wait" if stats.waiting else "none wait"
    found = [
        Check(
            "Records",
            ok=not stats.error,
            text=f"{stats.written:,} written, {waiting}"
            + (f" ({stats.error})" if stats.error else ""),
        )
    ]
    if stats.dropped or stats.rejected:
        text = f"{stats.dropped} dropped, {stats.rejected} refused by the database since the start"
        found.append(Check("Records lost", ok=False, text=text))
    return found


def _webhook(source: Sources) -> list[Check]:
    if not source.webhook:
        return []
    try:
        counts = Outbox(source.database).counts()
    except DatabaseFailed:
        return []  # said already
    given_up, waiting = counts.get("given_up", 0), counts.get("waiting", 0)
    text = f"{counts.get('delivered', 0):,} delivered, {waiting:,} wait, {given_up:,} given up"
    return [Check("Webhook", ok=not given_up, text=text)]


@pages.get("")
def index() -> str:
    """The page, with what needs a look first."""
    source = sources(current_app)
    found = sorted(checks(source), key=lambda check: check.ok)
    return render_template(
        "status.html",
        checks=found,
        troubles=sum(not check.ok for check in found),
        levels=logs.levels(),
        choices=list(logs.LEVELS),
        parts=sorted({part.split(".")[0] for part in logs.parts()}),
        uptime=(datetime.now(UTC) - source.started_at).total_seconds(),
    )


@pages.post("/level")
@editors_only
def level() -> AnyResponse:
    """Set the log level of a part."""
    part, wanted = request.form.get("part", ""), request.form.get("level", "")
    if part and part not in logs.parts():
        flash("There is no such part.")
        return redirect(url_for("status.index"))
    try:
        sources(current_app).set_level(part, wanted)
    except ValueError as error:
        flash(str(error))
    else:
        log.warning("log level set", user=g.user.name, of=part or "everything", to=wanted)
        flash(f"{part or 'Everything'} is logged from {wanted} now.")
    return redirect(url_for("status.index"))

"""Records: found, read, heard, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from itertools import chain, islice
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from fsflows.archive.endings import DIRECTIONS, Reason, RecordingState, Result
from fsflows.archive.export import write
from fsflows.archive.model import Record
from fsflows.archive.search import BadSearch, Search
from fsflows.archive.webhook import Outbox
from fsflows.console import timeline
from fsflows.console.filters import sources
from fsflows.console.guard import editors_only
from fsflows.console.sources import Audio
from fsflows.log import get_logger
from fsflows.pacing import paced

PAGE = 50
WORDS = (
    "text",
    "direction",
    "flow",
    "result",
    "reason",
    "step",
    "recording",
    "caller",
    "callee",
    "node",
)

pages = Blueprint("records", __name__, url_prefix="/records")
log = get_logger("console")


@pages.get("")
def index() -> str | tuple[str, int]:
    """A page of what was searched for."""
    source = sources(current_app)
    problem = ""
    try:
        search = _search()
        page = source.store.search(
            search,
            limit=PAGE,
            older_than=request.args.get("older"),
            newer_than=request.args.get("newer"),
        )
    except BadSearch as bad:
        problem, page = str(bad), source.store.search(limit=PAGE)
    asked = {name: request.args[name] for name in (*WORDS, "from", "to") if request.args.get(name)}
    html = render_template(
        "records.html",
        page=page,
        asked=asked,
        problem=problem,
        flows=sorted({*source.flows(), *([asked["flow"]] if "flow" in asked else [])}),
        results=list(Result),
        reasons=list(Reason),
        recordings=list(RecordingState),
        directions=DIRECTIONS,
    )
    return (html, 400) if problem else html


def _search() -> Search:
    given: dict[str, Any] = {name: request.args.get(name, "").strip() for name in WORDS}
    return Search(**given, since=_day("from", 0), until=_day("to", 1))


def _day(name: str, later: int) -> datetime | None:
    """The beginning of a day, in the viewer's zone, or of the next one."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text).date() + timedelta(days=later)
        return datetime.combine(day, time(), tzinfo=g.get("zone", UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadSearch(f"{text!r} is no date; dates are written 2026-03-31") from error


@pages.get("/<record_id>")
def show(record_id: str) -> str:
    """One call."""
    record, audio = _record(record_id)
    source = sources(current_app)
    others = [each for each in source.store.of_call(record.call_id) if each.id != record.id]
    return render_template(
        "record.html",
        record=record,
        note=audio.note,
        files=range(len(audio.files)),
        others=others,
        began=timeline.began(record.entries),
        strip=timeline.strip(record.entries, record.seconds),
        ticks=timeline.ticks(record.seconds),
        deliveries=Outbox(source.database).entries(record.id) if source.webhook else [],
        receipt=json.dumps(dict(audio.note.receipt), indent=2, ensure_ascii=False, default=str),
    )


@pages.get("/<record_id>.json")
def as_json(record_id: str) -> Response:
    """The record for programs."""
    record, audio = _record(record_id)
    given = record.as_json()
    given["recording"] = audio.note.as_json()
    return Response(json.dumps(given, ensure_ascii=False, indent=2), mimetype="application/json")


@pages.get("/<record_id>/audio/<int:number>")
def audio(record_id: str, number: int) -> AnyResponse:
    """One of the call's recordings; browsers ask for pieces of it."""
    record, found = _record(record_id)
    if found.note.state is not RecordingState.PRESENT or not 0 <= number < len(found.files):
        abort(404, "There is no recording of this call to be played.")
    log.info("recording played", user=g.user.name, record=record.id, call_id=record.call_id)
    response = send_file(found.files[number], conditional=True, etag=True, max_age=0)
    response.headers["Cache-Control"] = (
        "no-store"  # a recording that is discarded must not stay in a browser
    )
    return response


@pages.get("/export.<form>")
def export(form: str) -> Response:
    """All that was searched for, as a file."""
    if form not in ("csv", "jsonl"):
        abort(404, "Records can be had as CSV or as JSON lines.")
    try:
        records = sources(current_app).store.each(_search())
        first = list(islice(records, 1))  # what is wrong is said now, not in the middle of a file
    except BadSearch as bad:
        abort(400, str(bad))
    log.info("records exported", user=g.user.name, query=list(request.args))

    def lines() -> Iterator[str]:
        head = True
        for record in paced(chain(first, records)):
            piece = StringIO(newline="")
            write([record], form, piece)
            text = piece.getvalue()
            yield text if head or form == "jsonl" else text.split("\r\n", 1)[1]
            head = False

    kind = "text/csv" if form == "csv" else "application/jsonl"
    name = f"attachment; filename=records.{form}"
    return Response(
        stream_with_context(lines()), mimetype=kind, headers={"Content-Disposition": name}
    )


@pages.post("/<record_id>/delete")
@editors_only
def delete(record_id: str) -> AnyResponse:
    """Delete a record, for good; the recording is not touched."""
    source = sources(current_app)
    record, found = _record(record_id)
    if found.note.state in (RecordingState.PRESENT, RecordingState.PENDING):
        flash(
            "A record whose recording is still there is not deleted: it would be lost sight of. Purge deletes both."
        )
        return redirect(url_for("records.show", record_id=record.id))
    if source.webhook and source.store.undelivered([record.id]):
        flash("A record that the webhook still has to send is not deleted.")
        return redirect(url_for("records.show", record_id=record.id))
    source.store.delete([record.id])
    log.warning("record deleted", user=g.user.name, record=record.id, call_id=record.call_id)
    flash("The record is deleted.")
    return redirect(url_for("records.index"))


@pages.post("/<record_id>/send")
@editors_only
def send(record_id: str) -> AnyResponse:
    """Have the webhook send a record again."""
    record, _ = _record(record_id)
    if Outbox(sources(current_app).database).again(record.id, datetime.now(UTC)):
        log.warning("record sent again", user=g.user.name, record=record.id)
        flash("The record is being sent again.")
    return redirect(url_for("records.show", record_id=record.id))


def _record(record_id: str) -> tuple[Record, Audio]:
    """A record, and what there is of its audio now."""
    source = sources(current_app)
    record = source.store.get(record_id)
    if record is None:
        abort(404, "There is no such record. It may have been deleted, or not be written yet.")
    known = source.recordings.of(record.call_id) if source.recordings is not None else None
    return record, known or Audio(record.recording)

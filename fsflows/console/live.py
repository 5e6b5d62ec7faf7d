"""The calls that are running, as they run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from fsflows.archive.live import Live, LiveCall
from fsflows.archive.store import RecordStore
from fsflows.console.filters import sources
from fsflows.console.guard import still_there

LOOK_EVERY = 0.25
"""Seconds between looks for something new; a look is a few additions."""

SHOWN = 100
"""Running calls that are listed, the longest; of the others it is said where they are."""

MANY = 25
"""With more calls than this something always changes: their list is sent once a second."""

PLACES = 12
"""Flows and steps of which it is said how many calls are there."""

STILL_THERE = 15.0
"""Seconds without news after which a comment is sent, so that a browser that went away is noticed."""

LOGIN_EVERY = 5.0
"""Seconds between looks whether whoever watches is still logged in."""

LONGEST = 600.0
"""Seconds that one stream lasts; the browser asks again by itself, and shows that its login still holds."""

MAX_STREAMS = 100
"""At once. Each is a greenlet and a connection."""

pages = Blueprint("live", __name__)
_streams = 0


@dataclass(frozen=True, slots=True)
class Crowd:
    """The running calls as a list shows them.

    Attributes:
        calls: the longest ones.
        more: how many are not among them.
        places: (flow, step, calls) of the busiest.
    """

    calls: list[LiveCall]
    more: int
    places: list[tuple[str, str, int]]


def crowd(live: Live) -> Crowd:
    """The running calls."""
    calls = sorted(live.snapshot(), key=lambda call: -call.seconds)
    counts = Counter((call.flow, call.step) for call in calls)
    places = [(flow, step, count) for (flow, step), count in counts.most_common(PLACES)]
    return Crowd(calls[:SHOWN], len(calls[SHOWN:]), places)


@pages.get("/calls")
def index() -> str:
    """All of them."""
    return render_template("live.html", crowd=crowd(sources(current_app).live))


@pages.get("/calls/events")
def events() -> Response:
    """The list, again whenever it changes (server-sent events)."""
    live = sources(current_app).live

    def page() -> tuple[str, float]:
        found = crowd(live)
        pause = LOOK_EVERY if len(found.calls) <= MANY else 1.0
        return render_template("_live_calls.html", crowd=found), pause

    return _stream(live, page)


@pages.get("/calls/<record_id>")
def call(record_id: str) -> str | AnyResponse:
    """One of them, with its time line so far."""
    source = sources(current_app)
    found = source.live.look(record_id)
    if found is None:
        if RecordStore(source.database).get(record_id) is None:
            abort(404, "This call isn't running, and there is no record of it (yet).")
        return redirect(url_for("records.show", record_id=record_id))
    return render_template(
        "live_call.html", call=found, entries=source.live.entries(record_id) or ()
    )


@pages.get("/calls/<record_id>/events", endpoint="call_events")
def call_events(record_id: str) -> Response:
    """One call, again whenever it changes; "over" in the end."""
    live = sources(current_app).live

    def page() -> tuple[str | None, float]:
        found = live.look(record_id)
        if found is None:
            return None, 0.0
        entries = live.entries(record_id) or ()
        return render_template("_live_call.html", call=found, entries=entries), LOOK_EVERY

    return _stream(live, page)


def _stream(live: Live, page: Callable[[], tuple[str | None, float]]) -> Response:
    """A part of a page, again whenever something has changed. `page` gives it, and how long to wait until then."""
    if _streams >= MAX_STREAMS:
        abort(503, "too many pages watch live calls already")
    logged_in = still_there()

    def news() -> Iterator[str]:
        global _streams  # noqa: PLW0603 - a count for the process
        _streams += 1
        try:
            ends = time.monotonic() + LONGEST
            looked = time.monotonic()
            seen: object = None
            said = time.monotonic()
            pause = LOOK_EVERY
            yield "retry: 1000\n\n"
            while time.monotonic() < ends:
                if time.monotonic() - looked > LOGIN_EVERY:
                    looked = time.monotonic()
                    if not logged_in():
                        return
                revision = live.revision()
                if revision != seen:
                    seen, said = revision, time.monotonic()
                    html, pause = page()
                    if html is None:
                        yield "event: over\ndata: \n\n"
                        return
                    yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
                elif time.monotonic() - said > STILL_THERE:
                    said = time.monotonic()
                    yield ": still there\n\n"
                gevent.sleep(pause)
        finally:
            _streams -= 1

    return Response(
        stream_with_context(news()),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )

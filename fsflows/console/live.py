"""The calls that are running, as they run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import gevent
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
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
    shared = current_app.extensions.setdefault("fsflows live calls", {})
    shown = shared.setdefault(request.script_root, _List())
    return _stream(sources(current_app).live, shown.page)


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

    def page(live: Live) -> _Page:
        found, revision = live.look(record_id), live.revision()
        if found is None:
            return _Page(None, revision)
        entries = live.entries(record_id) or ()
        html = render_template("_live_call.html", call=found, entries=entries)
        return _Page(_event(html), revision)

    return _stream(live, page)


@dataclass(frozen=True, slots=True)
class _Page:
    """A part of a page.

    Attributes:
        event: as it is sent; None: there is nothing more to see.
        revision: of the calls that it shows.
        pause: seconds until it is worth looking again.
    """

    event: str | None
    revision: Hashable
    pause: float = LOOK_EVERY


class _List:
    """The list of running calls, made once for all who watch it.

    A hundred rows take some milliseconds, in which no caller is answered: as many times more with each who watches.
    """

    def __init__(self) -> None:
        self._made = float("-inf")
        self._page: _Page | None = None

    def page(self, live: Live) -> _Page:
        """The list; what was made for somebody else is good until it is time for the next one."""
        now, revision = time.monotonic(), live.revision()
        last = self._page
        if last is not None and (last.revision == revision or now - self._made < last.pause):
            return last
        found = crowd(live)
        pause = LOOK_EVERY if len(found.calls) <= MANY else 1.0
        event = _event(render_template("_live_calls.html", crowd=found))
        self._made, self._page = now, _Page(event, revision, pause)
        return self._page


def _event(html: str) -> str:
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def _stream(live: Live, page: Callable[[Live], _Page]) -> Response:
    """A part of a page, again whenever something has changed."""
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
                if live.revision() != seen and (shown := page(live)).revision != seen:
                    seen, said, pause = shown.revision, time.monotonic(), shown.pause
                    if shown.event is None:
                        yield "event: over\ndata: \n\n"
                        return
                    yield shown.event
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

"""For programs: calls that we make, and log levels. JSON in and out; a bearer token with every request."""

from __future__ import annotations

from typing import Any, cast

import gevent
from flask import Blueprint, abort, current_app, g, jsonify, request, url_for
from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from fsflows import log as logs
from fsflows.archive.endings import OUTBOUND, Reason
from fsflows.archive.entries import Noted
from fsflows.archive.live import LiveCall
from fsflows.archive.model import Record
from fsflows.call.dialled import record_of
from fsflows.console.filters import sources
from fsflows.console.guard import API, editors_only
from fsflows.console.sources import Sources
from fsflows.database import DatabaseFailed
from fsflows.dialling import Attempt, Dialler, NotDialling, Outcome, Phase, TooMany, Wanted

LOOK_EVERY = 0.2
"""Seconds between looks for news of a call that somebody waits for."""

LONGEST_WAIT = 25.0
"""Seconds that one request may wait for news."""

AGAIN = 5
"""Seconds after which it may be asked again for a call, when there was no FreeSWITCH to make it."""

FIELDS = ("number", "flow", "state", "machine", "ring_timeout", "id")

pages = Blueprint(API, __name__, url_prefix="/api")
log = logs.get_logger("console")


@pages.errorhandler(HTTPException)
def failed(error: HTTPException) -> AnyResponse:
    """Errors as JSON, too."""
    response = jsonify(error=error.description or error.name)
    response.status_code = error.code or 500
    if isinstance(error, TooManyRequests | ServiceUnavailable) and error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@pages.post("/calls")
@editors_only
def dial() -> tuple[AnyResponse, int, dict[str, str]]:
    """Make a call, unless it was asked for before, by its id."""
    source = sources(current_app)
    wanted = _wanted(_json(FIELDS))
    if wanted.id and (known := _known(source, wanted.id)) is not None:
        return jsonify(_shown(source, known)), 200, {}
    if wanted.flow not in source.flows():
        abort(
            400, f"there is no flow {wanted.flow!r}; there are: {', '.join(sorted(source.flows()))}"
        )
    try:
        attempt = _dialler(source).call(wanted)
    except NotDialling as error:
        raise ServiceUnavailable(str(error), retry_after=AGAIN) from None
    except TooMany as many:
        raise TooManyRequests(str(many), retry_after=max(1, round(many.retry_after))) from None
    except ValueError as error:
        abort(400, str(error))
    log.info("call asked for", user=g.user.name, call=attempt.id, flow=attempt.flow)
    where = url_for("api.show", call_id=attempt.id)
    return jsonify(_shown(source, attempt)), 202, {"Location": where}


@pages.get("/calls/<call_id>")
def show(call_id: str) -> AnyResponse:
    """A call as it is; with `?wait=SECONDS&seen=NEWS`, as soon as it is no longer as it was at NEWS."""
    source = sources(current_app)
    attempt = _find(source, call_id)
    seen, longest = request.args.get("seen"), _wait()
    shown = _shown(source, attempt)
    waited = 0.0
    while seen == shown["news"] and not shown["settled"] and waited < longest:
        gevent.sleep(LOOK_EVERY)
        waited += LOOK_EVERY
        shown = _shown(source, attempt)
    return jsonify(shown)


@pages.delete("/calls/<call_id>")
@editors_only
def hang_up(call_id: str) -> tuple[AnyResponse, int]:
    """End a call."""
    source = sources(current_app)
    attempt = _find(source, call_id)
    _dialler(source).hang_up(attempt.id)
    log.info("call is to end", user=g.user.name, call=attempt.id)
    return jsonify(_shown(source, attempt)), 202


@pages.get("/log")
def levels() -> AnyResponse:
    """Log levels, by part; "" is everything else."""
    return jsonify(levels=logs.levels(), parts=logs.parts())


@pages.put("/log")
@editors_only
def set_level() -> AnyResponse:
    """Set a part's log level."""
    given = _json(("part", "level"))
    part, level = str(given.get("part", "")), str(given.get("level", ""))
    if part and not any(part in (name, name.partition(".")[0]) for name in logs.parts()):
        abort(400, f"there is no part {part!r}; there are: {', '.join(logs.parts())}")
    try:
        sources(current_app).set_level(part, level)
    except ValueError as error:
        abort(400, str(error))
    log.warning("log level set", user=g.user.name, of=part or "everything", to=level)
    return levels()


def _json(fields: tuple[str, ...]) -> dict[str, Any]:
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        abort(400, "a JSON object is expected, with Content-Type: application/json")
    unknown = [name for name in given if name not in fields]
    if unknown:
        abort(400, f"unknown: {', '.join(map(repr, unknown))}; known are {', '.join(fields)}")
    return cast("dict[str, Any]", given)


def _wanted(given: dict[str, Any]) -> Wanted:
    kinds = {
        "number": str,
        "flow": str,
        "state": dict,
        "machine": str,
        "ring_timeout": (int, float),
        "id": str,
    }
    for name, value in given.items():
        if not isinstance(value, kinds[name]) or isinstance(value, bool):  # type: ignore[arg-type]
            words = {"state": "an object", "ring_timeout": "a number"}
            abort(400, f"{name}: must be {words.get(name, 'a text')}")
    if not given.get("number") or not given.get("flow"):
        abort(400, "number and flow are needed")
    machine = given.get("machine")
    if machine not in (None, "ignore", "hang_up"):
        abort(400, "machine: must be ignore or hang_up")
    seconds = given.get("ring_timeout")
    if seconds is not None and not 1 <= seconds <= 600:
        abort(400, "ring_timeout: must be from 1 to 600 seconds")
    call_id = given.get("id", "")
    if call_id != record_of(call_id):
        abort(400, "id: must be a UUID, in small letters")
    return Wanted(
        id=call_id,
        number=given["number"],
        flow=given["flow"],
        state=given.get("state") or {},
        hang_up_on_machine=None if machine is None else machine == "hang_up",
        ring_timeout=seconds,
    )


def _dialler(source: Sources) -> Dialler:
    if source.dialler is None:
        abort(503, "no calls are made from here: dialling.endpoint of the settings is empty")
    return source.dialler


def _find(source: Sources, call_id: str) -> Attempt:
    found = _known(source, call_id)
    if found is None:
        abort(404, "this server has made no such call")
    return found


def _known(source: Sources, call_id: str) -> Attempt | None:
    """A call; None: it was never made, nor asked for since this server began."""
    dialler = _dialler(source)
    attempt = dialler.find(call_id)
    if attempt is not None:
        return attempt
    # It is too long ago, or the server was started anew since.
    running = _running(source, call_id)
    if running is not None and running.direction == OUTBOUND:
        return Attempt(call_id, running.callee, running.flow, running.started_at, Phase.ANSWERED)
    try:
        records, noted = source.store.of_call(call_id), source.store.noted(call_id)
    except DatabaseFailed:
        # Who is told that there was none asks for another one.
        raise ServiceUnavailable("records can't be read just now", retry_after=AGAIN) from None
    if not records and noted is not None:
        # By a process that is no more, or somebody has answered it just now.
        return Attempt(call_id, noted.callee, noted.flow, noted.started_at, Phase.DIALLING)
    record = records[-1] if records else None
    if record is None or record.direction != OUTBOUND:
        return None
    return Attempt(
        record.call_id,
        record.callee,
        record.flow,
        record.started_at,
        Phase.OVER,
        Outcome(record.outcome),
        record.hangup_cause or _why(record),
    )


def _why(record: Record) -> str:
    """Why a call was not made, where FreeSWITCH had no cause: the dialler notes it."""
    if record.reason is not Reason.DIAL_FAILED:
        return ""
    return next((entry.text for entry in record.entries if isinstance(entry, Noted)), "")


def _wait() -> float:
    given = request.args.get("wait", "0")
    try:
        return min(LONGEST_WAIT, max(0.0, float(given)))
    except ValueError:
        abort(400, "wait: must be a number of seconds")


def _shown(source: Sources, attempt: Attempt) -> dict[str, Any]:
    """The call with what the conversation and its record say."""
    shown: dict[str, Any] = attempt.as_json()
    shown |= {"step": "", "record": None, "result": None, "reason": None}
    running = _running(source, attempt.id)
    record: Record | None = None
    if running is not None:
        shown["step"] = running.step
    elif attempt.phase in (Phase.ANSWERED, Phase.OVER):
        record = _record(source, attempt.id)
    if record is not None:
        shown |= {"record": record.id, "result": record.result.value, "reason": record.reason.value}
    shown["settled"] = record is not None and attempt.phase is Phase.OVER
    shown["news"] = "/".join(str(shown[name]) for name in ("revision", "step", "record", "outcome"))
    return shown


def _running(source: Sources, call_id: str) -> LiveCall | None:
    return next((each for each in source.live.snapshot() if each.call_id == call_id), None)


def _record(source: Sources, call_id: str) -> Record | None:
    try:
        found = source.store.of_call(call_id)
    except DatabaseFailed:
        return None
    return found[-1] if found else None

"""Every request passes here: who asks, may they, and what a browser is told not to do with the answer."""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, ParamSpec, cast
from urllib.parse import urlsplit

import gevent
from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from werkzeug.exceptions import RequestTimeout, TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from fsflows.console.access import LOCAL, Access, User, is_loopback
from fsflows.console.sessions import Sessions
from fsflows.console.throttle import Network, Throttle, client_of
from fsflows.log import get_logger
from fsflows.webserver import household

P = ParamSpec("P")

SESSION_HOURS = 12
"""After so long a login is asked for again."""

ANYONE = frozenset({"static", "login", "do_login", "logout", "alive", "ready"})
"""Endpoints that need no login. Health tells nothing but "ok" to those who have none."""

MACHINES = frozenset({"metrics", "live.events", "records.as_json"})
"""Endpoints that are told 401 instead of being led to the login page."""

API = "api"
"""The blueprint for programs: a token in every request, never a session, so no page of the web can use it."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

HEADERS = {
    # Nothing from elsewhere, nothing inline: a caller's name that gets past every escape still does nothing.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

log = get_logger("console")


def protect(
    app: Flask, access: Access, sessions: Sessions, proxies: Sequence[Network] = ()
) -> None:
    """Put the guard in front of an application.

    Args:
        app: the application.
        access: who may look.
        sessions: which have ended.
        proxies: that are believed whom they speak for.
    """
    tokens = Throttle()

    def before() -> AnyResponse | None:
        g.began = time.monotonic()
        g.user = None
        forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))
        g.client = client_of(
            request.remote_addr or "", forwarded.split(",") if forwarded else (), proxies
        )
        if "\0" in request.path or any("\0" in text for text in request.args.values()):
            abort(400, "an address with a NUL character leads nowhere")  # and PostgreSQL takes none
        if access.open:
            # Any page of the web could have its own name point to 127.0.0.1, and read us through the browser here.
            if not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
                abort(400, "this console answers to localhost only, since it has no credentials")
            g.user = LOCAL
        else:
            g.user = _who(access, sessions, tokens)
        _read_body()
        if request.endpoint in ANYONE:
            return None
        if request.blueprint == API and (g.user is None or not g.get("by_token")):
            abort(401, _api_refusal(access))
        if g.user is None:
            return _ask_for_login()
        if request.method not in SAFE and not g.get("by_token"):
            check_csrf()
        return None

    app.before_request(before)
    app.after_request(_after)
    app.context_processor(lambda: {"user": g.get("user"), "csrf": csrf_token, "access": access})


def _read_body() -> None:
    """Have all of a form now, so that nobody holds a connection by sending it byte by byte."""
    patience = request.environ.get("fsflows.patience")
    if request.method not in SAFE and patience:
        try:
            with gevent.Timeout(patience, TimeoutError()):
                request.get_data()
        except TimeoutError:
            raise RequestTimeout from None


def begin_session(user: User, sessions: Sessions) -> None:
    """The user has logged in. A session that was there before ends."""
    end_session(sessions)
    session["id"] = sessions.begin()
    session["name"] = user.name
    session["fingerprint"] = user.fingerprint(_key())
    session["until"] = time.time() + SESSION_HOURS * 3600


def end_session(sessions: Sessions) -> None:
    """The user has logged out: what this browser has is no good any more, and no copy of it."""
    if "id" in session:
        sessions.end(str(session["id"]), datetime.fromtimestamp(session["until"], UTC))
    session.clear()


def still_there() -> Callable[[], bool]:
    """For answers that take long: whether who has asked is still logged in."""
    checks: Callable[[], bool] = g.get("still_there", lambda: True)
    return checks


def csrf_token() -> str:
    """The token that each form of this session carries."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return cast("str", session["csrf"])


def check_csrf() -> None:
    """Refuse a form that another site sent."""
    given = request.form.get("csrf", "")
    origin = request.headers.get("Origin")
    if (
        origin not in (None, request.host_url.rstrip("/"))
        and urlsplit(origin or "").netloc != request.host
    ):
        abort(400, "this form came from another site")
    if not hmac.compare_digest(given.encode(), str(session.get("csrf", "")).encode()) or not given:
        abort(400, "this form is too old; go back, load the page again, and repeat it")


def editors_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """For views that change something."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        if not g.user.may_edit:
            abort(403, "your role, viewer, may look at everything and change nothing")
        return view(*args, **kwargs)

    return guarded


def safe_target(target: str) -> str:
    """Where to go after a login: a page of ours, whatever the address said."""
    if target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable():
        return target
    return url_for("overview.home")


def _who(access: Access, sessions: Sessions, tokens: Throttle) -> User | None:
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer ") and request.endpoint not in ANYONE:
        g.by_token = True
        return _with_token(access, tokens, header.removeprefix("Bearer ").strip())
    if session.get("until", 0) < time.time():
        return None
    user = access.known(str(session.get("name", "")), str(session.get("fingerprint", "")), _key())
    if user is None:
        return None
    g.still_there = partial(sessions.holds, str(session.get("id", "")))
    return user if g.still_there() else None


def _key() -> str:
    """What signs sessions."""
    return str(current_app.secret_key)


def _with_token(access: Access, tokens: Throttle, token: str) -> User | None:
    """Whose token it is. While its sender has to wait no token is looked at, or guessing would go on."""
    client = household(g.client)
    wait = tokens.wait(client)
    if wait:
        text = f"too many wrong tokens; try again in {wait:.0f} seconds"
        raise TooManyRequests(text, retry_after=math.ceil(wait))
    user = access.with_token(token)
    if user is None:
        tokens.failed(client, token)
        log.warning("wrong token", address=g.client)
    return user


def _api_refusal(access: Access) -> str:
    if access.open:
        return (
            "this needs a console.token in the server's settings (openssl rand -hex 24 makes one)"
        )
    return "a token is needed: Authorization: Bearer TOKEN, the server's console.token"


def _ask_for_login() -> AnyResponse:
    if request.endpoint in MACHINES or request.method != "GET" or g.get("by_token"):
        abort(401)
    back = request.full_path if request.query_string else request.path
    return redirect(url_for("login", next=back))


def _after(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    user = g.get("user")
    log.info(
        "access",
        user=user.name if user is not None else "",
        method=request.method,
        path=request.path,
        status=response.status_code,
        address=g.get("client", ""),
        ms=round((time.monotonic() - g.get("began", time.monotonic())) * 1000, 1),
    )
    return response

"""The console as a WSGI application."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent
from flask import Flask, g, redirect, render_template, request, session, url_for
from gevent.lock import BoundedSemaphore
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from fsflows.console import api, filters, flows, live, overview, records, status
from fsflows.console.access import Access, User
from fsflows.console.guard import begin_session, check_csrf, end_session, protect, safe_target
from fsflows.console.sessions import Sessions
from fsflows.console.sources import Health, Sources
from fsflows.console.throttle import Network, Throttle
from fsflows.database import DatabaseFailed
from fsflows.log import get_logger
from fsflows.webserver import household

SESSION_COOKIE = "fsflows_session"
MAX_FORM = 64 * 1024
"""Bytes of a form; there is no upload."""

log = get_logger("console")


def create_app(
    sources: Sources,
    access: Access | None = None,
    *,
    secret: str = "",
    https: bool = False,
    proxies: Sequence[Network] = (),
) -> Flask:
    """Make the application.

    Args:
        sources: what is shown.
        access: who may look; None: everybody who can reach it, which must be this host only.
        secret: signs sessions; "": made up now, so that a restart ends them. Nodes behind one address share it.
        https: whether it is reached through HTTPS: then the session's cookie never travels without.
        proxies: that are believed whom they speak for.
    """
    access = access or Access()
    app = Flask("fsflows.console", root_path=str(Path(__file__).parent))
    app.secret_key = secret or secrets.token_hex(32)
    app.config.update(
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        MAX_CONTENT_LENGTH=MAX_FORM,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["fsflows"] = sources
    filters.register(app)
    sessions = Sessions(sources.database)
    protect(app, access, sessions, proxies)
    for part in (overview, live, records, flows, status, api):
        app.register_blueprint(part.pages)
    _logins(app, access, sessions)
    _machines(app, sources)
    _errors(app)
    app.before_request(_zone)
    app.context_processor(lambda: {"sources": sources, "running": len(sources.live)})
    return app


def _zone() -> None:
    """The viewer's time zone, which the page's script puts into a cookie."""
    try:
        g.zone = ZoneInfo(request.cookies.get("tz", "UTC"))
    except (ValueError, OSError, LookupError):
        g.zone = UTC


def _logins(app: Flask, access: Access, sessions: Sessions) -> None:
    throttle = Throttle()
    # A password takes 0.1 s of a processor, on purpose. Calls must not wait for that, however many are shown; and of
    # guesses that come at once each is counted before the next one is looked at.
    one_at_a_time = BoundedSemaphore()

    def attempt(client: str, name: str, password: str) -> tuple[float, User | None]:
        """Seconds to wait, or who it is."""
        with one_at_a_time:
            if wait := throttle.wait(client):
                return wait, None
            pool = gevent.get_hub().threadpool
            found: User | None = access.with_token(password) or pool.apply(
                access.with_password, (name, password)
            )
            if found is None:
                throttle.failed(client)
            return 0.0, found

    @app.get("/login")
    def login() -> str | Response:
        if g.user is not None:
            return redirect(url_for("overview.home"))
        return render_template("login.html", next=request.args.get("next", "/"), problem="")

    @app.post("/login")
    def do_login() -> str | Response | tuple[str, int]:
        check_csrf()
        client = household(g.client)
        back = request.form.get("next", "/")
        wait, found = attempt(
            client, request.form.get("name", ""), request.form.get("password", "")
        )
        if wait:
            problem = f"Too many failed logins. Try again in {wait:.0f} seconds."
            return render_template("login.html", next=back, problem=problem), 429
        if found is None:
            log.warning("login failed", address=g.client)
            return render_template("login.html", next=back, problem="That is not right."), 401
        begin_session(found, sessions)
        log.info("login", user=found.name, address=g.client)
        return redirect(safe_target(back))

    @app.post("/logout")
    def logout() -> Response:
        if "id" in session:  # else it has ended already, by another window perhaps
            check_csrf()
            log.info("logout", user=session["name"], address=g.client)
            end_session(sessions)
        return redirect(url_for("login"))


def _machines(app: Flask, sources: Sources) -> None:
    def answer(health: Health) -> tuple[dict[str, str], int]:
        # Who has no login is told no more than a probe must know.
        more = {"text": health.text} if g.user is not None and health.text else {}
        return {"status": health.word, **more}, health.code

    @app.get("/live")
    def alive() -> tuple[dict[str, str], int]:
        return answer(sources.alive())

    @app.get("/ready")
    def ready() -> tuple[dict[str, str], int]:
        return answer(sources.ready())

    @app.get("/metrics")
    def metrics() -> Response:
        body, kind = sources.metrics()
        return Response(body, content_type=kind)


def _errors(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | tuple[str, int, dict[str, str]]:
        code = error.code or 500
        if code < 400 or error.response is not None:
            return error.get_response()
        page = render_template("error.html", code=code, title=error.name, text=error.description)
        headers = {name: value for name, value in error.get_headers() if name == "Retry-After"}
        return page, code, headers

    @app.errorhandler(DatabaseFailed)
    def database(error: DatabaseFailed) -> tuple[str, int]:
        log.warning("the database can't be read", why=str(error), path=request.path)
        text = "Records can't be read just now. Calls go on, and what they leave behind is kept until then."
        return render_template(
            "error.html", code=503, title="The database does not answer", text=text
        ), 503

    @app.errorhandler(Exception)
    def other(error: Exception) -> tuple[str, int]:
        log.error("a page failed", path=request.path, exc_info=error)
        text = "That is a fault of ours; the log says more."
        return render_template("error.html", code=500, title="This page failed", text=text), 500

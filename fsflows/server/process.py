"""The server as a process: signals in, exit status out."""

from __future__ import annotations

import signal
import sys

import gevent
import gevent.event

from fsflows import log as logs
from fsflows.database import DatabaseFailed
from fsflows.flow.errors import FlowErrors
from fsflows.server.service import Service
from fsflows.settings import Settings

log = logs.get_logger("server")


def serve(settings: Settings) -> int:
    """Serve until a signal says otherwise; returns the exit status.

    Exit status: 0 stopped as told, 1 flows or settings can't be used, or the address is taken.
    """
    logs.setup(settings.log.level, settings.log.format)
    stop: gevent.event.AsyncResult[str] = gevent.event.AsyncResult()
    try:
        service = Service(settings)
        service.start()
    except FlowErrors as errors:
        print(errors, file=sys.stderr)
        return 1
    except (ValueError, DatabaseFailed) as error:
        print(f"fsflows: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"fsflows: {settings.server.listen}: {error.strerror or error}", file=sys.stderr)
        return 1
    watchers = [
        gevent.signal_handler(signal.SIGTERM, stop.set, "SIGTERM"),
        gevent.signal_handler(signal.SIGINT, _at_once, service, stop),
        gevent.signal_handler(signal.SIGHUP, _reload, service),
    ]
    how = stop.get()
    drain = settings.server.drain_timeout if how == "SIGTERM" else 0.0
    log.info("stopping", signal=how, calls=service.listener.calls, drain=drain)
    left = service.stop(drain, progress=lambda calls: log.info("still running", calls=calls))
    log.info("stopped", cut_off=left)
    for watcher in watchers:
        watcher.cancel()  # type: ignore[attr-defined]
    return 0


def _at_once(service: Service, stop: gevent.event.AsyncResult[str]) -> None:
    """SIGINT: also cuts a stop short that still waits for calls."""
    service.hurry = True
    if not stop.ready():
        stop.set("SIGINT")


def _reload(service: Service) -> None:
    try:
        service.reload()
    except (FlowErrors, ValueError) as error:
        log.error("flows not loaded; the old ones stay", why=str(error))

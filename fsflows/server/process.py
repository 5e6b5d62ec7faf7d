"""The server as a process: signals in, exit status out."""

from __future__ import annotations

import signal
import sys
from typing import Any

import gevent
import gevent.event

from fsflows import log as logs
from fsflows.database import DatabaseFailed
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flows
from fsflows.flow.model import FlowSet
from fsflows.server.checks import faults, missing
from fsflows.server.service import CannotListen, Service
from fsflows.settings import Settings

log = logs.get_logger("server")


def serve(settings: Settings) -> int:
    """Serve until a signal says otherwise; returns the exit status.

    Exit status: 0 stopped as told; 1 the flows, a directory, the database or an address can't be used; 2 the settings
    make no sense. Why is on standard error, everything at once.
    """
    wrong = faults(settings)
    if wrong:
        return _refuse(2, *wrong)
    logs.setup(settings.log.level, settings.log.format, parts=settings.log.levels)
    logs.route_crashes()
    wrong = []
    flows: FlowSet = {}
    try:
        flows = load_flows(settings.flows.paths)
    except FlowErrors as errors:
        wrong.append(str(errors))
    wrong += missing(settings)
    if wrong:
        return _refuse(1, *wrong)
    process = _Process(settings)
    try:
        return process.run(flows)
    except CannotListen as error:
        return _refuse(1, str(error))
    except DatabaseFailed as error:
        return _refuse(1, f"database.url: {error}")
    except ValueError as error:
        return _refuse(2, str(error))
    finally:
        process.forget_signals()


def _refuse(status: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return status


class _Process:
    """A service and the signals for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service: Service | None = None
        self._stop: gevent.event.AsyncResult[str] = gevent.event.AsyncResult()
        # Before anything is open: a signal that comes early must be obeyed, not end the process where it stands.
        self._watchers: list[Any] = [
            gevent.signal_handler(signal.SIGTERM, self._politely),
            gevent.signal_handler(signal.SIGINT, self._at_once),
            gevent.signal_handler(signal.SIGHUP, self._reload),
        ]

    def run(self, flows: FlowSet) -> int:
        """From the start to the end."""
        service = Service(self._settings, flows)
        try:
            service.start()
        except BaseException:
            service.stop()
            raise
        self._service = service
        how = self._stop.get()
        drain = self._settings.server.drain_timeout if how == "SIGTERM" else 0.0
        log.info("stopping", signal=how, calls=service.listener.calls, drain=drain)
        left = service.stop(drain, progress=lambda calls: log.info("still running", calls=calls))
        log.info("stopped", cut_off=left)
        return 0

    def forget_signals(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()

    def _politely(self) -> None:
        if not self._stop.ready():
            self._stop.set("SIGTERM")

    def _at_once(self) -> None:
        """Once: wait for no call any longer. Twice: nor for its apology."""
        service = self._service
        if service is not None and service.hurry:
            service.cut()
        elif service is not None:
            service.hurry = True
        if not self._stop.ready():
            self._stop.set("SIGINT")

    def _reload(self) -> None:
        if self._service is None:
            return
        try:
            self._service.reload()
        except FlowErrors as errors:
            for problem in errors.problems:
                log.error("flows not loaded; the old ones stay", problem=str(problem))
        except (ValueError, OSError) as error:
            log.error("flows not loaded; the old ones stay", problem=str(error))

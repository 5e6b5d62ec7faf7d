"""A phone in the terminal: places a call to a server of its own, and shows what happens on it, line by line."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
from gevent.socket import wait_read

from fsflows import log as logs
from fsflows.archive.endings import Result
from fsflows.archive.live import LiveCalls
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.cli.screen import Screen
from fsflows.conversation.engine import Engine
from fsflows.conversation.judging import Rehearsal, judge
from fsflows.conversation.rehearsal import profile_of, setup_of
from fsflows.flow.model import Flow, FlowSet
from fsflows.server.worker.service import Service
from fsflows.settings import load
from fsflows.switch import Script
from fsflows.switch.tcp import CallResult, TcpCall, place_call

SETTLING = 30.0
"""Seconds after the caller's end of the call that the server gets for the end function and the recording."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

_KEYS = frozenset("0123456789*#")


class _Watched(LiveCalls):
    """The live calls of the phone's server: one, and the phone looks on."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def add(self, builder: RecordBuilder) -> None:
        builder.watchers.append(self._screen.noted)
        super().add(builder)


class Phone:
    """One call, from its first ring to its end.

    Args:
        flow: what is called.
        flows: all flows beside it.
        data: where recordings and records are kept; None: nowhere, afterwards.
        show_log: whether the server's log is shown as well.
    """

    def __init__(self, flow: Flow, flows: FlowSet, *, data: str | None, show_log: bool) -> None:
        self.flow = flow
        self.flows = flows
        self._data = data
        self._show_log = show_log
        self._screen = Screen()
        self._record: Record | None = None
        self._played: Engine | None = None
        self._interrupted = False

    def call(self, script: Script, how: str, *, typed: bool = False, scripted: bool = False) -> int:
        """Place the call and stay on it; the exit status.

        Args:
            script: what the caller does; who it is.
            how: the same in words, to be shown.
            typed: whether the caller does what is typed.
            scripted: whether the call has to be as somebody's script says, and its functions have to work.
        """
        logs.setup("info" if self._show_log else "error", "console")
        logs.route_crashes()
        with ExitStack() as stack:
            base = self._data or stack.enter_context(tempfile.TemporaryDirectory(prefix="fsflows-"))
            service = self._serve(Path(base).resolve())
            stack.callback(service.stop)
            stack.callback(service.cut)
            if script.dialled is not None:
                self._screen.who = "callee"
            self._screen.intro(self.flow.name, script, how)
            self._screen.begin()
            call = self._place(service, script)
            watcher: Any = gevent.signal_handler(signal.SIGINT, self._interrupt, call, service)
            stack.callback(watcher.cancel)
            if typed:
                gevent.spawn(self._type, call)
            while (result := call.wait(1.0)) is None:
                pass
            self._settle(service)
            database = service.settings.database.url if self._data else None
        self._screen.outro(self._record, database)
        if self._interrupted:
            return INTERRUPTED
        failures = self._failures(script, call, result, judged=scripted)
        self._screen.failures(failures)
        record = self._record
        well = record is not None and record.result not in (Result.FAILED, Result.REFUSED)
        return 0 if well and not failures else 1

    def _interrupt(self, call: TcpCall, service: Service) -> None:
        """Ctrl-C: hang up; once more: wait for nothing."""
        if self._interrupted:
            service.cut()
        self._interrupted = True
        call.hang_up()

    def _place(self, service: Service, script: Script) -> TcpCall:
        host, port = service.listener.address
        profile = profile_of(script)
        return place_call(
            f"{host}:{port}/{self.flow.name}",
            replace(profile, destination=profile.destination or "7000"),
            setup_of(script),
            script=script,
            watch=self._screen.seen,
        )

    def _failures(
        self, script: Script, call: TcpCall, result: CallResult, *, judged: bool
    ) -> list[str]:
        """What the script waited for in vain; when it is judged, all that was not as it says."""
        if judged and self._record and self._played and call.channel:
            played = Rehearsal(self._record, self._played, call.channel, 0.0, script)
            return judge(played, result.failure)
        undone = result.failure
        return [f"{script.where(undone.step)}: {undone.why}"] if undone is not None else []

    def _serve(self, base: Path) -> Service:
        for name in ("staging", "recordings", "spool"):
            (base / name).mkdir(parents=True, exist_ok=True)
        settings = load(environ={})
        settings = replace(
            settings,
            server=replace(settings.server, listen="127.0.0.1:0"),
            console=replace(settings.console, listen=""),
            database=replace(
                settings.database, url=f"sqlite:///{base}/fsflows.db", spool=str(base / "spool")
            ),
            recordings=replace(
                settings.recordings,
                staging=str(base / "staging"),
                published=str(base / "recordings"),
            ),
        )
        service = Service(settings, self.flows)
        keep = service.runner.services.keep

        def kept(record: Record) -> None:
            self._record = record
            keep(record)

        def watch(engine: Engine) -> None:
            self._played = engine

        live = _Watched(self._screen)
        service.runner.services = replace(service.runner.services, live=live, keep=kept)
        service.runner.watch = watch
        service.start()
        return service

    def _settle(self, service: Service) -> None:
        # The caller's end is over; the server still runs the end function and settles the recording.
        until = time.monotonic() + SETTLING
        while service.listener.calls and time.monotonic() < until:
            gevent.sleep(0.02)

    def _type(self, call: TcpCall) -> None:
        """Do what is typed, line by line, until the end of the input."""
        typed = b""
        while call.wait(0) is None:
            wait_read(sys.stdin.fileno())
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                call.hang_up()
                return
            *lines, typed = (typed + data).split(b"\n")
            for line in lines:
                text = " ".join(line.decode("utf-8", "replace").split())
                if text and set(text) <= _KEYS:
                    call.press(text)
                elif text:
                    call.say(text)

"""A phone in the terminal: places a call to a server of its own, and shows what happens on it, line by line."""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool

from fsflows import log as logs
from fsflows.archive.endings import RecordingState, Result
from fsflows.archive.entries import (
    Collected,
    Entry,
    HandedOff,
    Measured,
    Noted,
    Ran,
    Recorded,
)
from fsflows.archive.live import LiveCalls
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.conversation.engine import Engine
from fsflows.conversation.rehearsal import Rehearsal, check
from fsflows.flow.model import Flow, FlowSet
from fsflows.server.service import Service
from fsflows.settings import load
from fsflows.switch import Script, Setup
from fsflows.switch.files import DiskFiles
from fsflows.switch.tcp import TcpCall, place_call
from fsflows.switch.transcript import Did, Ending, Heard, Kind, Signal

_STYLES = {
    "hears": "36",
    "presses": "1;33",
    "says": "1;33",
    "flow": "32",
    "rec": "35",
    "call": "2",
    "bad": "31",
}
_KEYS = frozenset("0123456789*#")


class _Watched(LiveCalls):
    """The live calls of the phone's server: one, and the phone looks on."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self._phone = phone

    def add(self, builder: RecordBuilder) -> None:
        builder.watchers.append(self._phone.noted)
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
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._began = time.monotonic()
        self._records: list[Record] = []
        self._played: Engine | None = None

    def call(self, script: Script, *, interactive: bool) -> int:
        """Place the call and stay on it; the exit status."""
        logs.setup("info" if self._show_log else "error")
        with ExitStack() as stack:
            base = self._data or stack.enter_context(tempfile.TemporaryDirectory(prefix="fsflows-"))
            service = self._serve(Path(base).resolve())
            stack.callback(service.stop)
            host, port = service.listener.address
            self._intro(script, interactive=interactive)
            self._began = time.monotonic()
            call = place_call(
                f"{host}:{port}/{self.flow.name}",
                replace(script.profile, destination=script.profile.destination or "7000"),
                Setup(files=DiskFiles()),
                script=script,
            )
            if call.started(5.0) and call.channel is not None:
                call.channel.transcript.watchers.append(self._seen)
            if interactive:
                gevent.spawn(self._type, call)
            while (result := call.wait(1.0)) is None:
                pass
            self._settle(service)
        record = self._records[0] if self._records else None
        self._outro(record, base if self._data else None)
        failures = []
        if result.failure is not None:
            failures.append(f"{script.where(result.failure.step)}: {result.failure.why}")
        if record is not None and self._played is not None and call.channel is not None:
            played = Rehearsal(record, self._played, call.channel, 0.0, script)
            failures += [
                f"{script.where(step)}: {why}"
                for step in script.expectations
                if (why := check(played, step)) is not None
            ]
        for failure in failures:
            self._line("bad", failure)
        bad = record is None or record.result in (Result.FAILED, Result.REFUSED)
        return 1 if failures or bad else 0

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
            self._records.append(record)
            keep(record)

        def watch(engine: Engine) -> None:
            self._played = engine

        service.runner.services = replace(service.runner.services, live=_Watched(self), keep=kept)
        service.runner.watch = watch
        service.start()
        return service

    def _settle(self, service: Service) -> None:
        # The caller's end is over; the server still runs the end function and settles the recording.
        until = time.monotonic() + 30.0
        while service.listener.calls and time.monotonic() < until:
            gevent.sleep(0.02)

    # --- what is typed ----------------------------------------------------------------------------------------------

    def _type(self, call: TcpCall) -> None:
        reader = ThreadPool(1)
        while call.wait(0) is None:
            line = reader.apply(_read_line)
            if line is None:
                call.hang_up()
                return
            text = line.strip()
            if text and set(text) <= _KEYS:
                call.press(text)
            elif text:
                call.say(text)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _intro(self, script: Script, *, interactive: bool) -> None:
        profile = script.profile
        print(f"Calling {self.flow.name} as {profile.caller_number}.", end=" ")
        if interactive:
            print("Digits, * and # are keys; other words are said; Ctrl-D hangs up.")
        else:
            print(f"The caller follows {script.name}." if script.steps else "")
        print()

    def _outro(self, record: Record | None, kept: str | None) -> None:
        if record is None:
            self._line("bad", "the call was not answered")
            return
        print()
        print(f"  {record.result}: {record.reason}, {record.seconds:.1f} s, {record.hangup_cause}")
        note = record.recording
        match note.state:
            case RecordingState.DISCARDED:
                files = note.receipt.get("files", [])
                print(
                    f"  recording: discarded, {len(files)} file(s) deleted and checked to be gone"
                )
            case RecordingState.PRESENT:
                print(f"  recording: kept{'' if kept else ' (until now: say --data to keep it)'}")
            case _:
                print("  recording: none")
        if kept:
            print(f"  everything is in {kept}")

    def _seen(self, item: object) -> None:
        match item:
            case Heard():
                self._heard(item)
            case Did(what="hangup"):
                self._line("presses", "caller hangs up")
            case Did(what="key"):
                self._line("presses", f"caller presses {item.text}")
            case Did():
                self._line("says", f'caller says "{item.text}"')
            case Signal():
                words = {"183": "ringing, with sound", "200": "answered", "BYE": "hung up by us"}
                self._line("call", words.get(item.what, item.what))

    def _heard(self, sound: Heard) -> None:
        if sound.kind is Kind.SILENCE:
            return
        what = f'"{sound.what}"' if sound.kind is Kind.SPEECH else f"[{sound.what}]"
        if sound.end is None:
            self._line("hears", f"caller hears {what}")
        elif sound.ending is Ending.KEY:
            self._line("hears", "  ... stops at the key")
        elif sound.ending is Ending.BREAK:
            self._line("hears", "  ... stops")

    def noted(self, entry: Entry) -> None:
        """The server noted something about the call."""
        match entry:
            case Collected():
                digits = entry.digits or "nothing"
                asked = "" if entry.attempts == 1 else f", asked {entry.attempts} times"
                source = f" by {entry.source}" if entry.source != "none" else ""
                self._line("flow", f"{entry.step}: {entry.outcome}, {digits}{source}{asked}")
            case Recorded():
                detail = f" ({entry.detail})" if entry.detail else ""
                self._line("rec", f"recording {entry.event}{detail}")
            case Ran():
                if entry.error:
                    self._line("bad", f"function {entry.name}: {entry.error}")
                else:
                    self._line("flow", f"function {entry.name} ran ({entry.seconds:.2f} s)")
            case HandedOff():
                self._line("flow", f"hand-off to {entry.name} ({entry.method})")
            case Measured():
                self._line("flow", f"metric {entry.name} = {entry.value}")
            case Noted():
                self._line("flow", entry.text)
            case _:
                pass

    def _line(self, kind: str, text: str) -> None:
        stamp = f"{time.monotonic() - self._began:7.2f}  "
        if self._colour:
            text = f"\033[{_STYLES[kind]}m{text}\033[0m"
        print(stamp + text, flush=True)


def _read_line() -> str | None:
    """A line from the terminal; None at its end. On a thread of its own: gevent must not wait for it."""
    while not select.select([0], [], [], 0.5)[0]:
        pass
    return sys.stdin.readline() or None

"""One process that answers calls: everything a call needs, opened in order and closed in reverse."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fsflows import log as logs
from fsflows import spoken
from fsflows.archive.live import Live, LiveCalls
from fsflows.archive.live_merged import MergedLive
from fsflows.archive.spool import Spool
from fsflows.archive.store import RecordStore
from fsflows.archive.writer import RecordWriter
from fsflows.call.audio import Voice
from fsflows.call.subscription import subscribe
from fsflows.clock import GeventClock
from fsflows.console.sources import Check
from fsflows.conversation.run import Services
from fsflows.database import Database
from fsflows.esl.supervised import FreeSwitch, FreeSwitches
from fsflows.flow.loader import load_flows
from fsflows.flow.model import FlowSet
from fsflows.flow.reading.files import DISK, Files
from fsflows.pacing import paced
from fsflows.privacy import Redactor
from fsflows.recordings.service import Recordings
from fsflows.server.door.door import Door, OwnDoor
from fsflows.server.door.listener import Listener
from fsflows.server.metrics import keep_telling
from fsflows.server.node.channel import Message
from fsflows.server.node.peers import Peers
from fsflows.server.office.beside import Beside, Shown
from fsflows.server.office.health import NodeHealth
from fsflows.server.office.live_link import LiveServer
from fsflows.server.worker.calls import CallRunner
from fsflows.server.worker.tuning import growing, tune
from fsflows.server.worker.watchdog import Watchdog
from fsflows.settings import Settings
from fsflows.settings.address import parse_address

APOLOGY = 10.0
"""Seconds for calls that are ended by a stop to hear why, and to settle their recordings."""

log = logs.get_logger("server")


class CannotListen(Exception):
    """An address can't be listened on; the text says which setting, and why."""

    def __init__(self, name: str, address: str, error: OSError) -> None:
        why = os.strerror(error.errno) if error.errno else str(error)
        taken = "; another program (or fsflows) has it" if error.errno == errno.EADDRINUSE else ""
        super().__init__(f"{name}: can't listen on {address}: {why}{taken}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which parts of a server a process is, and what it shares with others. The default: all of it, alone.

    Attributes:
        calls: it takes calls.
        beside: it does what is done once a node: console, retention, webhook.
        door: its listening socket; None: one of its own.
        console: fetches the console's listening socket; None: one of its own.
        node: how all processes of the server are (see `Fleet.node`); None: it is the only one.
        live_elsewhere: running calls of other processes, for the console.
        share_live: makes a server that shows this process's running calls to another.
        set_level: sets a log level here and in the others.
        peers: counts each address's connections in all processes; None: it is the only one.
        database_known: see `Database.open`: calls are taken without it.
    """

    calls: bool = True
    beside: bool = True
    door: Door | None = None
    console: Callable[[], Any] | None = None
    node: Callable[[], Message] | None = None
    live_elsewhere: Sequence[Live] = ()
    share_live: Callable[[LiveCalls], LiveServer] | None = None
    set_level: Callable[[str, str], None] = logs.set_level
    peers: Peers | None = None
    database_known: bool = False


class Service:
    """One process of a server: accepts calls from `start` to `stop`.

    Args:
        settings: all of them.
        flows: the flows, when they are loaded already; else `settings.flows.paths` are.
        parts: what of a server it is.

    Raises:
        FlowErrors: a flow can't be used.
        ValueError: a setting can't be used; the text says which.
        DatabaseFailed: the database can't be reached, or is of a newer version.
    """

    def __init__(
        self, settings: Settings, flows: FlowSet | None = None, parts: Parts | None = None
    ) -> None:
        self.settings = settings
        self.parts = parts = parts or Parts()
        self.flows = flows if flows is not None else load_flows(settings.flows.paths)
        _check_default(self.flows, settings.flows.default)
        self.live = LiveCalls()
        self.clock = GeventClock()
        self.node = socket.gethostname()
        self.watchdog = Watchdog()
        self.health = NodeHealth(parts.node or self._alone)
        self.beside: Beside | None = None
        self.hurry = False
        """Set by whoever can't wait for `stop` to let the running calls finish."""
        self._open = ExitStack()
        url = settings.database.url
        try:
            self.database = Database.open(url, threaded=True, known=parts.database_known)
            self._open.callback(self.database.close)
            self.switches = FreeSwitches.at(
                settings.freeswitch.addresses, settings.freeswitch.password, self.clock
            )
            self._open.callback(self.switches.close)
            self.recordings = Recordings.open(
                settings,
                self.database,
                self.clock,
                switches=self.switches,
                also=settings.recordings.switches,
                discard_orphans=settings.recordings.orphans == "discard",
            )
            self._open.callback(self.recordings.close)
            webhook = bool(settings.records.webhook_url)
            self.writer = RecordWriter(
                lambda: RecordStore(self.database, webhook=webhook),
                Spool(Path(settings.database.spool) / "records"),
                self.recordings.tools.journal.node.id,
            )
            self.writer.start()
            self._open.callback(self.writer.stop)
            if parts.beside:
                self.beside = Beside(
                    settings,
                    lambda: self.flows,
                    self.recordings,
                    self.switches,
                    self.writer.submit,
                    self.writer.note,
                    self._shown(),
                    parts.console,
                    database_known=parts.database_known,
                )
                self._open.callback(self.beside.stop)
        except BaseException:
            self._open.close()
            raise
        services = Services(
            recorder=self.recordings,
            live=self.live,
            begin=self.writer.begin,
            keep=self.writer.submit,
            node=self.node,
        )
        voice = Voice(settings.voice.engine, settings.voice.voice, settings.voice.say)
        self.runner = CallRunner(
            self.clock, lambda: self.flows, services, voice, settings.flows.default
        )
        chosen = settings.server
        self.listener = Listener(
            parts.door or OwnDoor(parse_address(chosen.listen), chosen.backlog),
            self.runner,
            subscriptions=subscribe(),
            max_calls=chosen.max_calls,
            calls_per_second=chosen.calls_per_second,
            max_per_peer=chosen.max_per_peer,
            peers=parts.peers,
            silence_timeout=chosen.silence_timeout,
            allow=chosen.allow,
            let_go=self.runner.let_go,
        )

    def _shown(self) -> Shown:
        """What the console shows of this process and the others."""
        parts, elsewhere = self.parts, [*self.parts.live_elsewhere]
        return Shown(
            live=MergedLive(lambda: [self.live, *elsewhere]) if elsewhere else self.live,
            writer=self.health.writer,
            checks=lambda: [*self.health.checks(), *map(_check_of, self.switches)],
            alive=self.health.live,
            ready=self.health.ready,
            set_level=parts.set_level,
            node=self.node,
        )

    def _alone(self) -> Message:
        """How this process is, in the way of `Fleet.node`."""
        member = {
            "number": 0,
            "role": "all",
            "state": "serving",
            "full": not self.listener.accepting,
            "silent": 0.0,
            "calls": self.calls,
            "lag": self.watchdog.lag,
            "writer": asdict(self.writer.stats),
        }
        return {"stopping": "", "members": [member]}

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return self.listener.calls

    def start(self, *, watch: bool = True) -> None:
        """Accept calls.

        Args:
            watch: end functions that hold up every call (needs the main thread).

        Raises:
            CannotListen: an address is taken, or not ours.
        """
        settings = self.settings
        if self.parts.calls:
            with _listening("server.listen", settings.server.listen):
                self.listener.start()
        if self.beside is not None:
            with _listening("console.listen", settings.console.listen):
                self.beside.start()
        if self.parts.share_live is not None:
            sharing = self.parts.share_live(self.live)
            sharing.start()
            self._open.callback(sharing.stop)
        self.switches.start()
        only_own = not self.parts.beside
        self.recordings.start(settings.recordings.sweep_seconds, only_own=only_own)
        if watch:
            self.watchdog.start()
            self._open.callback(self.watchdog.stop)
        telling = self.clock.spawn(
            keep_telling,
            lambda: self.listener.accepting,
            lambda: self.settings.server.max_calls if self.parts.calls else 0,
            self._restarts,
        )
        self._open.callback(telling.kill)
        if self.parts.calls:
            self._warm()
        self._open.callback(tune())
        log.info("serving", flows=", ".join(sorted(self.flows)))

    def _restarts(self) -> int:
        return int(self.parts.node().get("restarts", 0)) if self.parts.node is not None else 0

    def _warm(self) -> None:
        """Read now what would otherwise be read when the first caller needs it, with every other call waiting."""
        for language in {flow.sentences for flow in self.flows.values()}:
            spoken.phrases(language)
        redactor = Redactor()
        redactor.add("000000")
        redactor.text("zero one two three four five")

    def reload(self, files: Files = DISK) -> None:
        """Load the flows again, in turns with the calls. Running calls keep theirs; flows that can't be used change
        nothing.

        Raises:
            FlowErrors: a flow can't be used.
            ValueError: the default flow is not among them.
        """
        with growing():
            flows = load_flows(self.settings.flows.paths, files, paced)
        _check_default(flows, self.settings.flows.default)
        self.flows = flows
        log.info("flows loaded again", flows=", ".join(sorted(flows)))

    def adjust(self, settings: Settings) -> None:
        """Put settings in force that can be changed at run time (`fsflows.server.adjustable`)."""
        self.settings, chosen = settings, settings.server
        self.listener.adjust(
            max_calls=chosen.max_calls,
            calls_per_second=chosen.calls_per_second,
            max_per_peer=chosen.max_per_peer,
            silence_timeout=chosen.silence_timeout,
            allow=chosen.allow,
        )

    def stop(self, drain: float = 0.0, progress: Callable[[int], None] | None = None) -> int:
        """Accept no more calls, let the running ones finish for `drain` seconds, end the rest; how many those were."""
        self.listener.close(serve_waiting=drain > 0)
        until = self.clock.now() + drain
        report = self.clock.now() + 5.0
        while self.listener.calls and self.clock.now() < until and not self.hurry:
            self.clock.sleep(min(0.2, max(0.0, until - self.clock.now())))
            if progress is not None and self.clock.now() >= report:
                report += 5.0
                progress(self.listener.calls)
        left = self.listener.calls
        if left:
            self.runner.interrupt()
        self.listener.stop(APOLOGY if left else 0.0)
        self._open.close()
        return left

    def cut(self) -> None:
        """End the calls that a `stop` still waits for, without a word."""
        self.listener.stop()


def _check_of(switch: FreeSwitch) -> Check:
    health = switch.health
    name = f"FreeSWITCH {health.name or switch.address}"
    text = "connected" if health.connected else f"not connected: {health.why or 'not yet'}"
    return Check(name, ok=health.connected, text=f"{text}, for {health.since:.0f} s")


@contextmanager
def _listening(name: str, address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotListen(name, address, error) from error


def _check_default(flows: FlowSet, default: str) -> None:
    if default and default not in flows:
        raise ValueError(
            f"flows.default is {default!r}, which is no flow; there are: {', '.join(sorted(flows))}"
        )

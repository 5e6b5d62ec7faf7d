"""What the console shows, and where it has it from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import gevent

from fsflows import __version__, log, metrics
from fsflows.archive.live import Live, LiveCalls
from fsflows.archive.model import RecordingNote
from fsflows.archive.store import RecordStore
from fsflows.archive.writer import WriterStats
from fsflows.database import Database
from fsflows.dialling import Dialler
from fsflows.flow.model import FlowSet


@dataclass(frozen=True, slots=True)
class Audio:
    """What there is of a call's audio now. `files`: those that can be played from here."""

    note: RecordingNote
    files: tuple[Path, ...] = ()


class Recordings(Protocol):
    """Tells what became of calls' audio after their records were written."""

    def of(self, call_id: str) -> Audio | None:
        """None: it isn't known here, and the record has the last word.

        Raises:
            DatabaseFailed: it can't be told.
        """


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the health page. `ok` False: somebody should look."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe is answered.

    Attributes:
        code: the HTTP status.
        word: ok, starting, draining, full, flows, deaf or stuck.
        text: more about it, for those who may know.
    """

    code: int = 200
    word: str = "ok"
    text: str = ""


def _metrics() -> tuple[bytes, str]:
    return metrics.render(breathe=lambda: gevent.sleep(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that a console shows.

    Attributes:
        database: one of the console's own, so that calls never wait behind a search.
        live: the running calls; of several processes, a `MergedLive`.
        flows: gives the flows as they are now.
        recordings: None: records have the last word about their recordings, and nothing can be played.
        writer: how records get into the database.
        checks: further lines for the health page.
        alive, ready: what the probes are answered.
        set_level: sets the log level of a part, in all processes.
        metrics: what Prometheus scrapes.
        webhook: whether records are sent somewhere.
        dialler: makes calls; None: none are made from here.
        node, version, started_at: of this server.
    """

    database: Database
    live: Live = field(default_factory=LiveCalls)
    flows: Callable[[], FlowSet] = dict
    recordings: Recordings | None = None
    writer: Callable[[], WriterStats] | None = None
    checks: Callable[[], list[Check]] = list
    alive: Callable[[], Health] = Health
    ready: Callable[[], Health] = Health
    set_level: Callable[[str, str], None] = log.set_level
    metrics: Callable[[], tuple[bytes, str]] = _metrics
    webhook: bool = False
    dialler: Dialler | None = None
    node: str = ""
    version: str = __version__
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def store(self) -> RecordStore:
        """The records."""
        return RecordStore(self.database)

"""What runs beside the calls: console, outbound calls, the records' retention, the webhook. None is in a call's way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any

from fsflows.archive.live import Live
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.archive.retention import RetentionSchedule
from fsflows.archive.store import RecordStore
from fsflows.archive.webhook import Webhook
from fsflows.archive.writer import WriterStats
from fsflows.console.journal import JournalRecordings
from fsflows.console.server import ConsoleServer, open_console
from fsflows.console.sources import Check, Health, Sources
from fsflows.database import Database
from fsflows.esl.supervised import FreeSwitches
from fsflows.flow.model import FlowSet
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.oversight.expiry import Expiry
from fsflows.recordings.service import Recordings
from fsflows.server.office.outbound import make_dialler
from fsflows.server.office.settling import Settling
from fsflows.settings import Settings
from fsflows.settings.address import parse_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the console shows of the processes that take calls; the names are those of `Sources`."""

    live: Live
    writer: Callable[[], WriterStats]
    checks: Callable[[], list[Check]]
    alive: Callable[[], Health]
    ready: Callable[[], Health]
    set_level: Callable[[str, str], None]
    node: str


class Beside:
    """The server's other half.

    Args:
        settings: `console`, `records`, `recordings` and `database` are used.
        flows: gives the flows as they are now.
        recordings: for the retention of recordings, and for the console.
        switches: the FreeSWITCHes that make calls.
        keep: given the records of calls that were made and not answered.
        note: notes that a call is made; see `Dialler`.
        shown: what the console shows of the processes that take calls.
        listening: fetches the console's listening socket; None: it makes its own.
        database_known: see `Database.open`.

    Raises:
        ValueError: a setting can't be used.
        DatabaseFailed: the database can't be reached.
    """

    def __init__(
        self,
        settings: Settings,
        flows: Callable[[], FlowSet],
        recordings: Recordings,
        switches: FreeSwitches,
        keep: Callable[[Record], None],
        note: Callable[[RecordBuilder], None],
        shown: Shown,
        listening: Callable[[], Any] | None = None,
        *,
        database_known: bool = False,
    ) -> None:
        self._open = ExitStack()
        self.console: ConsoleServer | None = None
        try:
            # A database of its own: no call waits behind a search.
            database = Database.open(settings.database.url, threaded=True, known=database_known)
            self._open.callback(database.close)
            chosen = settings.records
            self._store = RecordStore(database, webhook=bool(chosen.webhook_url))
            self._clock = recordings.tools.clock
            self._journal = Journal(database, self._clock, recordings.tools.journal.node)
            alive = recordings.claims.alive
            expiry = Expiry(recordings.tools)
            self._retention = RetentionSchedule(self._store, chosen.keep_days, expiry)
            self._webhook: Webhook | None = None
            if chosen.webhook_url:
                self._webhook = Webhook(database, chosen.webhook_url, chosen.webhook_secret)
            self._dialler = make_dialler(
                settings, switches, self._clock, keep, shown.node, shown.ready, note
            )
            is_up = self._dialler.is_up if self._dialler is not None else None
            self._settling = Settling(self._store, self._journal, alive, self._clock, is_up)
            if settings.console.listen:
                sources = Sources(
                    database=database,
                    flows=flows,
                    recordings=JournalRecordings(self._journal, settings.recordings.published),
                    webhook=self._webhook is not None,
                    dialler=self._dialler,
                    **{each.name: getattr(shown, each.name) for each in fields(shown)},
                )
                self.console = open_console(
                    sources,
                    parse_address(settings.console.listen),
                    token=settings.console.token,
                    users=settings.console.users,
                    secret=settings.console.secret,
                    https=settings.console.https,
                    proxies=settings.console.proxies,
                    listening=listening,
                )
        except BaseException:
            self._open.close()
            raise

    def start(self) -> None:
        """Begin.

        Raises:
            OSError: the console's address is taken.
        """
        if self.console is not None:
            self.console.start()
            self._open.callback(self.console.stop)
        settling = self._clock.spawn(self._settling.run)
        self._open.callback(settling.kill)
        if self._dialler is not None:
            self._dialler.start()
            self._open.callback(self._dialler.stop)
        self._retention.start()
        self._open.callback(self._retention.stop)
        if self._webhook is not None:
            self._webhook.start()
            self._open.callback(self._webhook.stop)

    def shut_console(self) -> None:
        """Let somebody else have the console's address; what is being answered is."""
        if self.console is not None:
            self.console.shut()

    def stop(self) -> None:
        """End."""
        self._open.close()

"""Finishing what was left unfinished: at every start, and every few seconds from then on.

A discard without a receipt is finished, whoever began it and wherever that process died; a call that was discarded
and is still up is watched; a recording that was to be published is published. Nothing here needs to know how far
the other got: every part may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fsflows.clock import Mailbox, Task
from fsflows.database import DatabaseFailed
from fsflows.log import call_logger, get_logger
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import Discard, DiscardFailed
from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.discarding.spooled import Spooled
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.freeswitch.control import EndedCall, RecordingControl, RecordingError
from fsflows.recordings.journal.entries import CALL_LIMIT, Entry, Intent
from fsflows.recordings.recovery.claims import Claims
from fsflows.recordings.recovery.orphans import Orphans
from fsflows.recordings.recovery.presence import Presence
from fsflows.recordings.recovery.stranded import Stranded
from fsflows.recordings.recovery.tidying import Tidier
from fsflows.recordings.tools import Tools

BEAT = 10.0
"""Seconds between two heartbeats, at least."""

OVERDUE = 120.0
"""Seconds after which an open discard is one to look at: it takes less than one, and is tried again every 15."""


@dataclass(slots=True)
class SweepReport:
    """What one sweep did.

    Attributes:
        discarded: discards that got their receipt.
        failed: discards that are still open: call and reason.
        published: recordings that came into the archive.
        waiting: recordings of calls that are (or may be) still up.
        unknown: staged files that the journal knows nothing of.
        open: discards without a receipt, in the whole journal.
        overdue: those among them that are older than `OVERDUE`.
        stranded: nodes that don't run, and how many calls of each nobody here can finish.
        no_archive: why nothing can be published; empty: the archive is at hand.
        oldest_open: seconds since the oldest open discard was asked for.
    """

    discarded: int = 0
    failed: list[str] = field(default_factory=list)
    published: int = 0
    waiting: int = 0
    unknown: int = 0
    open: int = 0
    overdue: int = 0
    oldest_open: float = 0.0
    stranded: dict[str, int] = field(default_factory=dict)
    no_archive: str = ""


class Sweeper:
    """Sweeps.

    Args:
        discard_orphans: what becomes of a recording whose call lost its server before it was asked for or settled:
            published (False: the caller did not opt out) or discarded (True: nobody knows whether he would have).
        calls_ended: calls that can't be asked for are known to be over (an operator says so).
        presence: how processes that share a disk know of one another.
    """

    def __init__(
        self,
        tools: Tools,
        claims: Claims,
        spool: IntentSpool,
        *,
        discard_orphans: bool = False,
        calls_ended: bool = False,
        presence: Presence | None = None,
    ) -> None:
        self._tools = tools
        self._claims = claims
        self._spool = spool
        self._calls_ended = calls_ended
        self._orphans = Orphans(tools, discard=discard_orphans, calls_ended=calls_ended)
        self._tidier = Tidier(tools, claims)
        self._stranded = Stranded(claims, tools.clock)
        self._log = get_logger("recordings")
        self._presence = presence or Presence(None)
        self._hurry: Mailbox[bool] = tools.clock.mailbox()
        self._stopping = False
        self._beaten: float | None = None
        self._no_archive = ""

    def start(
        self, seconds: float, *, only_own: bool = False, after: Callable[[], object] = lambda: None
    ) -> Task:
        """Sweep now and every so many seconds, beside the caller, until `stop`.

        Args:
            seconds: between two sweeps; well under the lease of a minute.
            only_own: another process of this node sweeps. This one says that it lives, and tries again what has failed
                in its own calls.
            after: what to wait for before the first sweep.
        """
        return self._tools.clock.spawn(self._run, seconds, only_own, after)

    def stop(self) -> None:
        """No further sweep; what this process still owns is free for others."""
        self._stopping = True
        self.hurry()
        self._presence.withdraw()
        try:
            self._claims.retire()
        except DatabaseFailed as error:
            self._log.warning("the journal can't be written", why=str(error))

    def hurry(self) -> None:
        """Don't wait with the next sweep: something may have been missed."""
        if not len(self._hurry):
            self._hurry.put(True)

    def sweep(self, *, at_once: bool = True) -> SweepReport:
        """Sweep once.

        Args:
            at_once: try again every discard that is open; False: only those whose time it is.

        Raises:
            DatabaseFailed: the journal can't be read or written; nothing is lost.
        """
        report = self.tend()
        self._claims.retire_if(self._presence.is_dead, self._presence.forget)
        elsewhere = self._claims.alive() - {self._claims.node.id}
        # Of a call that is up, the process that has it does it.
        self._take_from_spool(lambda spooled: spooled.over or spooled.owner not in elsewhere)
        switches = list(self._tools.reach.switches())
        busy = set(self._tools.live)
        came_back = self._see_archive(report)
        for intent in self._claims.discards(switches, busy, at_once=at_once or came_back):
            with self._tools.locks.hold(intent.call_uuid):
                if intent.call_uuid not in self._tools.live:
                    self._finish(intent, report)
            self._beat()
        by_call: dict[str, list[Entry]] = {}
        for entry in self._claims.recordings(switches, self._tools.busy):
            by_call.setdefault(entry.call_uuid, []).append(entry)
        for call_uuid, entries in by_call.items():
            ready: Sequence[Entry] = ()
            with self._tools.locks.hold(call_uuid):
                if self._spool.has(call_uuid):
                    # A discard that is not in the journal yet: nothing is published meanwhile.
                    report.waiting += len(entries)
                elif call_uuid not in self._tools.busy:
                    settled = self._orphans.settle(call_uuid, entries)
                    ready = settled.ready
                    report.waiting += settled.waiting
                    if settled.intent is not None:
                        self._finish(settled.intent, report)
            report.published += self._orphans.publish(ready)
            self._beat()
        # What could not be finished is free until the next sweep: for an operator's, above all.
        self._claims.let_go(self._tools.busy)
        report.unknown = self._tidier.tidy()
        report.stranded = self._stranded.look(switches)
        self._tools.journal.hearsay.forget(self._tools.clock.utcnow() - CALL_LIMIT)
        ages = self._claims.open_ages()
        report.open = len(ages)
        report.overdue = sum(age > OVERDUE for age in ages)
        report.oldest_open = max(ages, default=0.0)
        metrics.OPEN_DISCARDS.set(report.open)
        metrics.OVERDUE_DISCARDS.set(report.overdue)
        metrics.OLDEST_OPEN_DISCARD.set(report.oldest_open)
        metrics.SWEPT_AT.set(self._tools.clock.utcnow().timestamp())
        return report

    def tend(self) -> SweepReport:
        """Say that this process lives, and try again what has failed in its own calls; of those that it has handed on,
        bring into the journal what that had not taken.

        Raises:
            DatabaseFailed: the journal can't be read or written; nothing is lost.
        """
        report = SweepReport()
        self._presence.announce(self._claims.node.id)
        self._tools.lookout.write_again()
        self._beat()
        own = self._claims.node.id
        self._take_from_spool(lambda spooled: spooled.owner == own)
        self._write_settled()
        self._claims.let_go(self._tools.busy)
        self._retry_live(report)
        return report

    def hear(self, news: Sequence[tuple[str, str]]) -> set[str]:
        """Write down recordings (call and path) that FreeSWITCH tells of; which calls `noticed` is to be told of.

        Raises:
            DatabaseFailed: it can't even be looked which calls were discarded.
        """
        hearsay = self._tools.journal.hearsay
        try:
            discarded = hearsay.hear(news)
        except DatabaseFailed as error:
            self._log.warning("recordings heard of are not written down", why=str(error))
            discarded = hearsay.discarded(news)
        return discarded | {each for each, _ in news if each in self._tools.live}

    def noticed(self, call_uuid: str, path: str, cause: str | None) -> None:
        """FreeSWITCH said that a recording of a discarded call has begun, or has ended (`cause`: why).

        Raises:
            DatabaseFailed: the journal can't be read.
        """
        live = self._tools.live.get(call_uuid)
        if live is not None:
            live.noticed_elsewhere(path, cause)
            return
        with self._tools.locks.hold(call_uuid):
            intent = self._tools.journal.load(call_uuid).intent
            if intent is None or call_uuid in self._tools.live:
                return
            discard = self._make_discard(intent)
            discarder, lookout = self._tools.discarder, self._tools.lookout
            discarder.forbid(discard)
            if not lookout.is_news(discard, path, cause):
                return
            metrics.LATE_RECORDINGS.inc()
            discard.log.warning("a discarded call is recorded again, and not by us", path=path)
            lookout.note(discard, [path], late=True, cause=cause)
            try:
                discarder.run(discard)
            except DiscardFailed:
                return  # it is in the log, and open in the journal

    def _see_archive(self, report: SweepReport) -> bool:
        """Look whether the archive is at hand; True: it was not, and is again."""
        before, self._no_archive = self._no_archive, ""
        try:
            if self._tools.archives.used():
                self._tools.archives.check(self._tools.reach.files(""))
        except FileWorkFailed as error:
            self._no_archive = report.no_archive = str(error)
            if before != self._no_archive:
                self._log.error("nothing is published: the archive is not at hand", why=str(error))
        else:
            if before:
                self._log.info("the archive is at hand again")
        metrics.ARCHIVE_MISSING.set(bool(self._no_archive))
        return bool(before) and not self._no_archive

    def _beat(self) -> None:
        """This process lives: also while one sweep takes longer than a lease, with a file server that hangs."""
        now = self._tools.clock.now()
        if self._beaten is None or now - self._beaten >= BEAT:
            self._claims.beat()
            self._beaten = now

    def _run(self, seconds: float, only_own: bool, after: Callable[[], object]) -> None:
        after()
        at_once = True
        while not self._stopping:
            try:
                if only_own:
                    self.tend()
                else:
                    self.sweep(at_once=at_once)
            except DatabaseFailed as error:
                self._log.warning("sweep put off", why=str(error))
            except Exception:
                self._log.exception("sweep failed")
            at_once = self._hurry.get(self._tools.clock.now() + seconds) is not None

    def _write_settled(self) -> None:
        """Calls that ended while the database was away: nobody is to think that their server had died."""
        for call_uuid, entries in list(self._tools.settled.items()):
            self._tools.journal.settle_all(entries)
            self._tools.settled.pop(call_uuid, None)

    def _take_from_spool(self, which: Callable[[Spooled], bool]) -> None:
        for listed in self._spool.read():
            if listed.call_uuid in self._tools.live or not which(listed):
                continue
            # It took its time to come here: what has been dealt with since must not be begun anew.
            for spooled in self._spool.read(listed.call_uuid):
                if spooled.call_uuid not in self._tools.live and which(spooled):
                    self._take(spooled)

    def _take(self, spooled: Spooled) -> None:
        self._tools.journal.open_discard(
            spooled.call_uuid, spooled.switch, spooled.cause, spooled.entries
        )
        if spooled.over:
            self._tools.journal.unwatch(spooled.call_uuid)
        self._spool.remove(spooled.files)

    def _retry_live(self, report: SweepReport) -> None:
        for live in list(self._tools.live.values()):
            try:
                report.discarded += live.retry()
            except DiscardFailed as failed:
                report.failed.append(str(failed))

    # --- discards -----------------------------------------------------------------------------------------------

    def _finish(self, intent: Intent, report: SweepReport) -> None:
        discard = self._make_discard(intent)
        if not intent.open and self._is_quiet(discard):
            return
        try:
            self._tools.discarder.run(discard)
            report.discarded += 1
        except DiscardFailed as failed:
            report.failed.append(str(failed))

    def _make_discard(self, intent: Intent) -> Discard:
        call = self._tools.journal.load(intent.call_uuid)
        return Discard(
            intent.call_uuid,
            intent.switch,
            intent.cause,
            self._tools.reach.files(intent.switch),
            call_logger("recordings", intent.call_uuid),
            controls=self._controls(intent),
            known={entry.path: entry for entry in call.entries},
            recovered=True,
            receipted=call.receipt is not None,
            settled={settled.path: settled for settled in call.settlements},
        )

    def _controls(self, intent: Intent) -> Sequence[RecordingControl]:
        control = self._tools.reach.control(intent.switch, intent.call_uuid)
        if control is not None:
            return [control]
        old = self._tools.clock.utcnow() - intent.cause.at > CALL_LIMIT
        # The process that had the call saw its end, and could do no more than write that down.
        seen = intent.open and not intent.watch
        return [EndedCall(intent.call_uuid)] if old or seen or self._calls_ended else []

    def _is_quiet(self, discard: Discard) -> bool:
        """A discard with its receipt, in a call that may still be up: whether all is still as it should be."""
        self._tools.discarder.forbid(discard)
        for control in discard.controls:
            try:
                over = not control.alive()
                if not over and control.active():
                    discard.log.warning("a discarded call is recorded again, and not by us")
                    return False
            except RecordingError as error:
                discard.log.warning("a discarded call can't be watched", why=str(error))
                return True
            if self._tools.lookout.reopen_if_there(discard):
                return False
            if over:
                self._tools.journal.unwatch(discard.call_uuid)
            return True
        return True

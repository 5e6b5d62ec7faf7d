"""Everything a process needs for its calls' recordings, made from the settings. Make it after forking.

recordings = Recordings.open(settings, database, GeventClock(), switches=switches)
recordings.start(settings.recordings.sweep_seconds)
...
call = recordings.call(control, flow=flow.name, switch=channel["FreeSWITCH-Switchname"], log=log)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from fsflows.clock import Clock, Task
from fsflows.database import Database
from fsflows.esl.supervised import FreeSwitches
from fsflows.lanes import Beside, Here, Lane
from fsflows.log import Logger
from fsflows.recordings.agent.files import AgentFiles
from fsflows.recordings.call.recordings import CallRecordings
from fsflows.recordings.discarding.discarder import Discarder
from fsflows.recordings.discarding.lookout import Lookout
from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.files import INTENTS, Files
from fsflows.recordings.files.offhub import OffHub
from fsflows.recordings.files.places import local_files, parse_root
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.freeswitch.reach import ByName, OneReach, Reach
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.locks import CallLocks
from fsflows.recordings.publishing.identity import Archives
from fsflows.recordings.publishing.publisher import Publisher
from fsflows.recordings.recovery.claims import Claims
from fsflows.recordings.recovery.presence import Presence
from fsflows.recordings.recovery.sweep import Sweeper
from fsflows.recordings.recovery.watch import Watch
from fsflows.recordings.tools import Tools
from fsflows.recordings.under_way import UnderWay
from fsflows.settings import Settings

CONNECTING = 3.0
"""Seconds that the FreeSWITCHes get to be connected before the first sweep: without them it can do only half of its
work, and would call discards failed that it finishes a moment later."""


@dataclass(slots=True)
class Recordings:
    """A process' recordings: what makes a call's; what sweeps; and what listens to FreeSWITCH for others' recordings.

    Every process makes one. All of them `start` it, one of a node to sweep and to listen.
    """

    tools: Tools
    claims: Claims
    sweeper: Sweeper
    intents: IntentSpool
    files: Files | None = None
    watch: Watch | None = None
    _tasks: list[Task] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        switches: FreeSwitches | None = None,
        threaded: bool = True,
        also: Sequence[str] = (),
        discard_orphans: bool = False,
        calls_ended: bool = False,
    ) -> Recordings:
        """Make it from the settings.

        Args:
            settings: `recordings` and `database.spool` are used.
            database: already open; it stays the caller's to close.
            clock: the process' clock.
            switches: the FreeSWITCHes that can be asked about calls that this process doesn't have; they stay the
                caller's to start and close. None: none can.
            threaded: file work beside gevent's hub; for a server.
            also: names of further FreeSWITCHes whose recordings lie in the same (shared) directories.
            discard_orphans: see `Sweeper`.
            calls_ended: see `Sweeper`.

        Raises:
            ValueError: the settings can't be used; the text says which.
        """
        lane: Callable[[], Lane] = Beside if threaded else Here
        files = make_files(settings)
        if threaded:
            files = OffHub(files)
        made = cls.make(
            database,
            clock,
            OneReach(files, ByName(switches) if switches else None, also),
            staging=parse_root(settings.recordings.staging).named,
            spool=_spool(settings),
            presence=Presence(f"{settings.database.spool}/alive", lane()),
            discard_orphans=discard_orphans,
            calls_ended=calls_ended,
            lane=lane,
        )
        made.files = files
        if switches is not None:
            made.watch = Watch(made.sweeper, switches, clock)
        return made

    @classmethod
    def make(
        cls,
        database: Database,
        clock: Clock,
        reach: Reach,
        *,
        staging: str,
        spool: Sequence[str] = (),
        presence: Presence | None = None,
        node: Node | None = None,
        faults: Faults = NO_FAULTS,
        discard_orphans: bool = False,
        calls_ended: bool = False,
        lane: Callable[[], Lane] = Here,
    ) -> Recordings:
        """Make it from its parts, in a test or a tool. `staging`: as FreeSWITCH names it; `lane`: see `IntentSpool`."""
        node = node or Node.make()
        journal = Journal(database, clock, node)
        intents = IntentSpool(spool, lane)
        archives = Archives(database, clock, node)
        lookout = Lookout(journal, clock, intents)
        under_way = UnderWay()
        tools = Tools(
            journal=journal,
            clock=clock,
            reach=reach,
            staging=staging.rstrip("/"),
            discarder=Discarder(journal, clock, lookout, under_way, faults=faults),
            lookout=lookout,
            publisher=Publisher(journal, archives, under_way, faults=faults),
            archives=archives,
            locks=CallLocks(clock),
            under_way=under_way,
            faults=faults,
        )
        claims = Claims(database, clock, node, presence.living if presence else tuple)
        sweeper = Sweeper(
            tools,
            claims,
            intents,
            discard_orphans=discard_orphans,
            calls_ended=calls_ended,
            presence=presence,
        )
        return cls(tools, claims, sweeper, intents)

    def call(
        self, control: RecordingControl, *, flow: str, switch: str, log: Logger
    ) -> CallRecordings:
        """The recordings of a call that has come in."""
        return CallRecordings(control, self.tools, flow=flow, switch=switch, log=log)

    def start(self, seconds: float, *, only_own: bool = False) -> None:
        """Sweep every so many seconds, and listen to FreeSWITCH, beside the caller, until `close`.

        Args:
            seconds: between two sweeps.
            only_own: another process of this node does that for all. This one says that it lives, and tries again what
                has failed in its own calls.
        """
        if self.watch is None or only_own:
            self._tasks.append(self.sweeper.start(seconds, only_own=only_own))
            return
        self.watch.start()
        connected = partial(self.watch.wait, CONNECTING)
        self._tasks.append(self.sweeper.start(seconds, after=connected))

    def close(self) -> None:
        """Stop sweeping and listening, and let go of threads. May be called twice."""
        if self.watch is not None:
            self.watch.stop()
        self.sweeper.stop()
        while self._tasks:
            self._tasks.pop().kill()  # it may sleep; what it leaves undone is begun again
        self.intents.close()
        if self.files is not None:
            self.files.close()


def make_files(settings: Settings) -> Files:
    """The file work that the settings ask for: here, or through the agent.

    Raises:
        ValueError: they can't be used.
    """
    chosen = settings.recordings
    if chosen.agent_url:
        roots = [parse_root(text) for text in (chosen.staging, *chosen.roots)]
        return AgentFiles(chosen.agent_url, chosen.agent_secret, roots)
    return local_files(chosen.staging, chosen.published, chosen.roots)


def _spool(settings: Settings) -> list[str]:
    on_disk = f"{settings.database.spool}/discards"
    if settings.recordings.agent_url:
        return [on_disk]
    return [f"{parse_root(settings.recordings.staging).local}/{INTENTS}", on_disk]

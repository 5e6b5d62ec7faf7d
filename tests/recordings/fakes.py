"""A FreeSWITCH as far as recordings go, with real files; and a whole installation around it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy.exc import OperationalError

from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.database.turns import READ
from fsflows.esl.commands import Command
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed, Reply
from fsflows.esl.supervised import FreeSwitch, FreeSwitches
from fsflows.log import call_logger
from fsflows.recordings.call.recordings import CallRecordings
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.faults import NO_FAULTS
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import INTENTS
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.paths import Root, Roots
from fsflows.recordings.freeswitch.control import ApiControl
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.receipt import DiscardCause
from fsflows.recordings.recovery.sweep import Sweeper, SweepReport
from fsflows.recordings.service import Recordings

UUID = "4c498dbc-d4fd-4481-bee1-36f272db702d"
OTHER = "11111111-2222-4333-8444-555555555555"
SWITCH = "fs1"


class FakeSwitch:
    """FreeSWITCH's `uuid_record`, `uuid_buglist` and `uuid_exists`, answering as the traces do.

    `RECORD_MIN_SEC` is obeyed as it is by FreeSWITCH (`forbids`): read when a recording begins, and its file is then
    deleted at its end; but not if its path has parameters in front (`{x=1}/path`).

    A file is opened (and emptied) at the start, written while it records, and closed at the stop, also when
    somebody has unlinked it meanwhile. Audio is the call's name over and over, so that it can be found again.
    """

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self.variables: dict[str, dict[str, str]] = {}
        self.doomed: set[tuple[str, str]] = set()
        self.forbids = True
        self.masked: set[tuple[str, str]] = set()
        self.on_event = lambda name, uuid, path, cause: None
        self.broken = ""  # a word: commands that contain it fail
        self.where = lambda path: path  # its disk, which need not be ours
        self.asked: list[str] = []
        self.starts = 0
        self.opened: dict[str, int] = {}  # by path: the how many-th recording was the last to it

    def begin(self, uuid: str) -> None:
        self.calls[uuid] = {}
        self.variables[uuid] = {}

    def api(self, name: str, *arguments: str) -> Reply:
        self.asked.append(" ".join((name, *arguments)))
        if self.broken and self.broken in self.asked[-1]:
            raise ConnectionError("the connection is gone")
        return Reply(getattr(self, name)(*arguments), {})

    def switchname(self) -> str:
        return SWITCH

    def uuid_exists(self, uuid: str) -> str:
        return "true" if uuid in self.calls else "false"

    def uuid_setvar(self, uuid: str, name: str, value: str) -> str:
        if uuid not in self.calls:
            return "-ERR No such channel!"
        self.variables[uuid][name] = value
        return "+OK"

    def uuid_getvar(self, uuid: str, name: str) -> str:
        return self.variables[uuid].get(name, "_undef_")

    def global_getvar(self, name: str) -> str:
        return "core-1"

    def file_exists(self, path: str) -> str:
        assert not path.startswith("{")
        return "true" if Path(self.where(path)).exists() else "false"

    def uuid_setvar_multi(self, uuid: str, pairs: str) -> str:
        if uuid not in self.calls:
            return "-ERR No such channel!"
        self.variables[uuid] |= dict(pair.split("=") for pair in pairs.split(";"))
        return "+OK"

    def uuid_buglist(self, uuid: str) -> str:
        if uuid not in self.calls:
            return "-ERR no reply"
        bugs = "".join(
            " <media-bug>\n  <function>session_record</function>\n"
            f"  <target>{path}</target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n"
            for path in self.calls[uuid]
        )
        return f"<media-bugs>\n{bugs}</media-bugs>\n\n"

    def uuid_record(self, uuid: str, what: str, path: str) -> str:
        if uuid not in self.calls:
            return "-ERR Cannot locate session!"
        active = self.calls[uuid]
        if what == "start":
            if path not in active:
                self._open(uuid, path)
            return "+OK Success"
        if what == "stop":
            if path == "all":
                for each in list(active):
                    self._close(uuid, each)
                return "+OK Success"
            if path not in active:
                return "-ERR Cannot stop record session!"
            self._close(uuid, path)
            return "+OK Success"
        if path not in active:
            return f"-ERR Cannot {what} recording session!"
        (self.masked.add if what == "mask" else self.masked.discard)((uuid, path))
        return "+OK Success"

    def hang_up(self, uuid: str) -> None:
        for path in list(self.calls[uuid]):
            self._close(uuid, path)
        del self.calls[uuid]

    def talk(self) -> None:
        for uuid, active in self.calls.items():
            for path, file in active.items():
                masked = (uuid, path) in self.masked
                file.write((b"\0" * 36 if masked else uuid.encode()) * 10)
                file.flush()

    def close(self) -> None:
        for uuid in list(self.calls):
            self.hang_up(uuid)

    def _open(self, uuid: str, path: str) -> None:
        file = without_parameters(path)
        native = "." not in file
        if native:
            # One for each direction; RECORD_MIN_SEC is not obeyed.
            Path(self.where(f"{file}-out.PCMU")).write_bytes(b"RIFF" + uuid.encode())
            file += "-in.PCMU"
        file = Path(self.where(file))
        file.parent.mkdir(parents=True, exist_ok=True)
        self.calls[uuid][path] = file.open("wb")
        if self.forbids and "RECORD_MIN_SEC" in self.variables[uuid] and not native:
            self.doomed.add((uuid, path))
        self.opened[path] = self.starts = self.starts + 1
        self.calls[uuid][path].write(b"RIFF" + uuid.encode())
        self.calls[uuid][path].flush()
        self.on_event("start", uuid, path, "")

    def _close(self, uuid: str, path: str, cause: str = "success-maxtime") -> None:
        self.calls[uuid].pop(path).close()
        self.masked.discard((uuid, path))
        if (uuid, path) in self.doomed:
            self.doomed.remove((uuid, path))
            cause = "input-too-short"
            Path(self.where(path)).unlink(missing_ok=True)
        self.on_event("stop", uuid, path, cause)


def without_parameters(path: str) -> str:
    """The file that FreeSWITCH writes."""
    while path.startswith("{"):
        path = path[path.index("}") + 1 :]
    return path


@dataclass
class World:
    """An installation below one directory: FreeSWITCH, staging, archive, a further root, a database, our process."""

    directory: Path
    url: str = ""
    faults: Any = NO_FAULTS
    socket: bool = True
    node: str = "node-a"
    options: dict[str, Any] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
    in_memory: bool = True  # the staging directory

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.switch = FakeSwitch()
        self.switch.on_event = self._event
        for name in ("staging", "archive", "other", "elsewhere"):
            (self.directory / name).mkdir(exist_ok=True)
        self.staging = str(self.directory / "staging")
        self.other = str(self.directory / "other")
        self.url = self.url or f"sqlite:///{self.directory}/journal.db"
        self.calls: dict[str, CallRecordings] = {}
        self.links: list[SwitchLink] = []
        self.reachable = True
        self.databases: list[Database] = []
        self.service = self.restart()

    def restart(self, node: str = "", **options: Any) -> Recordings:
        """A new process of ours; of the old one nothing is left but files and database."""
        self.calls.clear()
        self.database = Database.open(self.url)
        self.databases.append(self.database)
        self.files = self.local_files()
        self.service = self.make(node or self.node, **options)
        return self.service

    def make(self, node: str, event_sockets: Any = None, **options: Any) -> Recordings:
        event_socket = event_sockets or (_Socket(self.switch) if self.socket else None)
        return Recordings.make(
            self.database,
            self.clock,
            OneReach(self.files, event_socket),
            staging=self.staging,
            spool=[f"{self.staging}/{INTENTS}", str(self.directory / "spool")],
            node=Node.make(node),
            faults=self.faults,
            **{**self.options, **options},
        )

    def local_files(self) -> LocalFiles:
        return LocalFiles(
            Roots([Root(self.staging, volatile=self.in_memory), Root(self.other)]),
            self.staging,
            DirectoryArchive(str(self.directory / "archive"), faults=self.faults),
            patterns=self.patterns,
            faults=self.faults,
        )

    def call(self, uuid: str = UUID) -> CallRecordings:
        """A call comes in, to our process."""
        if uuid not in self.switch.calls:
            self.switch.begin(uuid)
        self.calls[uuid] = self.service.call(
            ApiControl(self.switch.api, uuid),
            flow="demo",
            switch=SWITCH,
            log=call_logger("t", uuid),
        )
        return self.calls[uuid]

    def one_discarded_one_published(self) -> None:
        """Two calls that are over: UUID's caller has opted out."""
        for uuid in (UUID, OTHER):
            self.call(uuid).start()
        self.switch.talk()
        self.calls[UUID].discard(self.cause())
        for uuid in (UUID, OTHER):
            self.switch.hang_up(uuid)
            self.calls.pop(uuid).finish()

    def cause(self, step: str = "opt_out") -> DiscardCause:
        return DiscardCause("demo", step, "1", self.clock.utcnow())

    def failing_discard(self) -> Callable[..., Any]:
        """A discard that can't be finished, of a call that is up; gives what deletes files, to put it back."""
        call = self.call()
        call.start()
        self.switch.talk()
        delete = self.files.delete
        self.files.delete = Mock(side_effect=FileWorkFailed("read-only"))
        with pytest.raises(DiscardFailed):
            call.discard(self.cause())
        return delete

    def audio(self, uuid: str = UUID) -> list[str]:
        """Every file anywhere below the directory that has something of a call's audio in it."""
        found = []
        for file in (*self.directory.rglob("*"), *self._linked_archive()):
            kept_by_us = file.suffix in (".json", ".db", ".db-wal", ".db-shm")
            if file.is_file() and not kept_by_us and uuid.encode() in file.read_bytes():
                found.append(str(file.relative_to(self.directory)))
        return sorted(found)

    def _linked_archive(self) -> list[Path]:
        """All in an archive that is a link, to another file system: no look into a directory follows links."""
        archive = self.directory / "archive"
        if not archive.is_symlink():
            return []
        return [
            archive / found.relative_to(archive.resolve()) for found in archive.resolve().rglob("*")
        ]

    def states(self, uuid: str = UUID) -> list[str]:
        return [entry.state for entry in self.service.tools.journal.load(uuid).entries]

    def receipt(self, uuid: str = UUID):
        return self.service.tools.journal.load(uuid).receipt

    def soon(self):
        """A time before which everything was so far."""
        return self.clock.utcnow() + timedelta(seconds=1)

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.clock._now += timedelta(**delta).total_seconds()

    def close(self) -> None:
        self.switch.on_event = lambda *_: None
        self.switch.close()
        for database in self.databases:
            database.close()

    def freeswitches(self) -> FreeSwitches:
        """The fake FreeSWITCH by its own event socket, as it is configured for a server."""
        switch = FreeSwitch("fake:8021", self._connect, self.clock, chance=lambda: 0.5)
        return FreeSwitches([switch], self.clock)

    def cut_off(self) -> None:
        """The event socket is lost, and can't be had again before `reachable` is True."""
        self.reachable = False
        for link in self.links:
            link.end()

    def _connect(self) -> SwitchLink:
        if not self.reachable:
            raise ConnectionError("connection refused")
        self.links.append(SwitchLink(self))
        return self.links[-1]

    def _event(self, name: str, uuid: str, path: str, cause: str) -> None:
        headers = {"Event-Name": f"RECORD_{name.upper()}", "Unique-ID": uuid}
        headers |= {"Record-File-Path": path, "Record-Completion-Cause": cause}
        for link in self.links:
            link.inbox.put(Event.from_headers(headers))
        call = self.calls.get(uuid)
        if call is None:
            return
        if name == "start":
            call.noticed_start(path, self.clock.now())
        else:
            call.noticed_stop(path, self.clock.now(), cause)


class SwitchLink:
    """A connection to the event socket of the fake FreeSWITCH."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.inbox: Any = world.clock.mailbox()

    def request(self, command: Command, timeout: float | None = 5.0) -> Reply:
        if self not in self._world.links:
            raise LinkClosed("FreeSWITCH closed the connection")
        if command.verb == "filter":
            return Reply("+OK filter added.", {})
        return self._world.switch.api(*shlex.split(command.args))

    def subscribe(self, names: Any) -> None:
        assert set(names) == {"RECORD_START", "RECORD_STOP"}

    def receive(self, until: float | None = None) -> Event | None:
        event = self.inbox.get(until)
        if event == "end":
            raise LinkClosed("FreeSWITCH closed the connection")
        return event

    def end(self) -> None:
        self._world.links.remove(self)
        self.inbox.put("end")

    def close(self) -> None:
        if self in self._world.links:
            self._world.links.remove(self)


class _Socket:
    """The event socket of the fake FreeSWITCH."""

    def __init__(self, switch: FakeSwitch) -> None:
        self._fake = switch
        self.api = switch.api

    def names(self) -> list[str]:
        return [SWITCH]

    def of(self, switch: str) -> Any:
        return self.api if switch in ("", SWITCH) else None

    def close(self) -> None:
        pass


def listed(directory: Any) -> list[str]:
    """The names in a directory."""
    return sorted(entry.name for entry in Path(directory).iterdir())


def sweep_alone(sweeper: Sweeper) -> SweepReport:
    """Sweep as the one process of its node that is left."""
    sweeper._claims.retire_if(lambda process: True)
    return sweeper.sweep()


def fail_database(world, after=0):
    """From now on (or after so many transactions) the database can't be written."""
    run = world.database._run
    left = [after]

    def failing(work, of, kind):
        writing = kind is not READ

        def full(connection):
            left[0] -= writing
            if writing and left[0] < 0:
                raise OperationalError("COMMIT", {}, Exception("database or disk is full"))
            return work(connection)

        return run(full, of, kind)

    world.database._run = failing
    return lambda: setattr(world.database, "_run", run)

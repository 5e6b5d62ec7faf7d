"""A server process that can be killed anywhere: `python -m recordings.crashing`, one job a line on standard input.

It imports everything once, then forks for each job; the child does the job, and may be killed by SIGKILL at a point
that the job names. The answer says how the child ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.esl.link import Reply
from fsflows.log import call_logger
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.files import INTENTS
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.paths import Root, Roots
from fsflows.recordings.freeswitch.control import ApiControl
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.receipt import DiscardCause
from fsflows.recordings.service import Recordings


class KillAt:
    """Dies at a point, the nth time it is passed while it is armed."""

    def __init__(self, point: str, nth: int, *, armed: bool) -> None:
        self.armed = armed
        self._point = point
        self._left = nth

    def at(self, point: str) -> None:
        if self.armed and point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class RemoteSwitch:
    """The fake FreeSWITCH, which lives in the tests' own process and outlives this one."""

    def __init__(self, path: str, name: str) -> None:
        self._name = name
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(path)
        self._file = self._connection.makefile("rw")

    def names(self) -> list[str]:
        return [self._name]

    def of(self, switch: str) -> Any:
        return self.api if switch == self._name else None

    def api(self, name: str, *arguments: str) -> Reply:
        self._file.write(json.dumps([name, *arguments]) + "\n")
        self._file.flush()
        return Reply(json.loads(self._file.readline()), {})

    def close(self) -> None:
        self._file.close()
        self._connection.close()


class Job:
    """One job of one process."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._switch = RemoteSwitch(job["socket"], job["switch"])
        self._clock = VirtualClock()
        self._clock._now += job.get("at", 0.0)
        self._database = Database.open(job["url"])
        self._faults = KillAt(job.get("point", ""), job.get("nth", 1), armed=not job.get("late"))
        directory = Path(job["directory"])
        self._staging = str(directory / "staging")
        files = LocalFiles(
            Roots([Root(self._staging, volatile=True), Root(str(directory / "other"))]),
            self._staging,
            DirectoryArchive(job.get("archive") or str(directory / "archive"), faults=self._faults),
            faults=self._faults,
        )
        self._service = Recordings.make(
            self._database,
            self._clock,
            OneReach(files, self._switch),
            staging=self._staging,
            spool=[f"{self._staging}/{INTENTS}"],
            node=Node.make(job["node"]),
            faults=self._faults,
        )
        self._other = str(directory / "other")

    def run(self) -> Any:
        return getattr(self, self._job["do"])()

    def discard(self) -> Any:
        """A call comes in, is recorded thrice, and the caller opts out; then somebody records once more."""
        call = self._call()
        call.start()
        self._theirs(call, "theirs")
        self._say("talk")
        receipt = call.discard(DiscardCause("demo", "opt_out", "1", self._clock.utcnow()))
        if self._job.get("late"):
            self._faults.armed = True
            self._theirs(call, "late")
            self._say("talk")
        return receipt.to_dict()

    def publish(self) -> Any:
        """A call comes in, is recorded, and ends."""
        call = self._call()
        call.start()
        self._say("talk")
        self._switch.api("hang_up", self._job["uuid"])
        summary = call.finish()
        return summary.locations

    def establish(self) -> Any:
        """The archive is known from now on."""
        self._service.tools.archives.check(self._service.tools.reach.files(""))

    def order(self) -> Any:
        """The caller opts out, and no more than that is done."""
        cause = DiscardCause("demo", "opt_out", "1", self._clock.utcnow())
        self._service.tools.journal.open_discard(self._job["uuid"], self._job["switch"], cause)

    def sweep(self) -> Any:
        """Finish what is unfinished."""
        report = self._sweep()
        return {"failed": report.failed, "waiting": report.waiting}

    def _sweep(self) -> Any:
        self._service.claims.retire_if(lambda process: True)  # who was there before was killed
        return self._service.sweeper.sweep()

    def _call(self) -> Any:
        control = ApiControl(self._switch.api, self._job["uuid"])
        log = call_logger("t", self._job["uuid"])
        self._sweep()
        call = self._service.call(control, flow="demo", switch=self._job["switch"], log=log)
        call.begin()
        return call

    def _theirs(self, call: Any, name: str) -> None:
        path = f"{self._other}/{name}-{self._job['uuid'][:4]}.wav"
        self._switch.api("uuid_record", self._job["uuid"], "start", path)
        call.noticed_start(path, self._clock.now())

    def _say(self, what: str) -> None:
        self._switch.api(what)


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                out.write(json.dumps(Job(json.loads(line)).run()))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            result = told.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = {
            "killed": killed,
            "failed": not killed and status != 0,
            "result": json.loads(result) if result else None,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""What is done again and again, with a database of some calls and with one of many: the sweep, records brought up to
date, the look for what is too old, and what a recorded call writes.

    python benchmarks/grown.py [--calls 1000,100000] [--database postgresql://user@host/db]

Every call has a record and a recording; each tenth was discarded. Medians of some runs, in milliseconds. What grows
with the number of calls would grow for years. A database that is given must be empty, and takes one number of calls.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from fsflows.archive.model import Record
from fsflows.archive.retention import purge
from fsflows.archive.store import RecordStore
from fsflows.clock import GeventClock
from fsflows.database import Database
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.files import INTENTS
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.paths import Root, Roots
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause, Receipt
from fsflows.recordings.journal.tables import discards, receipts, recordings
from fsflows.recordings.oversight.expiry import Expiry
from fsflows.recordings.recovery.claims import Claims
from fsflows.recordings.service import Recordings
from fsflows.server.office.settling import Settling

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from record_samples import sample_records

DAYS = 90
"""Over which the calls are spread."""

STAGED = 50
"""Recordings that lie in the staging directory while calls are up."""


class Installation:
    """A database with so many calls, and what a server does with it."""

    def __init__(self, directory: Path, url: str, calls: int) -> None:
        self.clock = GeventClock()
        self.database = Database.open(url)
        self.store = RecordStore(self.database, webhook=False)
        self.staging = directory / "staging"
        archive = directory / "archive"
        for each in (self.staging, archive):
            each.mkdir()
        self.files = LocalFiles(
            Roots([Root(str(self.staging))]), str(self.staging), DirectoryArchive(str(archive))
        )
        self.service = Recordings.make(
            self.database,
            self.clock,
            OneReach(self.files, None),
            staging=str(self.staging),
            spool=[f"{self.staging}/{INTENTS}"],
            node=Node.make("bench"),
        )
        self.journal = self.service.tools.journal
        self.service.tools.archives.check(self.files)
        self._fill(calls)
        other = Node.make("bench")
        Claims(self.database, self.clock, other).beat()
        journal = Journal(self.database, self.clock, other)
        for _ in range(STAGED):
            self._stage(journal)

    def _fill(self, calls: int) -> None:
        made = sample_records(calls, until=self.clock.utcnow(), days=DAYS)
        number = 0
        while batch := list(islice(made, 500)):
            self.store.insert(batch)
            rows = [(each, (number + at) % 10 == 0) for at, each in enumerate(batch)]
            number += len(batch)
            self.database.write(
                lambda c, rows=rows: c.execute(
                    insert(recordings), [self._recording(*row) for row in rows]
                )
            )
            gone = [record for record, discarded in rows if discarded]
            self.database.write(
                lambda c, gone=gone: (
                    c.execute(insert(discards), list(map(_discard, gone))),
                    c.execute(insert(receipts), list(map(_receipt, gone))),
                )
            )

    def _recording(self, record: Record, discarded: bool) -> dict[str, object]:
        name = f"{record.started_at:%Y-%m-%d}/{record.call_id}.wav"
        return {
            "call_uuid": record.call_id,
            "path": f"{self.staging}/{record.call_id}.wav",
            "switch": "fs1",
            "flow": record.flow,
            "origin": "flow",
            "state": "discarded" if discarded else "published",
            "owner": "bench#0",
            "node": "bench",
            "started_at": record.started_at,
            "name": name,
            "archived": True,
            "location": None if discarded else f"/archive/{name}",
            "seen": True,
            "size": 20_000,
        }

    def _stage(self, journal: Journal) -> None:
        """The recording of a call that is up, at another process of this node."""
        call = str(uuid4())
        path = self.staging / f"{call}.wav"
        path.write_bytes(b"RIFF")
        now = self.clock.utcnow()
        journal.note([Entry(call_uuid=call, path=str(path), started_at=now, switch="fs1")])

    def work(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """What is done, and how often."""
        settling = Settling(self.store, self.journal, list, self.clock)
        yield "the sweep, every 15 s", self.service.sweeper.sweep
        yield "records brought up to date, every 10 s", settling.look
        old = self.clock.utcnow() - timedelta(days=2 * DAYS)
        expiry = Expiry(self.service.tools)
        yield "old records and recordings, none", lambda: purge(self.store, old, expiry)
        yield "what a recorded call writes", self._call

    def _call(self) -> None:
        call = str(uuid4())
        path = f"{self.staging}/{call}.wav"
        name = f"2026-01-01/{call}.wav"
        entry = Entry(call_uuid=call, path=path, started_at=self.clock.utcnow(), name=name)
        _, written = self.journal.note_first(entry)
        assert written is not None
        self.journal.change(written, ("starting", "recording"), state="recording", seen=True)
        self.journal.change(written, ("recording",), state="staged")
        self.journal.start_publishing(written)
        self.journal.published(written, f"/archive/{name}", 20_000)


def _discard(record: Record) -> dict[str, object]:
    return {
        "call_uuid": record.call_id,
        "switch": "fs1",
        "flow": record.flow,
        "step": "menu",
        "key_or_word": "9",
        "requested_at": record.started_at,
        "state": "done",
        "watch": False,
        "owner": "bench#0",
        "node": "bench",
        "attempts": 0,
    }


def _receipt(record: Record) -> dict[str, object]:
    cause = DiscardCause(record.flow, "menu", "9", record.started_at)
    made = Receipt(record.call_id, cause, record.started_at, "bench#0")
    return {
        "call_uuid": record.call_id,
        "issued_at": record.started_at,
        "revision": 1,
        "complete": True,
        "body": made.to_json(),
    }


def measure(url: str, calls: int, runs: int) -> dict[str, float]:
    """Median milliseconds of each kind of work."""
    medians = {}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        made = Installation(directory, url or f"sqlite:///{directory}/fsflows.db", calls)
        for what, do in made.work():
            do()
            times = []
            for _ in range(runs):
                began = time.perf_counter()
                do()
                times.append((time.perf_counter() - began) * 1000)
            medians[what] = statistics.median(times)
        made.database.close()
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", default="1000,100000", help="how many (%(default)s)")
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database")
    parser.add_argument("--runs", type=int, default=15, help="(%(default)s)")
    options = parser.parse_args()
    numbers = [int(each) for each in options.calls.split(",")]
    found = [measure(options.database, each, options.runs) for each in numbers]
    print("| ms | " + " | ".join(f"{each:,} calls" for each in numbers) + " |")
    print("|---" * (len(numbers) + 1) + "|")
    for what in found[0]:
        print(f"| {what} | " + " | ".join(f"{each[what]:.1f}" for each in found) + " |")


if __name__ == "__main__":
    main()

"""Rows into SQLite beside a busy thread of the same process: what it costs that thread, the one that answers callers.

    python benchmarks/inserting.py [rows]

The busy thread does what gevent's hub does: some Python, a write and a read, and so on. "Lost" is the work that it did
not get done meanwhile. Row by row: `executemany`; in one step: `fsflows.database.inserting`. Absolute figures differ
from machine to machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from fsflows.archive.tables import begun
from fsflows.database import Database
from fsflows.database.inserting import insert_new
from fsflows.server.worker.tuning import SWITCH_INTERVAL

BATCH = 200


class Busy:
    """A thread that is never done."""

    def __init__(self) -> None:
        self.rounds = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        out, into = os.pipe()
        while not self._stopped:
            for _ in range(2000):
                pass
            os.write(into, b"x")
            os.read(out, 1)
            self.rounds += 1

    def rate(self, seconds: float) -> float:
        """Rounds a second when nobody disturbs."""
        before = self.rounds
        time.sleep(seconds)
        return (self.rounds - before) / seconds

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()


def row_by_row(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(sqlite.insert(begun).on_conflict_do_nothing(), rows)


def in_one_step(connection: Connection, rows: list[dict[str, Any]]) -> None:
    insert_new(connection, begun, rows)


def measure(
    database: Database, way: Callable[[Connection, list[dict[str, Any]]], None], count: int
) -> None:
    busy = Busy()
    alone = busy.rate(1.0)
    began, rounds = time.perf_counter(), busy.rounds
    for start in range(0, count, BATCH):
        rows = [
            {
                "record_id": f"{way.__name__} {start + index}",
                "owner": "a#1",
                "started_at": datetime.now(UTC),
                "body": "x" * 700,
            }
            for index in range(BATCH)
        ]
        database.write(lambda connection, rows=rows: way(connection, rows))  # type: ignore[misc]
    took = time.perf_counter() - began
    lost = took - (busy.rounds - rounds) / alone
    busy.stop()
    per_row = 1e6 / (count // BATCH * BATCH)
    print(f"{way.__name__:12} {took * per_row:8.1f} us a row, {lost * per_row:7.1f} us lost")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2400
    sys.setswitchinterval(SWITCH_INTERVAL)
    with tempfile.TemporaryDirectory() as directory:
        database = Database.open(f"sqlite:///{directory}/calls.db")
        for way in (row_by_row, in_one_step):
            measure(database, way, count)
        database.close()


if __name__ == "__main__":
    main()

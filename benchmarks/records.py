"""How fast 100,000 conversation records are listed and searched.

    python benchmarks/records.py                                      # SQLite, in a temporary directory
    python benchmarks/records.py --database postgresql://user@host/db  # an empty database

Prints the median and the slowest of some runs of each question a console asks; exits 1 when a median is over the limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from fsflows.archive.charts import calls_per_hour, give_ups, outcomes_per_step
from fsflows.archive.endings import INBOUND, OUTBOUND
from fsflows.archive.search import Search
from fsflows.archive.store import RecordStore
from fsflows.database import Database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from record_samples import sample_records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT_MS = 100.0


def fill(store: RecordStore, count: int) -> float:
    began = time.perf_counter()
    records = sample_records(count, until=NOW, days=90)
    while batch := list(islice(records, 500)):
        ours = [replace(record, direction=OUTBOUND) for record in batch[:25]]
        store.insert([*ours, *batch[25:]])
    return time.perf_counter() - began


def questions(store: RecordStore, database: Database):
    first = store.search()
    deep = first
    for _ in range(20):
        deep = store.search(limit=500, older_than=deep.older)
    row = first.rows[0]
    week = NOW - timedelta(days=7)
    yield "first page", store.search
    yield "page after 10,000", lambda: store.search(older_than=deep.older)
    yield "back from there", lambda: store.search(newer_than=deep.newer)
    yield "by flow and result", lambda: store.search(Search(flow="pin_entry", result="abandoned"))
    yield "calls that we made", lambda: store.search(Search(direction=OUTBOUND))
    yield "a flow that is not there", lambda: store.search(Search(flow="nope"))
    yield (
        "discarded recordings of a week",
        lambda: store.search(Search(recording="discarded", since=week)),
    )
    yield "by caller's number", lambda: store.search(Search(caller=row.caller))
    yield "last digits of a number", lambda: store.search(Search(text="460042"))
    yield "part of a name", lambda: store.search(Search(text="okafor"))
    yield "a text that is nowhere", lambda: store.search(Search(text="zzzz"))
    yield (
        "nowhere, in calls that came in",
        lambda: store.search(Search(text="zzzz", direction=INBOUND)),
    )
    yield (
        "nowhere, in completed calls",
        lambda: store.search(Search(text="zzzz", result="completed")),
    )
    yield "by call id", lambda: store.search(Search(text=row.call_id))
    yield "one record", lambda: store.get(row.id)
    for days in (1, 7):
        since = NOW - timedelta(days=days)
        yield (
            f"chart: calls per hour, {days} d",
            lambda s=since: database.read(lambda c: calls_per_hour(c, s, NOW)),
        )
        yield (
            f"chart: outcomes, {days} d",
            lambda s=since: database.read(lambda c: outcomes_per_step(c, s, NOW)),
        )
        yield (
            f"chart: give-ups, {days} d",
            lambda s=since: database.read(lambda c: give_ups(c, s, NOW)),
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--database", help="SQLAlchemy URL of an empty database; default: a new SQLite file"
    )
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        database = Database.open(arguments.database or f"sqlite:///{directory}/records.db")
        store = RecordStore(database)
        took = fill(store, arguments.records)
        print(
            f"{database.url.get_backend_name()}: {arguments.records} records written in {took:.1f} s"
        )
        slow = 0
        for name, ask in questions(store, database):
            times = []
            for _ in range(arguments.runs):
                began = time.perf_counter()
                ask()
                times.append((time.perf_counter() - began) * 1000)
            median = statistics.median(times)
            slow += median > LIMIT_MS
            print(
                f"{name:32} {median:8.1f} ms   slowest {max(times):8.1f} ms{'   TOO SLOW' if median > LIMIT_MS else ''}"
            )
        database.close()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the console's charts count. Each takes a range of time (`until` is not included) and, if given, one flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, select

from fsflows.archive.endings import Reason, Result
from fsflows.archive.tables import collections, records


@dataclass(frozen=True, slots=True)
class HourCount:
    """How many calls of one hour ended with one result."""

    hour: datetime
    result: str
    calls: int


@dataclass(frozen=True, slots=True)
class StepCount:
    """How often a step ended with one outcome, and how often callers had to be asked for it, on average."""

    flow: str
    step: str
    outcome: str
    times: int
    attempts: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """How many callers left, or got no further, in a step."""

    flow: str
    step: str
    reason: str
    calls: int


@dataclass(frozen=True, slots=True)
class Totals:
    """All calls: how many, how they ended, what became of their recordings, and how long they took together."""

    calls: int
    seconds: float
    results: Mapping[str, int]
    recordings: Mapping[str, int]


def totals(connection: Connection, since: datetime, until: datetime, flow: str = "") -> Totals:
    """The sums of a range."""
    table = records.c
    query = (
        select(table.result, table.recording, func.count(), func.sum(table.seconds))
        .where(*_range(records, since, until, flow))
        .group_by(table.result, table.recording)
    )
    results: dict[str, int] = {}
    recordings: dict[str, int] = {}
    length = 0.0
    for result, recording, calls, seconds in connection.execute(query):
        results[result] = results.get(result, 0) + calls
        recordings[recording] = recordings.get(recording, 0) + calls
        length += seconds or 0.0
    return Totals(sum(results.values()), length, results, recordings)


def calls_per_hour(
    connection: Connection, since: datetime, until: datetime, flow: str = ""
) -> list[HourCount]:
    """The calls of each hour (UTC) by result; hours without calls are left out."""
    hour = _hour(connection, records.c.started_at).label("hour")
    query = (
        select(hour, records.c.result, func.count())
        .where(*_range(records, since, until, flow))
        .group_by(hour, records.c.result)
        .order_by(hour)
    )
    return [
        HourCount(datetime.strptime(at, "%Y-%m-%d %H").replace(tzinfo=UTC), result, calls)
        for at, result, calls in connection.execute(query)
    ]


def outcomes_per_step(
    connection: Connection, since: datetime, until: datetime, flow: str = ""
) -> list[StepCount]:
    """How the collections of each step ended, the busiest first."""
    table = collections.c
    query = (
        select(table.flow, table.step, table.outcome, func.count(), func.avg(table.attempts))
        .where(*_range(collections, since, until, flow))
        .group_by(table.flow, table.step, table.outcome)
        .order_by(func.count().desc(), table.flow, table.step)
    )
    return [
        StepCount(flow, step, outcome, times, float(attempts))
        for flow, step, outcome, times, attempts in connection.execute(query)
    ]


def give_ups(
    connection: Connection, since: datetime, until: datetime, flow: str = "", limit: int = 12
) -> list[GiveUp]:
    """The steps in which most callers left or got no further, the worst first."""
    table = records.c
    limits = (Reason.NO_INPUT_LIMIT.value, Reason.NO_MATCH_LIMIT.value)
    query = (
        select(table.flow, table.last_step, table.reason, func.count())
        .where(*_range(records, since, until, flow))
        .where((table.result == Result.ABANDONED.value) | table.reason.in_(limits))
        .group_by(table.flow, table.last_step, table.reason)
        .order_by(func.count().desc(), table.flow, table.last_step)
        .limit(limit)
    )
    return [GiveUp(*row) for row in connection.execute(query)]


def _range(table: Any, since: datetime, until: datetime, flow: str) -> list[ColumnElement[bool]]:
    found = [table.c.started_at >= since, table.c.started_at < until]
    return [*found, table.c.flow == flow] if flow else found


def _hour(connection: Connection, column: Any) -> ColumnElement[str]:
    """The hour of a time, in UTC: "2026-01-31 14"."""
    if connection.dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24")
    return func.substr(cast(column, Text), 1, 13)

"""The calls that are running now, for whoever looks on."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fsflows.archive.entries import Entry
from fsflows.archive.record import RecordBuilder


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One running call, as it was when looked at. `latest`: the last entry; `revision` counts changes."""

    id: str
    call_id: str
    started_at: datetime
    seconds: float
    caller: str
    caller_name: str
    callee: str
    flow: str
    step: str
    recording: str
    direction: str
    latest: dict[str, Any]
    revision: int

    def as_json(self) -> dict[str, Any]:
        """The call as JSON can hold it, for another process."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {"started_at": self.started_at.isoformat()}


def call_from_json(given: Mapping[str, Any]) -> LiveCall:
    """A call as `LiveCall.as_json` wrote it; fields of a later version are left out.

    Raises:
        ValueError: something that is no call.
    """
    known = {field.name for field in dataclasses.fields(LiveCall)}
    values = {name: value for name, value in given.items() if name in known}
    try:
        return LiveCall(**values | {"started_at": datetime.fromisoformat(given["started_at"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a running call: {error}") from error


class Live(Protocol):
    """Running calls, wherever they run."""

    def snapshot(self) -> list[LiveCall]:
        """The calls, the longest first. None of it changes afterwards."""

    def look(self, record_id: str) -> LiveCall | None:
        """One call; None: it isn't running."""

    def __len__(self) -> int:
        """How many calls there are."""

    def revision(self) -> Hashable:
        """Differs from what it was before if anything has happened. Asked often: it must not wait."""

    def entries(self, record_id: str) -> tuple[Entry, ...] | None:
        """The time line so far of one call; None: it isn't running."""


class LiveCalls:
    """The running calls of this process. The conversation adds a call's builder and removes it at the end.

    `version` grows with every call that comes or goes, and `revision()` with anything at all.
    """

    def __init__(self) -> None:
        self._builders: dict[str, RecordBuilder] = {}
        self._looks: dict[str, LiveCall] = {}
        self.version = 0

    def add(self, builder: RecordBuilder) -> None:
        """A call began."""
        self._builders[builder.id] = builder
        self.version += 1

    def remove(self, builder: RecordBuilder) -> None:
        """A call is over. Does nothing when it isn't known."""
        if self._builders.pop(builder.id, None) is not None:
            self._looks.pop(builder.id, None)
            self.version += 1

    def revision(self) -> tuple[int, int]:
        """Differs from what it was before if anything has happened."""
        return self.version, sum(each.revision for each in self._builders.values())

    def revisions(self) -> dict[str, int]:
        """How often each call has changed, by its record's id."""
        return {record_id: each.revision for record_id, each in self._builders.items()}

    def look(self, record_id: str) -> LiveCall | None:
        """One call; None: it isn't running."""
        builder = self._builders.get(record_id)
        return None if builder is None else self._look(builder)

    def snapshot(self) -> list[LiveCall]:
        """The calls, the longest first. None of it changes afterwards."""
        return [self._look(builder) for builder in self._builders.values()]

    def entries(self, record_id: str) -> tuple[Entry, ...] | None:
        """The time line so far of one call; None: it isn't running."""
        builder = self._builders.get(record_id)
        return None if builder is None else builder.entries

    def __len__(self) -> int:
        return len(self._builders)

    def _look(self, builder: RecordBuilder) -> LiveCall:
        """With thousands of calls, and somebody who looks on, only what has changed is looked at again."""
        seen = self._looks.get(builder.id)
        if seen is None or seen.revision != builder.revision:
            seen = self._looks[builder.id] = _look(builder)
        return dataclasses.replace(seen, seconds=builder.seconds)


def _look(builder: RecordBuilder) -> LiveCall:
    latest = builder.latest
    return LiveCall(
        id=builder.id,
        call_id=builder.call_id,
        started_at=builder.started_at,
        seconds=builder.seconds,
        caller=builder.caller,
        caller_name=builder.caller_name,
        callee=builder.callee,
        flow=builder.current_flow,
        step=builder.current_step,
        recording=builder.note.state.value,
        direction=builder.direction,
        latest=latest.as_json() if latest is not None else {},
        revision=builder.revision,
    )

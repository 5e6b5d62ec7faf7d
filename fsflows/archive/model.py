"""A conversation record: one a call, made to be read by people and by programs, without what must not be kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fsflows.archive.endings import INBOUND, OUTBOUND, Reason, RecordingState, Result
from fsflows.archive.entries import Collected, Entry, HandedOff, Measured, Ran
from fsflows.archive.entries import from_json as entry_from_json

SCHEMA = 1
"""Version of the JSON form; readers take what they know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingNote:
    """What a record says about the call's audio.

    Attributes:
        links: where it is, when it is present: paths or URLs, one for each of the call's recordings. Empty: it is not
            published yet.
        receipt: of a discard: when, flow, step, the key or word that caused it, the files, how long each part took.
    """

    state: RecordingState = RecordingState.NONE
    links: tuple[str, ...] = ()
    receipt: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come: False while a discard, or the publishing, is not finished."""
        if self.state is RecordingState.PRESENT:
            return bool(self.links)
        return self.state is not RecordingState.PENDING

    def as_json(self) -> dict[str, Any]:
        """The note as JSON can hold it."""
        return {
            "state": self.state.value,
            "links": list(self.links),
            "receipt": dict(self.receipt),
        }

    def same(self, other: RecordingNote) -> bool:
        """Whether it says what another one says, however that was read."""
        return _json(self.as_json()) == _json(other.as_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call.

    Attributes:
        id: the record's own id. A call that comes back (after a hand-off) has one record for each time.
        call_id: FreeSWITCH's channel UUID.
        node: the server that ran the call.
        started_at: when the call came in; times in the time line are seconds after it.
        answered_at: when it was answered; None: never.
        direction: "inbound": somebody called us; "outbound": we called `callee`.
        caller, callee: numbers; "" when withheld. `caller_name` is what the caller's side claims.
        flow, flow_version: where the call began; `flow_version` is the flow's content hash.
        hangup_cause: FreeSWITCH's ("NORMAL_CLEARING").
        last_step: where the call was when it ended.
        entries: the time line, oldest first.
        dropped_entries: how many were left out, because a call may not fill the database.
        revision: counts up when a record changes after the call: a recording published or discarded later, say.
    """

    id: str
    call_id: str
    node: str = ""
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime
    direction: str = INBOUND
    caller: str = ""
    caller_name: str = ""
    callee: str = ""
    flow: str = ""
    flow_version: str = ""
    result: Result
    reason: Reason
    hangup_cause: str = ""
    last_step: str = ""
    recording: RecordingNote = field(default_factory=RecordingNote)
    entries: tuple[Entry, ...] = ()
    dropped_entries: int = 0
    revision: int = 1

    @property
    def seconds(self) -> float:
        """How long the call took."""
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def outcome(self) -> str:
        """What came of a call that we made: "answered", "busy", ...; "" for one that came in."""
        if self.direction != OUTBOUND:
            return ""
        if self.result is Result.UNANSWERED:
            return self.reason.value
        return "failed" if self.reason is Reason.DIAL_FAILED else "answered"

    def of_kind(self, kind: type[Any]) -> list[Any]:
        """The entries of one kind, in order."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    @property
    def collected(self) -> list[Collected]:
        """What the steps got."""
        return self.of_kind(Collected)

    @property
    def functions(self) -> list[Ran]:
        """The functions that ran."""
        return self.of_kind(Ran)

    @property
    def metrics(self) -> dict[str, Any]:
        """What `conv.write_metric` wrote; of several values of one name, the last."""
        return {entry.name: entry.value for entry in self.of_kind(Measured)}

    @property
    def handoff(self) -> HandedOff | None:
        """Where the call was passed on to, if it was."""
        handoffs = self.of_kind(HandedOff)
        return handoffs[-1] if handoffs else None

    def as_json(self) -> dict[str, Any]:
        """The record as JSON can hold it: times in ISO 8601, UTC, to the millisecond."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "revision": self.revision,
            "call_id": self.call_id,
            "node": self.node,
            "started_at": _written(self.started_at),
            "answered_at": _written(self.answered_at) if self.answered_at else None,
            "ended_at": _written(self.ended_at),
            "seconds": round(self.seconds, 3),
            "direction": self.direction,
            "outcome": self.outcome,
            "caller": self.caller,
            "caller_name": self.caller_name,
            "callee": self.callee,
            "flow": self.flow,
            "flow_version": self.flow_version,
            "result": self.result.value,
            "reason": self.reason.value,
            "hangup_cause": self.hangup_cause,
            "last_step": self.last_step,
            "recording": self.recording.as_json(),
            "entries": [entry.as_json() for entry in self.entries],
            "dropped_entries": self.dropped_entries,
        }

    def dumps(self) -> str:
        """The record as one line of JSON."""
        return _json(self.as_json())


def loads(text: str | bytes) -> Record:
    """A record from `Record.dumps`.

    Raises:
        ValueError: it isn't one (a line cut off by a crash, for one).
    """
    return from_json(json.loads(text))


def from_json(given: Any) -> Record:
    """A record from what `Record.as_json` gave.

    Raises:
        ValueError: it isn't one.
    """
    try:
        recording = given.get("recording") or {}
        return Record(
            id=str(given["id"]),
            call_id=str(given["call_id"]),
            started_at=moment(given["started_at"]),
            answered_at=moment(given["answered_at"]) if given.get("answered_at") else None,
            ended_at=moment(given["ended_at"]),
            result=Result(given["result"]),
            reason=Reason(given["reason"]),
            recording=RecordingNote(
                state=RecordingState(recording.get("state", "none")),
                links=tuple(str(link) for link in recording.get("links", ())),
                receipt=dict(recording.get("receipt") or {}),
            ),
            entries=tuple(entry_from_json(entry) for entry in given.get("entries", ())),
            dropped_entries=int(given.get("dropped_entries", 0)),
            revision=int(given.get("revision", 1)),
            direction=str(given.get("direction") or INBOUND),
            **{name: str(given.get(name) or "") for name in _TEXTS},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record: {type(error).__name__} {error}") from error


_TEXTS = (
    "node",
    "caller",
    "caller_name",
    "callee",
    "flow",
    "flow_version",
    "hangup_cause",
    "last_step",
)


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def _written(at: datetime) -> str:
    return (
        (at if at.tzinfo is UTC else at.astimezone(UTC))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def moment(text: str) -> datetime:
    """A time as `Record.as_json` writes it.

    Raises:
        ValueError: it isn't one.
    """
    return datetime.fromisoformat(text).astimezone(UTC)

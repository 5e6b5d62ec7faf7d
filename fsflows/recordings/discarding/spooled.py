"""A discard's order as it lies in the spool: what it says, as JSON, and in which files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.receipt import DiscardCause


@dataclass(frozen=True, slots=True)
class Spooled:
    """A discard from the spool.

    Attributes:
        owner: the process (`Node.id`) that has the call, and tries again itself until it is over.
        over: the call has ended: nobody need be asked whether it records any more.
        files: that say so, by name; one that is in several directories has the same name there.
    """

    call_uuid: str
    switch: str
    cause: DiscardCause
    entries: tuple[Entry, ...]
    owner: str = ""
    over: bool = False
    files: frozenset[str] = frozenset()

    def to_json(self) -> str:
        return json.dumps(
            {
                "call_uuid": self.call_uuid,
                "switch": self.switch,
                "cause": asdict(self.cause),
                "entries": [asdict(entry) for entry in self.entries],
                "owner": self.owner,
                "over": self.over,
            },
            default=lambda value: value.isoformat(),
        )

    def and_later(self, other: Spooled) -> Spooled:
        """What this and a later file of the same call say: the first cause, all recordings, the last owner.

        One directory may have taken no more: if they differ in whether the call is over, nobody knows.
        """
        known = {entry.path for entry in self.entries}
        more = [entry for entry in other.entries if entry.path not in known]
        return replace(
            other,
            cause=self.cause,
            entries=(*self.entries, *more),
            over=self.over and other.over,
            files=self.files | other.files,
        )


def merged(found: Iterable[Spooled]) -> list[Spooled]:
    """One for each call, of files in the order in which they were written."""
    by_call: dict[str, Spooled] = {}
    for each in found:
        before = by_call.get(each.call_uuid)
        by_call[each.call_uuid] = each if before is None else before.and_later(each)
    return list(by_call.values())


def parse(text: str, file: str) -> Spooled:
    """Raises `ValueError`, `TypeError` or `KeyError`: it is no such order."""
    made = json.loads(text)
    cause = made["cause"]
    return Spooled(
        made["call_uuid"],
        made["switch"],
        DiscardCause(**{**cause, "at": datetime.fromisoformat(cause["at"])}),
        tuple(_entry(entry) for entry in made["entries"]),
        made.get("owner", ""),
        made.get("over", False),
        frozenset([file]),
    )


def _entry(values: dict[str, object]) -> Entry:
    times = {
        key: datetime.fromisoformat(str(values[key])) if values[key] else None
        for key in ("started_at", "stopped_at")
    }
    # Its row may be another by now: the path is what identifies it.
    return Entry(**{**values, **times, "id": 0})  # type: ignore[arg-type]

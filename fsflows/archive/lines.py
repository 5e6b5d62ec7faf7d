"""What waits in the spool on its way into the database, a line each: records, and that calls have begun.

The latter so that there is a record of a call whatever becomes of its server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from fsflows.archive.model import Record, loads, moment

_BEGUN = b'{"begun_by":'
_NEEDED = {"id", "call_id", "started_at", "ended_at", "result", "reason"}


class Begun(NamedTuple):
    """A call that has begun.

    Attributes:
        record_id: of the record that it is to have.
        owner: the process that has it, by an id that no other ever has.
        started_at: when it came in.
        body: the record, as it is to be if nothing more is ever heard of the call: what `Record.dumps` gave.
    """

    record_id: str
    owner: str
    started_at: datetime
    body: str

    @classmethod
    def of(cls, owner: str, record: Record) -> Begun:
        """A process has a call whose record is to be this one (`RecordBuilder.begun`)."""
        return cls(record.id, owner, record.started_at, record.dumps())


class Line(NamedTuple):
    """What waits for the disk."""

    data: bytes
    is_record: bool

    @classmethod
    def of(cls, what: Record | Begun) -> Line:
        """Its line. That of a call that has begun is the owner, and behind it the record as it is."""
        if isinstance(what, Begun):
            return cls(_owned_by(what.owner) + what.body.encode()[1:], is_record=False)
        return cls(what.dumps().encode(), is_record=True)


@dataclass(slots=True)
class Read:
    """What was in some lines.

    Attributes:
        damaged: those that nothing can be made of (cut off by a crash, say), each with why.
    """

    records: list[Record] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    damaged: list[tuple[bytes, str]] = field(default_factory=list)


def read(lines: Iterable[bytes]) -> Read:
    """What `Line.of` made them of."""
    found = Read()
    for line in lines:
        try:
            if line.startswith(_BEGUN):
                found.begun.append(_begun(line))
            else:
                found.records.append(loads(line))
        except ValueError as error:
            found.damaged.append((line, str(error)))
    return found


def _begun(line: bytes) -> Begun:
    # The record in it is taken as it is: it has been through our hands a moment ago.
    given = json.loads(line)
    if not given.keys() >= _NEEDED:
        raise ValueError("not a call that has begun")
    owner = str(given["begun_by"])
    body = "{" + line[len(_owned_by(owner)) :].decode()
    return Begun(str(given["id"]), owner, moment(given["started_at"]), body)


def _owned_by(owner: str) -> bytes:
    return _BEGUN + json.dumps(owner).encode() + b","

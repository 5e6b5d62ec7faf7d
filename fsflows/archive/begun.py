"""That a call has begun: how it is noted in the spool and in the database, so that there is a record of the call
whatever becomes of its server.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from fsflows.archive.model import Record, moment

_MARK = b'{"begun_by":'
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


def line(call: Begun) -> bytes:
    """A line for the spool: the owner, and behind it the record as it is."""
    return _prefix(call.owner) + call.body.encode()[1:]


def is_begun(written: bytes) -> bool:
    """Whether a line of the spool says that a call has begun; else it is a record."""
    return written.startswith(_MARK)


def read(written: bytes) -> Begun:
    """What `line` made. The record in it is taken as it is: it has been through our hands a moment ago.

    Raises:
        ValueError: it isn't such a line (it was cut off by a crash, for one).
    """
    given = json.loads(written)
    if not isinstance(given, dict) or not given.keys() >= _NEEDED:
        raise ValueError("not a call that has begun")
    owner = str(given["begun_by"])
    body = "{" + written[len(_prefix(owner)) :].decode()
    return Begun(str(given["id"]), owner, moment(given["started_at"]), body)


def _prefix(owner: str) -> bytes:
    return _MARK + json.dumps(owner).encode() + b","

"""How a recording's way into the archive is written, within a transaction: one process at a time is at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select, update

from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.tables import discards, nodes, recordings

_OTHERS = select(nodes.c.id).where(
    nodes.c.seen_at >= bindparam("since"), nodes.c.id != bindparam("us")
)
OTHERS_ARE_AT_IT = (recordings.c.state == "publishing") & recordings.c.owner.in_(_OTHERS)
"""A recording is being published by another process than `us`, which was heard of after `since`."""


def start(
    connection: Connection, entry: Entry, values: Mapping[str, Any], us: Node, since: datetime
) -> bool:
    """Take a recording for publishing. False: it was discarded or published, or others are at it."""
    picked = {"the_id": entry.id, "the_call": entry.call_uuid, "since": since, "us": us.id}
    changed = {"state": "publishing", "owner": us.id, **values}
    return _changed(connection, _starting(tuple(changed)), changed, picked)


def end(
    connection: Connection,
    entry: Entry,
    values: Mapping[str, Any],
    us: Node,
    *,
    unless_discarded: bool = False,
) -> bool:
    """What has become of a recording that we were publishing; False: it is ours no more."""
    picked: dict[str, Any] = {"the_id": entry.id, "us": us.id}
    if unless_discarded:
        picked["the_call"] = entry.call_uuid
    return _changed(connection, _ending(tuple(values), unless_discarded), values, picked)


_IT = recordings.c.id == bindparam("the_id")
_READY = or_(*(recordings.c.state == each for each in ("recording", "staged", "publishing")))
_NOT_DISCARDED = ~exists().where(discards.c.call_uuid == bindparam("the_call"))
_OURS = (recordings.c.state == "publishing") & (recordings.c.owner == bindparam("us"))


@lru_cache(8)
def _starting(columns: tuple[str, ...]) -> Any:
    which = (_IT, _READY, ~OTHERS_ARE_AT_IT, _NOT_DISCARDED)
    return update(recordings).where(*which).values(**_new(columns))


@lru_cache(16)
def _ending(columns: tuple[str, ...], unless_discarded: bool) -> Any:
    which = (_IT, _OURS, _NOT_DISCARDED) if unless_discarded else (_IT, _OURS)
    return update(recordings).where(*which).values(**_new(columns))


def _new(columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=recordings.c[name].type) for name in columns}


def _changed(
    connection: Connection, statement: Any, values: Mapping[str, Any], picked: Mapping[str, Any]
) -> bool:
    changed = {f"new_{name}": value for name, value in values.items()}
    return connection.execute(statement, {**changed, **picked}).rowcount == 1

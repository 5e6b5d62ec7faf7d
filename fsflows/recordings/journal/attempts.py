"""Attempts at a discard, within a transaction: the steps that they leave, and when one that failed is made again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from fsflows.recordings.journal.entries import Node
from fsflows.recordings.journal.rows import intent_for
from fsflows.recordings.journal.tables import discard_steps, discards

AGAIN = timedelta(seconds=15)
"""When a discard that has failed is tried again; after each further attempt that fails it is twice as long."""

AGAIN_AT_MOST = timedelta(minutes=5)
"""But no longer than this. A discard that goes on failing in the same way is said aloud as often."""

AFRESH = {"attempts": 0, "tried_at": None, "due_at": None}
"""A discard's columns when what has failed counts no more: it is another matter now."""


def failed(connection: Connection, call_uuid: str, why: str, now: datetime) -> bool:
    """An attempt has failed. True: say so; it is news, or was not said for five minutes."""
    before = intent_for(connection, call_uuid)
    if before is None:
        return True
    wait = min(AGAIN * 2 ** min(before.attempts, 10), AGAIN_AT_MOST)
    values = {"attempts": before.attempts + 1, "tried_at": now, "due_at": now + wait, "error": why}
    connection.execute(update(discards).where(discards.c.call_uuid == call_uuid).values(values))
    if before.error != why or before.tried_at is None:
        return True
    asked = before.cause.at
    return (now - asked) // AGAIN_AT_MOST > (before.tried_at - asked) // AGAIN_AT_MOST


class By(NamedTuple):
    """Who does something, and when."""

    node: Node
    at: datetime


def is_last_step(connection: Connection, call_uuid: str, step: str, detail: str) -> bool:
    """Whether the last step of a discard was this one: attempts that change nothing leave no further trace."""
    row = connection.execute(_LAST_STEP, {"the_call": call_uuid}).first()
    return row is not None and tuple(row) == (step, detail)


def add_steps(
    connection: Connection, call_uuid: str, by: By, steps: Mapping[str, int], detail: str = ""
) -> None:
    """Write down steps of a discard that were done just now, with the milliseconds that each took."""
    rows = [
        {
            "call_uuid": call_uuid,
            "step": step,
            "at": by.at,
            "ms": ms,
            "node": by.node.id,
            "detail": detail,
        }
        for step, ms in steps.items()
    ]
    connection.execute(_ADD_STEP, rows)


_LAST_STEP = (
    select(discard_steps.c.step, discard_steps.c.detail)
    .where(discard_steps.c.call_uuid == bindparam("the_call"))
    .order_by(discard_steps.c.id.desc())
    .limit(1)
)
_ADD_STEP = insert(discard_steps)

"""How a call's recordings are written, within a transaction.

Every recorded call runs these statements, so each is made once and run with its values: to make one takes several
times as long as to run it. In them, `the_...` picks rows, and `new_...` is what a column becomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, update

from fsflows.recordings.journal.attempts import AFRESH
from fsflows.recordings.journal.entries import Entry, Node, Settlement
from fsflows.recordings.journal.rows import inserting, upsert
from fsflows.recordings.journal.tables import discards, receipts, recordings, settlements

_FORGET_SETTLEMENT = delete(settlements).where(
    settlements.c.call_uuid == bindparam("the_call"), settlements.c.path == bindparam("the_path")
)
_NOT_COMPLETE = (
    update(receipts).where(receipts.c.call_uuid == bindparam("the_call")).values(complete=False)
)


def note(connection: Connection, entry: Entry, node: Node) -> Entry:
    """Write a recording down. One that is known by its path is being recorded to once more."""
    entry = replace(entry, owner=node.id, node=entry.node or node.name)
    values = {name: getattr(entry, name) for name in _COLUMNS}
    made = connection.execute(_noting(connection.dialect.name), values)
    return replace(entry, id=made.scalar_one())


def change(
    connection: Connection,
    entry: Entry,
    states: Sequence[str],
    values: Mapping[str, Any],
) -> bool:
    """Change a recording that is in one of these states; False: it no longer is."""
    statement = _changing(tuple(states), tuple(values))
    changed = {f"new_{name}": value for name, value in values.items()}
    return connection.execute(statement, {**changed, "the_id": entry.id}).rowcount == 1


def settle(connection: Connection, call_uuid: str, word: Settlement) -> None:
    """An operator's word about a file; of several, the last one counts."""
    values = {"settled_by": word.by, "why": word.why, "at": word.at}
    connection.execute(
        upsert(connection, settlements)
        .values(call_uuid=call_uuid, path=word.path, **values)
        .on_conflict_do_update(index_elements=["call_uuid", "path"], set_=values)
    )


def settle_each(connection: Connection, words: Iterable[tuple[str, Settlement]]) -> None:
    """The same of several files, each with its call."""
    for call_uuid, word in words:
        settle(connection, call_uuid, word)


def forget_settlement(connection: Connection, entry: Entry) -> None:
    """What was said of a file was said of an earlier recording."""
    connection.execute(_FORGET_SETTLEMENT, {"the_call": entry.call_uuid, "the_path": entry.path})


def reopen(connection: Connection, call_uuid: str, node: Node, *, watch: bool = False) -> None:
    """There is more to delete: if the call's recordings were discarded, the discard is open again.

    With `watch`, the call is up, and more may be recorded in it.
    """
    picked = {"the_call": call_uuid}
    reopened = connection.execute(_reopening(watch), {"new_owner": node.id, **picked})
    if reopened.rowcount:
        connection.execute(_NOT_COMPLETE, picked)


_COLUMNS = tuple(column.name for column in recordings.columns if column.name != "id")


@lru_cache(2)
def _noting(dialect: str) -> Any:
    insert = inserting(dialect, recordings)
    new, old = insert.excluded, recordings.c
    again = {
        "state": new.state,
        "owner": new.owner,
        "stopped_at": new.stopped_at,
        "error": new.error,
        "seen": old.seen | new.seen,
        "mark": func.coalesce(new.mark, old.mark),
        "size": func.coalesce(new.size, old.size),
    }
    return insert.on_conflict_do_update(index_elements=["call_uuid", "path"], set_=again).returning(
        old.id
    )


@lru_cache(64)
def _changing(states: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    which = [
        recordings.c.id == bindparam("the_id"),
        or_(*(recordings.c.state == state for state in states)),
    ]
    values = {name: bindparam(f"new_{name}", type_=recordings.c[name].type) for name in columns}
    return update(recordings).where(*which).values(**values)


@lru_cache(2)
def _reopening(watch: bool) -> Any:
    values = {"watch": True} if watch else {}
    return (
        update(discards)
        .where(discards.c.call_uuid == bindparam("the_call"))
        .values(state="open", owner=bindparam("new_owner"), **AFRESH, **values)
    )

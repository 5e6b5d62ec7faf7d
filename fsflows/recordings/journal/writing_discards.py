"""How a discard is written, within a transaction: the intent, the list of what is to be deleted, the receipt.

A caller waits meanwhile, so each statement is made once and run with its values: to make one takes several times as
long as to run it. In them, `the_...` picks rows, and `new_...` is what a column becomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, exists, select, update

from fsflows.recordings.journal import writing
from fsflows.recordings.journal.attempts import AFRESH, By, add_steps, is_last_step
from fsflows.recordings.journal.entries import GONE, Entry
from fsflows.recordings.journal.receipt import SETTLED, DiscardCause, Receipt
from fsflows.recordings.journal.rows import inserting, receipt_for
from fsflows.recordings.journal.tables import discards, receipts, recordings
from fsflows.recordings.journal.writing_publishing import OTHERS_ARE_AT_IT

ENDED = ("discarding", "discarded", "settled")
"""States of a recording of which a discard knows: it is to be deleted, or was."""

LONGEST = 2000
"""Characters of a text that somebody else has written (what was said, an error) that are kept."""

_CALL: BindParameter[Any] = bindparam("the_call")


def open_discard(
    connection: Connection,
    call_uuid: str,
    switch: str,
    cause: DiscardCause,
    known: Sequence[Entry],
    by: By,
) -> None:
    """Write down that a call's recordings are to be discarded, and which are known. The first cause stays.

    With a recording that is not yet written down, and not known to be gone, one that was finished is open again.
    """
    unwritten = [entry for entry in known if not entry.id]
    for entry in unwritten:
        writing.note(connection, entry, by.node)
    if any(entry.state not in GONE for entry in unwritten):
        writing.reopen(connection, call_uuid, by.node)
    values = {
        "call_uuid": call_uuid,
        "switch": switch,
        "flow": cause.flow[:LONGEST],
        "step": cause.step[:LONGEST],
        "key_or_word": cause.key_or_word[:LONGEST],
        "requested_at": cause.at,
        "state": "open",
        "watch": True,
        "owner": by.node.id,
        "node": by.node.name,
        "attempts": 0,
    }
    made = connection.execute(_opening(connection.dialect.name), values)
    if made.first() is not None:
        add_steps(connection, call_uuid, by, {"intent": 0}, f"{len(known)} recording(s) known")


@lru_cache(2)
def _opening(dialect: str) -> Any:
    return inserting(dialect, discards).on_conflict_do_nothing().returning(discards.c.call_uuid)


def list_for_deletion(
    connection: Connection, call_uuid: str, sizes: Mapping[int, int], by: By, since: datetime
) -> None:
    """All recordings of a call are to be deleted from here on; their sizes, by id, as they were found.

    One is left in its state that another node is publishing, which was heard of after `since`: that takes it out again.
    """
    if sizes:
        found = [{"the_id": each, "new_size": size} for each, size in sizes.items()]
        connection.execute(_FOUND, found)
    values = {"the_call": call_uuid, "since": since, "us": by.node.id, "new_owner": by.node.id}
    connection.execute(_LIST, values)


_NOT_ENDED = and_(*(recordings.c.state != state for state in ENDED))
_FOUND = (
    update(recordings)
    .where(recordings.c.id == bindparam("the_id"))
    .values(size=bindparam("new_size"), seen=True)
)
_LIST = (
    update(recordings)
    .where(recordings.c.call_uuid == _CALL, _NOT_ENDED, ~OTHERS_ARE_AT_IT)
    .values(state="discarding", owner=bindparam("new_owner"))
)


def note_stop(connection: Connection, call_uuid: str, by: By, ms: int, detail: str) -> None:
    """Write down what FreeSWITCH said when it was to stop recording, unless that was the last thing written down."""
    if not is_last_step(connection, call_uuid, "stop", detail):
        add_steps(connection, call_uuid, by, {"stop": ms}, detail)


def close_discard(
    connection: Connection, receipt: Receipt, by: By, *, watch: bool
) -> tuple[Receipt | None, bool]:
    """Write the receipt.

    Returns:
        The one that counts, and whether it was written just now: another node may have been first. None: a recording
        has been noted meanwhile, and there is more to delete.
    """
    call_uuid = receipt.call_uuid
    the_call = {"the_call": call_uuid}
    state = connection.execute(_LOCK, the_call).scalar_one()
    present = receipt_for(connection, call_uuid)
    if connection.execute(_IS_MORE, the_call).scalar():
        return None, False
    made = present.amended(receipt) if present is not None else receipt
    if made is present and state == "done":
        return present, False
    values = {
        "call_uuid": call_uuid,
        "issued_at": made.completed_at,
        "revision": made.revision,
        "complete": True,
        "body": made.to_json(),
    }
    connection.execute(_receipting(connection.dialect.name), values)
    if settled := [file.path for file in made.files if file.how == SETTLED]:
        connection.execute(_SETTLED, [the_call | {"the_path": path} for path in settled])
    connection.execute(_DISCARDED, the_call)
    connection.execute(_DONE, the_call | {"new_watch": watch})
    steps = {step: receipt.ms.get(step, 0) for step in ("delete", "verify", "receipt")}
    add_steps(connection, call_uuid, by, steps)
    return made, True


_LOCK = select(discards.c.state).where(discards.c.call_uuid == _CALL).with_for_update()
_IS_MORE = select(exists().where(recordings.c.call_uuid == _CALL, _NOT_ENDED))
_ENDED = update(recordings).where(
    recordings.c.call_uuid == _CALL, recordings.c.state == "discarding"
)
_SETTLED = _ENDED.where(recordings.c.path == bindparam("the_path")).values(
    state=SETTLED, location=None, error=None
)
_DISCARDED = _ENDED.values(state="discarded", location=None, error=None)
_DONE = (
    update(discards)
    .where(discards.c.call_uuid == _CALL)
    .values(state="done", watch=bindparam("new_watch"), error=None, **AFRESH)
)


@lru_cache(2)
def _receipting(dialect: str) -> Any:
    insert = inserting(dialect, receipts)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["call_uuid"],
        set_={name: new[name] for name in ("issued_at", "revision", "complete", "body")},
    )


def reword(connection: Connection, call_uuid: str, key_or_word: str) -> None:
    """What a discard was asked for with has become private: it is called otherwise, in its receipt too."""
    connection.execute(_REWORD, {"the_call": call_uuid, "new_word": key_or_word})
    present = receipt_for(connection, call_uuid)
    if present is not None:
        made = replace(present, cause=replace(present.cause, key_or_word=key_or_word))
        connection.execute(_REWRITE, {"the_call": call_uuid, "new_body": made.to_json()})


_REWORD = (
    update(discards).where(discards.c.call_uuid == _CALL).values(key_or_word=bindparam("new_word"))
)
_REWRITE = update(receipts).where(receipts.c.call_uuid == _CALL).values(body=bindparam("new_body"))


def unwatch(connection: Connection, call_uuid: str) -> bool:
    """The call is over: nothing can be recorded in it any more. False: it has no discard here."""
    return connection.execute(_UNWATCH, {"the_call": call_uuid}).rowcount > 0


_UNWATCH = update(discards).where(discards.c.call_uuid == _CALL).values(watch=False)

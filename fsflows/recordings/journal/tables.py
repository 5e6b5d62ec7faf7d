"""The journal's tables. How they came to be is in `fsflows.database.migrations`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from fsflows.database import Instant, metadata

_QUOTED = "quoted:"


class PathText(TypeDecorator[str]):
    """A path as FreeSWITCH named it, whatever bytes are in it: what no text column can hold is percent-quoted."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        raw = value.encode("utf-8", "surrogatepass")
        if b"\0" in raw or value.startswith(_QUOTED) or not _is_text(raw):
            return _QUOTED + quote_from_bytes(raw)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        stored = str(value)
        if not stored.startswith(_QUOTED):
            return stored
        return unquote_to_bytes(stored.removeprefix(_QUOTED)).decode("utf-8", "surrogatepass")


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class PlainText(TypeDecorator[str]):
    """Text from anywhere: what no database holds (a NUL, half a character) is replaced, and nothing fails for it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


_Id = BigInteger().with_variant(Integer, "sqlite")

nodes = Table(
    "recording_nodes",
    metadata,
    # A process of a node: its own id each time it starts.
    Column("id", PlainText, primary_key=True),
    Column("name", PlainText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("call_uuid", PlainText, nullable=False),
    Column("path", PathText, nullable=False),
    Column("switch", PlainText, nullable=False),
    Column("flow", PlainText, nullable=False),
    # "flow": started by us; "other": the dialplan or other software.
    Column("origin", PlainText, nullable=False),
    Column("state", PlainText, nullable=False),
    # The process that answers for it, and the node that had the call (and sees the file).
    Column("owner", PlainText, nullable=False),
    Column("node", PlainText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("stopped_at", Instant),
    # Where it is published to, relative to the archive; NULL: it is not ours to move and stays where it is.
    Column("name", PlainText),
    # Whether the archive may hold it, or a part of it; and where, once it is published.
    Column("archived", Boolean, nullable=False),
    Column("location", PlainText),
    # Whether the file was ever found where FreeSWITCH said, and in which directory.
    Column("seen", Boolean, nullable=False),
    Column("mark", PlainText),
    Column("size", BigInteger),
    Column("error", PlainText),
    # The ids of the archives that may hold it, or a part of it, the last one last; NULL: none, or an earlier version's.
    Column("archive", PlainText),
    UniqueConstraint("call_uuid", "path"),
)
Index("ix_recordings_state_started_at", recordings.c.state, recordings.c.started_at)
Index("ix_recordings_started_at", recordings.c.started_at)
Index("ix_recordings_path", recordings.c.path)


# A journal grows for years. What is looked at again and again are a few rows of it, and has an index of those alone;
# a database uses it where a query has the same words.

WITH_OPTIONS = text("path LIKE '{%'")
"""Recordings whose path has options of FreeSWITCH's in front."""

DISCARDED = text("state IN ('discarded', 'settled')")
"""Recordings that were discarded, by us or by hand."""

UNFINISHED = text("(state = 'open' OR watch)")
"""Discards that are to be finished, or whose call is to be watched."""


def _index_where(which: TextClause, name: str, column: Column[Any]) -> None:
    Index(name, column, sqlite_where=which, postgresql_where=which)


_index_where(WITH_OPTIONS, "ix_recordings_with_options", recordings.c.id)
_index_where(DISCARDED, "ix_recordings_gone", recordings.c.name)

discards = Table(
    "recording_discards",
    metadata,
    Column("call_uuid", PlainText, primary_key=True),
    Column("switch", PlainText, nullable=False),
    Column("flow", PlainText, nullable=False),
    Column("step", PlainText, nullable=False),
    Column("key_or_word", PlainText, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("state", PlainText, nullable=False),
    # Whether the call may still be up, so that a recording could start in it.
    Column("watch", Boolean, nullable=False),
    Column("owner", PlainText, nullable=False),
    Column("node", PlainText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", PlainText),
    # Of the attempts that failed: when the last one was made, and when it is time for the next.
    Column("tried_at", Instant),
    Column("due_at", Instant),
)
Index("ix_recording_discards_state", discards.c.state, discards.c.watch)
_index_where(UNFINISHED, "ix_recording_discards_unfinished", discards.c.owner)

discard_steps = Table(
    "recording_discard_steps",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("call_uuid", PlainText, nullable=False),
    Column("step", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("node", PlainText, nullable=False),
    Column("detail", PlainText, nullable=False),
)
Index("ix_recording_discard_steps_call_uuid", discard_steps.c.call_uuid)

archive = Table(
    "recording_archive",
    metadata,
    # There is one at a time, for all nodes: slot 1.
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("id", PlainText, nullable=False),
    Column("adopted_at", Instant, nullable=False),
    Column("node", PlainText, nullable=False),
)

settlements = Table(
    "recording_settlements",
    metadata,
    Column("call_uuid", PlainText, primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("settled_by", PlainText, nullable=False),
    Column("why", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
)

heard = Table(
    "recording_heard",
    metadata,
    # Of any call of FreeSWITCH's: it may come to us later, and be discarded.
    Column("call_uuid", PlainText, primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("at", Instant, nullable=False),
)
Index("ix_recording_heard_at", heard.c.at)

receipts = Table(
    "recording_receipts",
    metadata,
    # The key is what makes it one receipt a call, however many nodes finish the same discard.
    Column("call_uuid", PlainText, primary_key=True),
    Column("issued_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)
Index("ix_recording_receipts_issued_at", receipts.c.issued_at)

"""The archive's tables. How they came to be is in `fsflows.database.migrations`.

What is searched is in `records`, which stays narrow so that a search without an index reads little; the record
itself, as JSON, is in `record_bodies`. `record_collections` holds what charts count.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, Text

from fsflows.archive.endings import INBOUND
from fsflows.database import Instant, metadata

records = Table(
    "records",
    metadata,
    Column("id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seconds", Float, nullable=False),
    # The default is for processes of an earlier version that write into the same database.
    Column("direction", Text, nullable=False, server_default=INBOUND),
    Column("caller", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("callee", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("last_step", Text, nullable=False),
    Column("recording", Text, nullable=False),
    # All that a free search looks at, in one place and one case: a scan of it is quicker than of five columns.
    Column("words", Text, nullable=False),
)
Index("ix_records_started_at", records.c.started_at, records.c.id)
# What a free search reads on SQLite, in the order in which it is shown: half as much as the table. PostgreSQL scans
# the table as fast, and takes no long text into an index.
Index("ix_records_words", records.c.started_at, records.c.id, records.c.words).ddl_if(
    dialect="sqlite"
)
Index("ix_records_call_id", records.c.call_id)
Index("ix_records_caller", records.c.caller, records.c.started_at)
Index("ix_records_callee", records.c.callee, records.c.started_at)
Index("ix_records_direction", records.c.direction, records.c.started_at)
Index("ix_records_flow", records.c.flow, records.c.started_at)
Index("ix_records_result", records.c.result, records.c.started_at)
Index("ix_records_reason", records.c.reason, records.c.started_at)
Index("ix_records_recording", records.c.recording, records.c.started_at)


def _record() -> Column[str]:
    """The record that a row belongs to, and goes with."""
    return Column("record_id", Text, ForeignKey("records.id", ondelete="CASCADE"), primary_key=True)


bodies = Table(
    "record_bodies",
    metadata,
    _record(),
    Column("body", Text, nullable=False),
)

collections = Table(
    "record_collections",
    metadata,
    _record(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Instant, nullable=False),
    Column("flow", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
)
Index("ix_record_collections_started_at", collections.c.started_at)

begun = Table(
    "record_begun",
    metadata,
    # Of the record that is to come: there is no row of it in `records` yet.
    Column("record_id", Text, primary_key=True),
    # The process that has the call.
    Column("owner", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    # The record, as it would be if nothing more were ever heard of the call.
    Column("body", Text, nullable=False),
)
Index("ix_record_begun_owner", begun.c.owner, begun.c.started_at)

# Records whose recording is still on its way: into the archive, or out of the world.
unsettled = Table("record_unsettled", metadata, _record())

outbox = Table(
    "record_deliveries",
    metadata,
    _record(),
    # Of the record: 1 when it was finished, and one more for each later change.
    Column("revision", Integer, primary_key=True, autoincrement=False),
    # "waiting", "delivered", "given_up"
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is to be tried next; while someone tries, when it may be taken for lost.
    Column("due_at", Instant, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("answer", Text, nullable=False),
)
Index("ix_record_deliveries_state", outbox.c.state, outbox.c.due_at)

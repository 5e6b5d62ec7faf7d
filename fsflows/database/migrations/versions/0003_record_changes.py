"""Calls that have begun, records that are not settled yet, and a delivery for each change of a record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; each place in the outbox becomes the first delivery of its record."""
    op.create_table(
        "record_begun",
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_record_begun"),
    )
    op.create_index("ix_record_begun_owner", "record_begun", ["owner", "started_at"])
    op.create_table(
        "record_unsettled",
        _record_id(),
        _of_record("record_unsettled"),
        sa.PrimaryKeyConstraint("record_id", name="pk_record_unsettled"),
    )
    op.execute(
        "INSERT INTO record_unsettled (record_id) SELECT id FROM records WHERE recording = 'pending'"
    )
    op.create_table(
        "record_deliveries",
        _record_id(),
        _of_record("record_deliveries"),
        sa.Column("revision", sa.Integer, nullable=False),
        *_progress(),
        sa.PrimaryKeyConstraint("record_id", "revision", name="pk_record_deliveries"),
    )
    op.execute(
        "INSERT INTO record_deliveries (revision, record_id, state, attempts, due_at, queued_at, delivered_at, answer)"
        " SELECT 1, record_id, state, attempts, due_at, queued_at, delivered_at, answer FROM record_outbox"
    )
    op.drop_table("record_outbox")
    op.create_index("ix_record_deliveries_state", "record_deliveries", ["state", "due_at"])


def downgrade() -> None:
    """Take the tables out; deliveries of changes are forgotten."""
    op.create_table(
        "record_outbox",
        _record_id(),
        _of_record("record_outbox"),
        *_progress(),
        sa.PrimaryKeyConstraint("record_id", name="pk_record_outbox"),
    )
    op.execute(
        "INSERT INTO record_outbox (record_id, state, attempts, due_at, queued_at, delivered_at, answer)"
        " SELECT record_id, state, attempts, due_at, queued_at, delivered_at, answer"
        " FROM record_deliveries WHERE revision = 1"
    )
    op.create_index("ix_record_outbox_state", "record_outbox", ["state", "due_at"])
    for table in ("record_deliveries", "record_unsettled", "record_begun"):
        op.drop_table(table)


def _record_id() -> sa.Column[str]:
    return sa.Column("record_id", sa.Text, nullable=False)


def _of_record(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_record_id_records"
    return sa.ForeignKeyConstraint(["record_id"], ["records.id"], ondelete="CASCADE", name=name)


def _progress() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("queued_at", Instant, nullable=False),
        sa.Column("delivered_at", Instant),
        sa.Column("answer", sa.Text, nullable=False),
    )

"""The conversation records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _of_record(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("record_id", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["records.id"], ondelete="CASCADE", name=f"fk_{table}_record_id_records"
        ),
    )


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "records",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("caller_name", sa.Text, nullable=False),
        sa.Column("callee", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("last_step", sa.Text, nullable=False),
        sa.Column("recording", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
    )
    op.create_index("ix_records_started_at", "records", ["started_at", "id"])
    op.create_index("ix_records_call_id", "records", ["call_id"])
    for column in ("caller", "callee", "flow", "result", "reason", "recording"):
        op.create_index(f"ix_records_{column}", "records", [column, "started_at"])
    op.create_table(
        "record_bodies",
        *_of_record("record_bodies"),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_record_bodies"),
    )
    op.create_table(
        "record_collections",
        *_of_record("record_collections"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "position", name="pk_record_collections"),
    )
    op.create_index("ix_record_collections_started_at", "record_collections", ["started_at"])
    op.create_table(
        "record_outbox",
        *_of_record("record_outbox"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("queued_at", Instant, nullable=False),
        sa.Column("delivered_at", Instant),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_record_outbox"),
    )
    op.create_index("ix_record_outbox_state", "record_outbox", ["state", "due_at"])


def downgrade() -> None:
    """Take the tables out."""
    for table in ("record_outbox", "record_collections", "record_bodies", "records"):
        op.drop_table(table)

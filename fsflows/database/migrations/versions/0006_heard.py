"""Recordings that were heard of in calls that nobody here had at that moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recording_heard",
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("call_uuid", "path", name="pk_recording_heard"),
    )
    op.create_index("ix_recording_heard_at", "recording_heard", ["at"])


def downgrade() -> None:
    """Take the table out."""
    op.drop_table("recording_heard")

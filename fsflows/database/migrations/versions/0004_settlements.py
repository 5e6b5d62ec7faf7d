"""What an operator has said about files of a discard that fsflows can't look at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recording_settlements",
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("settled_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("call_uuid", "path", name="pk_recording_settlements"),
    )


def downgrade() -> None:
    """Take the table out; the receipts keep what was said."""
    op.drop_table("recording_settlements")

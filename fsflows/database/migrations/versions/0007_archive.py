"""Which archive recordings are published to, which one each is in, and when a discard that failed is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns; of what was published before it isn't known where."""
    op.create_table(
        "recording_archive",
        sa.Column("slot", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("adopted_at", Instant, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_recording_archive"),
    )
    op.add_column("recordings", sa.Column("archive", sa.Text))
    op.add_column("recording_discards", sa.Column("tried_at", Instant))
    op.add_column("recording_discards", sa.Column("due_at", Instant))


def downgrade() -> None:
    """Take them out."""
    op.drop_column("recording_discards", "due_at")
    op.drop_column("recording_discards", "tried_at")
    op.drop_column("recordings", "archive")
    op.drop_table("recording_archive")

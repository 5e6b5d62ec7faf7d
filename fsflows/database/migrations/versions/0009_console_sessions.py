"""Sessions of the console that were ended before their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "console_ended_sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("until", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_console_ended_sessions"),
    )


def downgrade() -> None:
    """Take the table out."""
    op.drop_table("console_ended_sessions")

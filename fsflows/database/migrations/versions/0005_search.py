"""An index for free searches on SQLite."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; PostgreSQL does without it."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_records_words", "records", ["started_at", "id", "words"])


def downgrade() -> None:
    """Take it away."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_records_words", "records")

"""Indexes for what is looked at again and again: a few rows of a journal that grows for years."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OF_SOME = {
    "ix_recordings_with_options": ("recordings", "id", "path LIKE '{%'"),
    "ix_recordings_gone": ("recordings", "name", "state IN ('discarded', 'settled')"),
    "ix_recording_discards_unfinished": (
        "recording_discards",
        "owner",
        "(state = 'open' OR watch)",
    ),
}
"""Table, column, and of which rows."""


def upgrade() -> None:
    """Make them; what would keep others from reading comes last."""
    op.create_index("ix_recordings_state_started_at", "recordings", ["state", "started_at"])
    op.create_index("ix_recordings_path", "recordings", ["path"])
    op.create_index("ix_recording_receipts_issued_at", "recording_receipts", ["issued_at"])
    for name, (table, column, which) in OF_SOME.items():
        where = sa.text(which)
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
    op.drop_index("ix_recordings_state", "recordings")


def downgrade() -> None:
    """Take them away."""
    op.create_index("ix_recordings_state", "recordings", ["state"])
    for name, (table, _, _) in OF_SOME.items():
        op.drop_index(name, table)
    op.drop_index("ix_recording_receipts_issued_at", "recording_receipts")
    op.drop_index("ix_recordings_path", "recordings")
    op.drop_index("ix_recordings_state_started_at", "recordings")

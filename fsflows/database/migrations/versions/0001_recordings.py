"""The recordings' journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fsflows.database.schema import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "recording_nodes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recording_nodes"),
    )
    op.create_table(
        "recordings",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("switch", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("stopped_at", Instant),
        sa.Column("name", sa.Text),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("mark", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
        sa.UniqueConstraint("call_uuid", "path", name="uq_recordings_call_uuid_path"),
    )
    op.create_index("ix_recordings_state", "recordings", ["state"])
    op.create_index("ix_recordings_started_at", "recordings", ["started_at"])
    op.create_table(
        "recording_discards",
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("switch", sa.Text, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("key_or_word", sa.Text, nullable=False),
        sa.Column("requested_at", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("watch", sa.Boolean, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("call_uuid", name="pk_recording_discards"),
    )
    op.create_index("ix_recording_discards_state", "recording_discards", ["state", "watch"])
    op.create_table(
        "recording_discard_steps",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("ms", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recording_discard_steps"),
    )
    op.create_index(
        "ix_recording_discard_steps_call_uuid", "recording_discard_steps", ["call_uuid"]
    )
    op.create_table(
        "recording_receipts",
        sa.Column("call_uuid", sa.Text, nullable=False),
        sa.Column("issued_at", Instant, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_uuid", name="pk_recording_receipts"),
    )


def downgrade() -> None:
    """Refused."""
    # The receipts are the proof that recordings were discarded; going back must not throw them away.
    raise RuntimeError("the recordings' journal can't be taken out of a database")

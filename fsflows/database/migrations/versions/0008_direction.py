"""Calls that came in, and calls that we made, told apart in searches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OUTBOUND = {
    "sqlite": "UPDATE records SET direction = 'outbound' WHERE id IN"
    " (SELECT record_id FROM record_bodies WHERE json_extract(body, '$.direction') = 'outbound')",
    "postgresql": "UPDATE records SET direction = 'outbound' WHERE id IN"
    " (SELECT record_id FROM record_bodies WHERE body::json->>'direction' = 'outbound')",
}


def upgrade() -> None:
    """Add the column, as the records themselves say it."""
    op.add_column(
        "records", sa.Column("direction", sa.Text, nullable=False, server_default="inbound")
    )
    op.execute(_OUTBOUND[op.get_bind().dialect.name])
    op.create_index("ix_records_direction", "records", ["direction", "started_at"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_records_direction", "records")
    op.drop_column("records", "direction")

"""Run by Alembic for each upgrade, on the connection that `fsflows.database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from fsflows.database.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

"""How the schema came to be: Alembic revisions, oldest first."""

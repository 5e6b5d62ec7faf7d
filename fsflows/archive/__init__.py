"""Conversation records: what happened in a call, redacted by construction, kept in the project's SQL database."""

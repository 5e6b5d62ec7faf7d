"""Accepting calls and running them: one process, many calls."""

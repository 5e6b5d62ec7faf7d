"""How bad a line is, as systemd's journal is told: `journalctl -p err` finds by it."""

from __future__ import annotations

import os
from typing import TextIO

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""By sd-daemon(3)."""


def prefixed(text: str, level: str, stream: TextIO) -> str:
    """A text for a stream: with a priority in front of each line, if the stream is the journal, which takes it out."""
    if not is_journal(stream):
        return text
    mark = f"<{PRIORITIES[level]}>"
    return mark + text.replace("\n", "\n" + mark)


def is_journal(stream: TextIO) -> bool:
    """Whether a stream is the journal: JOURNAL_STREAM has the device and inode of what systemd gave to the service."""
    journal = os.environ.get("JOURNAL_STREAM")
    if not journal:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal == f"{found.st_dev}:{found.st_ino}"

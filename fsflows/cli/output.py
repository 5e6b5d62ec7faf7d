"""What can happen to standard output: nobody reads on, or the disk behind it is full."""

from __future__ import annotations

import errno
import os

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
GONE = (errno.EPIPE, *NO_ROOM)
"""Errors of what is printed, that are no fault of a command's."""


def drop() -> None:
    """Print nothing more: what is left in the buffer would fail once more at the exit, and be told of."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

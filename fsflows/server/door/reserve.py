"""File descriptors kept back for whoever has to be let go when there are none.

A connection can only be taken with a descriptor; one that is never taken is a caller in silence. So a process stops a
little below its limit, and goes on to it just for taking those that it lets go again.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

RESERVE = 16
"""Descriptors kept back: one would do, but for other threads that may be opening something in the same moment."""


def keep_back() -> int:
    """Lower the process's limit; by how much that was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept = RESERVE if soft == resource.RLIM_INFINITY or soft > 2 * RESERVE else 0
    if kept and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - kept, hard))
    return kept


def give_back(kept: int) -> None:
    """Undo `keep_back`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if kept and soft != resource.RLIM_INFINITY:
        with suppress(ValueError):  # somebody has lowered the limit meanwhile
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft + kept, hard))


@contextmanager
def reserve() -> Iterator[None]:
    """What is kept back may be used within; not to be left to other greenlets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield
        return
    most = soft + RESERVE if hard == resource.RLIM_INFINITY else min(hard, soft + RESERVE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

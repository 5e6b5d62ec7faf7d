"""Which processes a server consists of, and what each does."""

from __future__ import annotations

from typing import Literal

Role = Literal["all", "calls", "office"]
"""all: calls and everything beside them, in one process. With several workers: calls only, and one process ("office")
for the console, metrics, and what is done once a node."""


def roles(workers: int) -> list[Role]:
    """The members of a fleet. The first one is started alone: what is wrong is said once."""
    several: list[Role] = ["calls"] * workers
    return ["all"] if workers == 1 else ["office", *several]


def counted(calls: int) -> str:
    """So many calls, in words."""
    return "1 call" if calls == 1 else f"{calls} calls"

"""Many values, some at a time: a statement takes no more of them than a few thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 500


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in their order, `AT_ONCE` at a time."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]

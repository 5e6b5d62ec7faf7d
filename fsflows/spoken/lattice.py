"""The cheapest ways through an utterance: words to keys, over edges and skipped words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fsflows.spoken.edges import SEAM, Edge

WIDTH = 24
"""Ways kept at each position: enough for every length a number of ten digits can have, and a choice of each."""
SAME_LENGTH = 4
"""Of these, ways with equally many keys: a check digit needs a choice."""


class Way(NamedTuple):
    """A way up to some position.

    Attributes:
        cost: the sum of what was leaped on it.
        keys: what it gives, all units together.
        units: the numbers one by one.
        spans: the words that became keys, from and to.
    """

    cost: float
    keys: str
    units: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


START = Way(0.0, "", (), ())


class Skip(NamedTuple):
    """Words that give no keys, up to `end`."""

    end: int
    cost: float


def ways(
    start: int,
    end: int,
    edges: Sequence[Sequence[Edge]],
    skips: Mapping[int, Sequence[Skip]],
    seams: frozenset[int],
) -> tuple[list[Way], int]:
    """The cheapest ways from `start` to `end`, best first, and how many steps it took to find them.

    At most WIDTH ways are kept anywhere, so the steps are bounded by WIDTH times the number of edges and skips.
    """
    reached: list[dict[str, Way]] = [{} for _ in range(end - start + 1)]
    reached[0][""] = START
    steps = 0
    for position in range(start, end):
        here = prune(reached[position - start])
        if not here:
            continue
        for edge in edges[position]:
            if edge.end > end:
                continue
            cost = edge.cost + (SEAM if edge.end in seams else 0.0)
            there = reached[edge.end - start]
            span = (position, edge.end)
            for way in here:
                steps += 1
                keys, total = way.keys + edge.keys, way.cost + cost
                known = there.get(keys)
                if known is None or total < known.cost:
                    there[keys] = Way(total, keys, way.units + edge.units, (*way.spans, span))
        for skip in skips.get(position, ()):
            if skip.end > end:
                continue
            there = reached[skip.end - start]
            for way in here:
                steps += 1
                total = way.cost + skip.cost
                known = there.get(way.keys)
                if known is None or total < known.cost:
                    there[way.keys] = way._replace(cost=total)
    return prune(reached[-1]), steps


def prune(found: Mapping[str, Way]) -> list[Way]:
    """The best of `found`, best first: at most WIDTH, and at most SAME_LENGTH of one length."""
    if len(found) <= 1:
        return list(found.values())
    kept: list[Way] = []
    lengths: dict[int, int] = {}
    for way in sorted(found.values()):
        size = len(way.keys)
        if lengths.get(size, 0) < SAME_LENGTH and len(kept) < WIDTH:
            lengths[size] = lengths.get(size, 0) + 1
            kept.append(way)
    return kept

"""Edits inside an utterance: "start over", "delete the last one", "three, not three, four", and self-repair ("five six,
no, seven").

How many of the numbers before it a correction replaces: a unit is one spoken number ("sixty one", "double five",
"nine").

- A correction of one or two units replaces as many units.
- One of three or more replaces as many if at least half of its keys repeat what stood there (the speaker went back
  to the beginning of a group); otherwise only the last unit, and what follows goes on from there.
- One longer than everything before it replaces the last unit, and goes on.

These come first; every other number of units is kept as a less likely reading, for the length, pattern and check
digit to settle. So is that nothing was corrected, but not of one or two units after a phrase that says so ("no wait",
"I meant"; "sorry" and "no" may be about anything).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fsflows.spoken.lattice import SAME_LENGTH, Way

WIDTH = 32
OTHER = 0.7
IGNORED = 1.0
EMPTY = 0.1
FARTHEST = 12
"""The longest stretch of units whose replacement is looked into one by one."""


class Draft(NamedTuple):
    """What has been said so far, edits applied.

    Attributes:
        cost: the sum of what was leaped.
        units: the numbers that stand.
        before: how many keys of earlier utterances are taken back.
        clear: everything before was thrown away.
        spans: the words that became keys, taken back or not.
    """

    cost: float
    units: tuple[str, ...]
    before: int
    clear: bool
    spans: tuple[tuple[int, int], ...]


def extend(drafts: Sequence[Draft], ways: Sequence[Way]) -> list[Draft]:
    """What was said next, without an edit."""
    return _best(
        draft._replace(
            cost=draft.cost + way.cost,
            units=draft.units + way.units,
            spans=draft.spans + way.spans,
        )
        for draft in drafts
        for way in ways
    )


def clear(drafts: Sequence[Draft]) -> list[Draft]:
    """All of it goes."""
    return [Draft(min(draft.cost for draft in drafts), (), 0, clear=True, spans=())]


def undo(drafts: Sequence[Draft], prefix: str | None) -> list[Draft]:
    """The last key goes; when nothing was said yet, the last of the earlier ones."""
    return [_undone(draft, prefix) for draft in drafts]


def _undone(draft: Draft, prefix: str | None) -> Draft:
    if draft.units:
        *others, last = draft.units
        return draft._replace(units=(*others, last[:-1]) if len(last) > 1 else tuple(others))
    more = not draft.clear and (prefix is None or draft.before < len(prefix))
    return draft._replace(before=draft.before + 1) if more else draft


def deny(drafts: Sequence[Draft], ways: Sequence[Way], prefix: str | None) -> list[Draft]:
    """What is said again behind a "not" goes: of "three, not three, four" the four stands. [] when nothing is."""
    return _best(
        found for draft in drafts for way in ways[:1] if (found := _denied(draft, way, prefix))
    )


def _denied(draft: Draft, way: Way, prefix: str | None) -> Draft | None:
    earlier = "" if draft.clear else (prefix or "")
    stands = earlier[: len(earlier) - draft.before] + "".join(draft.units)
    for count in range(min(len(way.units), FARTHEST), 0, -1):
        again = "".join(way.units[:count])
        if stands.endswith(again):
            for _ in again:
                draft = _undone(draft, prefix)
            return draft._replace(
                cost=draft.cost + way.cost,
                units=draft.units + way.units[count:],
                spans=draft.spans + way.spans,
            )
    return None


def repair(
    drafts: Sequence[Draft],
    ways: Sequence[Way],
    prefix: str | None,
    *,
    sure: bool,
    denies: bool = False,
) -> list[Draft]:
    """A correction.

    Args:
        drafts: what was said before it.
        ways: what is said behind it.
        prefix: the keys of earlier utterances; None: unknown.
        sure: of a phrase that is always one.
        denies: of a word that is a "not" as well ("tres, no tres, cuatro").
    """
    denied = deny(drafts, ways, prefix) if denies else []
    return _best(
        [
            *(draft._replace(cost=draft.cost + OTHER) for draft in denied),
            *(
                found
                for draft in drafts
                for way in ways
                for found in _repaired(draft, way, prefix, fewest=int(sure and len(way.units) <= 2))
            ),
        ]
    )


def _repaired(draft: Draft, way: Way, prefix: str | None, fewest: int) -> list[Draft]:
    plain = draft._replace(
        cost=draft.cost + way.cost,
        units=draft.units + way.units,
        spans=draft.spans + way.spans,
    )
    size = len(way.units)
    if size == 0:
        return [plain._replace(cost=plain.cost + EMPTY)]
    if not draft.units:
        return _taken_back(draft, way, plain, prefix, fewest)
    likely = _likely(draft.units, way)
    counts = {*range(fewest, min(size, len(draft.units), FARTHEST) + 1), likely}
    return [
        plain._replace(
            cost=plain.cost + (IGNORED if count == 0 else 0.0 if count == likely else OTHER),
            units=draft.units[: len(draft.units) - count] + way.units,
        )
        for count in counts
    ]


def _likely(units: Sequence[str], way: Way) -> int:
    size = len(way.units)
    if size > len(units):
        return 1
    return size if size <= 2 or _retraces("".join(units[-size:]), way.keys) else 1


def _retraces(before: str, after: str) -> bool:
    same = sum(old == new for old, new in zip(before, after, strict=False))
    return 2 * same >= len(after)


def _taken_back(
    draft: Draft, way: Way, plain: Draft, prefix: str | None, fewest: int
) -> list[Draft]:
    """A correction at the beginning: it replaces keys of earlier utterances, one key a unit."""
    if draft.clear or (prefix is not None and len(prefix) == draft.before):
        return [plain]
    size = len(way.keys)
    likely, most = size, size
    if prefix is not None:
        kept = prefix[: len(prefix) - draft.before]
        most = min(size, len(kept))
        if size > most or (len(way.units) > 2 and not _retraces(kept[-size:], way.keys)):
            likely = 1
    if len(way.units) <= 2 or prefix is not None:
        counts = range(fewest, min(most, FARTHEST) + 1)
    else:
        counts = range(fewest, 2)
    return [
        plain._replace(
            cost=plain.cost + (IGNORED if count == 0 else 0.0 if count == likely else OTHER),
            before=draft.before + count,
        )
        for count in {*counts, likely}
    ]


def _best(found: Iterable[Draft]) -> list[Draft]:
    """The cheapest of those that come to the same; few of one length, at most WIDTH."""
    cheapest: dict[tuple[str, int, bool], Draft] = {}
    for draft in found:
        same = ("".join(draft.units), draft.before, draft.clear)
        known = cheapest.get(same)
        if known is None or draft.cost < known.cost:
            cheapest[same] = draft
    kept: list[Draft] = []
    lengths: dict[int, int] = {}
    for (keys, before, _), draft in sorted(cheapest.items(), key=lambda item: item[1]):
        size = len(keys) - before
        if lengths.get(size, 0) < SAME_LENGTH and len(kept) < WIDTH:
            lengths[size] = lengths.get(size, 0) + 1
            kept.append(draft)
    return kept

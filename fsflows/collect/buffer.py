"""The one buffer that keys and speech fill: parts, in the order in which they came."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from fsflows.collect.spec import Source
from fsflows.spoken import Reading

_MOST_COMBINATIONS = 500

_set = object.__setattr__


@dataclass(frozen=True, slots=True)
class Part:
    """One key, or the keys of one utterance.

    Attributes:
        keys: what it adds to the digits.
        confidence: 0-1; keys are 1.0; None: the recogniser gave none.
        others: what the same utterance may have been instead, the likelier first, each with its confidence.
        phrase: what was said for the keys, if it was a phrase that stands for them.
    """

    source: Source
    keys: str = field(repr=False)
    confidence: float | None = 1.0
    others: tuple[tuple[str, float | None], ...] = field(default=(), repr=False)
    phrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Buffer:
    """What has been collected. Immutable: every change is a new buffer, so that trying one costs nothing."""

    parts: tuple[Part, ...] = ()
    digits: str = field(init=False, compare=False)
    source: Source = field(init=False, compare=False)

    def __post_init__(self) -> None:
        sources = {part.source for part in self.parts if part.keys}
        source = sources.pop() if len(sources) == 1 else Source.BOTH if sources else Source.NONE
        _set(self, "digits", "".join(part.keys for part in self.parts))
        _set(self, "source", source)

    def __len__(self) -> int:
        return len(self.digits)

    def __repr__(self) -> str:
        return f"<Buffer of {len(self)} keys>"

    @property
    def confidence(self) -> float | None:
        """That of the weakest part; None: nothing collected, or a part of unknown confidence."""
        known = [part.confidence for part in self.parts if part.keys]
        if not known or None in known:
            return None
        return min(each for each in known if each is not None)

    @property
    def phrase(self) -> str:
        """The phrase that was said for all of it; empty: it is something else."""
        return self.parts[0].phrase if len(self.parts) == 1 else ""

    def press(self, key: str) -> Buffer:
        """With one more key. It costs the same however many there are."""
        source = self.source
        alone = source is Source.KEYS or source is Source.NONE
        pressed = object.__new__(Buffer)
        _set(pressed, "parts", (*self.parts, _pressed(key)))
        _set(pressed, "digits", self.digits + key)
        _set(pressed, "source", Source.KEYS if alone else Source.BOTH)
        return pressed

    def say(self, place: int, reading: Reading, part: Part) -> Buffer:
        """With what was said put in at a place among the parts; its edits go for what stands before the place."""
        before = () if reading.clear else _shortened(self.parts[:place], reading.repair)
        said = (part,) if part.keys else ()
        return Buffer((*before, *said, *self.parts[place:]))

    def only(self, source: Source) -> Buffer:
        """What came from one source."""
        return Buffer(tuple(part for part in self.parts if part.source is source))

    def repaired(self, right: Callable[[str], bool]) -> Buffer | None:
        """The likeliest of the other readings of what was said that are right; None: none is.

        One utterance alone is read to suit the collection when it comes. Several of them ("four one one one", "double
        one ...") may suit it only together, once all are known: the check digit comes last.
        """
        choices = [((part.keys, part.confidence), *part.others) for part in self.parts]
        if all(len(each) == 1 for each in choices):
            return None
        ranked = itertools.islice(_by_rank([len(each) for each in choices]), _MOST_COMBINATIONS)
        for ranks in ranked:
            chosen = [each[rank] for each, rank in zip(choices, ranks, strict=True)]
            if right("".join(keys for keys, _ in chosen)):
                return Buffer(
                    tuple(
                        replace(part, keys=keys, confidence=confidence, others=())
                        for part, (keys, confidence) in zip(self.parts, chosen, strict=True)
                    )
                )
        return None


EMPTY = Buffer()


@lru_cache(maxsize=32)
def _pressed(key: str) -> Part:
    return Part(Source.KEYS, key)


def _shortened(parts: tuple[Part, ...], count: int) -> tuple[Part, ...]:
    """Without the last `count` keys. A part that was edited has no other readings."""
    while count > 0 and parts:
        *others, last = parts
        kept = last.keys[: max(0, len(last.keys) - count)]
        count -= len(last.keys)
        parts = (*others, replace(last, keys=kept, others=(), phrase="")) if kept else tuple(others)
    return parts


def _by_rank(sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Index tuples, those with the smallest sum first; never the one of all noughts, which is what stands."""

    def of_sum(total: int, places: list[int]) -> Iterator[tuple[int, ...]]:
        if not places:
            yield ()
            return
        first, *rest = places
        reach = sum(size - 1 for size in rest)
        for rank in range(max(0, total - reach), min(total, first - 1) + 1):
            for others in of_sum(total - rank, rest):
                yield (rank, *others)

    for total in range(1, sum(size - 1 for size in sizes) + 1):
        yield from of_sum(total, sizes)

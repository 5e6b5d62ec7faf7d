"""Edges: everything in an utterance that gives keys, from where to where, and how likely it is meant so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fsflows.spoken.language import Kind, Language
from fsflows.spoken.lexer import Items, matches
from fsflows.spoken.numerals import NO_HOMOPHONES, Numerals

# A cost is a negative natural logarithm: the grammar's own confidence in a reading is exp(-costs).
HOMOPHONE = 0.3
SEAM = 0.35
LOOSE = 0.35
BARE = 0.35
ODD_PLURAL = 0.5
AFTER_ARTICLE = 0.02
REPEATED_LETTER = 0.05  # "double u" is a letter of its own

_GROWS = frozenset({Kind.SCALE, Kind.LINK_TENS})
_SKIPPED = frozenset({Kind.HESITATION, Kind.CARRIER, Kind.ARTICLE})
_REPEATABLE = frozenset({Kind.DIGIT, Kind.SOLO, Kind.OH, Kind.PLURAL})
_LETTERS = frozenset({Kind.LETTER, Kind.SHY_LETTER})


class Edge(NamedTuple):
    """Keys that some words give.

    Attributes:
        end: the position after the last word.
        keys: what they give.
        cost: 0 where they are meant so beyond doubt.
        units: for self-repair: a spoken number is one unit, a figure of three or more one unit a digit.
    """

    end: int
    keys: str
    cost: float
    units: tuple[str, ...]


class Edges:
    """All edges of an utterance, by their first position.

    Args:
        words: the utterance.
        items: what its words can be.
        language: whose grammar applies.
        homophones: the positions where a homophone, or "oh", counts as its digit.
        alphanumeric: whether letters count.

    Attributes:
        at: the edges that begin at each position.
        seams: the positions where a cut parts words that make one number ("fifty | one").
        steps: how many states were looked at; at most a constant times the number of words.
    """

    def __init__(
        self,
        words: tuple[str, ...],
        items: Items,
        language: Language,
        homophones: frozenset[int] = NO_HOMOPHONES,
        *,
        alphanumeric: bool = False,
    ) -> None:
        self.words = words
        self.items = items
        self.language = language
        self.homophones = homophones
        self.alphanumeric = alphanumeric
        self.numerals = Numerals(words, items, language, homophones)
        self.spans: list[tuple[int, int]] = []
        self.at = [self._cheapest(start) for start in range(len(words))]
        self.seams = self._seams()
        self.steps = self.numerals.steps + sum(map(len, self.at))

    def _cheapest(self, start: int) -> list[Edge]:
        found: dict[tuple[int, str], Edge] = {}
        for edge in self._edges(start):
            known = found.get((edge.end, edge.keys))
            if known is None or edge.cost < known.cost:
                found[edge.end, edge.keys] = edge
        return list(found.values())

    def _edges(self, start: int) -> Iterator[Edge]:
        word = self.words[start]
        grows = False
        if word.isdecimal():
            yield Edge(start + 1, word, 0.0, tuple(word) if len(word) > 2 else (word,))
            grows = self._grows(start + 1)
        for end, kind, value in self.items[start]:
            if kind is Kind.DIGIT or kind is Kind.HOMOPHONE or kind is Kind.OH:
                yield from self._digit(start, end, kind, value)
                grows = grows or self._grows(end)
            elif kind is Kind.KEY or kind is Kind.KEYS or kind is Kind.SOLO:
                yield Edge(end, value, 0.0, (value,))
            elif kind is Kind.PLURAL:
                yield Edge(end, value, ODD_PLURAL, (value,))
            elif kind is Kind.REPEAT:
                yield from self._repeated(end, value)
            elif kind is Kind.CARDINAL or kind is Kind.SCALE or kind is Kind.BOUND:
                grows = True
        if self.alphanumeric:
            yield from self._letters(start)
        if grows:
            yield from self._numbers(start)

    def _digit(self, start: int, end: int, kind: Kind, value: str) -> Iterator[Edge]:
        if kind is Kind.DIGIT:
            yield Edge(end, value, 0.0, (value,))
            if value > "1":
                yield from self._counted(end, int(value))
        elif start in self.homophones:
            yield Edge(end, value, HOMOPHONE if kind is Kind.HOMOPHONE else 0.0, (value,))

    def _grows(self, position: int) -> bool:
        """Whether a unit that ends here may be the beginning of a larger number."""
        return position < len(self.items) and any(
            item.kind in _GROWS for item in self.items[position]
        )

    def _numbers(self, start: int) -> Iterator[Edge]:
        bare = BARE if self._parted(start) else 0.0
        for numeral in self.numerals.starting_at(start):
            keys = str(numeral.value)
            cost = bare + numeral.leaps * HOMOPHONE + (LOOSE if numeral.loose else 0.0)
            yield Edge(numeral.end, keys, cost, (keys,))
            if not numeral.loose and numeral.end > start + 1:
                self.spans.append((start, numeral.end))

    def _parted(self, start: int) -> bool:
        """Whether a number here would begin with a "hundred" that belongs to the digit before it."""
        return (
            start > 0
            and any(item.kind is Kind.SCALE for item in self.items[start])
            and any(item.kind is Kind.DIGIT and item.value > "0" for item in self.items[start - 1])
        )

    def _counted(self, position: int, count: int) -> Iterator[Edge]:
        """As in "three zeros" or "four times five"."""
        if position < len(self.items):
            for item in self.items[position]:
                if item.kind is Kind.PLURAL:
                    keys = item.value * count
                    yield Edge(item.end, keys, 0.0, (keys,))
                elif item.kind is Kind.TIMES:
                    yield from self._repeated(item.end, count)

    def _repeated(self, position: int, count: int) -> Iterator[Edge]:
        """As in "double five", or "dreimal die null": the digit follows, or an article and the digit."""
        starts = [(position, 0.0)]
        if position < len(self.items):
            starts += [
                (item.end, AFTER_ARTICLE) for item in self.items[position] if item.kind in _SKIPPED
            ]
        for start, cost in starts:
            for end, kind, value in self.items[start] if start < len(self.items) else ():
                if kind is Kind.HOMOPHONE and start in self.homophones:
                    extra = HOMOPHONE
                elif kind in _LETTERS and self.alphanumeric:
                    extra = REPEATED_LETTER
                elif kind in _REPEATABLE:
                    extra = 0.0
                else:
                    continue
                yield Edge(end, value * count, cost + extra, (value * count,))

    def _letters(self, start: int) -> Iterator[Edge]:
        for end, kind, value in self.items[start]:
            if kind is Kind.LETTER or (kind is Kind.SHY_LETTER and start in self.homophones):
                yield Edge(end, value, 0.0, (value,))
            if kind in _LETTERS and end < len(self.words):
                for spelling in matches(self.words, end, self.language.numbers):
                    word = self.words[spelling.end : spelling.end + 1]
                    if spelling.kind is Kind.SPELLING and word and word[0][0] == value.lower():
                        yield Edge(spelling.end + 1, value, 0.0, (value,))

    def _seams(self) -> frozenset[int]:
        """Positions inside a number that is not itself a part of a longer one."""
        seams: set[int] = set()
        reach = 0
        longest = {start: 0 for start, _ in self.spans}
        for start, end in self.spans:
            longest[start] = max(longest[start], end)
        for start in sorted(longest):
            if longest[start] > reach:
                seams.update(range(start + 1, longest[start]))
                reach = longest[start]
        return frozenset(seams)

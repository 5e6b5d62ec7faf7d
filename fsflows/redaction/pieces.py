"""A number written in pieces, with anything in between: `{"a": 4556, "b": 7375}`, "45-ab-56-cd-73", "forty five, then
fifty six, and 73". For `fsflows.redaction`.

Four digits of a value may be shown, as a card's last four are; pieces that give more of it, in its order, hide each
other. Either they follow one another in the value (of any length, close together in the text), or they are two or
more of three or four digits, wherever they stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fsflows.redaction.words import Spoken

BETWEEN = 60
"""Characters that may stand between two pieces that follow one another."""

SKIPPED = 2
"""Other groups of digits that may: `"pair 1 of 8": 45`. None, where one of the two pieces is a single digit."""

_SHOWN = 4
_LONGEST = 4
_GROUP = re.compile(
    r"""\[(?:\d+\ digits\ )?hidden\]
    |(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])  # an id has something of everything
    |\d+""",
    re.VERBOSE | re.IGNORECASE,
)


class Piece(NamedTuple):
    """A group of digits by itself, and what it may stand for; nothing, when it is hidden already."""

    start: int
    end: int
    readings: tuple[str, ...]
    words: bool


class _Place(NamedTuple):
    """Where in which value a piece stands."""

    value: int
    first: int
    length: int


class _Step(NamedTuple):
    """From a piece to another, later one, which goes on with the value."""

    earlier: int
    place: _Place
    later: int
    following: _Place


class _Item(NamedTuple):
    """Three or four digits in a row of a value, in one piece or two."""

    start: int
    first: int
    behind: int
    pieces: tuple[tuple[int, _Place], ...]


class Pieces:
    """The registered values, by their parts of up to four digits."""

    __slots__ = ("_places", "_sizes")

    def __init__(self) -> None:
        self._places: dict[int, list[_Place]] = {}
        self._sizes: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._sizes)

    def add(self, digits: str) -> None:
        """Register a value of digits; one of three or fewer is a part of too much else."""
        size, value = len(digits), len(self._sizes)
        if size < _SHOWN:
            return
        self._sizes.append(size)
        # All of a short one must be there, so its single digits are in every text.
        lengths = range(1, _LONGEST + 1) if size > _SHOWN else (2,)
        for length in lengths:
            for first in range(0, size - length + 1, 1 if size > _SHOWN else 2):
                place = _Place(value, first, length)
                self._places.setdefault(hash(digits[first : first + length]), []).append(place)

    def hidden(self, text: str, spoken: Iterable[Spoken]) -> Iterator[Piece]:
        """Every piece of a text that shows too much, together with others."""
        pieces = _read(text, spoken)
        places = [
            list({place for each in piece.readings for place in self._places.get(hash(each), ())})
            for piece in pieces
        ]
        steps = list(self._steps(pieces, places))
        shown = self._following(places, steps) | self._in_order(pieces, places, steps)
        return (pieces[index] for index in sorted(shown))

    def _steps(self, pieces: list[Piece], places: list[list[_Place]]) -> Iterator[_Step]:
        """What of a value follows what, with which piece."""
        by_first: list[dict[tuple[int, int], list[_Place]]] = []
        for here in places:
            starts: dict[tuple[int, int], list[_Place]] = {}
            for place in here:
                starts.setdefault((place.value, place.first), []).append(place)
            by_first.append(starts)
        for earlier, later, skipped in _links(pieces):
            for place in places[earlier]:
                behind = place.first + place.length
                for following in by_first[later].get((place.value, behind), ()):
                    close = min(place.length, following.length) == 1
                    if not skipped or not (close or self._sizes[place.value] <= _SHOWN):
                        yield _Step(earlier, place, later, following)

    def _following(self, places: list[list[_Place]], steps: list[_Step]) -> set[int]:
        """Those that give more than four digits (or all four) together with what follows or goes before them."""
        before = [{place: place.length for place in here} for here in places]
        behind = [{place: place.length for place in here} for here in places]
        for earlier, place, later, following in steps:
            longest = before[earlier][place] + following.length
            before[later][following] = max(before[later][following], longest)
        for earlier, place, later, following in reversed(steps):
            longest = behind[later][following] + place.length
            behind[earlier][place] = max(behind[earlier][place], longest)
        return {
            index
            for index, here in enumerate(places)
            for place in here
            if not self._may_stay(place)
            and before[index][place] + behind[index][place] - place.length
            >= min(_SHOWN + 1, self._sizes[place.value])
        }

    def _in_order(
        self, pieces: list[Piece], places: list[list[_Place]], steps: list[_Step]
    ) -> set[int]:
        """Those of three or four digits that another of the value goes before or comes after, wherever."""
        items: dict[int, list[_Item]] = {}
        for index, here in enumerate(places):
            for place in here:
                if place.length > 2:
                    item = _item(pieces[index].start, (index, place))
                    items.setdefault(place.value, []).append(item)
        for earlier, place, later, following in steps:
            if place.length == following.length == 2 and self._sizes[place.value] > _SHOWN:
                item = _item(pieces[earlier].start, (earlier, place), (later, following))
                items.setdefault(place.value, []).append(item)
        return {
            index
            for found in items.values()
            if len(found) > 1
            for item in _beside_others(sorted(found))
            for index, place in item.pieces
            if not self._may_stay(place)
        }

    def _may_stay(self, place: _Place) -> bool:
        size = self._sizes[place.value]
        return size > _SHOWN and place.first >= size - _SHOWN


def _item(start: int, *pieces: tuple[int, _Place]) -> _Item:
    last = pieces[-1][1]
    return _Item(start, pieces[0][1].first, last.first + last.length, pieces)


def _beside_others(items: Sequence[_Item]) -> Iterator[_Item]:
    latest: list[int] = []
    for item in reversed(items):
        latest.append(max(item.first, latest[-1] if latest else item.first))
    latest.reverse()
    soonest = float("inf")
    for index, item in enumerate(items):
        if soonest <= item.first or latest[index] >= item.behind:
            yield item
        soonest = min(soonest, item.behind)


def _read(text: str, spoken: Iterable[Spoken]) -> list[Piece]:
    pieces = [
        Piece(
            each.start, each.end, _parts(each.digits, _figures(text[each.start : each.end])), True
        )
        for each in spoken
    ]
    for match in _GROUP.finditer(text):
        group = match[0]
        readings = (_figures(group),) if len(group) <= _LONGEST else ()
        pieces.append(Piece(match.start(), match.end(), readings, False))
    return sorted(pieces)


def _figures(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def _parts(readings: Iterable[str], figures: str) -> tuple[str, ...]:
    """What words may stand for. A word beside the number joins it: "one: forty five" is read as 145.

    Figures among them are pieces of their own; so only what the words make of them counts.
    """
    found = set()
    for digits in readings:
        if len(digits) <= _LONGEST and digits != figures:
            found.add(digits)
        if not figures:
            for length in range(2, min(_LONGEST, len(digits)) + 1):
                found |= {digits[:length], digits[-length:]}
    return tuple(sorted(found))


def _links(pieces: Sequence[Piece]) -> list[tuple[int, int, int]]:
    """Which pieces (earlier, later) are close enough to follow one another, with how many others between them."""
    links = []
    for later, piece in enumerate(pieces):
        skipped = 0
        for earlier in range(later - 1, -1, -1):
            gap = piece.start - pieces[earlier].end
            if gap < 0:
                continue  # figures among words are read both ways
            if gap > BETWEEN or skipped > SKIPPED:
                break
            links.append((earlier, later, skipped))
            skipped += 1
    return links

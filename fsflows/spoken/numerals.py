"""Cardinal numbers: every number that begins at a position, and how far it reaches.

A number is read from left to right. What may still be added to it is its `room`: after "three hundred" anything under
100, after "fifty" anything under 10, after "two thousand" anything under 1000, after a unit nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fsflows.spoken.language import Kind, Language
from fsflows.spoken.lexer import Item, Items

LARGEST = 10**9
NO_HOMOPHONES: frozenset[int] = frozenset()


class Numeral(NamedTuple):
    """A number that was said.

    Attributes:
        end: the position after its last word.
        value: the number, 1 or more.
        leaps: how many of its words are homophones.
        loose: it joins a hundred to the first of several digits ("eight hundred five | five five"): unlikely.
    """

    end: int
    value: int
    leaps: int
    loose: bool


class _Atom(NamedTuple):
    end: int
    value: int
    leaps: int
    bound: bool


class _State(NamedTuple):
    """A number so far: `base` in whole thousands, `group` under them, and what may come."""

    position: int
    base: int
    group: int
    limit: int
    room: int
    leaps: int
    parts: int
    bound: bool
    loose: bool


class Numerals:
    """The numbers in an utterance. `homophones`: the positions where a homophone counts as its digit."""

    def __init__(
        self,
        words: tuple[str, ...],
        items: Items,
        language: Language,
        homophones: frozenset[int] = NO_HOMOPHONES,
    ) -> None:
        self.words = words
        self.items = items
        self.language = language
        self.homophones = homophones
        self.steps = 0

    def starting_at(self, start: int) -> list[Numeral]:
        """Every number that begins at `start`, of two words or more or of ten or more."""
        found: dict[Numeral, None] = {}
        waiting = [_State(start, 0, 0, LARGEST, LARGEST, 0, 0, False, False)]
        while waiting:
            state = waiting.pop()
            self.steps += 1
            value = state.base + state.group
            if not state.bound and (value >= 10 or (state.parts > 1 and value)):
                found[Numeral(state.position, value, state.leaps, state.loose)] = None
            if state.position < len(self.words):
                waiting += self._scaled(state)
                waiting += self._added(state)
        return list(found)

    def _scaled(self, state: _State) -> Iterator[_State]:
        """The number times a hundred, a thousand, ..., if one of these comes next."""
        for item in self.items[state.position]:
            if item.kind is not Kind.SCALE:
                continue
            scale = item.value
            bare = state.group == 0 and (state.parts == 0 or state.base > 0)
            if scale == 100:
                few = 0 < state.group <= 9
                many = 10 < state.group <= self.language.hundreds_up_to and state.group % 10
                if (bare and state.room > 100) or few or many:
                    group = 100 * (state.group or 1)
                    yield state._replace(
                        position=item.end, group=group, room=100, parts=state.parts + 1, bound=False
                    )
            elif scale < state.limit and (bare or 0 < state.group < 1000):
                base = state.base + scale * (state.group or 1)
                yield state._replace(
                    position=item.end,
                    base=base,
                    group=0,
                    limit=scale,
                    room=scale,
                    parts=state.parts + 1,
                    bound=False,
                )

    def _added(self, state: _State) -> Iterator[_State]:
        """The number plus what comes next, with or without a linking word."""
        if state.room == 0 or state.bound:
            return
        starts = [(state.position, False)]
        if state.parts:
            link = self._link(state.room)
            starts += [(item.end, True) for item in self.items[state.position] if item.kind is link]
        for start, linked in starts:
            if start < len(self.words):
                for atom in self._atoms(start):
                    yield from self._plus(state, atom, linked)

    @staticmethod
    def _link(room: int) -> Kind:
        if room <= 10:
            return Kind.LINK_TENS
        return Kind.LINK_HUNDREDS if room <= 100 else Kind.LINK_THOUSANDS

    def _plus(self, state: _State, atom: _Atom, linked: bool) -> Iterator[_State]:
        value, teen = atom.value, False
        if state.room == 10 and state.group % 100 in self.language.teens_after:
            teen = 10 <= value <= 19
        if not (value < state.room or teen):
            return
        bound = atom.bound and not (linked and state.room == 10)
        if bound and state.parts and state.room < 1000:
            return  # "a", "un" and figures begin a number, they don't end one
        loose = state.loose or (
            state.room >= 100
            and state.parts > 0
            and not linked
            and value < 10
            and self._is_digit(atom.end)
        )
        base, group, limit = state.base, state.group + value, state.limit
        room = self._room(group)
        if value >= 1000:
            base, group, limit = base + value - value % 1000, value % 1000, 1000
            room = self._room(group) if group else 1000
        yield _State(
            atom.end,
            base,
            group,
            limit,
            room,
            state.leaps + atom.leaps,
            state.parts + 1,
            bound,
            loose,
        )

    def _room(self, group: int) -> int:
        if group % 100 == 0:
            return 100
        tens = group % 100
        return 10 if tens % 10 == 0 and tens > 10 and not self.language.units_first else 0

    def _is_digit(self, position: int) -> bool:
        return position < len(self.words) and any(
            item.kind in (Kind.DIGIT, Kind.OH) for item in self.items[position]
        )

    def _atoms(self, start: int) -> Iterator[_Atom]:
        """The smallest numbers that begin at `start`: a unit, a teen, a ten, in German also "ein und zwanzig"."""
        units = []
        for item in self.items[start]:
            atom = self._atom(start, item)
            if atom:
                yield atom
                if self.language.units_first and atom.value < 10:
                    units.append(atom)
        word = self.words[start]
        if word.isdecimal() and 1 < len(word) <= 3 and word[0] != "0":
            yield _Atom(start + 1, int(word), 0, bound=True)
        for unit in units:
            yield from self._after_unit(unit)

    def _after_unit(self, unit: _Atom) -> Iterator[_Atom]:
        if unit.end >= len(self.words):
            return
        for link in self.items[unit.end]:
            if link.kind is Kind.LINK_TENS and link.end < len(self.words):
                for ten in self.items[link.end]:
                    if ten.kind is Kind.CARDINAL and ten.value in range(20, 100, 10):
                        yield _Atom(ten.end, ten.value + unit.value, unit.leaps, bound=False)

    def _atom(self, start: int, item: Item) -> _Atom | None:
        if item.kind is Kind.CARDINAL:
            return _Atom(item.end, item.value, 0, bound=False)
        if item.kind is Kind.DIGIT and item.value != "0":
            return _Atom(item.end, int(item.value), 0, bound=self.words[start].isdecimal())
        if item.kind is Kind.BOUND:
            return _Atom(item.end, item.value, 0, bound=True)
        if item.kind is Kind.HOMOPHONE and item.value != "0" and start in self.homophones:
            return _Atom(item.end, int(item.value), 1, bound=False)
        return None

"""An utterance to its readings.

1. Words are looked up (`lexer`), numbers and digits found (`edges`).
2. What is left over decides whether this is an utterance of digits at all: see `_Utterance`.
3. Between edits ("no wait", "start over") the cheapest ways through are found (`lattice`), then joined (`edits`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from fsflows.spoken import edits, lattice
from fsflows.spoken.edges import Edges
from fsflows.spoken.edits import Draft
from fsflows.spoken.language import EDITS, END, Kind, Language, load
from fsflows.spoken.lattice import Skip, Way
from fsflows.spoken.lexer import Items, matches, number_items
from fsflows.spoken.model import Reading
from fsflows.spoken.text import Words, split

MAX_WORDS = 160
"""Longer utterances are not digits: a caller says two or three words a second, and nobody a number for a minute."""
MAX_READINGS = 32

# Costs of words that are passed over; see `edges` for the unit.
CARRIER = 0.001
LINK = 0.02
UNKNOWN = 0.1
ARTICLE = 0.5
UNUSED_HOMOPHONE = 0.6
ONLY_HOMOPHONES = 0.4
LEAP = 0.09
"""A reading that costs more than this is not literal."""

_FILLERS = {
    Kind.HESITATION: 0.0,
    Kind.CARRIER: CARRIER,
    Kind.ARTICLE: ARTICLE,
    Kind.LINK_TENS: LINK,
    Kind.LINK_HUNDREDS: LINK,
    Kind.LINK_THOUSANDS: LINK,
}
_KEYS_ONLY = frozenset("*#" + END)


class Heard(NamedTuple):
    """A reading, and the pieces of text (`str.split`) that became its keys."""

    reading: Reading
    sources: frozenset[int]


class _Edit(NamedTuple):
    """`sure`: it says so in so many words. `denies`: what is said again behind it may be what it takes back."""

    start: int
    end: int
    kind: Kind | None
    sure: bool = False
    denies: bool = False


def parse(text: str, language: str = "en-US", *, alphanumeric: bool = False) -> list[Reading]:
    """All likely readings of an utterance, the best first; never more than MAX_READINGS.

    Args:
        text: what a recogniser heard; any text at all, it never raises for it.
        language: a tag that `resolve` understands.
        alphanumeric: letters count too, alone ("b"), by the spelling alphabet ("bravo") or as "b as in boy".

    Returns:
        [] when there are neither digits, keys nor edits in it, or when it is a sentence with a number in it.

    Raises:
        ValueError: for an unknown language.
    """
    return [heard.reading for heard in understand(split(text), load(language), alphanumeric)]


def understand(
    text: Words,
    language: Language,
    alphanumeric: bool,
    prefix: str | None = None,
    carriers: Iterable[tuple[str, ...]] = (),
) -> list[Heard]:
    """As `parse`, with what was collected before (None: unknown) and further words that may be skipped."""
    if not 0 < len(text.words) <= MAX_WORDS:
        return []
    vain: frozenset[int] = frozenset()
    while True:
        utterance = _Utterance(
            text.words, language, alphanumeric, carriers, goes_on=bool(prefix), vain=vain
        )
        if not utterance.readable:
            return []
        drafts, spoken = utterance.drafts(prefix)
        if utterance.vain == vain:
            break
        # One look is enough, but for made-up text.
        vain = utterance.vain if not vain else frozenset(range(len(text.words)))
    if utterance.unknown and not utterance.plausible(spoken):
        return []
    found: dict[tuple[str, bool, bool, int], Heard] = {}
    for draft in sorted(drafts):
        reading = _reading(draft, utterance.extra)
        if reading.keys or reading.finish or reading.clear or reading.repair:
            same = (reading.keys, reading.finish, reading.clear, reading.repair)
            sources = {text.sources[at] for start, end in draft.spans for at in range(start, end)}
            found.setdefault(same, Heard(reading, frozenset(sources)))
    return list(found.values())[:MAX_READINGS]


def _reading(draft: Draft, extra: float) -> Reading:
    keys = "".join(draft.units)
    bare = keys.rstrip("#" + END)
    cost = draft.cost + extra
    return Reading(
        keys=bare.replace(END, ""),
        finish=bare != keys,
        pound="#" in keys[len(bare) :],
        clear=draft.clear,
        repair=draft.before,
        confidence=math.exp(-cost),
        literal=cost < LEAP,
    )


class _Utterance:
    """What an utterance consists of: edges, edits, fillers, homophones and unknown words.

    A homophone counts as its digit when every word is understood and it stands in a row with a real digit, or when
    nothing but homophones was said. "oh" is a digit beside another, else a hesitation. Unknown words are passed over
    when at least three numbers were said, and two for each unknown word; a single number never stands for itself in
    a sentence.

    Args:
        words, language, alphanumeric, carriers: as for `understand`.
        goes_on: numbers were said before it.
        vain: where a "not" stands that takes no number back, and is a word like others.

    Attributes:
        vain: the same, with those that `drafts` has found.
    """

    def __init__(
        self,
        words: tuple[str, ...],
        language: Language,
        alphanumeric: bool,
        carriers: Iterable[tuple[str, ...]],
        *,
        goes_on: bool = False,
        vain: frozenset[int] = frozenset(),
    ) -> None:
        self.size = len(words)
        self.items: Items = number_items(words, language, carriers, goes_on=goes_on)
        self.vain = vain
        self.edits = self._edits(words, language)
        self.edges = Edges(words, self.items, language, alphanumeric=alphanumeric)
        self.steps = self.edges.steps
        literal = self._covered()
        fillers = self._fillers()
        heard_as = self._heard_as(literal, alphanumeric)
        edited = {at for edit in self.edits for at in range(edit.start, edit.end)}
        understood = literal | fillers.keys() | heard_as.keys() | edited
        self.unknown = self.size - len(understood)
        self.extra = 0.0
        allowed = self._allowed(literal, heard_as, edited) if heard_as else frozenset()
        self.unknown += sum(
            kind is not Kind.OH and at not in allowed and at not in fillers
            for at, kind in heard_as.items()
        )
        if allowed:
            self.edges = Edges(words, self.items, language, allowed, alphanumeric=alphanumeric)
            self.steps += self.edges.steps
        self.skips = self._skips(understood, heard_as, allowed)
        self.readable = bool(literal or allowed or self.edits or any(self.edges.at))

    def _edits(self, words: tuple[str, ...], language: Language) -> list[_Edit]:
        found = []
        position = 0
        while position < self.size:
            edit = next((item for item in self.items[position] if item.kind in EDITS), None)
            denials = matches(words, position, language.deny) if position not in self.vain else []
            if denials and (edit is None or edit.end < denials[0].end):
                edit = denials[0]
            if edit:
                # A bare "sorry" may be about anything, and the "oh" of an "oh no" a digit.
                may_be_digit = any(item.kind is Kind.OH for item in self.items[position])
                sure = edit.end - position > 1 and not may_be_digit
                denies = any(item.end == edit.end for item in denials)
                found.append(_Edit(position, edit.end, edit.kind, sure, denies))
            position = edit.end if edit else position + 1
        return found

    def _covered(self) -> set[int]:
        return {
            at
            for start, edges in enumerate(self.edges.at)
            for edge in edges
            for at in range(start, edge.end)
        }

    def _fillers(self) -> dict[int, float]:
        return {
            at: _FILLERS[item.kind]
            for start, found in enumerate(self.items)
            for item in found
            if item.kind in _FILLERS
            for at in range(start, item.end)
        }

    def _heard_as(self, literal: set[int], alphanumeric: bool) -> dict[int, Kind]:
        """The words that may be heard for a digit, and "double" before one."""
        wanted = {Kind.HOMOPHONE, Kind.OH} | ({Kind.SHY_LETTER} if alphanumeric else set())
        heard_as: dict[int, Kind] = {}
        for position in range(self.size - 1, -1, -1):
            for item in self.items[position]:
                if position not in literal and (
                    item.kind in wanted or (item.kind is Kind.REPEAT and item.end in heard_as)
                ):
                    heard_as[position] = item.kind
        return heard_as

    def _allowed(
        self, literal: set[int], heard_as: dict[int, Kind], edited: set[int]
    ) -> frozenset[int]:
        """The positions where a homophone counts as its digit."""
        allowed: set[int] = set()
        digits = literal | heard_as.keys()
        run: list[int] = []
        for position in range(self.size + 1):
            if position < self.size and position in digits and position not in edited:
                run.append(position)
                continue
            if any(at in literal for at in run):
                allowed.update(at for at in run if heard_as.get(at) is Kind.OH or not self.unknown)
            elif run and self._alone(run, heard_as, edited):
                allowed.update(run)
                self.extra = ONLY_HOMOPHONES
            run = []
        return frozenset(allowed & heard_as.keys())

    def _alone(self, run: list[int], heard_as: dict[int, Kind], edited: set[int]) -> bool:
        """Whether nothing else was said; beside "oh", not even a hesitation ("oh okay")."""
        others = set(range(self.size)) - set(run) - edited
        if all(heard_as[at] is Kind.OH for at in run):
            return not others and not edited
        return all(
            any(item.kind is Kind.HESITATION or item.kind is Kind.KEY for item in self.items[at])
            for at in others
        )

    def _skips(
        self, understood: set[int], heard_as: dict[int, Kind], allowed: frozenset[int]
    ) -> dict[int, list[Skip]]:
        skips: dict[int, list[Skip]] = {}
        for at, found in enumerate(self.items):
            here = [Skip(item.end, _FILLERS[item.kind]) for item in found if item.kind in _FILLERS]
            if at in allowed:
                here.append(Skip(at + 1, UNUSED_HOMOPHONE))
            elif at in heard_as:
                here.append(Skip(at + 1, 0.0 if heard_as[at] is Kind.OH else UNKNOWN))
            elif at not in understood:
                here.append(Skip(at + 1, UNKNOWN))
            if here:
                skips[at] = here
        return skips

    def drafts(self, prefix: str | None) -> tuple[list[Draft], int]:
        """What was said, edits applied, and how many numbers were said in all."""
        drafts = [Draft(0.0, (), 0, clear=False, spans=())]
        spoken = 0
        marks = [_Edit(0, 0, None), *self.edits, _Edit(self.size, self.size, None)]
        for mark, after in pairwise(marks):
            ways, steps = lattice.ways(
                mark.end, after.start, self.edges.at, self.skips, self.edges.seams
            )
            self.steps += steps
            if ways:
                spoken += sum(unit not in _KEYS_ONLY for unit in ways[0].units)
            drafts = self._apply(mark, drafts, ways or [lattice.START], prefix)
        return drafts, spoken

    def _apply(
        self, edit: _Edit, drafts: list[Draft], ways: list[Way], prefix: str | None
    ) -> list[Draft]:
        if edit.kind is Kind.NEGATION:
            if denied := edits.deny(drafts, ways, prefix):
                return denied
            self.vain |= {edit.start}
        if edit.kind is Kind.REPAIR:
            return edits.repair(drafts, ways, prefix, sure=edit.sure, denies=edit.denies)
        if edit.kind is Kind.CLEAR:
            drafts = edits.clear(drafts)
        elif edit.kind is Kind.UNDO:
            drafts = edits.undo(drafts, prefix)
        return edits.extend(drafts, ways)

    def plausible(self, spoken: int) -> bool:
        """Whether so many numbers among so many unknown words are meant as digits."""
        if spoken:
            return spoken >= 3 and spoken >= 2 * self.unknown
        return any(edit.kind is not Kind.REPAIR for edit in self.edits) and self.unknown <= 2

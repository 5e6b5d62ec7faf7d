"""Words to items: what each word, or run of words, of an utterance can be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from fsflows.spoken.language import Kind, Language, Table

MAX_COMPOUND = 80
"""The longest number below a million in one word is German and has 65 letters."""
MAX_SEGMENTATIONS = 8


class Item(NamedTuple):
    """What stands from some position up to `end`."""

    end: int
    kind: Kind
    value: Any


Items = list[list[Item]]


def matches(words: tuple[str, ...], start: int, table: Table) -> list[Item]:
    """The phrases of `table` that begin at `start`, longest first."""
    found = []
    for entry in table.get(words[start], ()):
        end = start + 1 + len(entry.rest)
        if not entry.rest or words[start + 1 : end] == entry.rest:
            found.append(Item(end, entry.kind, entry.value))
    return found


def number_items(
    words: tuple[str, ...],
    language: Language,
    carriers: Iterable[tuple[str, ...]] = (),
    *,
    goes_on: bool = False,
) -> Items:
    """For each position, everything that begins there.

    Args:
        words: the utterance.
        language: its language.
        carriers: further words that may be skipped.
        goes_on: numbers were said before it, which it may correct.
    """
    table = language.numbers
    extra = [phrase for phrase in carriers if phrase]
    items: Items = []
    for start, word in enumerate(words):
        found: list[Item] = []
        if word in table:
            found = matches(words, start, table)
        elif word.isdecimal():
            found = [Item(start + 1, Kind.DIGIT, word)] if len(word) == 1 else []
        elif word in "#*":
            found = [Item(start + 1, Kind.KEY, word)]
        elif language.morphemes and 5 < len(word) <= MAX_COMPOUND:
            found = [Item(start + 1, kind, value) for kind, value in _compound(word, language)]
        for phrase in extra:
            if words[start : start + len(phrase)] == phrase:
                found.append(Item(start + len(phrase), Kind.CARRIER, None))
        items.append(found)
    _drop_idioms(items, goes_on=goes_on)
    return items


def _drop_idioms(items: Items, *, goes_on: bool) -> None:
    """An idiom's words are no numbers ("one moment"), unless it ends in a number that goes on ("no one two"), or begins
    with a correction of one that was said ("four eight, no, one").
    """
    covered = 0
    for start, found in enumerate(items):
        end = max((item.end for item in found if item.kind is Kind.IDIOM), default=0)
        if end:
            last = any(item.kind is Kind.DIGIT for item in items[end - 1])
            more = end < len(items) and any(item.kind is Kind.DIGIT for item in items[end])
            before = goes_on if not start else _is_number(items[start - 1])
            corrects = before and any(item.kind is Kind.REPAIR for item in found)
            if not (last and (more or corrects)):
                covered = max(covered, end)
            found[:] = [item for item in found if item.kind is not Kind.IDIOM]
        if start < covered:
            found.clear()


def _is_number(found: list[Item]) -> bool:
    return any(item.kind in (Kind.DIGIT, Kind.CARDINAL) for item in found)


def _compound(word: str, language: Language) -> list[tuple[Kind, Any]]:
    known = language.compounds
    if word not in known:
        if len(known) > 5_000:  # words are hostile input: the memory is bounded
            known.clear()
        known[word] = _evaluate(word, language)
    found: list[tuple[Kind, Any]] = known[word]
    return found


def _evaluate(word: str, language: Language) -> list[tuple[Kind, Any]]:
    from fsflows.spoken.numerals import Numerals

    for parts in _segmentations(word, language):
        items = [matches(parts, start, language.numbers) for start in range(len(parts))]
        for numeral in Numerals(parts, items, language).starting_at(0):
            if numeral.end == len(parts) and not numeral.leaps:
                return [(Kind.CARDINAL, numeral.value)]
        if len(parts) == 2:
            repeats = [item.value for item in items[0] if item.kind is Kind.REPEAT]
            digits = [item.value for item in items[1] if item.kind is Kind.DIGIT]
            if repeats and digits:
                return [(Kind.KEYS, digits[0] * repeats[0])]
    return []


def _segmentations(word: str, language: Language) -> list[tuple[str, ...]]:
    """Ways to cut `word` into morphemes, at most MAX_SEGMENTATIONS; each returned as the words they stand for."""
    size = len(word)
    longest = max(map(len, language.morphemes))
    tails: list[list[str]] = [[] for _ in range(size)]
    whole = [False] * size + [True]
    for start in range(size - 1, -1, -1):
        for end in range(start + 1, min(size, start + longest) + 1):
            if whole[end] and word[start:end] in language.morphemes:
                tails[start].append(word[start:end])
                whole[start] = True
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while waiting and len(found) < MAX_SEGMENTATIONS:
        start, parts = waiting.pop()
        if start == size:
            found.append(parts)
        else:
            waiting += [
                (start + len(tail), parts + language.morphemes[tail]) for tail in tails[start]
            ]
    return found

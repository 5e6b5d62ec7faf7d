"""Yes and no, and phrases looked for in an utterance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fsflows.spoken.language import Kind, Language, Table, load
from fsflows.spoken.lexer import matches
from fsflows.spoken.model import Assent
from fsflows.spoken.parser import parse
from fsflows.spoken.text import Words, find, parted, split

_NUMBERS = (Kind.DIGIT, Kind.CARDINAL)


def assent(text: str, language: str = "en-US") -> Assent | None:
    """Whether the utterance begins as a yes or a no, and what follows.

    Only hesitations and openings ("i think", "well") may stand before it; "right" further on in a sentence is no
    assent. A yes followed at once by a no, or the other way round, or by a doubt ("yes but") is neither; nor is a yes
    with a no or a negation anywhere behind it: "okay, that's not it" must never pass for a yes. A weak yes, as people
    begin any sentence with, is none when a sentence follows: "okay, i want an agent". An answer is taken back by a
    correction with another behind it ("yes, no wait, no"), or with digits ("yes, no wait, four eight").

    Raises:
        ValueError: for an unknown language.
    """
    grammar = load(language)
    words = split(text)
    answer: Kind | None = None
    weak = True
    rest = position = 0
    while position < len(words.words):
        if answer is not None and (stands := _taken_up(text, words, position, grammar)):
            answer, weak = (Kind.NO, True) if stands.says_no else (None, True)
            rest = position = stands.at
            continue
        found = matches(words.words, position, grammar.assent)
        if not found or found[0].kind is Kind.NEGATION:
            break
        kind, position = found[0].kind, found[0].end
        if kind in (Kind.YES, Kind.WEAK):
            weak = weak and kind is Kind.WEAK
            kind = Kind.YES
        if kind is Kind.UNSURE or (kind is not Kind.LEAD and answer not in (None, kind)):
            return None
        if kind is not Kind.LEAD:
            answer = kind
        rest = position
    if answer is None:
        return None
    more = rest < len(words.words)
    if answer is Kind.YES and more and (weak or _taken_back(words.words, rest, grammar.assent)):
        return None
    return Assent(answer is Kind.YES, _rest(text, words, rest))


def affirms(text: str, language: str = "en-US") -> bool | None:
    """Whether who says a number that he was asked about says that it is right.

    Returns:
        False for "it's not four eight one" and "four eight one, no"; None where it is neither: "four eight one is
        wrong", and whatever else behind it would take back a yes.

    Raises:
        ValueError: for an unknown language.
    """
    grammar = load(language)
    words = split(text)
    end = 0
    for place, word in enumerate(words.words):
        numbers = [
            item.end
            for item in matches(words.words, place, grammar.numbers)
            if item.kind in _NUMBERS
        ]
        if numbers or word.isdigit():
            end = max(end, place + 1, *numbers)
        elif not end:
            found = matches(words.words, place, grammar.denials)
            if found and found[0].kind is Kind.NEGATION:
                return False
    if (answer := assent(_rest(text, words, end), language)) is not None:
        return answer.yes
    return None if _taken_back(words.words, end, grammar.assent) else True


class _Correction(NamedTuple):
    """Where what counts begins, and whether the correction itself says no to what stands before it."""

    at: int
    says_no: bool


def _taken_up(text: str, words: Words, position: int, language: Language) -> _Correction | None:
    """A correction here, of an answer by another, or by digits.

    "No wait", "I mean", "sorry": words for no alone ("no no") are no correction, nor is one that nothing follows.
    """
    said = words.words
    for edit in matches(said, position, language.numbers):
        noes = [_is_bare_no(word, language) for word in said[position : edit.end]]
        if edit.kind is not Kind.REPAIR or all(noes):
            continue
        if edit.end < len(said) and _answers(said, edit.end, language):
            return _Correction(edit.end, says_no=False)
        if noes[-1]:  # "yes, wait no"
            return _Correction(edit.end, says_no=True)
        rest = _rest(text, words, edit.end)
        if any(reading.keys for reading in parse(rest, language.tag)):
            return _Correction(edit.end, says_no=True)
    return None


def _is_bare_no(word: str, language: Language) -> bool:
    """Whether it is the word for no, which may be a correction as well."""
    kinds = {
        each.kind
        for table in (language.assent, language.numbers)
        for each in matches((word,), 0, table)
    }
    return {Kind.NO, Kind.REPAIR} <= kinds


def _answers(words: tuple[str, ...], position: int, language: Language) -> bool:
    found = matches(words, position, language.assent)
    return bool(found) and found[0].kind in (Kind.YES, Kind.WEAK, Kind.NO)


def _taken_back(words: tuple[str, ...], start: int, table: Table) -> bool:
    against = (Kind.NO, Kind.UNSURE, Kind.NEGATION)
    found = (matches(words, position, table) for position in range(start, len(words)))
    return any(each[0].kind in against for each in found if each)


def _rest(text: str, words: Words, position: int) -> str:
    """The text from a word on: as it was said, unless one piece of it holds words of both sides."""
    if position >= len(words.words):
        return ""
    source = words.sources[position]
    if words.sources[position - 1] == source:
        return " ".join(words.words[position:])
    return " ".join(text.split()[source:])


def says(text: str, words: Sequence[str], language: str) -> bool:
    """Whether one of the phrases `words` stands in the utterance as whole words, accents and case aside.

    Raises:
        ValueError: for an unknown language.
    """
    elisions = load(language).elisions
    said = parted(split(text).words, elisions)
    return any(find(parted(split(phrase).words, elisions), said) >= 0 for phrase in words)

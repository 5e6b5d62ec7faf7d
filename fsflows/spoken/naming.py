"""Phrases that stand for keys: "opening hours" is the key 1 of a menu."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from fsflows.spoken.assenting import assent
from fsflows.spoken.language import Kind, Language, load
from fsflows.spoken.lexer import matches
from fsflows.spoken.model import Named
from fsflows.spoken.parser import MAX_WORDS, parse
from fsflows.spoken.text import parted, split

Names = tuple[tuple[str, tuple[str, ...]], ...]
"""Keys, each with the phrases that stand for them."""

_EDITS = frozenset({Kind.CLEAR, Kind.REPAIR})
_REFUSING = frozenset({Kind.NO, Kind.NEGATION})
_REACH = 2
"""Words that may stand between a negation and what it negates: "i don't want to opt out"."""


class _Phrase(NamedTuple):
    words: tuple[str, ...]
    keys: str
    written: str


class _Span(NamedTuple):
    start: int
    end: int
    keys: str
    phrase: str


def named(text: str, names: Names, language: str, *, yes_no: bool = False) -> Named | None:
    """What an utterance names, its phrases being looked for as whole words, accents and case aside.

    A longer phrase counts in place of those that stand in it ("sales support", not "sales"). An utterance names
    nothing that can be known when it has phrases of several keys ("not sales, support"), a number that is another key
    ("two, opening hours"), a negation before the phrase ("i don't want to opt out") or nothing but one behind it
    ("sales, not that"). What stands before a "no wait", with a phrase behind it, or before a "scratch that", is taken
    back.

    Args:
        text: the utterance.
        names: the keys and their phrases.
        language: its tag.
        yes_no: a bare "no" is an answer by itself here, and takes back nothing.

    Returns:
        None when no phrase is in it.

    Raises:
        ValueError: for an unknown language.
    """
    grammar = load(language)
    words = parted(split(text).words[:MAX_WORDS], grammar.elisions)
    spans = _spans(words, _table(names, language))
    if not spans:
        return None
    if stands := _edited(words, spans, grammar):  # from the edit on, which may be a "no"
        words = words[stands:]
        spans = [
            span._replace(start=span.start - stands, end=span.end - stands)
            for span in spans
            if span.start >= stands
        ]
        if not spans:
            return Named(None, starts=False)
    keys = {span.keys for span in spans}
    rest = tuple(_between(words, spans, grammar))
    one = len(keys) == 1 and not (
        _negated(words, spans, grammar)
        or (_refused(words, spans[-1], grammar) and not (yes_no and _is_no(rest[-1], language)))
    )
    meant = spans[0].keys if one and _agree(rest, keys, language) else None
    return Named(meant, starts=spans[0].start == 0, rest=rest, phrase=spans[0].phrase)


def begun(text: str, names: Names, language: str) -> frozenset[str]:
    """The keys of all phrases that the last words of an utterance begin, and do not end."""
    words = parted(split(text).words[-MAX_WORDS:], load(language).elisions)
    table = _table(names, language)
    return frozenset(
        phrase.keys
        for start, word in enumerate(words)
        for phrase in table.get(word, ())
        if len(phrase.words) > len(words) - start
        and phrase.words[: len(words) - start] == words[start:]
    )


@lru_cache(maxsize=512)
def _table(names: Names, language: str) -> Mapping[str, tuple[_Phrase, ...]]:
    """Phrases by their first word, longest first."""
    elisions = load(language).elisions
    found: dict[str, list[_Phrase]] = {}
    for keys, phrases in names:
        for phrase in phrases:
            if words := parted(split(phrase).words, elisions):
                found.setdefault(words[0], []).append(_Phrase(words, keys, phrase))
    return {
        word: tuple(sorted(each, key=lambda phrase: -len(phrase.words)))
        for word, each in found.items()
    }


def _spans(words: tuple[str, ...], table: Mapping[str, Sequence[_Phrase]]) -> list[_Span]:
    """Where the phrases stand, without those inside of a longer one."""
    spans: list[_Span] = []
    for start, word in enumerate(words):
        for phrase in table.get(word, ()):
            end = start + len(phrase.words)
            if words[start:end] == phrase.words:
                if not spans or end > spans[-1].end:
                    spans.append(_Span(start, end, phrase.keys, phrase.written))
                break
    return spans


def _edited(words: tuple[str, ...], spans: Sequence[_Span], language: Language) -> int:
    """Where the last edit begins, and what stands with it. A phrase ("cancel my order") has none; "no" is none."""
    inside = {place for span in spans for place in range(span.start, span.end)}
    stands = place = 0
    while place < len(words):
        found = matches(words, place, language.numbers) if place not in inside else []
        edit = next((each for each in found if each.kind in _EDITS), None)
        if edit and inside.isdisjoint(range(place, edit.end)):
            says_more = edit.end <= spans[-1].start
            if edit.kind is Kind.CLEAR or (says_more and edit.end - place > 1):
                stands = place
        place = edit.end if edit else place + 1
    return stands


def _between(words: tuple[str, ...], spans: Sequence[_Span], language: Language) -> Iterator[str]:
    """What was said before, between and behind the phrases, and is no article of one."""
    ends = [0, *(span.end for span in spans)]
    starts = [*(_with_article(words, span.start, language) for span in spans), len(words)]
    for end, start in zip(ends, starts, strict=True):
        if end < start:
            yield " ".join(words[end:start]).replace("' ", "'")


def _with_article(words: tuple[str, ...], start: int, language: Language) -> int:
    """Where a phrase begins with its article, which may be the word for one as well: "un conseiller" names no 1.

    That of "deux un", or "numéro un", is a number.
    """

    def kinds(place: int) -> set[Kind]:
        found = matches(words[:start], place, language.numbers) if place >= 0 else []
        return {each.kind for each in found}

    alone = kinds(start - 2) <= {Kind.HESITATION, Kind.REPAIR}  # "non, un conseiller"
    return start - 1 if alone and Kind.ARTICLE in kinds(start - 1) else start


def _negated(words: tuple[str, ...], spans: Sequence[_Span], language: Language) -> bool:
    """Whether a phrase stands right behind a negation. One that is a part of a phrase negates nothing.

    A phrase with a negation of its own says so once more: "no, please don't, do not record".
    """
    inside = {place for span in spans for place in range(span.start, span.end)}
    negations = {
        place: found[0].end
        for place in range(len(words))
        if (found := matches(words, place, language.denials)) and found[0].kind is Kind.NEGATION
    }
    return any(
        0 <= span.start - end <= _REACH and place not in inside
        for span in spans
        if not any(span.start <= place and end <= span.end for place, end in negations.items())
        for place, end in negations.items()
    )


def _refused(words: tuple[str, ...], span: _Span, language: Language) -> bool:
    """Whether all that is said behind a phrase is that it isn't meant: "sales, no, not that please".

    With anything else behind it ("sales, no hurry") that is about something else, and a phrase with a negation of its
    own is said once more by another: "do not record, no".
    """
    refused, place = False, span.end
    while place < len(words):
        found = matches(words, place, language.refusals)
        if not found:
            return False
        refused = refused or found[0].kind in _REFUSING
        place = found[0].end
    return refused and not any(
        item.kind in _REFUSING and item.end <= span.end
        for at in range(span.start, span.end)
        for item in matches(words, at, language.refusals)
    )


def _is_no(text: str, language: str) -> bool:
    answer = assent(text, language)
    return answer is not None and not answer.yes


def _agree(rest: Sequence[str], keys: set[str], language: str) -> bool:
    """Whether no other keys were said beside: "press two" is, the "to" of a sentence isn't."""
    for text in rest:
        said = {each.keys for each in parse(text, language) if each.literal and each.keys}
        if said and not said & keys:
            return False
    return True

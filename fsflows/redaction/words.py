"""Numbers spelled in words, found in text: "four five double five", "siebenunddreißig", "4 five 5". For
`fsflows.redaction`.

The grammar of `fsflows.spoken` understands what was said; here, text is cut into runs of words that its languages
use for numbers, since a log line or a sentence is more than an utterance of digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

MAX_RUN = 120
"""Words read at once. Longer runs are read in pieces that overlap by half, which is longer than any number."""

SHORTEST = 3
"""Digits that are worth finding by themselves."""

MAX_SHORT = 4096
_short: dict[tuple[str, frozenset[str]], tuple[str, ...]] = {}
"""Runs, with their languages, that stand for fewer, and for which: a prompt says "press one" in every call. Nothing
private is so short.
"""

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+|[^\W_]")


_PUNCTUATION = re.compile(r"[^\w\s'\u2019-]")


class _Token(NamedTuple):
    text: str
    start: int
    end: int


class Spoken(NamedTuple):
    """A run of number words, from its first to behind its last, and the digits that it may stand for."""

    start: int
    end: int
    digits: tuple[str, ...]


class _Vocabulary(NamedTuple):
    """Words by what they do, each with the languages that they do it in.

    `numbers` make a run; `doubtful` ones ("for", "oh") only go on with it; `fillers` may stand within it.
    """

    numbers: dict[str, frozenset[str]]
    doubtful: frozenset[str]
    fillers: frozenset[str]
    compounding: tuple[str, ...]


def spoken_numbers(text: str) -> Iterator[Spoken]:
    """The runs of number words in a text. Figures count where they stand among words; by themselves they don't.

    A run with punctuation or figures in it comes whole, and in pieces: "one: forty five, two: fifty six".
    """
    words = _vocabulary()
    run: list[_Token] = []
    tags: set[str] = set()
    for match in _TOKEN.finditer(text):
        token = _Token(_fold(match.group()), match.start(), match.end())
        languages = _languages(token.text)
        if languages or token.text.isdecimal() or token.text in words.doubtful:
            tags |= languages
            run.append(token)
        elif run and token.text in words.fillers:
            run.append(token)
        elif run:
            yield from _read_all(run, tags, text)
            run, tags = [], set()
    yield from _read_all(run, tags, text)


def _read_all(run: list[_Token], tags: set[str], text: str) -> Iterator[Spoken]:
    found = list(_read(run, tags))
    yield from found
    pieces = list(_cut(run, text, at_fillers=not found)) if tags else []
    if len(pieces) > 1:
        for piece in pieces:
            of_piece = {tag for token in piece for tag in _languages(token.text)}
            yield from _read(piece, of_piece)


def _cut(run: list[_Token], text: str, *, at_fillers: bool) -> Iterator[list[_Token]]:
    """A run cut at punctuation, between figures and words, and at fillers of another language than the words are in."""
    piece: list[_Token] = []
    for token in run:
        filler = at_fillers and token.text in _vocabulary().fillers and not _languages(token.text)
        if piece and (
            filler
            or token.text.isdecimal() != piece[-1].text.isdecimal()
            or _PUNCTUATION.search(text, piece[-1].end, token.start)
        ):
            yield piece
            piece = []
        if not filler:
            piece.append(token)
    if piece:
        yield piece


def _read(run: list[_Token], tags: set[str]) -> Iterator[Spoken]:
    if not tags:
        return
    fillers = _vocabulary().fillers
    while run and run[-1].text in fillers and not _languages(run[-1].text):
        run = run[:-1]
    step = MAX_RUN // 2
    for first in range(0, max(1, len(run) - step), step):
        piece = run[first : first + MAX_RUN]
        utterance = " ".join(token.text for token in piece)
        known = (utterance, frozenset(tags))
        digits = _short.get(known)
        if digits is None:
            digits = _digits(utterance, tags)
            if all(len(each) < SHORTEST for each in digits) and len(_short) < MAX_SHORT:
                _short[known] = digits
        if digits:
            yield Spoken(piece[0].start, piece[-1].end, digits)


def _digits(utterance: str, tags: set[str]) -> tuple[str, ...]:
    from fsflows.spoken import parse

    found = {
        "".join(key for key in reading.keys if key.isdigit())
        for tag in sorted(tags)
        for reading in parse(utterance, tag)
    }
    return tuple(sorted(found - {""}))


@lru_cache(maxsize=4096)
def _languages(word: str) -> frozenset[str]:
    """The languages in which a word is a number, or a part of one."""
    words = _vocabulary()
    known = words.numbers.get(word)
    if known is not None:
        return known
    if len(word) <= 5 or word.isdecimal():
        return frozenset()
    return frozenset(tag for tag in words.compounding if _is_compound(word, tag))


def _is_compound(word: str, tag: str) -> bool:
    from fsflows.spoken.language import load
    from fsflows.spoken.lexer import number_items

    return bool(number_items((word,), load(tag))[0])


def _fold(word: str) -> str:
    from fsflows.spoken.text import fold

    return fold(word)


@cache
def _vocabulary() -> _Vocabulary:
    from fsflows.spoken.language import Kind, languages, load

    counting = {
        Kind.DIGIT,
        Kind.SOLO,
        Kind.PLURAL,
        Kind.KEYS,
        Kind.CARDINAL,
        Kind.BOUND,
        Kind.SCALE,
        Kind.REPEAT,
        Kind.TIMES,
    }
    doubtful = {Kind.OH, Kind.HOMOPHONE}
    filling = {
        Kind.HESITATION,
        Kind.CARRIER,
        Kind.ARTICLE,
        Kind.LINK_TENS,
        Kind.LINK_HUNDREDS,
        Kind.LINK_THOUSANDS,
    }
    numbers: dict[str, set[str]] = {}
    parts: dict[str, set[str]] = {}
    uncertain: set[str] = set()
    fillers: set[str] = set()
    for tag in languages():
        for first, entries in load(tag).numbers.items():
            for entry in entries:
                phrase = (first, *entry.rest)
                if entry.kind in counting:
                    for word in phrase:
                        (parts if entry.rest else numbers).setdefault(word, set()).add(tag)
                elif entry.kind in doubtful:
                    uncertain.update(phrase)
                elif entry.kind in filling:
                    fillers.update(phrase)
    for word, tags in parts.items():
        if word not in fillers:  # the "a" of "a hundred" makes no number
            numbers.setdefault(word, set()).update(tags)
    return _Vocabulary(
        {word: frozenset(tags) for word, tags in numbers.items()},
        frozenset(uncertain),
        frozenset(fillers),
        tuple(tag for tag in languages() if load(tag).morphemes),
    )

"""Text from a recogniser to plain words: case, accents, punctuation and figures of any script folded away."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

MAX_CHARACTERS = 20_000
"""Longer text is not one utterance (a caller says about 15 characters a second); it is cut here."""

_PIECES = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+|[#*]")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u2018": "'", "`": "'"})


class Words(NamedTuple):
    """An utterance's words, folded, and for each the index of the blank-separated piece of text it came from."""

    words: tuple[str, ...]
    sources: tuple[int, ...]


def fold(text: str) -> str:
    """Lower case, without accents ("Fünf" -> "funf", "dreißig" -> "dreissig"), figures as ASCII."""
    if text.isascii():
        return text.lower()
    bare = "".join(
        mark
        for mark in unicodedata.normalize("NFD", text.translate(_APOSTROPHES).casefold())
        if not unicodedata.combining(mark) and unicodedata.category(mark) not in ("Mn", "Me", "Cf")
    )
    return "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in bare)


def split(text: str) -> Words:
    """The words of `text`: letters (an apostrophe joins), runs of figures, `#` and `*`. All else separates."""
    words: list[str] = []
    sources: list[int] = []
    for index, piece in enumerate(text[:MAX_CHARACTERS].split()):
        found = _PIECES.findall(fold(piece))
        words += found
        sources += [index] * len(found)
    return Words(tuple(words), tuple(sources))


def find(needle: tuple[str, ...], words: tuple[str, ...]) -> int:
    """Where `needle` stands in `words` as whole words; -1 if nowhere."""
    size = len(needle)
    if size:
        for start in range(len(words) - size + 1):
            if words[start : start + size] == needle:
                return start
    return -1


def word_count(text: str) -> int:
    """How many words were said; figures count as one word a run. 0 for an empty or blank text."""
    return len(split(text).words)


def plain_words(text: str) -> str:
    """The words of `text` as they are compared, with one blank between them."""
    return " ".join(split(text).words)


def parted(words: tuple[str, ...], elisions: frozenset[str]) -> tuple[str, ...]:
    """The words, with elided ones apart: "l'agent" is "l'" and "agent", and a phrase "agent" is found in it."""
    if not elisions:
        return words
    found: list[str] = []
    for word in words:
        before, apostrophe, after = word.partition("'")
        found += [before + apostrophe, after] if after and before in elisions else [word]
    return tuple(found)

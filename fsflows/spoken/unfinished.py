"""Whether an utterance ends in the middle: "one two double", "no wait". The recogniser takes a pause for the end."""

from __future__ import annotations

from functools import lru_cache

from fsflows.spoken.language import Kind, load
from fsflows.spoken.lexer import matches
from fsflows.spoken.parser import MAX_WORDS
from fsflows.spoken.text import fold, split

_LONGEST = 6
"""Words of a phrase that is looked for."""
_ASKING = frozenset({Kind.REPAIR, Kind.REPEAT})


def unfinished(text: str, language: str) -> int:
    """How many of an utterance's last pieces (`str.split`) are about what is said next, and nothing without it.

    Raises:
        ValueError: for an unknown language.
    """
    pieces = text.split()
    if not pieces or fold(pieces[-1]) not in _last_words(language):
        return 0
    words, sources = split(text)
    if len(words) > MAX_WORDS:
        return 0
    table = load(language).numbers
    end = found = len(words)
    while end:
        before = range(max(0, end - _LONGEST), end)
        here = ((at, item) for at in before for item in matches(words, at, table))
        kinds = [(at, item.kind) for at, item in here if item.end == end]
        asking = next((at for at, kind in kinds if kind in _ASKING), None)
        skipped = next((at for at, kind in kinds if kind is Kind.HESITATION), None)
        if asking is not None:
            end = found = asking
        elif skipped is not None:
            end = skipped
        else:
            break
    return len(pieces) - sources[found] if found < len(words) else 0


@lru_cache(maxsize=64)
def _last_words(language: str) -> frozenset[str]:
    """What an utterance that is unfinished can end with: most don't, and are not looked at further."""
    kinds = {*_ASKING, Kind.HESITATION}
    table = load(language).numbers
    return frozenset(
        (word, *entry.rest)[-1]
        for word, entries in table.items()
        for entry in entries
        if entry.kind in kinds
    )

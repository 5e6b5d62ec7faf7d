"""What to write instead of a word that there isn't."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str, *, cutoff: float = 0.6) -> str:
    """The nearest of the known words, as a question; without one, all of them behind `otherwise` ("there are")."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=cutoff)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise} {', '.join(words)}"

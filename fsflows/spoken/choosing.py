"""Of all readings of all alternatives, the one that suits the collection."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from fsflows.spoken.language import load
from fsflows.spoken.model import Alternative, Choice, Reading
from fsflows.spoken.parser import Heard, understand
from fsflows.spoken.text import find, split

MAX_ALTERNATIVES = 32
MAX_WORDS = 600
"""All alternatives together; further ones are not looked at. Bounds the time that one result can take."""
RANK = 0.97
"""Each place down the recogniser's own list counts as so much less confidence."""
KEYWORD = 1.1
"""An alternative with one of the expected words in it counts as so much more."""


class _Candidate(NamedTuple):
    reading: Reading
    alternative: Alternative
    rank: int
    score: float
    value: str


def choose(
    alternatives: Sequence[Alternative],
    language: str = "en-US",
    *,
    lengths: range | None = None,
    accept: Callable[[str], bool] | None = None,
    prefix: str = "",
    keywords: Sequence[str] = (),
    alphanumeric: bool = False,
) -> Choice | None:
    """The reading that fits best.

    A reading fits when the buffer it leads to has an allowed length and is accepted. Of several that fit, the most
    confident is taken, a higher alternative being preferred. When none fits: the most confident of those that may
    still grow to an allowed length, then any. A `*` or `#` at the end of the buffer does not count as length.

    Args:
        alternatives: the recogniser's, best first; at most MAX_ALTERNATIVES are looked at.
        language: a tag that `resolve` understands.
        lengths: allowed lengths of the whole buffer, `prefix` included; None: any.
        accept: whether a whole buffer of an allowed length is valid (pattern, check digit).
        prefix: what was collected before; a correction takes back from its end.
        keywords: words that are expected here: they are no reason to take an utterance for a sentence, and an
            alternative that has one is preferred.
        alphanumeric: letters count too.

    Returns:
        None when there is nothing to read in any alternative.

    Raises:
        ValueError: for an unknown language.
    """
    grammar = load(language)
    expected = [split(word).words for word in keywords]
    candidates: list[_Candidate] = []
    room = MAX_WORDS
    for rank, alternative in enumerate(alternatives[:MAX_ALTERNATIVES]):
        words = split(alternative.text)
        room -= len(words.words)
        if room < 0:
            break
        factor = RANK**rank
        if any(find(phrase, words.words) >= 0 for phrase in expected):
            factor *= KEYWORD
        for heard in understand(words, grammar, alphanumeric, prefix, expected):
            reading, value = _heard(heard, alternative, prefix)
            score = reading.confidence * factor
            candidates.append(_Candidate(reading, alternative, rank, score, value))
    candidates.sort(key=lambda one: (-one.score, one.rank))
    return _fitting(candidates, lengths, accept) or _growing(candidates, lengths)


def _fitting(
    candidates: Sequence[_Candidate], lengths: range | None, accept: Callable[[str], bool] | None
) -> Choice | None:
    tried: dict[str, bool] = {}
    for one in candidates:
        if lengths is not None and len(one.value) not in lengths:
            continue
        if accept is not None and one.value not in tried:
            tried[one.value] = accept(one.value)
        if tried.get(one.value, True):
            return Choice(one.reading, one.alternative, one.rank, fits=True)
    return None


def _growing(candidates: Sequence[_Candidate], lengths: range | None) -> Choice | None:
    longest = max(lengths, default=0) if lengths is not None else 0
    best = min(candidates, key=lambda one: len(one.value) >= longest, default=None)
    return best and Choice(best.reading, best.alternative, best.rank, fits=False)


def _heard(heard: Heard, alternative: Alternative, prefix: str) -> tuple[Reading, str]:
    """The reading with the recogniser's own confidence, and the buffer it leads to."""
    reading = heard.reading
    confidence = reading.confidence * _asr_confidence(alternative, heard)
    kept = "" if reading.clear else prefix[: len(prefix) - reading.repair]
    value = (kept + reading.keys).rstrip("*#")
    return replace(reading, confidence=confidence), value


def _asr_confidence(alternative: Alternative, heard: Heard) -> float:
    """The lowest among the words that became keys: a number is wrong when one digit is."""
    pieces = len(alternative.text.split())
    if alternative.words and len(alternative.words) == pieces:
        used = [alternative.words[at][1] for at in heard.sources if at < pieces]
    else:
        used = [confidence for _, confidence in alternative.words]
    known = [one for one in used if _is_share(one)] or [alternative.confidence]
    return min((one for one in known if one is not None and _is_share(one)), default=1.0)


def _is_share(number: float | None) -> bool:
    return number is not None and math.isfinite(number) and 0.0 <= number <= 1.0

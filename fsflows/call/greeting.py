"""Person or machine: what whoever answered our call says first, and how long.

Somebody who picks up says a word or two and waits. A machine has a text to get through. So many words, or so long
without a pause, is a machine; a pause after a few, or silence, is a person. It rests on the recogniser: without one,
everybody is a person. A machine with a short greeting is taken for a person, and a person with a long one ("Harbour
Books, you are speaking to Ada, what can I do for you") for a machine.
"""

from __future__ import annotations

from enum import StrEnum

SILENCE = 2.5
"""Seconds without a word after which somebody is there who waits for us."""

PAUSE = 1.0
"""Seconds of silence after the last new word that end a greeting: a machine's sentences are closer together."""

LONG = 2.6
"""Seconds of speech without such a pause."""

MANY = 9
"""Words."""

LATENCY = 0.4
"""Seconds from a word's beginning to the recogniser's first result with it."""


class Answerer(StrEnum):
    """Who answered."""

    PERSON = "person"
    MACHINE = "machine"


class Greeting:
    """Listens to a greeting; times are the call's.

    Args:
        now: when the call was answered.
    """

    def __init__(self, now: float) -> None:
        self._begin = now
        self._first: float | None = None
        self._latest = now
        self._done = 0
        self._partial = ""

    def heard(self, text: str, at: float, *, final: bool) -> None:
        """The recogniser has understood this much of what is being said; a final result ends a sentence."""
        words = text.split()
        news = len(words) > len(self._partial.split())
        self._partial = "" if final else text
        if news:
            self._latest = at
            if self._first is None:
                self._first = at - LATENCY
        if final:
            self._done += len(words)

    @property
    def words(self) -> int:
        """How many there were."""
        return self._done + len(self._partial.split())

    @property
    def next_at(self) -> float:
        """When it is decided, if nothing more is heard."""
        if self._first is None:
            return self._begin + SILENCE
        return self._latest + PAUSE

    def who(self, now: float) -> Answerer | None:
        """Who it is; None: not yet known."""
        if self.words >= MANY:
            return Answerer.MACHINE
        if self._first is not None and self._latest - self._first >= LONG:
            return Answerer.MACHINE
        return Answerer.PERSON if now >= self.next_at else None

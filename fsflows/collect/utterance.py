"""The speech that is going on: from its first partial to its final result.

mod_vosk sends no "begin speaking": the first partial is the beginning. It repeats the partial every 0.2 s while the
speech goes on, and says nothing at all when it takes a partial back. So a partial means "the caller is speaking" for
as long as `partial_timeout`, and is believed only when it was seen again, unchanged, after `settle_time`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fsflows.collect.spec import Speech
from fsflows.collect.trail import Trail
from fsflows.spoken import Alternative


class Utterance:
    """Partial results until the final one, without the words that were answered already.

    Attributes:
        text: the words of the last partial; empty when nobody is speaking.
        began_at: the first partial.
        changed_at: the last partial with other words than the one before.
        seen_at: the last partial.
    """

    def __init__(self, speech: Speech, trail: Trail) -> None:
        self._speech = speech
        self._answered = trail.words
        self._answered_until = trail.words_until
        self._words = 0
        self.text = ""
        self.began_at = self.changed_at = self.seen_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Utterance of {self._words} words>"

    @property
    def speaking(self) -> bool:
        return bool(self.text)

    @property
    def stalls_at(self) -> float:
        """When a partial that nothing followed stops meaning that somebody speaks."""
        return self.seen_at + self._speech.partial_timeout

    @property
    def settles_at(self) -> float:
        """When the words will have stayed the same for long enough."""
        return self.changed_at + self._speech.settle_time

    @property
    def believed(self) -> bool:
        """Whether the words were seen again after they had stayed the same for long enough."""
        return self.speaking and self.seen_at >= self.settles_at

    def partial(self, text: str, at: float) -> bool:
        """A partial result; says whether its words are others than before."""
        words = text.split()
        new = " ".join(words[self._passed_over(at) :])
        if self._answered:
            self._answered_until = at + self._speech.partial_timeout
        self._words = len(words)
        if not new:
            self.text = ""
            return False
        if not self.text:
            self.began_at = at
        changed = new != self.text
        if changed:
            self.changed_at = at
        self.seen_at = at
        self.text = new
        return changed

    def final(self, alternatives: Sequence[Alternative], at: float) -> tuple[Alternative, ...]:
        """The final result: what is new in it, the best first. The utterance is over."""
        passed_over = self._passed_over(at)
        kept = tuple(
            each
            for each in (
                _without(passed_over, alternative)
                for alternative in alternatives[: self._speech.alternatives]
            )
            if each.text.strip()
        )
        self.end()
        return kept

    def answered(self, at: float) -> None:
        """The words so far are done with (taken, or thrown away): what comes after them is new."""
        self._answered = self._words if self.text else self._answered
        self._answered_until = max(self._answered_until, at + self._speech.partial_timeout)
        self.text = ""

    def end(self) -> None:
        """Nobody is speaking any more."""
        self.text = ""
        self._words = self._answered = 0
        self._answered_until = float("-inf")

    def trail(self, at: float) -> tuple[int, float]:
        """`Trail.words` and `Trail.words_until` for whoever listens next."""
        if self.text:
            return self._words, at + self._speech.partial_timeout
        return self._answered, self._answered_until

    def _passed_over(self, at: float) -> int:
        if at > self._answered_until:
            self._answered = 0
        return self._answered


def _without(count: int, alternative: Alternative) -> Alternative:
    if not count:
        return alternative
    words = alternative.text.split()
    timed = alternative.words[count:] if len(alternative.words) == len(words) else ()
    return dataclasses.replace(alternative, text=" ".join(words[count:]), words=timed)

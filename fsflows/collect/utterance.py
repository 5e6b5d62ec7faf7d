"""The speech that is going on: from its first partial to its final result.

mod_vosk sends no "begin speaking": the first partial is the beginning. It repeats the partial every 0.2 s while the
speech goes on, and says nothing at all when it takes a partial back. So a partial means "the caller is speaking" for
as long as `partial_timeout`, and is believed only when it was seen again, unchanged, after `settle_time`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fsflows.collect.spec import Speech
from fsflows.collect.trail import LATEST, SILENCE, SOONEST
from fsflows.spoken import Alternative

LONG_AGO = float("-inf")


class Utterance:
    """Partial results until the final one, without the words that were answered already.

    Args:
        speech: the settings.
        answered: words at the beginning of the speech that an earlier listener has taken, ...
        answered_until: ... and until when: after a longer silence, it is another speech.
        and_rest: whether the rest of that speech is answered, too.
        private: whether that speech began where it was private, and this is another place: all of it is passed over,
            whatever the recogniser makes of it.
        private_until: when it was private last. Speech that is new and must have begun by then is passed over; what may
            have begun by then is private.

    Attributes:
        text: the new words of the last partial; empty when nobody is speaking.
        changed_at: the last partial with other words than the one before.
        seen_at: the last partial.
    """

    def __init__(
        self,
        speech: Speech,
        answered: str = "",
        answered_until: float = LONG_AGO,
        *,
        and_rest: bool = False,
        private: bool = False,
        private_until: float = LONG_AGO,
    ) -> None:
        self._speech = speech
        self._answered = answered.split()
        self._answered_until = answered_until
        self._and_rest = and_rest
        self._private = private
        self._private_until = private_until
        self._doubtful: bool | None = None
        self._final_at = LONG_AGO
        self._words: list[str] = []
        self.text = ""
        self.changed_at = self.seen_at = LONG_AGO

    def __repr__(self) -> str:
        return f"<Utterance of {len(self._words)} words>"

    @property
    def speaking(self) -> bool:
        """Whether a partial says so."""
        return bool(self.text)

    def private(self, at: float) -> bool:
        """Whether what is said then goes on with a private speech."""
        return self._private and at <= self._answered_until

    def may_be_private(self, text: str, at: float, *, final: bool) -> bool:
        """Whether speech of which this is a result may have begun where it was private; surely: see `private`."""
        if self._doubtful is None and text.strip():
            words = len(text.split())
            since = at - self._private_until
            if since < SOONEST[0] + SOONEST[1] * words:
                self._private = True
                self._answered_until = at + self._speech.partial_timeout
            self._doubtful = since <= LATEST[0] + LATEST[1] * words + SILENCE * final
        return bool(self._doubtful) and not self._private

    @property
    def stalls_at(self) -> float:
        """When a partial that nothing followed stops meaning that somebody speaks."""
        return self.seen_at + self._speech.partial_timeout

    @property
    def believed(self) -> bool:
        """Whether the words were seen again after they had stayed the same for long enough."""
        return self.speaking and self.seen_at >= self.changed_at + self._speech.settle_time

    def partial(self, text: str, at: float) -> bool:
        """A partial result; says whether its words are others than before."""
        words = text.split()
        count = self._passed_over(words, at)
        if count:
            self._answered_until = at + self._speech.partial_timeout
        else:
            self._answered = []
            self._private = False
        new = " ".join(words[count:])
        changed = new != self.text
        self._words = words
        self.text = new
        if new:
            self.changed_at = at if changed else self.changed_at
            self.seen_at = at
        return bool(new) and changed

    def final(self, alternatives: Sequence[Alternative], at: float) -> tuple[Alternative, ...]:
        """The final result: what is new in it, the best first. The utterance is over."""
        best = alternatives[0].text.split() if alternatives else []
        count = self._passed_over(best, at)
        looked_at = alternatives[: self._speech.alternatives]
        self.end()
        self._final_at = at
        self._private_until = LONG_AGO  # what is said from now on has begun here
        new = (_without(count, alternative) for alternative in looked_at)
        return tuple(alternative for alternative in new if alternative.text.strip())

    def answered(self, at: float) -> None:
        """The words so far are done with (taken, or thrown away): what comes after them is new."""
        if self.text:
            self._answered = self._words
            self._answered_until = at + self._speech.partial_timeout
            self._and_rest = False
            self.text = ""

    def end(self) -> None:
        """Nobody is speaking any more."""
        self.text = ""
        self._words, self._answered = [], []
        self._answered_until = LONG_AGO
        self._and_rest = self._private = False
        self._doubtful = None

    def private_until(self, at: float, *, is_pii: bool) -> float:
        """For the trail of a listener that ends: until when speech of which nothing was said yet may be private."""
        if self._final_at >= at:
            return LONG_AGO
        return at if is_pii else self._private_until

    def trail(self, at: float) -> tuple[str, float, bool]:
        """The words that whoever listens next must not take for an answer, until when, and whether nor their rest.

        Words that were not needed are about what was keyed meanwhile: many callers say the digits that they press.
        """
        # Later, it was taken back, and nobody was listening to notice.
        if self.text and at < self.stalls_at:
            return " ".join(self._words), at + self._speech.partial_timeout, True
        return " ".join(self._answered), self._answered_until, self._and_rest

    def _passed_over(self, words: Sequence[str], at: float) -> int:
        """How many of the words were answered already: all that were, if this is the same speech.

        It is when it isn't much shorter, and at least half of the words stand where they stood: a recogniser mends a
        word or two. It isn't when the recogniser was started anew.
        """
        if self.private(at):
            return len(words)
        before = self._answered
        same = sum(old == new for old, new in zip(before, words, strict=False))
        known = 3 * len(words) >= 2 * len(before) and 2 * same >= len(before)
        if not known or at > self._answered_until:
            return 0
        return len(words) if before and self._and_rest else len(before)


def _without(count: int, alternative: Alternative) -> Alternative:
    if not count:
        return alternative
    words = alternative.text.split()
    timed = alternative.words[count:] if len(alternative.words) == len(words) else ()
    return dataclasses.replace(alternative, text=" ".join(words[count:]), words=timed)

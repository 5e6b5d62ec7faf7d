"""What the caller has answered so far: the buffer, the speech that still goes on, and which of the two counts."""

from __future__ import annotations

from collections.abc import Sequence

from fsflows.collect.buffer import EMPTY, Buffer
from fsflows.collect.choices import may_become_another
from fsflows.collect.hearing import Change, hear, right
from fsflows.collect.spec import Collection, Policy, Source
from fsflows.collect.utterance import Utterance
from fsflows.spoken import Alternative


class Answer:
    """One buffer, under the policy of its spec.

    An utterance counts at the place where its first digit was heard: keys pressed while it goes on stand after it,
    though its final result comes later than they do.

    Attributes:
        first: what the first digits came from; NONE: there are none yet.
    """

    def __init__(self, spec: Collection, utterance: Utterance, kept: Buffer) -> None:
        self._spec = spec
        self.buffer = kept
        self.utterance = utterance
        self.first = Source.NONE
        self._place = 0
        self._partial_digits = ""
        self._unfinished = ""
        self._tried: tuple[tuple[str, str, Buffer, int], Change] | None = None

    def __repr__(self) -> str:
        return f"<Answer of {len(self.buffer)} keys>"

    # --- what counts ---

    @property
    def listens(self) -> bool:
        """Whether speech counts: the step has it, and no key has shut it out."""
        return self._spec.speech is not None and (
            self._spec.policy is Policy.MERGE or self.first is not Source.KEYS
        )

    @property
    def hears(self) -> bool:
        """Whether somebody is speaking, and it counts."""
        return self.listens and self.utterance.speaking

    @property
    def refuses_keys(self) -> bool:
        """Whether speech has shut out the keys."""
        return self._spec.policy is Policy.FIRST_WINS and self.first is Source.SPEECH

    # --- the partial ---

    def follow(self) -> bool:
        """The partial has changed; says whether its digits have."""
        if not self._partial_digits:
            self._place = len(self.buffer.parts)
        tentative = self.tentative()
        digits = tentative.buffer.digits if tentative.said else ""
        changed = digits != self._partial_digits
        self._partial_digits = digits
        return changed

    def tentative(self) -> Change:
        """What the buffer would be if the words of the partial were to stand."""
        if not self.hears:
            return Change(self.buffer)
        state = (self._unfinished, self.utterance.text, self.buffer, self._place)
        if self._tried is None or self._tried[0] != state:
            self._tried = (state, self._put((Alternative(self.utterance.text),)))
        return self._tried[1]

    def _put(self, alternatives: Sequence[Alternative]) -> Change:
        return hear(self._spec, self.buffer, self._place, alternatives, self._unfinished)

    def speech_over(self) -> None:
        """Nobody is speaking any more: what is said next stands behind what there is by then."""
        self._partial_digits = ""

    def settles(self) -> bool:
        """Whether the words of the partial, if they stay, make an exact length complete and right."""
        if not self._spec.exact or self._spec.needs_confidence:
            return False
        tentative = self.tentative()
        if not tentative.said or tentative.unfinished:
            return False
        if not right(self._spec, tentative.buffer.digits):
            return False
        speech, digits = self._spec.speech, tentative.buffer.digits
        if speech is None or not speech.words:
            return True
        return not may_become_another(self._spec, speech, self.utterance.text, digits)

    # --- changes ---

    def hear(self, alternatives: Sequence[Alternative]) -> Change:
        """What a final result would make of the buffer."""
        if not self._partial_digits:
            self._place = len(self.buffer.parts)
        return self._put(alternatives)

    def take(self, change: Change) -> None:
        """What was said stands; what there was nothing in to collect may still be about what is said next."""
        self._unfinished = change.unfinished
        if not change.said:
            return
        self.buffer = change.buffer
        self.speech_over()
        if not self.buffer:
            self._forget_first()
        elif self.first is Source.NONE:
            self.first = Source.SPEECH

    def press(self, key: str, at: float) -> None:
        """A key stands."""
        self._unfinished = ""
        if self._spec.policy is not Policy.MERGE and self.first is not Source.KEYS:
            self._pass_over(at)
            self.buffer = self.buffer.only(Source.KEYS)
            self.first = Source.KEYS
        elif self.first is Source.NONE:
            self.first = Source.KEYS
        self.buffer = self.buffer.press(key)

    def clear(self, at: float) -> None:
        """Nothing stands; the rest of an utterance that goes on is what was said after this."""
        self._pass_over(at)
        self._unfinished = ""
        self.buffer = EMPTY
        self._forget_first()

    def repair(self) -> None:
        """If the answer isn't right, and the other readings of what was said give one that is, that is the answer."""
        if not right(self._spec, self.buffer.digits):
            better = self.buffer.repaired(lambda digits: right(self._spec, digits))
            self.buffer = better or self.buffer

    def _pass_over(self, at: float) -> None:
        self.utterance.answered(at)
        self._place, self._partial_digits = 0, ""

    def _forget_first(self) -> None:
        """A cleared answer begins anew; only `keys_win` has ended with speech for good."""
        if self._spec.policy is not Policy.KEYS_WIN or self.first is not Source.KEYS:
            self.first = Source.NONE

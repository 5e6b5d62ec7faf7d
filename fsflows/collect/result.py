"""What comes out of a collection: an `Attempt` for each time the caller was asked, a `CollectionResult` for the step.

Nothing is lost on the way to a function: every outcome carries the digits there were, what they came from, what the
recogniser heard, and how it ended. In a step marked `is_pii` everything a caller keyed or said is a `Pii`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from fsflows.collect.spec import Outcome, Source
from fsflows.collect.trail import Trail
from fsflows.collect.validate import Failure
from fsflows.privacy import Pii
from fsflows.spoken import Alternative

Text = str | Pii
"""What a caller keyed or said: a `Pii` in a step marked `is_pii`, else a `str`."""


class How(StrEnum):
    """What ended a collection; there are no others."""

    LENGTH = "length"
    """The digits reached (or, in one piece of speech, passed) `max_digits`."""
    ONLY_VALUE = "only_value"
    """The digits are one of `values`, and no longer one begins with them."""
    END_KEY = "end_key"
    END_WORD = "end_word"
    """"Pound", "hash", "star" as the language has it; or a phrase that is a choice, where more digits could follow."""
    INTER_DIGIT_TIMEOUT = "inter_digit_timeout"
    END_OF_SPEECH = "end_of_speech"
    FIRST_DIGIT_TIMEOUT = "first_digit_timeout"
    COLLECTION_TIMEOUT = "collection_timeout"
    SETTLED_PARTIAL = "settled_partial"
    """An exact length, complete in a partial that stayed the same for `settle_time`."""
    ESCAPE_KEY = "escape_key"
    ESCAPE_WORD = "escape_word"
    HANGUP = "hangup"
    REFUSED = "refused"
    """The digits were read back, and the caller said no."""
    UNCONFIRMED = "unconfirmed"
    """The digits were read back, and no answer could be made out."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that the recogniser made of what was said. `confidence` is 0-1, None when the recogniser gave none."""

    text: Text
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of asking once.

    Attributes:
        digits: what was collected, on every outcome; end, clear and escape keys are no part of it.
        how: what ended it.
        source: what the digits came from.
        confidence: 0-1, of the weakest part; keys are 1.0; None: no digits, or a recogniser that gives none.
        alternatives: everything that the recogniser offered, in the order in which it came.
        heard: the last thing heard, as text.
        phrase: the phrase that was said for the digits (`Speech.words`), if it was one.
        failure: why the digits are no match, when a rule says so.
        started_at, ended_at: the clock's seconds.
        keys_pressed: how many presses counted, end and clear keys included.
        trail: what the next collection needs to know of this one.
    """

    outcome: Outcome
    digits: Text = ""
    how: How
    source: Source = Source.NONE
    confidence: float | None = None
    alternatives: tuple[Heard, ...] = ()
    heard: Text = ""
    phrase: Text = ""
    failure: Failure | None = None
    started_at: float = 0.0
    ended_at: float = 0.0
    keys_pressed: int = 0
    trail: Trail = field(default_factory=Trail, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionResult:
    """What came of a step's collection.

    The fields up to `failure` are those of the attempt that decided, as in `Attempt`.

    Attributes:
        attempts: how often the caller was asked.
        attempts_log: what came of each time.
        confirmed: whether the caller agreed to the digits; None: not asked.
        trail: give it to the next collection of the call.
    """

    outcome: Outcome
    digits: Text = ""
    how: How
    source: Source = Source.NONE
    confidence: float | None = None
    alternatives: tuple[Heard, ...] = ()
    heard: Text = ""
    failure: Failure | None = None
    attempts: int = 1
    attempts_log: tuple[Attempt, ...] = ()
    confirmed: bool | None = None
    trail: Trail = field(default_factory=Trail, repr=False, compare=False)

    @property
    def user_input(self) -> Text:
        """The digits of a complete collection, else nothing: a partial number is never taken for an answer."""
        return self.digits if self.outcome is Outcome.COMPLETE else self.digits.__class__("")


def private(text: str, *, is_pii: bool) -> Text:
    """The text, in the type that it may travel in."""
    return Pii(text) if is_pii else text


def plain(text: Text) -> str:
    """The text itself; for this package's own use."""
    return text.reveal() if isinstance(text, Pii) else text


def as_heard(alternatives: Iterable[Alternative], *, is_pii: bool) -> tuple[Heard, ...]:
    """What a result keeps of the recogniser's alternatives."""
    return tuple(Heard(private(each.text, is_pii=is_pii), each.confidence) for each in alternatives)

"""What a step collects, and how: the settings of a collection, complete, checked and immutable.

A flow's `dtmf:`, `asr:`, `validate:`, `confirm:` and `retry:` blocks become these; so do the arguments of
`GetDtmfTask`. One spec is shared by every call that runs the step. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

DIGITS = "0123456789"
KEYPAD = DIGITS + "*#"
LETTERS = "ABCD"
MAX_DIGITS = 32
"""The longest collection with a limit (PolyAI's panel: 1-32, or -1 for no limit)."""

MAX_SECONDS = 120.0
"""The longest any timer may be set: a larger number is milliseconds taken for seconds."""


class Policy(StrEnum):
    """How keys and speech share the buffer."""

    MERGE = "merge"
    """Both append, in the order in which they came."""
    KEYS_WIN = "keys_win"
    """The first key throws away what was spoken, and speech is not listened to afterwards."""
    FIRST_WINS = "first_wins"
    """Whichever came first goes on alone."""


class BargeIn(StrEnum):
    """What a key does while a prompt is playing."""

    INTERRUPT = "interrupt"
    """It stops the prompt, and counts."""
    COLLECT = "collect"
    """It counts; the prompt plays on."""
    IGNORE = "ignore"
    """It is not collected."""


class TypeAhead(StrEnum):
    """What becomes of keys pressed after the previous step ended and before this one's capture opened."""

    KEEP = "keep"
    FLUSH = "flush"


class Confirm(StrEnum):
    """Whether the digits are read back."""

    NEVER = "never"
    ALWAYS = "always"
    WHEN_UNSURE = "when_unsure"
    """Only when the digits were spoken, or the confidence is under `Confirmation.sure`."""


class Outcome(StrEnum):
    """How a collection ended; there are no others."""

    COMPLETE = "complete"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    ESCAPED = "escaped"
    HANGUP = "hangup"


class Source(StrEnum):
    """What the digits of a result came from."""

    NONE = "none"
    KEYS = "keys"
    SPEECH = "speech"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape:
    """A way out that works in every step: a key pressed first, or a word said, ends the collection as `escaped`."""

    keys: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """The `asr:` block.

    Attributes:
        language: BCP 47 tag; picks the grammar of `fsflows.spoken` ("en-US", "fr", ...).
        preset: what is expected to be said: "numeric", "yes_no", "single_number", "alphanumeric" or "none".
        keywords: words that are expected; used to choose among the ASR's alternatives.
        words: keys, each with the phrases that stand for it: (("1", ("opening hours", "hours")), ...). A phrase that is
            said is a whole answer.
        barge_in_words: how many words stop a prompt; None: speech never does.
        settle_time: how long a partial that completes an exact-length collection must stay the same to be believed.
        end_of_speech_timeout: patience after a final result while digits are missing, from the end of the speech.
        alternatives: how many of the ASR's alternatives are looked at.
        partial_timeout: how long a partial holds the timers when nothing follows it. mod_vosk repeats a partial every
            0.2 s and sends nothing at all when it takes a partial back, or when its server hangs.
        hold_limit: how long talk without a digit in it holds the timers: a television must not hold a call for ever.
    """

    language: str = "en-US"
    preset: str = "numeric"
    keywords: tuple[str, ...] = ()
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    barge_in_words: int | None = 1
    settle_time: float = 0.4
    end_of_speech_timeout: float = 2.0
    alternatives: int = 10
    partial_timeout: float = 2.0
    hold_limit: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a complete collection has to be. All that are given must hold.

    Attributes:
        pattern: a regular expression that the whole digits must match (`re.fullmatch`).
        values: the digits must be one of these.
        check: a check digit scheme by its python-stdnum name ("luhn", "iban", "us.ssn", ...).
        phone_region: an ISO 3166 region ("GB"): a possible and valid phone number as dialled there.
        kind: "date" (with `date_format`), "time" or "amount".
        date_format: order of the digits of a date: "DDMMYYYY", "MMDDYYYY", "YYYYMMDD", "DDMMYY", "MMDDYY", "YYMMDD",
            "DDMM", "MMDD".
        function: name of a function of the flow, `f(conv, digits) -> bool | str`; looked up by the conversation.
    """

    pattern: str | None = None
    values: frozenset[str] | None = None
    check: str | None = None
    phone_region: str | None = None
    kind: str | None = None
    date_format: str = "DDMMYYYY"
    function: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The read-back.

    Attributes:
        when: whether the digits are read back.
        accept_keys, refuse_keys: what is pressed for "yes" and for "no".
        groups: sizes of the groups that are read, e.g. (3, 3, 4); empty: as suits the number (a phone number by its
            region, others in threes and fours).
        sure: `when_unsure`: a confidence under this asks.
        spoken_is_unsure: `when_unsure`: spoken digits ask whatever their confidence; False: only under `sure`.
        timeout: how long an answer is waited for, from the end of the read-back.
        asks: how often the question is put; without an answer then, the digits count as not confirmed.
    """

    when: Confirm = Confirm.NEVER
    accept_keys: frozenset[str] = frozenset("1")
    refuse_keys: frozenset[str] = frozenset("2")
    groups: tuple[int, ...] = ()
    sure: float = 0.85
    spoken_is_unsure: bool = True
    timeout: float = 5.0
    asks: int = 2


@lru_cache(maxsize=512)
def _collected(values: frozenset[str] | None, letters: bool) -> frozenset[str]:
    named = set().union(*map(str, values or ()))
    return frozenset(DIGITS) | (named & set(KEYPAD + LETTERS)) | set(LETTERS if letters else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One step's collection.

    Attributes:
        min_digits: fewer is `too_short`.
        max_digits: reaching it ends the collection at once; None: no limit, ends by end key or time.
        first_digit_timeout: silence allowed before the first key or word, from the end of the prompt.
        inter_digit_timeout: silence allowed after each key, held while the caller speaks.
        collection_timeout: for the whole collection, from its opening; None: none.
        end_keys: each ends the collection and is not part of the digits.
        clear_keys: each empties the buffer and does not end the collection.
        allow_letters: whether A-D count as keys.
        same_press_window: a report of a key from another source so close to the time that it was down is the same press
            (RTP and in-band: measured a few tens of milliseconds apart).
        during_greeting: whether keys count while the greeting plays. By default the greeting plays before capture
            begins; `collect_while_agent_speaking: true`, or a `barge_in` that is written out, changes that.
        is_pii: the digits exist in redacting types only.
    """

    min_digits: int = 1
    max_digits: int | None = 1
    first_digit_timeout: float = 5.0
    inter_digit_timeout: float = 2.0
    collection_timeout: float | None = None
    end_keys: frozenset[str] = frozenset()
    clear_keys: frozenset[str] = frozenset()
    allow_letters: bool = False
    barge_in: BargeIn = BargeIn.INTERRUPT
    during_greeting: bool = False
    type_ahead: TypeAhead = TypeAhead.KEEP
    same_press_window: float = 0.06
    policy: Policy = Policy.MERGE
    speech: Speech | None = field(default_factory=Speech)
    escape: Escape = field(default_factory=Escape)
    validation: Validation = field(default_factory=Validation)
    confirmation: Confirmation = field(default_factory=Confirmation)
    is_pii: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """The keys that are collected: the digits, letters where they are allowed, and any key that `values` names.

        `*` and `#` are keys without a digit; a list of values that has them ("1", "2", "*") makes menu choices of them.
        """
        return _collected(self.validation.values, self.allow_letters)

    @property
    def control_keys(self) -> frozenset[str]:
        """The keys that do something other than being collected: end, clear and escape keys."""
        return self.end_keys | self.clear_keys | self.escape.keys

    @property
    def interrupting_keys(self) -> frozenset[str]:
        """The keys that stop a prompt, for the channel's `playback_terminators`: FreeSWITCH then stops by itself."""
        if self.barge_in is BargeIn.INTERRUPT:
            return self.keys | self.control_keys
        return self.escape.keys if self.barge_in is BargeIn.COLLECT else frozenset()

    @property
    def replying_keys(self) -> frozenset[str]:
        """The keys that mean something while the digits are read back, where an end key has nothing to end."""
        reply = self.confirmation.accept_keys | self.confirmation.refuse_keys
        return self.keys | reply | self.clear_keys | self.escape.keys

    @property
    def lengths(self) -> range | None:
        """The lengths that are right; None: no upper limit."""
        return None if self.max_digits is None else range(self.min_digits, self.max_digits + 1)

    @property
    def needs_confidence(self) -> bool:
        """Whether the confidence of spoken digits decides something: only a final result has one, no partial."""
        confirmation = self.confirmation
        return confirmation.when is Confirm.WHEN_UNSURE and not confirmation.spoken_is_unsure

    @property
    def exact(self) -> bool:
        """Whether only one length is right, so that reaching it can end the collection from a partial."""
        return self.max_digits is not None and self.min_digits == self.max_digits

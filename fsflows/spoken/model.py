"""What goes in and what comes out: one ASR alternative, one reading of it, a choice, an assent, a phrase's keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the recogniser's alternatives for an utterance.

    Attributes:
        text: what it heard.
        confidence: 0..1 for the whole; None, or a number outside 0..1 (vosk's alternatives carry a raw score): unknown.
        words: each word with its confidence (vosk's `result`), in the order of `text`; may be empty.
    """

    text: str
    confidence: float | None = None
    words: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand an utterance; edits within the utterance are already applied.

    Attributes:
        keys: digits in order, with `*`, `#` and (alphanumeric only) upper-case letters where they were said.
            A `#` at the very end is not here but in `finish`; a `*` at the end is here, since only the step knows what
            its star does. May be empty when `finish`, `clear` or `repair` says all.
        finish: the utterance ended with an end key ("pound") or an end phrase ("that's all").
        clear: "start over": everything collected before this utterance goes; `keys` is what was said after it.
        repair: how many of the keys collected before this utterance are taken back ("no wait five"), before
            `keys` is appended. Never more than the `prefix` that `choose` was given.
        confidence: 0..1: the recogniser's lowest confidence among the words that became keys, times the grammar's
            own (1.0 for a literal reading; less for homophones, unusual splits and skipped words).
        literal: no homophone, no unusual split of a number, no unknown word skipped.
        pound: it ended with the key `#` by its name, which only the step knows the meaning of.
    """

    keys: str
    finish: bool = False
    clear: bool = False
    repair: int = 0
    confidence: float = 1.0
    literal: bool = True
    pound: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The reading that suits the collection best, and where it came from.

    Attributes:
        reading: what to do with the buffer.
        alternative: the alternative it is a reading of.
        rank: the place of that alternative in the list, 0 first.
        fits: whether the buffer would then have an allowed length and be accepted.
    """

    reading: Reading
    alternative: Alternative
    rank: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Assent:
    """A yes or a no, and what was said after it ("no, five five": `yes=False, rest="five five"`)."""

    yes: bool
    rest: str


@dataclass(frozen=True, slots=True)
class Named:
    """What an utterance with phrases in it comes to, each of which stands for keys.

    Attributes:
        keys: those that it names; None: no one choice can be made of it.
        starts: whether it begins with a phrase.
        rest: what was said before, between and behind the phrases.
        phrase: the first of them, as it is written in the flow.
    """

    keys: str | None
    starts: bool
    rest: tuple[str, ...] = ()
    phrase: str = ""

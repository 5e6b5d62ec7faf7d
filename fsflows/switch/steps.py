"""What a caller can do: the steps of a script. `script` reads them, `caller` takes them."""

from __future__ import annotations

from dataclasses import dataclass

KEYS = "0123456789*#ABCD"
HOLD = 0.1
"""Seconds that a key is held: what a telephone's keypad makes of a short press."""

GAP = 0.2
"""Seconds from a key's release to the next one: somebody who dials from memory."""

WORD = 0.2
"""Seconds for a word: the recogniser is sent audio, and may change its mind, every 200 ms."""

ENDPOINT = 0.4
"""Seconds of silence after which the recogniser takes an utterance for finished."""

PATIENCE = 30.0
"""Seconds that a script waits for something to be heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a script. `line` is its number, for messages."""

    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForStart(Step):
    """Wait until something is being played."""

    within: float = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForEnd(Step):
    """Wait until what is being played has ended; when nothing is, until the next has."""

    within: float = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForQuiet(Step):
    """Wait until nothing has been played for so long."""

    seconds: float = 0.5
    within: float = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear(Step):
    """Wait until these words have been spoken, or a file with this in its name has begun.

    Capitals, punctuation and the length of blanks make no difference. What was heard by an earlier `Hear` is not looked
    at again, but the rest of the same prompt is.
    """

    text: str
    within: float = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Press(Step):
    """Press keys, one after the other.

    Attributes:
        inband: seconds after which in-band detection reports each key once more, as a gateway makes it happen that
            sends RFC 2833 and leaves the tone in the audio; ``None``: it does not.
        meanwhile: whether the next step begins at once.
    """

    keys: str
    gap: float = GAP
    hold: float = HOLD
    inband: float | None = None
    meanwhile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Words, and how sure the recogniser is of them (0 to 1; None: nothing is said of it, and it is sure)."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Step):
    """Say something. What the recogniser takes it for: its best guess first, then the others.

    `meanwhile`: whether the next step begins at once.
    """

    heard_as: tuple[Utterance, ...]
    word: float = WORD
    endpoint: float = ENDPOINT
    meanwhile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap(Step):
    """Something happens to the recogniser: see `fsflows.switch.speech.MISHAPS`."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Step):
    """Hang up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect(Step):
    """Something that must be so when the script gets here (or, of the call's end, in the end). Others check it.

    Attributes:
        words: what must be so, word by word ("digits", "123"); quoted text is one word.
        negated: whether it must not be so.
    """

    words: tuple[str, ...]
    negated: bool = False

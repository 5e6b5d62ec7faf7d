"""What a dialogue wants done next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fsflows.collect.collector import Collector
from fsflows.collect.confirm import Confirmer, ReadBack
from fsflows.collect.result import CollectionResult, Text


class PromptKind(StrEnum):
    """What is to be said, and so which of the step's prompts to play."""

    FIRST = "first"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    REFUSED = "refused"
    """The caller said no to the digits that were read back."""
    KEYS_ONLY = "keys_only"
    """From now on only keys count; said once, instead of the prompt that `Prompt.because` names."""
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Play this.

    Attributes:
        attempt: which attempt it opens, 1 for the first; for `confirm`, how often it is asked for these digits.
        because: why the caller is asked again: "no_input", or "no_match" for all else; None: a first prompt.
        say: what a flow's function has to say about the digits it refused.
        read_back: the digits to be confirmed.
    """

    kind: PromptKind
    attempt: int
    because: PromptKind | None = None
    say: str = ""
    read_back: ReadBack | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """Drive this until it has a result."""

    listener: Collector | Confirmer


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask the flow's function whether the digits are right, and call `Dialogue.validated`."""

    digits: Text
    function: str


@dataclass(frozen=True, slots=True)
class Done:
    """That was all."""

    result: CollectionResult


Todo = Prompt | Listen | Validate | Done

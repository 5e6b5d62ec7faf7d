"""What goes into a listener and what it decides, beside its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fsflows.collect.result import Text
from fsflows.collect.spec import Source


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a caller pressed: "0"-"9", "*", "#", "A"-"D"; when (the clock's seconds); and who reported it.

    `source` is FreeSWITCH's DTMF-Source: "RTP", "INBAND_AUDIO", "APP", ... `held`: the seconds before `at` in which it
    was down, as far as that is known.
    """

    key: str = field(repr=False)
    at: float
    source: str = "RTP"
    held: float = 0.0


class Cause(StrEnum):
    """Why a prompt is to be stopped."""

    KEY = "key"
    SPEECH = "speech"
    ESCAPE = "escape"


class Why(StrEnum):
    """Why a key was not collected."""

    NOT_A_KEY = "not a DTMF key"
    LETTER = "letters are not allowed here"
    NO_MEANING = "the key means nothing here"
    SAME_PRESS = "another report of the same press"
    PROMPT = "keys don't count while this prompt plays"
    FLUSHED = "pressed before the question was put"
    ANSWERED = "the end key of the answer before"
    SPEECH_FIRST = "speech came first"
    TYPING_ON = "one key more than the answer takes"


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """The prompt is to stop now. A key that interrupts has usually stopped it already (`playback_terminators`)."""

    at: float
    why: Cause


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that was not collected; for the log."""

    key: Text
    why: Why


@dataclass(frozen=True, slots=True)
class Echo:
    """What is collected so far, each time it changes; for whoever watches."""

    at: float
    digits: Text
    source: Source


Decision = StopPrompt | Ignored | Echo

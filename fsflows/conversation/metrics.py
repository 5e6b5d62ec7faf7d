"""What conversations count."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from fsflows.metrics import Count, Spread

MANY = 5

CALLS_ACTIVE = Gauge(
    "fsflows_calls_active", "Calls in progress.", ["flow"], multiprocess_mode="livesum"
)
CALLS = Counter("fsflows_calls_total", "Calls that are over.", ["flow", "result", "reason"])
CALL_SECONDS = Histogram(
    "fsflows_call_duration_seconds",
    "How long calls took.",
    ["flow"],
    buckets=(5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
COLLECTIONS = Counter(
    "fsflows_collections_total",
    "What came of asking a caller.",
    ["flow", "step", "outcome", "source", "attempt"],
)
"""`attempt`: how often the caller was asked; `MANY` times or more are one."""
SPEECH_LOST = Counter(
    "fsflows_speech_lost_total", "Calls that went on with keys because speech recognition was gone."
)
FUNCTION_SECONDS = Histogram(
    "fsflows_function_duration_seconds",
    "How long functions of flows took.",
    ["flow", "function"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10),
)
FUNCTION_ERRORS = Counter(
    "fsflows_function_errors_total",
    "Functions that raised, hung or returned nonsense.",
    ["flow", "function"],
)
SPEECH_ANSWER = Histogram(
    "fsflows_speech_answer_seconds",
    "From the recogniser's last new words to the answer that was made of them.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5),
)
speech_answer = Spread(SPEECH_ANSWER)


@cache
def active(flow: str) -> Count:
    """The calls of a flow that are in progress."""
    return Count(CALLS_ACTIVE.labels(flow))


def collected(flow: str, step: str, outcome: str, source: str, attempts: int) -> None:
    """Count what came of a step."""
    _collected(flow, step, outcome, source, min(attempts, MANY)).n += 1


@cache
def _collected(flow: str, step: str, outcome: str, source: str, attempts: int) -> Count:
    attempt = str(attempts) if attempts < MANY else f"{MANY}+"
    return Count(COLLECTIONS.labels(flow, step, outcome, source, attempt))


class Words:
    """When the caller last said something new.

    When he stops speaking, nobody tells us: FreeSWITCH has no such event for mod_vosk. The last result with other words
    in it is the nearest thing to it.
    """

    __slots__ = ("_at", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._at: float | None = None

    def heard(self, text: str, at: float) -> None:
        """A result came, partial or final."""
        if text != self._text:
            self._text, self._at = text, at

    def forget(self) -> None:
        """A key was pressed: what follows is no answer to words."""
        self._text = ""
        self._at = None

    def answered(self, now: float) -> None:
        """The collection is over."""
        if self._at is not None:
            speech_answer.add(max(0.0, now - self._at))

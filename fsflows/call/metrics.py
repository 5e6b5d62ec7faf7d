"""What a call's leg counts: its events, and how fast it is.

Times between two things that happened in FreeSWITCH are taken from its own time stamps; see `fsflows.call.timeline`.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from fsflows.metrics import Count, Spread

OTHER = "other"

EVENTS = Counter(
    "fsflows_esl_events_total", "Events of calls that were handled, by name.", ["event"]
)
EVENT_LAG = Histogram(
    "fsflows_esl_event_lag_seconds",
    "From the event in FreeSWITCH to its handling here, beyond the fastest of the call.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
KEY_TO_COMMAND = Histogram(
    "fsflows_key_to_command_seconds",
    "From a key in FreeSWITCH to the first command that answers it.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
BARGE_IN = Histogram(
    "fsflows_barge_in_seconds",
    "From the key, or the recognised words, to the end of the prompt, both in FreeSWITCH's time.",
    ["by"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2),
)

event_lag = Spread(EVENT_LAG)
key_to_command = Spread(KEY_TO_COMMAND)
barge_in = {by: Spread(BARGE_IN.labels(by)) for by in ("key", "speech")}


def by_event(names: tuple[str, ...]) -> dict[str, Count]:
    """A count for each of the names, and `OTHER`."""
    return {name: Count(EVENTS.labels(name)) for name in (*names, OTHER)}


TOGETHER = 0.5
"""Seconds. A key and the end of the prompt that it stopped are closer than that."""


class BargeIn:
    """How long a prompt goes on when it is interrupted. One of a call.

    Which comes first, the key or the end of the prompt that FreeSWITCH itself has stopped at it, differs by application
    (measured: `playback` reports the key first, `speak` its end).
    """

    __slots__ = ("_asked", "_over")

    def __init__(self) -> None:
        self._asked: tuple[str, float] | None = None
        self._over: tuple[str, float] | None = None

    def asked(self, by: str, since: float) -> None:
        """What is being played is to stop: by "key" or "speech", since the caller pressed or said it."""
        self._asked = by, since

    def ended(self, terminator: str, at: float) -> None:
        """What was played is over; FreeSWITCH has stopped it at the key `terminator`, or "" it has not."""
        self._over = None
        if self._asked is not None:
            by, since = self._asked
            self._asked = None
            barge_in[by].add(at - since)
        elif terminator:
            self._over = terminator, at

    def key(self, key: str, at: float) -> None:
        """A key was pressed."""
        if self._over is not None:
            terminator, over_at = self._over
            self._over = None
            if key == terminator and at - over_at < TOGETHER:
                barge_in["key"].add(max(0.0, over_at - at))

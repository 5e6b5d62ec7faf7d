"""The time line of a collection: what is due next, and when. docs/timers.md draws it.

Nothing here runs: a deadline is worked out from what has happened so far, whenever it is asked for. Only the time
stamps of the inputs count, so a server that is slow, or asks twice, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fsflows.collect.spec import Collection, Source, Speech
from fsflows.collect.utterance import LONG_AGO, Utterance


class Timer(StrEnum):
    """What a deadline is for. Of two that are due at once, the one that stands first here is handled first."""

    COLLECTION = "collection"
    """The whole collection has taken too long."""
    SETTLE = "settle"
    """A partial has stayed the same for long enough to be believed."""
    STALL = "stall"
    """Nothing followed a partial: nobody is speaking any more."""
    LIMIT = "limit"
    """There was talk, and no digit in it, for too long."""
    QUIET = "quiet"
    """The caller is silent: first-digit, inter-digit or end-of-speech timeout."""


class Due(NamedTuple):
    """The next deadline."""

    at: float
    timer: Timer


@dataclass(slots=True)
class TimeLine:
    """When the things happened that the timers count from.

    Attributes:
        opened_at: the collection.
        prompt_ended_at: the prompt, or the opening when there was none; None: it plays, and no silence counts.
        progress_at: the last key, the last speech with digits in it, or the last time that everything was cleared.
        progress: what that was; NONE: the buffer is empty, and the wait is for a first digit.
        new_digit_at: the last time that a partial had other digits than before.
        spoke_at: the end of the last speech without digits.
        ended_by_key_at: an end key pressed in the middle of an utterance, whose last words are still awaited.
    """

    spec: Collection
    opened_at: float
    prompt_ended_at: float | None
    progress_at: float = LONG_AGO
    progress: Source = Source.NONE
    new_digit_at: float = LONG_AGO
    spoke_at: float = LONG_AGO
    ended_by_key_at: float | None = None

    @property
    def _speech(self) -> Speech:
        return self.spec.speech or _NO_SPEECH

    def due(self, utterance: Utterance, *, heard: bool, settles: bool) -> Due | None:
        """What is due next; None: nothing.

        Args:
            utterance: the speech that goes on.
            heard: whether speech counts at all by now.
            settles: whether the collection ends if the words of the partial stay as they are.
        """
        overall = None
        if self.spec.collection_timeout is not None:
            overall = Due(self.opened_at + self.spec.collection_timeout, Timer.COLLECTION)
        if not (heard and utterance.speaking):
            if self.prompt_ended_at is None:
                return overall
            quiet_at = self._quiet_at()
            if overall is not None and overall.at <= quiet_at:
                return overall
            return Due(quiet_at, Timer.QUIET)
        timers = [] if overall is None else [overall]
        if settles:
            timers.append(Due(self._settled_at(utterance), Timer.SETTLE))
        timers.append(Due(utterance.stalls_at, Timer.STALL))
        if self.prompt_ended_at is not None:
            timers.append(Due(max(self._silence(), self._talk_ends()), Timer.LIMIT))
        return min(timers, key=lambda due: due.at)

    def _settled_at(self, utterance: Utterance) -> float:
        if self.ended_by_key_at is None:
            since = max(utterance.changed_at, self.progress_at)
            return since + self._speech.settle_time
        since = max(utterance.changed_at, self.ended_by_key_at)
        return min(
            since + self._speech.settle_time, self.ended_by_key_at + self._speech.partial_timeout
        )

    def _start(self) -> float:
        """Where silence counts from."""
        ended = self.opened_at if self.prompt_ended_at is None else self.prompt_ended_at
        return max(self.progress_at, ended)

    def _silence(self) -> float:
        """When the silence has been long enough, if nobody has spoken in it."""
        progress = self.progress
        if progress is Source.KEYS:
            return self._start() + self.spec.inter_digit_timeout
        if progress is Source.NONE:
            return self._start() + self.spec.first_digit_timeout
        return self._start() + self._speech.end_of_speech_timeout

    def _talk_ends(self) -> float:
        """Until when talk without digits is listened to."""
        return max(self._start(), self.new_digit_at) + self._speech.hold_limit

    def _quiet_at(self) -> float:
        if self.spoke_at <= self.progress_at:
            return self._silence()
        patience = self.spoke_at + self._speech.end_of_speech_timeout
        return max(self._silence(), min(patience, self._talk_ends()))


_NO_SPEECH = Speech()

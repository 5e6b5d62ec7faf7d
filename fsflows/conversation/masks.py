"""Masks of a call's recordings, and when each may be taken back: not before what it is for is written."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING

from fsflows.call.ended import CallEnded, CallFailed
from fsflows.collect.trail import TYPING_ON

if TYPE_CHECKING:
    from fsflows.call.call import Call
    from fsflows.clock import Task
    from fsflows.recordings.call.recordings import CallRecordings

UNMASK_AFTER = 0.6
"""Seconds. FreeSWITCH writes a recording up to 0.5 s late while nothing is played, and a mask acts when it is written:
unmasking at once would put the last half second of a PIN into the file (measured: 0.50 s; 0 s with this pause)."""

SPEECH_RUNS_ON = 3.0
"""Seconds. So much longer, when the caller was still speaking."""

MASKED_BY = "fsflows_masked_by"
"""The channel variable that says which visit of a call was the last to mask. After a hand-off the call may have come
back to us, to whatever process, and have masks of its own; to FreeSWITCH a recording is masked or not, never twice."""

KEY_IS_TOLD = 0.1
"""Seconds from a key to our news of it, at the most, where nothing is amiss. FreeSWITCH sends events every 20 ms."""


class Typing:
    """Which keys a caller presses in one go: those are one answer, however many digits of it a step takes.

    Attributes:
        answer: counts them.
    """

    __slots__ = ("_last_at", "answer")

    def __init__(self) -> None:
        self.answer = 0
        self._last_at = float("-inf")

    def key(self, at: float) -> None:
        """A key was pressed."""
        if at - self._last_at >= TYPING_ON:
            self.answer += 1
        self._last_at = at

    def goes_on_until(self, answer: int) -> float:
        """Until when one more key would belong to an answer, and be known; minus infinity: another has begun."""
        if answer != self.answer:
            return float("-inf")
        return self._last_at + TYPING_ON + KEY_IS_TOLD


class Masks:
    """The masks of a call, from its first one on. Each has a reason, and may be put on several times for it.

    Attributes:
        asked: how many there are, by reason, that nobody has asked to take off.
    """

    __slots__ = ("_call", "_late", "_typing", "_visit", "asked")

    def __init__(self, call: Call) -> None:
        self.asked: Counter[str] = Counter()
        self._call = call
        self._late: list[Task] = []
        self._typing = Typing()
        self._visit = secrets.token_hex(8)
        call.on_key = self._typing.key
        if call.ended is None:
            call.set_variable(MASKED_BY, self._visit)

    def put_on(self, recordings: CallRecordings, reason: str) -> None:
        """Mask.

        Raises:
            RecordingError: a recording could be neither masked nor stopped; this is no mask then.
        """
        recordings.mask(reason)
        self.asked[reason] += 1

    def take_off_later(
        self, recordings: CallRecordings, reason: str, *, speaking: bool = False
    ) -> None:
        """Take one off; see `CallRecorder.unmask_later`. None was put on for that reason: nothing happens."""
        if not self.asked[reason]:
            return
        self.asked[reason] -= 1
        clock = self._call.clock
        due = clock.now() + UNMASK_AFTER + (SPEECH_RUNS_ON if speaking else 0)
        answer = self._typing.answer

        def later() -> None:
            while (left := max(due, self._typing.goes_on_until(answer)) - clock.now()) > 0:
                clock.sleep(left)
            if self._call.ended is None:
                recordings.unmask(reason)
            elif self._call.passed_on and self._was_last():
                recordings.unmask(reason)
                if not self._was_last():
                    recordings.mask(reason)  # just now: who masked meanwhile unmasks this as well

        self._late = [task for task in self._late if not task.done]
        self._late.append(clock.spawn(later))

    def wait(self) -> None:
        """Until all are off that anybody has asked to take off."""
        until = self._call.clock.now() + SPEECH_RUNS_ON + UNMASK_AFTER + TYPING_ON
        for task in self._late:
            task.join(until)

    def _was_last(self) -> bool:
        """Whether the call is up, and has not come back to a flow that has masks of its own."""
        try:
            answer = self._call.api("uuid_getvar", self._call.uuid, MASKED_BY)
        except (CallEnded, CallFailed):
            return False
        return self._visit == answer.text.strip()

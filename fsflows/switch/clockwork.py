"""What makes the simulated channel move: an agenda of things that are due, and one thread of control.

FreeSWITCH gives each channel a thread, which sits in `park` or in an application and looks up every 20 ms. Here that
thread is a generator: it yields the time at which it wants to be woken (``None``: only when something happens), and
whatever happens steps it. Applications are generators of the same kind, called with ``yield from``, so that an
application that runs inside another one stops the outer one's clock, as it does in FreeSWITCH.

Times are seconds on whatever scale the driver uses; nothing here reads a clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

FRAME = 0.020
"""One audio frame: the grain of everything FreeSWITCH does (traces: 20-21 ms)."""

DTMF_LATENCY = 0.025
"""From a key's release to the DTMF event (s03: 20-28 ms)."""

HANGUP_LATENCY = 0.020
"""From the caller's BYE to CHANNEL_HANGUP (s04, s12: 4-27 ms)."""

SPEECH_LATENCY = 0.026
"""From the recogniser's message to DETECTED_SPEECH (s09: 20-41 ms)."""

SPEECH_ABORT_LATENCY = 0.206
"""From the recogniser's death to `closed`: it is noticed with the next 200 ms of audio (s09_vosk_aborts)."""

SYNC_ANSWER = 0.002
"""`answer` in sync mode (s01_sync); in async mode it takes one frame."""

RECORD_START_API = 0.0115
"""`uuid_record ... start` blocks the socket for so long (s05: 11-12 ms)."""

RECORD_START_BGAPI = 0.021
"""The same in the background (s05_uuid_record_bgapi)."""

BROADCAST_LATENCY = 0.141
"""From `uuid_broadcast` to its CHANNEL_EXECUTE (s07_async_misc)."""

COMMAND_TIMEOUT = 25.0
"""A socket that says nothing for so long is given up (read in FreeSWITCH's source)."""

Wait = Generator[float | None, None, Any]
"""A thread of control: yields when it wants to be woken, or ``None``; returns an application's response."""


class Agenda:
    """Things that are due at a time; those due at the same time happen in the order in which they were asked for."""

    __slots__ = ("_asked", "_heap", "now")

    def __init__(self, now: float) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Callable[[], Any]]] = []
        self._asked = 0

    @property
    def next_at(self) -> float | None:
        """When the next thing is due; ``None`` when nothing is."""
        return self._heap[0][0] if self._heap else None

    def at(self, when: float, what: Callable[[], Any]) -> None:
        """Let something happen at a time, or as soon as possible when that is past."""
        self._asked += 1
        if when < self.now:  # noqa: PLR1730 - `max` costs more than all the rest
            when = self.now
        heapq.heappush(self._heap, (when, self._asked, what))

    def run(self, until: float) -> None:
        """Let everything happen that is due by a time."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, what = heapq.heappop(heap)
            what()
        if until > self.now:  # noqa: PLR1730
            self.now = until


class Thread:
    """A generator that is stepped by what happens, and by the time it asked for."""

    __slots__ = ("_agenda", "_generator", "_running", "_turn")

    def __init__(self, agenda: Agenda, generator: Wait) -> None:
        self._agenda = agenda
        self._generator: Wait | None = generator
        self._running = False
        self._turn = 0

    def step(self) -> None:
        """Let the thread look around now. Does nothing when it is the one that is running, or has ended."""
        if self._generator is None or self._running:
            return
        self._running = True
        try:
            wake_at = next(self._generator)
        except StopIteration:
            self._generator = None
            return
        finally:
            self._running = False
        self._turn += 1
        if wake_at is not None:
            turn = self._turn
            self._agenda.at(wake_at, partial(self._wake, turn))

    def _wake(self, turn: int) -> None:
        if turn == self._turn:  # else it was stepped since, and has asked for another time
            self.step()

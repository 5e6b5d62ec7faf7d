"""Makes calls: so many a second, so many at once; each in its turn, when there is room for whoever answers."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.call import dialled
from fsflows.clock import Clock, Mailbox, Task
from fsflows.dialling import metrics
from fsflows.dialling.attempt import (
    NOT_CALLED,
    Attempt,
    Outcome,
    Phase,
)
from fsflows.dialling.plan import Plan, Wanted
from fsflows.dialling.under_way import UnderWay, ends, has
from fsflows.esl.event import Event
from fsflows.esl.supervised import FreeSwitch, FreeSwitches
from fsflows.log import get_logger

EVENTS = ("CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE")

OURS = (f"variable_{dialled.NUMBER}", "/./")
"""What only the events of calls have that somebody of us made."""

KEPT = 1000
"""Calls that are over and can still be asked about."""

STARTING = 3.0
"""Seconds that a FreeSWITCH gets to be connected."""

FULL = 0.5
"""Seconds after which it is looked again whether there is room for whoever answers."""

AWAY = 120.0
"""Seconds that calls wait for a FreeSWITCH when none is connected: it may be started anew."""

STOPPING = "the server stops"

ENDED_EARLY = f"{NOT_CALLED}it was ended before its turn"

Gate = Literal["open", "wait", "shut"]

log = get_logger("dialling")


class NotDialling(Exception):
    """No calls can be made now; the text says why."""


class TooMany(Exception):
    """So many calls wait already that one more is not taken.

    Attributes:
        retry_after: seconds.
    """

    def __init__(self, waiting: int, retry_after: float) -> None:
        super().__init__(f"{waiting} calls wait already")
        self.retry_after = retry_after


class Dialler:
    """Makes calls.

    Args:
        plan: how.
        switches: the FreeSWITCHes that make them, in turn.
        clock: the process' clock.
        keep: given the record of each call that no conversation wrote one of.
        node: this server's name.
        per_second: calls that are begun in a second.
        at_once: calls that ring or are answered at once.
        waiting: calls that wait for their turn.
        gate: whether whoever answers can be taken care of: "open", "wait" (no room now) or "shut" (the server stops).
        note: notes that a call is about to be made, so that it has a record whatever becomes of this process. May wait.
    """

    def __init__(
        self,
        plan: Plan,
        switches: FreeSwitches,
        clock: Clock,
        keep: Callable[[Record], None],
        node: str = "",
        *,
        per_second: float = 1.0,
        at_once: int = 10,
        waiting: int = 100,
        gate: Callable[[], Gate] = lambda: "open",
        note: Callable[[RecordBuilder], None] = lambda call: None,
    ) -> None:
        self._gate = gate
        self._note = note
        self.plan = plan
        self._switches = switches
        self._clock = clock
        self._keep = keep
        self._node = node
        self._gap = 1.0 / per_second
        self._at_once = at_once
        self._most_waiting = waiting
        self._turn = 0
        self._away_since: float | None = None
        self._queue: OrderedDict[str, UnderWay] = OrderedDict()
        self._active: dict[str, UnderWay] = {}
        self._over: OrderedDict[str, Attempt] = OrderedDict()
        self._news: Mailbox[bool] = clock.mailbox()
        self._pump: Task | None = None
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin."""
        self._ends = [switch.listen(EVENTS, self._on_event, only=OURS) for switch in self._switches]
        self._pump = self._clock.spawn(self._run)

    def stop(self) -> None:
        """Make no more calls: those that ring are ended, those that are answered go on without us."""
        if self._pump is not None:
            self._pump.kill()
        self._drop_waiting()
        for call in tuple(self._active.values()):
            if call.task is not None:
                call.task.kill()
            if call.attempt.phase is Phase.WAITING:
                self._end(call, Outcome.FAILED, NOT_CALLED + STOPPING, taken=False)
            elif call.attempt.phase is not Phase.ANSWERED:
                call.kill()
                self._end(call, Outcome.FAILED, STOPPING, taken=False)
        for end in self._ends:
            end()
        self._ends = []

    def call(self, wanted: Wanted) -> Attempt:
        """Ask for a call; does not wait for it. Asked again, by its id, for one that is known it is that one.

        Raises:
            BadNumber: that can't be dialled.
            ValueError: something else about the call can't be.
            NotDialling: FreeSWITCH can't be reached.
            TooMany: try again later.
        """
        if (known := self.find(wanted.id)) is not None:
            return known
        number = self.plan.number(wanted.number)
        call_id = wanted.id or str(uuid.uuid4())
        self.plan.originate(call_id, number, wanted)  # what is wrong with it is said now
        if self._gate() == "shut":
            raise NotDialling(STOPPING)
        if not self._reachable():
            self._switches.wait(STARTING)  # a server that has just begun is about to connect
            if not self._reachable():
                raise NotDialling("no FreeSWITCH can be reached")
        if len(self._queue) >= self._most_waiting:
            raise TooMany(len(self._queue), self._gap * len(self._queue))
        attempt = Attempt(call_id, number, wanted.flow, self._clock.utcnow())
        call = UnderWay(attempt, wanted, self._clock)
        call.builder.caller, call.builder.node = self.plan.caller_number, self._node
        self._queue[call_id] = call
        call.log.info("call asked for", number=number, flow=wanted.flow)
        self._count()
        self._news.put(True)
        return attempt

    def find(self, call_id: str) -> Attempt | None:
        """A call; None: there was none of that name, or too long ago."""
        call = self._queue.get(call_id) or self._active.get(call_id)
        return call.attempt if call is not None else self._over.get(call_id)

    def hang_up(self, call_id: str) -> bool:
        """End a call, however far it has come, one that an earlier process has made as well; whether there was one."""
        waiting = self._queue.pop(call_id, None)
        if waiting is not None:
            self._end(waiting, Outcome.FAILED, ENDED_EARLY, taken=False)
            return True
        call = self._active.get(call_id)
        if call is None:
            return any(ends(switch, call_id) for switch in self._switches if switch.connected)
        call.cancelled = True
        call.kill()
        return True

    def is_up(self, call_id: str) -> bool:
        """Whether a FreeSWITCH says that it has a call: as far as is known, one that another process has begun."""
        return any(has(switch, call_id) for switch in self._switches if switch.connected)

    def _drop_waiting(self) -> None:
        while self._queue:
            _, call = self._queue.popitem(last=False)
            self._end(call, Outcome.FAILED, NOT_CALLED + STOPPING, taken=False)

    # --- calls, one after the other -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            while not self._queue or len(self._active) >= self._at_once:
                self._news.get()
            if (gate := self._gate()) != "open":
                if gate == "shut":
                    self._drop_waiting()
                self._clock.sleep(FULL)
                continue
            if not self._is_worth_trying():
                self._clock.sleep(FULL)
                continue
            call_id, call = self._queue.popitem(last=False)
            self._active[call_id] = call
            call.task = self._clock.spawn(self._make, call)
            self._count()
            self._clock.sleep(self._gap)

    def _make(self, call: UnderWay) -> None:
        try:
            self._note(call.builder)
            outcome, cause = Outcome.FAILED, ENDED_EARLY
            if not call.cancelled:
                switch = self._next_switch()
                if switch is None:
                    outcome, cause = Outcome.FAILED, f"{NOT_CALLED}no FreeSWITCH can be reached"
                else:
                    outcome, cause = call.dial(switch, self.plan)
        except Exception as error:
            call.log.exception("a call could not be made")
            outcome, cause = Outcome.FAILED, type(error).__name__
        self._end(call, outcome, cause, taken=call.taken)

    def _is_worth_trying(self) -> bool:
        """Whether a FreeSWITCH can be reached; or none has been for so long that the calls fail."""
        now = self._clock.now()
        if self._reachable():
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        return self._away_since is None or now - self._away_since >= AWAY

    def _reachable(self) -> bool:
        return any(switch.connected for switch in self._switches)

    def _next_switch(self) -> FreeSwitch | None:
        there = [switch for switch in self._switches if switch.connected]
        if not there:
            return None
        self._turn += 1
        return there[self._turn % len(there)]

    # --- news -----------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        call = self._active.get(event.get("Unique-ID") or "")
        if call is not None:
            call.on_event(event)

    def _end(self, call: UnderWay, outcome: Outcome, cause: str, *, taken: bool) -> None:
        attempt = call.attempt
        self._active.pop(attempt.id, None)
        attempt.outcome, attempt.cause = outcome, cause
        attempt.moved(Phase.OVER)
        metrics.DIALLED.labels(attempt.flow, outcome.value).inc()
        call.log.info("call over", outcome=outcome.value, cause=cause)
        if not taken:
            self._keep(call.record(outcome, cause))
        self._over[attempt.id] = attempt
        while len(self._over) > KEPT:
            self._over.popitem(last=False)
        self._count()
        self._news.put(True)

    def _count(self) -> None:
        metrics.DIALLING.labels("waiting").set(len(self._queue))
        metrics.DIALLING.labels("under way").set(len(self._active))

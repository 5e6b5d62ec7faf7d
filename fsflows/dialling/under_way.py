"""A call that we make, while it is under way: dialled on a FreeSWITCH, and followed to its end there."""

from __future__ import annotations

from fsflows.archive.endings import OUTBOUND, Reason
from fsflows.archive.entries import Noted
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.call import dialled
from fsflows.clock import Clock, Mailbox, Task
from fsflows.dialling.attempt import CANCELLED, Attempt, Outcome, Phase, ending_of, outcome_of
from fsflows.dialling.plan import Plan, Wanted
from fsflows.esl.event import Event
from fsflows.esl.link import ReplyTimeout
from fsflows.esl.supervised import FreeSwitch, Unreachable
from fsflows.log import call_logger

GRACE = 30.0
"""Seconds beyond the ringing that FreeSWITCH gets to say what came of a call."""

LOOK = 20.0
"""Seconds without news of a call after which FreeSWITCH is asked whether it still has it."""

LATE = 2.0
"""Seconds that the event of a call's end may come after FreeSWITCH has said that the call is gone."""

BEGINS = 0.5
"""Seconds within which FreeSWITCH has the call that it was told to make. It takes milliseconds."""

AGAIN = 0.05
"""Seconds until it is told again to end one that it did not have yet."""

LONGEST = 24 * 3600.0

LOST = (
    "The server ended while this number was called. Whether it rang, or was answered, is not known."
)


def has(switch: FreeSwitch, call_id: str) -> bool:
    """Whether a FreeSWITCH says that it has a call."""
    try:
        return switch.api("uuid_exists", call_id).text.strip() == "true"
    except (Unreachable, ReplyTimeout):
        return False


def ends(switch: FreeSwitch, call_id: str) -> bool:
    """End a call that a FreeSWITCH has, whoever made it; whether it had one."""
    if not has(switch, call_id):
        return False
    try:
        return switch.api("uuid_kill", call_id, CANCELLED).text.startswith("+OK")
    except (Unreachable, ReplyTimeout):
        return False


class _Tried(RecordBuilder):
    """The record of a call that is made, and that nobody has answered yet."""

    if_lost = (Reason.DIAL_FAILED, Noted(at=0.0, text=LOST))


class UnderWay:
    """A call that is not over.

    Attributes:
        attempt: how far it has come, for who asks.
        wanted: what was asked for.
        task: that dials and follows it; None: it waits for its turn.
        cancelled: we were told to end it.
        taken: a conversation had it, and writes its record.
        builder: of the record, if none does.
    """

    def __init__(self, attempt: Attempt, wanted: Wanted, clock: Clock) -> None:
        self.attempt = attempt
        self.wanted = wanted
        self.task: Task | None = None
        self.cancelled = False
        self.taken = False
        self.log = call_logger("dialling", attempt.id)
        self.builder: RecordBuilder = _Tried(
            attempt.id,
            clock,
            callee=attempt.number,
            flow=attempt.flow,
            direction=OUTBOUND,
            record_id=dialled.record_of(attempt.id),
        )
        self._clock = clock
        self._switch: FreeSwitch | None = None
        self._over: Mailbox[Event] = clock.mailbox()

    def dial(self, switch: FreeSwitch, plan: Plan) -> tuple[Outcome, str]:
        """Have it made, and follow it to its end; what came of it, and FreeSWITCH's hangup cause or words of ours."""
        attempt = self.attempt
        self._switch = switch
        leg, application = plan.originate(attempt.id, attempt.number, self.wanted)
        attempt.moved(Phase.DIALLING)
        rings = self.wanted.ring_timeout or plan.ring_timeout
        try:
            reply = switch.bgapi("originate", leg, application, timeout=rings + GRACE)
        except (Unreachable, ReplyTimeout) as error:
            # It may ring, or have been answered: FreeSWITCH is the one to know.
            self.log.warning("no news of the call from FreeSWITCH", why=str(error))
            return self._follow(switch)
        if reply.text.startswith("+OK"):
            self._answered()
            return self._follow(switch)
        cause = reply.text.removeprefix("-ERR").strip() or "no answer from originate"
        if self.cancelled:
            return Outcome.FAILED, CANCELLED
        return outcome_of(cause, rang=attempt.phase is Phase.RINGING), cause

    def kill(self) -> None:
        """Have it ended, wherever it is by now: FreeSWITCH may be just about to begin it."""
        if self._switch is None:
            return
        until = self._clock.now() + BEGINS
        try:
            while not self._switch.api("uuid_kill", self.attempt.id, CANCELLED).ok:
                if self.attempt.phase is not Phase.DIALLING or self._clock.now() >= until:
                    break  # it is over
                self._clock.sleep(AGAIN)
        except (Unreachable, ReplyTimeout) as error:
            self.log.warning("the call can't be ended", why=str(error))

    def on_event(self, event: Event) -> None:
        """FreeSWITCH tells of it."""
        if event.name == "CHANNEL_HANGUP_COMPLETE":
            self._over.put(event)
        elif event.name == "CHANNEL_ANSWER":
            self._answered()
        elif self.attempt.moved(Phase.RINGING):
            self.log.info("it rings")

    def record(self, outcome: Outcome, cause: str) -> Record:
        """Of a call that never got to a conversation."""
        if cause and not cause.isupper():
            self.builder.noted(cause)
        return self.builder.finish(*ending_of(outcome), cause if cause.isupper() else "")

    def _answered(self) -> None:
        if self.attempt.moved(Phase.ANSWERED):
            self.attempt.answered_at = self._clock.utcnow()
            self.log.info("answered")

    def _follow(self, switch: FreeSwitch) -> tuple[Outcome, str]:
        """Wait for the end of a call that FreeSWITCH has."""
        until = self._clock.now() + LONGEST
        while self._clock.now() < until:
            over = self._over.get(self._clock.now() + LOOK)
            if over is None and self._is_gone(switch):
                over = self._over.get(self._clock.now() + LATE)  # its answer overtakes events
                if over is None:
                    return self._unseen()
            if over is not None:
                return self._what_became(over)
        return Outcome.FAILED, "it does not end"

    def _unseen(self) -> tuple[Outcome, str]:
        if self.attempt.phase is not Phase.ANSWERED:
            return Outcome.FAILED, "its end was not seen"
        # Whether a conversation wrote its record can't be known. If it has, or does, that one stays.
        return Outcome.ANSWERED, "its end was not seen"

    def _what_became(self, over: Event) -> tuple[Outcome, str]:
        cause = over.get("Hangup-Cause") or ""
        state = over.variable(dialled.STATE) or ""
        self.taken = state in (dialled.TAKEN, dialled.MACHINE)
        if state == dialled.MACHINE:
            return Outcome.MACHINE, cause
        if state == dialled.TAKEN:
            return Outcome.ANSWERED, cause
        if self.attempt.phase is Phase.ANSWERED:
            return Outcome.FAILED, f"answered, but our server did not take the call ({cause})"
        if self.cancelled:
            return Outcome.FAILED, cause
        return outcome_of(cause, rang=self.attempt.phase is Phase.RINGING), cause

    def _is_gone(self, switch: FreeSwitch) -> bool:
        try:
            return switch.api("uuid_exists", self.attempt.id).text.strip() == "false"
        except (Unreachable, ReplyTimeout):
            return False

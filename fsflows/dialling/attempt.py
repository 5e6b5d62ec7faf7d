"""One call that we make, from being asked for to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fsflows.archive.endings import Reason, Result


class Phase(StrEnum):
    """How far a call has come."""

    WAITING = "waiting"
    """For its turn: so many calls a second, so many at once."""
    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERED = "answered"
    OVER = "over"


class Outcome(StrEnum):
    """What came of a call. A closed list: a label of metrics, and `fsflows dial`'s exit status."""

    ANSWERED = "answered"
    MACHINE = "machine"
    """Somebody's answering machine took it, and it was hung up."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    """There is no such number, or nobody behind it at present."""
    FAILED = "failed"
    """It could not be made, or our side lost it."""


_BY_CAUSE = {
    Outcome.BUSY: "USER_BUSY BUSY_EVERYWHERE",
    Outcome.NO_ANSWER: "NO_ANSWER ALLOTTED_TIMEOUT PROGRESS_TIMEOUT NO_PICKUP",
    Outcome.REJECTED: (
        "CALL_REJECTED INCOMING_CALL_BARRED OUTGOING_CALL_BARRED BEARERCAPABILITY_NOTAUTH DECLINE REJECT_ALL UNWANTED"
    ),
    Outcome.UNREACHABLE: (
        "UNALLOCATED_NUMBER NO_ROUTE_DESTINATION NO_ROUTE_TRANSIT_NET NUMBER_CHANGED INVALID_NUMBER_FORMAT"
        " NO_USER_RESPONSE SUBSCRIBER_ABSENT USER_NOT_REGISTERED DESTINATION_OUT_OF_ORDER RECOVERY_ON_TIMER_EXPIRE"
        " DOES_NOT_EXIST_ANYWHERE NOT_ACCEPTABLE"
    ),
}
CAUSES = {cause: outcome for outcome, causes in _BY_CAUSE.items() for cause in causes.split()}
"""Outcomes by FreeSWITCH's hangup causes; every other one is `failed`."""

_TIMEOUTS = {"RECOVERY_ON_TIMER_EXPIRE", "NO_USER_RESPONSE"}
"""SIP 408 and 480: carriers send them for a number that nobody has, and for a telephone that rang in vain."""

CANCELLED = "MANAGER_REQUEST"
"""The hangup cause of a call that we were told to end."""


NOT_CALLED = "not called: "
"""How the cause begins of a call that was never tried."""


def outcome_of(cause: str, *, rang: bool = False) -> Outcome:
    """The outcome of a call that was not answered, by its hangup cause.

    Args:
        cause: FreeSWITCH's.
        rang: whether it had rung.
    """
    if rang and cause in _TIMEOUTS:
        return Outcome.NO_ANSWER
    return CAUSES.get(cause, Outcome.FAILED)


REASONS = {
    Outcome.BUSY: Reason.BUSY,
    Outcome.NO_ANSWER: Reason.NO_ANSWER,
    Outcome.REJECTED: Reason.REJECTED,
    Outcome.UNREACHABLE: Reason.UNREACHABLE,
    Outcome.MACHINE: Reason.MACHINE,
}


def ending_of(outcome: Outcome) -> tuple[Result, Reason]:
    """How the record of such a call says that it ended; not for one that was answered."""
    if outcome in REASONS:
        return Result.UNANSWERED, REASONS[outcome]
    return Result.FAILED, Reason.DIAL_FAILED


@dataclass(slots=True)
class Attempt:
    """A call as it is now.

    Attributes:
        id: the call's: FreeSWITCH's channel has it, the log, and the record.
        number: what is dialled.
        flow: what whoever answers gets to.
        asked_at: when the call was asked for.
        phase: how far it has come.
        outcome: what came of it; None: it isn't over.
        cause: FreeSWITCH's hangup cause, or what went wrong.
        revision: counts changes.
        answered_at: when somebody answered; None: nobody has.
    """

    id: str
    number: str
    flow: str
    asked_at: datetime
    phase: Phase = Phase.WAITING
    outcome: Outcome | None = None
    cause: str = ""
    revision: int = 0
    answered_at: datetime | None = None

    @property
    def called(self) -> bool:
        """Whether it was tried, or may have been; while it waits, it will be."""
        return not self.cause.startswith(NOT_CALLED)

    def moved(self, phase: Phase) -> bool:
        """Go on to a later phase; whether it was one."""
        order = list(Phase)
        if order.index(phase) <= order.index(self.phase):
            return False
        self.phase = phase
        self.revision += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "number": self.number,
            "flow": self.flow,
            "asked_at": self.asked_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "phase": self.phase.value,
            "outcome": self.outcome.value if self.outcome else None,
            "cause": self.cause,
            "called": self.called,
            "revision": self.revision,
        }

"""How a call ended, as its record says it: result and reason, of what went before."""

from __future__ import annotations

from fsflows.archive.endings import Reason, Result
from fsflows.call.ended import LINK_LOST, TRANSFERRED, UNKNOWN_APPLICATION, CallEnded
from fsflows.collect.spec import Outcome

Ending = tuple[Result, Reason]

_AT_THE_CAP = {
    Outcome.NO_INPUT: Reason.NO_INPUT_LIMIT,
    Outcome.NO_MATCH: Reason.NO_MATCH_LIMIT,
    Outcome.TOO_SHORT: Reason.NO_MATCH_LIMIT,
    Outcome.TOO_LONG: Reason.NO_MATCH_LIMIT,
    Outcome.ESCAPED: Reason.ESCAPED,
}

GIVEN_UP = (Reason.NO_INPUT_LIMIT, Reason.NO_MATCH_LIMIT)
"""The caller was asked as often as the flow allows, and had no answer."""


def reason_after(outcome: Outcome) -> Reason:
    """Why a call will have ended, if it ends right after a collection with this outcome."""
    return _AT_THE_CAP.get(outcome, Reason.FLOW_ENDED)


def of_our_hangup(because: Reason) -> Ending:
    """How a call ended that we hung up."""
    if because in GIVEN_UP:
        return Result.ABANDONED, because
    well = because in (Reason.FLOW_ENDED, Reason.ESCAPED)
    return Result.COMPLETED if well else Result.FAILED, because


def of_ended(ended: CallEnded) -> Ending:
    """How a call ended that ended under us."""
    if ended.cause == LINK_LOST:
        return Result.FAILED, Reason.LINK_LOST
    if ended.cause == TRANSFERRED:
        return Result.HANDED_OFF, Reason.TAKEN_AWAY
    if ended.cause == UNKNOWN_APPLICATION and not ended.ours:
        return Result.FAILED, Reason.SWITCH_ERROR
    return Result.ABANDONED, Reason.CALLER_HUNG_UP

"""How a call can end: a result (what it was for the caller) and a reason (what brought it about). Closed lists.

They are labels of metrics and columns of the archive: an ending that isn't here is added here, never made up on the
spot.
"""

from __future__ import annotations

from enum import StrEnum

DIRECTIONS = INBOUND, OUTBOUND = "inbound", "outbound"
"""A call's direction: somebody called us, or we called."""


class Result(StrEnum):
    """What became of the call."""

    COMPLETED = "completed"
    """The flow came to its own end."""
    HANDED_OFF = "handed_off"
    """The caller was passed on to someone."""
    ABANDONED = "abandoned"
    """The caller left before the end."""
    FAILED = "failed"
    """Something of ours, or between us and FreeSWITCH, broke."""
    REFUSED = "refused"
    """The call was never run."""
    UNANSWERED = "unanswered"
    """We called, and nobody answered; or only a machine."""


class Reason(StrEnum):
    """What brought the end about."""

    FLOW_ENDED = "flow_ended"
    """The last step, `exit` or a hang-up that the flow asked for."""
    HANDED_OFF = "handed_off"
    """A hand-off that FreeSWITCH accepted."""
    ESCAPED = "escaped"
    """The caller asked for a person (the escape key or word), and was passed on."""
    TAKEN_AWAY = "taken_away"
    """Somebody else passed the call on, in FreeSWITCH itself (`uuid_transfer`)."""
    CALLER_HUNG_UP = "caller_hung_up"
    NO_INPUT_LIMIT = "no_input_limit"
    """The caller said and pressed nothing, for as often as the ladder asks."""
    NO_MATCH_LIMIT = "no_match_limit"
    """The caller answered, but never what was asked, for as often as the ladder asks."""
    FUNCTION_FAILED = "function_failed"
    """A function of the flow raised, or returned something that can't be done."""
    FUNCTION_TIMED_OUT = "function_timed_out"
    FLOW_ERROR = "flow_error"
    """The flow went somewhere that doesn't exist, or in circles."""
    HANDOFF_FAILED = "handoff_failed"
    SWITCH_ERROR = "switch_error"
    """FreeSWITCH refused or did not answer something the call can't do without."""
    LINK_LOST = "link_lost"
    """The connection to FreeSWITCH ended under the call."""
    DRAINED = "drained"
    """The server was told to stop and could not wait any longer; or the call came just then."""
    SERVER_LOST = "server_lost"
    """The server ended under the call (killed, power cut). Written by whoever found that out afterwards."""
    UNKNOWN_FLOW = "unknown_flow"
    """The call asked for a flow that this server doesn't have."""
    AT_CAPACITY = "at_capacity"
    """The server already ran as many calls as it may, and this one came in between."""
    INTERNAL_ERROR = "internal_error"
    """A fault of this program."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    """There is no such number, or nobody behind it at present."""
    MACHINE = "machine"
    """An answering machine took the call that we made."""
    DIAL_FAILED = "dial_failed"
    """The call that we were to make could not be made, or got lost before our server had it."""


class RecordingState(StrEnum):
    """Whether there is audio of a call."""

    NONE = "none"
    """The call was not recorded."""
    PRESENT = "present"
    PENDING = "pending"
    """A discard was asked for and is not finished yet; it will be, and the record changes then."""
    DISCARDED = "discarded"
    """It was, and it is gone for good; there is a receipt."""

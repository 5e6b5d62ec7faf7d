"""What a channel says about a call that we made. `fsflows.dialling` sets these variables, and reads the last."""

from __future__ import annotations

import uuid

NUMBER = "fsflows_dialled"
"""The number that we called: a channel that has it is one of our calls."""

ON_MACHINE = "fsflows_machine"
"""What is to be done about an answering machine: `HANG_UP`, or nothing."""
HANG_UP = "hang_up"

VALUES = "fsflows_values"
"""First contents of the flow's `conv.state`, packed."""

STATE = "fsflows_dial_state"
"""Set by the conversation: `TAKEN` as soon as it has the call, `MACHINE` when it hangs up on one."""
TAKEN = "taken"
MACHINE = "machine"


def record_of(call_id: str) -> str:
    """The id of a call's first record: that of the call itself. Who dialled it notes it, the conversation goes on with
    it. A channel that somebody else has named has none.
    """
    try:
        return call_id if str(uuid.UUID(call_id)) == call_id else ""
    except ValueError:
        return ""

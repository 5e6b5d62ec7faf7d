"""What a channel says about a call that we made. Who dials sets these variables, and reads the last."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from typing import Any

from fsflows.esl import quoting

NUMBER = "fsflows_dialled"
"""The number that we called: a channel that has it is one of our calls."""

ON_MACHINE = "fsflows_machine"
"""What is to be done about an answering machine: `HANG_UP`, or nothing."""
HANG_UP = "hang_up"

VALUES = "fsflows_values"
"""First contents of the flow's `conv.state`, packed."""

MAX_STATE = 4096
"""Bytes of the flow's first values, as JSON."""

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


def variables(
    number: str,
    *,
    caller_number: str = "",
    caller_name: str = "",
    state: Mapping[str, Any] | None = None,
    hang_up_on_machine: bool = False,
) -> dict[str, str]:
    """What the channel of such a call is told, from the first.

    Args:
        number: whom we call.
        caller_number: what the other side is shown; "": whatever FreeSWITCH has for that.
        caller_name: the same.
        state: first contents of the flow's `conv.state`.
        hang_up_on_machine: what is to be done about an answering machine.

    Raises:
        ValueError: the first values can't be sent.
    """
    told = {NUMBER: number}
    if caller_number:
        told["origination_caller_id_number"] = caller_number
    if caller_name:
        told["origination_caller_id_name"] = quoting.look_alike(caller_name)
    if hang_up_on_machine:
        told[ON_MACHINE] = HANG_UP
    if state:
        told[VALUES] = pack(state)
    return told


def pack(state: Mapping[str, Any]) -> str:
    """A flow's first values as a word that no reader of FreeSWITCH takes for anything else.

    Raises:
        ValueError: they are no JSON, or too many.
    """
    try:
        text = json.dumps(dict(state), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"state: {error}") from None
    if len(text) > MAX_STATE:
        raise ValueError(f"state: must be {MAX_STATE} bytes of JSON at the most")
    # An "=" at its end is one too many in front of a dial string.
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unpack(text: str) -> dict[str, Any]:
    """What `pack` made a word of; {} of anything else."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

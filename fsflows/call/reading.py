"""What single events say about a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsflows.call.happenings import KeyPressed

if TYPE_CHECKING:
    from fsflows.esl.event import Event

KEYS = "0123456789*#ABCD"
SAMPLES_PER_SECOND = 8000
"""DTMF-Duration is in samples of 8 kHz, whatever the codec."""

MOST_DIGITS = 18
"""Of a number of samples. Python refuses to read one of thousands, which `sendevent` may hold."""

LIVE = {"2", "3", "4", "5", "6", "7", "8", "9"}
"""Channel-State-Number of a channel that lives (4: CS_EXECUTE, 2: CS_ROUTING)."""


def key_of(event: Event, at: float) -> KeyPressed | None:
    """The key of a DTMF event; None: it is none that there is."""
    digit, duration, source = event.pressed
    key = digit.upper()
    if len(key) != 1 or key not in KEYS:
        return None
    held = duration.isdecimal() and len(duration) <= MOST_DIGITS
    seconds = int(duration) / SAMPLES_PER_SECOND if held else 0.0
    return KeyPressed(key, at, source or "UNKNOWN", seconds)


def is_taken(event: Event, state: str | None, *, ours: bool) -> bool:
    """Whether an application's end says that somebody else has taken the call: `uuid_transfer`, say.

    What we run ends then, with the channel on its way elsewhere already; at last the dialplan's `socket` does.

    Args:
        event: CHANNEL_EXECUTE_COMPLETE.
        state: the channel's Channel-State-Number while it is with us.
        ours: whether the application is one of ours.
    """
    now = event.get("Channel-State-Number")
    moved = now != state and now in LIVE
    if not moved and ours:
        return False
    if event.get("Answer-State") == "hangup":
        return False
    return moved or event.get("Application") == "socket"

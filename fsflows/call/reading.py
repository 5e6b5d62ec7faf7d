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

BLIND_TRANSFER = "BLIND_TRANSFER"
"""FreeSWITCH's cause when it has sent the caller's telephone elsewhere."""

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


def was_answered(event: Event | None) -> bool:
    """Whether the leg that a caller was connected to had been answered; its ringing tone connects them, too.

    Args:
        event: the end of the bridge, or the caller's hang-up.
    """
    at = event.get("Other-Leg-Channel-Answered-Time") if event is not None else None
    return at not in (None, "", "0")


def was_referred(event: Event | None) -> bool | None:
    """Whether the caller's telephone has called whom it was told to call (REFER); None: it did not say.

    Args:
        event: the caller's hang-up. FreeSWITCH hangs up with BLIND_TRANSFER, whatever the telephone said.
    """
    if event is None:
        return None
    said = [event.variable(f"sip_refer_{which}status_code") or "" for which in ("", "target_")]
    if any(code[:1] in set("3456") for code in said):
        return False
    return True if said[0] or event.get("Hangup-Cause") == BLIND_TRANSFER else None

"""What FreeSWITCH is asked to tell us about a call."""

from __future__ import annotations

from fsflows.esl import commands

EVENTS = (
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "DTMF",
    "DETECTED_SPEECH",
    "RECORD_START",
    "RECORD_STOP",
)
"""What a call needs to be told. Each event not asked for is the cheapest one to parse."""

LINGER = 5
"""Seconds that FreeSWITCH keeps the connection after the hang-up, for the last events (a recording that stopped)."""


def subscribe() -> list[commands.Command]:
    """What is sent right after `connect`: linger, and the events that a call needs, of this channel alone."""
    return commands.subscription(EVENTS, linger_for=LINGER)

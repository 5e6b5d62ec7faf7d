"""Calls that we make: a number and a flow in, an outcome from a closed list out.

FreeSWITCH makes the call (`originate`) and hands it to our own listener as soon as somebody answers; from there on it
is a call like any other. What is here asks for it, follows it, and writes the record of one that nobody answered.
"""

from fsflows.dialling.attempt import Attempt, Outcome, Phase
from fsflows.dialling.dialler import Dialler, Gate, NotDialling, TooMany
from fsflows.dialling.plan import BadNumber, Plan, Wanted

__all__ = [
    "Attempt",
    "BadNumber",
    "Dialler",
    "Gate",
    "NotDialling",
    "Outcome",
    "Phase",
    "Plan",
    "TooMany",
    "Wanted",
]

"""Digits, keyed or spoken: inputs with a time go in, decisions and one result come out. No I/O.

`Collection` says what to collect, `problems` what is wrong with it; a `Dialogue` asks, listens, validates, confirms and
asks again; a `Collector` is one attempt of it, and can be used alone.
"""

from fsflows.collect.collector import Collector
from fsflows.collect.confirm import Confirmer, ReadBack, Reply, Verdict, read_back
from fsflows.collect.decisions import Cause, Decision, Echo, Ignored, Key, StopPrompt, Why
from fsflows.collect.dialogue import Dialogue
from fsflows.collect.feasible import Problem
from fsflows.collect.listener import Listener
from fsflows.collect.problems import problems
from fsflows.collect.result import Attempt, CollectionResult, Heard, How
from fsflows.collect.spec import (
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Escape,
    Outcome,
    Policy,
    Source,
    Speech,
    TypeAhead,
    Validation,
)
from fsflows.collect.todo import Done, Listen, Prompt, PromptKind, Todo, Validate
from fsflows.collect.trail import Trail
from fsflows.collect.validate import Failure, Reason, check, check_digit_names
from fsflows.spoken import Alternative

__all__ = [
    "Alternative",
    "Attempt",
    "BargeIn",
    "Cause",
    "Collection",
    "CollectionResult",
    "Collector",
    "Confirm",
    "Confirmation",
    "Confirmer",
    "Decision",
    "Dialogue",
    "Done",
    "Echo",
    "Escape",
    "Failure",
    "Heard",
    "How",
    "Ignored",
    "Key",
    "Listen",
    "Listener",
    "Outcome",
    "Policy",
    "Problem",
    "Prompt",
    "PromptKind",
    "ReadBack",
    "Reason",
    "Reply",
    "Source",
    "Speech",
    "StopPrompt",
    "Todo",
    "Trail",
    "TypeAhead",
    "Validate",
    "Validation",
    "Verdict",
    "Why",
    "check",
    "check_digit_names",
    "problems",
    "read_back",
]

"""What an ending means: from what ended a collection and the digits there were to one outcome of the closed list."""

from __future__ import annotations

from fsflows.collect.result import How
from fsflows.collect.spec import Collection, Outcome
from fsflows.collect.validate import Failure, check

_WHATEVER_THE_DIGITS = {
    How.ESCAPE_KEY: Outcome.ESCAPED,
    How.ESCAPE_WORD: Outcome.ESCAPED,
    How.HANGUP: Outcome.HANGUP,
}
_SAID_TO_BE_ALL = {How.END_KEY, How.END_WORD}


def outcome(
    spec: Collection, digits: str, how: How, *, spoke: bool
) -> tuple[Outcome, Failure | None]:
    """The outcome, and the rule that was broken if it is `no_match` for one.

    An end key with nothing before it is an answer, too short a one (or complete, where `min_digits` is 0); silence is
    not. `spoke`: words were heard that have no digits in them: silence after those is `no_match`.
    """
    if how in _WHATEVER_THE_DIGITS:
        return _WHATEVER_THE_DIGITS[how], None
    if not digits and how not in _SAID_TO_BE_ALL:
        return Outcome.NO_MATCH if spoke else Outcome.NO_INPUT, None
    if len(digits) < spec.min_digits:
        return Outcome.TOO_SHORT, None
    if spec.max_digits is not None and len(digits) > spec.max_digits:
        return Outcome.TOO_LONG, None
    failure = check(spec.validation, digits)
    return (Outcome.COMPLETE if failure is None else Outcome.NO_MATCH), failure


def is_only_value(spec: Collection, digits: str) -> bool:
    """Whether the digits are one of a list of values and can't become another: nothing is left to wait for."""
    values = spec.validation.values
    if values is None or digits not in values or len(digits) < spec.min_digits:
        return False
    return not any(value != digits and value.startswith(digits) for value in values)

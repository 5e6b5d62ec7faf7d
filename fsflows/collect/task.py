"""Collecting digits from a function, with the names that users of a digit-collection task know.

`collection_for_task` turns the task's arguments into a `Collection`; `GetDtmfResult` is what the task returns. The task
itself, which plays and waits, is the conversation's.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsflows.collect.problems import problems
from fsflows.collect.result import CollectionResult, How, Text
from fsflows.collect.spec import (
    MAX_DIGITS,
    Collection,
    Confirm,
    Confirmation,
    Outcome,
    Source,
    Speech,
)

DTMF_INPUT_TIMEOUT = 4.0
"""Seconds; LiveKit's `GetDtmfTask(dtmf_input_timeout=4.0)`."""

DTMF_STOP_EVENT = "#"
"""LiveKit's `GetDtmfTask(dtmf_stop_event=DtmfEvent.POUND)`."""


def collection_for_task(
    *,
    num_digits: int,
    ask_for_confirmation: bool = False,
    dtmf_input_timeout: float = DTMF_INPUT_TIMEOUT,
    dtmf_stop_event: str | None = DTMF_STOP_EVENT,
    language: str = "en-US",
    is_pii: bool = False,
) -> Collection:
    """The collection that a task with these arguments makes.

    Args:
        num_digits: how many digits, 1 to 32: neither fewer nor more are a success.
        ask_for_confirmation: read the digits back, and finish when the caller agrees.
        dtmf_input_timeout: seconds of silence after a digit, restarted by each, held while the caller speaks.
        dtmf_stop_event: the key that ends the collection and is no part of it ("#", or an enum with that value); None:
            none.
        language: in which digits are spoken and read back.
        is_pii: the digits exist in redacting types only.

    Raises:
        ValueError: one of them makes no sense; the text says which, and what to write.
    """
    if isinstance(num_digits, bool) or not isinstance(num_digits, int):
        raise ValueError(  # noqa: TRY004 - callers of the original catch ValueError
            f"num_digits must be a whole number, 1 to {MAX_DIGITS}, got {num_digits!r}"
        )
    if not 1 <= num_digits <= MAX_DIGITS:
        raise ValueError(f"num_digits must be between 1 and {MAX_DIGITS}, got {num_digits}")
    stop = getattr(dtmf_stop_event, "value", dtmf_stop_event)
    spec = Collection(
        min_digits=num_digits,
        max_digits=num_digits,
        inter_digit_timeout=dtmf_input_timeout,
        end_keys=frozenset() if stop is None else frozenset({stop}),
        speech=Speech(language=language, end_of_speech_timeout=dtmf_input_timeout),
        confirmation=Confirmation(when=Confirm.ALWAYS if ask_for_confirmation else Confirm.NEVER),
        is_pii=is_pii,
    )
    names = {"inter_digit_timeout": "dtmf_input_timeout", "end_keys": "dtmf_stop_event"}
    names["speech.end_of_speech_timeout"] = "dtmf_input_timeout"
    for problem in problems(spec):
        raise ValueError(f"{names.get(problem.field, problem.field)}: {problem.text}")
    return spec


@dataclass(frozen=True, slots=True)
class GetDtmfResult:
    """What a digit-collection task returns.

    Attributes:
        user_input: the digits, when all of them came; else "". In a PII collection a `Pii`.
        outcome, how, source: how it ended, and what the digits came from.
        digits: what there is on every outcome, an incomplete number too.
        attempts: how often the caller was asked.
    """

    user_input: Text
    outcome: Outcome = Outcome.COMPLETE
    how: How = How.LENGTH
    digits: Text = ""
    source: Source = Source.NONE
    attempts: int = 1

    @classmethod
    def of(cls, result: CollectionResult) -> GetDtmfResult:
        """The task's view of a collection's result."""
        return cls(
            user_input=result.user_input,
            outcome=result.outcome,
            how=result.how,
            digits=result.digits,
            source=result.source,
            attempts=result.attempts,
        )

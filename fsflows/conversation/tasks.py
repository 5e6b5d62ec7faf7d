"""Asking for digits from inside a function, under the names that LiveKit's users know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fsflows.collect.result import How
from fsflows.collect.spec import Confirm, Confirmation, Outcome, Source
from fsflows.collect.spec import Collection as CollectionSpec
from fsflows.collect.spec import Speech
from fsflows.collect.validate import problems
from fsflows.privacy import Pii

if TYPE_CHECKING:
    from fsflows.conversation.conversation import Conversation


@dataclass(frozen=True, slots=True)
class GetDtmfResult:
    """What the caller keyed or said.

    Attributes:
        user_input: the digits of a complete answer, e.g. "5551234567"; "" for any other outcome.
        outcome: how it ended: "complete", "no_input", "no_match", "too_short", "too_long", "escaped".
        digits: what there was, also when it was not complete: partial digits are not lost.
        source: "keys", "speech", "both" or "none".
        confidence: 0-1; keys are 1.0; None when nothing was collected.
        attempts: how often the caller was asked.
        how: what ended it ("length", "end_key", "inter_digit_timeout", ...).
    """

    user_input: str | Pii
    outcome: Outcome = Outcome.COMPLETE
    digits: str | Pii = ""
    source: Source = Source.NONE
    confidence: float | None = None
    attempts: int = 1
    how: How = How.LENGTH


@dataclass(frozen=True, kw_only=True)
class GetDtmfTask:
    """Collects digits, keyed or spoken, in the middle of a function.

    ::

        def look_up(conv, flow):
            result = GetDtmfTask(num_digits=10, ask_for_confirmation=True,
                                 extra_instructions="What's your ten-digit phone number?").run(conv)
            if result.user_input: ...

    The time that the caller takes is not counted against the function's limit.

    Args:
        num_digits: how many; more than 0 (at most 32).
        ask_for_confirmation: read the digits back and finish on the caller's assent, by key (1) or voice. Default: no
            (LiveKit's default).
        dtmf_input_timeout: seconds without a further digit that end the input; restarted by each digit and held while the
            caller speaks. Default 4.0 (LiveKit's).
        dtmf_stop_event: the key that ends the input; not part of the digits. Default "#" (LiveKit's).
        extra_instructions: what the caller is told first.
        chat_ctx: the conversation so far. Accepted for compatibility: `conv.history` is always there.
        first_digit_timeout: seconds without any input after the prompt. Default 5.0 (PolyAI's). LiveKit waits for ever.
        attempts: how often the caller is asked. Default 3.
        is_pii: the digits are private: they come as `Pii`.
        speech: whether spoken digits are accepted. Default: yes (LiveKit's).

    Raises:
        ValueError: a setting that can't work, with what to write instead.
    """

    num_digits: int
    ask_for_confirmation: bool = False
    dtmf_input_timeout: float = 4.0
    dtmf_stop_event: str = "#"
    extra_instructions: str = ""
    chat_ctx: Iterable[Any] | None = field(default=None, repr=False)
    first_digit_timeout: float = 5.0
    attempts: int = 3
    is_pii: bool = False
    speech: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.num_digits, bool) or not isinstance(self.num_digits, int):
            raise ValueError(f"num_digits must be a whole number, got {self.num_digits!r}")  # noqa: TRY004
        if self.num_digits <= 0:
            raise ValueError(f"num_digits must be more than 0, got {self.num_digits}")
        faults = problems(self.collection("en-US"))
        if faults:
            raise ValueError("; ".join(f"{fault.field}: {fault.text}" for fault in faults))

    def collection(self, language: str) -> CollectionSpec:
        """The settings as a collection."""
        confirm = Confirm.ALWAYS if self.ask_for_confirmation else Confirm.NEVER
        return CollectionSpec(
            min_digits=self.num_digits,
            max_digits=self.num_digits,
            first_digit_timeout=self.first_digit_timeout,
            inter_digit_timeout=self.dtmf_input_timeout,
            end_keys=frozenset(self.dtmf_stop_event),
            speech=Speech(language=language) if self.speech else None,
            confirmation=Confirmation(when=confirm),
            is_pii=self.is_pii,
        )

    def run(self, conv: Conversation) -> GetDtmfResult:
        """Ask the caller.

        Raises:
            CallEnded: the caller hung up; let it pass.
        """
        from fsflows.conversation.turn import ask

        result = ask(
            conv._engine,
            self.collection(conv.language),
            prompt=self.extra_instructions,
            attempts=self.attempts,
        )
        return GetDtmfResult(
            user_input=result.user_input,
            outcome=result.outcome,
            digits=result.digits,
            source=result.source,
            confidence=result.confidence,
            attempts=result.attempts,
            how=result.how,
        )

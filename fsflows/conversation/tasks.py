"""Asking for digits from inside a function, under the names that LiveKit's users know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fsflows.collect.feasible import Problem
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
from fsflows.flow.building.collecting import words_from

if TYPE_CHECKING:
    from fsflows.conversation.conversation import Conversation

DTMF_INPUT_TIMEOUT = 4.0
"""Seconds; LiveKit's `GetDtmfTask(dtmf_input_timeout=4.0)`."""

DTMF_STOP_EVENT = "#"
"""LiveKit's `GetDtmfTask(dtmf_stop_event=DtmfEvent.POUND)`."""

_OUR_NAMES = {
    "inter_digit_timeout": "dtmf_input_timeout",
    "speech.end_of_speech_timeout": "dtmf_input_timeout",
    "end_keys": "dtmf_stop_event",
}

_OUR_WORDS = {
    "leave it out, and write 'preset: yes_no', which": "return {'listen': {'asr': {'preset': 'yes_no'}}}, which",
    "add 'validate: {values: [...]}' with all answers": "a task takes digits",
    "add 'allow_letters: true'": "a task takes digits",
    "'confirm:'": "ask_for_confirmation",
    "end_keys": "dtmf_stop_event",
}
"""What a problem's text says of YAML, and what there is here instead."""


@dataclass(frozen=True, slots=True)
class GetDtmfResult:
    """What the caller keyed or said.

    Attributes:
        user_input: the digits, when all of them came ("5551234567"); else "". In a private collection a `Pii`.
        outcome: how it ended: "complete", "no_input", "no_match", "too_short", "too_long", "escaped".
        how: what ended it ("length", "end_key", "inter_digit_timeout", ...).
        digits: what there was on every outcome: an incomplete number is not lost.
        source: "keys", "speech", "both" or "none".
        confidence: 0-1; keys are 1.0; None: nothing was collected, or the recogniser gave none.
        attempts: how often the caller was asked.
        alternatives: what the recogniser made of what was said.
    """

    user_input: Text
    outcome: Outcome = Outcome.COMPLETE
    how: How = How.LENGTH
    digits: Text = ""
    source: Source = Source.NONE
    confidence: float | None = None
    attempts: int = 1
    alternatives: tuple[Text, ...] = ()

    @classmethod
    def of(cls, result: CollectionResult) -> GetDtmfResult:
        """The task's view of a collection's result."""
        return cls(
            user_input=result.user_input,
            outcome=result.outcome,
            how=result.how,
            digits=result.digits,
            source=result.source,
            confidence=result.confidence,
            attempts=result.attempts,
            alternatives=tuple(each.text for each in result.alternatives),
        )


@dataclass(frozen=True, kw_only=True)
class GetDtmfTask:
    """Collects digits, keyed or spoken, in the middle of a function.

    ::

        def look_up(conv, flow):
            task = GetDtmfTask(num_digits=10, ask_for_confirmation=True,
                               extra_instructions="What's your ten-digit phone number?")
            result = task.run(conv)
            if result.user_input: ...

    The time that the caller takes is not counted against the function's limit.

    Args:
        num_digits: how many: 1 to 32.
        ask_for_confirmation: read the digits back and finish when the caller agrees, by key (1) or by voice.
            Default: no (LiveKit's).
        dtmf_input_timeout: seconds without a further digit that end the input; restarted by each digit and held
            while the caller speaks. Default 4.0 (LiveKit's).
        dtmf_stop_event: the key that ends the input; not part of the digits. Default "#" (LiveKit's).
        extra_instructions: what the caller is told first: an instruction to a language model elsewhere, here the
            prompt itself.
        chat_ctx: the conversation so far. Accepted for compatibility; `conv.history` is always there.
        attempts: how often the caller is asked. Default 3.
        is_pii: the digits are private: they come as `Pii`.
        speech: whether spoken digits are accepted. Default: yes (LiveKit's).
        words: keys, each with the phrase or phrases that stand for them when they are said, as `asr: words` has them:
            {1: ["opening hours", "hours"], 2: "agent"}.

    Raises:
        ValueError: a setting that can't work, with what to write instead.
    """

    num_digits: int
    ask_for_confirmation: bool = False
    dtmf_input_timeout: float = DTMF_INPUT_TIMEOUT
    dtmf_stop_event: str | None = DTMF_STOP_EVENT
    extra_instructions: str = ""
    chat_ctx: Iterable[Any] | None = field(default=None, repr=False)
    attempts: int = 3
    is_pii: bool = False
    speech: bool = True
    words: Mapping[str | int, str | Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if (
            isinstance(self.attempts, bool)
            or not isinstance(self.attempts, int)
            or self.attempts < 1
        ):
            raise ValueError(f"attempts must be a whole number, 1 or more, got {self.attempts!r}")
        if not isinstance(self.extra_instructions, str):
            raise ValueError(  # noqa: TRY004 - callers of the original catch ValueError
                f"extra_instructions must be a text, got {self.extra_instructions!r}"
            )
        # A fault shows where the task is made, not when a caller waits for it.
        self.collection()

    def collection(self, language: str = "") -> Collection:
        """The settings as a collection.

        Args:
            language: the flow's; "": not known yet, and with it, what a phrase may mean already.

        Raises:
            ValueError: one of them makes no sense; the text says which, and what to write.
        """
        number = self.num_digits
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_DIGITS:
            raise ValueError(
                f"num_digits must be a whole number, 1 to {MAX_DIGITS}, got {number!r}"
            )
        stop = getattr(self.dtmf_stop_event, "value", self.dtmf_stop_event)  # LiveKit has an enum
        if self.words is not None and not self.speech:
            raise ValueError("words can't be said: speech is off in this task (speech=False)")
        speech = Speech(
            language=language or "en-US",
            end_of_speech_timeout=self.dtmf_input_timeout,
            words=() if self.words is None else words_from(self.words),
        )
        spec = Collection(
            min_digits=number,
            max_digits=number,
            inter_digit_timeout=self.dtmf_input_timeout,
            end_keys=frozenset() if stop is None else frozenset({stop}),
            speech=speech if self.speech else None,
            confirmation=Confirmation(
                when=Confirm.ALWAYS if self.ask_for_confirmation else Confirm.NEVER
            ),
            is_pii=self.is_pii,
        )
        for problem in problems(spec):
            if language or not _is_of_a_phrase(problem):
                raise ValueError(_in_python(problem))
        return spec

    def run(self, conv: Conversation) -> GetDtmfResult:
        """Ask the caller.

        Raises:
            CallEnded: the caller hung up; let it pass.
        """
        from fsflows.conversation.turn import ask

        spec = self.collection(conv.language)
        engine = conv._engine.running
        return GetDtmfResult.of(
            ask(engine, spec, prompt=self.extra_instructions, attempts=self.attempts)
        )


def _is_of_a_phrase(problem: Problem) -> bool:
    """Whether it is about what a phrase means, which its language decides."""
    return problem.field.startswith("speech.words.") and problem.field.count(".") > 2


def _in_python(problem: Problem) -> str:
    """A problem with the names that the settings have here."""
    name, text = problem
    name = "words" if name.startswith("speech.words.") else _OUR_NAMES.get(name, name)
    for theirs, ours in _OUR_WORDS.items():
        text = text.replace(theirs, ours)
    return f"{name}: {text}"

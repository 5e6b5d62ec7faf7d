"""What was said, by whom, in order: `conv.history`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fsflows.privacy import Pii, Redactor


@dataclass(frozen=True, slots=True)
class UserInput:
    """The caller's turn.

    Attributes:
        text: the digits that were keyed or spoken, or the words when there were none; "" for silence. Digits of a PII
            step are a `Pii`: comparing works (`text == "1234"`), everything that would show them does not.
        outcome: how the collection ended ("complete", "no_input", ...).
        source: "keys", "speech", "both" or "none".
        step: the step that asked.
        how: what ended it ("length", "end_key", "inter_digit_timeout", ...).
        confidence: 0-1; keys are 1.0; None: nothing was collected, or the recogniser gave none.
        attempts: how often the caller was asked.
        alternatives: what the recogniser made of what was said, in the order in which it came.
    """

    text: str | Pii
    outcome: str = "complete"
    source: str = "none"
    step: str = ""
    how: str = ""
    confidence: float | None = None
    attempts: int = 1
    alternatives: tuple[str | Pii, ...] = ()

    @property
    def role(self) -> str:
        """Always "user"."""
        return "user"

    def to_dict(self) -> dict[str, Any]:
        """The turn as plain data; PII stays hidden."""
        return {"type": "user", "text": str(self.text)}

    def to_string(self) -> str:
        """The turn as a line of a transcript; PII stays hidden."""
        return f"User: {self.text}"


@dataclass(frozen=True, slots=True)
class AgentResponse:
    """Our turn. `text`: what was said to the caller, with PII hidden."""

    text: str

    @property
    def role(self) -> str:
        """Always "agent"."""
        return "agent"

    def to_dict(self) -> dict[str, Any]:
        """The turn as plain data."""
        return {"type": "agent", "text": self.text}

    def to_string(self) -> str:
        """The turn as a line of a transcript."""
        return f"Agent: {self.text}"


Turn = UserInput | AgentResponse


def hide(turns: Iterable[Turn], redactor: Redactor) -> None:
    """Something has become private: it becomes so in the turns before as well, whoever has them already."""
    for turn in turns:
        if isinstance(turn, AgentResponse):
            _set(turn, text=redactor.text(turn.text))
        else:
            _set(
                turn,
                text=_private(turn.text, redactor),
                alternatives=tuple(_private(each, redactor) for each in turn.alternatives),
            )


def _private(text: str | Pii, redactor: Redactor) -> str | Pii:
    return text if isinstance(text, Pii) or redactor.text(text) == text else Pii(text)


def _set(turn: Turn, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(turn, name, value)  # the one change that a turn ever sees

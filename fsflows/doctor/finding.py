"""What was found: one thing, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    """Calls work; somebody should look."""
    PROBLEM = "problem"
    """Calls, or a promise about their recordings, don't work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        about: what was looked at; the same words from version to version.
        state: how it is.
        text: what was seen.
        advice: what to do, in one sentence; "" when it is well.
    """

    about: str
    state: State
    text: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {
            "about": self.about,
            "state": self.state.value,
            "text": self.text,
            "do": self.advice,
        }


def ok(about: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(about, State.OK, text)


def warning(about: str, text: str, advice: str) -> Finding:
    """Somebody should look."""
    return Finding(about, State.WARNING, text, advice)


def problem(about: str, text: str, advice: str) -> Finding:
    """It doesn't work."""
    return Finding(about, State.PROBLEM, text, advice)


def worst(findings: Iterable[Finding]) -> State:
    """The worst state among them."""
    states = {finding.state for finding in findings}
    return next((s for s in (State.PROBLEM, State.WARNING) if s in states), State.OK)

"""Where a conversation goes next: the closed list of what a step, a function or an action can decide."""

from __future__ import annotations

from dataclasses import dataclass

from fsflows.collect.spec import Collection


@dataclass(frozen=True, slots=True)
class GoToStep:
    """To a step of the current flow. `silent`: without its prompt (a function has just said what was to be said)."""

    name: str
    silent: bool = False
    collect: Collection | None = None
    """Settings for this visit instead of the step's own (a function's `listen`)."""


@dataclass(frozen=True, slots=True)
class GoToFlow:
    """To the first step of another flow."""

    name: str


@dataclass(frozen=True, slots=True)
class ExitFlow:
    """Out of the current flow: to its `on_exit`, or to the end of the call."""


@dataclass(frozen=True, slots=True)
class HandOff:
    """To one of the flow's hand-offs."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """To the end."""

    cause: str = "NORMAL_CLEARING"


Direction = GoToStep | GoToFlow | ExitFlow | HandOff | HangUp

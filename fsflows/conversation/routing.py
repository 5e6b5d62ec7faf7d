"""Where a step leads, when the caller has answered, or has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsflows import spoken
from fsflows.collect.result import CollectionResult
from fsflows.collect.spec import Outcome
from fsflows.conversation import acting
from fsflows.conversation.directions import Direction, GoToStep, HangUp
from fsflows.conversation.placeholders import render
from fsflows.flow.model import Action, Say, Step
from fsflows.privacy import Pii

if TYPE_CHECKING:
    from fsflows.conversation.engine import Engine

FAILED_TURNS = 10
"""Steps in a row without an answer, after which the call is given up. A flow that always asks again would otherwise
talk to a line that nobody listens to, for ever."""


def after(engine: Engine, step: Step, result: CollectionResult | None) -> Direction:
    """Where a step leads: `on:` by digits, then by outcome, then `otherwise`, then `run`, then `next`."""
    spoken_before = len(engine.history)
    action: Action | None = None
    if engine.failed_turns >= FAILED_TURNS:
        engine.log.warning("the caller has not answered for too long", steps=FAILED_TURNS)
        engine.talk.speak(render(engine, (Say(spoken.phrases(engine.flow.sentences)["goodbye"]),)))
        return HangUp()
    if result is not None:
        action = _row(engine, step, result)
        if action is not None and (direction := acting.act(engine, action)) is not None:
            return direction
        if action is not None and step.next is None:
            return _again(engine, step, spoken_before)
    if step.run is not None and action is None:
        outcome = acting.run_function(engine, step.run)
        if outcome.direction is not None:
            return outcome.direction
    if step.next is not None and (direction := acting.act(engine, step.next)) is not None:
        return direction
    if result is None:
        return HangUp()
    return _again(engine, step, spoken_before)


def _row(engine: Engine, step: Step, result: CollectionResult) -> Action | None:
    """The row of `on:` that a result takes.

    At the cap `retry.then` comes before it; an escape without a row of its own is the flow's.
    """
    match result.outcome:
        case Outcome.COMPLETE:
            digits = result.digits.reveal() if isinstance(result.digits, Pii) else result.digits
            row = step.on.get(digits) or step.on.get(result.outcome)
        case Outcome.ESCAPED:
            row = step.on.get(result.outcome) or engine.flow.escape_action
        case _:
            row = step.retry.then or step.on.get(result.outcome)
    return row or step.on.get("otherwise")


def _again(engine: Engine, step: Step, spoken_before: int) -> Direction:
    """Nothing said where to go: the caller is asked again, without the prompt when something was just said."""
    return GoToStep(step.name, silent=len(engine.history) > spoken_before)

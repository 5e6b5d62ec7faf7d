"""Doing what an action of the YAML, or a function's return value, says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fsflows.archive.endings import Reason
from fsflows.call.ended import CallEnded
from fsflows.conversation.directions import (
    Direction,
    ExitFlow,
    GoToFlow,
    GoToStep,
    HandOff,
    HangUp,
)
from fsflows.conversation.functions import Failure, Ran, call_function, defined
from fsflows.conversation.placeholders import fill_value, render
from fsflows.conversation.returns import BadReturn, Returned, read_return
from fsflows.conversation.speaking import say
from fsflows.flow.building.build import collection_from
from fsflows.flow.causes import CAUSES
from fsflows.flow.errors import FlowErrors, suggest
from fsflows.flow.model import Action
from fsflows.privacy import Pii

if TYPE_CHECKING:
    from fsflows.conversation.engine import Engine


@dataclass(frozen=True, slots=True)
class FunctionOutcome:
    """What running a function came to.

    Attributes:
        direction: where it said to go; None: it didn't say.
        utterance: what it returned to be said; None: nothing.
        failed: whether it failed; the apology has been said and `direction` is the fall-back.
    """

    direction: Direction | None
    utterance: str | Pii | None = None
    failed: bool = False


def act(engine: Engine, action: Action) -> Direction | None:
    """Do an action, in the order that `Action` documents; returns where it leads, None when nowhere."""
    if action.discard_recording:
        discard(engine)
    for name, value in action.set.items():
        engine.state[name] = fill_value(engine, value)
    if action.metric is not None:
        name, value = action.metric
        engine.write_metric(name, fill_value(engine, value))
    direction: Direction | None = None
    if action.run:
        outcome = run_function(engine, action.run)
        direction = outcome.direction
        if outcome.failed:
            return direction
    engine.talk.speak(render(engine, action.say))
    return direction or direction_of(engine, action)


def direction_of(engine: Engine, action: Action) -> Direction | None:
    """Where an action leads by itself."""
    if action.goto:
        return GoToStep(action.goto)
    if action.flow:
        return GoToFlow(action.flow)
    if action.handoff:
        return HandOff(action.handoff)
    if action.hangup:
        return HangUp(action.hangup)
    return ExitFlow() if action.exit else None


def discard(engine: Engine) -> None:
    """Discard the recordings for an `on:` row. The caller goes on, also when something is left to be finished later."""
    try:
        engine.discard_recording("on")
    except CallEnded:
        raise
    except Exception as error:
        engine.log.error(
            "recording not discarded yet; it will be tried again until it is gone", why=str(error)
        )


def run_function(
    engine: Engine, name: str, *, with_flow: bool = True, speak: bool = True
) -> FunctionOutcome:
    """Run one of the flow's functions and do what it returned.

    A function that raises, hangs or returns nonsense is logged with file and line; the caller hears the apology and
    goes to the flow's fall-back.

    Args:
        engine: the call.
        name: the function's.
        with_flow: whether it is given `flow` beside `conv`.
        speak: whether what it returned to be said is said here.
    """
    arguments = (engine.conv, engine.flow_handle) if with_flow else (engine.conv,)
    engine.take_direction()
    ran = call(engine, name, arguments)
    returned: Returned | None = None
    if ran.failure is None:
        try:
            returned = read_return(ran.value)
            direction = _direction(engine, returned)
        except BadReturn as bad:
            ran = replace(ran, failure=useless(engine, name, str(bad)))
    engine.note_function(name, ran)
    if ran.failure is not None or returned is None:
        return fail(engine, ran.failure)
    if speak and returned.utterance is not None:
        engine.talk.speak(say(returned.utterance))
    return FunctionOutcome(direction, returned.utterance)


def run_end_function(engine: Engine) -> None:
    """Run the end function; what it returns is ignored (MISSION P14)."""
    name = engine.flow.end_function or ""
    ran = call(engine, name, (engine.conv,), covered=False)
    engine.note_function(name, ran)
    if ran.failure is not None:
        engine.log.error("end function failed", why=str(ran.failure))


def fail(engine: Engine, failure: Failure | None) -> FunctionOutcome:
    """Log a failure, apologise, and go to the fall-back."""
    engine.log.error("function failed", why=str(failure), flow=engine.flow.name)
    timed_out = failure is not None and failure.timed_out
    engine.because = Reason.FUNCTION_TIMED_OUT if timed_out else Reason.FUNCTION_FAILED
    engine.take_direction()
    engine.talk.speak(render(engine, engine.apology))
    fallback = engine.flow.fallback
    engine.talk.speak(render(engine, fallback.say))
    direction = direction_of(engine, fallback) or HangUp("NORMAL_TEMPORARY_FAILURE")
    return FunctionOutcome(direction, failed=True)


def _delays(engine: Engine) -> Callable[[float], float | None]:
    """Says the flow's delay phrases, one after another, while a function takes its time; see `call_function`."""
    flow = engine.flow
    phrases = iter(flow.delay)

    def waiting(waited: float) -> float | None:
        if waited and (phrase := next(phrases, None)) is not None:
            with suppress(CallEnded):  # the function runs to its end without the caller
                engine.talk.speak(render(engine, phrase), aside=True)
        return waited + flow.delay_after if flow.delay else None

    return waiting


def call(engine: Engine, name: str, arguments: tuple[Any, ...], *, covered: bool = True) -> Ran:
    """Call one of the flow's functions, on this call; see `call_function`.

    Args:
        engine: the call.
        name: the function's.
        arguments: it is given.
        covered: whether a caller waits: delay phrases are said, and the call's end comes out of here.
    """
    flow = engine.flow
    ran = call_function(
        engine.clock,
        name,
        flow.functions[name],
        arguments,
        timeout=flow.function_timeout,
        passing=(CallEnded,) if covered else (),
        on_limit=engine.limited,
        waiting=_delays(engine) if covered else lambda waited: None,
        begin=engine.bind_log,
        company=engine.call,
    )
    engine.limit = None
    return ran


def useless(engine: Engine, name: str, what: str) -> Failure:
    """Why what a function returned can't be used, with where the function is."""
    return Failure(name, what, defined(engine.flow.functions[name]))


def _direction(engine: Engine, returned: Returned) -> Direction | None:
    """Where a function leads: what it returned comes before what it called."""
    called = engine.take_direction()
    flow = engine.flow
    if returned.step is not None:
        if returned.step not in flow.steps:
            raise BadReturn(
                f"returned a transition to {returned.step!r}, which is no step of {flow.name}"
            )
        return GoToStep(returned.step)
    if returned.flow is not None:
        if returned.flow not in engine.flows:
            raise BadReturn(f"returned a transition to {returned.flow!r}, which is no flow")
        return GoToFlow(returned.flow)
    if returned.handoff is not None:
        if returned.handoff not in flow.handoffs:
            raise BadReturn(
                f"returned the hand-off {returned.handoff!r}, which {flow.name} does not have"
            )
        return HandOff(returned.handoff)
    if isinstance(returned.hangup, str) and returned.hangup not in CAUSES:
        near = suggest(returned.hangup, CAUSES)
        raise BadReturn(
            f"returned the hangup cause {returned.hangup!r}, which FreeSWITCH does not know{near}"
        )
    if returned.hangup:
        return HangUp(returned.hangup if isinstance(returned.hangup, str) else "NORMAL_CLEARING")
    if returned.exit_flow:
        return ExitFlow()
    if returned.listen is not None:
        if not engine.step_name:
            raise BadReturn(
                "returned 'listen' before there was a step; write it into the first one"
            )
        try:
            collection = collection_from(
                returned.listen, language=flow.language, escape=engine.escape
            )
        except FlowErrors as errors:
            raise BadReturn(f"returned a listen that can't be used: {errors}") from None
        check = collection.validation.function
        if check is not None and check not in flow.functions:
            near = suggest(check, flow.functions, what="there are")
            raise BadReturn(
                f"returned a listen with the function {check!r}, which does not exist{near}"
            )
        if _is_private(engine, returned.listen):
            collection = replace(collection, is_pii=True)
        return GoToStep(engine.step_name, silent=True, collect=collection)
    return called


def _is_private(engine: Engine, listen: Mapping[str, Any]) -> bool:
    """Whether what is asked in a private step stays private: it does, unless `listen` itself says otherwise."""
    step = engine.flow.steps.get(engine.step_name)
    asked = step.collect if step is not None else None
    dtmf = listen.get("dtmf")
    said = isinstance(dtmf, Mapping) and "is_pii" in dtmf
    return asked is not None and asked.is_pii and not said

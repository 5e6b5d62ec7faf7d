"""What a flow author's functions see: `conv` and `flow`.

The names follow the systems that flow authors come from; where a name was missing or its behaviour was a known fault
(a jump to a step that does not exist was silent), ours says so loudly.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fsflows.conversation.directions import ExitFlow, GoToFlow, GoToStep, HandOff, HangUp
from fsflows.conversation.state import State
from fsflows.flow.causes import CAUSES
from fsflows.flow.errors import suggest
from fsflows.log import Logger
from fsflows.privacy import Pii

if TYPE_CHECKING:
    from fsflows.conversation.engine import Engine
    from fsflows.conversation.history import Turn
    from fsflows.flow.model import Handoff


class UnknownName(ValueError):
    """A step, flow, hand-off or function that does not exist."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        hint = suggest(str(name), sorted(known), what="there are") or "; there are: none"
        super().__init__(f"there is no {kind} named {name!r}{hint}")


class Conversation:
    """One call, as a function sees it.

    Attributes:
        id: the call's id (FreeSWITCH's channel UUID).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.id: str = engine.call.uuid

    def __repr__(self) -> str:
        return f"<Conversation {self.id}>"

    @property
    def log(self) -> Logger:
        """A logger: `conv.log.info("text", key=value)`. PII is hidden."""
        return self._engine.log.bind(source="function")

    @property
    def state(self) -> State:
        """What the call remembers: `conv.state.name`, or `conv.state["name"]`."""
        return self._engine.state

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        self._engine.state = State(values)

    # --- the call ---------------------------------------------------------------------------------------------

    @property
    def caller_number(self) -> str:
        """The caller's number; "" when withheld."""
        return self._engine.call.caller_number

    @property
    def callee_number(self) -> str:
        """The number that was dialled."""
        return self._engine.call.callee_number

    @property
    def sip_headers(self) -> dict[str, str]:
        """Headers of the caller's INVITE, by name (`conv.sip_headers.get("X-Account")`)."""
        return self._engine.call.sip_headers

    @property
    def history(self) -> list[Turn]:
        """What was said so far, oldest first; items have `role` ("user" or "agent") and `text`. A copy."""
        return list(self._engine.history)

    @property
    def language(self) -> str:
        """The current flow's language tag."""
        return self._engine.flow.language

    @property
    def current_flow(self) -> str:
        """The name of the flow that is running."""
        return self._engine.flow.name

    @property
    def metrics(self) -> dict[str, Any]:
        """What `write_metric` has written so far. A copy."""
        return dict(self._engine.metrics)

    @property
    def handoffs(self) -> Mapping[str, Handoff]:
        """The flow's hand-offs, by name."""
        return self._engine.flow.handoffs

    @property
    def functions(self) -> Functions:
        """The flow's other functions: `conv.functions.look_up("12")` (`conv` is passed for you)."""
        return Functions(self)

    # --- doing --------------------------------------------------------------------------------------------------

    def say(self, text: str | Pii) -> None:
        """Say something now, without waiting for its end; what is said next comes after it."""
        self._engine.running.say_text(text)

    def goto_flow(self, name: str) -> None:
        """Go on in another flow, at its first step, when this function has returned.

        Raises:
            UnknownName: there is no such flow.
        """
        if name not in self._engine.flows:
            raise UnknownName("flow", name, self._engine.flows)
        self._engine.running.direct(GoToFlow(name))

    def exit_flow(self) -> None:
        """Leave the current flow when this function has returned: to its `on_exit`, or the call ends."""
        self._engine.running.direct(ExitFlow())

    def call_handoff(
        self, destination: str, reason: str = "", utterance: str | Pii | None = None
    ) -> None:
        """Hand the caller over when this function has returned.

        Args:
            destination: a name under the flow's `handoffs`.
            reason: for the record.
            utterance: what to say first, instead of the hand-off's own words.

        Raises:
            UnknownName: there is no such hand-off.
        """
        if destination not in self._engine.flow.handoffs:
            raise UnknownName("hand-off", destination, self._engine.flow.handoffs)
        if utterance:
            self.say(utterance)
        self._engine.running.direct(HandOff(destination, reason))

    def hang_up(self, cause: str = "NORMAL_CLEARING") -> None:
        """End the call when this function has returned and what was said has been heard.

        Raises:
            UnknownName: FreeSWITCH knows no such cause.
        """
        if cause not in CAUSES:
            raise UnknownName("hangup cause", cause, CAUSES)
        self._engine.running.direct(HangUp(cause))

    def discard_recording(self) -> None:
        """Throw away every recording of this call, for good, now; and let none start again.

        When it returns, every recording of the call is stopped and every file is gone. May be called twice.

        Raises:
            RuntimeError: called in the end function: the call is over, and its recording is being kept.
            DiscardFailed: something could not be deleted; it stays written down and is tried again until it is gone.
        """
        self._engine.running.discard_recording("function")

    def pause_recording(self) -> None:
        """Stop recording for now; `resume_recording` goes on in a new file of the same call."""
        self._engine.running.recordings.pause()

    def resume_recording(self) -> None:
        """Go on recording after `pause_recording`."""
        self._engine.running.recordings.resume()

    def mask_recording(self, on: bool = True) -> None:
        """Record silence instead of the caller (the time line goes on); `mask_recording(False)` ends it.

        It ends 0.6 s later, since FreeSWITCH writes a recording that much late, and when the caller has stopped typing.

        Raises:
            RecordingError: a recording could be neither masked nor stopped.
        """
        if on:
            self._engine.running.recordings.mask()
        else:
            self._engine.running.recordings.unmask_later()

    def write_metric(self, name: str, value: Any = None, write_once: bool = False) -> None:
        """Note something about this call in its record.

        Args:
            name: the metric's name.
            value: anything that fits a record: text, number, truth value or None.
            write_once: keep the first value when it is written again.
        """
        self._engine.running.write_metric(name, value, write_once=write_once)

    def pii(self, value: str) -> Pii:
        """Mark a value as private: it is hidden in logs, records and the history from now on, however it is written."""
        private = self._engine.redactor.add(value)
        self._engine.talk.hide()
        return private

    def collect(self, **settings: Any) -> Any:
        """Ask the caller for digits, here and now; see `fsflows.GetDtmfTask` for the settings and the result."""
        from fsflows.conversation.tasks import GetDtmfTask

        return GetDtmfTask(**settings).run(self)


class FlowHandle:
    """The `flow` argument of a transition function: the flow that is running."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __repr__(self) -> str:
        return f"<Flow {self.name}, step {self.current_step}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self._engine.flow.name

    @property
    def current_step(self) -> str:
        """The step that is running."""
        return self._engine.step_name

    def goto_step(self, name: str, reason: str = "") -> None:
        """Go on at a step of this flow when this function has returned.

        Raises:
            UnknownName: there is no such step.
        """
        if name not in self._engine.flow.steps:
            raise UnknownName("step", name, self._engine.flow.steps)
        self._engine.running.direct(GoToStep(name))
        if reason:
            self._engine.log.debug("step chosen", step=name, reason=reason)


class Functions:
    """The functions of the flow's file, with `conv` (and `flow`) filled in."""

    def __init__(self, conv: Conversation) -> None:
        self._conv = conv

    def __getattr__(self, name: str) -> Callable[..., Any]:
        engine = self._conv._engine
        function = engine.flow.functions.get(name)
        if function is None:
            raise AttributeError(str(UnknownName("function", name, engine.flow.functions)))
        conv = self._conv

        def call(*arguments: Any, **named: Any) -> Any:
            leading = _leading(function, conv, FlowHandle(engine))
            return function(*leading, *arguments, **named)

        return call


def _leading(function: Callable[..., Any], conv: Conversation, flow: FlowHandle) -> tuple[Any, ...]:
    """`conv` and `flow` as far as the function's own first parameters are named so, decorated or not."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    names = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY][:2]
    if names == ["conv", "flow"]:
        return (conv, flow)
    return (conv,) if names[:1] == ["conv"] else ()

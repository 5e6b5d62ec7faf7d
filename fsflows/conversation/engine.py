"""One call through its flows: start function, greeting, steps, end function.

The engine decides where the conversation goes; `turn` asks the caller one thing, `acting` does what an action or a
function's return value says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsflows import spoken
from fsflows.archive.endings import Reason, Result
from fsflows.call import dialled
from fsflows.call.ended import CallEnded, CallFailed, Interrupted
from fsflows.collect.decisions import Key
from fsflows.collect.spec import Escape
from fsflows.collect.trail import Trail
from fsflows.conversation import acting, metrics, turn
from fsflows.conversation.conversation import Conversation, FlowHandle
from fsflows.conversation.directions import (
    Direction,
    ExitFlow,
    GoToFlow,
    GoToStep,
    HandOff,
    HangUp,
)
from fsflows.conversation.ending import Ending, of_ended, of_our_hangup
from fsflows.conversation.history import Turn
from fsflows.conversation.placeholders import fill_target, render
from fsflows.conversation.screening import is_machine
from fsflows.conversation.speaking import Rendered, say
from fsflows.conversation.state import State
from fsflows.conversation.talk import Talk
from fsflows.esl.quoting import UnsafeValue
from fsflows.flow.model import Flow, FlowSet, Prompt, Say
from fsflows.log import bind_call, call_logger
from fsflows.privacy import Pii, Redactor

if TYPE_CHECKING:
    from fsflows.archive.record import RecordBuilder
    from fsflows.call.call import Call
    from fsflows.conversation.functions import Limit, Ran
    from fsflows.conversation.recording import CallRecorder

MAX_STEPS = 1000
"""Steps in one call. A flow that goes round without ever asking the caller would otherwise never end."""

FAREWELL = 2.0
"""Seconds after the hang-up in which the last events of the call are still read."""


class Engine:
    """Runs one call.

    Args:
        call: the caller's leg.
        flow: the flow it starts in.
        flows: all flows, for `goto_flow`.
        recordings: the call's recordings.
        record: where what happens is noted.
        redactor: the call's private values.
        extra_state: first contents of `conv.state` (an outbound call's parameters).
    """

    def __init__(
        self,
        call: Call,
        flow: Flow,
        flows: FlowSet,
        recordings: CallRecorder,
        record: RecordBuilder,
        redactor: Redactor,
        extra_state: Mapping[str, Any] | None = None,
    ) -> None:
        self.call = call
        self.clock = call.clock
        self.flow = flow
        self.flows = flows
        self.recordings = recordings
        self.record = record
        self.redactor = redactor
        self.log = call_logger("conversation", call.uuid, redactor)
        self.talk = Talk(call, record, redactor, recordings)
        self.metrics: dict[str, Any] = {}
        self.step_name = ""
        self.answer_from = 0.0
        """Keys pressed before this time are nobody's: not captured by any step."""
        self.in_end_function = False
        self.last_input = ""
        """What the caller did last, for a discard's receipt: a key, or the word that was said."""
        self.last_digits: str | Pii = ""
        """What the last collection came to, for `{digits}`; empty after silence."""
        self.left_over: tuple[Key, ...] = ()
        """Keys that the last collection did not take: typed ahead for the next."""
        self.trail: Trail | None = None
        """What the last collection leaves to the next one (words that were used already)."""
        self.failed_turns = 0
        self._speech_lost = False
        self.limit: Limit | None = None
        """Of the function that runs now."""
        self.because = Reason.FLOW_ENDED
        """Why the call will have ended, if it ends where it is going now."""
        self._closed = False
        self._direction: Direction | None = None
        self.state = State()
        self.state.update(extra_state or {})
        self.conv = Conversation(self)
        self.flow_handle = FlowHandle(self)
        self._entry = flow
        self._voice = call.voice
        self._take_voice()

    # --- the whole call ---------------------------------------------------------------------------------------

    def run(self) -> Ending:
        """Run the call to its end; never raises. Returns how it ended."""
        ending: Ending
        try:
            ending = self._converse()
        except CallEnded as ended:
            ending = of_ended(ended)
        except Interrupted:
            self.log.warning("the call is ended, because the server stops")
            ending = (Result.FAILED, Reason.DRAINED)
            self._apologise()
        except CallFailed as failed:
            self.log.error("FreeSWITCH failed the call", why=str(failed))
            ending = (Result.FAILED, Reason.SWITCH_ERROR)
        except Exception:
            self.log.exception("conversation failed")
            ending = (Result.FAILED, Reason.INTERNAL_ERROR)
            self._apologise()
        self._close()
        return ending

    def _converse(self) -> Ending:
        self.call.begin_answering()
        self.recordings.ask()  # in one piece with the former
        self.call.answer(meanwhile=self.recordings.arrive)
        self.record.answered()
        if self.call.dialled and self._is_machine():
            self.call.set_variable(dialled.STATE, dialled.MACHINE)
            self.call.hang_up()
            return Result.UNANSWERED, Reason.MACHINE
        if uses_speech(self.flow):
            self.call.prepare_speech()
        self.recordings.begin(self.flow, step="")
        direction = self._start()
        for _ in range(MAX_STEPS):
            ending = None
            match direction:
                case GoToStep():
                    direction = self._step(direction)
                case GoToFlow(name):
                    self.enter(name)
                    direction = GoToStep(self.flow.first_step)
                case ExitFlow():
                    action = self.flow.on_exit
                    direction = (acting.act(self, action) if action else None) or HangUp()
                case HandOff():
                    direction, ending = self._hand_off(direction)
                case HangUp(cause):
                    self.call.stop_on_keys("")
                    self.call.finish_playing()
                    self.call.hang_up(cause)
                    ending = of_our_hangup(self.because)
            if ending is not None:
                return ending
        self.log.error("flow goes round in circles", flow=self.flow.name, steps=MAX_STEPS)
        self._apologise()
        return Result.FAILED, Reason.FLOW_ERROR

    def _is_machine(self) -> bool:
        """Of a call that we made: say that it has arrived here, and look who answered it."""
        self.call.set_variable(dialled.STATE, dialled.TAKEN)
        if not self.call.hangs_up_on_machine:
            return False
        machine = is_machine(self.call)
        self.record.noted("an answering machine" if machine else "answered by a person")
        if not uses_speech(self.flow):
            self.call.dismiss_recogniser()
        return machine

    def _start(self) -> Direction:
        returned: Direction | None = None
        greeting: Rendered | None = None
        name = self.flow.start_function
        # Without being told, FreeSWITCH stops what it plays at a star.
        self.call.stop_on_keys("")
        if name:
            # The utterance is the greeting, which has rules of its own: it is not said on the way.
            outcome = acting.run_function(self, name, with_flow=False, speak=False)
            returned = outcome.direction
            if outcome.failed:
                return returned or HangUp()
            if outcome.utterance is not None:
                greeting = say(outcome.utterance)
        self.answer_from = self.clock.now()
        self.left_over = tuple(key for key in self.left_over if key.at >= self.answer_from)
        if greeting is None:
            greeting = render(self, self.flow.greeting)
        self.call.stop_on_keys("")
        self.talk.speak(greeting)
        direction = returned or GoToStep(self.flow.first_step)
        if greeting.sounds and not self._hears_greeting(direction):
            # The greeting plays before capture begins (MISSION P4).
            self.call.finish_playing()
            self.answer_from = self.clock.now()
        return direction

    def _hears_greeting(self, direction: Direction) -> bool:
        """Whether the step that a call begins with listens while the greeting plays."""
        match direction:
            case GoToStep(name):
                step = self.flow.steps[name]
            case GoToFlow(name):
                step = self.flows[name].steps[self.flows[name].first_step]
            case _:
                return False
        return step.collect is not None and step.collect.during_greeting

    def _step(self, visit: GoToStep) -> Direction:
        self.step_name = visit.name
        step = self.flow.steps[visit.name]
        self.recordings.begin(self.flow, step=visit.name)
        self.record.entered(visit.name, self.flow.name)
        return turn.take(self, step, visit)

    def _hand_off(self, target: HandOff) -> tuple[Direction, Ending | None]:
        handoff = self.flow.handoffs[target.name]
        self.talk.speak(render(self, handoff.say))
        self.call.stop_on_keys("")
        self.call.finish_playing()
        self.record.handoff(target.name, handoff.method, target.reason)
        self.log.info("hand-off", name=target.name, method=handoff.method, reason=target.reason)
        try:
            match handoff.method:
                case "bridge":
                    self.call.bridge(fill_target(self, handoff.target))
                case "refer":
                    self.call.refer(fill_target(self, handoff.target))
                case _:
                    self.call.transfer(fill_target(self, handoff.target))
        except (CallFailed, UnsafeValue) as failed:
            self.log.warning("hand-off failed", name=target.name, why=str(failed))
            self.because = Reason.HANDOFF_FAILED
            if self.call.ended is not None:
                return target, (Result.FAILED, Reason.HANDOFF_FAILED)
            self.talk.speak(render(self, self.apology))
            return HangUp("NORMAL_TEMPORARY_FAILURE"), None
        escaped = self.because is Reason.ESCAPED
        return target, (Result.HANDED_OFF, self.because if escaped else Reason.HANDED_OFF)

    def _close(self) -> None:
        """After the call: the last events, the end function, the recordings, the record."""
        self._quietly("hang-up", self.call.hang_up)
        self._quietly("last events", self.call.linger, FAREWELL)
        self.talk.take_asides()
        self.in_end_function = True
        self.recordings.close()
        if self._entry.end_function:
            self.flow = self._entry
            self._quietly("end function", acting.run_end_function, self)
        self._quietly("recordings", self.recordings.finish)

    def _quietly(self, what: str, function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except CallEnded:
            pass
        except Exception:
            self.log.exception("after the call", what=what)

    def _apologise(self) -> None:
        def apologise() -> None:
            self.call.stop_on_keys("")
            self.call.stop_playing()
            self.talk.speak(render(self, self.apology))
            self.call.finish_playing()

        self._quietly("apology", apologise)

    def close(self) -> None:
        """No function runs any more: an engine is known to its functions' `conv`, and no longer the other way round."""
        self._closed = True
        del self.conv, self.flow_handle

    @property
    def running(self) -> Engine:
        """The engine, for what only a conversation that goes on can be told.

        Raises:
            CallEnded: it is over: whoever asks is a task that a function has left behind.
        """
        if self._closed:
            raise (self.call.ended or CallEnded()).again()
        return self

    # --- what the other parts use -----------------------------------------------------------------------------

    @property
    def history(self) -> list[Turn]:
        """What was said so far."""
        return self.talk.history

    @property
    def escape(self) -> Escape:
        """The way out of whatever asks the caller in this step: the flow's, unless the step has none."""
        step = self.flow.steps.get(self.step_name)
        collected = step.collect if step is not None else None
        return self.flow.escape if collected is None else collected.escape

    @property
    def apology(self) -> Prompt:
        """What is said when something of ours failed."""
        return self.flow.apology or (Say(spoken.phrases(self.flow.sentences)["apology"]),)

    def enter(self, name: str) -> None:
        """Make another flow the current one."""
        self.flow = self.flows[name]
        self.log.info("flow entered", flow=name)
        self._take_voice()
        if uses_speech(self.flow):
            self.call.prepare_speech()

    def _take_voice(self) -> None:
        own = self.flow.voice
        voice = dataclasses.replace(self._voice, **own) if own else self._voice
        if voice != self.call.voice:
            self.call.finish_playing()  # what waits there was written for the voice before
            self.call.voice = voice

    def direct(self, direction: Direction) -> None:
        """A function said where to go next; the last word counts."""
        self._direction = direction

    def take_direction(self) -> Direction | None:
        """What a function said with `goto_step` and the like since the last call, once."""
        direction, self._direction = self._direction, None
        return direction

    def note_function(self, name: str, ran: Ran) -> None:
        """A function of the flow has run."""
        self.talk.take_asides()
        self.record.function(name, ran.seconds, ran.failure.noted if ran.failure else None)
        labels = (self.flow.name, name)
        metrics.FUNCTION_SECONDS.labels(*labels).observe(ran.seconds)
        if ran.failure is not None:
            metrics.FUNCTION_ERRORS.labels(*labels).inc()

    def bind_log(self) -> None:
        """In a task of this call: every log line of it carries the call's id, and hides its private values."""
        bind_call(self.call.uuid, self.redactor)

    def limited(self, limit: Limit) -> None:
        """A function runs, and may take so long."""
        self.limit = limit

    def say_text(self, text: str | Pii) -> None:
        """`conv.say`."""
        if not isinstance(text, str | Pii):
            raise TypeError(f"say() takes a text, got {type(text).__name__}")
        self.talk.speak(say(text))

    def write_metric(self, name: str, value: Any, *, write_once: bool = False) -> None:
        """`conv.write_metric`."""
        if write_once and name in self.metrics:
            return
        self.metrics[name] = value
        self.record.metric(name, value)

    def speech_lost(self, why: str) -> None:
        """The recogniser is gone: the call goes on with keys. Said once a call."""
        if not self._speech_lost:
            self._speech_lost = True
            metrics.SPEECH_LOST.inc()
            self.log.warning("speech recognition lost; going on with keys", why=why)
            self.record.noted("speech recognition lost")

    def discard_recording(self, why: str) -> None:
        """Discard the call's recordings, now.

        Raises:
            RuntimeError: in the end function.
        """
        if self.in_end_function:
            raise RuntimeError(
                "discard_recording() can't be called in the end function: the call is over and its recording is "
                "being kept; call it in a step's function or in an `on:` row"
            )
        # What was said may have become private since: a function may have marked it.
        trigger = self.redactor.text(self.last_input or why)
        self.recordings.discard(flow=self.flow.name, step=self.step_name, trigger=trigger)


def uses_speech(flow: Flow) -> bool:
    """Whether any step of a flow listens for speech."""
    return any(step.collect and step.collect.speech for step in flow.steps.values())

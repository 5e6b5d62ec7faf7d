"""One step: ask the caller, and listen.

`fsflows.collect` decides when a key counts, when the caller has finished and when to ask again; this drives it with
what happens on the call. Where its result leads: `routing`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fsflows.archive.endings import Reason
from fsflows.call.ended import CallEnded
from fsflows.call.happenings import Happening, Heard, KeyPressed, PlaybackEnded, SpeechLost
from fsflows.collect import todo as ladder
from fsflows.collect.decisions import Ignored, Key, StopPrompt
from fsflows.collect.dialogue import Dialogue
from fsflows.collect.listener import Listener
from fsflows.collect.result import CollectionResult
from fsflows.collect.spec import BargeIn, Collection, Outcome
from fsflows.conversation import acting, functions, metrics
from fsflows.conversation.directions import Direction, GoToStep, HangUp
from fsflows.conversation.ending import GIVEN_UP, reason_after
from fsflows.conversation.history import UserInput
from fsflows.conversation.phrases import Question, literal, prompt_for, values
from fsflows.conversation.placeholders import render
from fsflows.conversation.recording import StepMask
from fsflows.conversation.routing import after
from fsflows.flow.model import Retry, Say, Step
from fsflows.privacy import Pii
from fsflows.recordings.freeswitch.control import RecordingError
from fsflows.spoken import Alternative

if TYPE_CHECKING:
    from fsflows.conversation.engine import Engine


class ValidationFailed(Exception):
    """A flow's validation function could not be used."""

    def __init__(self, failure: functions.Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def take(engine: Engine, step: Step, visit: GoToStep) -> Direction:
    """Run a step to where it leads."""
    prompt = () if visit.silent else step.prompt
    spec = visit.collect or step.collect
    if spec is None:
        engine.talk.speak(render(engine, prompt))
        return after(engine, step, None)
    question = Question(step, spec, step.retry, prompt)
    if visit.collect is not None:
        # The function has asked in its own words: the step's are about something else.
        asked = replace(step, prompt=(), retry=Retry(attempts=step.retry.attempts))
        question = Question(asked, spec, asked.retry, prompt)
    try:
        result = collect(engine, question)
    except (RecordingError, ValidationFailed) as error:
        failure = getattr(error, "failure", None) or functions.Failure("recording", str(error))
        return acting.fail(engine, failure).direction or HangUp()
    direction = after(engine, step, result)
    goes_on = step.retry.then is None and not isinstance(direction, HangUp)
    if goes_on and engine.because in GIVEN_UP:
        # Without a `then`, the flow takes silence for an answer ("press 1 to opt out, or stay on the line").
        engine.because = Reason.FLOW_ENDED
    return direction


def ask(engine: Engine, spec: Collection, *, prompt: str, attempts: int) -> CollectionResult:
    """Ask for digits from inside a function; the time is the caller's, not the function's.

    Raises:
        CallEnded: the caller hung up.
    """
    limit = engine.limit
    if limit is not None:
        limit.suspend()
    try:
        step = Step(name=engine.step_name, prompt=(Say(literal(prompt)),) if prompt else ())
        spec = replace(spec, escape=engine.escape)
        return collect(engine, Question(step, spec, Retry(attempts=attempts), step.prompt))
    finally:
        if limit is not None:
            limit.resume()


def collect(engine: Engine, question: Question) -> CollectionResult:
    """Ask until there is an answer, or the attempts are used up.

    Raises:
        CallEnded: the caller hung up; what there was is in the history.
        RecordingError: the step is private, and a recording could not be masked.
        ValidationFailed: the flow's validation function raised or hung; what it was given is in the history.
    """
    spec = question.spec
    mask = StepMask(engine.recordings)
    if spec.is_pii:
        mask.put_on()
    started = engine.clock.now()
    dialogue = Dialogue(
        spec,
        attempts=question.retry.attempts,
        keys_only_after=question.retry.keys_only_after,
        language=engine.flow.sentences,
        trail=engine.trail,
    )
    try:
        result = _drive(engine, dialogue, question, mask)
    except CallEnded:
        result = dialogue.hang_up(engine.clock.now())
        _note(engine, question.step.name, result, started)
        if Outcome.HANGUP in question.step.on:
            acting.act(engine, question.step.on[Outcome.HANGUP])
        raise
    except (RecordingError, ValidationFailed):
        if (answer := dialogue.break_off()) is not None:
            _note(engine, question.step.name, answer, started)
        raise
    finally:
        engine.call.stop_listening()
        done = dialogue.result  # none: it broke off, and nobody knows
        mask.take_off(speaking=done is None or done.trail.speaking(engine.clock.now()))
    _note(engine, question.step.name, result, started)
    return result


def _drive(
    engine: Engine, dialogue: Dialogue, question: Question, mask: StepMask
) -> CollectionResult:
    call = engine.call
    typed = engine.left_over + _typed_ahead(engine)
    engine.left_over = ()
    while True:
        todo = dialogue.next(
            engine.clock.now(),
            prompt_playing=call.playing,
            typed_ahead=typed,
            speech_ended_at=call.speech_ended_at,
            spoke_at=call.spoke_at,
        )
        typed = ()
        match todo:
            case ladder.Prompt():
                if dialogue.spec.speech is not None:
                    call.prepare_speech()  # behind the prompt it would hear nothing of what is said over it
                call.stop_on_keys(_listed(dialogue.interrupting_keys))
                prompt = prompt_for(question, todo, engine.flow.sentences)
                engine.talk.speak(render(engine, prompt, values(todo)))
            case ladder.Listen(listener):
                if dialogue.spec.speech is not None:
                    call.listen()
                else:
                    call.stop_listening()
                _listen(engine, listener, mask)
                call.stop_listening()
                _protect(engine, listener.result)
                typed = _typed_ahead(engine)
            case ladder.Validate(digits, name):
                dialogue.validated(*_validate(engine, name, digits))
                typed = _typed_ahead(engine)  # nobody has been asked anything since
            case ladder.Done(result):
                engine.left_over = tuple(dialogue.left_over)
                return result


@lru_cache(256)
def _listed(keys: frozenset[str]) -> str:
    return "".join(sorted(keys))


def _listen(engine: Engine, listener: Listener[Any], mask: StepMask) -> None:
    key: str | None = None
    happened_at: float | None = None
    ignored = stopped = False
    last_words: Heard | None = None
    words = metrics.Words()
    while True:
        for decision in listener.decisions():
            if isinstance(decision, StopPrompt):
                stopped = True
                engine.call.stop_playing(key, since=happened_at)
            elif isinstance(decision, Ignored):
                ignored = True
                engine.log.debug("key ignored", why=str(decision.why))
            elif listener.spec.barge_in is BargeIn.COLLECT:
                # With a digit before it, an escape key is a digit, and the prompt plays on.
                escapes = listener.spec.escape.keys if not decision.digits else frozenset()
                engine.call.stop_on_keys(_listed(escapes))
        if listener.result is not None:
            words.answered(engine.clock.now())
            if last_words is not None:
                # A partial was enough: no final will be noted.
                _note_words(engine, listener, last_words)
            return
        if listener.spec.is_pii:
            mask.put_on()  # what was heard may have begun in a private step, and made this one private, too
        happening = engine.call.wait(listener.deadline)
        happened_at = happening.at if happening is not None else None
        if isinstance(happening, Heard):
            last_words = None if happening.final else happening
            words.heard(happening.text, happening.at)
        key = None
        if isinstance(happening, KeyPressed):
            key = happening.key
            words.forget()
        if (
            isinstance(happening, PlaybackEnded)
            and happening.playback.cut
            and ignored
            and not stopped
        ):
            # To FreeSWITCH all keys are alike: the other report of a press, or one digit too many, has stopped it.
            engine.talk.say_again(happening.playback)
        else:
            _feed(engine, listener, happening)


def _feed(
    engine: Engine,
    listener: Listener[Any],
    happening: Happening | None,
) -> None:
    # Most are keys, and `match` would ask for each of their fields by name.
    if isinstance(happening, KeyPressed):
        _feed_key(engine, listener, happening)
        return
    match happening:
        case None:
            listener.advance(engine.clock.now())
        case Heard(texts, final, at):
            if not final:
                listener.partial(texts[0][0], at)
                return
            _note_words(engine, listener, happening)
            listener.final([Alternative(text, score, words) for text, score, words in texts], at)
        case SpeechLost(at, why):
            engine.speech_lost(why)
            listener.speech_lost(at)
        case PlaybackEnded(_, at):
            if not engine.call.playing:
                listener.prompt_ended(at)
        case _:
            pass


def _feed_key(engine: Engine, listener: Listener[Any], pressed: KeyPressed) -> None:
    key, at, source = pressed.key, pressed.at, pressed.source
    if at < engine.answer_from:
        return
    hide = listener.hides_key(key, at, source, pressed.held)
    listener.key(key, at, source, pressed.held)
    hide = hide or listener.spec.is_pii  # the key itself may have made it private
    engine.record.heard(Pii(key) if hide else key, "keys", at)


def _protect(engine: Engine, result: object) -> None:
    """What was private is taken out of everything from here on, also out of what a validation function writes."""
    for name in ("digits", "heard"):
        text = getattr(result, name, "")
        if isinstance(text, Pii) and text:
            engine.redactor.add(text)


def _note_words(engine: Engine, listener: Listener[Any], words: Heard) -> None:
    text, score, _ = words.texts[0]
    hide = listener.hides_speech(text, words.at, final=words.final)
    engine.record.heard(Pii(text) if hide else text, "speech", words.at, score)


def _typed_ahead(engine: Engine) -> tuple[Key, ...]:
    """Keys that came while nobody listened. A hang-up is not told of here: an answer that came before it stands."""
    keys: list[Key] = []
    while True:
        try:
            happening = engine.call.wait(engine.clock.now())
        except CallEnded:
            happening = None
        if happening is None:
            return tuple(keys)
        if isinstance(happening, KeyPressed) and happening.at >= engine.answer_from:
            keys.append(Key(happening.key, happening.at, happening.source, happening.held))
        elif isinstance(happening, SpeechLost):
            engine.speech_lost(happening.why)


# --- what it came to ------------------------------------------------------------------------------------------------


def _note(engine: Engine, step: str, result: CollectionResult, started: float) -> None:
    engine.trail = result.trail
    _protect(engine, result)
    # None after silence: an earlier step's would be taken for this one's.
    engine.last_digits = result.digits
    said = result.digits or result.heard
    engine.talk.heard(
        UserInput(
            said,
            str(result.outcome),
            str(result.source),
            step,
            how=str(result.how),
            confidence=result.confidence,
            attempts=result.attempts,
            alternatives=tuple(each.text for each in result.alternatives),
        )
    )
    if said:
        engine.last_input = str(said)
    engine.because = reason_after(result.outcome)
    answered = result.outcome in (Outcome.COMPLETE, Outcome.ESCAPED)
    engine.failed_turns = 0 if answered else engine.failed_turns + 1
    seconds = round(engine.clock.now() - started, 3)
    labels = (engine.flow.name, step)
    metrics.collected(*labels, str(result.outcome), str(result.source), result.attempts)
    engine.record.collected(
        step,
        str(result.outcome),
        result.digits or "",
        str(result.source),
        confidence=result.confidence,
        attempts=result.attempts,
        seconds=seconds,
    )
    engine.log.info(
        "collected",
        step=step,
        outcome=str(result.outcome),
        digits=result.digits or "",
        how=str(result.how),
        source=str(result.source),
        attempts=result.attempts,
    )


def _validate(engine: Engine, name: str, digits: str | Pii) -> tuple[bool, str]:
    ran = acting.call(engine, name, (engine.conv, digits))
    if ran.failure is None and not isinstance(ran.value, bool | str | Pii | None):
        kind = type(ran.value).__name__
        what = (
            f"returned a value of type {kind}; return True, False or a text that says what is wrong"
        )
        ran = replace(ran, failure=acting.useless(engine, name, what))
    engine.note_function(name, ran)
    if ran.failure is not None:
        raise ValidationFailed(ran.failure)
    return ran.value is True, str(ran.value) if isinstance(ran.value, str | Pii) else ""

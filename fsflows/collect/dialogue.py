"""A step's whole dialogue: ask, listen, validate, read back, ask again, up to a cap. A state machine without I/O.

Whoever has the call asks what is next, and does it. This is all there is to driving one; `call` stands for whatever
plays and waits:

    def collect(call, dialogue, prompts):
        while True:
            typed = call.typed_ahead()  # keys that came while nobody listened; none is given twice
            todo = dialogue.next(call.now(), prompt_playing=call.is_playing(), typed_ahead=typed)
            match todo:
                case Prompt():  # begin to play it, and don't wait: whoever listens stops it
                    call.play(prompts(todo))
                case Listen(listener):
                    obey(call, listener)
                    while listener.result is None:
                        hear(listener, call.wait(until=listener.deadline), call.now())
                        obey(call, listener)
                case Validate(digits, name):
                    dialogue.validated(*call.run(name, digits))
                case Done(result):
                    return result

    def hear(listener, event, now):
        match event:
            case ("key", key, at, source): listener.key(key, at, source)
            case ("partial", text, at): listener.partial(text, at)
            case ("final", alternatives, at): listener.final(alternatives, at)
            case ("speech_lost", at): listener.speech_lost(at)
            case ("prompt_ended", at): listener.prompt_ended(at)
            case ("hangup", at): listener.hangup(at)
            case None: listener.advance(now)  # the deadline

    def obey(call, listener):
        for decision in listener.decisions():
            if isinstance(decision, StopPrompt):
                call.stop_playing()

`call.wait` must give what has already happened before it looks at the clock: then a slow server cuts nobody off. When
the call ends while nobody listens, `Dialogue.hang_up` gives the result that there is.

Keys that were typed ahead count for the next question, unless an attempt has failed by more than silence: the caller
does not know that yet, so what was pressed before the next prompt, and on the heels of it, answers nothing that was
asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from fsflows.collect.buffer import EMPTY, Buffer, Part
from fsflows.collect.collector import Collector
from fsflows.collect.confirm import Confirmer, Reply, Verdict, is_asked, read_back
from fsflows.collect.decisions import Key
from fsflows.collect.result import Attempt, CollectionResult, How, plain
from fsflows.collect.spec import BargeIn, Collection, Outcome, Speech
from fsflows.collect.todo import Done, Listen, Prompt, PromptKind, Todo, Validate
from fsflows.collect.trail import Trail
from fsflows.collect.validate import Failure, Reason
from fsflows.spoken import Alternative


class _State(Enum):
    ASK = auto()
    LISTEN = auto()
    VALIDATE = auto()
    CONFIRM = auto()
    LISTEN_CONFIRM = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class _Correction:
    """What the next attempt begins with."""

    said: tuple[Alternative, ...] = field(default=(), repr=False)
    keyed: tuple[Key, ...] = ()
    kept: Buffer = EMPTY


_NONE = _Correction()


class Dialogue:
    """The ladder of one step.

    Args:
        spec: what to collect.
        attempts: how often the caller is asked, the first time included.
        keys_only_after: after so many failures only keys count; None: never.
        language: in which digits are read back; None: that of the speech settings.
        trail: of the collection before in this call (`CollectionResult.trail`).

    Raises:
        ValueError: `attempts` is less than 1.
    """

    def __init__(
        self,
        spec: Collection,
        *,
        attempts: int = 3,
        keys_only_after: int | None = None,
        language: str | None = None,
        trail: Trail | None = None,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be 1 or more, got {attempts}")
        self.spec = spec
        self._attempts = attempts
        self._keys_only_after = keys_only_after
        self._language = language or (spec.speech or Speech()).language
        self._trail = trail or Trail()
        self._speech_at = (float("-inf"), float("-inf"))
        self._state = _State.ASK
        self._prompt = Prompt(kind=PromptKind.FIRST, attempt=1)
        self._listener: Collector | Confirmer | None = None
        self._log: list[Attempt] = []
        self._failures = 0
        self._corrections = 0
        self._asked = 0
        self._confirmed: bool | None = None
        self._correction = _NONE
        self._over: tuple[Key, ...] = ()
        self._verdict: tuple[bool, str] | None = None
        self.result: CollectionResult | None = None

    def __repr__(self) -> str:
        return f"<Dialogue {self._state.name.lower()}, attempt {len(self._log) + 1}>"

    def next(
        self,
        at: float,
        *,
        prompt_playing: bool = False,
        typed_ahead: Sequence[Key] = (),
        speech_ended_at: float = float("-inf"),
        spoke_at: float = float("-inf"),
    ) -> Todo:
        """What to do now. Asked again before that is done, it says the same again.

        Args:
            at: the clock's seconds.
            prompt_playing: whether a prompt plays right now: silence counts from its end.
            typed_ahead: keys that came while nobody listened, oldest first. Each is taken once.
            speech_ended_at: when somebody last stopped speaking, whether anybody listened or not.
            spoke_at: the recogniser's last partial result, likewise.
        """
        self._speech_at = (speech_ended_at, spoke_at)
        self._over = (*self._over, *typed_ahead)
        while True:
            todo = self._step(at, prompt_playing=prompt_playing)
            if todo is not None:
                return todo

    def validated(self, ok: bool, say: str = "") -> None:
        """What the flow's function made of the digits; `say` goes into the next prompt when it refused them."""
        self._verdict = (ok, say)

    @property
    def interrupting_keys(self) -> frozenset[str]:
        """The keys that stop the next prompt: those that mean something in it, without an end key that may still be
        pressed for the answer before (see `Trail.end_keys`). None after a failure, be it of the step before, when the
        first keys may go on with the answer that has failed: FreeSWITCH can't tell, so the listener stops the prompt
        (`StopPrompt`).
        """
        if self._trail.failed:
            return frozenset()
        keys = self.spec.interrupting_keys
        if self._state is _State.LISTEN_CONFIRM and self.spec.barge_in is BargeIn.INTERRUPT:
            keys = self.spec.replying_keys
        return keys - self._trail.end_keys

    @property
    def left_over(self) -> tuple[Key, ...]:
        """Keys that came after the end: typed ahead for the next step."""
        return self._over

    def hang_up(self, at: float) -> CollectionResult:
        """The call is over, whatever was going on: the result, with everything there is."""
        if self.result is None and self._listener is not None:
            self._listener.hangup(at)
            self._step(at, prompt_playing=False)
        if self.result is None:
            gone = Attempt(outcome=Outcome.HANGUP, how=How.HANGUP, started_at=at, ended_at=at)
            last = self._log[-1] if self._log else gone
            self._finish(replace(last, outcome=Outcome.HANGUP, how=How.HANGUP))
        assert self.result is not None
        return self.result

    def break_off(self) -> CollectionResult | None:
        """Something of ours has failed behind an answer (its validation, its read-back): nobody asks any further.

        Returns:
            The answer, which is no match; None: there is none, or the caller is being listened to.
        """
        if self.result is None and self._log and self._listener is None:
            last = self._log[-1]
            if last.outcome is Outcome.COMPLETE:
                failure = last.failure
                if self._state is _State.VALIDATE:
                    name = self.spec.validation.function
                    failure = Failure(Reason.FUNCTION, f"not judged by {name}")
                self._log[-1] = replace(last, outcome=Outcome.NO_MATCH, failure=failure)
            self._finish()
        return self.result

    # --- the steps: each gives something to do, or None when the state has changed and is to be looked at again ---

    def _step(self, at: float, *, prompt_playing: bool) -> Todo | None:
        match self._state:
            case _State.ASK | _State.CONFIRM:
                asks = self._state is _State.ASK
                self._state = _State.LISTEN if asks else _State.LISTEN_CONFIRM
                return self._prompt
            case _State.LISTEN | _State.LISTEN_CONFIRM:
                return self._listen(at, prompt_playing=prompt_playing)
            case _State.VALIDATE:
                return self._validate()
            case _State.DONE:
                assert self.result is not None
                return Done(self.result)

    def _listen(self, at: float, *, prompt_playing: bool) -> Todo | None:
        listener = self._listener
        if listener is None:
            opened = self._open(at, prompt_playing=prompt_playing)
            self._listener = opened
            return Listen(opened)
        if listener.result is None:
            return Listen(listener)
        self._listener = None
        if listener.spec.is_pii and not self.spec.is_pii:  # what was keyed turned out to be
            self.spec = replace(self.spec, is_pii=True)
        self._over = (*listener.left_over, *self._over)
        self._trail = listener.result.trail
        if isinstance(listener.result, Attempt):
            self._attempted(listener.result)
        else:
            self._replied(listener.result)
        return None

    def _open(self, at: float, *, prompt_playing: bool) -> Collector | Confirmer:
        typed, self._over = self._over, ()
        ended_at, spoke_at = self._speech_at
        patience = (self.spec.speech or Speech()).partial_timeout
        trail = self._trail.after_speech(ended_at, spoke_at + patience)
        if self._state is _State.LISTEN_CONFIRM:
            return Confirmer(
                self.spec,
                self._log[-1].digits,
                opened_at=at,
                prompt_playing=prompt_playing,
                typed_ahead=typed,
                trail=trail,
            )
        correction, self._correction = self._correction, _NONE
        return Collector(
            self.spec,
            opened_at=at,
            prompt_playing=prompt_playing,
            typed_ahead=typed,
            after_failure=trail.failed and bool(self._log),
            trail=trail,
            said_ahead=correction.said,
            keyed_ahead=correction.keyed,
            kept=correction.kept,
        )

    def _attempted(self, attempt: Attempt) -> None:
        self._log.append(attempt)
        self._confirmed = None
        self._asked = 0
        if attempt.outcome in (Outcome.HANGUP, Outcome.ESCAPED):
            self._finish()
        elif attempt.outcome is not Outcome.COMPLETE:
            self._fail(PromptKind(attempt.outcome.value))
        elif self.spec.validation.function is not None:
            self._state = _State.VALIDATE
        else:
            self._confirm_or_finish()

    def _validate(self) -> Todo | None:
        function = self.spec.validation.function
        assert function is not None
        if self._verdict is None:
            return Validate(self._log[-1].digits, function)
        (ok, say), self._verdict = self._verdict, None
        if ok:
            self._confirm_or_finish()
        else:
            failure = Failure(Reason.FUNCTION, f"refused by {function}")
            self._log[-1] = replace(self._log[-1], outcome=Outcome.NO_MATCH, failure=failure)
            self._fail(PromptKind.NO_MATCH, say)
        return None

    def _confirm_or_finish(self) -> None:
        if is_asked(self.spec, self._log[-1]):
            self._ask_to_confirm()
        else:
            self._finish()

    def _ask_to_confirm(self) -> None:
        self._asked += 1
        self._confirmed = False
        self._state = _State.CONFIRM
        last = self._log[-1]
        self._prompt = Prompt(
            kind=PromptKind.CONFIRM,
            attempt=self._asked,
            read_back=read_back(self.spec, last.digits, self._language, last.phrase),
        )

    def _replied(self, reply: Reply) -> None:
        match reply.verdict:
            case Verdict.YES:
                self._confirmed = True
                self._finish()
            case Verdict.HANGUP:
                self._end_as(Outcome.HANGUP, How.HANGUP)
            case Verdict.ESCAPED:
                self._end_as(Outcome.ESCAPED, reply.how or How.ESCAPE_KEY)
            case Verdict.CORRECTION if self._corrections < self._attempts:
                self._corrections += 1
                self._correct(reply)
            case Verdict.CORRECTION | Verdict.NO:
                # A correction too many is a refusal; the keys that follow its first one are typed ahead.
                self._correction = _Correction(keyed=reply.keyed)
                self._unconfirmed(How.REFUSED)
            case Verdict.UNCLEAR | Verdict.SILENCE:
                if self._asked < self.spec.confirmation.asks:
                    self._ask_to_confirm()
                else:
                    self._unconfirmed(How.UNCONFIRMED)

    def _correct(self, reply: Reply) -> None:
        """A correction is no failure of the ladder: the caller has answered."""
        last = self._log[-1]
        self._log[-1] = replace(last, outcome=Outcome.NO_MATCH, how=How.REFUSED)
        part = Part(last.source, plain(last.digits), last.confidence)
        kept = Buffer((part,) if reply.edits else ())
        self._correction = _Correction(reply.said, reply.keyed, kept)
        self._state = _State.LISTEN

    def _unconfirmed(self, how: How) -> None:
        self._log[-1] = replace(self._log[-1], outcome=Outcome.NO_MATCH, how=how)
        self._fail(PromptKind.REFUSED if how is How.REFUSED else PromptKind.NO_MATCH)

    def _fail(self, kind: PromptKind, say: str = "") -> None:
        self._failures += 1
        # Who refuses the digits that were read knows that they are asked for again, and may type them at once. And what
        # comes after silence goes on with nothing: it is the answer, a moment late.
        failed = kind not in (PromptKind.REFUSED, PromptKind.NO_INPUT)
        self._trail = replace(self._trail, failed=failed)
        if self._failures >= self._attempts:
            self._finish()
            return
        because = kind if kind is PromptKind.NO_INPUT else PromptKind.NO_MATCH
        after = self._keys_only_after
        if after is not None and self._failures >= after and self.spec.speech is not None:
            self.spec = replace(self.spec, speech=None)
            kind = PromptKind.KEYS_ONLY
        self._state = _State.ASK
        self._prompt = Prompt(kind=kind, attempt=self._failures + 1, because=because, say=say)

    def _end_as(self, outcome: Outcome, how: How) -> None:
        self._log[-1] = replace(self._log[-1], outcome=outcome, how=how)
        self._finish()

    def _finish(self, last: Attempt | None = None) -> None:
        last = last or self._log[-1]
        self._state = _State.DONE
        self.result = CollectionResult(
            outcome=last.outcome,
            digits=last.digits,
            how=last.how,
            source=last.source,
            confidence=last.confidence,
            alternatives=last.alternatives,
            heard=last.heard,
            failure=last.failure,
            attempts=len(self._log),
            attempts_log=tuple(self._log),
            confirmed=self._confirmed,
            trail=self._trail,
        )

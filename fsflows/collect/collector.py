"""The collector: keys, speech and time go in; what to do, and one result, come out. No I/O, no clock of its own.

    collector = Collector(spec, opened_at=now, prompt_playing=True)

It is driven as every `Listener` is, and its result is an `Attempt`. `docs/timers.md` draws the time line,
`docs/collecting.md` lists the settings.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsflows.collect.answer import Answer
from fsflows.collect.buffer import EMPTY, Buffer
from fsflows.collect.decisions import Cause, Echo, Key, Why
from fsflows.collect.endings import is_only_value, outcome
from fsflows.collect.hearing import Change
from fsflows.collect.listener import Listener
from fsflows.collect.result import Attempt, Heard, How, Text, as_heard, private
from fsflows.collect.spec import LETTERS, BargeIn, Collection, Source, TypeAhead
from fsflows.collect.timers import Due, TimeLine, Timer
from fsflows.collect.trail import TYPING, Trail
from fsflows.spoken import Alternative

_MOST_HEARD = 100
_HOW_SILENCE = {
    Source.NONE: How.FIRST_DIGIT_TIMEOUT,
    Source.KEYS: How.INTER_DIGIT_TIMEOUT,
    Source.SPEECH: How.END_OF_SPEECH,
}


class Collector(Listener[Attempt]):
    """One attempt at a step's digits.

    Args:
        spec: what to collect.
        opened_at: when capture opened.
        prompt_playing: whether a prompt plays; silence counts from its end.
        typed_ahead: keys pressed since the listener before ended; kept or flushed as the spec says.
        after_failure: the attempt before has failed, which the caller is only now being told: keys typed ahead are
            flushed. They were meant for the attempt before.
        trail: of the listener before (`Attempt.trail`, `CollectionResult.trail`).
        said_ahead: what was said already, as the recogniser's alternatives (the rest of "no, five five ...").
        keyed_ahead: keys that belong to this attempt already, whatever becomes of those typed ahead.
        kept: what `said_ahead` edits ("no wait, five").
    """

    def __init__(
        self,
        spec: Collection,
        *,
        opened_at: float,
        prompt_playing: bool,
        typed_ahead: Sequence[Key] = (),
        after_failure: bool = False,
        trail: Trail | None = None,
        said_ahead: Sequence[Alternative] = (),
        keyed_ahead: Sequence[Key] = (),
        kept: Buffer | None = None,
    ) -> None:
        time = TimeLine(spec, opened_at, None if prompt_playing else opened_at)
        super().__init__(spec, trail or Trail(), time)
        self._answer = Answer(spec, self._utterance, kept or EMPTY)
        self._keys_pressed = 0
        self._typing_on = trail is not None and trail.failed
        # A correction goes on with what was listened to already: no key has come before it.
        corrects = bool(keyed_ahead or said_ahead)
        flush = after_failure or (spec.type_ahead is TypeAhead.FLUSH and not corrects)
        self._heard: list[Heard] = []
        self._last_text: Text = private("", is_pii=spec.is_pii)
        for press in keyed_ahead:
            self._typed_ahead(press, opened_at, flush=False)
        if said_ahead:
            self._hear(said_ahead, opened_at)
        for press in typed_ahead:
            self._typed_ahead(press, opened_at, flush=flush)

    def __repr__(self) -> str:
        state = self.result.outcome if self.result else "listening"
        return f"<Collector {state}, {len(self._answer.buffer)} keys>"

    # --- time ---

    def _due(self) -> Due | None:
        answer = self._answer
        if not answer.hears:
            return self._time.due(self._utterance, heard=False, settles=False)
        settles = answer.tentative().said if self._awaited else answer.settles()
        return self._time.due(self._utterance, heard=True, settles=settles)

    def _expire(self, timer: Timer, at: float) -> None:
        match timer:
            case Timer.COLLECTION:
                self._take_partial(at)
                self._conclude(How.COLLECTION_TIMEOUT, at)
            case Timer.SETTLE:
                self._take_partial(at)
                self._conclude(How.END_KEY if self._awaited else How.SETTLED_PARTIAL, at)
            case Timer.STALL:
                self._stall(at)
                self._end_if_awaited(at)
            case Timer.LIMIT:
                self._stall(at)
                self._spoke = True  # however often the recogniser has changed its mind about it
                if self.result is None:
                    self._silence(at)
            case Timer.QUIET:
                self._silence(at)

    def _silence(self, at: float) -> None:
        how = _HOW_SILENCE[self._time.progress]
        spoke = self._spoke and how is How.FIRST_DIGIT_TIMEOUT
        self._conclude(How.END_OF_SPEECH if spoke else how, at)

    # --- keys ---

    def _typed_ahead(self, press: Key, at: float, *, flush: bool) -> None:
        if self.result is not None:
            self._left_over.append(press)
        elif name := self._name(press):
            if flush:
                self._ignore(name, Why.FLUSHED)
            elif self._types_on():
                self._ignore(name, Why.TYPING_ON)
            elif why := self._refusal(name, press.at):
                self._ignore(name, why)
            else:
                self._use(name, at)

    def _on_key(self, key: str, press: Key, at: float) -> None:
        if self._awaited:
            self._take_partial(at)
            self._conclude(How.END_KEY, at)
            self._left_over.append(press)
        elif self._playing and self.spec.barge_in is BargeIn.IGNORE:
            self._ignore(key, Why.PROMPT)
        elif self._types_on():
            self._ignore(key, Why.TYPING_ON)
        elif why := self._refusal(key, press.at):
            self._ignore(key, why)
        else:
            self._use(key, at)

    def _types_on(self) -> bool:
        """Whether this key goes on with the answer that has just failed. After the first pause, no more keys do."""
        self._typing_on = self._typing_on and self._presses.gap < TYPING
        return self._typing_on

    def _refusal(self, key: str, pressed_at: float) -> Why | None:
        fresh = not self._keys_pressed and not self._answer.buffer
        if fresh and self._belongs_before(key, pressed_at):
            return Why.ANSWERED
        spec = self.spec
        if key in spec.end_keys or key in spec.clear_keys or self._escapes(key):
            return None
        if key not in spec.keys:
            return Why.LETTER if key in LETTERS else Why.NO_MEANING
        return Why.SPEECH_FIRST if self._answer.refuses_keys else None

    def _escapes(self, key: str) -> bool:
        return key in self.spec.escape.keys and not self._answer.tentative().buffer

    def _use(self, key: str, at: float) -> None:
        self._keys_pressed += 1
        spec = self.spec
        escapes = self._escapes(key)
        if escapes or spec.barge_in is BargeIn.INTERRUPT:
            self._stop_prompt(Cause.ESCAPE if escapes else Cause.KEY, at)
        if escapes:
            self._conclude(How.ESCAPE_KEY, at)
        elif key in spec.end_keys:
            self._end_key(at)
        elif key in spec.clear_keys:
            self._answer.clear(at)
            self._changed(Source.NONE, at)
        else:
            self._answer.press(key, at)
            self._changed(Source.KEYS, at)
            self._end_if_whole(at)

    def _end_key(self, at: float) -> None:
        if not self._answer.tentative().said:
            self._conclude(How.END_KEY, at)
        elif self._answer.settles():
            self._take_partial(at)
            self._conclude(How.END_KEY, at)
        else:  # the recogniser is a few words behind: wait for it, not for long
            self._time.ended_by_key_at = at

    @property
    def _awaited(self) -> bool:
        """Whether an end key was pressed, and only the last words are missing."""
        return self._time.ended_by_key_at is not None

    def _end_if_awaited(self, at: float) -> None:
        if self.result is None and self._awaited:
            self._conclude(How.END_KEY, at)

    # --- speech ---

    @property
    def _hears(self) -> bool:
        return self._answer.hears

    def _on_partial(self, changed: bool, at: float) -> None:
        self._last_text = private(self._utterance.text, is_pii=self.spec.is_pii)
        if changed and self._answer.follow():
            self._time.new_digit_at = at

    def _on_final(self, alternatives: tuple[Alternative, ...], at: float) -> None:
        if alternatives:
            self._hear(alternatives, at)
        self._answer.speech_over()
        self._end_if_awaited(at)

    def _on_speech_lost(self, at: float) -> None:
        self._end(self._take_partial(at), at)
        self._end_if_awaited(at)

    def _on_hangup(self, at: float) -> None:
        self._take_partial(at)
        self._conclude(How.HANGUP, at)

    def _hear(self, alternatives: Sequence[Alternative], at: float) -> None:
        if self.spec.speech is None:
            return
        self._remember(alternatives)
        if self._says_escape(alternatives[:1]):
            self._escape_by_voice(at)
        elif self._answer.listens:
            self._barge_in_by_voice(alternatives[0].text, at)
            change = self._answer.hear(alternatives)
            if not change.said and self._says_escape(alternatives[1:]):
                self._escape_by_voice(at)
            else:
                self._take(change, at)
                self._end(change, at)

    def _escape_by_voice(self, at: float) -> None:
        self._stop_prompt(Cause.ESCAPE, at)
        self._conclude(How.ESCAPE_WORD, at)

    def _remember(self, alternatives: Sequence[Alternative]) -> None:
        self._last_text = private(alternatives[0].text, is_pii=self.spec.is_pii)
        self._heard += as_heard(alternatives, is_pii=self.spec.is_pii)
        del self._heard[:-_MOST_HEARD]

    def _take_partial(self, at: float, spoken_by: float | None = None) -> Change:
        """The words of the partial stand as if they were final; the final result, should it come, is passed over."""
        change = self._answer.tentative()
        if self._hears:
            self._remember((Alternative(self._utterance.text),))
            self._utterance.answered(at)
            self._take(change, at if spoken_by is None else spoken_by)
        return change

    def _stall(self, at: float) -> None:
        """Nothing followed a partial. It counts if it had been repeated for long enough to be believed."""
        if self._utterance.believed:
            self._end(self._take_partial(at, self._utterance.seen_at), at)
        else:
            self._drop_partial()
            self._answer.speech_over()

    def _take(self, change: Change, at: float) -> None:
        self._answer.take(change)
        if change.said:
            self._changed(Source.SPEECH if change.buffer else Source.NONE, at)
        else:
            self._heard_words(at)

    def _end(self, change: Change, at: float) -> None:
        if self.result is None and change.said and not self._awaited:
            if change.finish:
                self._conclude(How.END_WORD, at)
            else:
                self._end_if_whole(at)

    # --- both ---

    def _changed(self, progress: Source, at: float) -> None:
        if progress is Source.NONE:  # all of it was cleared
            self._spoke = False
        if at >= self._time.progress_at:
            self._time.progress_at = at
            self._time.progress = progress
        buffer = self._answer.buffer
        digits = private(buffer.digits, is_pii=self.spec.is_pii)
        self._decisions.append(Echo(at, digits, buffer.source))

    def _end_if_whole(self, at: float) -> None:
        most = self.spec.max_digits
        if most is not None and len(self._answer.buffer) >= most:
            self._conclude(How.LENGTH, at)
        elif is_only_value(self.spec, self._answer.buffer.digits):
            self._conclude(How.ONLY_VALUE, at)

    def _conclude(self, how: How, at: float) -> None:
        self._answer.repair()
        buffer, spec = self._answer.buffer, self.spec
        # Where nothing was collected, none is still to come: it would be an answer to the next question.
        unneeded = spec.end_keys if buffer and how is not How.END_KEY else frozenset()
        ended_as, failure = outcome(spec, buffer.digits, how, spoke=self._spoke)
        self.result = Attempt(
            outcome=ended_as,
            digits=private(buffer.digits, is_pii=spec.is_pii),
            how=how,
            source=buffer.source,
            confidence=buffer.confidence,
            alternatives=tuple(self._heard),
            heard=self._last_text,
            phrase=private(buffer.phrase, is_pii=spec.is_pii),
            failure=failure,
            started_at=self._time.opened_at,
            ended_at=at,
            keys_pressed=self._keys_pressed,
            trail=self._trail(at, unneeded, at + spec.inter_digit_timeout),
        )

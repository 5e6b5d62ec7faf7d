"""The collector: keys, speech and time go in; what to do, and one result, come out. No I/O, no clock of its own.

    collector = Collector(spec, opened_at=now, prompt_playing=True)
    collector.key("5", 12.3)               # inputs, each with the time at which it happened
    collector.final(alternatives, 13.0)
    collector.advance(14.0)                # when `deadline` has come and nothing happened
    collector.decisions()                  # what to do: stop the prompt, ...
    collector.result                       # None until it ends; then an `Attempt`, for good

The same inputs give the same result, however late or how often it is asked: before an input at a time is looked at,
everything that was due by then is done. `docs/timers.md` draws the time line, `docs/collecting.md` lists the settings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from fsflows import spoken
from fsflows.collect.answer import Answer
from fsflows.collect.decisions import Cause, Decision, Echo, Ignored, Key, StopPrompt, Why
from fsflows.collect.endings import is_only_value, outcome
from fsflows.collect.hearing import Change
from fsflows.collect.result import Attempt, Heard, How, as_heard, private
from fsflows.collect.spec import KEYPAD, LETTERS, BargeIn, Collection, Source, TypeAhead
from fsflows.collect.timers import Due, TimeLine, Timer
from fsflows.collect.trail import Presses, Trail
from fsflows.spoken import Alternative

_MOST_HEARD = 100
_HOW_SILENCE = {
    Source.NONE: How.FIRST_DIGIT_TIMEOUT,
    Source.KEYS: How.INTER_DIGIT_TIMEOUT,
    Source.SPEECH: How.END_OF_SPEECH,
}


class Collector:
    """One attempt at a step's digits.

    Args:
        spec: what to collect.
        opened_at: when capture opened.
        prompt_playing: whether a prompt plays; silence counts from its end.
        typed_ahead: keys pressed since the collection before ended; kept or flushed as the spec says.
        trail: of the collection before, `Attempt.trail` or `CollectionResult.trail`.
        said_ahead: what was said already, as the recogniser's alternatives (the rest of "no, five five ...").
    """

    def __init__(
        self,
        spec: Collection,
        *,
        opened_at: float,
        prompt_playing: bool,
        typed_ahead: Sequence[Key] = (),
        trail: Trail | None = None,
        said_ahead: Sequence[Alternative] = (),
    ) -> None:
        trail = trail or Trail()
        self.spec = spec
        self.result: Attempt | None = None
        self._answer = Answer(spec, trail)
        self._time = TimeLine(spec, opened_at, None if prompt_playing else opened_at)
        self._last_input_at = opened_at
        self._presses = Presses(spec.same_press_window, trail.presses, is_pii=spec.is_pii)
        self._end_keys_before = (trail.end_keys, trail.end_keys_until)
        self._keys_pressed = 0
        self._heard: deque[Heard] = deque(maxlen=_MOST_HEARD)
        self._last_text = ""
        self._spoke = False
        self._left_over: list[Key] = []
        self._decisions: list[Decision] = []
        for key in typed_ahead:
            self._typed_ahead(key, opened_at)
        if said_ahead and self.result is None:
            self._hear(said_ahead, opened_at)

    def __repr__(self) -> str:
        state = self.result.outcome if self.result else "listening"
        return f"<Collector {state}, {len(self._answer.buffer)} keys>"

    # --- what comes in ---

    def key(self, key: str, at: float, source: str = "RTP") -> None:
        """A key was pressed. `source` is FreeSWITCH's DTMF-Source."""
        reached = self._reach(at)
        if self.result is None:
            self._key(Key(key, at, source), reached)
        else:
            self._left_over.append(Key(key, at, source))

    def partial(self, text: str, at: float) -> None:
        """A partial result: the caller is speaking."""
        at = self._reach(at)
        if self.result is not None or not text.strip():
            return
        answer = self._answer
        changed = answer.utterance.partial(text, at)
        if answer.hears:
            self._last_text = answer.utterance.text
            self._barge_in_by_voice(answer.utterance.text, at)
            if changed and answer.follow():
                self._time.new_digit_at = at

    def final(self, alternatives: Sequence[Alternative], at: float) -> None:
        """A final result, the recogniser's best alternative first."""
        at = self._reach(at)
        if self.result is None:
            new = self._answer.utterance.final(alternatives, at)
            if new:
                self._hear(new, at)
            self._end_if_awaited(at)

    def speech_lost(self, at: float) -> None:
        """The recogniser is gone (closed, down). What it last heard counts; the step goes on with keys."""
        at = self._reach(at)
        if self.result is None and self._answer.hears:
            self._end(self._take_partial(at), at)
            self._end_if_awaited(at)

    def prompt_ended(self, at: float) -> None:
        """The prompt has played to its end, or was stopped: from now on, silence counts."""
        at = self._reach(at)
        if self._time.prompt_ended_at is None:
            self._time.prompt_ended_at = at

    def prompt_restarted(self, at: float) -> None:
        """Another prompt plays."""
        self._reach(at)
        self._time.prompt_ended_at = None

    def hangup(self, at: float) -> None:
        """The caller is gone. What was collected, or was being said, is kept."""
        at = self._reach(at)
        if self.result is None:
            self._take_partial(at)
            self._conclude(How.HANGUP, at)

    def advance(self, now: float) -> None:
        """Time has passed: does everything that was due by now."""
        while self.result is None and (due := self._due()) is not None and due.at <= now:
            self._last_input_at = max(self._last_input_at, due.at)
            self._expire(due.timer, self._last_input_at)

    # --- what comes out ---

    @property
    def deadline(self) -> float | None:
        """When `advance` must be called next; None: nothing can time out (it has ended, or a prompt plays)."""
        due = None if self.result else self._due()
        return due and due.at

    def decisions(self) -> list[Decision]:
        """What was decided since this was last called, in order."""
        decided, self._decisions = self._decisions, []
        return decided

    @property
    def left_over(self) -> tuple[Key, ...]:
        """Keys that came after the end: typed ahead for whatever collects next."""
        return tuple(self._left_over)

    # --- time ---

    def _reach(self, at: float) -> float:
        """Whatever is due by then happens first. The time that an input counts as: never before the one before it."""
        self._last_input_at = max(self._last_input_at, at)
        self.advance(self._last_input_at)
        return self._last_input_at

    def _due(self) -> Due | None:
        answer = self._answer
        settles = answer.tentative().said if self._awaited else answer.settles()
        return self._time.due(answer.utterance, heard=answer.listens, settles=settles)

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
                if self.result is None:
                    self._silence(at)
            case Timer.QUIET:
                self._silence(at)

    def _silence(self, at: float) -> None:
        how = _HOW_SILENCE[self._time.progress]
        spoke = self._spoke and how is How.FIRST_DIGIT_TIMEOUT
        self._conclude(How.END_OF_SPEECH if spoke else how, at)

    # --- keys ---

    def _typed_ahead(self, key: Key, at: float) -> None:
        if self.result is not None:
            self._left_over.append(key)
        elif self.spec.type_ahead is TypeAhead.FLUSH:
            self._presses.is_new(key.key, key.at, key.source)
            self._ignore(key.key, Why.FLUSHED)
        else:
            self._key(key, at, typed_ahead=True)

    def _key(self, press: Key, at: float, *, typed_ahead: bool = False) -> None:
        key = press.key.upper()
        if len(key) != 1 or key not in KEYPAD + LETTERS:
            self._ignore(press.key, Why.NOT_A_KEY)
        elif not self._presses.is_new(key, press.at, press.source):
            self._ignore(key, Why.SAME_PRESS)
        elif self._awaited:
            self._take_partial(at)
            self._conclude(How.END_KEY, at)
            self._left_over.append(press)
        elif why := self._refusal(key, press.at, typed_ahead=typed_ahead):
            self._ignore(key, why)
        else:
            self._keys_pressed += 1
            self._use(key, at)

    def _refusal(self, key: str, pressed_at: float, *, typed_ahead: bool) -> Why | None:
        end_keys, until = self._end_keys_before
        fresh = not self._keys_pressed and not self._answer.buffer
        if fresh and key in end_keys and pressed_at <= until:
            self._end_keys_before = (frozenset(), until)
            return Why.ANSWERED
        playing = self._time.prompt_ended_at is None
        if playing and self.spec.barge_in is BargeIn.IGNORE and not typed_ahead:
            return Why.PROMPT
        if key in self.spec.end_keys | self.spec.clear_keys or self._escapes(key):
            return None
        if key not in self.spec.keys:
            return Why.LETTER if key in LETTERS else Why.NO_MEANING
        return Why.SPEECH_FIRST if self._answer.refuses_keys else None

    def _escapes(self, key: str) -> bool:
        return key in self.spec.escape.keys and not self._answer.tentative().buffer

    def _use(self, key: str, at: float) -> None:
        escapes = self._escapes(key)
        if escapes or self.spec.barge_in is BargeIn.INTERRUPT:
            self._stop_prompt(Cause.ESCAPE if escapes else Cause.KEY, at)
        if escapes:
            self._conclude(How.ESCAPE_KEY, at)
        elif key in self.spec.end_keys:
            self._end_key(at)
        elif key in self.spec.clear_keys:
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

    def _barge_in_by_voice(self, text: str, at: float) -> None:
        words = self.spec.speech.barge_in_words if self.spec.speech else None
        if words is not None and spoken.word_count(text) >= words:
            self._stop_prompt(Cause.SPEECH, at)

    def _hear(self, alternatives: Sequence[Alternative], at: float) -> None:
        speech = self.spec.speech
        if speech is None:
            return
        self._remember(alternatives)
        words = self.spec.escape.words
        if words and spoken.says(alternatives[0].text, words, speech.language):
            self._escape_by_voice(at)
        elif self._answer.listens:
            self._barge_in_by_voice(alternatives[0].text, at)
            change = self._answer.hear(alternatives)
            others = alternatives[1:] if words and not change.said else ()
            if any(spoken.says(each.text, words, speech.language) for each in others):
                self._escape_by_voice(at)
            else:
                self._take(change, at)
                self._end(change, at)

    def _escape_by_voice(self, at: float) -> None:
        self._stop_prompt(Cause.ESCAPE, at)
        self._conclude(How.ESCAPE_WORD, at)

    def _remember(self, alternatives: Sequence[Alternative]) -> None:
        self._last_text = alternatives[0].text
        self._heard += as_heard(alternatives, is_pii=self.spec.is_pii)

    def _take_partial(self, at: float, spoken_by: float | None = None) -> Change:
        """The words of the partial stand as if they were final; the final result, should it come, is passed over."""
        change = self._answer.tentative()
        if self._answer.hears:
            self._remember((Alternative(self._answer.utterance.text),))
            self._answer.utterance.answered(at)
            self._take(change, at if spoken_by is None else spoken_by)
        return change

    def _stall(self, at: float) -> None:
        """Nothing followed a partial. It was taken back, unless it had been repeated for long enough to be believed."""
        utterance = self._answer.utterance
        if utterance.believed:
            self._end(self._take_partial(at, utterance.seen_at), at)
        else:
            self._time.spoke_at = max(self._time.spoke_at, utterance.seen_at)
            utterance.end()

    def _take(self, change: Change, at: float) -> None:
        if change.said:
            self._answer.take(change)
            self._changed(Source.SPEECH if change.buffer else Source.NONE, at)
        else:
            self._spoke = True
            self._time.spoke_at = max(self._time.spoke_at, at)

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

    def _stop_prompt(self, why: Cause, at: float) -> None:
        if self._time.prompt_ended_at is None:
            self._time.prompt_ended_at = at
            self._decisions.append(StopPrompt(at, why))

    def _ignore(self, key: str, why: Why) -> None:
        self._decisions.append(Ignored(private(key, is_pii=self.spec.is_pii), why))

    def _conclude(self, how: How, at: float) -> None:
        self._answer.repair()
        buffer, spec = self._answer.buffer, self.spec
        ended_as, failure = outcome(spec, buffer.digits, how, spoke=self._spoke)
        words, words_until = self._answer.utterance.trail(at)
        self.result = Attempt(
            outcome=ended_as,
            digits=private(buffer.digits, is_pii=spec.is_pii),
            how=how,
            source=buffer.source,
            confidence=buffer.confidence,
            alternatives=tuple(self._heard),
            heard=private(self._last_text, is_pii=spec.is_pii),
            failure=failure,
            started_at=self._time.opened_at,
            ended_at=at,
            keys_pressed=self._keys_pressed,
            trail=Trail(
                presses=self._presses.recent,
                end_keys=spec.end_keys,
                end_keys_until=at + spec.inter_digit_timeout,
                words=words,
                words_until=words_until,
            ),
        )

"""What listens to the caller at one moment: a `Collector`, or a `Confirmer` after it. Both are driven the same way.

    listener.key("5", at)              # inputs, each with the time at which it happened (the clock's seconds)
    listener.advance(now)              # when `deadline` has come and nothing happened
    listener.decisions()               # what to do: stop the prompt, ...
    listener.result                    # None until it ends; then the result, for good

The same inputs give the same result, however late or how often it is asked: before an input at a time is looked at,
everything that was due by then is done. An input that is older than the one before it counts as simultaneous with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from fsflows import spoken
from fsflows.collect.decisions import Cause, Decision, Ignored, Key, StopPrompt, Why
from fsflows.collect.result import plain, private
from fsflows.collect.spec import DIGITS, KEYPAD, LETTERS, Collection, Speech
from fsflows.collect.timers import Due, TimeLine, Timer
from fsflows.collect.trail import Presses, Trail
from fsflows.collect.utterance import Utterance
from fsflows.privacy import Pii
from fsflows.spoken import Alternative

R = TypeVar("R")

_KEYS = KEYPAD + LETTERS
_NO_SPEECH = Speech()


class Listener(ABC, Generic[R]):
    """Inputs with a time, decisions, a deadline, and one result."""

    def __init__(self, spec: Collection, trail: Trail, time: TimeLine) -> None:
        self.spec = spec
        self.result: R | None = None
        self._time = time
        self._utterance = Utterance(
            spec.speech or _NO_SPEECH,
            plain(trail.words),
            trail.words_until,
            and_rest=trail.words_and_rest,
            private=isinstance(trail.words, Pii) and bool(trail.words) and not spec.is_pii,
            private_until=float("-inf") if spec.is_pii else trail.private_until,
        )
        self._last_input_at = time.opened_at
        self._next: Due | None = None  # what is due next, while `_next_known`
        self._next_known = False
        self._presses = Presses(spec.same_press_window, trail.presses, is_pii=spec.is_pii)
        self._end_keys_before = (trail.end_keys, trail.end_keys_until)
        self._heard_until = trail.heard_until
        self._spoke = False
        self._left_over: list[Key] = []
        self._decisions: list[Decision] = []

    # --- what comes in ---

    def key(self, key: str, at: float, source: str = "RTP", held: float = 0.0) -> None:
        """A key was pressed. `source` is FreeSWITCH's DTMF-Source; `held`: seconds before `at` in which it was down."""
        reached = self._reach(at)
        press = Key(key, at, source, held)
        if self.result is not None:
            self._left_over.append(press)
        elif name := self._name(press):
            self._on_key(name, press, reached)

    def partial(self, text: str, at: float) -> None:
        """A partial result: the caller is speaking."""
        at = self._reach(at)
        if self.result is None and text.strip():
            self._protect(text, at, final=False)
            changed = self._utterance.partial(text, at)
            if self._hears:
                self._barge_in_by_voice(self._utterance.text, at)
                self._on_partial(changed, at)

    def final(self, alternatives: Sequence[Alternative], at: float) -> None:
        """A final result, the recogniser's best alternative first."""
        at = self._reach(at)
        if self.result is None:
            self._protect(alternatives[0].text if alternatives else "", at, final=True)
            self._on_final(self._utterance.final(alternatives, at), at)

    def speech_lost(self, at: float) -> None:
        """The recogniser is gone (closed, down). What it last heard counts; the step goes on with keys."""
        at = self._reach(at)
        if self.result is None and self._hears:
            self._on_speech_lost(at)

    def prompt_ended(self, at: float) -> None:
        """The prompt has played to its end, or was stopped: from now on, silence counts."""
        at = self._reach(at)
        if self._time.prompt_ended_at is None:
            self._time.prompt_ended_at = at

    def hangup(self, at: float) -> None:
        """The caller is gone. What was collected, or was being said, is kept."""
        at = self._reach(at)
        if self.result is None:
            self._on_hangup(at)

    def advance(self, now: float) -> None:
        """Time has passed: does everything that was due by now."""
        while self.result is None and (due := self._coming()) is not None and due.at <= now:
            self._last_input_at = max(self._last_input_at, due.at)
            self._next_known = False
            self._expire(due.timer, self._last_input_at)

    # --- what comes out ---

    @property
    def deadline(self) -> float | None:
        """When `advance` must be called next; None: nothing can time out (it has ended, or a prompt plays)."""
        due = None if self.result is not None else self._coming()
        return None if due is None else due.at

    def _coming(self) -> Due | None:
        """What is due next. It is asked for before each input and after, and only an input changes it."""
        if not self._next_known:
            self._next = self._due()
            self._next_known = True
        return self._next

    def decisions(self) -> list[Decision]:
        """What was decided since this was last called, in order."""
        decided, self._decisions = self._decisions, []
        return decided

    def hides_speech(self, text: str, at: float, *, final: bool) -> bool:
        """Whether a result that is about to come in is private: here, or because its speech began in a private step."""
        self._protect(text, at, final=final)
        return self._hides_speech(at)

    def _hides_speech(self, at: float) -> bool:
        return self.spec.is_pii or self._utterance.private(at)

    def hides_key(self, key: str, at: float, source: str, held: float = 0.0) -> bool:
        """Whether a report of a key that is about to come in shows a private one: here, or in the step before."""
        return self.spec.is_pii or self._presses.is_private_again(key, at, source, held)

    @property
    def left_over(self) -> tuple[Key, ...]:
        """Keys that came after the end: typed ahead for whatever listens next."""
        return tuple(self._left_over)

    # --- what a listener is made of ---

    @property
    @abstractmethod
    def _hears(self) -> bool:
        """Whether somebody is speaking, and it counts."""

    @abstractmethod
    def _due(self) -> Due | None:
        """What is due next."""

    @abstractmethod
    def _expire(self, timer: Timer, at: float) -> None:
        """It has come."""

    @abstractmethod
    def _on_key(self, key: str, press: Key, at: float) -> None:
        """A press of its own, of a key that exists."""

    @abstractmethod
    def _on_partial(self, changed: bool, at: float) -> None:
        """Words are heard in `_utterance`; `changed`: others than before."""

    @abstractmethod
    def _on_final(self, alternatives: tuple[Alternative, ...], at: float) -> None:
        """What is new in a final result; may be nothing."""

    @abstractmethod
    def _on_speech_lost(self, at: float) -> None:
        """The recogniser went in the middle of speech."""

    @abstractmethod
    def _on_hangup(self, at: float) -> None:
        """The caller went."""

    # --- shared ---

    def _reach(self, at: float) -> float:
        """An input has come: when it counts as having come, with everything done that was due by then."""
        at = max(at, self._last_input_at)
        due = self._coming()
        if due is not None and due.at <= at:
            self.advance(at)
        self._last_input_at = at
        self._next_known = False
        return at

    @property
    def _playing(self) -> bool:
        return self._time.prompt_ended_at is None

    def _protect(self, text: str, at: float, *, final: bool) -> None:
        """Speech that may have begun in a private step before makes this one private."""
        if self.result is None and self._utterance.may_be_private(text, at, final=final):
            self.spec = replace(self.spec, is_pii=True)

    def _name(self, press: Key) -> str | None:
        """The key, if it is one, and if this isn't another report of a press."""
        key = press.key.upper()
        if len(key) != 1 or key not in _KEYS:
            self._ignore(press.key, Why.NOT_A_KEY)
        elif not self._presses.is_new(key, press.at, press.source, press.held):
            self._ignore(key, Why.SAME_PRESS)
        else:
            if key in DIGITS and self._presses.go_on_privately and not self.spec.is_pii:
                # The surplus of a private answer: this one is private, too.
                self.spec = replace(self.spec, is_pii=True)
                self._presses.hide()
            return key
        return None

    def _belongs_before(self, key: str, pressed_at: float) -> bool:
        """Whether this is the end key that the answer before asked for, and no longer needed. It is, once."""
        end_keys, until = self._end_keys_before
        if key not in end_keys or pressed_at > until:
            return False
        self._end_keys_before = (frozenset(), until)
        return True

    def _barge_in_by_voice(self, text: str, at: float) -> None:
        words = self.spec.speech.barge_in_words if self.spec.speech else None
        if self._playing and words is not None and spoken.word_count(text) >= words:
            self._stop_prompt(Cause.SPEECH, at)

    def _says_escape(self, alternatives: Sequence[Alternative]) -> bool:
        words, speech = self.spec.escape.words, self.spec.speech
        return (
            bool(words)
            and speech is not None
            and any(spoken.says(each.text, words, speech.language) for each in alternatives)
        )

    def _heard_words(self, at: float) -> None:
        """Words that mean nothing here were heard: for a while, more may come."""
        self._spoke = True
        self._time.spoke_at = max(self._time.spoke_at, at)

    def _drop_partial(self) -> None:
        """Nothing followed a partial that had not stood for long: the recogniser took it back."""
        self._time.spoke_at = max(self._time.spoke_at, self._utterance.seen_at)
        self._utterance.end()

    def _stop_prompt(self, why: Cause, at: float) -> None:
        if self._playing:
            self._time.prompt_ended_at = at
            self._decisions.append(StopPrompt(at, why))

    def _ignore(self, key: str, why: Why) -> None:
        self._decisions.append(Ignored(private(key, is_pii=self.spec.is_pii), why))

    def _trail(self, at: float, end_keys: frozenset[str], end_keys_until: float) -> Trail:
        words, words_until, and_rest = self._utterance.trail(at)
        if self.spec.speech is not None and at > words_until:
            # That speech is over: what is heard from now on, listened to or not, is another.
            words = ""
        return Trail(
            heard_until=at if self.spec.speech is not None else self._heard_until,
            presses=self._presses.recent,
            end_keys=end_keys,
            end_keys_until=end_keys_until,
            words=private(words, is_pii=self._hides_speech(at)),
            words_until=words_until,
            words_and_rest=and_rest,
            private_until=self._utterance.private_until(at, is_pii=self.spec.is_pii),
        )

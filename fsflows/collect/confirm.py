"""The read-back: the digits are said to the caller, and a yes, a no or a correction comes back. No I/O.

A `Confirmer` is driven as every `Listener` is. What counts:

- an accept or a refuse key, at once; a clear key refuses; any other digit begins the number anew. On the heels of the
  last digit, every key but a clear key is one too many of the answer that is being read;
- "one" or "press two", said, is that key, unless it is another number of the right length;
- "yes", "no" and what else the language has for them; "no, five five ..." is a correction, taken at once, and so is
  another whole number; the same number said again is a yes;
- silence, or nothing that can be understood: the question is put again (`Confirmation.asks`), and then the digits are
  not confirmed. Silence is never a yes.

Keys pressed before the read-back began are no answer to it: nobody agrees to what has not been heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fsflows import spoken
from fsflows.collect.choices import further_down, named, without_phrases
from fsflows.collect.decisions import Cause, Key, Why
from fsflows.collect.hearing import right, without_end
from fsflows.collect.listener import Listener
from fsflows.collect.result import Attempt, How, Text, plain, private
from fsflows.collect.spec import BargeIn, Collection, Confirm, Source, Speech
from fsflows.collect.timers import Due, TimeLine, Timer
from fsflows.collect.trail import TYPING, Trail
from fsflows.spoken import Alternative, Choice


class Verdict(StrEnum):
    """What the caller made of the read-back; there are no others."""

    YES = "yes"
    NO = "no"
    CORRECTION = "correction"
    UNCLEAR = "unclear"
    SILENCE = "silence"
    ESCAPED = "escaped"
    HANGUP = "hangup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a read-back.

    Attributes:
        how: for `escaped` and `hangup`, what it was.
        said: for a correction, what was said instead: the beginning of the next attempt.
        keyed: for a correction, the key that began it.
        edits: whether that corrects the digits that were read ("no wait, five"), or is all of them anew.
        trail: what the next listener needs to know.
    """

    verdict: Verdict
    ended_at: float
    how: How | None = None
    said: tuple[Alternative, ...] = field(default=(), repr=False)
    keyed: tuple[Key, ...] = ()
    edits: bool = False
    trail: Trail = field(default_factory=Trail, repr=False)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Digits as they are read to the caller: ("555", "1234"), "five five five, one two three four".

    `phrase`: the phrase that was said for them; the words, when none was.
    """

    groups: tuple[Text, ...]
    words: Text
    phrase: Text


def read_back(spec: Collection, digits: Text, language: str, phrase: Text = "") -> ReadBack:
    """The digits in groups that suit the number, and in words. `phrase`: what was said for them, if it was one."""
    groups = spoken.group_for_reading(
        plain(digits),
        language,
        groups=spec.confirmation.groups,
        phone_region=spec.validation.phone_region,
    )
    words = spoken.digit_words(" ".join(groups), language)
    hide = spec.is_pii
    return ReadBack(
        tuple(private(each, is_pii=hide) for each in groups),
        private(words, is_pii=hide),
        private(plain(phrase) or words, is_pii=hide),
    )


def is_asked(spec: Collection, attempt: Attempt) -> bool:
    """Whether the digits of a complete attempt are to be read back."""
    when = spec.confirmation.when
    if when is Confirm.NEVER or not attempt.digits:
        return False
    if when is Confirm.ALWAYS:
        return True
    if attempt.source is not Source.KEYS and spec.confirmation.spoken_is_unsure:
        return True
    return attempt.confidence is None or attempt.confidence < spec.confirmation.sure


# --- what was said ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply in words comes to. `verdict` None: nothing that can be understood."""

    verdict: Verdict | None
    instead: tuple[Alternative, ...] = field(default=(), repr=False)
    edits: bool = False


def understand(
    spec: Collection, speech: Speech, digits: str, alternatives: Sequence[Alternative]
) -> Said:
    """What a reply to the read-back of `digits` means: the best alternative, then a whole number, a key, the rest."""
    found = named(spec, speech, alternatives[0]) if speech.words else None
    # "No recording" is no refusal where it is a choice; "no, opening hours" is one, and a correction.
    begins = found is not None and found.starts
    first = Said(None) if begins else _assent(spec, speech, digits, alternatives[0])
    if first.verdict is not None:
        return first
    whole = _whole(spec, speech, alternatives)
    if whole == digits:
        affirmed = spoken.affirms(alternatives[0].text, speech.language)
        return Said(None if affirmed is None else Verdict.YES if affirmed else Verdict.NO)
    if whole is not None:
        return Said(Verdict.CORRECTION, tuple(alternatives))
    by_key = _spoken_key(spec, speech, alternatives[0].text)
    if by_key is not None:
        return Said(by_key)
    edited = _edited(spec, speech, digits, alternatives[0], literal=True)
    if edited is not None:
        return edited
    others = (_assent(spec, speech, digits, each) for each in alternatives[1:])
    return next((each for each in others if each.verdict is not None), first)


def _assent(spec: Collection, speech: Speech, digits: str, said: Alternative) -> Said:
    assent = spoken.assent(said.text, speech.language)
    if assent is None:
        return Said(None)
    rest = (Alternative(assent.rest, said.confidence),)
    whole = _whole(spec, speech, rest)
    if whole is not None and whole != digits:
        return Said(Verdict.CORRECTION, rest)
    if assent.yes:
        return Said(Verdict.YES)
    # "No, one two double": the rest of it is waited for, but it is a correction already.
    so_far = tuple(
        without_end(each, spoken.unfinished(each.text, speech.language)) for each in rest
    )
    begun = spoken.choose(so_far, speech.language, alphanumeric=_letters(speech))
    if whole is not None or begun is None or not begun.reading.keys:
        return _edited(spec, speech, digits, rest[0], literal=True) or Said(Verdict.NO)
    if len(begun.reading.keys) == 1 and (edited := _edited(spec, speech, digits, said)):
        return edited
    return Said(Verdict.CORRECTION, rest)


def _edited(
    spec: Collection, speech: Speech, digits: str, said: Alternative, *, literal: bool = False
) -> Said | None:
    """What corrects the digits without a no before it: "sorry, five", "not three, four".

    One digit mends the last one that was read; two and a pause are more likely the beginning of the whole number.
    `literal`: no homophone of one does, since a sentence may begin so: "sorry, to ..."
    """
    choice = _choose(spec, speech, (said,), prefix=digits)
    if choice is None or not choice.reading.repair or not choice.reading.keys:
        return None
    if literal and not choice.reading.literal:
        return None
    keys = choice.reading.keys
    anew = _choose(spec, speech, (said,)) if len(keys) > 1 else None
    if anew is not None and anew.reading.keys == keys:
        return Said(Verdict.CORRECTION, (said,))
    return Said(Verdict.CORRECTION, (said,), edits=True) if choice.fits else None


def _spoken_key(spec: Collection, speech: Speech, text: str) -> Verdict | None:
    """The accept or refuse key that was said instead of pressed: "one", "press two". No homophone of it will do."""
    reading = next(iter(spoken.parse(text, speech.language)), None)
    if reading is None or not reading.literal or reading.clear or reading.repair:
        return None
    key = reading.keys or ("#" if reading.finish else "")
    if key in spec.confirmation.accept_keys:
        return Verdict.YES
    return Verdict.NO if key in spec.confirmation.refuse_keys else None


def _whole(spec: Collection, speech: Speech, said: Sequence[Alternative]) -> str | None:
    """The whole and right number that was said, if one was, or the choice that was named."""
    if speech.words and (found := named(spec, speech, said[0])):
        return found.keys
    choice = _choose(spec, speech, said)
    if speech.words and (other := further_down(spec, speech, said, choice)):
        return other[1].keys
    return choice.reading.keys if choice is not None and choice.fits else None


def _choose(
    spec: Collection, speech: Speech, said: Sequence[Alternative], prefix: str = ""
) -> Choice | None:
    return spoken.choose(
        without_phrases(speech, said) if speech.words else said,
        speech.language,
        lengths=spec.lengths,
        accept=lambda digits: right(spec, digits),
        prefix=prefix,
        keywords=speech.keywords,
        alphanumeric=_letters(speech),
    )


def _letters(speech: Speech) -> bool:
    return speech.preset == "alphanumeric"


# --- the listener -----------------------------------------------------------------------------------------------


class Confirmer(Listener[Reply]):
    """Listens for the answer to one read-back; its result is a `Reply`.

    Args:
        spec: the collection whose digits are read back.
        digits: what is read back.
        opened_at, prompt_playing, trail: as for a `Collector`.
        typed_ahead: keys pressed before this began; they are ignored.
    """

    def __init__(
        self,
        spec: Collection,
        digits: Text,
        *,
        opened_at: float,
        prompt_playing: bool,
        typed_ahead: Sequence[Key] = (),
        trail: Trail | None = None,
    ) -> None:
        patience = replace(
            spec, first_digit_timeout=spec.confirmation.timeout, collection_timeout=None
        )
        time = TimeLine(patience, opened_at, None if prompt_playing else opened_at)
        super().__init__(spec, trail or Trail(), time)
        self._digits = private(plain(digits), is_pii=spec.is_pii)
        self._typing_on = True
        for press in typed_ahead:
            if name := self._name(press):
                self._ignore(name, Why.FLUSHED)

    def __repr__(self) -> str:
        return f"<Confirmer {self.result.verdict if self.result else 'listening'}>"

    # --- time ---

    def _due(self) -> Due | None:
        # A partial "yes" may go on as "yes, but", a "no" as a correction: an answer waits for the final result.
        heard = self.spec.speech is not None
        return self._time.due(self._utterance, heard=heard, settles=False)

    def _expire(self, timer: Timer, at: float) -> None:
        if timer is not Timer.STALL:
            self._conclude(Verdict.UNCLEAR if self._spoke else Verdict.SILENCE, at)
        elif self._utterance.believed:
            self._on_speech_lost(at)
        else:
            self._drop_partial()

    # --- keys ---

    def _on_key(self, key: str, press: Key, at: float) -> None:
        verdict = self._meaning(key)
        typing_on = self._types_on() and key not in self.spec.clear_keys
        if self._belongs_before(key, press.at):
            self._ignore(key, Why.ANSWERED)
        elif self._playing and self.spec.barge_in is BargeIn.IGNORE:
            self._ignore(key, Why.PROMPT)
        elif verdict is None:
            self._ignore(key, Why.NO_MEANING)
        elif typing_on:
            self._ignore(key, Why.TYPING_ON)
        else:
            escapes = verdict is Verdict.ESCAPED
            if escapes or self.spec.barge_in is BargeIn.INTERRUPT:
                self._stop_prompt(Cause.ESCAPE if escapes else Cause.KEY, at)
            # Whom the prompt has told to end with a pound key may do so here, too.
            ended = escapes or key in self.spec.end_keys
            self._end_keys_before = (
                frozenset() if ended else self.spec.end_keys,
                at + self.spec.inter_digit_timeout,
            )
            keyed = (press,) if verdict is Verdict.CORRECTION else ()
            self._conclude(verdict, at, how=How.ESCAPE_KEY if escapes else None, keyed=keyed)

    def _types_on(self) -> bool:
        """Whether this key goes on with the digits that are being read. After the first pause, no more keys do."""
        self._typing_on = self._typing_on and self._presses.gap < TYPING
        return self._typing_on

    def _meaning(self, key: str) -> Verdict | None:
        confirmation = self.spec.confirmation
        if key in confirmation.accept_keys:
            return Verdict.YES
        if key in confirmation.refuse_keys | self.spec.clear_keys:
            return Verdict.NO
        if key in self.spec.escape.keys:
            return Verdict.ESCAPED
        return Verdict.CORRECTION if key in self.spec.keys else None

    # --- speech ---

    @property
    def _hears(self) -> bool:
        return self.spec.speech is not None and self._utterance.speaking

    def _on_partial(self, changed: bool, at: float) -> None:
        """A partial only holds the timers, and is looked at again when it has settled."""

    def _on_final(self, alternatives: tuple[Alternative, ...], at: float) -> None:
        speech = self.spec.speech
        if speech is None or not alternatives:
            return
        if self._says_escape(alternatives[:1]):
            self._stop_prompt(Cause.ESCAPE, at)
            self._conclude(Verdict.ESCAPED, at, how=How.ESCAPE_WORD)
            return
        self._barge_in_by_voice(alternatives[0].text, at)
        said = understand(self.spec, speech, plain(self._digits), alternatives)
        if said.verdict is None:
            self._heard_words(at)
        else:
            self._conclude(said.verdict, at, said=said)

    def _on_speech_lost(self, at: float) -> None:
        said = (Alternative(self._utterance.text),)
        self._utterance.answered(at)
        self._on_final(said, at)

    def _on_hangup(self, at: float) -> None:
        self._conclude(Verdict.HANGUP, at, how=How.HANGUP)

    def _conclude(
        self,
        verdict: Verdict,
        at: float,
        *,
        how: How | None = None,
        said: Said | None = None,
        keyed: tuple[Key, ...] = (),
    ) -> None:
        self.result = Reply(
            verdict=verdict,
            ended_at=at,
            how=how,
            said=said.instead if said else (),
            keyed=keyed,
            edits=bool(said and said.edits),
            trail=self._trail(at, *self._end_keys_before),
        )

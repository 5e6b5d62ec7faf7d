"""From what the recogniser heard to a changed buffer: the one place where the collector meets the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fsflows import spoken
from fsflows.collect.buffer import EMPTY, Buffer, Part
from fsflows.collect.choices import assented, further_down, named, without_phrases
from fsflows.collect.spec import Collection, Source, Speech
from fsflows.collect.validate import check
from fsflows.spoken import Alternative, Choice, Named, Reading

_MOST_OTHERS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """What an utterance makes of a buffer.

    Attributes:
        said: whether there was anything in it to collect, or an edit; a sentence without digits changes nothing.
        finish: whether it ended the collection ("pound", or a choice that was named).
        unfinished: its last words, if they are about what is said next ("double", "no wait").
    """

    buffer: Buffer
    said: bool = False
    finish: bool = False
    unfinished: str = ""


def right(spec: Collection, digits: str) -> bool:
    """Whether the digits are a whole and valid answer."""
    lengths = spec.lengths
    fits = len(digits) in lengths if lengths is not None else len(digits) >= spec.min_digits
    return fits and check(spec.validation, digits) is None


def hear(
    spec: Collection,
    buffer: Buffer,
    place: int,
    alternatives: Sequence[Alternative],
    unfinished: str = "",
) -> Change:
    """The buffer with an utterance put in at a place among its parts.

    Of all readings of all alternatives the one that makes the whole buffer a right answer is taken; when none does,
    the likeliest that may still grow into one.

    Args:
        spec: what is collected.
        buffer: what there is.
        place: where among its parts the utterance goes.
        alternatives: what was heard, the best first.
        unfinished: the last words of the utterance before, if these go on from there.
    """
    speech = spec.speech
    if speech is None or not alternatives:
        return Change(buffer)
    if speech.words or speech.preset == "yes_no":  # a "no" is an answer there
        return _Hearing(spec, speech, alternatives).into(buffer, place)
    if unfinished:
        together = [_behind(unfinished, each) for each in alternatives]
        change = _hear_so_far(spec, speech, buffer, place, together)
        if change.said or change.unfinished:  # else it was about something else
            return change
    return _hear_so_far(spec, speech, buffer, place, alternatives)


def _hear_so_far(
    spec: Collection, speech: Speech, buffer: Buffer, place: int, heard: Sequence[Alternative]
) -> Change:
    """What was heard, but for words at its end that are about what is said next."""
    ends = [spoken.unfinished(each.text, speech.language) for each in heard]
    if not any(ends):
        return _Hearing(spec, speech, heard).into(buffer, place)
    parted = [without_end(each, count) for each, count in zip(heard, ends, strict=True)]
    said = [each for each in parted if each.text]
    change = _Hearing(spec, speech, said).into(buffer, place) if said else Change(buffer)
    return replace(
        change, unfinished=" ".join(heard[0].text.split()[-ends[0] :]) if ends[0] else ""
    )


def _behind(unfinished: str, said: Alternative) -> Alternative:
    """What was said, behind the last words of the utterance before."""
    timed = tuple((word, None) for word in unfinished.split()) + said.words if said.words else ()
    return replace(said, text=f"{unfinished} {said.text}", words=timed)


def without_end(said: Alternative, count: int) -> Alternative:
    """What was said without its last pieces."""
    if not count:
        return said
    words = said.text.split()
    timed = said.words[:-count] if len(said.words) == len(words) else ()
    return replace(said, text=" ".join(words[:-count]), words=timed)


@dataclass(frozen=True, slots=True)
class _Hearing:
    spec: Collection
    speech: Speech
    alternatives: Sequence[Alternative] = field(repr=False)

    def into(self, buffer: Buffer, place: int) -> Change:
        best = self.alternatives[0]
        if self.speech.words and (found := named(self.spec, self.speech, best)):
            return self._name(buffer, place, best, found)
        answered = self._yes_or_no(buffer, place, self.alternatives[:1])
        if answered is not None:
            return answered
        before = Buffer(buffer.parts[:place]).digits
        choice = self._choose(before, buffer.digits[len(before) :])
        if self.speech.words and (
            other := further_down(self.spec, self.speech, self.alternatives, choice)
        ):
            return self._name(buffer, place, *other)
        if choice is None:
            return self._yes_or_no(buffer, place, self.alternatives[1:]) or Change(buffer)
        again = self._said_again(buffer, choice)
        return self._apply(again, EMPTY, 0) if again else self._apply(choice, buffer, place)

    @property
    def _alphanumeric(self) -> bool:
        return self.speech.preset == "alphanumeric"

    def _name(self, buffer: Buffer, place: int, said: Alternative, found: Named) -> Change:
        """A phrase is a whole answer: it stands in place of what came before it, and no more is waited for."""
        keys = found.keys
        if keys is None:
            return Change(buffer)
        known = _known(said, said.confidence)
        part = Part(Source.SPEECH, keys, known, phrase=found.phrase)
        changed = buffer.say(place, Reading(keys, clear=True), part)
        return Change(changed, said=True, finish=not self.spec.exact and changed.digits == keys)

    def _yes_or_no(
        self, buffer: Buffer, place: int, alternatives: Sequence[Alternative]
    ) -> Change | None:
        """Yes and no, where they are expected, are the keys of the confirmation: "press 1 or say yes" is one step."""
        if self.speech.preset != "yes_no":
            return None
        for said in alternatives:
            key = assented(self.spec, self.speech, said.text)
            if key is not None:
                part = Part(Source.SPEECH, key, _known(said, said.confidence))
                return Change(buffer.say(place, Reading(key), part), said=True)
        return None

    def _choose(self, before: str, after: str = "") -> Choice | None:
        lengths = self.spec.lengths
        if lengths is not None and after:  # keys that were pressed while this was being said
            lengths = range(max(0, lengths.start - len(after)), max(0, lengths.stop - len(after)))
        read = self.alternatives
        return spoken.choose(
            without_phrases(self.speech, read) if self.speech.words else read,
            self.speech.language,
            lengths=lengths,
            accept=lambda digits: right(self.spec, digits + after),
            prefix=before,
            keywords=self.speech.keywords,
            alphanumeric=self._alphanumeric,
        )

    def _said_again(self, buffer: Buffer, choice: Choice) -> Choice | None:
        """A caller who was not sure of being heard begins again, and says the whole number.

        Together with what was there already it is too long; by itself it is right, and begins with what was there.
        """
        most = self.spec.max_digits
        if choice.fits or not buffer or most is None:
            return None
        if len(buffer) + len(choice.reading.keys) <= most:
            return None
        alone = self._choose("")
        whole = alone is not None and alone.fits and alone.reading.keys.startswith(buffer.digits)
        return alone if whole else None

    def _apply(self, choice: Choice, buffer: Buffer, place: int) -> Change:
        """A reading's spoken `*` and `#` do what the keys do; those that mean nothing here are left out."""
        reading = choice.reading
        clear, finish, keys = reading.clear, reading.finish, ""
        for key in reading.keys:
            if key in self.spec.clear_keys:
                clear, keys = True, ""
            elif key in self.spec.end_keys:
                finish = True
                break
            elif key in self.spec.keys or (self._alphanumeric and key.isalpha()):
                keys += key
        if reading.pound and "#" in self.spec.keys:
            keys, finish = keys + "#", False
        edits = clear or finish or reading.repair > 0
        part = Part(
            Source.SPEECH,
            keys,
            _known(choice.alternative, reading.confidence),
            () if edits else self._others(keys),
        )
        edit = Reading(keys, clear=clear, repair=reading.repair)
        return Change(buffer.say(place, edit, part), bool(keys) or edits, finish)

    def _others(self, keys: str) -> tuple[tuple[str, float | None], ...]:
        """What else was said, maybe: readings without edits, the likelier alternative first."""
        found: dict[str, float | None] = {}
        for alternative in self.alternatives:
            for reading in spoken.parse(
                alternative.text, self.speech.language, alphanumeric=self._alphanumeric
            ):
                plain = not (reading.clear or reading.finish or reading.repair)
                if plain and reading.keys != keys and set(reading.keys) <= self.spec.keys:
                    asr = alternative.confidence
                    known = reading.confidence * asr if asr is not None and _is_share(asr) else None
                    found.setdefault(reading.keys, known)
        return tuple(found.items())[:_MOST_OTHERS]


def _known(alternative: Alternative, confidence: float | None) -> float | None:
    """None for a recogniser that gives no confidence, or a raw score: the grammar takes it for sure of itself."""
    given = [alternative.confidence, *(each for _, each in alternative.words)]
    return confidence if any(_is_share(each) for each in given) else None


def _is_share(number: float | None) -> bool:
    return number is not None and 0.0 <= number <= 1.0

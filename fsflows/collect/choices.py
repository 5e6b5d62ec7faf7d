"""The words of a menu: which of a step's keys an utterance names, and whether it may still come to name another.

All of this is asked only of a step that has `Speech.words`: no other pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fsflows import spoken
from fsflows.collect.spec import Collection, Speech
from fsflows.spoken import Alternative, Choice, Named


def named(spec: Collection, speech: Speech, said: Alternative) -> Named | None:
    """What an alternative names; None: none of the step's phrases is in it.

    Where yes and no are keys, too, they must be the same: "yes, opening hours".
    """
    yes_no = speech.preset == "yes_no"
    found = spoken.named(said.text, speech.words, speech.language, yes_no=yes_no)
    if found is None or found.keys is None or not yes_no:
        return found
    answers = {assented(spec, speech, text) for text in found.rest} - {None, found.keys}
    return replace(found, keys=None) if answers else found


def assented(spec: Collection, speech: Speech, text: str) -> str | None:
    """The key that a yes or a no is, where they are expected; they are the keys of the confirmation."""
    assent = spoken.assent(text, speech.language)
    if assent is None:
        return None
    confirmation = spec.confirmation
    keys = confirmation.accept_keys if assent.yes else confirmation.refuse_keys
    return min(keys, default=None)


def without_phrases(speech: Speech, alternatives: Sequence[Alternative]) -> Sequence[Alternative]:
    """The alternatives that are left to be read as numbers: a phrase is one thing, and its words are no digits."""
    words, language = speech.words, speech.language
    return [each for each in alternatives if spoken.named(each.text, words, language) is None]


def further_down(
    spec: Collection, speech: Speech, alternatives: Sequence[Alternative], choice: Choice | None
) -> tuple[Alternative, Named] | None:
    """The first alternative that names a key, and what it names; None: the number in `choice` is the better guess.

    It is when it is right, has no word in it that only sounds like a digit, and stands higher up.
    """
    sure = choice is not None and choice.fits and choice.reading.literal
    for said in alternatives:
        if sure and choice is not None and said == choice.alternative:
            return None
        found = named(spec, speech, said)
        if found is not None and found.keys is not None:
            return said, found
    return None


def may_become_another(spec: Collection, speech: Speech, text: str, keys: str) -> bool:
    """Whether the words of a partial, which came to `keys`, begin a longer phrase of other keys, or an escape."""
    names = speech.words
    if spec.escape.words:
        names = (*names, ("", spec.escape.words))
    return bool(spoken.begun(text, names, speech.language) - {keys})

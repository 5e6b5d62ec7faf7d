"""Prompts as sounds: placeholders filled in, private values spoken but not written down."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fsflows import spoken
from fsflows.call import audio
from fsflows.esl import quoting
from fsflows.flow.checking.placeholders import PLACEHOLDER
from fsflows.flow.model import Play, Prompt, PromptPart, Say, SayDigits, Silence
from fsflows.privacy import Pii

Lookup = Callable[[str], object]
"""Gives the value of a placeholder; None when there is none."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt ready to be played.

    Attributes:
        text: what is written down about it: PII is hidden in it.
        left_out: why a file of it is not played: a value in its path that can't be part of one.
        private: something private is heard in it.
    """

    sounds: tuple[audio.Sound, ...]
    text: str
    left_out: tuple[str, ...] = ()
    private: bool = False


def render(prompt: Prompt, lookup: Lookup, language: str) -> Rendered:
    """Fill in a prompt.

    Args:
        prompt: from the flow.
        lookup: the values of `{name}`; a missing one is left out.
        language: for reading digits one by one.
    """
    sounds: list[audio.Sound] = []
    texts: list[str] = []
    left_out: list[str] = []
    private = False

    def noticed(name: str) -> object:
        nonlocal private
        found = lookup(name)
        private = private or isinstance(found, Pii)
        return found

    for part in prompt:
        try:
            sound, text = _part(part, noticed, language)
        except quoting.UnsafeValue as error:
            left_out.append(str(error))
            continue
        if sound is not None:
            sounds.append(sound)
        if text:
            texts.append(text)
    return Rendered(tuple(sounds), " ".join(texts), tuple(left_out), private)


def say(text: str | Pii) -> Rendered:
    """A function's utterance: spoken as it is, without placeholders."""
    plain = text.reveal() if isinstance(text, Pii) else text
    if not plain.strip():
        return Rendered((), "")
    return Rendered((audio.Speech(plain),), str(text), private=isinstance(text, Pii))


def _part(part: PromptPart, lookup: Lookup, language: str) -> tuple[audio.Sound | None, str]:
    match part:
        case Say(text):
            said, written = fill(text, lookup)
            return (audio.Speech(said), written) if said.strip() else (None, "")
        case Play(path, text):
            return audio.File(fill_target(path, lookup)), text or f"[{path}]"
        case SayDigits(digits):
            said, written = fill(digits, lookup)
            if not said:
                return None, ""
            return audio.Digits(said, spoken.digit_words(said, language)), written
        case Silence(seconds):
            return audio.Silence(seconds), ""


def fill(text: str, lookup: Lookup) -> tuple[str, str]:
    """A text with its placeholders filled in: as it is said, and as it is written down."""
    if "{" not in text:
        return text, text

    def value(match: re.Match[str], *, reveal: bool) -> str:
        found = lookup(match.group(1))
        if isinstance(found, Pii):
            return found.reveal() if reveal else str(found)
        return "" if found is None else str(found)

    said = PLACEHOLDER.sub(lambda match: value(match, reveal=True), text)
    written = PLACEHOLDER.sub(lambda match: value(match, reveal=False), text)
    return said, written


_HARMLESS = re.compile(r"[A-Za-z0-9+*#_~-][A-Za-z0-9+*#_.~-]*")


def fill_target(text: str, lookup: Lookup) -> str:
    """A path or a destination with its placeholders filled in.

    Callers choose their numbers and names. A blank, a comma, a slash or an `@` in one of them would make a second leg
    of a dial string, another context of a transfer, another directory of a path: such a value is refused.

    Raises:
        UnsafeValue: a value has more in it than letters, digits and `+*#_.~-`.
    """

    def value(match: re.Match[str]) -> str:
        found = lookup(match.group(1))
        plain = "" if found is None else str(found.reveal() if isinstance(found, Pii) else found)
        if plain and not _HARMLESS.fullmatch(plain):
            raise quoting.UnsafeValue(
                f"the value of {{{match.group(1)}}}",
                "has other characters than letters, digits and + * # _ . ~ -, and can't be part of a destination",
            )
        return plain

    return PLACEHOLDER.sub(value, text)

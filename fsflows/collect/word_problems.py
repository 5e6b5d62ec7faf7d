"""What is wrong with the phrases that stand for keys: keys that can't be an answer, phrases that are never heard so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fsflows import spoken
from fsflows.collect.choices import assented
from fsflows.collect.feasible import Problem, wrong_value
from fsflows.collect.spec import Collection, Confirm, Speech
from fsflows.collect.validate import check


def word_problems(spec: Collection, rows: frozenset[str] | None = None) -> Iterator[Problem]:
    """What is wrong with `spec.speech.words`, each at "speech.words.KEYS", or "speech.words.KEYS.PLACE" of a phrase.

    Args:
        spec: the collection.
        rows: a menu's choices, when it is these alone that are taken.
    """
    speech = spec.speech
    if speech is None or not speech.words:
        return
    for keys, _ in speech.words:
        if wrong := _wrong_keys(spec, keys, rows):
            yield Problem(f"speech.words.{keys}", f"{keys!r} {wrong}")
    try:
        spoken.resolve(speech.language)
    except ValueError:
        return  # said of the language itself
    known: dict[str, str] = {}
    for keys, phrases in speech.words:
        if not phrases:
            yield Problem(f"speech.words.{keys}", f"{keys!r} needs a phrase that is said for it")
        for place, phrase in enumerate(phrases):
            wrong = _wrong_phrase(spec, speech, keys, phrase, known)
            if wrong:
                yield Problem(f"speech.words.{keys}.{place}", f"{phrase!r} {wrong}")


def _wrong_keys(spec: Collection, keys: str, rows: frozenset[str] | None) -> str:
    """Why a phrase can't stand for these keys; empty: it can."""
    if rows is not None and keys not in rows:
        return "has no row in 'on:'; add one"
    if rows is not None:
        spec = replace(spec, validation=replace(spec.validation, values=rows))
    if wrong := wrong_value(spec, keys):
        return wrong
    letters = spec.speech is not None and spec.speech.preset == "alphanumeric"
    for key in keys:
        for what, taken in (("end_keys", spec.end_keys), ("clear_keys", spec.clear_keys)):
            if key in taken:
                return f"can't be an answer: {key!r} is one of {what}"
        if key not in spec.keys and not (letters and key.isalpha()):
            more = "'validate: {values: [...]}' with all answers"
            more = more if key in "*#" else "'allow_letters: true'"
            return f"can't be an answer: {key!r} is no digit; add {more}"
    try:
        failure = check(spec.validation, keys)
    except ValueError:  # said of the rule itself
        return ""
    return f"is refused by 'validate:' ({failure.text})" if failure else ""


def _wrong_phrase(
    spec: Collection, speech: Speech, keys: str, phrase: str, known: dict[str, str]
) -> str:
    """Why a phrase can't be told from something else that is said; empty: it can.

    `known` has the phrases before it, as they are understood, with their keys; this one is added.
    """
    plain = spoken.plain_words(phrase)
    if not plain:
        return "has no words in it"
    if "{" in phrase:
        return "has a placeholder in it; nothing is put into phrases that callers say"
    if known.setdefault(plain, keys) != keys:
        return f"stands for {known[plain]} already; a phrase can be one key"
    for word in spec.escape.words:
        if spoken.says(phrase, (word,), speech.language):
            return f"has the escape word {word!r} in it, which comes first; choose other words"
    assent = spoken.assent(phrase, speech.language)
    if assent is not None and not assent.rest:
        said = f"is a {'yes' if assent.yes else 'no'}"
        if speech.preset == "yes_no":
            return f"{said} already (preset: yes_no); leave it out"
        if keys == assented(spec, speech, phrase):
            return f"{said}; leave it out, and write 'preset: yes_no', which knows all such words"
        if spec.confirmation.when is not Confirm.NEVER:
            return f"{said}, which is the answer to 'confirm:'; choose other words"
    letters = speech.preset == "alphanumeric"
    for reading in spoken.parse(phrase, speech.language, alphanumeric=letters):
        if reading.keys and (reading.literal or " " not in plain):
            same = " without it; leave it out" if reading.keys == keys else "; choose other words"
            return f"is understood as {reading.keys}{same}"
    return ""

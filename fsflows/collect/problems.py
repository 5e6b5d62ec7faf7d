"""What is wrong with a collection before anybody has called: for the loader of flows, and for `ValueError`s in Python.

All problems are found at once. Each names its field ("max_digits", "speech.settle_time", "validation.pattern"), says
what is wrong, and what to write instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from fsflows import spoken
from fsflows.advice import did_you_mean
from fsflows.collect.feasible import Problem, is_whole, validation_problems
from fsflows.collect.spec import (
    DIGITS,
    KEYPAD,
    LETTERS,
    MAX_DIGITS,
    MAX_SECONDS,
    Collection,
    Confirm,
    Speech,
)
from fsflows.collect.word_problems import word_problems

PRESETS = ("numeric", "yes_no", "single_number", "alphanumeric", "none")
_LONGEST_PRESS = 0.3


def problems(spec: Collection, rows: frozenset[str] | None = None) -> list[Problem]:
    """Everything that is wrong with a collection; empty when it can work.

    Args:
        spec: the collection.
        rows: the choices of a flow's menu, which become its `validation.values` later.
    """
    return [
        *_lengths(spec),
        *_timers(spec),
        *_keys(spec),
        *_speech(spec),
        *_confirmation(spec),
        *validation_problems(spec),
        *word_problems(spec, rows),
    ]


def _lengths(spec: Collection) -> Iterator[Problem]:
    most, least = spec.max_digits, spec.min_digits
    if not is_whole(most) and most is not None:
        yield Problem("max_digits", f"must be a whole number, got {most!r}")
    elif most is not None and not 1 <= most <= MAX_DIGITS:
        yield Problem(
            "max_digits", f"must be between 1 and {MAX_DIGITS} (or -1 for no limit), got {most}"
        )
    if not is_whole(least):
        yield Problem("min_digits", f"must be a whole number, got {least!r}")
    elif not 0 <= least <= MAX_DIGITS:
        yield Problem("min_digits", f"must be between 0 and {MAX_DIGITS}, got {least}")
    elif is_whole(most) and most is not None and least > most >= 1:
        yield Problem(
            "min_digits", f"must not be more than max_digits, which is {most}, got {least}"
        )


def _timers(spec: Collection) -> Iterator[Problem]:
    named = {
        "first_digit_timeout": spec.first_digit_timeout,
        "inter_digit_timeout": spec.inter_digit_timeout,
        "confirmation.timeout": spec.confirmation.timeout,
    }
    if spec.collection_timeout is not None:
        named["collection_timeout"] = spec.collection_timeout
    if spec.speech is not None:
        for name in ("end_of_speech_timeout", "partial_timeout", "hold_limit"):
            named[f"speech.{name}"] = getattr(spec.speech, name)
    for name, seconds in named.items():
        yield from _seconds(name, seconds)
    if spec.speech is not None:
        yield from _seconds("speech.settle_time", spec.speech.settle_time, least=0.0, most=5.0)
    yield from _seconds("same_press_window", spec.same_press_window, least=0.0, most=_LONGEST_PRESS)


def _seconds(
    name: str, value: object, *, least: float | None = None, most: float = MAX_SECONDS
) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        yield Problem(name, f"must be a number of seconds, got {value!r}")
    elif value > most:
        hint = (
            f"; {value:g} looks like milliseconds, write {value / 1000:g}" if value >= 100 else ""
        )
        yield Problem(name, f"must be at most {most:g} seconds, got {value:g}{hint}")
    elif least is None and value <= 0:
        yield Problem(name, f"must be more than 0 seconds, got {value:g}")
    elif least is not None and value < least:
        yield Problem(name, f"must be {least:g} seconds or more, got {value:g}")


def _keys(spec: Collection) -> Iterator[Problem]:
    roles = {
        "end_keys": spec.end_keys,
        "clear_keys": spec.clear_keys,
        "escape.keys": spec.escape.keys,
        "confirmation.accept_keys": spec.confirmation.accept_keys,
        "confirmation.refuse_keys": spec.confirmation.refuse_keys,
    }
    for name, keys in roles.items():
        for key in sorted(keys):
            if key not in set(KEYPAD + LETTERS):
                yield Problem(name, f"{key!r} is not a key; keys are 0-9, *, # and A-D")
    for name in ("confirmation.accept_keys", "confirmation.refuse_keys"):
        if not roles[name] and spec.confirmation.when is not Confirm.NEVER:
            yield Problem(name, "needs a key: who isn't understood must be able to press an answer")
    for name in ("end_keys", "clear_keys"):
        for key in sorted(roles[name] & spec.keys):
            free = [repr(each) for each in "#*" if each not in spec.keys.union(*roles.values())]
            what = "is a digit" if key in DIGITS else "is also collected"
            hint = (
                f"use {' or '.join(free)}" if free else f"take {key!r} out here, or out of 'values'"
            )
            yield Problem(name, f"{key!r} {what}, so it can't have a meaning of its own; {hint}")
    for first, second in (
        ("clear_keys", "end_keys"),
        ("escape.keys", "end_keys"),
        ("escape.keys", "clear_keys"),
        ("confirmation.refuse_keys", "confirmation.accept_keys"),
        ("escape.keys", "confirmation.accept_keys"),
        ("escape.keys", "confirmation.refuse_keys"),
    ):
        if "confirmation" in second and spec.confirmation.when is Confirm.NEVER:
            continue
        for key in sorted(roles[first] & roles[second]):
            what = f"{key!r} is one of {second} too; a key can do one thing"
            if first == "escape.keys":
                what += ": change one, or write 'escape: false' in the step"
            yield Problem(first, what)


def _speech(spec: Collection) -> Iterator[Problem]:
    speech = spec.speech
    if speech is None:
        return
    yield from _language(speech)
    if speech.preset not in PRESETS:
        hint = did_you_mean(str(speech.preset), PRESETS, "one of")
        yield Problem("speech.preset", f"{speech.preset!r} is not a preset; {hint}")
    words = speech.barge_in_words
    if words is not None and (not is_whole(words) or words < 1):
        yield Problem(
            "speech.barge_in_words", f"must be 1 or more, or none for never, got {words!r}"
        )
    if not is_whole(speech.alternatives) or speech.alternatives < 1:
        yield Problem("speech.alternatives", f"must be 1 or more, got {speech.alternatives!r}")


def _language(speech: Speech) -> Iterator[Problem]:
    try:
        spoken.resolve(speech.language)
    except ValueError as error:
        yield Problem("speech.language", str(error))


def _confirmation(spec: Collection) -> Iterator[Problem]:
    confirmation = spec.confirmation
    if any(not is_whole(size) or size < 1 for size in confirmation.groups):
        yield Problem("confirmation.groups", f"sizes must be 1 or more, got {confirmation.groups}")
    if isinstance(confirmation.sure, bool) or not 0 <= confirmation.sure <= 1:
        yield Problem("confirmation.sure", f"must be between 0 and 1, got {confirmation.sure}")
    if not is_whole(confirmation.asks) or not 1 <= confirmation.asks <= 5:
        yield Problem("confirmation.asks", f"must be between 1 and 5, got {confirmation.asks}")

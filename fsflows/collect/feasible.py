"""Whether any answer could pass a collection's validation at all.

A pattern that no allowed length can match, a value of the wrong length, a region without such numbers: found when the
flow is loaded, not by a caller who can never get past the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from fsflows.collect.pattern import ALPHABET, Pattern
from fsflows.collect.spec import DIGITS, KEYPAD, LETTERS, MAX_DIGITS, Collection, Validation
from fsflows.collect.validate import MAX_AMOUNT_DIGITS, Validator


class Problem(NamedTuple):
    """A field of the spec, as a path of attribute names ("validation.pattern"), and what is wrong with it."""

    field: str
    text: str


def validation_problems(spec: Collection) -> Iterator[Problem]:
    """What is wrong with a collection's validation: rules that don't exist, and rules that nothing can keep."""
    lengths = _all_lengths(spec)
    for rule in ("pattern", "check", "phone_region", "kind"):
        value = getattr(spec.validation, rule)
        if value is None:
            continue
        alone = replace(Validation(date_format=spec.validation.date_format), **{rule: value})
        try:
            Validator(alone)
        except ValueError as error:
            field = "date_format" if value == "date" else rule
            yield Problem(f"validation.{field}", str(error))
        else:
            if lengths and rule in _CAN_MATCH:
                yield from _CAN_MATCH[rule](spec, lengths)
    if spec.validation.values is not None:
        yield from _values(spec)


def _keys(spec: Collection) -> frozenset[str]:
    letters = spec.speech is not None and spec.speech.preset == "alphanumeric"
    return ALPHABET if letters else spec.keys


def _pattern(spec: Collection, lengths: range) -> Iterator[Problem]:
    text = spec.validation.pattern or ""
    keys, pattern = _keys(spec), Pattern(text)
    if not pattern.can_match(lengths, keys):
        yield Problem(
            "validation.pattern", f"{text!r} can't match any {_say(lengths)} of {_say_keys(keys)}"
        )
    elif spec.escape.keys and not pattern.can_match(lengths, keys, keys - spec.escape.keys):
        escape = _say_keys(spec.escape.keys)
        yield Problem(
            "validation.pattern", f"all that {text!r} matches begins with an escape key ({escape})"
        )


def _values(spec: Collection) -> Iterator[Problem]:
    values: frozenset[object] = frozenset(spec.validation.values or ())
    if not values:
        yield Problem("validation.values", "the list is empty: no answer could be right")
    for value in sorted(values, key=str):
        wrong = wrong_value(spec, value)
        if wrong:
            yield Problem("validation.values", f"{value!r} {wrong}")


def wrong_value(spec: Collection, value: object) -> str | None:
    """Why a collection can never come to a value, other rules aside; None: it can."""
    lengths = _all_lengths(spec)
    if not isinstance(value, str):
        return f"must be text; write {str(value)!r}, in quotes"
    if any(char.isspace() for char in value):
        return f"has blanks in it; write {''.join(value.split())!r}"
    if not set(value) <= _keys(spec) | set(KEYPAD + LETTERS):
        return "can't be keyed: keys are 0-9, *, # and A-D"
    if lengths and len(value) not in lengths:
        keys = "1 key" if len(value) == 1 else f"{len(value)} keys"
        return f"has {keys}; the step takes {_say(lengths)}"
    if value[:1] in spec.escape.keys:
        return f"begins with the escape key {value[:1]!r}, and can't be keyed"
    pattern = spec.validation.pattern
    if pattern is not None and not _matches(pattern, value):
        return f"does not match the pattern {pattern!r}"
    return None


def _matches(pattern: str, value: str) -> bool:
    try:
        return Pattern(pattern).fullmatch(value)
    except ValueError:
        return True  # said of the pattern itself


def _kind(spec: Collection, lengths: range) -> Iterator[Problem]:
    takes = f"the step takes {_say(lengths)}"
    kind, order = spec.validation.kind, spec.validation.date_format
    if kind == "date" and len(order) not in lengths:
        yield Problem("validation.date_format", f"{order} has {len(order)} digits; {takes}")
    if kind == "time" and 4 not in lengths:
        yield Problem("validation.kind", f"a time of day has 4 digits; {takes}")
    if kind == "amount" and lengths.start > MAX_AMOUNT_DIGITS:
        most = MAX_AMOUNT_DIGITS
        yield Problem("validation.kind", f"an amount has at most {most} digits; {takes}")


def _phone_region(spec: Collection, lengths: range) -> Iterator[Problem]:
    from phonenumbers import PhoneMetadata  # its tables take a while to load

    region = spec.validation.phone_region or ""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return
    national = {size for size in metadata.general_desc.possible_length if size > 0}
    possible = national | {size + len(metadata.national_prefix or "") for size in national}
    # Longer ones may be numbers of other countries.
    if lengths[-1] < max(possible) and possible.isdisjoint(lengths):
        sizes = ", ".join(map(str, sorted(possible)))
        yield Problem(
            "validation.phone_region",
            f"no phone number as dialled in {region} has {_say(lengths)}; they have {sizes}",
        )


_CAN_MATCH = {"pattern": _pattern, "phone_region": _phone_region, "kind": _kind}


def _all_lengths(spec: Collection) -> range:
    """The lengths that can come at all; empty when the limits themselves are wrong."""
    most = MAX_DIGITS if spec.max_digits is None else spec.max_digits
    if not is_whole(most) or not is_whole(spec.min_digits):
        return range(0)
    return range(max(0, spec.min_digits), min(most, MAX_DIGITS) + 1)


def _say(lengths: range) -> str:
    if len(lengths) == 1:
        return f"{lengths[0]} digit{'s' if lengths[0] != 1 else ''}"
    return f"{lengths.start} to {lengths.stop - 1} digits"


def _say_keys(keys: frozenset[str]) -> str:
    if not set(DIGITS) <= keys:
        return "".join(sorted(keys))
    extra = "".join(sorted(keys - set(DIGITS)))
    return f"0-9{extra}" if len(extra) < 8 else "digits and letters"


def is_whole(number: object) -> bool:
    """Whether it is an `int`, and no `bool`."""
    return isinstance(number, int) and not isinstance(number, bool)

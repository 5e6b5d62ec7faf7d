"""Digits to words for the caller: grouping, digit names, and the language's own sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fsflows.spoken.language import load

_FIGURES = re.compile(r"\d+")


def group_for_reading(
    digits: str,
    language: str,
    *,
    groups: tuple[int, ...] = (),
    phone_region: str | None = None,
) -> list[str]:
    """Digits in the groups in which they are read out.

    Args:
        digits: any keys, without separators.
        language: a tag that `resolve` understands.
        groups: sizes of the first groups; what is left over is grouped as if alone.
        phone_region: an ISO 3166 region: as a phone number is written there, when it is one.

    Returns:
        "5551234567" -> ["555", "123", "4567"]; fours where they come out even, else threes and a four or two.
        [] for no digits.

    Raises:
        ValueError: for an unknown language, or a group size under 1.
    """
    load(language)
    if any(size < 1 for size in groups):
        raise ValueError(f"group sizes must be 1 or more, got {groups}")
    found: list[str] = []
    if not groups and phone_region:
        found = _phone_groups(digits, phone_region)
        digits = "" if found else digits
    for size in groups:
        if digits:
            found.append(digits[:size])
            digits = digits[size:]
    start = 0
    for size in _sizes(len(digits)):
        found.append(digits[start : start + size])
        start += size
    return found


def _sizes(count: int) -> list[int]:
    if count <= 4:
        return [count] if count else []
    if count == 5:
        return [3, 2]
    fours = count // 4 if count % 4 == 0 else count % 3
    return [3] * ((count - 4 * fours) // 3) + [4] * fours


def _phone_groups(digits: str, region: str) -> list[str]:
    import phonenumbers  # its tables take a while to load, and few steps read a phone number out

    try:
        number = phonenumbers.parse(digits, region.upper())
    except phonenumbers.NumberParseException:
        return []
    if not phonenumbers.is_possible_number(number):
        return []
    form = phonenumbers.PhoneNumberFormat.NATIONAL
    found = _FIGURES.findall(phonenumbers.format_number(number, form))
    return found if "".join(found) == digits else []


def digit_words(digits: str, language: str) -> str:
    """Each key by its spoken name: "5551234567" -> "five five five, one two three, four five six seven".

    Blanks, commas and hyphens in `digits` part its groups; without any, `group_for_reading` does. Letters are spoken as
    themselves; anything else is left out.

    Raises:
        ValueError: for an unknown language.
    """
    names = load(language).names
    groups = re.split(r"[\s,-]+", digits.strip())
    if len(groups) == 1:
        groups = group_for_reading(digits.strip(), language)
    spoken = (
        " ".join(names.get(key, key.upper()) for key in group if key in names or key.isalpha())
        for group in groups
    )
    return ", ".join(words for words in spoken if words)


def phrases(language: str) -> Mapping[str, str]:
    """The language's own sentences by name; read only.

    confirm ("I have {phrase}. Is that right?"), confirm_keys ("Press {accept} for yes, or {refuse} for no."),
    no_input, no_match, too_short, too_long, keypad (use the keys instead), apology, goodbye.

    Raises:
        ValueError: for an unknown language.
    """
    return load(language).phrases

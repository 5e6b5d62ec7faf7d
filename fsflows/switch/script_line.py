"""A script's line, taken apart: words and texts in quotes, options behind them, numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from fsflows.switch.script_words import without_unit

MAX_SECONDS = 600.0
"""The longest any time in a script may be: a larger number is milliseconds taken for seconds."""


class Wrong(Exception):
    """What is wrong with a line."""


Words = list[tuple[str, bool]]
"""The words of a line, each with whether it was quoted."""


def words_of(text: str) -> Words:
    """The words of a line."""
    return list(_split(text))


def _split(text: str) -> Iterator[tuple[str, bool]]:
    rest = text.strip()
    while rest:
        if rest[0] == '"':
            found = re.match(r'"((?:[^"\\]|\\.)*)"(?:\s+|$)', rest)
            if found is None:
                raise Wrong('a quotation mark " has no end, or no blank behind its end')
            yield re.sub(r"\\(.)", r"\1", found[1]), True
            rest = rest[found.end() :]
        else:
            word, _, rest = rest.partition(" ")
            yield word, False
            rest = rest.lstrip()


def text_of(rest: str, missing: str, *options: str) -> tuple[str, Words]:
    """A text, and the options behind it when it is quoted."""
    if rest.startswith('"'):
        words = words_of(rest)
        text, words = words[0][0], words[1:]
    else:
        text, words = rest, []
        found = re.search(rf"\s({'|'.join(options)})\s+[\d.]+$", text)
        if found is not None:
            # Without this, an option would quietly become part of the text.
            raise Wrong(
                f'with {found[1]!r} behind it, the text goes in quotes: "{text[: found.start()]}"'
            )
    if not text.strip():
        raise Wrong(missing)
    return text, words


def options_of(words: Words, **defaults: float) -> dict[str, float]:
    """`name seconds` pairs, over their defaults."""
    options = dict(defaults)
    for place in range(0, len(words), 2):
        name = words[place][0]
        if name not in defaults:
            known = " or ".join(defaults)
            raise Wrong(f"{name!r} is not understood here; there may be {known} and seconds")
        options[name] = seconds_of(words[place + 1][0] if place + 1 < len(words) else "")
    return options


def seconds_of(text: str) -> float:
    """A number of seconds."""
    number = number_of(text, "a number of seconds")
    if not 0 <= number <= MAX_SECONDS:
        raise Wrong(f"seconds are between 0 and {MAX_SECONDS:g}, not {number:g}")
    return number


def number_of(text: str, what: str) -> float:
    """A number. `what`: for the message about one that is none."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Wrong(f"{text!r} is not {what}{without_unit(text)}" if text else f"{what} is missing")
    return number

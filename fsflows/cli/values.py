"""`--set NAME=VALUE`: first values of `conv.state`."""

from __future__ import annotations

from collections.abc import Iterable


def values_of(given: Iterable[str]) -> dict[str, str]:
    """What was given, by name; values are texts.

    Raises:
        ValueError: one of them is no NAME=VALUE.
    """
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"--set is NAME=VALUE, got {text!r}")
        values[name] = value
    return values

"""What others have written, for a terminal or a log: nothing in it may move the cursor or forge or reverse a line."""

from __future__ import annotations

import re

_LIVE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escaped(text: str, keep: str = "") -> str:
    r"""The text with escapes (`\x1b`) for what can't be printed, but for the characters of `keep`."""
    return "".join(
        char if char.isprintable() or char in keep else repr(char)[1:-1] for char in text
    )


def blanked(text: str) -> str:
    """The text with a blank for each character that can't be printed."""
    return "".join(char if char.isprintable() else " " for char in text)


def escaped_json(text: str) -> str:
    """The same JSON, with its own escapes."""
    return _LIVE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)

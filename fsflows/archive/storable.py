"""What a record can hold: values of any kind as such that JSON and every database can keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fsflows.privacy import redact

MAX_TEXT = 2000
"""Characters of one text."""


def storable(text: str) -> str:
    """Text that every database and UTF-8 can hold: without NUL and half surrogates (bytes that were no text)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def worded(error: object) -> str:
    """An exception, or a text, in words; None: ""."""
    if error is None:
        return ""
    return f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)


def finite(value: float | None) -> float | None:
    """A number that JSON has, with four places; None: it is none."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def plain(value: Any) -> Any:
    """What JSON can hold; anything else as its text."""
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return storable(value)[:MAX_TEXT]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    return storable(str(redact(value)))[:MAX_TEXT]

"""Private values, by type: what a caller keys or says in a step marked `is_pii` exists only as `Pii`.

Nothing here relies on remembering to mask. A `Pii` that finds its way into a log line, an f-string, a traceback,
JSON, a pickle or a copy shows a placeholder; the one way to the value is `Pii.reveal()`, which can be searched for.

`Redactor` is the last line of defence behind the type: once a function has called `reveal()` it can say or raise the
value as plain text, and a call's redactor takes it out of that text again, however it is written.
"""

from __future__ import annotations

import dataclasses
import hmac
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NoReturn, final
from uuid import UUID

from fsflows.redaction.register import Register

__all__ = ["Pii", "Redactor", "json_default", "placeholder", "redact", "walk"]

MAX_DEPTH = 50
"""Structures nested deeper than this are cut off with "..."."""


@final
class Pii:
    """A private string: immutable, hashable, equal to the same `str` (in constant time), and never shown.

    It is not a `str`, so whatever would quietly use its characters (iteration, indexing, concatenation, `str.join`)
    is a `TypeError` that names `reveal()`. Pickling keeps the placeholder only; copies are the object itself. In
    memory the value is masked with a pad of its own, so that a dump of the object's slots or of the process has no
    digits to find.

    Raises:
        TypeError: the value is not a string.
    """

    __slots__ = ("_masked", "_pad")
    _masked: bytes
    _pad: bytes

    def __init__(self, value: str | Pii) -> None:
        text: object = value.reveal() if isinstance(value, Pii) else value
        if not isinstance(text, str):
            kind = type(text).__name__
            del text, value  # a traceback that shows locals must not show it
            raise TypeError(f"a private value must be a str, got {kind}")
        plain = text.encode("utf-8", "surrogatepass")
        pad = os.urandom(len(plain))
        object.__setattr__(self, "_pad", pad)
        object.__setattr__(self, "_masked", _xor(plain, pad))

    def reveal(self) -> str:
        """The value itself, as a plain string. Whoever calls this answers for where it goes."""
        return _xor(self._masked, self._pad).decode("utf-8", "surrogatepass")

    def last(self, count: int = 4) -> str:
        """The last `count` characters (1-4), to let a caller recognise a number: "the card ending in 1111".

        Never more than half of the value, so that a short one (a PIN) is not given away: `Pii("1234").last(4)` is
        "34".

        Raises:
            ValueError: `count` is not between 1 and 4.
        """
        if not 1 <= count <= 4:
            raise ValueError(
                f"between 1 and 4 characters of a private value may be shown, not {count}"
            )
        value = self.reveal()
        shown = min(count, len(value) // 2)
        return value[len(value) - shown :]

    def __len__(self) -> int:
        return len(self.reveal())

    def __bool__(self) -> bool:
        return bool(self._masked)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Pii):
            other = other.reveal()
        if not isinstance(other, str):
            return NotImplemented
        return hmac.compare_digest(
            self.reveal().encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash(self.reveal())

    # --- what is shown ---

    def __str__(self) -> str:
        return placeholder(self.reveal())

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return str(self)

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return (str, (str(self),))

    def __getstate__(self) -> NoReturn:
        raise TypeError("a private value has no state to look at; use reveal()")

    def __copy__(self) -> Pii:
        return self

    def __deepcopy__(self, memo: object) -> Pii:
        return self

    # --- what is refused ---

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a private value can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a private value can't be changed")

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "a private value can't be iterated, indexed, joined, concatenated or searched; use reveal()"
        )

    __iter__ = __getitem__ = __contains__ = __reversed__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = _refuse

    if not TYPE_CHECKING:  # a type checker already knows that a Pii is not a str

        def __getattr__(self, name: str) -> NoReturn:
            hint = f"; use reveal().{name}" if hasattr(str, name) else ""
            raise AttributeError(f"a private value has no attribute {name!r}{hint}")


def _xor(data: bytes, pad: bytes) -> bytes:
    return (int.from_bytes(data) ^ int.from_bytes(pad)).to_bytes(len(data))


def placeholder(value: str) -> str:
    """What is shown in a private value's stead: "[4 digits hidden]"; "[hidden]" if it isn't two or more digits."""
    if len(value) > 1 and value.isascii() and value.isdigit():
        return f"[{len(value)} digits hidden]"
    return "[hidden]"


class Redactor:
    """The private values of one call, and a way to take them out of text.

    A registered value is found when it is written whole, with separators ("4111-1111…", "4, 1, 1, 1"), in words
    ("four one double one"), or in part: five or more of its digits in a row (four may be shown: a card's last
    four), in pieces of any length that follow one another with letters or words in between ("45-ab-56 then seventy
    three"), and two or more groups of three or four digits in its order, whatever stands between them (but for its
    last four digits). A value of three or four digits is found whole and by itself only, or as two pairs, since it
    would be a part of too many others; shorter ones are left to the type. Values that aren't numbers are found
    whole, whatever their case and spacing.

    It keeps hashes, not values. Cheap while nothing is registered, linear in the text otherwise.
    """

    __slots__ = ("_register",)

    def __init__(self) -> None:
        self._register = Register()

    def add(self, value: str | Pii) -> Pii:
        """Register a value; returns it as `Pii`. Registering it again changes nothing."""
        private = value if isinstance(value, Pii) else Pii(value)
        self._register.add(private.reveal())
        return private

    def text(self, text: str) -> str:
        """The text with every registered value replaced by a placeholder."""
        return self._register.clean(text)

    def row(self, texts: Sequence[str]) -> list[str]:
        """Texts without what shows a private value only when they are read one after another."""
        return self._register.clean_row(texts)

    def redact(self, obj: Any) -> Any:
        """A copy of a structure (see `redact`) in which every string and number has gone through `text` as well.

        A list or mapping within it whose values show a private one only together (`["45", "56", "73"]`) is hidden as
        a whole; so is the structure itself, unless it is a mapping: that has fields of many origins.
        """
        clean = walk(obj, self._plain)
        if not self._register:
            return clean
        if isinstance(clean, Mapping):
            return {key: self.together(value) for key, value in clean.items()}
        return self.together(clean)

    def together(self, clean: Any) -> Any:
        """The same structure, or "[hidden]" in its place where its values show together what none shows alone."""
        if isinstance(clean, Mapping):
            inside: Any = {key: self.together(value) for key, value in clean.items()}
        elif isinstance(clean, list | tuple):
            inside = type(clean)(map(self.together, clean))
        else:
            return clean
        written = ", ".join(_leaves(inside))
        return inside if self.text(written) == written else "[hidden]"

    def _plain(self, obj: Any) -> Any:
        if not self._register:
            return obj
        if isinstance(obj, str):
            return self.text(obj)
        if isinstance(obj, bytes | bytearray):
            written = bytes(obj).decode("latin-1")
        elif isinstance(obj, int | float) and not isinstance(obj, bool):
            written = str(obj)
        else:
            return obj
        cleaned = self.text(written)
        return obj if cleaned == written else cleaned

    def __len__(self) -> int:
        return len(self._register)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._register)} values>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a redactor stays in its call")


def _leaves(clean: Any) -> Iterator[str]:
    if isinstance(clean, Mapping):
        for key, value in clean.items():
            yield from _leaves(key)
            yield from _leaves(value)
    elif isinstance(clean, list | tuple):
        for each in clean:
            yield from _leaves(each)
    else:
        yield str(clean)


def redact(obj: Any) -> Any:
    """A copy of a structure that is fit to be written down: every `Pii` in it has become its placeholder.

    Walks mappings (keys too), lists, tuples, sets (which become lists) and dataclasses (which become dicts);
    anything else is returned as it is. A structure that contains itself gets "..." at that place.
    """
    return walk(obj, lambda leaf: leaf)


_LEAVES = frozenset((str, int, float, bool, type(None)))
"""Types whose values are no containers and not private. Of a subclass nobody knows."""


def walk(obj: Any, leaf: Callable[[Any], Any], above: tuple[int, ...] = ()) -> Any:
    """What `redact` does, with every value that is no container put through `leaf` as well."""
    if type(obj) in _LEAVES:  # nearly everything
        return leaf(obj)
    if isinstance(obj, Pii):
        return str(obj)
    if id(obj) in above or len(above) >= MAX_DEPTH:
        return "..."
    inside = (*above, id(obj))
    if isinstance(obj, Mapping):
        return {walk(k, leaf, inside): walk(v, leaf, inside) for k, v in obj.items()}
    if isinstance(obj, tuple):
        return tuple(walk(each, leaf, inside) for each in obj)
    if isinstance(obj, list | Set | deque):
        return [walk(each, leaf, inside) for each in obj]
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {
            field.name: walk(getattr(obj, field.name, None), leaf, inside)
            for field in dataclasses.fields(obj)
        }
    return leaf(obj)


def json_default(obj: Any) -> Any:
    """For `json.dumps(..., default=json_default)`: writes a `Pii` as its placeholder, and the plain types JSON lacks.

    Raises:
        TypeError: for any other type, as `json` itself does. Without this hook, `json` refuses a `Pii`.
    """
    if isinstance(obj, Pii):
        return str(obj)
    if isinstance(obj, datetime | date | time):
        return obj.isoformat()
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, UUID | PurePath):
        return str(obj)
    if isinstance(obj, Mapping | Set) or (
        dataclasses.is_dataclass(obj) and not isinstance(obj, type)
    ):
        plain = redact(obj)
        return sorted(plain, key=str) if isinstance(obj, Set) else plain
    raise TypeError(f"{type(obj).__name__} can't be written as JSON")

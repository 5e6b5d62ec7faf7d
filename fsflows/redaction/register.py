"""A register of private values, and taking them out of a text.

Text is read as a row of characters that matter (digits, or letters and digits), each with its place. Characters
belong to one run while nothing but a little punctuation stands between them. A registered value is
a set of hashes of its parts; every part of a run that has one of these hashes is hidden, with the separators inside
it. What is escaped or encoded is looked for in what it stands for (`fsflows.redaction.codes`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fsflows.redaction.codes import encoded, unescaped
from fsflows.redaction.pieces import Pieces
from fsflows.redaction.words import SHORTEST, spoken_numbers

PART = 5
"""So many digits of a value in a row give it away; four may be shown."""

GAP = 5
"""So many characters that are neither digits nor letters may stand between two digits of one number (`", "` in JSON
is 4)."""

_BETWEEN = ", "
"""What stands between texts that are read as one."""

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Sign:
    """One character that matters, and where it is written."""

    char: str
    start: int
    end: int


@dataclass(slots=True)
class _Shape:
    """What is looked for in one kind of run: hashes of parts by the length of the part.

    `bounded` lengths are those of values too short to be looked for inside a longer number or word.
    """

    parts: dict[int, set[int]] = field(default_factory=dict)
    bounded: set[int] = field(default_factory=set)

    def add(self, part: str) -> None:
        # Hashes, so that the register is no second copy of what it hides (str hashes are keyed per process).
        self.parts.setdefault(len(part), set()).add(hash(part))

    def hidden(self, run: list[_Sign]) -> Iterator[tuple[int, int]]:
        """The (first, behind-last) places in `run` of every part that is registered."""
        row = "".join(sign.char for sign in run)
        for length, hashes in self.parts.items():
            for first in range(len(row) - length + 1):
                if hash(row[first : first + length]) in hashes:
                    behind = first + length
                    if length not in self.bounded or _alone(run, first, behind):
                        yield first, behind

    def within(self, row: str) -> bool:
        """Whether any registered part is in a row of characters."""
        return any(
            hash(row[first : first + length]) in hashes
            for length, hashes in self.parts.items()
            for first in range(len(row) - length + 1)
        )


def _alone(run: list[_Sign], first: int, behind: int) -> bool:
    """Whether no digit or letter touches the part."""
    return not (first > 0 and run[first - 1].end >= run[first].start) and not (
        behind < len(run) and run[behind].start <= run[behind - 1].end
    )


class Register:
    """Values to be hidden, and `clean`, which hides them."""

    __slots__ = ("_digits", "_letters", "_pieces", "_seen")

    def __init__(self) -> None:
        self._digits = _Shape()
        self._letters = _Shape()
        self._pieces = Pieces()
        self._seen: set[int] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, value: str) -> None:
        signs = _SEPARATORS.sub("", value).casefold()
        if len(signs) < SHORTEST or hash(signs) in self._seen:
            return
        self._seen.add(hash(signs))
        digits = _ascii_digits(signs)
        if digits is None:
            self._letters.add(signs)
            self._letters.bounded.add(len(signs))
        elif len(digits) < PART:
            self._digits.add(digits)
            self._digits.bounded.add(len(digits))
        else:
            for first in range(len(digits) - PART + 1):
                self._digits.add(digits[first : first + PART])
        if digits is not None:
            self._pieces.add(digits)
            # As a number it has no zeros in front.
            if SHORTEST <= len(number := digits.lstrip("0")) < min(PART, len(digits)):
                self._digits.add(number)
                self._digits.bounded.add(len(number))

    def clean(self, text: str) -> str:
        """The text with every registered value replaced by how many characters are hidden."""
        if not self._seen or not text:
            return text
        return _replace(text, self._everywhere(text))

    def clean_row(self, texts: Sequence[str]) -> list[str]:
        """The texts, without what shows a registered value when they are read one after another."""
        if not self._seen:
            return list(texts)
        spans = self._everywhere(_BETWEEN.join(texts))
        clean = []
        start = 0
        for text in texts:
            inside = [
                (max(first - start, 0), min(behind - start, len(text)), "[hidden]")
                for first, behind, _ in spans
                if text and first < start + len(text) and behind > start
            ]
            clean.append(_replace(text, inside))
            start += len(text) + len(_BETWEEN)
        return clean

    def _everywhere(self, text: str) -> list[tuple[int, int, str]]:
        """The (start, end, replacement) of every registered value, however it is written."""
        spans = self._find(text)
        for view in unescaped(text):
            spans += [
                (view.starts[start], view.ends[end - 1], instead)
                for start, end, instead in self._find(view.text)
            ]
        spans += [
            (piece.start, piece.end, "[hidden]")
            for piece in encoded(text)
            if self._find(piece.text)
            or any(self._find(view.text) for view in unescaped(piece.text))
        ]
        return spans

    def _find(self, text: str) -> list[tuple[int, int, str]]:
        """The (start, end, replacement) of every registered value in a text as it stands."""
        spans = []
        if self._digits.parts:
            for run in _runs(text, _ascii_digits):
                spans += _spans(run, self._digits, "digits ")
            spoken = list(spoken_numbers(text))
            spans += [
                (number.start, number.end, "[hidden]")
                for number in spoken
                if any(self._digits.within(digits) for digits in number.digits)
            ]
            if self._pieces:
                spans += [
                    (
                        piece.start,
                        piece.end,
                        "[hidden]" if piece.words else _hidden(piece.end - piece.start),
                    )
                    for piece in self._pieces.hidden(text, spoken)
                ]
        if self._letters.parts:
            for run in _runs(text, _letter):
                spans += _spans(run, self._letters, "")
        return spans


def _spans(run: list[_Sign], shape: _Shape, unit: str) -> list[tuple[int, int, str]]:
    """The (start, end, replacement) of what is hidden in a run; parts that touch or overlap are one."""
    merged: list[list[int]] = []
    for first, behind in sorted(shape.hidden(run)):
        if merged and first <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], behind)
        else:
            merged.append([first, behind])
    return [
        (
            run[first].start,
            run[behind - 1].end,
            f"[{behind - first} {unit}hidden]" if unit else "[hidden]",
        )
        for first, behind in merged
    ]


def _hidden(digits: int) -> str:
    return f"[{digits} digits hidden]" if digits > 1 else "[hidden]"


def _replace(text: str, spans: list[tuple[int, int, str]]) -> str:
    pieces = []
    at = 0
    for start, end, instead in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end <= at:
            continue
        if start >= at:
            pieces += [text[at:start], instead]
        at = end
    return "".join([*pieces, text[at:]])


def _ascii_digits(text: str) -> str | None:
    """The same digits as 0-9 (a caller's keyboard may write others), or None when there is something else in it."""
    digits = [unicodedata.digit(char, -1) for char in text]
    return None if -1 in digits else "".join(map(str, digits))


# --- reading ----------------------------------------------------------------------------------------------------


def _runs(text: str, belongs: Callable[[str], str | None]) -> Iterator[list[_Sign]]:
    """Characters that belong to what is looked for, as far as nothing but a little punctuation stands between them."""
    run: list[_Sign] = []
    for at, char in enumerate(text):
        sign = belongs(char)
        if sign is None:
            if char.isalnum() and run:
                yield run
                run = []
            continue
        if run and at - run[-1].end > GAP:
            yield run
            run = []
        run += [_Sign(each, at, at + 1) for each in sign]  # "ß" is two: "ss"
    if run:
        yield run


def _letter(char: str) -> str | None:
    return char.casefold() if char.isalnum() else None

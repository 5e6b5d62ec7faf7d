r"""Other ways to write a text: with escapes ("%34%35", "\u0034", "&#52;"), in Base64, in hexadecimal, as byte
values. For `fsflows.redaction`, which looks at what they stand for.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

DEPTH = 3
"""How often something is escaped once more ("%2534") and still looked through."""

SHORTEST = 3
"""Characters of what is worth looking at."""

_ESCAPE = re.compile(
    r"""(?P<bytes>(?:%[0-9A-Fa-f]{2})+|(?:\\x[0-9A-Fa-f]{2})+|(?:=[0-9A-F]{2})+)
    |\\u(?P<four>[0-9A-Fa-f]{4})
    |\\U(?P<eight>[0-9A-Fa-f]{8})
    |\\(?P<octal>[0-7]{3})
    |&\#(?P<decimal>\d{1,7});
    |&\#[xX](?P<hex>[0-9A-Fa-f]{1,6});
    |\\(?P<white>[nrtbfv0])""",
    re.VERBOSE,
)
_MARK = re.compile(r"[%\\&=]")
_BASES = {"four": 16, "eight": 16, "octal": 8, "decimal": 10, "hex": 16}

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}")
_URL_SAFE = str.maketrans("-_", "+/")
_HEX = re.compile(r"[0-9A-Fa-f]{6,}")
# The first group is not as long as it may be: it would be gone through again from each of its digits.
_HEX_DUMP = re.compile(r"(?:0x)?(?:3\d){1,64}(?:[\s:,;-]{1,3}(?:0x)?(?:3\d)+)+")
_BYTE_VALUES = re.compile(r"(?<!\d)(?:4[89]|5[0-7])(?:[\s,;]{1,3}(?:4[89]|5[0-7])){2,}(?!\d)")
_DIGITS = re.compile(rb"\d\D{0,5}\d\D{0,5}\d")


class View(NamedTuple):
    """A text as it reads without its escapes; each character with where it is written, from `starts` to `ends`."""

    text: str
    starts: list[int]
    ends: list[int]


class Encoded(NamedTuple):
    """A piece of a text that may be an encoding, and what of."""

    start: int
    end: int
    text: str


def unescaped(text: str) -> Iterator[View]:
    """The text without its escapes; without those that come to light then; and so on. Nothing when there are none."""
    view = View(text, [], [])
    for depth in range(DEPTH):
        if not _MARK.search(view.text) or not _ESCAPE.search(view.text):
            return
        below = _unescape(view.text)
        if depth:
            starts = [view.starts[at] for at in below.starts]
            below = View(below.text, starts, [view.ends[end - 1] for end in below.ends])
        view = below
        yield view


def _unescape(text: str) -> View:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def add(char: str, start: int, end: int) -> None:
        chars.append(char)
        starts.append(start)
        ends.append(end)

    at = 0
    for match in _ESCAPE.finditer(text):
        for index in range(at, match.start()):
            add(text[index], index, index + 1)
        at = match.start()
        if match["bytes"]:
            width = 4 if match["bytes"][0] == "\\" else 3
            raw = bytes.fromhex(re.sub(r"[%=]|\\x", "", match["bytes"]))
            for char, size in _characters(raw):
                add(char, at, at + size * width)
                at += size * width
        elif match["white"]:
            add(" ", at, match.end())
        else:
            name = str(match.lastgroup)
            code = int(match[name], _BASES[name])
            add(chr(code) if code <= 0x10FFFF else " ", at, match.end())
        at = match.end()
    for index in range(at, len(text)):
        add(text[index], index, index + 1)
    return View("".join(chars), starts, ends)


def _characters(raw: bytes) -> list[tuple[str, int]]:
    """The characters of bytes, each with how many of them it takes."""
    try:
        return [(char, len(char.encode())) for char in raw.decode()]
    except UnicodeDecodeError:
        return [(char, 1) for char in raw.decode("latin-1")]


def encoded(text: str) -> Iterator[Encoded]:
    """The pieces of a text that may be Base64, hexadecimal or byte values, as far as digits or text come out."""
    for match in _BASE64.finditer(text):
        token = match[0]
        if token.islower() or token.isdigit():  # a word; Base64 of digits has capitals
            continue
        token = token.translate(_URL_SAFE)
        for first in range(4):  # something else may have been written right before it
            piece = token[first:]
            piece = piece[: len(piece) - (len(piece) % 4 == 1)]
            yield from _as_text(match, binascii.a2b_base64(piece + "==="))
    for match in _HEX.finditer(text):
        for first in range(2):
            piece = match[0][first:]
            yield from _as_text(match, bytes.fromhex(piece[: len(piece) // 2 * 2]))
    for match in _HEX_DUMP.finditer(text):
        yield from _as_text(match, bytes.fromhex(re.sub(r"0x|[^0-9]", "", match[0])))
    for match in _BYTE_VALUES.finditer(text):
        yield from _as_text(match, bytes(int(each) for each in re.findall(r"\d+", match[0])))


def _as_text(match: re.Match[str], raw: bytes) -> Iterator[Encoded]:
    if _DIGITS.search(raw):
        yield Encoded(match.start(), match.end(), raw.decode("latin-1"))
    try:
        read = raw.decode()
    except UnicodeDecodeError:
        return
    if len(read) >= SHORTEST and read.isprintable():
        yield Encoded(match.start(), match.end(), read)

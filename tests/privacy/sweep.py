"""Looks for private values in anything the program puts out. Written without the redactor's code, which it checks.

found = leaks("4556737586899855", {"log": text, "records.db": data})
assert [] == found
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from itertools import pairwise

from fsflows.spoken import digit_words, languages

PART = 5
_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE
)
_ADDRESS = re.compile(r"\b0x[0-9a-f]+\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")


def leaks(value: str, outputs: Mapping[str, str | bytes]) -> list[str]:
    """Where a value of digits can be read: whole, five or more of its digits in a row, with separators, in words, in
    pieces of two or more digits with anything in between, or encoded: as Base64 whatever comes before it, hexadecimal,
    with the escapes of addresses, JSON, Python or HTML.

    Values of up to four digits are looked for whole and by themselves. Ids, times and addresses of objects are not
    looked at: any four digits are in one of them sooner or later.
    """
    patterns = list(_patterns(value))
    found = []
    for name, output in outputs.items():
        text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
        text = _ADDRESS.sub(" ", _TIME.sub(" ", _UUID.sub(" ", text)))
        for pattern in patterns:
            if match := pattern.search(text):
                found.append(f"{name}: {text[max(0, match.start() - 60) : match.end() + 20]!r}")
                break
        else:
            if span := _in_pieces(value, text):
                found.append(f"{name}: {text[max(0, span[0] - 60) : span[1] + 20]!r}")
    return found


_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ONES = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    *(f"{each}teen" for each in ("thir", "four", "fif", "six", "seven", "eigh", "nine")),
]


def in_words(pair):
    """Two digits as an English number, "forty five"; as they are when they are none."""
    ten, one = int(pair[0]), int(pair[1])
    return pair if ten == 0 else _TEENS[one] if ten == 1 else f"{_TENS[ten]} {_ONES[one]}".strip()


_WORDS = {in_words(str(number)): str(number) for number in range(10, 100)}
_PIECE = re.compile(
    r"\d{2,}|\b(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)).replace(" ", "[ -]") + r")\b",
    re.IGNORECASE,
)


def _in_pieces(value, text):
    """Where groups of two or more digits, close to one another, go on with the value for five digits, or all of it."""
    pieces = [
        (match.start(), match.end(), _WORDS.get(match[0].lower().replace("-", " "), match[0]))
        for match in _PIECE.finditer(text)
    ]
    for first in range(len(pieces)):
        read, last = "", pieces[first][0]
        for start, end, digits in pieces[first:]:
            read += digits
            if read not in value or start - last > 30:
                break
            if len(read) > len(digits) and len(read) >= min(PART, len(value)):
                return pieces[first][0], end
            last = end
    return None


def _patterns(value):
    size = min(PART, len(value))
    for start in range(len(value) - size + 1):
        part = value[start : start + size]
        written = r"\W{0,5}".join(part)
        yield re.compile(rf"(?<!\d){written}(?!\d)" if size < PART else written)
        for tag in languages():
            words = [digit_words(digit, tag) for digit in part]
            yield re.compile(r"\W+".join(map(re.escape, words)), re.IGNORECASE)
    yield from _encoded(value)


def _encoded(value):
    for start in range(len(value) - min(5, len(value)) + 1):
        part = value[start : start + 5]
        for escape in (r"%3{}", r"\\u003{}", r"\\x3{}", r"&\#x3{};", r"=3{}"):
            yield re.compile("".join(escape.format(digit) for digit in part))
        yield re.compile(r"\W{0,3}".join(f"(?:0x)?3{digit}" for digit in part))
        yield re.compile(r"\W{1,3}".join(str(48 + int(digit)) for digit in part))
        for before in range(3):
            # Without the characters that also hold what stands before or behind.
            whole = b64encode(b"\0" * before + part.encode()).decode()
            sure = whole[(0, 2, 3)[before] : 4 * ((before + len(part)) // 3)]
            if len(sure) >= 4:
                yield re.compile(re.escape(sure))


def doubled(value):
    """How a caller would say it with "double": "four double five six"."""
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    said, skip = [], False
    for digit, following in [*pairwise(value), (value[-1], "")]:
        if skip:
            skip = False
        elif digit == following:
            said.append(f"double {names[int(digit)]}")
            skip = True
        else:
            said.append(names[int(digit)])
    return " ".join(said)

"""A file's bytes as text, and libyaml's complaints about it in other words."""

from __future__ import annotations

import re
from typing import Any

import yaml

from fsflows.flow.errors import FlowErrors, Mark, Problem

MAX_BYTES = 512 * 1024
"""The largest flow file; a flow of 200 steps has about 60 kB."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(raw: bytes, path: str) -> str:
    """UTF-8 bytes (with or without a byte order mark) as text.

    Raises:
        FlowErrors: too large, another encoding, or characters that have no place in a text.
    """
    if len(raw) > MAX_BYTES:
        raise FlowErrors(
            [Problem(path, 1, 1, f"larger than {MAX_BYTES // 1024} kB, which no flow is")]
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FlowErrors([Problem(path, 1, 1, "the file is UTF-16; save it as UTF-8")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place(raw[: error.start].decode("utf-8-sig", "replace"))
        byte = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise FlowErrors([Problem(path, place.line, place.column, byte)]) from None
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        place = _place(text[: bad.start()])
        what = f"the character U+{ord(bad.group()):04X} is not allowed; delete it"
        raise FlowErrors([Problem(path, place.line, place.column, what)])
    return text


def _place(before: str) -> Mark:
    lines = re.split(r"\r\n|\r|\n", before)
    return Mark(len(lines), len(lines[-1]) + 1)


def mark_of(mark: Any) -> Mark:
    """A place as libyaml gives it, counted from 1."""
    return Mark(mark.line + 1, mark.column + 1)


_KNOWN = (
    ("mapping values are not allowed", "no ':' here; quote a text that has ': ' in it, or mend the indentation"),
    ("block sequence entries are not allowed", "a list begins on a line of its own: put '- ' on the next line"),
    ("could not find expected ':'", "a ':' is missing after the key, or the indentation is wrong"),
    ("did not find expected key", "not indented like the lines above, or a quote or bracket above is not closed"),
    ("did not find expected '-' indicator", "not indented like the list above"),
    ("did not find expected ',' or ']'", "',' or ']' is missing"),
    ("did not find expected ',' or '}'", "',' or '}' is missing"),
    ("did not find expected node content", "a value is missing, or a bracket is not closed"),
    ("while scanning an alias", "a plain '*' refers to an anchor in YAML; for the star key write \"*\" in quotes"),
    ("while scanning an anchor", "a plain '&' names an anchor in YAML; write the text in quotes"),
    ("found a tab character", "a tab can't be used here; indent with spaces"),
    ("unknown escape", "unknown escape; write \\\\ for a backslash, or use single quotes"),
)  # fmt: skip


_INNER = re.compile(r"\s*([\w*#\"']+): ([a-z_]+: [^\s:]+)\s*")
_BRACED = re.compile(r"\s*(?:- +)*(?:[\w-]+: +)?(?:\{\w*\}|\[\w*\]) *")
_TEXTS = ("prompt", "say", "greeting", "apology", "text", "no_input", "no_match", "keys_only")
"""Settings whose value is a text, in which a ':' is no setting."""


def explain(error: yaml.YAMLError, text: str) -> tuple[Mark, str]:
    """What libyaml complains about, in other words."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Mark(1, 1), f"not YAML: {error}"
    mark = mark_of(error.problem_mark)
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    sign = line[mark.column - 1 : mark.column]
    whole = f"{error.context or ''} {error.problem or ''}"
    if "unexpected end of stream" in whole and error.context_mark is not None:
        return mark_of(error.context_mark), "this quote is never closed"
    if "cannot start any token" in whole:
        if sign == "\t":
            return mark, "a tab can't be used here; indent with spaces"
        return mark, f"a text can't begin with {sign!r}; put it in quotes"
    inner = _INNER.fullmatch(line)
    if "mapping values are not allowed" in whole and inner and inner.group(1) not in _TEXTS:
        return (
            mark,
            f"no ':' here; a setting inside a line needs braces: {inner.group(1)}: {{{inner.group(2)}}}",
        )
    braced = _BRACED.match(line)
    if "did not find expected" in whole and braced and braced.end() == mark.column - 1:
        at = min(line.find(sign) for sign in "{[" if sign in braced.group())
        return Mark(mark.line, at + 1), f"a text can't begin with {line[at]!r}; put it in quotes"
    for sought, words in _KNOWN:
        if sought in whole:
            if "is missing" in words or "not closed" in words:
                since = error.context_mark.line + 1 if error.context_mark else mark.line
                return _hidden(lines, since, mark.line) or (mark, words)
            return mark, words
    return mark, f"not YAML: {error.problem}"


_HIDDEN_ROW = re.compile(r"^([ \t]+)#[ ]?:[ ]+(?:\{.*\}|\w+)[ ]*\r?$", re.MULTILINE)


def hidden_rows(text: str) -> list[Mark]:
    """Lines such as `#: {goto: start}` or `#: start`, which look like a row for the # key, and are comments."""
    return [
        Mark(text.count("\n", 0, found.start()) + 1, len(found.group(1)) + 1)
        for found in _HIDDEN_ROW.finditer(text)
    ]


_COMMENT = re.compile(r"(?:^|[\s,:\[{])#")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")


def _hidden(lines: list[str], first: int, last: int) -> tuple[Mark, str] | None:
    """The `#` that hid the end of a bracket, in the lines from where it opens to where libyaml stumbles."""
    for number, line in enumerate(lines[first - 1 : last], first):
        shown = _QUOTED.sub(lambda found: "x" * len(found.group()), line)
        found = _COMMENT.search(shown)
        if found is None:
            continue
        before = shown[: found.end() - 1]
        if any(before.count(left) > before.count(right) for left, right in ("{}", "[]")):
            what = "'#' begins a comment, which hides the rest of the line; put it in quotes: \"#\""
            return Mark(number, found.end()), what
    return None

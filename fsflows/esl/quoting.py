r"""Every value that enters a command goes through here.

Callers' names, what they say and what they key are hostile input, and FreeSWITCH has several readers behind one
another, each with separators of its own:

- the event socket: a line break ends a header, a blank line ends the command. Always refused;
- every application's argument is searched for ``${variable}``, ``$${global}`` and ``${api(arguments)}`` before it
  runs - a caller whose name is ``${system(reboot)}`` is the reason for `inert`;
- apis split at blanks, with ``'`` and ``\`` as quotes; `speak` at ``|``, the ``{name=value}`` in front of a dial
  string at ``,`` and ``=``.

Where a reader has an escape that survives all readers before it, the value is escaped; where it has none, it is
refused. An error names the field, never the value: it may be a PIN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE_BREAK = re.compile(r"[\r\n\0]")
_NAME = re.compile(r"[A-Za-z0-9_.:\-]+(?:\[[0-9]+\])?")
_DTMF = re.compile(r"[0-9A-Da-d*#wW]+(?:@[0-9]+)?")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_BETWEEN_DIGITS = re.compile(r"[ ().\-/]")
_UUID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.\-]*")
# Nearly all words and arguments: nothing in them means anything to anybody, and one look says so.
_PLAIN = re.compile(r"[0-9A-Za-z_.:/\-]+")

# A backslash and the quote after it vanish when FreeSWITCH expands an argument, and `set` expands twice: after
# `$\'{x}` has become `${x}`, the second time runs it. So it is not `${` that is dangerous but any `$` whose next
# character can vanish or be one. Escaping ("\$") has the same fault, and loses one of two `$`.
_LIVE_DOLLAR = re.compile(r"\$(?![0-9A-Za-z ])")
# %[name=value] in front of an argument sets variables while it runs.
_SCOPE = re.compile(r"\A[%\\']+(?=.*\[)", re.DOTALL)


class UnsafeValue(ValueError):
    """A value that cannot be sent without becoming something else.

    Attributes:
        field: what it was meant for.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field


# --- what every command needs -------------------------------------------------------------------------------------


def breaks(value: str) -> bool:
    """Whether a value has a line break or a NUL in it."""
    return _LINE_BREAK.search(value) is not None


def line(value: str, field: str = "the value") -> str:
    """A value without line breaks and NUL, as it is: safe in a header of a command.

    Raises:
        UnsafeValue: it has one.
    """
    if _LINE_BREAK.search(value):
        raise UnsafeValue(field, "has a line break or a NUL, which would end the command")
    return value


def word(value: str, field: str = "the value") -> str:
    """A value that stays one word: not empty, no blanks, no quotes, nothing that FreeSWITCH expands.

    Raises:
        UnsafeValue: it is not one word.
    """
    if _PLAIN.fullmatch(value):
        return value
    line(value, field)
    if not value or value.split() != [value] or re.search(r"""['"\\]""", value):
        raise UnsafeValue(field, "must be one word without blanks, quotes and backslashes")
    if _LIVE_DOLLAR.search(value):
        raise UnsafeValue(field, "has a '$', which FreeSWITCH would expand")
    return value


def uuid(value: str, field: str = "the uuid") -> str:
    """A channel's or job's id: letters, digits and ``-_.``."""
    if not _UUID.fullmatch(value):
        raise UnsafeValue(field, "must be letters, digits, '-', '_' and '.'")
    return value


def dtmf(value: str, field: str = "the keys") -> str:
    """Keys to send: ``0-9*#A-D``, ``w`` and ``W`` to pause, ``@milliseconds`` at the end."""
    if not _DTMF.fullmatch(value):
        raise UnsafeValue(field, "must be keys: 0-9 * # A-D, w or W for a pause")
    return value


def is_number(value: str) -> bool:
    """Whether this is a telephone number as it is dialled: digits, `*` and `#`, perhaps a `+` in front."""
    return _NUMBER.fullmatch(value) is not None


def number(value: str, field: str = "the number") -> str:
    """A telephone number as it is dialled: without the blanks, dashes, dots and brackets that people write into it.

    Raises:
        UnsafeValue: there is something else in it, or nothing, or too much.
    """
    bare = _BETWEEN_DIGITS.sub("", value.strip())
    if not is_number(bare):
        raise UnsafeValue(field, "must be digits (and +, *, #), 32 at the most")
    return bare


def variable_name(value: str, field: str = "the variable's name") -> str:
    """A channel variable's name; also ``export``'s ``nolocal:name`` and an array's ``name[2]``."""
    if not _NAME.fullmatch(value):
        raise UnsafeValue(field, "must be letters, digits, '_', '-', '.' and ':'")
    return value


# --- arguments of applications ------------------------------------------------------------------------------------


def inert(value: str) -> str:
    r"""Text in which FreeSWITCH finds nothing to expand, however often it looks.

    Takes away each ``$`` that is not followed by a letter, a digit or a blank ("$5" stays), and a leading ``%``
    that would open a list of variables. Other text stays as it is; FreeSWITCH itself makes one of two backslashes
    and drops ``\'`` where it expands an argument, which harms nobody but the text.
    """
    return _SCOPE.sub(_without_percent, _LIVE_DOLLAR.sub("", value))


def _without_percent(found: re.Match[str]) -> str:
    return found[0].replace("%", "")


def argument(value: str, field: str = "the argument") -> str:
    """A value that is (a part of) an application's argument: one line, inert.

    Raises:
        UnsafeValue: it has a line break or NUL.
    """
    return inert(line(value, field))


def speech_text(value: str, field: str = "the text") -> str:
    """Text for `speak`, in which ``|`` separates engine, voice and text: a blank for it and for line breaks.

    A bracket at the beginning becomes a round one: ``{name=value}`` there sets the engine's parameters, and what never
    closes is not spoken at all.
    """
    if "\0" in value:
        raise UnsafeValue(field, "has a NUL")
    if value.isprintable():
        value = value.replace("|", " ")
    else:
        value = "".join(char if char.isprintable() and char != "|" else " " for char in value)
    text = inert(" ".join(value.split()))
    return f"({text[1:]}" if text.startswith("{") else text


def speak_argument(text: str, engine: str = "", voice: str = "") -> str:
    """The argument of `speak`; without engine and voice, the channel's (`tts_engine`, `tts_voice`) are used."""
    text = speech_text(text)
    if not engine and not voice:
        return text
    for value, field in ((engine, "the TTS engine"), (voice, "the TTS voice")):
        word(value, field)
        if "|" in value:
            raise UnsafeValue(field, "has a '|'")
    return f"{engine}|{voice}|{text}"


def playback_path(value: str, field: str = "the path") -> str:
    """A file or stream for `playback`. Its author may use ``${variables}``; a path made from a caller's words may not.

    Raises:
        UnsafeValue: it is empty, has a line break or NUL, or ``@@``, behind which `playback` expects a sample to
            start from.
    """
    line(value, field)
    if not value.strip():
        raise UnsafeValue(field, "is empty")
    if "@@" in value:
        raise UnsafeValue(field, "has '@@', which playback takes for a position")
    return value


def variable_list(variables: Mapping[str, str]) -> str:
    """Variables in front of a dial string: ``{name=value,other=value}``; "" for none.

    Commas are escaped. FreeSWITCH has no escape for the other characters it looks for here.

    Raises:
        UnsafeValue: a value has a line break, a bracket, a quote or a backslash. `look_alike` makes text that
            is only for display fit; other values are better set one by one with `set` and `export`.
    """
    items = []
    for name, value in variables.items():
        field = f"the value of {variable_name(name)}"
        line(value, field)
        if re.search(r"""[\\'"{}\[\]<>^]""", value):
            raise UnsafeValue(field, "has a bracket, a quote, '^' or a backslash")
        items.append(f"{name}={inert(value)}".replace(",", "\\,"))
    return "{" + ",".join(items) + "}" if items else ""


_LOOK_ALIKE = str.maketrans(
    {"'": "’", '"': "”", "\\": "/", "^": " ", "{": "(", "}": ")", "[": "(", "]": ")"}
    | {"<": "(", ">": ")", "|": "/", "!": " "}
    | {chr(code): " " for code in (*range(32), 127)}
)


def look_alike(value: str) -> str:
    """Text for display (a caller's name) without any character that one of FreeSWITCH's readers takes for structure."""
    return inert(value.translate(_LOOK_ALIKE))


# --- arguments of apis --------------------------------------------------------------------------------------------


def api_argument(value: str, field: str = "the argument") -> str:
    """One argument of an `api` or `bgapi` command, in quotes where it needs them. Apis don't expand ``${...}``.

    A variable that is set by `uuid_setvar` keeps a ``${...}``, and whoever uses the variable later has it expanded:
    give it `argument(value)`.

    Raises:
        UnsafeValue: it has a line break or NUL.
    """
    if _PLAIN.fullmatch(value):
        return value
    line(value, field)
    if value and not re.search(r"[\s'\\]", value) and not value.startswith("^^"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def file_of(path: str) -> str:
    """The file that FreeSWITCH writes when it is told to record to a path: without `{name=value}` in front.

    As FreeSWITCH reads it: any number of them, braces may nest, and a blank behind them belongs to the file's name.
    """
    while path.startswith("{"):
        depth = 0
        for position, sign in enumerate(path):
            depth += (sign == "{") - (sign == "}")
            if not depth:
                path = path[position + 1 :]
                break
        else:
            break  # it never ends: FreeSWITCH does not record to it
    return path

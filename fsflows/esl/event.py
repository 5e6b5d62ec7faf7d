"""An event of FreeSWITCH. It keeps the bytes it came in and decodes a header when somebody asks for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from fsflows.esl.frames import FrameError

_LENGTH = b"\nContent-Length: "
_BLANK_LINE = re.compile(rb"\n\r?\n")
_UNDEFINED = b"_undef_"  # how the plain format writes an empty value
_ARRAY = "ARRAY::"
_ARRAY_SEPARATOR = "|:"
_PLAIN = {str}
_PROLOGUE = re.compile(
    rb"Event-Name: ([A-Z_]+)\n(?:[^\n]+\n){7}Event-Date-Timestamp: ([0-9]{1,18})\n"
)
"""How FreeSWITCH begins every event (switch_event_prep_for_delivery). Both values are wanted of each one: this finds
them in a third of the time that two searches take."""
_DIGIT = b"\nDTMF-Digit: "
_PRESS = re.compile(
    rb"\nDTMF-Digit: ([0-9A-D*])\nDTMF-Duration: ([0-9]{1,18})\nDTMF-Source: ([A-Z_]+)\n\n"
)
"""And how it ends that of a key (`#` is written "%23", and read header by header)."""
_NOT_READ = -1.0


class Event:
    """One event, in any of its formats; also the reply to `connect` (CHANNEL_DATA).

    Reading never fails: bytes that are not UTF-8 become replacement characters, a number that is none is ``None``.
    Of two headers of one name the first counts: FreeSWITCH puts its own in front of those that come from outside
    (`sendevent`, variables). The caller's fields in CHANNEL_DATA are no such pair: ``Channel-Caller-ID-Name`` is the
    caller profile as it was first seen, ``Caller-Caller-ID-Name`` the one in force, and both are kept; use ``Caller-``.
    The plain format's ``_undef_`` is given as "".
    """

    __slots__ = ("_at", "_body", "_end", "_headers", "_lists", "_name", "_raw", "_uuid")

    def __init__(self, raw: bytes = b"") -> None:
        self._raw = raw
        self._end = -1  # where the headers end in _raw; -1: not looked for yet
        self._headers: dict[str, str] | None = None
        self._lists: dict[str, list[str]] | None = None
        self._body: str | None = None
        self._name: str | None = None
        self._at: float | None = _NOT_READ
        self._uuid: str | None = None

    @classmethod
    def from_plain(cls, data: bytes) -> Event:
        """An event from a `text/event-plain` body."""
        return cls(data)

    @classmethod
    def from_head(cls, head: bytes) -> Event:
        """An event from the header block of a frame, without its blank line: the reply to `connect`."""
        event = cls(head)
        if b"\r" not in head:
            event._end = len(head)
        return event

    @classmethod
    def from_json(cls, data: bytes) -> Event:
        """An event from a `text/event-json` body.

        Raises:
            FrameError: it is not a JSON object. The frame around it was sound, so the next one can be read.
        """
        text = data.decode("utf-8", "replace")
        try:
            found = json.loads(
                text,
                strict=False,
                object_pairs_hook=_first_wins,
                parse_int=str,
                parse_float=str,
                parse_constant=str,
            )
        except (ValueError, RecursionError) as error:
            raise FrameError(f"an event is not JSON: {type(error).__name__}") from None
        if not isinstance(found, dict):
            raise FrameError("an event is JSON, but not an object")
        body = found.pop("_body", "")
        event = cls.from_headers(found, _text(body))
        if b"\\ud" in data.lower():  # escaped surrogates: a lone one can't be written anywhere
            event._normalise(found)
        return event

    @classmethod
    def from_headers(cls, headers: Mapping[str, Any], body: str = "") -> Event:
        """An event from headers already decoded (strings; lists of strings for arrays).

        A `dict` is kept, not copied: don't change it afterwards.
        """
        event = cls()
        event._body = body
        event._headers = headers if type(headers) is dict else dict(headers)
        if not set(map(type, headers.values())) <= _PLAIN:
            event._normalise(headers)
        return event

    def _normalise(self, headers: Mapping[str, Any]) -> None:
        self._lists = {
            name: [_text(item) for item in value]
            for name, value in headers.items()
            if isinstance(value, list)
        }
        self._headers = {
            name: _ARRAY + _ARRAY_SEPARATOR.join(self._lists[name])
            if name in self._lists
            else _text(value)
            for name, value in headers.items()
        }

    # --- one header ---------------------------------------------------------------------------------------------

    def get(self, header: str, default: str | None = None) -> str | None:
        """The value of a header (its exact name, as FreeSWITCH writes it)."""
        if self._headers is not None:
            return self._headers.get(header, default)
        # Split first, decode after: %0A in a caller's name is not a line end.
        first, further, length = _wanted(header)
        raw = self._raw
        if raw.startswith(first):
            stop = raw.find(b"\n", length)
            return _decode((raw[length:] if stop < 0 else raw[length:stop]).rstrip(b"\r"))
        end = self._end
        if end < 0:
            end = self._headers_end()
            raw = self._raw
        found = raw.find(further, 0, end)
        if found < 0:
            return default
        return self._value(found + length + 1, end)

    def late(self, header: str) -> str | None:
        """The value of a header that FreeSWITCH writes behind all variables (``Application-UUID``), looked for from
        there: with 160 headers in front of it, that is four times as fast. FreeSWITCH never writes one twice:
        of two, either may count.
        """
        if self._headers is not None:
            return self._headers.get(header)
        _, further, length = _wanted(header)
        end = self._end
        if end < 0:
            end = self._headers_end()
        found = self._raw.rfind(further, 0, end)
        if found < 0:
            return self.get(header)
        return self._value(found + length + 1, end)

    def __getitem__(self, header: str) -> str:
        value = self.get(header)
        if value is None:
            raise KeyError(header)
        return value

    def __contains__(self, header: object) -> bool:
        return isinstance(header, str) and self.get(header) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def values(self, header: str) -> list[str]:
        """The items of an array (variables made by `push`); one item for a plain value, none if it is missing."""
        value = self.get(header)
        if value is None:
            return []
        if self._lists is not None and header in self._lists:
            return list(self._lists[header])
        if value.startswith(_ARRAY):
            return value[len(_ARRAY) :].split(_ARRAY_SEPARATOR)
        return [value]

    def variable(self, name: str, default: str | None = None) -> str | None:
        """A channel variable as it was at the event."""
        return self.get(f"variable_{name}", default)

    # --- the ones that everybody needs --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``Event-Name``; "" when it is missing (foreign `sendevent`)."""
        if self._name is None:
            self._read_prologue()
        return self._name or ""

    @property
    def uuid(self) -> str:
        """The channel's uuid; "" when the event is not about a channel (BACKGROUND_JOB)."""
        uuid = self._uuid
        if uuid is None:
            uuid = self._uuid = self.get("Unique-ID") or ""
        return uuid

    @property
    def sequence(self) -> int | None:
        """``Event-Sequence``: the same for an event that FreeSWITCH sends twice."""
        return _number(self.get("Event-Sequence"))

    @property
    def timestamp(self) -> float | None:
        """When FreeSWITCH made the event, in seconds since 1970 on its own clock."""
        if self._at == _NOT_READ:
            self._read_prologue()
        return self._at

    def _read_prologue(self) -> None:
        match = _PROLOGUE.match(self._raw)
        if match is not None:
            name, microseconds = match.groups()
            self._name = name.decode()
            self._at = int(microseconds) / 1_000_000
        else:
            self._name = self.get("Event-Name") or ""
            stamp = _number(self.get("Event-Date-Timestamp"))
            self._at = None if stamp is None else stamp / 1_000_000

    @property
    def pressed(self) -> tuple[str, str, str]:
        """``DTMF-Digit``, ``DTMF-Duration`` and ``DTMF-Source``; "" for what is missing."""
        raw = self._raw
        match = _PRESS.match(raw, max(0, raw.rfind(_DIGIT)))
        if match is not None:
            return match[1].decode(), match[2].decode(), match[3].decode()
        return (
            self.late("DTMF-Digit") or "",
            self.late("DTMF-Duration") or "",
            self.late("DTMF-Source") or "",
        )

    # --- all of it ----------------------------------------------------------------------------------------------

    @property
    def headers(self) -> dict[str, str]:
        """Every header, decoded. The first call decodes them all: prefer `get` on a busy path."""
        if self._headers is None:
            if self._body is None:
                self._body = self._find_body()
            text = self._raw[: self._headers_end()].decode("utf-8", "replace")
            pairs = [line.split(": ", 1) for line in text.split("\n") if ": " in line]
            headers = _first_wins(pairs)
            for name, value in headers.items():
                if "%" in value or value == "_undef_":
                    headers[name] = _decode(value.encode())
            self._headers = headers
            self._raw = b""
        return self._headers

    @property
    def body(self) -> str:
        """The event's body: recognised speech, a job's result; "" without one."""
        if self._body is None:
            self._body = self._find_body()
        return self._body

    @property
    def data(self) -> str:
        """The body, by greenswitch's name."""
        return self.body

    def __repr__(self) -> str:
        return f"<Event {self.name or 'without a name'} {self.get('Event-Sequence', '')}>"

    # --- in the plain format ------------------------------------------------------------------------------------

    def _headers_end(self) -> int:
        if self._end < 0:
            if b"\r" in self._raw:
                self._raw = _with_plain_line_ends(self._raw)
            raw = self._raw
            # The blank line. A body always has its length announced by the last header, so there is no need to look
            # for "\n\n" from the start, which stops at each of 160 line ends: 4 us, and this is 1.
            length = raw.find(_LENGTH)
            if length < 0 and raw.endswith(b"\n\n") and not raw.startswith(_LENGTH[1:]):
                self._end = len(raw) - 2
            else:
                end = raw.find(b"\n\n", max(0, length))
                self._end = len(raw) if end < 0 else end
        return self._end

    def _value(self, start: int, end: int) -> str:
        """The value that begins there; `end`: of all headers."""
        raw = self._raw
        stop = raw.find(b"\n", start, end)
        value = raw[start : end if stop < 0 else stop]
        if b"%" in value or value == _UNDEFINED:
            return _decode(value)
        return value.decode("utf-8", "replace")

    def _find_body(self) -> str:
        body = self._raw[self._headers_end() + 2 :]
        length = _number(self.get("Content-Length"))
        if length is not None:
            body = body[:length]
        return body.decode("utf-8", "replace")


@lru_cache(maxsize=1024)
def _wanted(header: str) -> tuple[bytes, bytes, int]:
    """How a header begins: as the first one, and as a further one; and how long that is."""
    first = header.encode() + b": "
    return first, b"\n" + first, len(first)


def _decode(value: bytes) -> str:
    if b"%" in value:
        value = unquote_to_bytes(value)
    elif value == _UNDEFINED:
        return ""
    return value.decode("utf-8", "replace")


def _with_plain_line_ends(data: bytes) -> bytes:
    """The event with line ends of one character. No FreeSWITCH writes others; the body is left as it is."""
    end = _BLANK_LINE.search(data)
    if end is None:
        return data.replace(b"\r\n", b"\n")
    return data[: end.start()].replace(b"\r\n", b"\n").rstrip(b"\r") + b"\n\n" + data[end.end() :]


def _number(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text)


def _first_wins(pairs: list[Any]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        found = dict(reversed(pairs))
    return found


def _text(value: Any) -> str:
    """Any JSON value as text that can be encoded: a lone surrogate would break whoever writes it to a log."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

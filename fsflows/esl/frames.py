"""Bytes from FreeSWITCH in, frames out. No I/O: whoever has the socket feeds it.

A frame is a block of header lines, a blank line and, when the block has a ``Content-Length``, so many bytes of body.
The reply to ``connect`` (CHANNEL_DATA) has no length and carries everything in its header block.
"""

from __future__ import annotations

import re

MAX_BODY = 8 * 1024 * 1024
"""Bytes of body accepted in one frame. The largest seen is an `api show channels` of some hundred kilobytes."""

MAX_HEAD = 256 * 1024
"""Bytes of header block accepted. CHANNEL_DATA has 6-8 kB; the rest leaves room for large channel variables."""

MAX_HEADERS = 5000
"""Header lines accepted in one block. CHANNEL_DATA has about 160."""

# What FreeSWITCH writes in front of an event, to the letter: one match instead of a search.
_EVENT_HEAD = re.compile(
    rb"Content-Length: ([0-9]{1,7})\nContent-Type: (text/event-plain|text/event-json)\n\n"
)
# And in front of what answers a command.
_REPLY = re.compile(
    rb"Content-Type: (?:(command/reply)\nReply-Text: [^\r\n]*|api/response\nContent-Length: ([0-9]{1,7}))\n\n"
)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_LINE_ENDS = re.compile(rb"[\r\n]*")
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*([^\r\n]*)")
_TYPE = re.compile(rb"(?im)^content-type[ \t]*:[ \t]*([^\r\n]*)")
_NUMBER = re.compile(rb"[0-9]{1,18}")

_HEAD_TOO_LONG = f"a header block of more than {MAX_HEAD:,} bytes"
_EVENT_TYPES = {b"text/event-plain": "text/event-plain", b"text/event-json": "text/event-json"}


class FrameError(ValueError):
    """What came is not the event socket protocol, and nothing after it can be trusted.

    Attributes:
        frames: the whole frames that came before it in the same piece of input.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.frames: list[Frame] = []


class Frame:
    """One frame.

    Attributes:
        content_type: ``command/reply``, ``text/event-plain``, ...; "" when the block has none.
        head: the header block, without its blank line.
        body: exactly Content-Length bytes.
        size: bytes of head and body.
    """

    __slots__ = ("body", "content_type", "head", "size")

    def __init__(self, content_type: str, head: bytes, body: bytes = b"") -> None:
        self.content_type = content_type
        self.head = head
        self.body = body
        self.size = len(head) + len(body)

    @property
    def headers(self) -> dict[str, str]:
        """The header block as text; the first of two headers of one name wins. Values are as sent, not url-decoded."""
        headers: dict[str, str] = {}
        for line in self.head.decode("utf-8", "replace").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers.setdefault(name.strip(), value.strip())
        return headers

    def __repr__(self) -> str:
        return f"<Frame {self.content_type or 'without a type'}, {self.size} bytes>"


class FrameReader:
    """Cuts a stream of bytes into frames, however the stream was split.

    Each byte is looked at a fixed number of times: a frame that comes in ten thousand pieces is not searched
    from its start with each of them.
    """

    __slots__ = ("_broken", "_needed", "_rest", "_searched")

    def __init__(self) -> None:
        self._rest = bytearray()  # the start of a frame that is not complete
        self._searched = 0  # where in it the search for the end of its head goes on
        self._needed = 0  # its length with the body, once its head is complete; else 0
        self._broken: str | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with this piece, oldest first.

        Raises:
            FrameError: the stream is broken; it stays so. The error has the frames that came before the fault.
        """
        if self._broken is not None:
            raise FrameError(self._broken)
        frames: list[Frame] = []
        try:
            if self._rest:
                joined = self._join(data)
                if joined is None:
                    return frames
                data = joined
            self._cut(data, frames)
        except FrameError as error:
            self._broken = str(error)
            self._rest.clear()
            error.frames = frames
            raise
        return frames

    def eof(self) -> str | None:
        """What the end of the stream cut off, in words; ``None`` when it came between two frames."""
        if not self._rest:
            return None
        if self._needed:
            return f"{len(self._rest)} of a frame's {self._needed} bytes had come"
        return f"{len(self._rest)} bytes of a header block without its end had come"

    def _join(self, data: bytes) -> bytes | None:
        """Add to the incomplete frame; everything there is, if that completes it."""
        rest = self._rest
        rest += data
        if self._needed:
            if len(rest) < self._needed:
                return None
        elif _end_of_head(rest, self._searched) is None:
            self._wait_for_head(len(rest))
            return None
        whole = bytes(rest)
        rest.clear()
        self._needed = self._searched = 0
        return whole

    def _wait_for_head(self, size: int) -> None:
        if size > MAX_HEAD + 2:
            raise FrameError(_HEAD_TOO_LONG)
        self._searched = max(0, size - 2)  # "\n\r" may be the start of a blank line

    def _cut(self, data: bytes, frames: list[Frame]) -> None:
        position = 0
        size = len(data)
        while position < size:
            match = _EVENT_HEAD.match(data, position)
            if match is not None:
                body = match.end()
                length = int(match[1])
                if length > MAX_BODY:
                    raise FrameError(_too_long(match[1]))
                head_end = body - 2
                content_type = _EVENT_TYPES[match[2]]
            elif (match := _REPLY.match(data, position)) is not None:
                body = match.end()
                head_end = body - 2
                if match[1]:
                    content_type, length = "command/reply", 0
                else:
                    content_type, length = "api/response", int(match[2])
                    if length > MAX_BODY:
                        raise FrameError(_too_long(match[2]))
            else:
                skip = _LINE_ENDS.match(data, position)
                position = skip.end() if skip else position
                blank = _end_of_head(data, position)
                if blank is None:
                    if position < size:
                        self._rest += memoryview(data)[position:]
                        self._wait_for_head(len(self._rest))
                    return
                head_end, body = blank
                content_type, length = _read_head(data[position:head_end])
            end = body + length
            if end > size:
                self._rest += memoryview(data)[position:]
                self._needed = end - position
                return
            frames.append(Frame(content_type, data[position:head_end], data[body:end]))
            position = end


def _end_of_head(data: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """Where the first header block after `start` ends, and where what follows its blank line begins."""
    end = data.find(b"\n\n", start)
    if end >= 0 and data.find(b"\r", start, end) < 0:
        return end, end + 2  # as FreeSWITCH writes it, and a third of what the expression takes
    blank = _BLANK_LINE.search(data, start)
    return None if blank is None else blank.span()


def _read_head(head: bytes) -> tuple[str, int]:
    """Content-Type and Content-Length of a header block."""
    if len(head) > MAX_HEAD:
        raise FrameError(_HEAD_TOO_LONG)
    # No line is empty: so many have their bytes. Counting them takes as long as all that follows.
    if len(head) >= 2 * MAX_HEADERS and (lines := head.count(b"\n") + 1) > MAX_HEADERS:
        raise FrameError(f"a header block of {lines:,} headers; {MAX_HEADERS:,} is the limit")
    # The expressions are slow, 50 us each for a CHANNEL_DATA: they begin where there may be something to find.
    lower = head.lower()
    at = lower.find(b"content-type")
    kind = _TYPE.search(head, at) if at >= 0 else None
    content_type = kind[1].strip().decode("ascii", "replace") if kind else ""
    at = lower.find(b"content-length")
    lengths = set(_LENGTH.findall(head, at)) if at >= 0 else set()
    if not lengths:
        return content_type, 0
    if len(lengths) > 1:
        raise FrameError("a header block with two different Content-Length headers")
    text = lengths.pop().strip()
    if not _NUMBER.fullmatch(text):
        raise FrameError(f"Content-Length is not a number of bytes: {_shown(text)}")
    length = int(text)
    if length > MAX_BODY:
        raise FrameError(_too_long(text))
    return content_type, length


def _too_long(text: bytes) -> str:
    return f"Content-Length is {_shown(text)}; {MAX_BODY:,} bytes is the limit"


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("ascii", "replace"))

"""The other direction: bytes from an application in, commands out. The simulated switch listens with it.

As lenient as FreeSWITCH: CRLF, blank lines in front, any splitting, lines without a colon, names in any case.
"""

from __future__ import annotations

import re

from fsflows.esl.commands import Command
from fsflows.esl.frames import MAX_BODY, FrameError

MAX_COMMAND = 10 * 1024 * 1024
"""Bytes of header block that FreeSWITCH reads before it gives up."""

_END = re.compile(rb"\n\r?\n")
_SPLIT = re.compile(r"[\r\n]+")


class CommandReader:
    """Cuts a stream of bytes into commands."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._needed = 0

    def feed(self, data: bytes) -> list[Command]:
        """The commands that are complete with this piece.

        Raises:
            FrameError: a Content-Length that FreeSWITCH refuses, or a command without end. It closes the connection.
        """
        self._rest += data
        commands: list[Command] = []
        while (command := self._next()) is not None:
            commands.append(command)
        return commands

    def _next(self) -> Command | None:
        rest = self._rest
        if not self._searched and not self._needed and rest.startswith((b"\n", b"\r")):
            del rest[: len(rest) - len(rest.lstrip(b"\r\n"))]
        if len(rest) < max(1, self._needed):
            return None
        end = _END.search(rest, 0 if self._needed else self._searched)
        if end is None:
            self._searched = max(0, len(rest) - 2)
            if len(rest) > MAX_COMMAND:
                raise FrameError(f"a command of more than {MAX_COMMAND:,} bytes")
            return None
        command, length = _read(bytes(rest[: end.start()]))
        if len(rest) < end.end() + length:
            self._needed = end.end() + length
            self._searched = 0
            return None
        body = bytes(rest[end.end() : end.end() + length]).decode("utf-8", "replace")
        del rest[: end.end() + length]
        self._searched = self._needed = 0
        return Command(command.verb, command.args, command.headers, body)


def _read(block: bytes) -> tuple[Command, int]:
    first, *lines = _SPLIT.split(block.decode("utf-8", "replace"))
    verb, _, args = first.strip().partition(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.lstrip(" "))
    length = headers.pop("content-length", "0").strip()
    number = int(length) if re.fullmatch(r"-?[0-9]{1,18}", length) else 0
    if not 0 <= number <= MAX_BODY:
        raise FrameError("a command's Content-Length is out of range")
    return Command(verb.lower(), args.strip(), headers), number

"""A look into FreeSWITCH from its inbound event socket: api commands, and which events each call had."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from .closing import Closing
from .sip import Address

WATCHED = (
    "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE PLAYBACK_START PLAYBACK_STOP DTMF "
    "DETECTED_SPEECH RECORD_START RECORD_STOP CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of some call. `at`: monotonic seconds."""

    at: float
    name: str
    headers: Mapping[str, str]


class Refused(Exception):
    """FreeSWITCH is not there, or does not want us; the text says which."""


class EventSocket(Closing):
    """A connection to the inbound event socket that watches all calls.

    Raises:
        Refused: nothing listens at the address, or the password is wrong.
    """

    def __init__(self, address: Address, password: str, timeout: float = 5.0) -> None:
        self._seen: list[Seen] = []
        self._replies: list[str] = []
        self._condition = threading.Condition()
        self._closed = False
        try:
            self._socket = socket.create_connection(address, timeout)
        except OSError as error:
            raise Refused(f"no event socket at {address[0]}:{address[1]}: {error}") from error
        self._file = self._socket.makefile("rb")
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, name="event socket", daemon=True)
        self._thread.start()
        try:
            self._command(f"auth {password}")
            self._command(f"event plain {WATCHED}")
        except Refused:
            self.close()
            raise

    def api(self, command: str) -> str:
        """The output of an api command, without its last newline."""
        return self._command(f"api {command}")

    def events(self, uuid: str) -> list[Seen]:
        """A call's events so far, each once."""
        with self._condition:
            return [seen for seen in self._seen if seen.headers.get("Unique-ID") == uuid]

    def wait(self, which: Callable[[Seen], bool], words: str, timeout: float = 5.0) -> Seen:
        """The first event of that kind: one that has been, or wait for it.

        Raises:
            AssertionError: none within `timeout` seconds; `words` say what was waited for.
        """
        checked = 0
        deadline = time.monotonic() + timeout
        with self._condition:
            while True:
                for seen in self._seen[checked:]:
                    if which(seen):
                        return seen
                checked = len(self._seen)
                left = deadline - time.monotonic()
                assert left > 0, f"not within {timeout} s: {words}"
                self._condition.wait(left)

    def forget(self) -> None:
        """Drop what was seen."""
        with self._condition:
            self._seen.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)
        self._file.close()
        self._socket.close()

    def _command(self, line: str, timeout: float = 10.0) -> str:
        with self._condition:
            before = len(self._replies)
            self._socket.sendall(f"{line}\n\n".encode())
            answered = self._condition.wait_for(
                lambda: len(self._replies) > before or self._closed, timeout
            )
            if not answered or len(self._replies) == before:
                raise Refused(f"no answer to {line.split(maxsplit=1)[0]!r}")
            reply = self._replies[before]
        if reply.startswith("-ERR") and not line.startswith("api"):
            raise Refused(f"{line.split(maxsplit=1)[0]}: {reply}")
        return reply

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (headers := self._block()) is not None:
                length = int(headers.get("Content-Length", 0))
                body = self._file.read(length).decode("utf-8", "replace")
                self._take(headers, body)
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _block(self) -> dict[str, str] | None:
        lines: list[str] = []
        while line := self._file.readline():
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text:
                lines.append(text)
            elif lines:
                return _headers(lines)
        return None

    def _take(self, headers: Mapping[str, str], body: str) -> None:
        kind = headers.get("Content-Type", "")
        with self._condition:
            if kind == "text/event-plain":
                event = _headers(body.partition("\n\n")[0].split("\n"))
                decoded = {name: unquote(value) for name, value in event.items()}
                self._seen.append(Seen(time.monotonic(), decoded["Event-Name"], decoded))
            elif kind == "api/response":
                self._replies.append(body.rstrip("\n"))
            elif kind == "command/reply":
                self._replies.append(headers.get("Reply-Text", ""))
            self._condition.notify_all()


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(": ") for line in lines if line)
    return {name: value for name, _, value in pairs}

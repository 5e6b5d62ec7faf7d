"""What a FreeSWITCH sends, taken from the traces of a real one (tests/wire/traces), a call's own values put in."""

from __future__ import annotations

import gzip
import json
import re
import time
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import unquote

TRACES = Path(__file__).parents[2] / "tests" / "wire" / "traces"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
_BUG = (
    b" <media-bug>\n  <function>%b</function>\n  <target>%b</target>\n"
    b"  <thread-locked>0</thread-locked>\n </media-bug>\n"
)
NOTICE = b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 2\n\nX\n"

CHUNK_KEYS = 32
"""Keys of a chunk; the last one is a `1`, on which the application sends its next command."""
CHUNK_EVENTS = CHUNK_KEYS + 4 + 4
"""80% DTMF, 10% CHANNEL_EXECUTE_COMPLETE (one of them of the last command), 10% DETECTED_SPEECH with a body."""

_HEAD = re.compile(rb"Content-Length: ([0-9]+)\nContent-Type: text/event-plain\n\n")
_STAMP = re.compile(rb'Event-Date-Timestamp"?: ?"?([0-9]{16})')


@cache
def _stream(name: str) -> bytes:
    text = gzip.decompress((TRACES / f"{name}.jsonl.gz").read_bytes()).decode()
    lines = [json.loads(line) for line in text.splitlines()]
    return "".join(line["data"] for line in lines if line["dir"] == "fs->app").encode()


@cache
def _events(name: str) -> list[bytes]:
    stream = _stream(name)
    heads = _HEAD.finditer(stream)
    return [stream[head.end() : head.end() + int(head[1])] for head in heads]


def _uuid_of(event: bytes) -> bytes:
    found = re.search(rb"Unique-ID: (\S+)", event)
    return found[1] if found else b""


def _first(name: str, *parts: bytes) -> bytes:
    return next(event for event in _events(name) if all(part in event for part in parts))


def api_reply(command: bytes, *, listens: bool, over: bool) -> bytes:
    """What an `api` command prints.

    Args:
        command: its first line.
        listens: whether the recogniser runs.
        over: whether the call has been hung up.
    """
    if b"uuid_buglist" in command:
        bugs = _BUG % (b"detect_speech", b"vosk/(null)/(null)/(null)") if listens else b""
        text = b"<media-bugs>\n%b</media-bugs>\n" % bugs
    elif b"uuid_exists" in command:
        text = b"false" if over else b"true"
    else:
        text = b"+OK\n"
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(text), text)


def framed(event: bytes, fmt: bytes = b"plain") -> bytes:
    if fmt == b"json":
        event = _as_json(event)
    return b"Content-Length: %d\nContent-Type: text/event-%b\n\n%b" % (len(event), fmt, event)


@lru_cache(maxsize=512)
def _as_json(event: bytes) -> bytes:
    head, _, body = event.partition(b"\n\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\n") if ": " in line]
    found = {name: unquote(value) for name, value in lines}
    if body.strip():
        found["_body"] = body.decode()
    return json.dumps(found, separators=(",", ":")).encode()


def now_stamp() -> bytes:
    """The time that it is now, as FreeSWITCH writes it."""
    return b"%016d" % int(time.time() * 1_000_000)


def stamped(event: bytes) -> bytes:
    found = _STAMP.search(event)
    assert found is not None
    return event[: found.start(1)] + now_stamp() + event[found.end(1) :]


class Traffic:
    """The payloads of one call.

    Args:
        number: the call's; makes its uuid.
        flow: the name behind the port in the dialplan.
    """

    def __init__(self, number: int, flow: str = "keys") -> None:
        self.uuid = b"f14c4926-4780-4a1c-ada2-%012x" % number
        self.fmt = b"plain"
        """Of its events: what the application asked for."""
        self._flow = flow.encode()

    def _own(self, event: bytes) -> bytes:
        theirs = _uuid_of(event)
        return event.replace(theirs, self.uuid) if theirs else event

    @property
    def channel(self) -> bytes:
        """The reply to `connect`."""
        stream = _stream("s01_plain")
        reply = self._own(stream[: stream.index(b"\n\n") + 2])
        variable = b"variable_socket_path: %b\nContent-Type: command/reply" % self._flow
        return stamped(reply.replace(b"Content-Type: command/reply", variable, 1))

    def executed(self, application: bytes, uuid: bytes, *, complete: bool) -> bytes:
        """CHANNEL_EXECUTE, or CHANNEL_EXECUTE_COMPLETE."""
        return self._framed(self._executed(application, uuid, complete=complete))

    def _framed(self, event: bytes) -> bytes:
        return framed(stamped(event), self.fmt)

    def _executed(self, application: bytes, uuid: bytes, *, complete: bool) -> bytes:
        event = self._own(_template(complete))
        event = event.replace(b"APPLICATION", application)
        return event.replace(b"APP-UUID", uuid or b"ed3e1d24-7d31-4817-ab4e-1f6bf0f1e150")

    def key(self, key: bytes) -> bytes:
        return self._framed(self._key(key))

    def _key(self, key: bytes) -> bytes:
        event = self._own(_first("s03_slow_park", b"Event-Name: DTMF\n"))
        return re.sub(rb"(?<=DTMF-Digit: ).", key, event)

    def hung_up(self) -> bytes:
        """What ends a call: the hang-up, its last event, the notice."""
        hangup = self._own(_first("s01_plain", b"Event-Name: CHANNEL_HANGUP\n"))
        complete = self._own(_first("s01_plain", b"Event-Name: CHANNEL_HANGUP_COMPLETE\n"))
        return self._framed(hangup) + self._framed(complete) + NOTICE

    def _speech(self, kind: bytes, text: bytes) -> bytes:
        event = self._own(_first("s09_fire", b"Event-Name: DETECTED_SPEECH\n", kind + b"\n"))
        head, _, _ = event.partition(b"\n\n")
        head = re.sub(rb"(?<=\nContent-Length: )[0-9]+", b"%d" % len(text), head)
        return head + b"\n\n" + text

    def chunk(self) -> tuple[bytearray, list[int]]:
        """A chunk of the events' mix, without the COMPLETE of the application's command; and where its stamps are."""
        events = [
            self._speech(b"detected-partial-speech", b"well"),
            self._speech(b"detected-partial-speech", b"well let me"),
            self._speech(b"detected-partial-speech", b"well let me see"),
            self._speech(b"detected-speech", b"well let me see"),
        ]
        for index in range(CHUNK_KEYS):
            key = b"1" if index == CHUNK_KEYS - 1 else b"%d" % (2 + index % 8)
            events.append(self._key(key))
            if index in (5, 13, 21):
                events.append(self._executed(b"set", b"", complete=True))
        data = bytearray(b"".join(framed(event, self.fmt) for event in events))
        return data, [match.start(1) for match in _STAMP.finditer(data)]


@cache
def _template(complete: bool) -> bytes:
    name = b"Event-Name: CHANNEL_EXECUTE%b\n" % (b"_COMPLETE" if complete else b"")
    event = _first("s01_plain", name, b"\nApplication: playback\n")
    event = event.replace(b"\nApplication: playback\n", b"\nApplication: APPLICATION\n")
    return re.sub(rb"(?<=\nApplication-UUID: )\S+", b"APP-UUID", event)

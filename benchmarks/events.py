"""Events a second, from received bytes to an application's hands, against greenswitch 0.0.19's own parser.

    python benchmarks/events.py [seconds]

Both get the same bytes (real FreeSWITCH traffic of tests/wire/traces) in pieces of 64 kB from memory, cut and parse
them, and read the headers that a call looks at. Absolute figures differ from machine to machine; the ratio is what
counts.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from greenswitch.esl import ESLEvent, ESLProtocol

from fsflows.esl.connection import Connection
from fsflows.esl.event import Event
from fsflows.esl.frames import Frame, FrameReader

TRACES = Path(__file__).parent.parent / "tests" / "wire" / "traces"
WANTED = ("Event-Name", "Unique-ID", "Application-UUID", "DTMF-Digit")
PIECE = 64 * 1024


def traffic() -> bytes:
    """What FreeSWITCH sent in plain format, behind `connect`: events with some replies in between."""
    stream = bytearray()
    for path in sorted(TRACES.glob("s0[1-5]*.jsonl.gz")):
        text = gzip.decompress(path.read_bytes()).decode()
        lines = [json.loads(line) for line in text.splitlines()]
        sent = "".join(line["data"] for line in lines if line["dir"] == "fs->app")
        for frame in FrameReader().feed(sent.encode()):
            # greenswitch fails at frames without a type, and at events whose body has a blank line.
            if frame.content_type == "text/event-plain" and b"Content-Length" not in frame.body:
                stream += frame.head + b"\n\n" + frame.body
    return bytes(stream)


class Ours(Connection):
    """The receive path without its socket."""

    def __init__(self) -> None:
        self._prepare_state()
        self.seen = 0

    def run(self, data: bytes) -> int:
        reader = FrameReader()
        receive = self._inbox.get
        for start in range(0, len(data), PIECE):
            frames = reader.feed(data[start : start + PIECE])
            for frame in frames:
                self._on_frame(frame)
            for _ in frames:
                event = receive()
                for header in WANTED:
                    event.get(header)
                self.seen += 1
        return self.seen


class Theirs(ESLProtocol):
    """greenswitch's receive loop on a file in memory, with its queue and its handlers."""

    def run(self, data: bytes) -> int:
        self.seen = 0
        self.register_handle("*", self.look)
        self.connected = True
        self.sock = io.BytesIO()
        self.sock_file = io.BufferedReader(io.BytesIO(data), PIECE)
        self.receive_events()
        while self._esl_event_queue.qsize():
            event = self._esl_event_queue.get()
            for handler in self.event_handlers["*"]:
                self._safe_exec_handler(handler, event)
        return self.seen

    def look(self, event: ESLEvent) -> None:
        for header in WANTED:
            event.headers.get(header)
        self.seen += 1


def framing(data: bytes) -> int:
    frames: list[Frame] = []
    reader = FrameReader()
    for start in range(0, len(data), PIECE):
        frames += reader.feed(data[start : start + PIECE])
    return len(frames)


def decoding(data: bytes) -> int:
    """Every header of every event, which no call of ours asks for."""
    frames = FrameReader().feed(data)
    for frame in frames:
        Event.from_plain(frame.body).headers  # noqa: B018
    return len(frames)


def rate(run: Callable[[bytes], int], data: bytes, seconds: float) -> float:
    """Events a second of the processor, the best of several turns: what disturbs a turn only ever slows it down."""
    best = 0.0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.process_time()
        events = run(data)
        best = max(best, events / (time.process_time() - started))
    return best


def main() -> None:
    logging.disable(logging.CRITICAL)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    data = traffic()
    events = framing(data)
    print(f"{events} events, {len(data) // events} bytes each on average\n")
    theirs = rate(lambda data: Theirs().run(data), data, seconds)
    print(f"{'greenswitch':32}{theirs:12,.0f} events/s")
    for name, run in (
        ("framing only", framing),
        ("received, four headers read", lambda data: Ours().run(data)),
        ("every header decoded", decoding),
    ):
        ours = rate(run, data, seconds)
        print(f"{name:32}{ours:12,.0f} events/s   {ours / theirs:6.1f} times greenswitch")


if __name__ == "__main__":
    main()

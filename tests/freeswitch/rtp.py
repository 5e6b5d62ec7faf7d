"""The sound side of a call: G.711 μ-law, RFC 4733 keys, and an ear that says what was heard and when.

Pure: bytes and times go in, bytes and numbers come out. The sockets are in `caller`.
"""

from __future__ import annotations

import io
import itertools
import math
import struct
import wave
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

RATE = 8000
FRAME = 160
"""Samples a packet: 20 ms."""
FRAME_SECONDS = FRAME / RATE
PCMU = 0
TELEPHONE_EVENT = 101
SILENCE = b"\xff" * FRAME
KEYS = "0123456789*#ABCD"
END_PACKETS = 3
"""RFC 4733 2.5.1.4: the end of an event is sent three times."""

AUDIBLE = 200.0
"""Root mean square of a 16-bit frame above which it is heard; μ-law silence is 0, comfort noise some tens."""
TONES = tuple(range(300, 1601, 100))
"""The pitches (Hz) that a span is compared with: flows of the tests use these for their prompts."""
PURE = 0.6
"""Share of a frame's power that has to lie at one pitch for it to be a tone rather than a voice."""
_STEADY = 4
"""Frames that a new pitch has to last to count: a vowel is pure for less."""


def _decode(byte: int) -> int:
    value = ~byte & 0xFF
    magnitude = (((value & 0x0F) << 3) + 0x84 << ((value & 0x70) >> 4)) - 0x84
    return -magnitude if value & 0x80 else magnitude


_LINEAR = tuple(_decode(byte) for byte in range(256))


def encode(sample: int) -> int:
    """One 16-bit sample as a μ-law byte."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def tone(hertz: int, amplitude: int = 8000) -> Iterator[bytes]:
    """Endless frames of a sine, for the caller to send; `hertz` must be a multiple of 50 (whole periods a frame)."""
    step = 2 * math.pi * hertz / RATE
    frame = bytes(encode(round(amplitude * math.sin(step * n))) for n in range(FRAME))
    while True:
        yield frame


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet (RFC 3550), without extensions."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def pack(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return (
            struct.pack(
                "!BBHII",
                0x80,
                second,
                self.sequence & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc,
            )
            + self.payload
        )


def unpack(data: bytes) -> Packet | None:
    """The packet in a datagram; None when it is no RTP."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    second, sequence, timestamp, ssrc = struct.unpack("!BHII", data[1:12])
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & 0x80))


class Sender:
    """One outgoing RTP stream. Call `tick` every 20 ms: it gives the datagrams that are due.

    A key is an event with one timestamp, a marker on its first packet, a duration that grows by 20 ms a packet and
    three identical end packets; no audio is sent during it, and the audio's clock goes on behind it.
    """

    def __init__(self, ssrc: int, audio: Iterator[bytes] | None = None) -> None:
        self.audio = audio
        self._ssrc = ssrc
        self._sequence = 1000
        self._timestamp = 160000
        self._key: _Key | None = None
        self._first = True

    @property
    def busy(self) -> bool:
        """Whether a key is being held."""
        return self._key is not None

    def press(self, key: str, seconds: float) -> None:
        """Hold a key from the next tick on, for `seconds` (rounded up to whole packets).

        Raises:
            ValueError: there is no such key.
        """
        self._key = _Key(KEYS.index(key), max(1, math.ceil(seconds / FRAME_SECONDS - 1e-9)))

    def tick(self) -> tuple[list[bytes], bool]:
        """The datagrams due now, and whether they release a key."""
        if self._key is None:
            payload = next(self.audio, SILENCE) if self.audio is not None else SILENCE
            datagrams = [self._pack(PCMU, payload, self._timestamp, self._first)]
            self._first = False
            self._timestamp += FRAME
            return datagrams, False
        key = self._key
        if key.start is None:
            key.start = self._timestamp
        self._timestamp += FRAME
        key.sent += 1
        if key.sent <= key.packets:
            marker = key.sent == 1
            payload = struct.pack("!BBH", key.code, 10, key.sent * FRAME)
            return [self._pack(TELEPHONE_EVENT, payload, key.start, marker)], False
        self._key = None
        payload = struct.pack("!BBH", key.code, 0x80 | 10, key.packets * FRAME)
        return [
            self._pack(TELEPHONE_EVENT, payload, key.start, False) for _ in range(END_PACKETS)
        ], True

    def _pack(self, payload_type: int, payload: bytes, timestamp: int, marker: bool) -> bytes:
        packet = Packet(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        self._sequence += 1
        return packet.pack()


@dataclass(slots=True)
class _Key:
    code: int
    packets: int
    start: int | None = None
    sent: int = 0


# --- hearing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of what came in.

    Attributes:
        at: when it arrived, monotonic seconds.
        what: its pitch as in `Sound`; None: nothing that can be heard.
    """

    at: float
    what: int | None


@dataclass(frozen=True, slots=True)
class Sound:
    """Something heard without a break.

    Attributes:
        what: its pitch in hertz, or 0 for a voice (or any other sound that is no single tone of `TONES`).
        start: arrival of its first frame, monotonic seconds.
        end: end of its last frame.
    """

    what: int
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def level(payload: bytes) -> float:
    """Root mean square of μ-law samples, on the 16-bit scale."""
    if not payload:
        return 0.0
    return math.sqrt(sum(_LINEAR[byte] ** 2 for byte in payload) / len(payload))


def power_at(samples: Sequence[int], hertz: int) -> float:
    """Goertzel: the share (0 to 1) of the samples' power that lies at one pitch."""
    total = sum(sample * sample for sample in samples)
    if not total:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * power / (len(samples) * total)


def pitch(payload: bytes) -> int:
    """The one of `TONES` that a frame is, or 0."""
    return _pitch([_LINEAR[byte] for byte in payload])


def _pitch(samples: Sequence[int]) -> int:
    share, hertz = max((power_at(samples, hertz), hertz) for hertz in TONES)
    return hertz if share >= PURE else 0


def pitches_of(wav: bytes) -> Counter[int]:
    """How many frames of a recording (16 bit, 8 kHz, mono) have which pitch; 0: other sounds. Silence is not counted."""
    with wave.open(io.BytesIO(wav)) as file:
        data = file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    frames = [samples[n : n + FRAME] for n in range(0, len(samples) - FRAME + 1, FRAME)]
    return Counter(
        _pitch(frame)
        for frame in frames
        if math.sqrt(sum(sample * sample for sample in frame) / FRAME) >= AUDIBLE
    )


class Ear:
    """Keeps the frames of a call and says what was heard."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def take(self, at: float, packet: Packet) -> Frame | None:
        """A packet that arrived; None for one that carries no audio of ours."""
        if packet.payload_type != PCMU:
            return None
        audible = level(packet.payload) >= AUDIBLE
        frame = Frame(at, pitch(packet.payload) if audible else None)
        self.frames.append(frame)
        return frame

    def sounds(self, since: float = 0.0, gap: float = 0.1) -> list[Sound]:
        """What was heard, in order; silence shorter than `gap` seconds does not end a sound, another pitch does.

        A frame in which one sound turns into another, or fades, has no clear pitch: it belongs to what was heard
        before it.
        """
        audible = [frame for frame in self.frames if frame.at >= since and frame.what is not None]
        return list(_spans(audible, gap))

    def quiet_since(self) -> float | None:
        """The end of the last audible frame; None when nothing was heard yet."""
        for frame in reversed(self.frames):
            if frame.what is not None:
                return frame.at + FRAME_SECONDS
        return None


def _spans(frames: Iterable[Frame], gap: float) -> Iterator[Sound]:
    run: list[Frame] = []
    for frame in frames:
        if run and frame.at - run[-1].at - FRAME_SECONDS > gap:
            yield from _by_pitch(run)
            run = []
        run.append(frame)
    if run:
        yield from _by_pitch(run)


def _by_pitch(frames: Sequence[Frame]) -> Iterator[Sound]:
    """One unbroken stretch, cut where its pitch changes for good; a few odd frames are no change."""
    pieces: list[tuple[int, list[Frame]]] = []
    for what, group in itertools.groupby(frames, key=lambda frame: frame.what or 0):
        piece = list(group)
        if pieces and (what == pieces[-1][0] or len(piece) < _STEADY):
            pieces[-1][1].extend(piece)
        elif len(pieces) == 1 and len(pieces[0][1]) < _STEADY:
            pieces = [(what, pieces[0][1] + piece)]
        else:
            pieces.append((what, piece))
    for what, piece in pieces:
        yield Sound(what, piece[0].at, piece[-1].at + FRAME_SECONDS)

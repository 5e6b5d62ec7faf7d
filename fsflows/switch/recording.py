"""Recordings of a simulated call: real WAV bytes, so that tests can see what is on disk, what is masked, what is gone.

Every sample that is recorded is `CALLER_SAMPLE` (and, in stereo, `SWITCH_SAMPLE` on the right); what is masked is zero.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from fsflows.esl.quoting import file_of
from fsflows.switch.clockwork import FRAME, Wait

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel
    from fsflows.switch.files import OpenFile

CALLER_SAMPLE = b"\x12\x34"
SWITCH_SAMPLE = b"\x56\x78"
HEADER_BYTES = 44

SILENT_START = 0.49
"""When nothing is played so long, the recording lacks its first so many seconds (s05_several_and_errors)."""

EXTENSIONS = {"wav", "au", "raw", "mp3", "ogg", "flac", "gsm", "ul", "al"}


class Recording:
    """One path that a call is recorded to, and its file; or two files, one for each direction."""

    __slots__ = (
        "_begin",
        "_files",
        "_frames",
        "_unwritten",
        "appends",
        "buffered",
        "masked",
        "minimum",
        "native",
        "path",
        "rate",
        "started",
        "stereo",
    )

    def __init__(self, channel: Channel, path: str, *files: OpenFile) -> None:
        variables = channel.variables
        self.path = path
        self.started = channel.now
        self.masked = False
        self.stereo = variables.get("RECORD_STEREO") == "true"
        self.rate = _number(variables.get("record_sample_rate"), 8000)
        self.minimum = _number(variables.get("RECORD_MIN_SEC"), 0)
        self.appends = variables.get("RECORD_APPEND") == "true"
        self.native = is_native(path)
        self.buffered = variables.get("enable_file_write_buffering") != "false"
        self._files = files
        self._frames = 0
        self._unwritten: list[tuple[int, bool]] = []
        both_ways = variables.get("RECORD_READ_ONLY") != "true"
        waits = both_ways and channel.transcript.playing is None
        self._begin = self.started + (SILENT_START if waits else 0.0)
        if not self.native:
            files[0].write(wav_header(0, self.rate, 2 if self.stereo else 1))

    @property
    def samples(self) -> int:
        return self._frames * round(self.rate * FRAME)

    @property
    def size(self) -> int:
        """The file's size in the end, in bytes."""
        return HEADER_BYTES + self.samples * (4 if self.stereo else 2)

    def heard(self, now: float) -> None:
        """A sound starts to play."""
        if now <= self._begin:
            self._begin = self.started

    def take(self, now: float) -> None:
        """Keep what was heard since the last time."""
        frames = max(0, math.floor((now - self._begin) / FRAME + 1e-6))
        if frames > self._frames:
            self._unwritten.append((frames - self._frames, self.masked))
            self._frames = frames

    def write(self, now: float) -> None:
        """Put everything on file that was heard so far."""
        self.take(now)
        sample = CALLER_SAMPLE + (SWITCH_SAMPLE if self.stereo else b"")
        for frames, masked in self._unwritten:
            shown = bytes(len(sample)) if masked else sample
            for file in self._files:
                file.write(shown * (frames * round(self.rate * FRAME)))
        self._unwritten.clear()

    def mask(self, on: bool, now: float) -> None:
        """Hear silence from now on, or what there is to hear."""
        self.take(now)
        self.masked = on

    def close(self, now: float) -> None:
        """Complete the file: everything heard, and a header that says how much."""
        self.write(now)
        channels = 2 if self.stereo else 1
        header = b"" if self.native else wav_header(self.size - HEADER_BYTES, self.rate, channels)
        for file in self._files:
            file.finish(header)


class Recorder:
    """All recordings of one call."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._running: dict[str, Recording] = {}

    @property
    def paths(self) -> list[str]:
        """The files that are being recorded to, oldest first."""
        return list(self._running)

    def open(self, path: str, limit: int = 0) -> bool:
        """Create the file. False when that cannot be; a recording that runs already is left alone."""
        channel = self._channel
        if path in self._running:
            return True
        names = [file_of(path)]
        if is_native(path):
            names = [f"{names[0]}-{way}.PCMU" for way in ("in", "out")]
        elif path.rsplit(".", 1)[-1].lower() not in EXTENSIONS:
            return False
        try:
            files = [channel.setup.files.create(name) for name in names]
        except OSError:
            return False
        recording = self._running[path] = Recording(channel, path, *files)
        if limit > 0:
            # FreeSWITCH counts whole seconds of the wall clock (s05_several_and_errors: 2 s were 1.43).
            epoch = channel.setup.epoch
            until = math.floor(epoch + channel.now) + limit - epoch
            channel.at(until, lambda: self._limit_reached(recording))
        if not recording.buffered:
            channel.at(channel.now + FRAME, lambda: self._flush(recording))
        return True

    def announce(self, path: str) -> None:
        """Fire RECORD_START."""
        self._channel.transcript.tape(self._channel.now, "start", path)
        self._channel.fire("RECORD_START", extra={"Record-File-Path": path})

    def heard(self) -> None:
        for recording in self._running.values():
            recording.heard(self._channel.now)

    def mask(self, path: str, on: bool) -> bool:
        """Replace what is heard by silence, or stop that. False when the path is not being recorded to."""
        recording = self._running.get(path)
        if recording is None:
            return False
        recording.mask(on, self._channel.now)
        self._channel.transcript.tape(self._channel.now, "mask" if on else "unmask", path)
        return True

    def stop(self, path: str, cause: str = "success-maxtime") -> bool:
        """End a recording: its file is complete when this returns. False when there is none of that path."""
        recording = self._running.pop(path, None)
        if recording is None:
            return False
        channel = self._channel
        recording.close(channel.now)
        channel.transcript.tape(channel.now, "stop", path)
        seconds = recording.samples / recording.rate
        variables = {"record_file_size": str(recording.size)}
        if seconds < recording.minimum and not recording.appends and not recording.native:
            # Parameters in front of the path: FreeSWITCH does not find the file, and says all the same that it is gone.
            channel.setup.files.remove(path)
            variables["RECORD_DISCARDED"] = "true"
            cause = "input-too-short"
        variables |= {
            "record_samples": str(recording.samples),
            "record_seconds": str(int(seconds)),
            "record_ms": str(round(seconds * 1000)),
            "record_completion_cause": cause,
        }
        for name, value in variables.items():
            channel.set_variable(name, value)
        channel.fire(
            "RECORD_STOP", extra={"Record-File-Path": path, "Record-Completion-Cause": cause}
        )
        return True

    def stop_all(self, cause: str = "success-maxtime") -> None:
        for path in self.paths:
            self.stop(path, cause)

    def _limit_reached(self, recording: Recording) -> None:
        if self._running.get(recording.path) is recording:
            self.stop(recording.path)

    def _flush(self, recording: Recording) -> None:
        if self._running.get(recording.path) is recording:
            channel = self._channel
            recording.write(channel.now)
            channel.at(channel.now + FRAME, lambda: self._flush(recording))


def is_native(path: str) -> bool:
    """Whether a path has no ending: FreeSWITCH writes what comes and what goes as they are, each to a file."""
    return "." not in file_of(path)


def record_session(channel: Channel, data: str) -> Wait:
    """`record_session PATH [+limit]`: the file is there at once, its RECORD_START a frame later."""
    path, _, limit = data.partition(" +")
    known = path in channel.recorder.paths
    opened = channel.recorder.open(path, _number(limit, 0))
    yield channel.now + FRAME
    if opened and not known:
        channel.recorder.announce(path)


def stop_record_session(channel: Channel, data: str) -> None:
    """`stop_record_session PATH|all`."""
    if data == "all":
        channel.recorder.stop_all()
    else:
        channel.recorder.stop(data)


def wav_header(data_bytes: int, rate: int, channels: int) -> bytes:
    """The 44 bytes in front of 16-bit samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data_bytes + HEADER_BYTES - 8 if data_bytes else 8,
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        rate,
        rate * channels * 2,
        channels * 2,
        16,
        b"data",
        data_bytes,
    )


def _number(text: str | None, default: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return default

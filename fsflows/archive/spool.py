"""Lines that wait on disk: appended and fsynced, read back in order, gone once they have been dealt with.

A directory of segment files, each owned by one process, which holds a lock on it for as long as it lives. What a dead
process left behind is adopted by the next one that looks. All methods do file work and may block: call them off
gevent's hub, one at a time.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsflows.durable import make_directory, sync_directory

SEGMENT_BYTES = 8 * 1024 * 1024
"""A longer segment is closed and the next one begun, so that disk space comes back as a backlog is worked off."""

REJECTED = "rejected.jsonl"
"""What nobody would take, for people to look at; it lies beside the segments and is none of them."""

_SEGMENTS = "[0-9]*.jsonl"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines from the front of the spool, with the place behind them."""

    lines: tuple[bytes, ...]
    segment: Path
    end: int


@dataclass(slots=True)
class _Segment:
    path: Path
    descriptor: int
    size: int
    lines: int = 0
    """That have not been dealt with."""
    read_to: int = 0


class Spool:
    """A bounded queue of lines on disk.

    Args:
        directory: made if it is missing; readable by nobody else.
        max_bytes: of all that this process has waiting there.
    """

    def __init__(self, directory: Path, *, max_bytes: int = 256 * 1024 * 1024) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self._segments: list[_Segment] = []
        self._count = 0
        self._writing: _Segment | None = None
        self._pages: dict[int, _Segment] = {}
        self._superseded: list[_Segment] = []

    def append(self, lines: Sequence[bytes]) -> int:
        """Write lines (without newlines in them) behind the others; they are on disk when this returns.

        Returns:
            How many fitted below `max_bytes`, from the first; the others were not written.

        Raises:
            OSError: none was written (a full disk, a missing right).
        """
        room = self.max_bytes - self.bytes
        accepted: list[bytes] = []
        for line in lines:
            room -= len(line) + 1
            if room < 0:
                break
            accepted.append(line + b"\n")
        if not accepted:
            return 0
        segment = self._segment_to_write()
        data = b"".join(accepted)
        try:
            _write(segment.descriptor, data)
            os.fsync(segment.descriptor)
        except OSError:
            os.ftruncate(segment.descriptor, segment.size)
            raise
        segment.size += len(data)
        segment.lines += len(accepted)
        superseded, self._superseded = self._superseded, []
        for page in superseded:
            _throw_away(page)
        return len(accepted)

    def jot(self, lines: Sequence[bytes], page: int) -> None:
        """Write lines that will be elsewhere in a moment, on a page of their own, and don't wait for the disk.

        If this process is killed before `strike_out`, they are adopted as all others; if the power goes they are lost.

        Raises:
            OSError: they can't be written.
        """
        if page not in self._pages:
            self._pages[page] = self._new_segment(sync=False)
        _write(self._pages[page].descriptor, b"".join(line + b"\n" for line in lines))

    def strike_out(self, page: int) -> None:
        """What was jotted down on a page is elsewhere now."""
        jotted = self._pages.pop(page, None)
        if jotted is not None:
            _throw_away(jotted)

    def supersede(self, page: int) -> None:
        """What is on a page comes with the lines that are appended next, and stays until they are on disk."""
        jotted = self._pages.pop(page, None)
        if jotted is not None:
            self._superseded.append(jotted)

    def take(self, limit: int) -> Batch | None:
        """The oldest lines, at most so many; they stay until `done`. None: there are none."""
        while self._segments:
            segment = self._segments[0]
            if segment.read_to < segment.size:
                return _read(segment, limit)
            if segment is self._writing:
                return None
            self._remove(segment)
        return None

    def done(self, batch: Batch) -> None:
        """The lines of a batch have been dealt with."""
        segment = next((each for each in self._segments if each.path == batch.segment), None)
        if segment is None:
            return
        segment.read_to = max(segment.read_to, batch.end)
        segment.lines -= len(batch.lines)
        if segment.read_to >= segment.size:
            self._remove(segment)

    def adopt(self) -> int:
        """Take over what dead processes left; how many lines that was.

        Raises:
            OSError: the directory can't be used.
        """
        make_directory(self.directory, 0o700)
        ours = {segment.path for segment in self._segments}
        adopted = 0
        for path in sorted(self.directory.glob(_SEGMENTS)):
            if path in ours:
                continue
            segment = _lock(path)
            if segment is None:
                continue
            if segment.size == 0:
                path.unlink()
                os.close(segment.descriptor)
                continue
            self._segments.append(segment)
            adopted += segment.lines
        self._segments.sort(key=lambda segment: (segment is self._writing, segment.path.name))
        return adopted

    def put_aside(self, line: bytes) -> None:
        """Keep a line that nobody takes, for people to look at. It is on disk when this returns.

        Raises:
            OSError: it can't be written.
        """
        with (self.directory / REJECTED).open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self.directory)

    @property
    def bytes(self) -> int:
        """How much waits."""
        return sum(segment.size - segment.read_to for segment in self._segments)

    @property
    def lines(self) -> int:
        """How many lines wait."""
        return sum(segment.lines for segment in self._segments)

    def close(self) -> None:
        """Let go of the files; what waits in them stays for the next process."""
        for segment in list(self._segments):
            if segment.read_to >= segment.size:
                self._remove(segment)
            else:
                os.close(segment.descriptor)
        self._segments.clear()
        self._writing = None
        for jotted in (*self._pages.values(), *self._superseded):
            os.close(jotted.descriptor)
        self._pages, self._superseded = {}, []

    def _segment_to_write(self) -> _Segment:
        if self._writing is not None and self._writing.size < SEGMENT_BYTES:
            return self._writing
        self._writing = self._new_segment(sync=True)
        self._segments.append(self._writing)
        return self._writing

    def _new_segment(self, *, sync: bool) -> _Segment:
        make_directory(self.directory, 0o700)
        while (made := self._make_segment()) is None:
            pass
        if sync:
            try:
                sync_directory(self.directory)
            except OSError:
                os.close(made.descriptor)
                raise
        return made

    def _make_segment(self) -> _Segment | None:
        """A new file, locked; None: another process was first, took it for a dead one's, and has it or removed it."""
        self._count += 1
        # Names sort in the order in which they were made.
        path = self.directory / f"{time.time_ns():020d}-{os.getpid()}-{self._count}.jsonl"
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.fstat(descriptor).st_nlink > 0
        except BlockingIOError:
            ours = False
        except OSError:
            os.close(descriptor)
            raise
        if not ours:
            os.close(descriptor)
            return None
        return _Segment(path, descriptor, 0)

    def _remove(self, segment: _Segment) -> None:
        segment.path.unlink(missing_ok=True)
        os.close(segment.descriptor)
        self._segments.remove(segment)
        if segment is self._writing:
            self._writing = None


def _throw_away(page: _Segment) -> None:
    page.path.unlink(missing_ok=True)
    os.close(page.descriptor)


def _lock(path: Path) -> _Segment | None:
    """A file that nobody owns, owned by us now; None: somebody does, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    status = os.fstat(descriptor)
    if status.st_nlink == 0:  # its owner was done with it in between
        os.close(descriptor)
        return None
    return _Segment(path, descriptor, status.st_size, _count_lines(descriptor, status.st_size))


def _count_lines(descriptor: int, size: int) -> int:
    count = 0
    last = b"\n"
    for at in range(0, size, _CHUNK):
        data = os.pread(descriptor, _CHUNK, at)
        count += data.count(b"\n")
        last = data[-1:]
    return count + (last != b"\n")


def _read(segment: _Segment, limit: int) -> Batch:
    remaining = segment.size - segment.read_to
    for size in (min(_CHUNK, remaining), remaining):
        data = os.pread(segment.descriptor, size, segment.read_to)
        lines = data.split(b"\n")[:-1][:limit]
        if lines:
            end = segment.read_to + sum(len(line) + 1 for line in lines)
            return Batch(tuple(lines), segment.path, end)
    # The writer died within this line. What there is of it is handed out, to be found damaged.
    return Batch((data,), segment.path, segment.size)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]

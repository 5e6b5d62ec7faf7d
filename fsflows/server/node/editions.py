"""The flow files that a server's processes load, as their parent read them. Each reading is an edition, counted from 0.

Every worker has the one in force: one that is started again does not load what somebody is just writing at, or has
broken since. Which one that is, `fsflows.server.fleet.loading` decides.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from fsflows.flow.reading.files import Snapshot


class Editions:
    """What was read: the latest edition, and the one in force.

    Args:
        paths: `flows.paths` of the settings.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._kept: dict[int, Snapshot] = {}
        self._files: dict[int, int] = {}

    def read(self, number: int, in_force: int) -> None:
        """Read the files; all but the edition in force are forgotten."""
        for old in [each for each in self._kept if each != in_force]:
            self._forget(old)
        self._kept[number] = Snapshot.take(self._paths)

    def get(self, number: int) -> Snapshot:
        """An edition, for a worker that is forked."""
        return self._kept[number]

    def descriptor(self, number: int) -> int:
        """A file in memory that has an edition, for a worker that runs (`received`). It stays ours.

        Raises:
            OSError: there is no file descriptor, or no memory.
        """
        if number not in self._files:
            made = os.memfd_create(f"fsflows-flows-{number}")
            with open(made, "wb", closefd=False) as file:
                try:
                    file.write(self._kept[number].encode())
                    file.flush()
                except BaseException:
                    os.close(made)
                    raise
            self._files[number] = made
        return self._files[number]

    def close(self) -> None:
        """Let go of what is kept."""
        for number in list(self._kept):
            self._forget(number)

    def _forget(self, number: int) -> None:
        self._kept.pop(number, None)
        if (file := self._files.pop(number, None)) is not None:
            os.close(file)


def received(descriptor: int) -> Snapshot:
    """The edition in a parent's file; the descriptor is closed.

    Raises:
        OSError: it can't be read.
    """
    try:
        size, data = os.fstat(descriptor).st_size, b""
        # Every worker reads the same open file: at places of its own, never from where the last one stopped.
        while len(data) < size and (more := os.pread(descriptor, size - len(data), len(data))):
            data += more
    finally:
        os.close(descriptor)
    return Snapshot.decode(data)

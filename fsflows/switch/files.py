"""Where recordings are kept: on disk, as FreeSWITCH keeps them, or in memory for calls in virtual time.

Both behave as an open file does: what is removed while it is being written stays removed, and its writer does not
notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class OpenFile(Protocol):
    """A file that is open for writing."""

    def write(self, data: bytes) -> None:
        """Append."""

    def finish(self, header: bytes) -> None:
        """Write the final header over the first bytes, and close."""


class Files(Protocol):
    """A place that files can be created in."""

    def create(self, path: str) -> OpenFile:
        """Open an empty file, making missing directories and emptying a file that is there.

        Raises:
            OSError: it cannot be created.
        """

    def remove(self, path: str) -> None:
        """Remove a file; nothing happens when there is none."""

    def __contains__(self, path: str, /) -> bool:
        """Whether there is such a file."""


class _DiskFile:
    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def finish(self, header: bytes) -> None:
        os.pwrite(self._descriptor, header, 0)
        os.close(self._descriptor)


class DiskFiles:
    """Real files. A root puts them under a directory of their own ("/rec/a.wav" becomes "<root>/rec/a.wav")."""

    def __init__(self, root: str | Path = "") -> None:
        self._root = str(root)

    def __contains__(self, path: str, /) -> bool:
        return self.path(path).exists()

    def path(self, path: str) -> Path:
        """Where a path of FreeSWITCH's is on this disk."""
        return Path(self._root + path) if self._root else Path(path)

    def create(self, path: str) -> OpenFile:
        real = self.path(path)
        real.parent.mkdir(parents=True, exist_ok=True)
        return _DiskFile(os.open(real, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))

    def remove(self, path: str) -> None:
        self.path(path).unlink(missing_ok=True)


class _MemoryFile:
    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def finish(self, header: bytes) -> None:
        self.data[: len(header)] = header


class MemoryFiles:
    """Files that are nowhere but here."""

    def __init__(self) -> None:
        self._files: dict[str, _MemoryFile] = {}

    def create(self, path: str) -> OpenFile:
        file = _MemoryFile()
        self._files[path] = file
        return file

    def remove(self, path: str) -> None:
        self._files.pop(path, None)

    def __contains__(self, path: str, /) -> bool:
        return path in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: there is none.
        """
        if path not in self._files:
            raise FileNotFoundError(path)
        return bytes(self._files[path].data)

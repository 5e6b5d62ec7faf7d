"""File systems of the tests' own, in memory; where they may not be mounted the test is skipped, with the reason."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


class Disk:
    """A file system that is mounted somewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        _mount("-o", f"remount,{how}", str(self.path))

    def fill(self) -> None:
        """Leave no room, to the last byte."""
        with (self.path / "filler").open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def empty(self) -> None:
        """Make room again."""
        (self.path / "filler").unlink()


@contextmanager
def disk(path: Path, size: str = "1m") -> Iterator[Disk]:
    """A small file system, mounted on a directory, which is made if need be."""
    path.mkdir(parents=True, exist_ok=True)
    with _mounted(path, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield Disk(path)


@contextmanager
def bound(source: Path, path: Path) -> Iterator[Disk]:
    """A directory, mounted on another one: mounted again it has what it had."""
    with _mounted(path, "--bind", str(source)):
        yield Disk(path)


@contextmanager
def _mounted(path: Path, *what: str) -> Iterator[None]:
    _mount(*what, str(path))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True, timeout=20)


def _mount(*arguments: str) -> None:
    done = subprocess.run(
        ["mount", *arguments], capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode:
        pytest.skip(f"file systems can't be mounted here: {done.stderr.strip()}")

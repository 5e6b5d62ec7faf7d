"""Names on the disk: a file that was fsynced is gone with the power all the same if its directory was not."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def sync_directory(directory: int | Path) -> None:
    """Bring a directory's changes to the disk; a file system that knows no such thing is taken at its word.

    Args:
        directory: its path, or a descriptor.

    Raises:
        OSError: it can't be opened, or not be brought there.
    """
    if isinstance(directory, Path):
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sync_directory(opened)
        finally:
            os.close(opened)
        return
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make a directory, and those above it, unless they are there. What it has made is on disk when it returns.

    Args:
        path: of the directory.
        mode: its own; those above have the default.

    Raises:
        OSError: as `Path.mkdir`.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode, parents=True, exist_ok=True)
    for each in missing:
        sync_directory(each.parent)

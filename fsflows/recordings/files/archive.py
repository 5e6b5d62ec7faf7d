"""Where recordings are kept for good: in a directory (`directory_archive`) or an object store (`object_store`)."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Protocol

from fsflows.recordings.files.failures import FileWorkFailed


@dataclass(frozen=True, slots=True)
class Published:
    """A recording in the archive: where, for people and programs to fetch it, and its size in bytes."""

    location: str
    size: int


@dataclass(frozen=True, slots=True)
class Retracted:
    """What was taken out of the archive that is at hand: bytes (None: nothing was there), and that archive's id."""

    size: int | None
    archive: str | None


class Archive(Protocol):
    """Where recordings are published to. Names are relative paths ("2026-01-31/<uuid>.wav").

    Methods raise `OSError`, or `FileWorkFailed` with an explanation.

    Attributes:
        remote: it is spoken to over the network.
    """

    @property
    def remote(self) -> bool: ...

    def identity(self) -> str | None:
        """The id that the archive at hand bears; None: none."""

    def claim(self, identity: str) -> str:
        """Have the archive bear this id, unless it bears one; the one that it bears then."""

    def publish(self, directory: int, file: str, name: str, archive: str) -> Published:
        """Take in a file of an open directory. The same file again is no error; another one by that name is.

        Raises:
            WrongArchive: what is at hand does not bear the id `archive`; nothing was done.
        """

    def secure(self, name: str, archive: str) -> Published | None:
        """What is there under that name already, safe from now on as if just published. None: nothing is.

        Deletes what a publication that broke off has left.

        Raises:
            WrongArchive: see `publish`.
        """

    def published(self, name: str) -> Published | None: ...

    def retract(self, name: str) -> Retracted:
        """Delete it for good, and what a publication that broke off has left."""

    def names(self) -> Iterator[str]: ...


def safe_name(name: str) -> list[str]:
    """The parts of an archive name.

    Raises:
        FileWorkFailed: it is not a plain relative path.
    """
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        raise FileWorkFailed(f"{name!r} can't be a name in the archive")
    return parts


@contextmanager
def taken_in(directory: int, file: str) -> Iterator[tuple[IO[bytes], os.stat_result]]:
    """A file of an open directory, open for reading, and what it is. No other process here takes it in meanwhile.

    Of two at once, one is done first, and the file goes; the other took that for a discard, and its recording out of
    the archive again. A file system that knows no locks is no reason not to publish: the journal knows who is at it.

    Raises:
        FileWorkFailed: it is no file; somebody else is at it; or it has gone just now.
    """
    # Nobody waits for who may write into a pipe that somebody has put there.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, dir_fd=directory), "rb") as source:
        found = os.fstat(source.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FileWorkFailed(f"{file!r} is not a file")
        try:
            fcntl.flock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileWorkFailed(f"{file!r} is being published already") from None
        except OSError:
            pass  # no locks there
        if not _is_there(found, directory, file):
            raise FileWorkFailed(f"{file!r} went away just now")
        yield source, found


def _is_there(found: os.stat_result, directory: int, file: str) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(found, os.stat(file, dir_fd=directory, follow_symlinks=False))
    return False


def deleted_since(found: os.stat_result, descriptor: int) -> bool:
    """Whether a file that is open has been deleted since it was looked at, when it was in a directory.

    A publication may go on when nobody waits for it any more, or lives who has asked for it. A discard meanwhile has
    deleted the file first, and then looked in the archive; what comes there only now has to go again.
    """
    return found.st_nlink > 0 and os.fstat(descriptor).st_nlink == 0

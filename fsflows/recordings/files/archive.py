"""Where recordings are kept for good: in a directory (`directory_archive`) or an object store (`object_store`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

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


def deleted_since(found: os.stat_result, descriptor: int) -> bool:
    """Whether a file that is open has been deleted since it was looked at, when it was in a directory.

    A publication may go on when nobody waits for it any more, or lives who has asked for it. A discard meanwhile has
    deleted the file first, and then looked in the archive; what comes there only now has to go again.
    """
    return found.st_nlink > 0 and os.fstat(descriptor).st_nlink == 0

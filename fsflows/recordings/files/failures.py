"""How work on files, here or on another host, in directories or in the archive, fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class FileWorkFailed(Exception):
    """A file could not be looked at, deleted or published; trying again later may help."""


class PathRefused(FileWorkFailed):
    """A path that may not be touched, and never will be: it leads out of the recording directories, or to no file."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path!r} {why}")
        self.path = path
        self.why = why


class StillThere(FileWorkFailed):
    """A file was deleted, and is there again: somebody is recording to it."""


class NotKnown(StillThere):
    """Whether a file was deleted: the connection ended before the answer. It has to be looked at again."""


class NotAllSearched(FileWorkFailed):
    """In some places it could not be looked for a call's recordings; in the others these were `found`."""

    def __init__(self, why: str, found: Sequence[str]) -> None:
        super().__init__(why)
        self.found = tuple(found)


class WrongArchive(FileWorkFailed):
    """The archive at hand is not the one that recordings are published to: not mounted, or another node's own."""


class RecordingGone(FileWorkFailed):
    """A recording that was to be published is neither in the staging directory nor in the archive."""


class GoesOn(FileWorkFailed):
    """Publishing has not ended in its time, and goes on, though nobody waits for it. `is_over` says when it has."""

    def __init__(self, why: str, is_over: Callable[[], bool]) -> None:
        super().__init__(why)
        self.is_over = is_over


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Whatever goes wrong with a path becomes `FileWorkFailed`, in words."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise FileWorkFailed(f"{path!r}: {_in_words(error)}") from error


def _in_words(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)

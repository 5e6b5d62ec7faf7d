"""The work on recordings' files: look, delete for good, find, publish. On this host, or through the agent.

Whoever does it, the answers mean the same: when `delete` returns, the name is gone from the directory, whoever has
taken it away; the directory has been synced, and a fresh look found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fsflows.recordings.files.archive import Published

INTENTS = ".intents"
"""A directory in the staging directory that holds no recordings, but discards that the journal could not take."""


WAV_HEADER = 44
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A recording's file as it was found: bytes, and the mark of the recording directory it was found in."""

    size: int
    mark: str

    @property
    def is_empty(self) -> bool:
        """Whether there is no audio in it: no more than the header of a WAV file."""
        return self.size <= WAV_HEADER


@dataclass(frozen=True, slots=True)
class Deleted:
    """What `delete` found and did.

    Attributes:
        how: "deleted", or "absent": nothing was there.
        size: bytes that it had; None when nothing was there.
        also: other names of the same file (hard links, the target of a link) that were deleted with it.
        archive: the id of the archive that it was deleted in, or looked for; None: it bears none, or there is none.
    """

    how: str
    size: int | None = None
    also: tuple[str, ...] = ()
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in the staging directory: its path as FreeSWITCH names it, bytes, seconds since it last changed."""

    path: str
    size: int
    age: float


class Files(Protocol):
    """File work, wherever FreeSWITCH's files are. All paths are as FreeSWITCH names them.

    Every method raises `FileWorkFailed` when it can't do its work, and `PathRefused` for a path that may not be
    touched. None of them pretends.

    Attributes:
        remote: all of it is asked for over the network.
        archive_remote: what is done in the archive is.
        staging: the place of the staging directory.
        searched: the places that `find` looks in.
    """

    @property
    def remote(self) -> bool: ...

    @property
    def archive_remote(self) -> bool: ...

    @property
    def staging(self) -> str: ...

    @property
    def searched(self) -> Sequence[str]: ...

    def place(self, path: str) -> str:
        """The recording directory that a path lies in, as far as its name tells; "": in none. Nothing is looked at.

        Two places don't hang together.
        """

    def look(self, path: str) -> Sighting | None:
        """The recording at a path; None: nothing is there."""

    def delete(self, path: str, mark: str | None) -> Deleted:
        """Delete a recording for good. `mark`: of the directory it was seen in, to notice that it isn't mounted."""

    def find(self, call_uuid: str, places: Sequence[str] = ()) -> list[str]:
        """Recordings of a call in the staging directory, and where the settings say that they may lie.

        Only for a call whose name is a UUID: any other could be a part of another call's name.

        Args:
            call_uuid: the call's.
            places: some of `searched`; none: all.

        Raises:
            NotAllSearched: it could not be looked in all of them.
        """

    def staged(self, now: float) -> list[Staged]:
        """All files in the staging directory. `now`: the wall-clock time, seconds since the epoch."""

    def identity(self) -> str | None:
        """The id of the archive that is at hand; None: it bears none."""

    def claim(self, identity: str) -> str:
        """Give the archive at hand this id, unless it bears one. The id that it bears then."""

    def publish(self, path: str, name: str, archive: str) -> Published:
        """Bring a staged recording into the archive of that id. Doing it again, after a crash anywhere, is safe.

        The staged file is left where it is unless it could be moved.

        Raises:
            WrongArchive: another archive is at hand, or none; nothing was done.
        """

    def published(self, name: str) -> Published | None:
        """The recording of that name in the archive."""

    def retract(self, name: str) -> Deleted:
        """Delete a published recording for good, and a half-published one, in whatever archive is at hand.

        Only in the archive that it was published to "absent" means that it is gone.
        """

    def archived(self) -> list[str]:
        """The names of all recordings in the archive."""

    def close(self) -> None:
        """Let go of what is kept between two requests. May be called twice."""

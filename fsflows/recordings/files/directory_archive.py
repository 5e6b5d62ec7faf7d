"""A directory as the archive."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.archive import (
    Published,
    Retracted,
    deleted_since,
    safe_name,
    taken_in,
)
from fsflows.recordings.files.failures import FileWorkFailed, RecordingGone
from fsflows.recordings.files.marker import MARKER, MarkerDamaged, identity_in, marker_text, must_be

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectoryArchive:
    """A directory. A recording appears in it whole, or not at all.

    Args:
        path: its absolute path. It must exist: made by us, it could be the mount point of one that is not mounted.
    """

    remote = False

    def __init__(self, path: str, *, faults: Faults = NO_FAULTS) -> None:
        self._path = path
        self._faults = faults

    def identity(self) -> str | None:
        with self._opened() as root:
            return _identity(root)

    def claim(self, identity: str) -> str:
        with self._opened() as root:
            if _identity(root) is None:
                _mark(root, identity)
            os.fsync(root)
            borne = _identity(root)
        if borne is None:
            raise FileWorkFailed(f"{self._location(MARKER)} does not stay")
        return borne

    def publish(self, directory: int, file: str, name: str, archive: str) -> Published:
        with self._opened() as root, self._parent(root, name, make=archive) as (parent, last):
            assert parent is not None
            if os.fstat(parent).st_dev != os.fstat(root).st_dev:
                # Were it not mounted one day, what is in it would look as if somebody had deleted it.
                raise FileWorkFailed(f"{name!r}: another file system is mounted inside the archive")
            with taken_in(directory, file) as (source, here):
                present = _stat(parent, last)
                # Else a power failure could leave it other than its copy, which then is taken for another recording.
                os.fsync(source.fileno())
                moved = here.st_dev == os.fstat(parent).st_dev
                if moved and here.st_mode & stat.S_IRWXO:
                    # As a copy would be. Its owner may be another than we are.
                    with suppress(PermissionError):
                        os.fchmod(source.fileno(), stat.S_IMODE(here.st_mode) & ~stat.S_IRWXO)
                if present is not None:
                    self._must_be_same(parent, last, source, name)
                    _secure(parent, last)
                elif moved:
                    self._faults.at("publish 3: copied, not yet under its name")
                    os.rename(file, last, src_dir_fd=directory, dst_dir_fd=parent)
                    _must_be(here, parent, last, directory, file)
                else:
                    self._copy(source, here, parent, last)
                    if deleted_since(here, source.fileno()):
                        os.unlink(last, dir_fd=parent)
                        os.fsync(parent)
                        raise RecordingGone(f"{file!r} was deleted while it was published")
            # In this order: a power failure in between leaves it in both places, and not in none.
            os.fsync(parent)
            if present is not None and os.path.samestat(here, present):
                os.unlink(file, dir_fd=directory)  # of a move only one half had reached the disk
            if moved:
                os.fsync(directory)
            self._faults.at("publish 4: under its name in the archive")
            return Published(self._location(name), here.st_size)

    def secure(self, name: str, archive: str) -> Published | None:
        with self._opened() as root, self._parent(root, name, make=archive) as (parent, last):
            assert parent is not None
            found = _stat(parent, last)
            _secure(parent, last)
            os.fsync(parent)
        return None if found is None else Published(self._location(name), found.st_size)

    def published(self, name: str) -> Published | None:
        with self._opened() as root, self._parent(root, name) as (parent, last):
            found = _stat(parent, last)
        return None if found is None else Published(self._location(name), found.st_size)

    def retract(self, name: str) -> Retracted:
        with self._opened() as root, self._parent(root, name) as (parent, last):
            # Of this very directory, whatever is mounted there a moment later. Damaged, it proves nothing.
            archive = None
            with suppress(MarkerDamaged):
                archive = _identity(root)
            found = _stat(parent, last)
            if found is None and not _whole(root, name):
                # What is mounted over a directory hides what was published to it.
                raise FileWorkFailed(f"{name!r}: another file system is mounted inside the archive")
            if found is not None and found.st_nlink > 1:
                # The name that we know stays: it is the way to find the others (find -samefile).
                raise FileWorkFailed(
                    f"{name!r} in the archive has {found.st_nlink - 1} other name(s) (hard links):"
                    " its audio would survive; delete them first"
                )
            if parent is not None:
                for present in (_part(last), last):
                    with suppress(FileNotFoundError):
                        os.unlink(present, dir_fd=parent)
                os.fsync(parent)
        return Retracted(None if found is None else found.st_size, archive)

    def names(self) -> Iterator[str]:
        for where, _, files in os.walk(self._path, onerror=_raise):
            for file in files:
                name = os.path.relpath(f"{where}/{file}", self._path)
                if not name.startswith(MARKER):
                    yield name

    def _location(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    def _copy(self, source: IO[bytes], here: os.stat_result, parent: int, last: str) -> None:
        part = _part(last)
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=parent)
        try:
            with open(part, "xb", opener=_opener(parent)) as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)
                    if deleted_since(here, source.fileno()):
                        raise RecordingGone(f"{last!r} was deleted while it was copied")
                copy.flush()
                os.fsync(copy.fileno())
            self._faults.at("publish 3: copied, not yet under its name")
            if deleted_since(here, source.fileno()):
                raise RecordingGone(f"{last!r} was deleted while it was copied")
            os.rename(part, last, src_dir_fd=parent, dst_dir_fd=parent)
        except (OSError, RecordingGone):
            with suppress(OSError):
                os.unlink(part, dir_fd=parent)
            raise

    @staticmethod
    def _must_be_same(parent: int, last: str, source: IO[bytes], name: str) -> None:
        with open(last, "rb", opener=_opener(parent)) as present:
            while True:
                ours, theirs = source.read(1 << 20), present.read(1 << 20)
                if ours != theirs:
                    raise FileWorkFailed(
                        f"{name!r}: another recording is already published by that name"
                    )
                if not ours:
                    return

    @contextmanager
    def _opened(self) -> Iterator[int]:
        root = os.open(self._path, _DIRECTORY & ~os.O_NOFOLLOW)
        try:
            yield root
        finally:
            os.close(root)

    @contextmanager
    def _parent(self, root: int, name: str, *, make: str = "") -> Iterator[tuple[int | None, str]]:
        """The directory that a name is in; made, if it is missing, in the archive of the id `make`."""
        *between, last = safe_name(name)
        if make:
            must_be(make, _identity(root), self._path)
        directory: int | None = os.dup(root)
        assert directory is not None
        try:
            for part in between:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o750, dir_fd=directory)
                    # Also if it was there: who has made it may not have come to this yet, or never did.
                    os.fsync(directory)
                try:
                    inner = os.open(part, _DIRECTORY, dir_fd=directory)
                except FileNotFoundError:
                    os.close(directory)
                    directory = None
                    break
                os.close(directory)
                directory = inner
            yield directory, last
        finally:
            if directory is not None:
                os.close(directory)


def _must_be(wanted: os.stat_result, parent: int, last: str, directory: int, file: str) -> None:
    """See that what was moved is what was looked at: who can write where it came from can put something else there."""
    if not os.path.samestat(wanted, os.stat(last, dir_fd=parent, follow_symlinks=False)):
        os.rename(last, file, src_dir_fd=parent, dst_dir_fd=directory)
        raise FileWorkFailed(f"{file!r} was changed for another file while it was published")


def _whole(root: int, name: str) -> bool:
    """Whether the directories that a name is in, as far as there are any, are on the archive's own file system."""
    device, between = os.fstat(root).st_dev, ""
    for part in name.split("/")[:-1]:
        between += f"{part}/"
        try:
            found = os.stat(between, dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            return True
        if found.st_dev != device:
            return False
    return True


def _identity(root: int) -> str | None:
    try:
        with open(MARKER, "rb", opener=_opener(root)) as file:
            return identity_in(file.read(4096))
    except FileNotFoundError:
        return None


def _mark(root: int, identity: str) -> None:
    part = f"{MARKER}.{identity}.part"
    with open(part, "xb", opener=_opener(root)) as file:
        file.write(marker_text(identity))
        file.flush()
        os.fsync(file.fileno())
    try:
        _put_in_place(root, part)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=root)


def _put_in_place(root: int, part: str) -> None:
    try:
        os.link(part, MARKER, src_dir_fd=root, dst_dir_fd=root, follow_symlinks=False)
    except FileExistsError:
        return  # somebody else was first
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        # A file system without hard links. Two that claim the same archive in this very moment are found out later.
        if _stat(root, MARKER) is None:
            os.rename(part, MARKER, src_dir_fd=root, dst_dir_fd=root)


def _secure(parent: int, last: str) -> None:
    """See that what is there under its name, if anything, is on the disk; and is there under no other.

    The directory is still to be synced.
    """
    with suppress(FileNotFoundError):
        os.unlink(_part(last), dir_fd=parent)
    with suppress(FileNotFoundError), open(last, "rb", opener=_opener(parent)) as file:
        os.fsync(file.fileno())


def _part(last: str) -> str:
    return f".{last}.part"


def _stat(parent: int | None, name: str) -> os.stat_result | None:
    if parent is None:
        return None
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise FileWorkFailed(f"{name!r} in the archive is not a file")
    return found


def _opener(directory: int) -> Callable[[str, int], int]:
    def opened(path: str, flags: int) -> int:
        # Nobody waits for who may write into a pipe that somebody has put there.
        return os.open(
            path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o640, dir_fd=directory
        )

    return opened


def _raise(error: OSError) -> None:
    raise error

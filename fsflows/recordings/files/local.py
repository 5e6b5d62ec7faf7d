"""The work on recordings' files, on this host."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from fsflows.durable import sync_directory
from fsflows.esl.quoting import file_of
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.archive import Archive, Published
from fsflows.recordings.files.failures import (
    FileWorkFailed,
    PathRefused,
    RecordingGone,
    StillThere,
    explained,
)
from fsflows.recordings.files.files import INTENTS, Deleted, Sighting, Staged
from fsflows.recordings.files.paths import Root, Roots, Spot

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

_NATIVE = re.compile(r"-(?:in|out)\.(?!(?i:wav|mp3|ogg|flac|au|mp4)$)[0-9A-Za-z-]+")
"""What FreeSWITCH puts behind a path without a dot: it writes two files, by direction, named after the codec. What is
named after a file format is another recording's."""

LINK_SEARCH_LIMIT = 500_000
"""Directory entries looked at in search of a file's other names, before giving up loudly."""


class LocalFiles:
    """File work on this host.

    Args:
        roots: the directories that may be touched; the staging directory is one of them.
        staging: where FreeSWITCH records to while a call runs, as this host names it.
        archive: where recordings are published to.
        patterns: where else a call's recordings may lie, as FreeSWITCH names it, with `{uuid}` and `*`.
    """

    remote = False

    def __init__(
        self,
        roots: Roots,
        staging: str,
        archive: Archive,
        *,
        patterns: Sequence[str] = (),
        faults: Faults = NO_FAULTS,
    ) -> None:
        self._roots = roots
        self._staging = staging
        self.staging = roots.place(roots.named(staging))
        self._archive = archive
        self._patterns = tuple(patterns)
        self.searched = tuple(dict.fromkeys([self.staging, *map(roots.place, patterns)]))
        self._faults = faults
        self.archive_remote = archive.remote

    def place(self, path: str) -> str:
        return self._roots.place(path)

    def look(self, path: str) -> Sighting | None:
        with self._roots.open(path) as spot, explained(path):
            found = spot.stat()
            if found is not None and stat.S_ISLNK(found.st_mode):
                return self._look_behind(path, spot)
            if found is not None:
                _must_be_file(path, found)
                return Sighting(found.st_size, spot.mark)
            pair = [spot.beside(name).stat() for name in _native(path, spot)]
            sizes = [each.st_size for each in pair if each is not None]
            return Sighting(sum(sizes), spot.mark) if sizes else None

    def delete(self, path: str, mark: str | None) -> Deleted:
        with self._roots.open(path) as spot:
            if mark and spot.mark != mark and not spot.root.volatile:
                raise FileWorkFailed(
                    f"{path!r}: {spot.root.local} is not the directory that it was seen in (is it mounted?)"
                )
            deleted = self._delete(path, spot)
            with explained(path):
                names = _native(path, spot)
            if names:
                deleted = self._delete_pair(file_of(path), spot, names, deleted)
        # Opened anew: whatever was moved about meanwhile, nothing must be found under this path now.
        if self.look(path) is not None:
            raise StillThere(f"{path!r} is there again after it was deleted")
        return deleted

    def find(self, call_uuid: str, places: Sequence[str] = ()) -> list[str]:
        found = set()
        escaped = glob.escape(call_uuid)
        if not _UUID.fullmatch(call_uuid):
            return []  # "1" is part of many other calls' names
        wanted = places or self.searched
        patterns = []
        if self.staging in wanted:
            staged = f"{glob.escape(self._staging)}/**/*{escaped}*"
            patterns = [staged, f"{staged}/**/*"]
        patterns += [
            self._roots.local(pattern.replace("{uuid}", escaped))
            for pattern in self._patterns
            if self.place(pattern) in wanted
        ]
        for pattern in patterns:
            for local in Path("/").glob(pattern.lstrip("/")):
                path = self._roots.named(str(local))
                if (local.is_symlink() or not local.is_dir()) and self.look(path) is not None:
                    found.add(path)
        return sorted(found)

    def staged(self, now: float) -> list[Staged]:
        listed = []
        with explained(self._staging):
            for entry in _entries(self._staging):
                if entry.is_file(follow_symlinks=False) and f"/{INTENTS}/" not in entry.path:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # published since
                        continue
                    age = max(0.0, now - found.st_mtime)
                    listed.append(Staged(self._roots.named(entry.path), found.st_size, age))
        return sorted(listed, key=lambda file: file.path)

    def identity(self) -> str | None:
        with explained("the archive"):
            return self._archive.identity()

    def claim(self, identity: str) -> str:
        with explained("the archive"):
            return self._archive.claim(identity)

    def publish(self, path: str, name: str, archive: str) -> Published:
        with self._roots.open(path) as spot, explained(path):
            found = spot.stat()
            if found is None:
                already = self._archive.secure(name, archive)
                _stays_away(spot)
                if already is None:
                    raise RecordingGone(f"{path!r} is gone, and was not published")
                return already
            _must_be_file(path, found)
            assert spot.directory is not None
            return self._archive.publish(spot.directory, spot.name, name, archive)

    def published(self, name: str) -> Published | None:
        with explained(name):
            return self._archive.published(name)

    def retract(self, name: str) -> Deleted:
        with explained(name):
            gone = self._archive.retract(name)
            if self._archive.published(name) is not None:
                raise StillThere(f"{name!r} is in the archive again after it was deleted")
        how = "absent" if gone.size is None else "deleted"
        return Deleted(how, gone.size, archive=gone.archive)

    def archived(self) -> list[str]:
        with explained("the archive"):
            return sorted(self._archive.names())

    def close(self) -> None:
        pass

    def _look_behind(self, path: str, spot: Spot) -> Sighting | None:
        with self._target(path) as behind:
            found = behind.stat()
            if found is None:
                return Sighting(0, spot.mark)  # the link itself is still there
            _must_be_file(path, found)
            return Sighting(found.st_size, behind.mark)

    def _target(self, path: str) -> AbstractContextManager[Spot]:
        return self._roots.open(os.path.realpath(self._roots.local(path)), local=True)

    def _delete(self, path: str, spot: Spot) -> Deleted:
        with explained(path):
            found = spot.stat()
            if found is None:
                _stays_away(spot)
                return Deleted("absent")
            if stat.S_ISLNK(found.st_mode):
                # FreeSWITCH writes through a link: the audio is in the file behind it.
                target = os.path.realpath(self._roots.local(path))
                with self._target(path) as behind:
                    _must_be_a_friends(path, found, behind.stat())
                    deleted = self._delete(target, behind)
                self._unlink(spot)
                return Deleted("deleted", deleted.size, (target, *deleted.also))
            _must_be_file(path, found)
            also = self._delete_other_names(path, spot, found) if found.st_nlink > 1 else ()
            self._unlink(spot)
            return Deleted("deleted", found.st_size, also)

    def _delete_pair(self, file: str, spot: Spot, names: list[str], path: Deleted) -> Deleted:
        """Delete what FreeSWITCH writes in place of `file`; `path`: what has become of a file of that very name."""
        gone = [] if path.how == "absent" else [path]
        also = list(path.also)
        for name in names:
            one = f"{file.rpartition('/')[0]}/{name}"
            deleted = self._delete(one, spot.beside(name))
            if deleted.how == "deleted":
                gone.append(deleted)
                also += [one, *deleted.also]
        if not gone:
            return path
        return Deleted("deleted", sum(each.size or 0 for each in gone), tuple(also))

    def _unlink(self, spot: Spot) -> None:
        assert spot.directory is not None
        self._faults.at("discard 7: one file is about to go")
        os.unlink(spot.name, dir_fd=spot.directory)
        self._faults.at("discard 8: one file is gone, its directory not yet synced")
        sync_directory(spot.directory)
        self._faults.at("discard 9: one file is gone, its directory synced")

    def _delete_other_names(self, path: str, spot: Spot, wanted: os.stat_result) -> tuple[str, ...]:
        """Delete the file's other names; if any is out of reach the one we know is kept, as the way to find them."""
        others: list[str] = []
        for other in self._same_file(wanted, spot.root):
            if not self._is_spot(other, spot):
                others.append(other)
            if len(others) + 1 >= wanted.st_nlink:
                break  # no other root need be looked through: it may hang
        if len(others) + 1 < wanted.st_nlink:
            missing = wanted.st_nlink - 1 - len(others)
            raise PathRefused(
                path,
                f"has {missing} other name(s) (hard links) outside of the recording directories:"
                " its audio would survive; delete them first",
            )
        for other in others:
            with self._roots.open(other, local=True) as place:
                found = place.stat()
                if found and (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    self._unlink(place)
        return tuple(others)

    def _same_file(self, wanted: os.stat_result, first: Root) -> Iterator[str]:
        seen = set()
        looked_at = 0
        for root in sorted(self._roots, key=lambda root: root != first):
            for entry in _entries(os.path.realpath(root.local)):
                looked_at += 1
                if looked_at > LINK_SEARCH_LIMIT:
                    raise FileWorkFailed("the file has hard links, and too many files to search")
                if entry.inode() == wanted.st_ino and entry.path not in seen:
                    seen.add(entry.path)
                    if entry.stat(follow_symlinks=False).st_dev == wanted.st_dev:
                        yield entry.path

    @staticmethod
    def _is_spot(other: str, spot: Spot) -> bool:
        assert spot.directory is not None
        parent = Path(other).parent.stat()
        ours = os.fstat(spot.directory)
        same = (parent.st_dev, parent.st_ino) == (ours.st_dev, ours.st_ino)
        return same and Path(other).name == spot.name


def _native(path: str, spot: Spot) -> list[str]:
    """The names of the files that FreeSWITCH writes for a recording whose path has no ending; none for any other."""
    if "." in file_of(path) or spot.directory is None or not spot.whole:
        return []
    length = len(spot.name)
    with os.scandir(spot.directory) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(spot.name)]
    return sorted(name for name in names if _NATIVE.fullmatch(name, length))


def _stays_away(spot: Spot) -> None:
    """What is not there is not there after a power failure either.

    Who took it away (FreeSWITCH, or a process of ours that was killed) may not have brought that to the disk.
    """
    if spot.directory is not None:
        sync_directory(spot.directory)


def _must_be_file(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise PathRefused(path, "is not a file")


def _must_be_a_friends(path: str, link: os.stat_result, behind: os.stat_result | None) -> None:
    """Refuse a link by which somebody would have us delete another user's recording, as the kernel does in /tmp."""
    if behind is not None and link.st_uid not in (os.geteuid(), 0, behind.st_uid):
        raise PathRefused(path, "is a link that is not of the user whose file is behind it")


def _entries(directory: str) -> Iterator[os.DirEntry[str]]:
    """All entries below a directory, links not followed; directories that vanish meanwhile are passed over."""
    try:
        scan = os.scandir(directory)
    except FileNotFoundError:
        return
    with scan:
        for entry in scan:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
            else:
                yield entry

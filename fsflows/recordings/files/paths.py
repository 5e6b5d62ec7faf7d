"""Which files may be touched: those in the recording directories, whatever a path from FreeSWITCH says.

A path is resolved first (links, `..`), must then lie in one of the roots, and is walked again from the root one
directory at a time without following links. What is done to the file is done relative to the directory that was
opened, so that swapping a directory for a link in between can't lead anywhere else.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from fsflows.esl.quoting import file_of
from fsflows.recordings.files.failures import FileWorkFailed, PathRefused, explained

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


UNTOLD = "unknown"
"""In place of a path: recordings that there may be, and that FreeSWITCH could not be asked about."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory that recordings lie in.

    Attributes:
        local: its absolute path on this host.
        switch: what FreeSWITCH calls it, when that differs (another mount point, a container).
        volatile: its content does not survive a reboot (tmpfs): a directory that is empty or missing is no surprise.
    """

    local: str
    switch: str = ""
    volatile: bool = False

    def __post_init__(self) -> None:
        for value in (self.local, self.switch or self.local):
            if not value.startswith("/") or not _components(value):
                raise ValueError(
                    f"a recording directory must be an absolute path and not /, got {value!r}"
                )
            if "\0" in value or ".." in _components(value):
                raise ValueError(f"a recording directory must be a plain path, got {value!r}")

    @property
    def named(self) -> str:
        """What FreeSWITCH calls it."""
        return self.switch or self.local


@dataclass(frozen=True, slots=True)
class Spot:
    """A file's place: an open directory, and a name in it.

    Attributes:
        directory: file descriptor of the parent directory; when there is no such directory, of the last one on the way
            to it; None: not even the root is there.
        whole: whether there is a parent directory.
        mark: identifies the root's directory itself; another one is there when a file system is not mounted.
    """

    root: Root
    directory: int | None
    name: str
    mark: str
    whole: bool = True

    def stat(self) -> os.stat_result | None:
        """What lies there, links not followed; None: nothing."""
        if self.directory is None or not self.whole:
            return None
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def beside(self, name: str) -> Spot:
        """Another file of the same directory, which is open as long as this one's is."""
        return replace(self, name=name)


class Roots:
    """The recording directories of one host."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = tuple(roots)
        self._names = [(_components(root.named), root) for root in self._roots]

    def __iter__(self) -> Iterator[Root]:
        return iter(self._roots)

    def place(self, path: str) -> str:
        """The root that a path of FreeSWITCH's begins with, as FreeSWITCH names it; "": none. Nothing is looked at."""
        root, _ = self._behind(_components(file_of(path)))
        return "" if root is None else root.named

    def _behind(self, parts: list[str]) -> tuple[Root | None, list[str]]:
        """The root whose name a path begins with, the longest, and what is behind that."""
        best: tuple[Root | None, list[str]] = (None, parts)
        for prefix, root in self._names:
            if parts[: len(prefix)] == prefix and len(parts) - len(prefix) < len(best[1]):
                best = (root, parts[len(prefix) :])
        return best

    def local(self, path: str) -> str:
        """A path of FreeSWITCH's as this host names it. It is not yet resolved, nor known to be allowed.

        Raises:
            PathRefused: it can't be a file in a recording directory.
        """
        if path == UNTOLD:
            raise PathRefused(
                path,
                "recordings may be left: FreeSWITCH never said what it recorded in this call"
                " (the socket action lacks `full`, and there is no event socket)",
            )
        if "\0" in path:
            raise PathRefused(path, "holds a NUL")
        file = file_of(path)
        if not file.startswith("/"):
            # A stream ("shout://"), or relative to a directory that only FreeSWITCH knows.
            raise PathRefused(path, "is not an absolute path")
        root, rest = self._behind(_components(file))
        # Without a match it may still be another way, through a link, to a root that both name alike.
        return file if root is None else f"{root.local.rstrip('/')}/{'/'.join(rest)}"

    def named(self, local: str) -> str:
        """A path of this host as FreeSWITCH names it: the opposite of `local`, for a path in a root."""
        parts = _components(local)
        for root in sorted(self._roots, key=lambda root: -len(root.local)):
            prefix = _components(root.local)
            if parts[: len(prefix)] == prefix:
                return "/".join([root.named.rstrip("/"), *parts[len(prefix) :]])
        return local

    @contextmanager
    def open(self, path: str, *, local: bool = False) -> Iterator[Spot]:
        """Open the directory that a path of FreeSWITCH's (or, with `local`, of this host) leads to.

        Raises:
            PathRefused: it does not lead into a root.
            FileWorkFailed: a directory can't be opened, or the root is missing.
        """
        here = path if local else self.local(path)
        parts = _components(here)
        if not parts or parts[-1] == "..":
            raise PathRefused(path, "names no file")
        with explained(path):
            parent = os.path.realpath("/" + "/".join(parts[:-1]))
            root, resolved = self._own_root(parts[:-1], parent) or self._root_of(path, parent)
            spot = self._walk(path, root, resolved, parent, parts[-1])
        try:
            yield spot
        finally:
            if spot.directory is not None:
                os.close(spot.directory)

    def _own_root(self, parts: list[str], parent: str) -> tuple[Root, str] | None:
        """The root that a path of this host begins with, if it leads straight into it: no other is looked at then.

        One that hangs must not keep the recordings in the others.
        """
        best: tuple[Root, list[str]] | None = None
        for root in self._roots:
            prefix = _components(root.local)
            if parts[: len(prefix)] == prefix and (best is None or len(prefix) > len(best[1])):
                best = (root, prefix)
        if best is None:
            return None
        root, prefix = best
        resolved = os.path.realpath(root.local)
        straight = "/".join([resolved.rstrip("/"), *parts[len(prefix) :]])
        return (root, resolved) if parent == straight else None

    def _root_of(self, path: str, parent: str) -> tuple[Root, str]:
        best: tuple[Root, str] | None = None
        for root in self._roots:
            resolved = os.path.realpath(root.local)
            inside = parent == resolved or parent.startswith(resolved + "/")
            if inside and (best is None or len(resolved) > len(best[1])):
                best = (root, resolved)
        if best is None:
            raise PathRefused(path, "lies in none of the recording directories")
        return best

    def _walk(self, path: str, root: Root, resolved: str, parent: str, name: str) -> Spot:
        try:
            directory = os.open(resolved, _DIRECTORY)
        except FileNotFoundError:
            if root.volatile:
                return Spot(root, None, name, "")
            raise FileWorkFailed(
                f"the recording directory {root.local} is missing (is it mounted?)"
            ) from None
        mark = str(os.fstat(directory).st_ino)
        try:
            for part in PurePosixPath(os.path.relpath(parent, resolved)).parts:
                try:
                    inner = os.open(part, _DIRECTORY, dir_fd=directory)
                except FileNotFoundError:
                    return Spot(root, directory, name, mark, whole=False)
                except OSError as error:
                    if error.errno in (errno.ELOOP, errno.ENOTDIR):
                        raise PathRefused(path, f"has a {part!r} that is no directory") from None
                    raise
                os.close(directory)
                directory = inner
        except BaseException:
            os.close(directory)
            raise
        return Spot(root, directory, name, mark)


def _components(path: str) -> list[str]:
    # Not normpath: that would take "a/.." away before a link at "a" is resolved.
    return [part for part in path.split("/") if part not in ("", ".")]

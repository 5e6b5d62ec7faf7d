"""What a power loss may leave of directories that code works in, at each moment of its work.

`Disk` watches real directories. A file's content is safe once the file was fsynced, a name in a directory once that
directory was; until then each of them may be as it is, as it was, or as it was anywhere in between, and independently
of all others; content may also be cut off, empty, or zeros from where it is not safe. Only a rename does not lose both
names by itself, which no file system with a journal does: that the old one is gone is on the disk first when somebody
has synced just that. A commit of the database is safe if its connection syncs commits.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fsflows.database import Database

CHANGING = ("unlink", "rename", "replace", "link", "mkdir", "rmdir", "ftruncate", "write")
"""Functions of `os` before and behind each of which the power may go."""

COMMITTED = "after a transaction"

Inode = tuple[int, int]
Name = tuple[Inode, str]
Rename = tuple[Name, Name, Inode]


@dataclass(frozen=True, slots=True)
class Moment:
    """All that may be on the disk if the power goes now: by name or file each state since the last fsync, the safe one
    first; by number the commits of the database that may be the last; and what had been promised to somebody."""

    label: str
    names: dict[Name, tuple[Inode | None, ...]]
    contents: dict[Inode, tuple[bytes, ...]]
    commits: tuple[int, ...]
    renames: tuple[Rename, ...]
    promised: frozenset[str]

    @property
    def unsafe(self) -> frozenset[str]:
        """The names of what may be left otherwise than it is; of files also whether their content may be."""
        torn = {file for file, states in self.contents.items() if len(states) > 1}
        return frozenset(
            f"{name}: {len(set(states))}{' torn' * (states[-1] in torn)}"
            for (_, name), states in self.names.items()
            if len(states) > 1 or states[-1] in torn
        )

    def choices(self) -> Iterator[dict[Any, Any]]:
        """What may be left: nothing, or all, of what is not safe; of one thing each state that it had, with nothing or all
        of everything else."""
        pending: dict[Any, tuple[Any, ...]] = {"commit": self.commits}
        for name, states in self.names.items():
            pending[name] = tuple(dict.fromkeys(states))
        for file, states in self.contents.items():
            torn = _torn(states[0], states[-1]) if len(states) > 1 else ()
            pending[file] = tuple(dict.fromkeys((states[0], *torn, *states[1:])))
        pending = {key: states for key, states in pending.items() if len(states) > 1}
        # What is unlinked and created again may be what it was: the last state, and not the last that is new.
        now = {k: (self.names.get(k) or self.contents.get(k) or self.commits)[-1] for k in pending}
        before = {key: states[0] for key, states in pending.items()}
        yield now
        yield before
        for key, states in pending.items():
            for state in states:
                for rest in (now, before):
                    choice = {**rest, key: state}
                    if not any(self._lost_on_its_way(choice, *rename) for rename in self.renames):
                        yield choice

    def _lost_on_its_way(self, choice: dict[Any, Any], old: Name, new: Name, file: Inode) -> bool:
        left = {choice.get(name, self.names[name][-1]) for name in (old, new)}
        # Safe, the old name is gone all the same.
        return file not in left and file in self.names[old]


@dataclass(slots=True)
class Left:
    """What a power loss has left, on the disk already: `Disk.losses` has put it there."""

    label: str
    promised: frozenset[str]
    files: dict[str, bytes]


@dataclass(slots=True)
class Disk:
    """Directories (`tops`) whose own names are safe, in which `volatile` ones lose all, and maybe an SQLite database.

    `passed` is called with the number of each moment (from 1), and may raise: the process is killed there.
    """

    tops: tuple[Path, ...]
    volatile: tuple[Path, ...] = ()
    database: Path | None = None
    passed: Callable[[int], None] = lambda number: None
    moments: list[Moment] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)
    _names: dict[Name, list[Inode | None]] = field(default_factory=dict)
    _contents: dict[Inode, list[bytes]] = field(default_factory=dict)
    _held: dict[Inode, int] = field(default_factory=dict)
    _renames: list[Rename] = field(default_factory=list)
    _commits: list[bytes] = field(default_factory=list)
    _safe_commit: int = 0
    _on: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """The code in the block is watched. What is there at its beginning is safe."""
        self._look()
        self.all_safe()
        self._commit(safe=True)
        self._on = True
        self.now("at first")
        with ExitStack() as patches:
            patches.enter_context(patch("os.fsync", self._fsync))
            patches.enter_context(patch("os.fdatasync", self._fsync))
            for name in CHANGING:
                work = self._watching(name, getattr(os, name))
                patches.enter_context(patch(f"os.{name}", work))
            write = self._writing(Database.write)
            patches.enter_context(patch.object(Database, "write", write))
            try:
                yield
                self.now("at last")
            finally:
                self._on = False

    def all_safe(self) -> None:
        """The kernel has written everything back by itself: it does, within half a minute."""
        self._look()
        for states in (*self._names.values(), *self._contents.values()):
            del states[:-1]

    def promise(self, what: str) -> None:
        """Somebody is told something from here on."""
        self.promised.add(what)
        self.now(what)

    def now(self, label: str) -> None:
        """The power may go here."""
        if self._on:
            self._look()
            self._mark(label)

    def losses(self, *, committed: bool = False) -> Iterator[Left]:
        """Lose the power at each moment in each way; what is left is on the disk, to start on. Nothing may be open.

        `committed`: only behind each commit with something that is not safe then, and at last.
        """
        seen = set()
        moments = [each for each in self.moments if each.label == COMMITTED and each.unsafe]
        for moment in [*moments, self.moments[-1]] if committed else self.moments:
            for choice in moment.choices():
                left = self._left(moment, choice)
                commit = choice.get("commit", moment.commits[-1])
                files = {
                    path: content for path, (content, _) in left.items() if content is not None
                }
                mark = (frozenset(left.items()), commit, moment.promised)
                if mark not in seen:
                    seen.add(mark)
                    self._put(left, commit)
                    label = f"power lost {moment.label}; unsafe: {sorted(moment.unsafe)}"
                    yield Left(label, moment.promised, files)

    def close(self) -> None:
        for fd in self._held.values():
            os.close(fd)

    # --- watching -----------------------------------------------------------------------------------------------

    def _watching(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            self.now(f"before {name}{arguments}")
            there = {key: states[-1] for key, states in self._names.items()}
            try:
                return work(*arguments, **named)
            finally:
                self._look()
                if name == "rename":
                    self._see_rename(there)
                self.now(f"after {name}{arguments}")

        return watched

    def _see_rename(self, before: dict[Name, Inode | None]) -> None:
        for old, file in before.items():
            for new, states in self._names.items():
                gone, came = self._names[old][-1] != file, before.get(new) != file
                if file is not None and gone and came and states[-1] == file:
                    self._renames.append((old, new, file))

    def _fsync(self, fd: Any) -> None:
        self.now("before fsync")
        found = os.fstat(fd if isinstance(fd, int) else fd.fileno())
        inode = (found.st_dev, found.st_ino)
        if inode in self._contents:
            del self._contents[inode][:-1]
        for (directory, _), states in self._names.items():
            if directory == inode:
                del states[:-1]
        self._mark("after fsync")

    def _writing(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def watched(database: Database, work: Callable[..., Any], **named: Any) -> Any:
            self.now("before a transaction")
            result = write(database, work, **named)
            mode, level = database.read(_syncing)
            # Without the last level the removal of a rollback journal, which is the commit, is not synced.
            self._commit(safe=level >= (2 if mode == "wal" else 3))
            self.now(COMMITTED)
            return result

        return watched

    def _commit(self, *, safe: bool) -> None:
        if self.database is not None and self.database.exists():
            source, copy = sqlite3.connect(self.database), sqlite3.connect(":memory:")
            source.backup(copy)
            self._commits.append(copy.serialize())
            source.close()
            copy.close()
            if safe:
                self._safe_commit = len(self._commits) - 1

    def _look(self) -> None:
        there: dict[Name, Inode] = {}
        for top in self.tops:
            self._look_into(str(top), there)
        for name in {*self._names, *there}:
            self._names.setdefault(name, [None])
            _append(self._names[name], there.get(name))
        for inode, fd in self._held.items():
            if inode in self._contents:
                _append(self._contents[inode], os.pread(fd, os.fstat(fd).st_size, 0))

    def _look_into(self, directory: str, there: dict[Name, Inode]) -> None:
        if Path(directory) in self.volatile:
            return
        found = Path(directory).stat()
        for entry in os.scandir(directory):
            if entry.is_symlink() or self._is_database(entry.name):
                continue
            stat = entry.stat(follow_symlinks=False)
            inode = (stat.st_dev, stat.st_ino)
            there[(found.st_dev, found.st_ino), entry.name] = inode
            if inode not in self._held:
                # As long as it is open no other file gets its number.
                self._held[inode] = os.open(entry.path, os.O_RDONLY)
                if not entry.is_dir():
                    self._contents[inode] = [b""]
            if entry.is_dir():
                self._look_into(entry.path, there)

    def _is_database(self, name: str) -> bool:
        return self.database is not None and name.startswith(self.database.name)

    def _mark(self, label: str) -> None:
        # Of a file that nothing leads to any more, not even from before, the content doesn't matter.
        reached = {inode for states in self._names.values() for inode in states}
        self.moments.append(
            Moment(
                label,
                {name: tuple(states) for name, states in self._names.items()},
                {i: tuple(states) for i, states in self._contents.items() if i in reached},
                tuple(range(self._safe_commit, len(self._commits))) or (0,),
                tuple(self._renames),
                frozenset(self.promised),
            )
        )
        self.passed(len(self.moments))

    # --- what is left -------------------------------------------------------------------------------------------

    def _left(
        self, moment: Moment, choice: dict[Any, Any]
    ) -> dict[str, tuple[bytes | None, Inode]]:
        """By path: the content, None for a directory; and which file or directory it is."""
        left: dict[str, tuple[bytes | None, Inode]] = {}

        def descend(directory: Inode, path: str) -> None:
            for (parent, name), states in moment.names.items():
                inode = choice.get((parent, name), states[-1])
                if parent == directory and inode is not None:
                    here = f"{path}/{name}"
                    contents = moment.contents.get(inode)
                    content = None if contents is None else choice.get(inode, contents[-1])
                    left[here] = (content, inode)
                    descend(inode, here)

        for top in self.tops:
            found = top.stat()
            descend((found.st_dev, found.st_ino), str(top))
        return left

    def _put(self, left: dict[str, tuple[bytes | None, Inode]], commit: int) -> None:
        for top in self.tops:
            for where, directories, files in os.walk(top, topdown=False):
                for each in files:
                    if not Path(where, each).is_symlink():
                        Path(where, each).unlink()
                for each in directories:
                    # A directory that is there all the time stays the same one, as it would.
                    path = Path(where, each)
                    if not path.is_symlink() and (str(path) not in left):
                        path.rmdir()
        linked: dict[Inode, str] = {}
        for path, (content, inode) in left.items():
            if content is None:
                Path(path).mkdir(exist_ok=True)
            elif inode in linked:
                os.link(linked[inode], path)
            else:
                Path(path).write_bytes(content)
                linked[inode] = path
        if self.database is not None and self._commits:
            self.database.write_bytes(self._commits[commit])


def _syncing(connection: Any) -> tuple[str, int]:
    ask = connection.exec_driver_sql
    return ask("PRAGMA journal_mode").scalar(), ask("PRAGMA synchronous").scalar()


def _torn(safe: bytes, now: bytes) -> tuple[bytes, ...]:
    if not now.startswith(safe):
        return b"", now[: len(now) // 2]
    more = len(now) - len(safe)
    return now[: len(safe) + more // 2], safe + bytes(more)


def _append(states: list[Any], now: Any) -> None:
    if states[-1] != now:
        states.append(now)

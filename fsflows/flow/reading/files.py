"""Flow files and the Python files beside them: on the disk as it is now, or as it was at one moment (`Snapshot`).

The processes of a server must run the same flows, also one that is started again hours later, when somebody is just
writing at the files. So its parent reads them, once, and everybody loads from what it read.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fsflows.flow.errors import FlowErrors, Problem, Problems, nearest
from fsflows.flow.reading.yaml_tree import Scalar, read_tree

SUFFIXES = (".yaml", ".yml")
IGNORED = frozenset(("tests", "__pycache__"))
"""Directories that are not looked into for flows."""

MOST = 1024 * 1024 + 1
"""Bytes that are read of a file: one more than any may have."""


class Files(Protocol):
    """Where the loader reads."""

    def flows(self, path: Path) -> list[Path]:
        """The flow files that a path stands for: itself, or those in it, sorted.

        Raises:
            FlowErrors: there is no such file, or none in that directory.
        """

    def read(self, path: Path) -> bytes:
        """A file's first `MOST` bytes.

        Raises:
            OSError: it can't be read.
        """

    def is_file(self, path: Path) -> bool: ...


class Disk:
    """The files as they are now. See `Files`."""

    def flows(self, path: Path) -> list[Path]:
        if path.is_dir():
            found = sorted(
                file
                for file in path.rglob("*")
                if file.suffix in SUFFIXES and file.is_file() and _visible(file.relative_to(path))
            )
            if not found:
                raise FlowErrors([Problem(str(path), 1, 1, "no flow (*.yaml) in this directory")])
            return found
        if not path.exists():
            beside = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
            whole = [name for name in beside if Path(name).stem == path.name]
            near = whole[0] if whole else nearest(path.name, beside)
            hint = f"; did you mean {path.parent / near}?" if near else ""
            raise FlowErrors([Problem(str(path), 1, 1, f"there is no such file{hint}")])
        return [path]

    def read(self, path: Path) -> bytes:
        with path.open("rb") as opened:
            return opened.read(MOST)

    def is_file(self, path: Path) -> bool:
        return path.is_file()


DISK = Disk()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files as they were when it was taken; what was never looked at is on the disk. See `Files`.

    Attributes:
        listed: the flow files of each path, or why there is none.
        contents: bytes by file; the number of the error of one that could not be read.
    """

    listed: Mapping[str, list[str] | Problem] = field(default_factory=dict)
    contents: Mapping[str, bytes | int] = field(default_factory=dict)

    @classmethod
    def take(cls, paths: Iterable[str]) -> Snapshot:
        """Read everything that loading these paths can ask for. What is wrong with it is said by whoever loads it."""
        listed: dict[str, list[str] | Problem] = {}
        contents: dict[str, bytes | int] = {}
        for given in paths:
            try:
                files = DISK.flows(Path(given))
            except FlowErrors as errors:
                listed[str(Path(given))] = errors.problems[0]
                continue
            except OSError as error:  # it went while it was looked into
                what = f"can't be read: {error.strerror or error}"
                listed[str(Path(given))] = Problem(str(Path(given)), 1, 1, what)
                continue
            listed[str(Path(given))] = [str(file) for file in files]
            for file in files:
                raw = contents[str(file)] = _contents(file)
                for code in (file.with_suffix(".py"), _named(file, raw)):
                    if code is not None and str(code) not in contents:
                        contents[str(code)] = _contents(code)
        return cls(listed, contents)

    def flows(self, path: Path) -> list[Path]:
        found = self.listed.get(str(path))
        if found is None:
            return DISK.flows(path)
        if isinstance(found, Problem):
            raise FlowErrors([found])
        return [Path(each) for each in found]

    def read(self, path: Path) -> bytes:
        content = self.contents.get(str(path))
        if content is None:
            return DISK.read(path)
        if isinstance(content, int):
            raise OSError(content, os.strerror(content), str(path))
        return content

    def is_file(self, path: Path) -> bool:
        content = self.contents.get(str(path))
        if content is None:
            return DISK.is_file(path)
        return content not in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR)

    def encode(self) -> bytes:
        """For another process."""
        listed = {
            path: [found.path, found.text] if isinstance(found, Problem) else {"files": found}
            for path, found in self.listed.items()
        }
        contents = {
            path: content if isinstance(content, int) else content.decode("latin-1")
            for path, content in self.contents.items()
        }
        return json.dumps([listed, contents]).encode()

    @classmethod
    def decode(cls, data: bytes) -> Snapshot:
        """What `encode` gave."""
        listed, contents = json.loads(data)
        return cls(
            {
                path: found["files"]
                if isinstance(found, dict)
                else Problem(found[0], 1, 1, found[1])
                for path, found in listed.items()
            },
            {
                path: content if isinstance(content, int) else content.encode("latin-1")
                for path, content in contents.items()
            },
        )


def _visible(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts) and not IGNORED & set(
        path.parts[:-1]
    )


def _contents(path: Path) -> bytes | int:
    try:
        return DISK.read(path)
    except OSError as error:
        return error.errno or errno.EIO


def _named(path: Path, raw: bytes | int) -> Path | None:
    """The Python file that a flow file names with `functions:`."""
    if isinstance(raw, int) or b"functions" not in raw:
        return None
    try:
        node = read_tree(raw, Problems(str(path))).get("functions")
    except FlowErrors:
        return None
    # A path with a NUL byte in it is refused by the loader, and no file.
    return path.parent / node.text if isinstance(node, Scalar) and "\0" not in node.text else None

"""The orders in one directory of the spool: file work, which may block.

A file never changes. What becomes known of a call later is in a further file, and who has dealt with an order removes
just the files that he has read: what another process, or another call's task, has written meanwhile stays.

Others may be able to write beside the audio, and to put a directory of their own in the place of ours. So a file is
believed only of who has written it: this user, or the superuser. What an order names is deleted, in the archive, too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from fsflows.durable import make_directory, sync_directory
from fsflows.log import get_logger
from fsflows.recordings.discarding.spooled import Spooled, parse

log = get_logger("recordings")

_JOTTED = ".jotted.json"
_WRITTEN = ".json"
_PART = ".part"

LEFT = 86400.0
"""Seconds after which nobody is still writing a file."""


def name_for(call_uuid: str, *, jotted: bool) -> str:
    """A name for a new file. Names sort in the order in which they were made."""
    unique = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    return f"{_prefix(call_uuid)}-{unique}{_JOTTED if jotted else _WRITTEN}"


def _part(name: str) -> str:
    return f".{name}{_PART}"


def _prefix(call_uuid: str) -> str:
    # The channel's name can be anything that somebody put into origination_uuid.
    return hashlib.sha256(call_uuid.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Shelf:
    """See the module. `directory`: made when needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._owner: int | None = None

    def write(self, name: str, text: str, instead_of: Iterable[str] = ()) -> None:
        """Write a file; it is on disk when this returns, and what it takes the place of may be gone.

        Raises:
            OSError: it can't be written.
        """
        self._put(name, text, os.fsync)
        sync_directory(self.directory)
        self.remove(instead_of)

    def jot(self, name: str, text: str) -> None:
        """Write a file, and don't wait for the disk.

        Raises:
            OSError: it can't be written.
        """
        self._put(name, text, lambda descriptor: None)

    def read(self, call_uuid: str | None = None) -> list[tuple[str, Spooled]]:
        """What there is, of one call or of all, by name. What can't be read is left, and said: its twin may be."""
        if call_uuid is None:
            self._tidy()
        found = ((name, self._read(name)) for name in self._names(call_uuid))
        return [(name, spooled) for name, spooled in found if spooled is not None]

    def has(self, call_uuid: str) -> bool:
        """Whether there is anything of a call, readable or not."""
        return bool(self._names(call_uuid))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, whole or half written."""
        for each in (file for name in names for file in (name, _part(name))):
            with suppress(OSError):
                (self.directory / each).unlink()

    def _put(self, name: str, text: str, sync: Callable[[int], None]) -> None:
        part = self.directory / _part(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(part, flags, 0o600)
        except FileNotFoundError:
            make_directory(self.directory, 0o700)
            descriptor = os.open(part, flags, 0o600)
        try:
            try:
                data = text.encode("ascii")
                while data:
                    data = data[os.write(descriptor, data) :]
                sync(descriptor)
            finally:
                os.close(descriptor)
            part.rename(self.directory / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise

    def _tidy(self) -> None:
        """Throw away what a process was writing when it was killed, long ago."""
        for part in self._listed(lambda name: name.endswith(_PART)):
            with suppress(OSError):
                file = self.directory / part
                if time.time() - file.stat().st_mtime > LEFT:
                    file.unlink()

    def _names(self, call_uuid: str | None) -> list[str]:
        prefix = "" if call_uuid is None else _prefix(call_uuid)
        wanted = self._listed(
            lambda name: name.endswith(_WRITTEN) and name.startswith(prefix) and name[0] != "."
        )
        return sorted(name for name in wanted if self._is_ours(name))

    def _is_ours(self, name: str) -> bool:
        """Whether one of those that may give orders has written a file; if it is gone, too."""
        try:
            return self._believes((self.directory / name).lstat(), name)
        except OSError:
            return True  # reading it says what is wrong

    def _believes(self, found: os.stat_result, name: str) -> bool:
        known = (os.geteuid(), 0, self._owner)
        if not stat.S_ISREG(found.st_mode) or (
            found.st_uid not in known and found.st_uid != self._find_owner()
        ):
            log.warning(
                "what somebody else has put there is no order to discard",
                file=str(self.directory / name),
            )
            return False
        return True

    def _find_owner(self) -> int | None:
        """Who owns here what we write: on a file server, another user perhaps than we are."""
        part = _part(f"{time.time_ns():020d}-{secrets.token_hex(4)}")
        with suppress(OSError):
            descriptor = os.open(
                self.directory / part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            self._owner = os.fstat(descriptor).st_uid
            os.close(descriptor)
            (self.directory / part).unlink()
        return self._owner

    def _listed(self, which: Callable[[str], bool]) -> list[str]:
        try:
            with os.scandir(self.directory) as entries:
                return [entry.name for entry in entries if which(entry.name)]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []

    def _read(self, name: str) -> Spooled | None:
        file = self.directory / name
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with open(
                file, encoding="ascii", opener=lambda path, _: os.open(path, flags)
            ) as opened:
                # What was looked at may be another file by now.
                if not self._believes(os.fstat(opened.fileno()), name):
                    return None
                return parse(opened.read(), name)
        except FileNotFoundError:
            return None  # removed meanwhile
        except (OSError, ValueError, TypeError, KeyError) as error:
            if name.endswith(_JOTTED) and not isinstance(error, OSError):
                with suppress(OSError):
                    file.unlink()  # by a power loss: nobody had been promised anything
            else:
                log.warning("spooled discard can't be read", file=str(file), why=str(error))
            return None

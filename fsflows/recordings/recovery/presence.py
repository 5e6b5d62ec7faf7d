"""That a process lives: a lock on a file of its own, which the kernel takes away with the process, however it ends.

The heartbeat in the database says the same to other hosts, and takes a minute to. Processes that see the same
directory need not wait: whose lock can be had is dead, and what it has left is taken over at once.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from fsflows.log import get_logger

log = get_logger("recordings")


class Presence:
    """The locks of the processes that share a directory.

    Args:
        directory: made when needed; None: there is none, and nothing is known of others.
    """

    def __init__(self, directory: str | None) -> None:
        self._directory = None if directory is None else Path(directory)
        self._held: tuple[Path, int] | None = None

    def announce(self, process: str) -> None:
        """This process lives from now on. Forked children would hold the lock as well: announce after forking."""
        if self._directory is None or self._held is not None:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(process)
            file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            log.warning("this process can't be seen by others", why=error.strerror or str(error))
            return
        self._held = (path, file)

    def is_dead(self, process: str) -> bool:
        """Whether that process is known to be dead. False: it lives, or nothing is known of it here."""
        if self._directory is None:
            return False
        try:
            file = os.open(self._path(process), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def living(self) -> set[str]:
        """The processes that are known to live, whatever the clock says of when they were last heard of."""
        if self._directory is None:
            return set()
        # Names as they are in the journal: a host's can't hold a slash.
        names = [path.stem for path in self._directory.glob("*.alive")]
        held = [Path(self._held[0]).stem] if self._held is not None else []
        return {name for name in names if name in held or self._is_locked(name)}

    def _is_locked(self, process: str) -> bool:
        return self._path(process).exists() and not self.is_dead(process)

    def forget(self, process: str) -> None:
        """A process is dead, and nobody needs to know any more."""
        if self._directory is not None:
            with suppress(OSError):
                self._path(process).unlink()

    def withdraw(self) -> None:
        """This process ends. May be called twice."""
        held, self._held = self._held, None
        if held is not None:
            with suppress(OSError):
                held[0].unlink()
            os.close(held[1])

    def _path(self, process: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{process.replace('/', '_')}.alive"

"""That a process lives: a lock on a file of its own, which the kernel takes away with the process, however it ends.

The heartbeat in the database says the same to other hosts, and takes a minute to. Processes that see the same
directory need not wait: whose lock can be had is dead, and what it has left is taken over at once.

The directory may hang. Then nothing is known of others for as long, and nobody waits for long.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from gevent.event import AsyncResult

from fsflows.lanes import Here, Lane
from fsflows.log import get_logger

T = TypeVar("T")

ANSWER = 5.0
"""Seconds that the directory may take."""

END = 1.0
"""Seconds that it may take at the end of the process: the kernel does the rest."""

log = get_logger("recordings")


class Presence:
    """The locks of the processes that share a directory.

    Args:
        directory: made when needed; None: there is none, and nothing is known of others.
        lane: what work in it is done on; ended by `withdraw`.
    """

    def __init__(self, directory: str | None, lane: Lane | None = None) -> None:
        self._directory = None if directory is None else Path(directory)
        self._lane = lane or Here()
        self._asked: dict[tuple[str, ...], AsyncResult[Any]] = {}
        self._held: tuple[Path, int] | None = None

    def announce(self, process: str) -> None:
        """This process lives from now on. Forked children would hold the lock as well: announce after forking."""
        if self._directory is None or self._held is not None:
            return
        try:
            self._ask(("announce", process), partial(self._take, process))
        except OSError as error:
            log.warning("this process can't be seen by others", why=error.strerror or str(error))

    def is_dead(self, process: str) -> bool:
        """Whether that process is known to be dead. False: it lives, or nothing is known of it here."""
        if self._directory is None:
            return False
        try:
            return self._ask(("is dead", process), partial(self._is_free, process))
        except OSError:
            return False

    def living(self) -> set[str]:
        """The processes that are known to live, whatever the clock says of when they were last heard of."""
        if self._directory is None:
            return set()
        try:
            return self._ask(("living",), self._locked)
        except OSError:
            return self._own()

    def forget(self, process: str) -> None:
        """A process is dead, and nobody needs to know any more. Not waited for."""
        if self._directory is not None:
            self._lane.post(partial(self._path(process).unlink, missing_ok=True))

    def withdraw(self) -> None:
        """This process ends. May be called twice."""
        if self._directory is not None:
            with suppress(OSError):
                self._lane.wait(self._lane.post(self._let_go), END)
        self._lane.close(END)

    def _ask(self, what: tuple[str, ...], work: Callable[[], T]) -> T:
        """What comes of it; of the first time, if that still hangs: asked again and again, it would have as much to do
        when it is back.

        Raises:
            OSError: nothing, or nothing in time.
        """
        result = self._asked.get(what)
        if result is None or result.ready():
            result = self._asked[what] = self._lane.post(work)
        try:
            return cast("T", self._lane.wait(result, ANSWER))
        finally:
            if result.ready():
                self._asked.pop(what, None)

    # --- in the directory -----------------------------------------------------------------------------------------

    def _take(self, process: str) -> None:
        assert self._directory is not None
        if self._held is not None:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(process)
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        self._held = (path, file)

    def _is_free(self, process: str) -> bool:
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

    def _locked(self) -> set[str]:
        assert self._directory is not None
        # Names as they are in the journal: a host's can't hold a slash.
        names = [path.stem for path in self._directory.glob("*.alive")]
        own = self._own()
        return {name for name in names if name in own or self._is_locked(name)}

    def _is_locked(self, process: str) -> bool:
        return self._path(process).exists() and not self._is_free(process)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with suppress(OSError):
                held[0].unlink()
            os.close(held[1])

    def _own(self) -> set[str]:
        return set() if self._held is None else {self._held[0].stem}

    def _path(self, process: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{process.replace('/', '_')}.alive"

"""File work on threads beside gevent's hub: a disk, a file server or an object store may take its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import gevent
from gevent.event import AsyncResult
from gevent.monkey import is_module_patched

from fsflows.hubthread import HubThread, NoThread
from fsflows.recordings.files.archive import Published
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Deleted, Files, Sighting, Staged
from fsflows.threads import Threads, threads

T = TypeVar("T")

THREADS = 8
"""Calls whose files are worked on at once, in the archive and elsewhere."""

ANSWER = 10.0
"""Seconds for the archive to say which one it is; and for work in the staging directories, for which a caller waits."""

AGAIN = 5.0
"""Seconds in which staging directories that did not answer are not asked: one discard asks several times."""

END = 5.0
"""Seconds that threads get to finish what they are at when the server ends. A copy that is cut off is begun again."""

_CLOSED = "files are worked on no more: the server ends"
_SILENT = "the recordings' directories do not answer: does a file server, or the agent, hang?"


class _TooSlow(Exception):
    """A thread hangs."""


class OffHub:
    """Files whose methods run on threads, while only the greenlet that asked waits.

    The archive's work has threads of its own: what is staged can be deleted while the archive hangs.
    """

    def __init__(self, files: Files, count: int = THREADS) -> None:
        self._files = files
        self._asked: AsyncResult[Any] | None = None
        self._silent_until = 0.0
        self._closed = False
        self.remote, self.archive_remote = files.remote, files.archive_remote
        self._pool, self._archive = _pools(files, count)

    def look(self, path: str) -> Sighting | None:
        return self._run(self._files.look, path)

    def delete(self, path: str, mark: str | None) -> Deleted:
        return self._run(self._files.delete, path, mark)

    def find(self, call_uuid: str) -> list[str]:
        return self._run(self._files.find, call_uuid)

    def staged(self, now: float) -> list[Staged]:
        return self._run(self._files.staged, now)

    def identity(self) -> str | None:
        if self._closed:
            raise FileWorkFailed(_CLOSED)
        # Every sweep asks: a file server that hangs must not stop them, nor take one thread after the other.
        if self._asked is None or self._asked.ready():
            self._asked = self._of_thread(self._archive.spawn, self._files.identity)
        try:
            return cast("str | None", self._asked.get(timeout=ANSWER))
        except gevent.Timeout:
            raise FileWorkFailed(
                "the archive does not answer: does its file server hang?"
            ) from None

    def claim(self, identity: str) -> str:
        return self._run_there(self._files.claim, identity)

    def publish(self, path: str, name: str, archive: str) -> Published:
        return self._run_there(self._files.publish, path, name, archive)

    def published(self, name: str) -> Published | None:
        return self._run_there(self._files.published, name)

    def retract(self, name: str) -> Deleted:
        return self._run_there(self._files.retract, name)

    def archived(self) -> list[str]:
        return self._run_there(self._files.archived)

    def close(self) -> None:
        """End the threads, and what the files kept. May be called twice. Whoever asks from then on is refused.

        A thread that hangs is not waited for for long: it ends with the process.
        """
        if not self._closed:
            self._closed = True
            with suppress(FileWorkFailed):  # they are silent: nobody waits for that
                self._ask(self._files.close)
        for each in (self._pool, self._archive):
            with suppress(_TooSlow), gevent.Timeout(END, _TooSlow):
                each.kill()

    def _run(self, method: Callable[..., T], *arguments: Any) -> T:
        if self._closed:
            raise FileWorkFailed(_CLOSED)
        return self._ask(method, *arguments)

    def _ask(self, method: Callable[..., T], *arguments: Any) -> T:
        if time.monotonic() < self._silent_until:
            raise FileWorkFailed(_SILENT)
        until = time.monotonic() + ANSWER
        patience = gevent.Timeout(ANSWER)  # for a thread, too
        try:
            with patience:
                return cast("T", self._of_thread(self._pool.apply, method, arguments))
        except gevent.Timeout as timeout:
            if timeout is not patience:
                raise
            self._silent_until = time.monotonic() + AGAIN
            raise FileWorkFailed(_SILENT) from None
        except FileWorkFailed:
            if time.monotonic() >= until:  # the agent's, after as long
                self._silent_until = time.monotonic() + AGAIN
            raise

    def _run_there(self, method: Callable[..., T], *arguments: Any) -> T:
        if self._closed:
            raise FileWorkFailed(_CLOSED)
        return cast("T", self._of_thread(self._archive.apply, method, arguments))

    @staticmethod
    def _of_thread(ask: Callable[..., T], *what: Any) -> T:
        try:
            return ask(*what)
        except NoThread as error:
            raise FileWorkFailed(str(error)) from error


def _pools(files: Files, count: int) -> tuple[Threads, Threads]:
    """Where file work is done, and where the archive's is.

    Threads for what may hang in a system call, as disks and file servers do, and Python's own sockets; one thread for
    what speaks over sockets that gevent has replaced.
    """
    if not is_module_patched("socket"):
        return threads(count), threads(count)
    sockets = HubThread()
    return (
        sockets.lane(count) if files.remote else threads(count),
        sockets.lane(count) if files.archive_remote else threads(count),
    )

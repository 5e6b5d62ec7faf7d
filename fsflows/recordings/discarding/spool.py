"""Where a discard is written down when the database can't be: files, in one directory or better two.

One beside the audio goes the way of the audio, one on a disk survives a reboot. It counts as written when one of
them has it. The sweep brings it into the journal as soon as that can be written again.

Before the database is asked at all a discard is jotted down here: a database may take its time, and a process may be
killed meanwhile.

A directory may hang, on a file server say. Each has a lane of its own: what is done there waits for what was asked for
there before, and callers wait for neither for long. What was given up on is done when the directory is back, and, if it
was asked for since, removed after that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from gevent.event import AsyncResult

from fsflows.lanes import Here, Lane
from fsflows.log import get_logger
from fsflows.recordings.discarding.shelf import Shelf
from fsflows.recordings.discarding.spooled import Spooled, merged

T = TypeVar("T")

JOT = 1.0
"""Seconds that jotting down may take; and that a second directory may, when the first has it. A caller waits."""

ANSWER = 10.0
"""Seconds that anything else may take: as other work in the staging directories."""

log = get_logger("recordings")


class IntentSpool:
    """Discards that are not in the journal yet.

    Args:
        directories: made when needed.
        lane: makes what work in one of them is done on.
    """

    def __init__(self, directories: Sequence[str], lane: Callable[[], Lane] = Here) -> None:
        self._shelves = [(Shelf(Path(directory)), lane()) for directory in directories]
        self._silent: set[Shelf] = set()

    def write(self, order: Spooled, name: str) -> bool:
        """Write a discard down, in as many directories as possible; on disk when this returns.

        Args:
            order: its `files` say no more than it does, and go where it is written.
            name: of the file, from `name_for`.

        Returns:
            Whether all directories have it.

        Raises:
            OSError: in none of them.
        """
        text = order.to_json()
        posted = self._on_all(lambda shelf: shelf.write(name, text, order.files))
        failed: list[OSError] = []
        patience = ANSWER
        for shelf, lane, result in sorted(posted, key=lambda each: each[0] in self._silent):
            try:
                self._wait(shelf, lane, result, patience)
            except OSError as error:
                failed.append(error)
            else:
                patience = JOT
        if len(failed) == len(posted):
            raise failed[0] if failed else OSError("there is no directory for it")
        return not failed

    def jot(self, order: Spooled, name: str) -> Spooled | None:
        """Jot a discard down, in the first directory that takes it; its process may be killed then, not the power go.

        Returns:
            What was here of the same call before, as far as it can be read.
        """
        text = order.to_json()
        earlier = self._on_all(lambda shelf: shelf.read(order.call_uuid))
        for shelf, lane in self._shelves:
            with suppress(OSError):
                self._wait(shelf, lane, lane.post(partial(shelf.jot, name, text)), JOT)
                break
        found: list[tuple[str, Spooled]] = []
        for shelf, lane, result in earlier:
            with suppress(OSError):
                here = self._wait(shelf, lane, result, JOT)
                found += here
        return _merged(found)

    def read(self, call_uuid: str | None = None) -> list[Spooled]:
        """All discards that wait here, or a call's, as far as they can be read."""
        found: list[tuple[str, Spooled]] = []
        for shelf, lane, result in self._on_all(lambda shelf: shelf.read(call_uuid)):
            with suppress(OSError):
                here = self._wait(shelf, lane, result, ANSWER)
                found += here
        return merged(each for _, each in sorted(found, key=lambda named: named[0]))

    def of(self, call_uuid: str) -> Spooled | None:
        """A call's discard, if one waits here; as `read` gives it.

        Raises:
            OSError: a directory does not say.
        """
        found: list[tuple[str, Spooled]] = []
        for shelf, lane, result in self._on_all(lambda shelf: shelf.read(call_uuid)):
            here = self._wait(shelf, lane, result, ANSWER)
            found += here
        return _merged(found)

    def has(self, call_uuid: str) -> bool:
        """Whether a discard of this call waits here, or may: a directory does not say."""
        try:
            return any(
                self._wait(shelf, lane, result, ANSWER)
                for shelf, lane, result in self._on_all(lambda shelf: shelf.has(call_uuid))
            )
        except OSError:
            return True

    def remove(self, files: Collection[str]) -> None:
        """The journal has what these files say. Not waited for."""
        if files:
            self._on_all(lambda shelf: shelf.remove(files))

    def close(self) -> None:
        """Let go of threads, after what was asked for; not for long of one that hangs. May be called twice."""
        for _, lane in self._shelves:
            lane.close(JOT)

    def _on_all(self, work: Callable[[Shelf], T]) -> list[tuple[Shelf, Lane, AsyncResult[T]]]:
        return [(shelf, lane, lane.post(partial(work, shelf))) for shelf, lane in self._shelves]

    def _wait(self, shelf: Shelf, lane: Lane, result: AsyncResult[T], patience: float) -> T:
        try:
            value = lane.wait(result, patience)
        except TimeoutError as error:
            if shelf not in self._silent:
                log.error("a directory for orders to discard hangs", directory=str(shelf.directory))
            self._silent.add(shelf)
            raise TimeoutError(f"{shelf.directory} does not answer") from error
        self._silent.discard(shelf)
        return value


def _merged(found: Iterable[tuple[str, Spooled]]) -> Spooled | None:
    return next(iter(merged(each for _, each in sorted(found, key=lambda named: named[0]))), None)

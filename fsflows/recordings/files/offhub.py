"""File work on threads beside gevent's hub: a disk, a file server or an object store may take its time, or hang.

Each place (a recording directory, the archive, the way from the one into the other) has threads and a patience of its
own: what hangs in one costs only those whose files are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

import gevent
from gevent.event import AsyncResult
from gevent.monkey import is_module_patched

from fsflows.hubthread import HubThread
from fsflows.recordings.files.archive import Published
from fsflows.recordings.files.failures import FileWorkFailed, GoesOn, NotAllSearched, NotKnown
from fsflows.recordings.files.files import Deleted, Files, Sighting, Staged
from fsflows.recordings.files.place import NoAnswer, Place
from fsflows.threads import Threads, threads

T = TypeVar("T")

THREADS = 8
"""Calls whose files are worked on at once, in each place. Threads begin as they are needed."""

ANSWER = 10.0
"""Seconds for work in a recording directory, for which a caller waits; and for the archive to say which one it is."""

ARCHIVE = 30.0
"""Seconds for anything else in the archive: an object store is asked several times before it counts as away."""

PUBLISH = 300.0
"""Seconds for publishing, which may copy a long recording to another file system. It goes on beyond that."""

END = 5.0
"""Seconds that threads get to finish what they are at when the server ends. A copy that is cut off is begun again."""

_CLOSED = "files are worked on no more: the server ends"


class OffHub:
    """Files whose methods run on threads, while only the greenlet that asked waits.

    Args:
        files: what does the work.
        count: threads for each place.
        answer: seconds for work in a recording directory; None: `ANSWER`.
    """

    def __init__(self, files: Files, count: int = THREADS, *, answer: float | None = None) -> None:
        self._files = files
        self._answer = answer
        self._asked: AsyncResult[str | None] | None = None
        self._publishing: dict[tuple[str, str, str], AsyncResult[Published] | None] = {}
        self._closed = False
        self.remote, self.archive_remote = files.remote, files.archive_remote
        self.staging, self.searched = files.staging, files.searched
        self._make_pool, self._make_archive_pool = _pools(files, count)
        self._places: dict[str, Place] = {}
        self._ways: dict[str, Place] = {}
        self._archive = Place("the archive", self._make_archive_pool())

    def place(self, path: str) -> str:
        return self._files.place(path)

    def look(self, path: str) -> Sighting | None:
        return self._at(self._files.place(path), self._files.look, path)

    def delete(self, path: str, mark: str | None) -> Deleted:
        return self._at(self._files.place(path), self._files.delete, path, mark)

    def find(self, call_uuid: str, places: Sequence[str] = ()) -> list[str]:
        places = places or self.searched
        if len(places) == 1:
            return self._at(places[0], self._files.find, call_uuid, places)
        searches = [gevent.spawn(self._search, call_uuid, place) for place in places]
        results: list[tuple[list[str], str]] = [search.get() for search in searches]
        found = sorted({path for paths, _ in results for path in paths})
        if failed := [why for _, why in results if why]:
            raise NotAllSearched("; ".join(failed), found)
        return found

    def staged(self, now: float) -> list[Staged]:
        return self._at(self.staging, self._files.staged, now)

    def identity(self) -> str | None:
        self._must_be_open()
        # Every sweep asks: a file server that hangs must not take one thread after the other.
        return self._archive.wait(ANSWER, self._identity)

    def claim(self, identity: str) -> str:
        return self._there(ARCHIVE, self._files.claim, identity)

    def publish(self, path: str, name: str, archive: str) -> Published:
        """As of `Files`. Who asks again what he has given up waiting for waits for that: nothing is copied twice.

        Raises besides: `GoesOn`.
        """
        self._must_be_open()
        source = self._files.place(path)
        for end in (self._named(source), self._archive):
            end.must_answer()
        way, what = self._way(source), (path, name, archive)
        try:
            return way.wait(PUBLISH, partial(self._publish, way, what))
        except NoAnswer as error:
            if what not in self._publishing:
                raise
            raise GoesOn(str(error), lambda: what not in self._publishing) from error

    def published(self, name: str) -> Published | None:
        return self._there(ARCHIVE, self._files.published, name)

    def retract(self, name: str) -> Deleted:
        try:
            retracted = self._there(ARCHIVE, self._files.retract, name)
        except NoAnswer as error:
            raise NotKnown(str(error)) from error
        if any(name == coming for _, coming, _ in self._publishing):
            raise NotKnown(f"{name!r} is still on its way into the archive")
        return retracted

    def archived(self) -> list[str]:
        return self._there(PUBLISH, self._files.archived)

    def close(self) -> None:
        """End the threads, and what the files kept. May be called twice. Whoever asks from then on is refused.

        Threads that hang are not waited for for long: they end with the process.
        """
        if not self._closed:
            self._closed = True
            with suppress(FileWorkFailed):  # it is silent: nobody waits for that
                self._named(self.staging).ask(ANSWER, self._files.close)
        everywhere = (*self._places.values(), *self._ways.values(), self._archive)
        ends = [gevent.spawn(place.pool.kill) for place in everywhere]
        gevent.joinall(ends, timeout=END)
        gevent.killall(ends, block=False)

    def _at(self, place: str, method: Callable[..., T], *arguments: Any) -> T:
        self._must_be_open()
        return self._named(place).ask(self._answer or ANSWER, method, *arguments)

    def _there(self, patience: float, method: Callable[..., T], *arguments: Any) -> T:
        self._must_be_open()
        return self._archive.ask(patience, method, *arguments)

    def _must_be_open(self) -> None:
        if self._closed:
            raise FileWorkFailed(_CLOSED)

    def _named(self, place: str) -> Place:
        known = self._places.get(place)
        if known is None:
            known = Place(place or "a recording directory", self._make_pool())
            self._places[place] = known
        return known

    def _way(self, source: str) -> Place:
        """From a place into the archive: what hangs at its beginning must keep nobody else from the archive."""
        known = self._ways.get(source)
        if known is None:
            name = f"{source or 'a recording directory'}, or the archive,"
            known = self._ways[source] = Place(name, self._make_archive_pool())
        return known

    def _search(self, call_uuid: str, place: str) -> tuple[list[str], str]:
        try:
            return self._at(place, self._files.find, call_uuid, [place]), ""
        except FileWorkFailed as error:
            return [], str(error)

    def _identity(self) -> str | None:
        if self._asked is None or self._asked.ready():
            self._asked = self._archive.begin(self._files.identity)
        return self._asked.get()

    def _publish(self, way: Place, what: tuple[str, str, str]) -> Published:
        if what in self._publishing:
            under_way = self._publishing[what]
            if under_way is None:
                raise FileWorkFailed(f"{what[1]!r} waits to be published already")
            return cast("Published", under_way.get())
        self._publishing[what] = None
        try:
            result = way.begin(self._files.publish, *what)
        except BaseException:
            del self._publishing[what]
            raise
        self._publishing[what] = result
        result.rawlink(lambda _: self._publishing.pop(what))
        return cast("Published", result.get())


def _pools(files: Files, count: int) -> tuple[Callable[[], Threads], Callable[[], Threads]]:
    """Makes where the file work of a place is done, and where the archive's is.

    Threads for what may hang in a system call, as disks and file servers do, and Python's own sockets; one thread for
    what speaks over sockets that gevent has replaced.
    """
    own = partial(threads, count)
    if not is_module_patched("socket"):
        return own, own
    shared = partial(HubThread().lane, count)
    return shared if files.remote else own, shared if files.archive_remote else own

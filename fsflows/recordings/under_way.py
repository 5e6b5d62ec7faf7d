"""What this process is bringing into the archive at this moment. It takes as long as a copy takes, and nobody waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UnderWay:
    """Recordings that are being published, by call and path."""

    def __init__(self) -> None:
        self._paths: set[tuple[str, str]] = set()

    @property
    def calls(self) -> set[str]:
        """The calls whose recordings they are."""
        return {call_uuid for call_uuid, _ in self._paths}

    def of(self, call_uuid: str) -> list[str]:
        """A call's, by path."""
        return sorted(path for call, path in self._paths if call == call_uuid)

    @contextmanager
    def publishing(self, call_uuid: str, path: str) -> Iterator[bool]:
        """It is under way for the block; False: it was already, and somebody else is at it."""
        what = (call_uuid, path)
        if what in self._paths:
            yield False
            return
        self._paths.add(what)
        try:
            yield True
        finally:
            self._paths.remove(what)

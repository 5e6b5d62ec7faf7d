"""What this process is bringing into the archive at this moment. It takes as long as a copy takes, and nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class UnderWay:
    """Recordings that are being published, by call and path."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str], Callable[[], bool]] = {}
        self._begun: list[str] = []

    @property
    def calls(self) -> set[str]:
        """The calls whose recordings they are."""
        return {*self._begun, *(call_uuid for call_uuid, _ in self._now())}

    def of(self, call_uuid: str) -> list[str]:
        """A call's, by path."""
        return sorted(path for call, path in self._now() if call == call_uuid)

    @contextmanager
    def all_of(self, call_uuid: str) -> Iterator[None]:
        """Several of a call's are published, one after the other: in between, too, nobody else settles what is left."""
        self._begun.append(call_uuid)
        try:
            yield
        finally:
            self._begun.remove(call_uuid)

    @contextmanager
    def publishing(self, call_uuid: str, path: str) -> Iterator[bool]:
        """It is under way for the block; False: it was already, and somebody else is at it."""
        what = (call_uuid, path)
        if what in self._now():
            yield False
            return
        self._ended[what] = _never
        try:
            yield True
        finally:
            if self._ended[what] is _never:
                del self._ended[what]

    def goes_on(self, call_uuid: str, path: str, is_over: Callable[[], bool]) -> None:
        """Within the block: it is under way until this says that it is over, though nobody waits for it."""
        self._ended[call_uuid, path] = is_over

    def _now(self) -> list[tuple[str, str]]:
        for what in [what for what, is_over in self._ended.items() if is_over()]:
            del self._ended[what]
        return list(self._ended)


def _never() -> bool:
    return False

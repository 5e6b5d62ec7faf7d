"""Running calls of several processes, seen from one: each tells what has changed, and one place shows them all.

A worker sends `LiveNews.next()` whenever there is any; the process with the console gives it to that worker's
`LiveMirror`, and shows a `MergedLive`. How it travels is not decided here: news are JSON, private values hidden.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from fsflows.archive.entries import Entry
from fsflows.archive.entries import from_json as entry_from_json
from fsflows.archive.live import Live, LiveCall, LiveCalls, call_from_json
from fsflows.log import get_logger

log = get_logger("archive")

Ask = Callable[[str], Sequence[Mapping[str, Any]] | None]
"""Asks the process of a call for its time line, as `time_line` gives it; None: the call isn't running any more."""


class LiveNews:
    """What a process tells another about its calls: first all of them, then what has changed since.

    One for each listener, and for each connection to it.
    """

    def __init__(self, live: LiveCalls) -> None:
        self._live = live
        self._told: dict[str, int] | None = None

    def next(self) -> dict[str, Any] | None:
        """The news, as JSON can hold them; None: there are none. Looks at nothing that hasn't changed."""
        now = self._live.revisions()
        told = self._told
        if now == told:
            return None
        self._told = now
        known = told or {}
        looks = (self._live.look(each) for each, count in now.items() if known.get(each) != count)
        return {
            "all": told is None,
            "calls": [call.as_json() for call in looks if call is not None],
            "gone": [each for each in known if each not in now],
        }


def time_line(live: Live, record_id: str) -> list[dict[str, Any]] | None:
    """The answer to `Ask`."""
    entries = live.entries(record_id)
    return None if entries is None else [entry.as_json() for entry in entries]


class LiveMirror:
    """The running calls of another process, as it last told. Asking it costs the other one nothing, except a time line.

    Args:
        ask: for time lines; None: they are empty.
        now: seconds, monotonic.
    """

    _numbers = itertools.count(1)

    def __init__(self, ask: Ask | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now = now
        self._calls: dict[str, tuple[LiveCall, float]] = {}
        # A mirror that takes another one's place must not look like it.
        self._number = next(self._numbers)
        self._told = 0

    def take(self, news: Mapping[str, Any]) -> None:
        """What the other process told (`LiveNews.next`).

        Raises:
            ValueError: these are no news; nothing has changed.
        """
        at = self._now()
        try:
            calls = [call_from_json(each) for each in news["calls"]]
            gone, everything = list(news["gone"]), bool(news["all"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no news of running calls: {error}") from error
        if everything:
            self._calls.clear()
        for call in calls:
            self._calls[call.id] = (call, at)
        for record_id in gone:
            self._calls.pop(record_id, None)
        self._told += 1

    def forget(self) -> None:
        """The other process is gone, and its calls with it."""
        self._calls.clear()
        self._told += 1

    def snapshot(self) -> list[LiveCall]:
        """See `Live`."""
        return [self._aged(*known) for known in self._calls.values()]

    def look(self, record_id: str) -> LiveCall | None:
        """See `Live`."""
        known = self._calls.get(record_id)
        return None if known is None else self._aged(*known)

    def _aged(self, call: LiveCall, told_at: float) -> LiveCall:
        return dataclasses.replace(call, seconds=call.seconds + self._now() - told_at)

    def revision(self) -> Hashable:
        """See `Live`."""
        return self._number, self._told

    def entries(self, record_id: str) -> tuple[Entry, ...] | None:
        """See `Live`. May wait for the other process, if `ask` does."""
        if record_id not in self._calls:
            return None
        try:
            given = self._ask(record_id) if self._ask is not None else ()
            return None if given is None else tuple(entry_from_json(each) for each in given)
        except (OSError, ValueError) as error:
            log.warning("a running call's time line can't be had", record=record_id, why=str(error))
            return ()

    def __len__(self) -> int:
        return len(self._calls)


class MergedLive:
    """Several sources of running calls as one.

    Args:
        sources: gives them as they are now; workers come and go.
    """

    def __init__(self, sources: Callable[[], Iterable[Live]]) -> None:
        self._sources = sources

    def snapshot(self) -> list[LiveCall]:
        """See `Live`."""
        calls = (call for source in self._sources() for call in source.snapshot())
        return sorted(calls, key=lambda call: -call.seconds)

    def look(self, record_id: str) -> LiveCall | None:
        """See `Live`."""
        looks = (source.look(record_id) for source in self._sources())
        return next((call for call in looks if call is not None), None)

    def __len__(self) -> int:
        return sum(len(source) for source in self._sources())

    def revision(self) -> Hashable:
        """See `Live`."""
        return tuple(source.revision() for source in self._sources())

    def entries(self, record_id: str) -> tuple[Entry, ...] | None:
        """See `Live`."""
        for source in self._sources():
            entries = source.entries(record_id)
            if entries is not None:
                return entries
        return None

"""What Prometheus is told, by one process or by several, and how to count where every microsecond is a caller's.

The metrics themselves are in the package that counts them, in a module named `metrics`. Their labels are names from
the flow files and words of closed lists: never a caller, a number or a call's id.

With several processes, each writes its numbers into a file of its own in one directory, and whoever is asked adds them
up. So there is no gauge with a function behind it, and every gauge says how the processes' values are put together
(`multiprocess_mode`).
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that makes prometheus_client write into files. It is read once, when that is imported."""

ROOM = {
    "counter": 1 << 20,
    "histogram": 1 << 20,
    "gauge_livesum": 1 << 16,
    "gauge_livemax": 1 << 16,
    "gauge_livemin": 1 << 16,
}
"""Bytes for each kind of metric of a process: thousands of series. More than that is not kept free beforehand."""

PIECE = 200
"""Samples that are written at once: a millisecond or two."""


class Count:
    """A counter for where a call is being waited for: `count.n += 1` is all it costs; `flush` brings it to Prometheus.

    Args:
        counter: the counter, or the child with its labels; or a gauge, which may go down as well.
    """

    __slots__ = ("_counter", "n")

    def __init__(self, counter: Counter | Gauge) -> None:
        self._counter = counter
        self.n = 0
        _held_back.append(self)

    def flush(self) -> None:
        """Bring what was counted to Prometheus."""
        if self.n:
            n, self.n = self.n, 0
            self._counter.inc(n)

    def reset(self) -> None:
        """Forget what was counted."""
        self.n = 0


class Spread:
    """A histogram for where a call is being waited for: a fifth of what `Histogram.observe` costs.

    Args:
        histogram: one without labels, or the child with its labels.
    """

    __slots__ = ("_bounds", "_counts", "_histogram", "_sum")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds: Sequence[float] = tuple(histogram._upper_bounds)
        self.reset()
        _held_back.append(self)

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def flush(self) -> None:
        """Bring what was counted to Prometheus."""
        if not any(self._counts):
            return
        counts, total = self._counts, self._sum
        self.reset()
        # prometheus_client has no way to count many at once; a test compares this with its `observe`.
        self._histogram._sum.inc(total)
        for bucket, n in zip(self._histogram._buckets, counts, strict=True):
            if n:
                bucket.inc(n)

    def reset(self) -> None:
        """Forget what was counted."""
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0


_held_back: list[Count | Spread] = []


def flush() -> None:
    """Bring every `Count` and `Spread` of this process to Prometheus; a serving process does it each second."""
    for each in _held_back:
        each.flush()


def _begin_anew() -> None:
    """In a forked child: what the parent has counted is the parent's to tell."""
    for each in _held_back:
        each.reset()


os.register_at_fork(after_in_child=_begin_anew)


def share(directory: str | Path) -> None:
    """Have this process and those that it forks count into one directory. For the parent, before anything is counted.

    Args:
        directory: it is made, and numbers that an earlier run left there are deleted.

    Raises:
        RuntimeError: it is too late: prometheus_client was imported already, which looks for the directory only then.
        OSError: the directory can't be made.
    """
    if "prometheus_client" in sys.modules and os.environ.get(DIRECTORY) != str(directory):
        raise RuntimeError("metrics.share() comes too late: prometheus_client is imported already")
    path = Path(directory)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left_over in path.glob("*.db"):
        left_over.unlink()
    os.environ[DIRECTORY] = str(directory)


def reserve() -> None:
    """In a child, before it counts anything: make its files as large as they may get.

    prometheus_client writes into them as memory. Where a full disk has no room for what is written, the kernel ends the
    process (SIGBUS), with its calls.

    Raises:
        OSError: there is no room now.
    """
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return
    for kind, room in ROOM.items():
        with Path(directory, f"{kind}_{os.getpid()}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, room)


def forget_process(pid: int) -> None:
    """A process that counted into the directory is dead: what it had running is over. What it had done still counts."""
    if os.environ.get(DIRECTORY):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def render(breathe: Callable[[], None] = lambda: None) -> tuple[bytes, str]:
    """What `/metrics` answers, for all processes that share a directory: the body, and its content type.

    Args:
        breathe: called every few milliseconds: thousands of series take long enough to be heard in the calls of a
            process that does both.
    """
    import prometheus_client as prometheus

    flush()
    # A second series for each counter and histogram, with the time when it was made: nobody asks for those.
    prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
    directory = os.environ.get(DIRECTORY)
    pieces = []
    for family in _shared(directory) if directory else prometheus.REGISTRY.collect():
        for start in range(0, max(1, len(family.samples)), PIECE):
            piece = copy(family)
            piece.samples = family.samples[start : start + PIECE]
            text = prometheus.generate_latest(cast("CollectorRegistry", _Only(piece)))
            if start:  # what the family is was said already
                text = b"".join(line for line in text.splitlines(True) if line[:1] != b"#")
            pieces.append(text)
            breathe()
    return b"".join(pieces), prometheus.CONTENT_TYPE_LATEST


def _shared(directory: str) -> Iterable[Metric]:
    """What all processes have counted together."""
    from prometheus_client.multiprocess import MultiProcessCollector

    files = []
    for path in Path(directory).glob("*.db"):
        # One that has just been made is empty for a moment; for good, if its process was killed in that moment.
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                files.append(str(path))
    found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return found


class _Only:
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family

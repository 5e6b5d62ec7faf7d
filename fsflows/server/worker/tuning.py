"""How the interpreter is set up for a process that answers calls.

What is measured behind each of these is in docs/performance.md.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent

SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may keep the interpreter from the one that waits for it. The hub gives it up with each read and
write; while records are written to the database, it would wait 5 ms (Python's own value) to get it back: on each."""

COLLECTED = (700, 10, 100)
"""Thresholds of the garbage collector; Python's own are 700, 10, 10. It goes through all calls ten times less often: no
caller is answered for 50 ms then, with a thousand of them, and ended calls leave it nothing (`Leg.close`). Without it
flow authors' functions could fill the memory."""


def tune() -> Callable[[], None]:
    """Set the process up; to be called when everything is loaded. Returns what takes it back."""
    interval = sys.getswitchinterval()
    tree = gevent.config.track_greenlet_tree
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*COLLECTED)  # the start had put it off
    gc.collect()
    gc.freeze()  # modules and flows stay: not to be looked at again
    gevent.config.track_greenlet_tree = False  # who started whom: 800 bytes a call, and nobody asks

    def undo() -> None:
        sys.setswitchinterval(interval)
        gc.unfreeze()
        gevent.config.track_greenlet_tree = tree

    return undo


LONGEST_GROWTH = 300.0
"""Seconds: five thousand flows take half a minute. A functions file that waits for a network when it is read may never
end, and calls go on beside it."""


@contextmanager
def growing(at_most: float = LONGEST_GROWTH) -> Iterator[None]:
    """While much is made that stays: the garbage collector does not look through all of it again and again.

    Of a thousand flows that are loaded, it did five times, in up to a quarter of a second: no caller is answered then.
    What lives shortly is collected as ever.

    Args:
        at_most: seconds after which it looks through all again, even if this has not ended.
    """
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, 10**9)
    limit = gevent.spawn_later(at_most, gc.set_threshold, young, middle, old)
    try:
        yield
    finally:
        limit.kill()
        gc.set_threshold(young, middle, old)

"""What a test leaves behind: greenlets that live on, file descriptors that stay open."""

import gc
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import gevent

UNNAMED = re.compile(r"/\S*/#\d+ \(deleted\)")
"""`capfd` has other ones while a test runs than before and after it. They used to be called the same, by chance."""

PATIENCE = 30.0
"""Seconds that nothing takes to end, unless it never does."""


@contextmanager
def nothing_stays(patience=PATIENCE):
    """What is begun or opened here is ended and closed at the end, or soon after.

    What was there before is somebody else's: whether it goes meanwhile tells nothing.
    """
    gevent.sleep(0)
    before, files = greenlets(), _files()
    yield
    until = time.monotonic() + patience
    while (left := _new(before, files)) and time.monotonic() < until:
        gevent.sleep(0.01)
    assert not left, left


def _new(before, files):
    return [*(greenlets() - before), *(_files() - files)]


def greenlets():
    """Those that are not done."""
    gc.collect()
    return {
        each for each in gc.get_objects() if isinstance(each, gevent.Greenlet) and not each.dead
    }


def _files():
    """Numbers, and what they are open on: a socket's name has a number of its own."""
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the directory itself
            name = str(number.readlink())
            found.add((number.name, UNNAMED.sub("a file without a name", name)))
    return found

import time

import gevent
import pytest
from esl_peer import LONG, descriptors, greenlets


@pytest.fixture
def nothing_is_left():
    """No greenlet and no file descriptor stays behind."""
    gevent.sleep(0)
    before = greenlets(), descriptors()
    yield
    until = time.monotonic() + LONG
    while (after := (greenlets(), descriptors())) != before and time.monotonic() < until:
        gevent.sleep(0.01)
    assert before == after, "greenlets and file descriptors"

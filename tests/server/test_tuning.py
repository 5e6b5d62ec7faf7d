"""The garbage collector, while much is loaded that stays."""

import gc

import gevent
import pytest

from fsflows.server.worker.tuning import growing


@pytest.fixture
def thresholds():
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


def test_nothing_is_looked_through_whole_while_it_grows(thresholds):
    seen = []

    def load():
        with growing():
            seen.append(gc.get_threshold())
            raise KeyError

    with pytest.raises(KeyError):
        load()
    ((*same, old),) = seen
    assert same == list(thresholds[:2])
    assert old > 1000 * thresholds[2]
    assert thresholds == gc.get_threshold(), "also after an error"


def test_what_never_ends_does_not_keep_the_garbage_for_ever(thresholds):
    """A functions file that waits for a network when it is read: calls go on beside it."""
    with gevent.Timeout(20), growing(at_most=0.0):
        while gc.get_threshold() != thresholds:
            gevent.sleep(0)
    assert thresholds == gc.get_threshold()

"""Threads beside the hub: what they raise is for who waits, and nobody else sees it."""

import pytest

from fsflows.threads import threads


def fail(secret):
    raise OSError("the disk is full")


@pytest.fixture
def pool():
    pool = threads(1)
    yield pool
    pool.kill()


def test_what_is_returned_and_raised_comes_to_who_waits_and_is_not_printed(pool, capfd):
    assert pool.apply(divmod, (7, 2)) == (3, 1)
    begun = pool.spawn(fail, "4711")
    with pytest.raises(OSError, match="full"):
        begun.get()
    with pytest.raises(OSError, match="full"):
        pool.apply(fail, ("4711",))
    assert pool.apply(int) == 0  # the next one has its thread
    assert ("", "") == capfd.readouterr()

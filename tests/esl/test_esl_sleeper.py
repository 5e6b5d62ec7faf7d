import time

import gevent
import pytest

from fsflows.esl.sleeper import Sleeper


def sleeping(sleeper, until=None):
    task = gevent.spawn(sleeper.sleep, until)
    gevent.sleep(0)
    return task


def test_it_sleeps_until_it_is_woken_however_often():
    sleeper = Sleeper()
    task = sleeping(sleeper)
    sleeper.wake()
    sleeper.wake()
    task.get(timeout=5)
    next_one = sleeping(sleeper)
    assert not next_one.ready(), "no wake-up is kept for the next"
    next_one.kill()


def test_it_sleeps_until_its_deadline_also_when_that_has_moved_on():
    sleeper = Sleeper()
    first = sleeping(sleeper, time.monotonic() + 0.01)
    sleeper.wake()
    first.get(timeout=5)
    later = time.monotonic() + 0.05
    sleeping(sleeper, later).get(timeout=5)  # the first timer rings in between
    assert time.monotonic() >= later


def test_a_sooner_deadline_is_not_missed():
    sleeper = Sleeper()
    first = sleeping(sleeper, time.monotonic() + 1000)
    sleeper.wake()
    first.get(timeout=5)
    sleeping(sleeper, time.monotonic() + 0.01).get(timeout=5)


def test_one_that_is_killed_leaves_nothing_to_wake():
    sleeper = Sleeper()
    task = sleeping(sleeper, time.monotonic() + 0.01)
    task.kill()
    sleeper.wake()
    gevent.sleep(0.02)
    assert task.dead
    sleeper.stop()
    next_one = sleeping(sleeper)
    with pytest.raises(gevent.Timeout):
        next_one.get(timeout=0.01)
    next_one.kill()

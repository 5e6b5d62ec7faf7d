"""Work beside the hub, one piece after the other: what is given up on is done all the same, before what is asked later."""

from __future__ import annotations

from threading import Event

import gevent
import pytest

from fsflows.lanes import Beside, Here

LONG = 60.0


@pytest.fixture
def beside():
    lane = Beside()
    yield lane
    lane.close(LONG)


def test_here_it_is_done_at_once():
    lane, done = Here(), []
    assert lane.wait(lane.post(lambda: done.append(1) or "value"), 0.0) == "value"
    assert done == [1]
    with pytest.raises(ZeroDivisionError):
        lane.wait(lane.post(lambda: 1 / 0), LONG)


def test_beside_what_comes_of_it_comes_to_who_asks(beside):
    assert beside.wait(beside.post(lambda: "value"), LONG) == "value"
    with pytest.raises(ZeroDivisionError):
        beside.wait(beside.post(lambda: 1 / 0), LONG)


def test_a_piece_that_hangs_holds_nobody_and_what_comes_behind_it_is_done_after_it(beside):
    hangs, done = Event(), []
    others = gevent.spawn(lambda: "ran")
    try:
        first = beside.post(lambda: hangs.wait(LONG) and done.append("first"))
        second = beside.post(lambda: done.append("second"))
        with pytest.raises(TimeoutError):
            beside.wait(second, 0.05)
        assert others.value == "ran"
        with gevent.Timeout(LONG), pytest.raises(TimeoutError):
            beside.wait(second, 0.05)
        assert done == []
    finally:
        hangs.set()
    assert second.wait(LONG) is None
    assert done == ["first", "second"]
    assert first.ready()


def test_who_asks_while_it_hangs_is_not_kept_as_long_again(beside):
    hangs = Event()
    try:
        beside.post(lambda: hangs.wait(LONG))
        while beside._since is None:
            gevent.sleep(0.001)
        beside._since -= LONG
        with gevent.Timeout(LONG), pytest.raises(TimeoutError):
            beside.wait(beside.post(lambda: None), LONG)
    finally:
        hangs.set()


def test_at_the_end_what_was_asked_for_is_done_and_later_it_is_done_here(beside):
    done = []
    for number in range(3):
        beside.post(lambda number=number: done.append(number))
    beside.close(LONG)
    assert done == [0, 1, 2]
    assert beside.wait(beside.post(lambda: "late"), 0.0) == "late"
    beside.close(LONG)


def test_what_is_asked_for_while_the_end_is_waited_for_is_done_too():
    lane, hangs, done = Beside(), Event(), []
    lane.post(lambda: hangs.wait(LONG) and done.append("first"))
    try:
        ends = gevent.spawn(lane.close, LONG)
        gevent.sleep(0)
        late = lane.post(lambda: done.append("late") or "value")
        fails = lane.post(lambda: 1 / 0)
    finally:
        hangs.set()
    ends.join(LONG)
    assert "value" == late.get(timeout=LONG)
    with pytest.raises(ZeroDivisionError):
        fails.get(timeout=LONG)
    assert ["first", "late"] == done


def test_the_end_does_not_wait_for_what_hangs():
    lane, hangs = Beside(), Event()
    lane.post(lambda: hangs.wait(LONG))
    try:
        with gevent.Timeout(LONG):
            lane.close(0.05)
        with pytest.raises(TimeoutError):
            lane.wait(lane.post(lambda: None), 0.05)
    finally:
        hangs.set()


def test_no_thread_is_an_error_of_the_work(monkeypatch):
    lane = Beside()
    monkeypatch.setattr("fsflows.lanes.threads", lambda count: 1 / 0)
    with pytest.raises(OSError, match="no thread"):
        lane.wait(lane.post(lambda: None), LONG)
    monkeypatch.undo()
    assert lane.wait(lane.post(lambda: "later"), LONG) == "later"
    lane.close(LONG)

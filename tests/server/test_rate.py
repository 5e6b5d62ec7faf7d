"""Calls a second: a whole second's worth at once, then closed until a good part has come back."""

import pytest

from fsflows.server.door.rate import Rate


def test_a_seconds_worth_may_come_at_once():
    rate = Rate(20.0)
    for _ in range(19):
        rate.take(100.0)
        assert not rate.exceeded(100.0)
    rate.take(100.0)
    assert rate.exceeded(100.0)


def test_it_opens_again_when_a_good_part_has_come_back():
    rate = Rate(20.0)
    for _ in range(20):
        rate.take(100.0)
    assert 0.25 == pytest.approx(rate.wait(100.0))
    assert rate.exceeded(100.2)
    assert 0.05 == pytest.approx(rate.wait(100.2))
    assert not rate.exceeded(100.26)
    assert 0.0 == rate.wait(100.26)


def test_over_a_long_time_it_gives_just_so_many():
    rate, given, now = Rate(7.0), 0, 50.0
    while now < 150.0:
        if not rate.exceeded(now):
            rate.take(now)
            given += 1
        now += 0.01
    assert 700 <= given <= 708


@pytest.mark.parametrize("per_second", [0.5, 1.0])
def test_slow_limits(per_second):
    rate = Rate(per_second)
    rate.take(10.0)
    assert 1 / per_second == pytest.approx(rate.wait(10.0))
    assert not rate.exceeded(10.0 + 1 / per_second + 0.001)


def test_no_limit():
    rate = Rate(0.0)
    for _ in range(1000):
        rate.take(1.0)
    assert not rate.exceeded(1.0)
    assert 0.0 == rate.wait(1.0)

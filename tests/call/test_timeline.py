"""FreeSWITCH's time stamps on our clock: never started late by our own slowness."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.call.timeline import Timeline


def test_an_event_that_we_read_late_keeps_its_time():
    line = Timeline()
    assert line.at(1000.0, now=50.0) == 50.0
    # Stamped 2 s later, read 5 s later: it happened 2 s later.
    assert line.at(1002.0, now=55.0) == 52.0


def test_the_fastest_delivery_is_taken_for_all():
    line = Timeline()
    line.at(1000.0, now=50.5)
    assert line.at(1001.0, now=51.0) == 51.0
    assert line.at(1002.0, now=53.0) == 52.0


def test_an_event_without_a_stamp_happened_now():
    assert Timeline().at(None, now=7.0) == 7.0


def test_a_clock_that_was_set_back_is_followed():
    line = Timeline()
    line.at(1000.0, now=50.0)
    assert line.at(400.0, now=60.0) == 60.0
    assert line.at(402.0, now=63.0) == 62.0


def test_a_clock_that_was_set_forward_is_followed():
    line = Timeline()
    line.at(1000.0, now=50.0)
    assert line.at(9000.0, now=51.0) == 51.0
    assert line.at(9002.0, now=54.0) == 53.0


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.floats(0, 60), st.one_of(st.none(), st.just(0))),
        max_size=30,
    )
)
def test_times_never_go_back_and_never_lie_in_the_future(steps):
    line, now, last = Timeline(), 0.0, 0.0
    for stamp, pause, missing in steps:
        now += pause
        at = line.at(None if missing is None else stamp, now)
        assert at <= now
        if missing is not None:
            assert at >= last or at == now
            last = at

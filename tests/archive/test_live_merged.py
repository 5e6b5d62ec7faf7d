"""Running calls of several processes in one view."""

import json

import pytest

from fsflows.archive.endings import Reason, Result
from fsflows.archive.live import LiveCall, LiveCalls, call_from_json
from fsflows.archive.live_merged import LiveMirror, LiveNews, MergedLive, time_line
from fsflows.archive.record import RecordBuilder
from fsflows.clock import VirtualClock
from fsflows.privacy import Redactor


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def live():
    return LiveCalls()


def call(clock, call_id="uuid-1", redactor=None):
    return RecordBuilder(
        call_id, clock, redactor, caller="+15550100", callee="100", flow="menu", node="a"
    )


def wire(news):
    """As it would arrive: through JSON text."""
    return json.loads(json.dumps(news))


def test_a_running_call_survives_json(clock, live):
    builder = call(clock)
    live.add(builder)
    builder.heard("five", "speech", confidence=0.5)
    (told,) = live.snapshot()
    assert told == call_from_json(wire(told.as_json()) | {"of a later version": 1})


@pytest.mark.parametrize(
    "wrong", [{}, {"started_at": "2026-03-01T00:00:00+00:00"}, {"started_at": "x"}]
)
def test_what_is_no_call_is_a_value_error(wrong):
    with pytest.raises(ValueError, match=r"not a running call|isoformat"):
        call_from_json(wrong)


def test_a_mirror_shows_what_the_other_process_has(clock, live):
    here = LiveMirror(lambda record_id: time_line(live, record_id), now=clock.now)
    news = LiveNews(live)
    here.take(wire(news.next()))
    assert [] == here.snapshot()
    first, second = call(clock), call(clock, "uuid-2")
    live.add(first)
    live.add(second)
    second.entered("main")
    here.take(wire(news.next()))
    assert live.snapshot() == here.snapshot()
    clock.run(clock.sleep, 3.0)
    assert [3.0, 3.0] == [each.seconds for each in here.snapshot()]
    assert second.entries == here.entries(second.id)
    live.remove(second)
    assert second.id not in {each["id"] for each in wire(news.next())["calls"]}
    assert None is news.next()


def test_news_hold_only_what_changed(clock, live):
    calls = [call(clock, str(number)) for number in range(3)]
    for each in calls:
        live.add(each)
    news = LiveNews(live)
    assert 3 == len(news.next()["calls"])
    calls[1].said("hello")
    live.remove(calls[0])
    told = news.next()
    assert (False, ["1"], [calls[0].id]) == (
        told["all"],
        [each["call_id"] for each in told["calls"]],
        told["gone"],
    )


def test_a_listener_that_comes_later_is_told_everything(clock, live):
    here = LiveMirror(now=clock.now)
    builder = call(clock)
    live.add(builder)
    here.take(LiveNews(live).next())
    live.remove(builder)
    live.add(call(clock, "uuid-2"))
    here.take(LiveNews(live).next())
    assert ["uuid-2"] == [each.call_id for each in here.snapshot()]


def test_what_becomes_private_later_is_told_again(clock, live):
    redactor = Redactor()
    builder = call(clock, redactor=redactor)
    live.add(builder)
    builder.heard("73915", "speech")
    here, news = LiveMirror(now=clock.now), LiveNews(live)
    here.take(news.next())
    assert "73915" == here.snapshot()[0].latest["text"]
    redactor.add("73915")
    here.take(news.next())
    assert "[5 digits hidden]" == here.snapshot()[0].latest["text"]


@pytest.mark.parametrize("wrong", [{}, {"calls": [{}], "gone": [], "all": True}, {"calls": 5}])
def test_what_are_no_news_change_nothing(clock, live, wrong):
    live.add(call(clock))
    here = LiveMirror(now=clock.now)
    here.take(LiveNews(live).next())
    with pytest.raises(ValueError):
        here.take(wrong)
    assert 1 == len(here)


def test_a_time_line_that_cannot_be_had_is_empty(clock, live):
    def broken(record_id):
        raise ConnectionResetError("gone")

    builder = call(clock)
    live.add(builder)
    here = LiveMirror(broken, now=clock.now)
    here.take(LiveNews(live).next())
    assert () == here.entries(builder.id)
    assert None is here.entries("another")


def test_merged_sources_are_one_with_the_longest_call_first(clock, live):
    mirror = LiveMirror(now=clock.now)
    elsewhere = LiveCalls()
    sources = [live, mirror]
    merged = MergedLive(lambda: sources)
    early = call(clock, "early")
    elsewhere.add(early)
    mirror.take(LiveNews(elsewhere).next())
    clock.run(clock.sleep, 1.0)
    late = call(clock, "late")
    live.add(late)
    assert ["early", "late"] == [each.call_id for each in merged.snapshot()]
    assert 2 == len(merged)
    assert merged.snapshot() == [merged.look(early.id), merged.look(late.id)]
    assert None is merged.look("nobody's")
    late.entered("main")
    assert late.entries == merged.entries(late.id)
    assert () == merged.entries(early.id)
    assert None is merged.entries("nobody's")


def test_the_merged_revision_changes_with_anything(clock, live):
    mirror = LiveMirror(now=clock.now)
    sources = [live, mirror]
    merged = MergedLive(lambda: sources)
    builder = call(clock)
    seen = [merged.revision()]
    live.add(builder)
    seen.append(merged.revision())
    builder.said("hello")
    seen.append(merged.revision())
    mirror.take(LiveNews(live).next())
    seen.append(merged.revision())
    mirror.forget()
    seen.append(merged.revision())
    sources[1] = LiveMirror(now=clock.now)  # a worker that was started again
    seen.append(merged.revision())
    builder.finish(Result.COMPLETED, Reason.FLOW_ENDED)
    seen.append(merged.revision())
    assert len(seen) == len(set(seen))
    assert seen[-1] == merged.revision()


def test_thousands_of_calls_are_cheap_to_ask_for_changes(clock, live):
    """No call is looked at that hasn't changed."""
    looked = []

    class Counting(LiveCalls):
        def look(self, record_id: str) -> LiveCall | None:
            looked.append(record_id)
            return super().look(record_id)

    live = Counting()
    builders = [call(clock, str(number)) for number in range(2000)]
    for each in builders:
        live.add(each)
    news = LiveNews(live)
    news.next()
    looked.clear()
    assert None is news.next()
    builders[7].said("hello")
    news.next()
    assert [builders[7].id] == looked


def test_looking_again_cleans_nothing_that_has_not_changed(clock):
    cleaned = []

    class Counting(Redactor):
        def text(self, text):
            cleaned.append(text)
            return super().text(text)

    live = LiveCalls()
    builder = call(clock, redactor=Counting())
    live.add(builder)
    for number in range(10):
        builder.said(f"sentence {number}")
    builder.redactor.add("73915")
    live.snapshot()
    assert {"sentence 9", ""} == set(cleaned[10:]), "private since: only what is shown"
    assert 10 == len(live.entries(builder.id))
    assert "sentence 0" in cleaned[10:]
    cleaned.clear()
    for _ in range(5):
        live.snapshot()
        live.entries(builder.id)
    assert [] == cleaned
    builder.said("one more")
    live.snapshot()
    assert ["one more"] == cleaned

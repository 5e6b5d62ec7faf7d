"""Somebody has something played, and says `uuid_break all`: what waits behind it is dropped, and nobody is told."""

import pytest

from fsflows.call.audio import File, Silence
from fsflows.call.call import Call
from fsflows.call.ended import CallFailed
from fsflows.call.sent import LATE, is_later
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.switch.execute import Execute
from fsflows.switch.link import incoming_call

THEIRS = Execute("playback", "tone_stream://%(60000,0,800)", "theirs", locked=True)


@pytest.fixture
def ran():
    """Does something behind a sound of somebody else's, who breaks it all off after `seconds`; what has run, and when."""

    def run(work, *seconds):
        clock = VirtualClock()
        link = incoming_call(clock, opening=subscribe())
        receive, seen = link.receive, []

        def received(until=None):
            event = receive(until)
            ours = event is not None and event.get("Application-UUID") != "theirs"
            if ours and event.name == "CHANNEL_EXECUTE":
                data = " ".join([event.get("Application"), event.get("Application-Data") or ""])
                seen.append((data.strip(), round(clock.now() - began[0], 1)))
            return event

        began = [0.0]

        def all_of_it():
            call = Call(link, clock)
            call.answer()
            link.receive = received
            link.far_end.enqueue(THEIRS)
            call.sleep(0.5)
            began[0] = clock.now()
            for each in seconds:
                link.far_end.at(
                    clock.now() + each, lambda: link.far_end.break_playing(everything=True)
                )
            seen.clear()
            work(call)

        clock.run(all_of_it)
        return [each for each in seen if not each[0].startswith("set fsflows_waits")]

    return run


def test_what_is_waited_for_is_sent_again(ran):
    def work(call):
        call.send_dtmf("1")

    assert [("send_dtmf 1", 1.6)] == ran(work, 0.5)


def test_what_waits_only_is_sent_once(ran):
    def work(call):
        assert "send_dtmf" == call.run("send_dtmf", "1", timeout=100.0).application

    assert [("send_dtmf 1", 59.5)] == ran(work)


def test_it_is_asked_about_soon_however_long_it_has_waited(ran):
    def work(call):
        call.run("send_dtmf", "1", timeout=100.0)

    [(_, at)] = ran(work, 40.0)
    assert at <= 40.0 + LATE + 0.1


def test_what_is_dropped_once_more_is_sent_once_more(ran):
    def work(call):
        far_end = call.link.far_end
        far_end.at(call.clock.now() + 1.53, lambda: far_end.enqueue(THEIRS))
        call.run("send_dtmf", "1", timeout=100.0)

    [(_, at)] = ran(work, 0.5, 30.0)
    assert 30.0 < at <= 30.0 + LATE + 0.1


def test_it_has_its_whole_time_again_when_it_was_dropped(ran):
    def work(call):
        call.run("send_dtmf", "1" * 20, timeout=3.0)

    assert [(f"send_dtmf {'1' * 20}", 2.9)] == ran(work, 1.8)


def test_what_does_not_get_its_turn_in_time_has_failed(ran):
    def work(call):
        with pytest.raises(CallFailed, match=r"send_dtmf: not finished within 5 s"):
            call.run("send_dtmf", "1", timeout=5.0)

    assert [] == ran(work)


def test_the_recogniser_is_started_all_the_same(ran):
    def work(call):
        call.listen()
        call.play(File("a.wav"))
        call.finish_playing()

    start, sound = ran(work, 0.5)
    assert ("detect_speech vosk default default", 0.6) == start
    assert "playback a.wav" == sound[0]


def test_it_is_started_also_where_nothing_is_played(ran):
    def work(call):
        call.listen()
        call.sleep(2.0)

    assert [("detect_speech vosk default default", 0.6)] == ran(work, 0.5)


def test_it_is_started_also_where_it_waited_behind_a_sound_of_ours_and_nothing_follows(ran):
    """A recogniser that has closed during a prompt is started anew behind it."""

    def work(call):
        call.sleep(1.0)
        call.play(Silence(60.0))
        call.sleep(0.5)
        call.listen()
        call.sleep(5.0)

    start = ran(work, 0.5, 2.0)[-1]
    assert ("detect_speech vosk default default", 2.1) == start


def test_it_is_started_once_where_it_only_waits(ran):
    def work(call):
        call.listen()
        call.play(File("a.wav"))
        call.finish_playing()

    assert ["detect_speech vosk default default", "playback a.wav"] == [
        each for each, _ in ran(work)
    ]


def test_it_is_stopped_before_the_call_is_somebody_else_s(ran):
    """The first sound begins before the break, and so does the start of the recogniser."""

    def work(call):
        call.listen()
        call.sleep(61.0)  # theirs is over
        call.link.far_end.enqueue(THEIRS)
        call.sleep(0.5)
        call.dismiss_recogniser()
        call.run("send_dtmf", "1", timeout=100.0)

    stop, keys = ran(work, 62.0)[-2:]
    assert ["detect_speech stop", "send_dtmf 1"] == [stop[0], keys[0]]


def test_applications_are_counted_in_the_order_in_which_they_are_sent():
    assert is_later("a-b-10", "a-b-9")
    assert not is_later("a-b-9", "a-b-10")
    assert not is_later("a-b-9", "a-b-9")
    assert not is_later("theirs", "a-b-9")
    assert not is_later("", "a-b-9")

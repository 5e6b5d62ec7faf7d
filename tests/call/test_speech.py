"""What mod_vosk sends, each thing once."""

import json

import pytest

from fsflows.call.happenings import Heard, SpeechLost
from fsflows.call.recogniser import FORGOTTEN, HOLD_OFF, SLOW, Recogniser
from fsflows.call.speech import Listener, read_body
from fsflows.clock import VirtualClock
from fsflows.esl.event import Event
from fsflows.esl.link import Reply


def listener():
    made = Listener()
    made.running = made.on = True
    return made


def test_an_event_that_comes_twice_is_reported_once():
    """With fire_asr_events a parked channel sends every result twice, with the same Event-Sequence."""
    ears = listener()
    first = ears.event("detected-speech", "one two", 2572, 1.0)
    second = ears.event("detected-speech", "one two", 2572, 1.02)
    assert (Heard((("one two", None, ()),), True, 1.0), None) == (first, second)


def test_the_same_words_said_again_are_reported_again():
    ears = listener()
    assert ears.event("detected-speech", "one", 1, 1.0) is not None
    assert ears.event("detected-speech", "one", 2, 2.0) is not None


def test_nothing_is_reported_while_nobody_listens():
    ears = listener()
    ears.on = False
    assert ears.event("detected-speech", "one", 1, 1.0) is None


def test_when_speech_went_on_and_ended_is_known_though_nobody_listened():
    ears = listener()
    ears.on = False
    ears.event("detected-partial-speech", "one", 1, 1.0)
    ears.event("detected-speech", "one", 2, 1.5)
    assert (1.0, 1.5) == (ears.partial_at, ears.ended_at)

    ears.event("detected-partial-speech", "two", 3, 5.0)  # and taken back, without a word
    ears.event("detected-partial-speech", "three", 4, 9.0)
    assert (9.0, 7.0) == (ears.partial_at, ears.ended_at)


def test_closing_is_reported_when_we_did_not_ask_for_it():
    ears = listener()
    assert SpeechLost(1.0, "the recogniser closed") == ears.event("closed", "", 1, 1.0)
    assert ears.event("closed", "", 2, 2.0) is None


def test_an_unknown_kind_is_nothing():
    assert listener().event("begin-speaking", "", 1, 1.0) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("five five", (("five five", None, ()),)),
        ("", ()),
        ("  \n", ()),
        ('{"text": ""}', ()),
        ("{broken", ()),
        ('{"alternatives": "x"}', ()),
        ('{"text": "one", "result": [{"word": "one", "conf": 0.5}]}', (("one", 0.5, (("one", 0.5),)),)),
        ('{"text": "one", "result": [{"word": 7}, null, {"word": "one", "conf": "x"}]}',
         (("one", None, (("one", None),)),)),
        ('{"alternatives": [{"confidence": 0.9, "text": "two"}, 3, {"text": "to"}]}',
         (("two", 0.9, ()), ("to", None, ()))),
    ],
)  # fmt: skip
def test_bodies(body, expected):
    assert expected == read_body(body)


def test_scores_of_alternatives_are_brought_between_0_and_1():
    body = json.dumps(
        {"alternatives": [{"confidence": 250.0, "text": "a"}, {"confidence": 200.0, "text": "b"}]}
    )
    assert [1.0, 0.8] == [score for _, score, _ in read_body(body)]


class Channel:
    """A call whose recogniser does not start."""

    uuid = "c"
    ended = None

    def __init__(self, clock):
        self.clock = clock
        self.started = 0

    def api(self, name, *arguments):
        return Reply("none", {})

    def execute(self, application, argument="", *, more=False):
        self.started += 1
        return f"{self.uuid}-{self.started}"

    def post(self, command, *, more=False):
        pass


def start(clock, seconds):
    """A call, and how often it has tried to start a recogniser that fails after so long."""
    channel = Channel(clock)
    recogniser = Recogniser(channel)
    lost = recogniser.prepare()
    if channel.started:
        recogniser.begun("c-1", clock.now())
        clock.sleep(seconds)
        lost = recogniser.started("c-1", clock.now())
    assert isinstance(lost, SpeechLost)
    recogniser.prepare()
    return channel.started


def test_a_recogniser_that_is_down_is_tried_again_and_one_that_hangs_is_not():
    clock = VirtualClock()
    assert 2 == clock.run(start, clock, 0.02)
    assert 1 == clock.run(start, clock, 10.0)


def test_other_calls_wait_a_minute_for_a_recogniser_that_hangs():
    clock = VirtualClock()
    clock.run(start, clock, 10.0)
    clock.run(clock.sleep, HOLD_OFF - 0.1)
    assert 0 == clock.run(start, clock, 0.02)
    clock.run(clock.sleep, 0.2)
    assert 2 == clock.run(start, clock, 0.02)


def test_other_calls_do_not_wait_to_see_whether_a_start_hangs():
    """Ten seconds is the time of many calls, and each would be silent for as long."""
    clock = VirtualClock()
    slow = Recogniser(Channel(clock))

    def tries(after):
        """How often another call tries, so long after the one that stands still."""
        clock.sleep(after)
        other = Channel(clock)
        Recogniser(other).prepare()
        return other.started

    def run():
        slow.prepare()
        slow.begun("c-1", clock.now())
        return [tries(SLOW - 0.1), tries(0.2), tries(1.0)]

    assert [1, 0, 0] == clock.run(run)
    clock.run(slow.started, "c-1", 0.0)
    assert 1 == clock.run(tries, 0.0)

    clock.run(run)
    assert 1 == clock.run(tries, FORGOTTEN), "nobody said how it ended"


def test_a_start_that_was_over_before_freeswitch_said_so_keeps_no_other_call_from_trying():
    clock = VirtualClock()
    recogniser, other = Recogniser(Channel(clock)), Channel(clock)
    recogniser.prepare()
    recogniser.begun("c-1", clock.now())
    closed = Event.from_headers({"Speech-Type": "closed", "Event-Sequence": "1"})
    assert recogniser.event(closed, clock.now()) is None  # it is stopped, and started again
    recogniser.started("c-1", clock.now())
    recogniser.begun("c-3", clock.now())
    recogniser.started("c-3", clock.now())
    clock.run(clock.sleep, SLOW)
    Recogniser(other).prepare()
    assert 1 == other.started

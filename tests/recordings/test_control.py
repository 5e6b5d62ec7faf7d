"""What FreeSWITCH is asked, and what its answers (as in the traces) mean."""

from __future__ import annotations

import pytest

from fsflows.clock import VirtualClock
from fsflows.esl.link import Reply
from fsflows.esl.supervised import FreeSwitches
from fsflows.recordings.freeswitch.control import (
    ApiControl,
    EndedCall,
    RecordingError,
    parse_buglist,
)
from fsflows.recordings.freeswitch.reach import ByName, LazyControl, OneReach
from recordings.fakes import UUID

BUGS = """<media-bugs>
 <media-bug>
  <function>session_record</function>
  <target>/fs/records/m1.wav</target>
  <thread-locked>0</thread-locked>
 </media-bug>
 <media-bug>
  <function>detect_speech</function>
  <target>vosk</target>
  <thread-locked>0</thread-locked>
 </media-bug>
 <media-bug>
  <function>session_record</function>
  <target>/fs/a & b <c>/x y.wav</target>
  <thread-locked>0</thread-locked>
 </media-bug>
</media-bugs>

"""


class Answers:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, name, *arguments):
        self.asked.append((name, *arguments))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {})


def test_the_list_of_what_is_recorded_is_read_although_nothing_in_it_is_escaped():
    assert parse_buglist(BUGS) == ["/fs/records/m1.wav", "/fs/a & b <c>/x y.wav"]
    assert parse_buglist("<media-bugs>\n</media-bugs>\n\n") == []


@pytest.mark.parametrize(
    "answer",
    ["", "-ERR no reply", "true", BUGS[:-20], BUGS.replace("<target>", "<t>"), "<media-bugs>"],
)
def test_an_answer_that_is_not_understood_is_never_taken_for_nothing(answer):
    with pytest.raises(RecordingError, match="can't be understood"):
        parse_buglist(answer)


def test_start_stop_mask():
    api = Answers("+OK Success", "+OK", "+OK Success", "+OK Success", "+OK Success", "+OK Success")
    control = ApiControl(api, UUID)
    control.start("/r/x.wav")
    control.start("/r/y.wav", stereo=True)
    control.mask("/r/x.wav")
    control.unmask("/r/x.wav")
    assert control.stop("/r/x.wav") is True
    assert api.asked == [
        ("uuid_record", UUID, "start", "/r/x.wav"),
        ("uuid_setvar", UUID, "RECORD_STEREO", "true"),
        ("uuid_record", UUID, "start", "/r/y.wav"),
        ("uuid_record", UUID, "mask", "/r/x.wav"),
        ("uuid_record", UUID, "unmask", "/r/x.wav"),
        ("uuid_record", UUID, "stop", "/r/x.wav"),
    ]


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("start", "-ERR Cannot record session!"),
        ("mask", "-ERR Cannot mask recording session!"),
        ("unmask", "-ERR No such channel!"),
        ("stop", "-ERR Cannot locate session!"),
        ("stop", ConnectionError("gone")),
    ],
)
def test_a_refusal_is_an_error_in_freeswitchs_words(verb, answer):
    with pytest.raises(RecordingError, match=str(answer).lstrip("-")):
        getattr(ApiControl(Answers(answer), UUID), verb)("/r/x.wav")


def test_stopping_what_is_not_recorded_is_said():
    control = ApiControl(Answers(*["-ERR Cannot stop record session!"] * 2), UUID)
    assert control.stop("/r/x.wav") is False
    control.stop_all()


def test_alive():
    assert ApiControl(Answers("true"), UUID).alive() is True
    assert ApiControl(Answers("false"), UUID).alive() is False
    with pytest.raises(RecordingError, match="uuid_exists answered 'perhaps'"):
        ApiControl(Answers("perhaps"), UUID).alive()


def test_a_call_that_is_over_records_nothing():
    ended = EndedCall(UUID)
    assert (ended.alive(), ended.active(), ended.stop("/r/x.wav")) == (False, [], False)
    ended.stop_all()
    for verb in (ended.start, ended.mask, ended.unmask):
        with pytest.raises(RecordingError):
            verb("/r/x.wav")


class There:
    """A FreeSWITCH behind an address, which may be away, or another one by now."""

    def __init__(self, name):
        self.name, self.connected = name, True

    def api(self, name, *arguments):
        return Reply("true", {})


def test_each_event_socket_answers_for_its_own_freeswitch_only():
    one, two = There("fs1"), There("fs2")
    switches = FreeSwitches([one, two], VirtualClock())
    reach = OneReach(None, ByName(switches), also=["fs9", "fs1"])
    assert list(reach.switches()) == ["fs9", "fs1", "fs2"]
    assert reach.control("fs3", UUID) is None
    control = reach.control("fs1", UUID)
    assert control.alive() is True
    one.connected = False
    # Nobody there: a call that we can't ask for is not a call that is over.
    assert reach.control("fs1", UUID) is None
    with pytest.raises(RecordingError, match="fs1 can't be reached any more"):
        control.alive()
    # Another FreeSWITCH is there now: it would say of every call of the first that it is over.
    one.connected, one.name = True, "fs3"
    assert reach.control("fs1", UUID) is None
    with pytest.raises(RecordingError):
        control.alive()
    assert reach.control("fs2", UUID).alive() is True


def test_without_an_event_socket_the_second_way_is_none():
    lazy = LazyControl(OneReach(None), "fs1", UUID)
    for verb in (lazy.alive, lazy.active, lazy.stop_all):
        with pytest.raises(RecordingError, match="no event socket"):
            verb()
    for verb in (lazy.start, lazy.stop, lazy.mask, lazy.unmask):
        with pytest.raises(RecordingError, match="no event socket"):
            verb("/r/x.wav")

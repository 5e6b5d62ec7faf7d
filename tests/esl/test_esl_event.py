"""Events: lazily decoded, never an exception, nothing forged."""

import pytest
from esl_traces import stream
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.esl import serialize
from fsflows.esl.event import Event
from fsflows.esl.frames import FrameError, FrameReader

PLAIN = (
    b"Event-Name: DETECTED_SPEECH\nUnique-ID: u-1\nEvent-Sequence: 17\n"
    b"Event-Date-Timestamp: 1795240181443472\nvariable_language: de%20DE\nvariable_empty: _undef_\n"
    b"variable_arr: ARRAY%3A%3Aone%7C%3Atwo\nSpeech-Type: detected-speech\nContent-Length: 13\n\ngr\xc3\xbc\xc3\x9fe\n\nX: y"
)


def both(event):
    """The same event before and after all its headers have been decoded."""
    yield event
    event.headers  # noqa: B018
    yield event


def test_what_a_plain_event_says():
    for event in both(Event.from_plain(PLAIN)):
        assert "DETECTED_SPEECH" == event.name
        assert "u-1" == event.uuid
        assert 17 == event.sequence
        assert pytest.approx(1795240181.443472) == event.timestamp
        assert "de DE" == event.variable("language")
        assert "" == event.variable("empty")
        assert event.variable("other") is None
        assert "x" == event.variable("other", "x")
        assert ["one", "two"] == event.values("variable_arr")
        assert ["de DE"] == event.values("variable_language")
        assert [] == event.values("nothing")
        assert "grüße\n\nX: y" == event.body == event.data
        assert "Speech-Type" in event
        assert "X" not in event, "that is the body"
        assert 3 not in event
        assert "detected-speech" == event["Speech-Type"]
        with pytest.raises(KeyError):
            event["X"]
        assert list(event.headers) == list(event)
        assert "<Event DETECTED_SPEECH 17>" == repr(event)


def test_json_says_the_same_as_plain():
    plain = Event.from_plain(PLAIN)
    data = serialize.event(plain, "json")
    (frame,) = FrameReader().feed(data)
    for event in both(Event.from_json(frame.body)):
        assert plain.headers == event.headers
        assert plain.body == event.body
        assert ["one", "two"] == event.values("variable_arr")


def test_headers_from_inside_the_process_are_taken_as_they_are():
    headers = {"Event-Name": "DTMF", "DTMF-Digit": "5"}
    event = Event.from_headers(headers, "body")
    assert ("DTMF", "5", "body") == (event.name, event["DTMF-Digit"], event.body)
    assert event.headers is headers
    assert ["a", "b"] == Event.from_headers({"variable_x": ["a", "b"]}).values("variable_x")


@pytest.mark.parametrize(
    "name", ["%0AUnique-ID: forged", "%0D%0AUnique-ID%3A%20forged%0A%0AEvil: 1"]
)
def test_a_line_end_in_a_callers_name_forges_nothing(name):
    data = (
        b"Event-Name: CHANNEL_DATA\nCaller-Caller-ID-Name: %s\nUnique-ID: true\n\n" % name.encode()
    )
    for event in both(Event.from_plain(data)):
        assert "true" == event.uuid
        assert "Evil" not in event
        assert event["Caller-Caller-ID-Name"].lstrip("\r").startswith("\nUnique-ID")


def test_the_first_of_two_headers_counts():
    for event in both(Event.from_plain(b"Event-Name: A\nX: 1\nEvent-Name: B\nX: 2\n\n")):
        assert ("A", "1") == (event.name, event["X"])
    event = Event.from_json(b'{"Event-Name": "A", "X": "1", "X": "2"}')
    assert "1" == event["X"]


def test_a_header_is_found_from_the_end_as_well():
    for frame in FrameReader().feed(stream("s01_plain")):
        if frame.content_type == "text/event-plain":
            known = Event.from_plain(frame.body).headers
            for name in (*known, "Application-UUI", "nothing"):
                for event in both(Event.from_plain(frame.body)):
                    assert known.get(name) == event.late(name)
    assert Event.from_plain(PLAIN).late("X") is None, "that is the body"
    assert "DETECTED_SPEECH" == Event.from_plain(PLAIN).late("Event-Name")
    assert "13" == Event.from_plain(PLAIN).late("Content-Length")
    assert "" == Event.from_plain(PLAIN).late("variable_empty")


def test_the_callers_fields_of_channel_data_do_not_collide():
    # Channel-... is the caller profile as it was, Caller-... the one in force: two names, no duplicate.
    (frame, *_) = FrameReader().feed(stream("s01_plain"))
    lines = frame.head.split(b"\n")
    assert len(lines) == len({line.partition(b": ")[0] for line in lines}) == 161
    event = Event.from_plain(frame.head)
    assert "1000" == event["Caller-Caller-ID-Number"] == event["Channel-Caller-ID-Number"]
    assert "CHANNEL_DATA" == event.name
    assert "+OK\n" == event["Reply-Text"]
    assert "async" == event["Socket-Mode"]
    assert "" == event.body


def test_event_name_may_come_late_or_not_at_all():
    late = Event.from_plain(b"Subclass: x\nEvent-Name: CUSTOM\n\n")
    none = Event.from_plain(b"Subclass: x\n\n")
    assert ("CUSTOM", "") == (late.name, none.name)
    assert (None, None, "", "") == (none.sequence, none.timestamp, none.uuid, none.body)
    assert "<Event without a name >" == repr(none)


@pytest.mark.parametrize("value", [b"-1", b"1.5", b"\xff", b"9" * 40, b"", "٣".encode()])
def test_a_number_that_is_none(value):
    event = Event.from_plain(
        b"Event-Sequence: " + value + b"\nEvent-Date-Timestamp: " + value + b"\n\n"
    )
    assert (None, None) == (event.sequence, event.timestamp)


def test_bytes_that_are_not_utf8_become_replacement_characters():
    for event in both(Event.from_plain(b"A: \xff\nB: %FF%41\nContent-Length: 2\n\n\xfe!")):
        assert ("\ufffd", "\ufffdA", "\ufffd!") == (event["A"], event["B"], event.body)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"A: 1\nContent-Length: 3\n\nabcdef", "abc"),
        (b"A: 1\nContent-Length: 300\n\nabc", "abc"),
        (b"A: 1\nContent-Length: -3\n\nabc", "abc"),
        (b"A: 1\nContent-Length: 3\n\na\n\n", "a\n\n"),
        (b"Content-Length: 3\n\na\n\n", "a\n\n"),
        (b"A: 1\n\nabc", "abc"),
        (b"A: 1\n\n", ""),
        (b"A: 1", ""),
        (b"A: 1\n", ""),
        (b"", ""),
    ],
)
def test_where_the_body_is(data, body):
    for event in both(Event.from_plain(data)):
        assert body == event.body
        assert ("1" if b"A: 1" in data else None) == event.get("A")


def test_other_line_ends():
    data = b"A: 1\r\nB: 2\r\nContent-Length: 4\r\n\r\nx\r\ny"
    for event in both(Event.from_plain(data)):
        assert ("1", "2", "x\r\ny") == (event["A"], event["B"], event.body)
    for event in both(Event.from_plain(b"A: 1\r\nB: 2")):
        assert {"A": "1", "B": "2"} == {name: event[name] for name in "AB"}
    assert "1" == Event.from_plain(b"A: 1\r\nB: 2\r\n\r\n").get("A")
    event = Event.from_plain(b"A: 1\nContent-Length: 3\n\nx\ry")
    assert ("1", "x\ry") == (event["A"], event.body)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000, b'{"a": 1,}', b"nul"]
)
def test_json_that_is_none(data):
    with pytest.raises(FrameError, match="an event is"):
        Event.from_json(data)


def test_odd_json():
    event = Event.from_json(
        b'{"n": 7, "f": 1.50, "t": true, "z": null, "o": {"a": 1}, "l": ["x", 2], "s": "\\ud800!",'
        b' "c": "a\x01b", "big": ' + b"9" * 5000 + b', "bad": "\xff", "_body": ["b"]}'
    )
    expected = (
        "7",
        "1.50",
        "true",
        "",
        '{"a": "1"}',
        ["x", "2"],
        "\ufffd!",
        "a\x01b",
        "\ufffd",
        '["b"]',
    )
    assert expected == (
        *(event.get(name) for name in "nftzo"), event.values("l"), *(event.get(n) for n in "sc"), event["bad"], event.body,
    )  # fmt: skip
    assert 5000 == len(event["big"])
    "".join(event.headers.values()).encode()


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_reading_never_fails(data):
    event = Event.from_plain(data)
    seen = (event.name, event.uuid, event.sequence, event.timestamp, event.body, repr(event))
    event.headers  # noqa: B018
    assert seen == (
        event.name,
        event.uuid,
        event.sequence,
        event.timestamp,
        event.body,
        repr(event),
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_\-]{0,8}", fullmatch=True), TEXT, max_size=6
    ),
    TEXT,
)
def test_what_is_written_is_read(headers, body):
    headers = {
        name: value.replace("%", "") for name, value in headers.items() if value != "_undef_"
    }
    headers = {name: value for name, value in headers.items() if not value.startswith("ARRAY::")}
    headers.pop("Content-Length", None)
    for fmt, read in (("plain", Event.from_plain), ("json", Event.from_json)):
        (frame,) = FrameReader().feed(serialize.event(Event.from_headers(headers, body), fmt))
        event = read(frame.body)
        assert headers == {name: event.get(name) for name in headers}
        assert body == event.body

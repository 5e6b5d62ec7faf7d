"""The frame reader: real traffic in every splitting, and everything that is not the protocol."""

import random

import pytest
from esl_traces import NAMES, oracle, oracle_event, stream
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.esl import frames as module
from fsflows.esl.event import Event
from fsflows.esl.frames import MAX_BODY, MAX_HEAD, MAX_HEADERS, FrameError, FrameReader

SMALL = [
    "s01_plain",
    "s01_json",
    "s06_bgapi_before_myevents_filter",
    "s08_framing",
    "s09_vosk_utf8",
]


def read(pieces):
    reader = FrameReader()
    found = [frame for piece in pieces for frame in reader.feed(piece)]
    assert reader.eof() is None
    return found


def flat(found):
    return [(frame.content_type, frame.head, frame.body) for frame in found]


def in_pieces(data, sizes):
    pieces, position = [], 0
    while position < len(data):
        size = next(sizes)
        pieces.append(data[position : position + size])
        position += size
    return pieces


def test_there_is_real_traffic_to_read():
    assert len(NAMES) > 100
    assert len(stream("s01_plain")) > 30_000


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_reads_as_the_plain_reading_does(name):
    expected = oracle(stream(name))
    found = read([stream(name)])
    assert [headers for headers, _ in expected] == [frame.headers for frame in found], (
        "frames' headers"
    )
    assert [body for _, body in expected] == [frame.body for frame in found]
    assert [headers.get("Content-Type", "") for headers, _ in expected] == [
        frame.content_type for frame in found
    ]
    for frame in found:
        if frame.content_type.startswith("text/event-"):
            headers, body = oracle_event(frame.body, frame.content_type)
            event = (
                Event.from_json(frame.body)
                if frame.content_type == "text/event-json"
                else Event.from_plain(frame.body)
            )
            plain = {
                k: v if isinstance(v, str) else "ARRAY::" + "|:".join(v) for k, v in headers.items()
            }
            assert plain == {name: event.get(name) for name in plain}, "one by one"
            assert plain == event.headers, "all at once"
            assert body == event.body


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_reads_the_same_in_random_pieces(name):
    data = stream(name)
    for seed, most in ((1, 30_000), (2, 3000), (3, 300)):
        rng = random.Random(f"{name}{seed}")
        pieces = in_pieces(data, iter(lambda: rng.randint(1, most), 0))  # noqa: B023
        assert flat(read([data])) == flat(read(pieces))


@pytest.mark.parametrize("name", SMALL)
def test_a_trace_reads_the_same_by_line_and_byte_by_byte(name):
    data = stream(name)
    assert flat(read([data])) == flat(read(data.splitlines(keepends=True)))
    assert flat(read([data])) == flat(read([data[i : i + 1] for i in range(len(data))]))


# --- every kind of frame ------------------------------------------------------------------------------------------

KINDS = {
    "connect": (
        b"Event-Name: CHANNEL_DATA\nUnique-ID: 1\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n",
        ("command/reply", b""),
    ),
    "reply": (b"Content-Type: command/reply\nReply-Text: +OK\n\n", ("command/reply", b"")),
    "api": (b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n", ("api/response", b"+OK\n")),
    "api, empty": (b"Content-Type: api/response\nContent-Length: 0\n\n", ("api/response", b"")),
    "plain": (
        b"Content-Length: 19\nContent-Type: text/event-plain\n\nEvent-Name: DTMF\n\n\n",
        ("text/event-plain", b"Event-Name: DTMF\n\n\n"),
    ),
    "json": (
        b"Content-Length: 2\nContent-Type: text/event-json\n\n{}",
        ("text/event-json", b"{}"),
    ),
    "linger": (
        b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n",
        ("text/disconnect-notice", b""),
    ),
    "disconnect": (
        b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nBye",
        ("text/disconnect-notice", b"Bye"),
    ),
    "log": (
        b"Content-Type: log/data\nContent-Length: 5\nLog-Level: 7\nUser-Data: \n\nhello",
        ("log/data", b"hello"),
    ),
    "auth": (b"Content-Type: auth/request\n\n", ("auth/request", b"")),
    "rejection": (
        b"Content-Type: text/rude-rejection\nContent-Length: 2\n\nno",
        ("text/rude-rejection", b"no"),
    ),
    "CRLF": (b"Content-Type: api/response\r\nContent-Length: 2\r\n\r\nok", ("api/response", b"ok")),
    "blank lines in front": (b"\n\r\n\nContent-Type: auth/request\n\n", ("auth/request", b"")),
    "small letters": (
        b"content-type: api/response\ncontent-length:2\n\nok",
        ("api/response", b"ok"),
    ),
    "blank line in the body": (
        b"Content-Type: api/response\nContent-Length: 6\n\na\n\nb\n\n",
        ("api/response", b"a\n\nb\n\n"),
    ),
    "same length twice": (
        b"Content-Length: 2\nContent-Length: 2\nContent-Type: api/response\n\nok",
        ("api/response", b"ok"),
    ),
    "no type": (b"third\n\n", ("", b"")),
    "not UTF-8": (b"Content-Type: command/reply\nReply-Text: \xff\xfe\n\n", ("command/reply", b"")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_between_two_others_in_every_splitting(kind):
    data, expected = KINDS[kind]
    other = KINDS["reply"][0]
    whole = other + data + other
    for size in (1, 2, 3, 7, len(whole)):
        found = read(in_pieces(whole, iter(lambda: size, 0)))  # noqa: B023
        assert ["command/reply", expected[0], "command/reply"] == [f.content_type for f in found]
        assert expected[1] == found[1].body


def test_headers_are_text_whatever_the_bytes():
    (frame,) = read(
        [b"Content-Type: command/reply\nReply-Text: \xff ok\nReply-Text: second\nnoise\n\n"]
    )
    assert {"Content-Type": "command/reply", "Reply-Text": "\ufffd ok"} == frame.headers


ANY_FRAMES = st.lists(st.sampled_from([data for data, _ in KINDS.values()]), max_size=6)


@settings(max_examples=150)
@given(ANY_FRAMES, st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_splitting_makes_no_difference(parts, sizes):
    data = b"".join(parts)
    position, pieces = 0, []
    while position < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[position : position + size])
        position += size
    assert flat(read([data])) == flat(read(pieces))


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([data for data, _ in KINDS.values()]),
            st.sampled_from(
                [b"Content-Length: ", b"-5", b"7\n", b"\n\n", b"Content-Length: x\n\n"]
            ),
        ),
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_splitting_makes_no_difference_to_noise_either(parts, size):
    data = b"".join(parts)

    def outcome(pieces):
        reader, found = FrameReader(), []
        for piece in pieces:
            try:
                found += reader.feed(piece)
            except FrameError as error:
                return flat(found + error.frames), str(error)
        return flat(found), None

    assert outcome([data]) == outcome(in_pieces(data, iter(lambda: size, 0)))


# --- bad input ------------------------------------------------------------------------------------------------------

BAD = {
    "negative length": (b"Content-Type: api/response\nContent-Length: -1\n\n", "not a number"),
    "length in words": (b"Content-Type: api/response\nContent-Length: many\n\n", "not a number"),
    "no length": (b"Content-Type: api/response\nContent-Length:\n\n", "not a number"),
    "length in hex": (b"Content-Type: api/response\nContent-Length: 0x10\n\n", "not a number"),
    "length of 4,000 digits": (
        b"Content-Type: api/response\nContent-Length: " + b"9" * 4000 + b"\n\n",
        "not a number",
    ),
    "huge length": (
        b"Content-Type: api/response\nContent-Length: 99999999999\n\n",
        "8,388,608 bytes is the limit",
    ),
    "huge event": (
        b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % (MAX_BODY + 1),
        "8,388,608 bytes is the limit",
    ),
    "two lengths": (b"Content-Length: 5\nContent-Length: 6\n\nhello!", "two different"),
    "ten thousand headers": (
        b"".join(b"H%d: x\n" % n for n in range(10_000)) + b"\n",
        f"{MAX_HEADERS:,} is the limit",
    ),
    "a header block without end": (b"x" * (MAX_HEAD + 1), "more than 262,144 bytes"),
    "a long header": (b"X: " + b"x" * MAX_HEAD + b"\n\n", "more than 262,144 bytes"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("size", [997, 1 << 20])
def test_bad_input_is_a_clear_error_and_stays_one(kind, size):
    data, expected = BAD[kind]
    good = KINDS["api"][0]
    reader = FrameReader()
    found = []

    def feed():
        for piece in in_pieces(good + data + good, iter(lambda: size, 0)):
            found.extend(reader.feed(piece))

    with pytest.raises(FrameError, match=expected) as caught:
        feed()
    assert ["api/response"] == [frame.content_type for frame in found + caught.value.frames]
    with pytest.raises(FrameError, match=expected):
        reader.feed(good)


def test_the_limits_themselves_are_allowed():
    head = b"X: " + b"x" * (MAX_HEAD - 3)
    for size in (999, 1 << 20):
        (frame,) = read(in_pieces(head + b"\n\n", iter(lambda: size, 0)))  # noqa: B023
        assert MAX_HEAD == len(frame.head)
    body = b"x" * MAX_BODY
    (frame,) = read([b"Content-Type: api/response\nContent-Length: %d\n\n" % MAX_BODY, body])
    assert MAX_BODY == len(frame.body)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\n\r\n", None),
        (b"Content-Type: auth/request\n\n", None),
        (b"Content-Type: auth/requ", "23 bytes of a header block"),
        (b"Content-Type: api/response\nContent-Length: 10\n\n12345", "52 of a frame's 57 bytes"),
        (b"Content-Length: 9\nContent-Type: text/event-plain\n\n", "50 of a frame's 59 bytes"),
    ],
)
def test_the_end_says_what_is_missing(data, expected):
    for size in (1, 1000):
        reader = FrameReader()
        for piece in in_pieces(data, iter(lambda: size, 0)):  # noqa: B023
            reader.feed(piece)
        missing = reader.eof()
        assert (expected is None) == (missing is None)
        assert expected is None or missing.startswith(expected)


# --- work, counted --------------------------------------------------------------------------------------------------


def test_a_head_in_single_bytes_is_not_searched_again_and_again(monkeypatch):
    searched = 0
    real = module._end_of_head

    def counting(data, start):
        nonlocal searched
        searched += len(data) - start
        return real(data, start)

    monkeypatch.setattr(module, "_end_of_head", counting)
    data = b"X: " + b"y" * 50_000 + b"\n\n"
    read([data[i : i + 1] for i in range(len(data))])
    assert searched <= 4 * len(data)


def test_a_body_in_pieces_is_cut_once(monkeypatch):
    cuts = searched = 0
    real_cut, real_end = FrameReader._cut, module._end_of_head

    def counting_cut(self, data, found):
        nonlocal cuts
        cuts += len(data)
        return real_cut(self, data, found)

    def counting_end(data, start):
        nonlocal searched
        searched += len(data) - start
        return real_end(data, start)

    monkeypatch.setattr(FrameReader, "_cut", counting_cut)
    monkeypatch.setattr(module, "_end_of_head", counting_end)
    head = b"Content-Type: api/response\nContent-Length: 1000000\n\n"
    read([head, *(b"z" * 100 for _ in range(10_000))])
    assert cuts <= 1_000_000 + 2 * len(head)
    # Once when the head came, once more (the regular expression stops at its blank line) when all was there.
    assert searched <= 1_000_000 + 2 * len(head)


def test_blank_lines_are_not_kept():
    reader = FrameReader()
    for _ in range(100):
        assert [] == reader.feed(b"\r\n" * 1000)
    assert reader.eof() is None
    assert 0 == len(reader._rest)

"""The tools of these tests, without any switch: what they send and how they listen."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading

import pytest
from websockets.sync.client import connect

from . import rtp, sip
from .caller import Caller
from .rtp import FRAME_SECONDS, Ear, Packet, Sender
from .vosk import VoskServer, alternatives, final, partial, sentence

# --- sound ------------------------------------------------------------------------------------------------------


def test_mu_law_is_exact_at_its_own_steps() -> None:
    assert [0xFF, 0x80, 0x00] == [rtp.encode(value) for value in (0, 32124, -32124)]
    assert 0.0 == rtp.level(rtp.SILENCE)


@pytest.mark.parametrize("hertz", rtp.TONES)
def test_a_tone_is_recognised(hertz: int) -> None:
    assert hertz == rtp.pitch(next(rtp.tone(hertz)))


def test_noise_is_a_voice() -> None:
    noise = bytes(rtp.encode((n * 7919) % 16001 - 8000) for n in range(rtp.FRAME))
    assert 0 == rtp.pitch(noise)


def _heard(*tones: int | None) -> Ear:
    """An ear that got one frame of each, 20 ms apart, from second 1 on."""
    ear = Ear()
    for n, hertz in enumerate(tones):
        payload = rtp.SILENCE if hertz is None else next(rtp.tone(hertz))
        ear.take(1 + n * FRAME_SECONDS, Packet(rtp.PCMU, n, n * rtp.FRAME, 1, payload))
    return ear


def test_sounds_are_told_apart_by_pitch_and_silence() -> None:
    ear = _heard(*[500] * 10, *[700] * 10, *[None] * 10, *[700] * 10)
    times = [(s.what, round(s.start, 2), round(s.end, 2)) for s in ear.sounds()]
    assert [(500, 1.0, 1.2), (700, 1.2, 1.4), (700, 1.6, 1.8)] == times
    assert 1.8 == pytest.approx(ear.quiet_since())


def test_a_lost_frame_and_an_odd_one_do_not_break_a_sound() -> None:
    ear = _heard(*[500] * 5, None, *[500] * 5, 700, *[500] * 5)
    assert [500] == [sound.what for sound in ear.sounds()]


# --- keys -------------------------------------------------------------------------------------------------------


def test_a_key_is_one_event_with_three_ends_and_the_clock_goes_on() -> None:
    sender = Sender(ssrc=7)
    sender.tick()
    sender.press("#", 0.06)
    sent: list[Packet] = []
    for _ in range(4):
        datagrams, _ = sender.tick()
        sent += [packet for packet in map(rtp.unpack, datagrams) if packet]
    after = rtp.unpack(sender.tick()[0][0])
    assert after is not None
    fields = [struct.unpack("!BBH", packet.payload) for packet in sent]
    assert [(11, 10, 160), (11, 10, 320), (11, 10, 480)] == fields[:3]
    assert [(11, 0x8A, 480)] * 3 == fields[3:]
    assert [True, *[False] * 5] == [packet.marker for packet in sent]
    assert 1 == len({packet.timestamp for packet in sent})
    assert list(range(1001, 1008)) == [packet.sequence for packet in [*sent, after]]
    assert (rtp.PCMU, 4 * rtp.FRAME) == (after.payload_type, after.timestamp - sent[0].timestamp)


def test_there_is_no_key_x() -> None:
    with pytest.raises(ValueError, match="substring"):
        Sender(1).press("x", 0.1)


# --- SIP --------------------------------------------------------------------------------------------------------


def test_a_message_survives_packing() -> None:
    dialog = sip.Dialog(("10.0.0.1", 5060), ("10.0.0.2", 4000), "100", name='a "b" \\')
    message = sip.parse(dialog.invite(("10.0.0.2", 4002)).pack())
    assert message is not None
    assert ("INVITE", 0) == (message.method, message.status)
    assert message.get("from").startswith('"a \\"b\\" \\\\" <sip:1000@10.0.0.2:4000>;tag=')
    assert ("10.0.0.2", 4002) == sip.media(message.body)


def test_short_header_names_and_folded_lines_are_understood() -> None:
    message = sip.parse(b"SIP/2.0 180 Ringing\r\nt: <sip:a>\r\n ;tag=9\r\ni: 7\r\n\r\n")
    assert message is not None
    assert ("<sip:a> ;tag=9", "7", 180) == (
        message.get("To"),
        message.get("Call-ID"),
        message.status,
    )


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"", b"\xff\xfe", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_is_no_sip_is_ignored(data: bytes) -> None:
    assert sip.parse(data) is None


# --- the caller -------------------------------------------------------------------------------------------------


class Switch:
    """A SIP switch that answers each request with what the test says."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10.0)
        self.address: sip.Address = self.socket.getsockname()
        self.got: list[str] = []
        self._answers = answers
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(65535)
            except OSError:
                return
            if data == b"stop":
                return
            message = sip.parse(data)
            if message is None:
                continue
            self.got.append(message.method)
            for status in self._answers.get(message.method, []):
                kept = [
                    (n, v + ";tag=x" if n == "To" and ";tag" not in v else v)
                    for n, v in message.headers
                    if n in {"Via", "From", "To", "Call-ID", "CSeq"}
                ]
                if status.startswith("487"):
                    kept = [(n, "1 INVITE" if n == "CSeq" else v) for n, v in kept]
                self.socket.sendto(sip.Message(f"SIP/2.0 {status}", tuple(kept)).pack(), source)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
            mine.sendto(b"stop", self.address)
        self._thread.join(5.0)
        self.socket.close()


@pytest.mark.process
@pytest.mark.parametrize(
    ("answers", "status", "methods"),
    [
        ({"INVITE": ["100 Trying", "404 Not Found"]}, 404, ["INVITE", "ACK"]),
        ({"INVITE": ["180 Ringing", "200 OK"], "BYE": ["200 OK"]}, 200, ["INVITE", "ACK", "BYE"]),
        (
            {"INVITE": ["180 Ringing"], "CANCEL": ["200 OK", "487 Request Terminated"]},
            487,
            ["INVITE", "CANCEL", "ACK"],
        ),
    ],
)
def test_a_caller_always_leaves_in_good_order(
    answers: dict[str, list[str]], status: int, methods: list[str]
) -> None:
    switch = Switch(answers)
    try:
        with Caller(switch.address, "100") as caller:
            caller.dial()
            caller.wait_for(
                lambda: len(caller.call.log) > len(answers["INVITE"]), 5.0, "all answers"
            )
        assert caller.call.ended is not None
        assert status == caller.call.ended.status
    finally:
        switch.close()
    assert methods == [method for method, _ in itertools.groupby(switch.got)]


@pytest.mark.process
def test_a_caller_whom_nobody_answers_says_what_it_waited_for() -> None:
    switch = Switch({})
    try:
        with Caller(switch.address, "100") as caller:
            caller.dial()
            with pytest.raises(AssertionError, match=r"not within 0\.1 s: answered"):
                caller.wait_answered(0.1)
    finally:
        switch.close()


# --- speech -----------------------------------------------------------------------------------------------------


def test_a_sentence_grows_word_by_word() -> None:
    assert [{"partial": "one"}, {"partial": "one two"}] == [
        json.loads(message) for message in sentence("one two")[:2]
    ]
    assert ["one", "two"] == [word["word"] for word in json.loads(final("one two"))["result"]]
    assert "two" == json.loads(alternatives("one", "two"))["alternatives"][1]["text"]


@pytest.mark.process
def test_the_recogniser_says_one_message_a_block() -> None:
    with VoskServer(port=0) as vosk, connect(vosk.url) as client:
        said = threading.Thread(target=vosk.say, args=([partial("one"), final("one")],))
        said.start()
        heard: list[dict[str, str]] = []
        while len(heard) < 3:
            client.send(b"\0" * 3200)
            heard.append(json.loads(client.recv(5)))
            if heard == [{"partial": ""}]:
                heard.clear()  # the sentence had not been queued yet
        said.join(5.0)
        assert ["one", "one", ""] == [h.get("partial", h.get("text")) for h in heard]


@pytest.mark.process
def test_a_recogniser_that_is_down_refuses_and_comes_back() -> None:
    with VoskServer(port=0) as vosk:
        url = vosk.url
        vosk.stop()
        with pytest.raises(OSError, match="refused"):
            connect(url)
        vosk.start()
        with connect(url) as client:
            client.send(b"\0" * 3200)
            assert {"partial": ""} == json.loads(client.recv(5))

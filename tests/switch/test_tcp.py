"""The simulated switch over TCP, in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from fsflows.esl.event import Event
from fsflows.esl.frames import Frame, FrameReader
from fsflows.switch import CallProfile, Setup, Sounds, parse_script
from fsflows.switch.tcp import CallResult, TcpCall, place_call

pytestmark = pytest.mark.process

PATIENCE = 20.0
SHORT = Sounds(default=0.3)


class Peer:
    """An application at the other end, that writes and reads bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.frames: list[Frame] = []
        self._reader = FrameReader()

    def send(self, *commands: str) -> None:
        self.sock.sendall("".join(f"{command}\n\n" for command in commands).encode())

    def execute(self, name: str, data: str = "", uuid: str = "") -> None:
        lines = [
            "sendmsg",
            "call-command: execute",
            f"execute-app-name: {name}",
            "event-lock: true",
        ]
        lines += [f"execute-app-arg: {data}"] if data else []
        lines += [f"Event-UUID: {uuid}"] if uuid else []
        self.send("\n".join(lines))

    def read(self) -> bool:
        try:
            data = self.sock.recv(65536)
        except OSError:
            return False
        self.frames += self._reader.feed(data)
        return bool(data)

    def read_until(self, found: Callable[[Frame], bool]) -> Frame | None:
        while True:
            for frame in self.frames:
                if found(frame):
                    return frame
            if not self.read():
                return None

    def event(self, name: str, header: str = "", value: str = "") -> Event | None:
        def found(frame: Frame) -> bool:
            event = Event.from_plain(frame.body)
            return event.name == name and (not header or event.get(header) == value)

        frame = self.read_until(found)
        return Event.from_plain(frame.body) if frame is not None else None


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[Peer], None]], str]]:
    """Starts a server that runs a function for each call; its address."""
    servers: list[StreamServer] = []

    def start(serve: Callable[[Peer], None]) -> str:
        def handle(sock: socket.socket, _address: object) -> None:
            try:
                serve(Peer(sock))
            finally:
                sock.close()

        listening = StreamServer(("127.0.0.1", 0), handle)
        listening.start()
        servers.append(listening)
        return f"127.0.0.1:{listening.server_port}"

    yield start
    for each in servers:
        each.stop(timeout=5)


def result_of(call: TcpCall) -> CallResult:
    result = call.wait(PATIENCE)
    if result is None:
        call.abandon()
    assert result is not None, "the call did not end"
    return result


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_a_call_over_bytes(server):
    seen: dict[str, object] = {}

    def serve(peer: Peer) -> None:
        peer.send("connect")
        frame = peer.read_until(lambda frame: b"CHANNEL_DATA" in frame.head)
        assert frame is not None
        seen["data"] = Event.from_plain(frame.head)
        peer.send("linger 1", "myevents", "event plain PLAYBACK_START")
        peer.execute("answer")
        peer.execute("playback", "say:flite:kal:Press one", uuid="mine")
        key = peer.event("DTMF")
        seen["key"] = key and key.get("DTMF-Digit")
        done = peer.event("CHANNEL_EXECUTE_COMPLETE", "Application-UUID", "mine")
        seen["response"] = done and done.get("Application-Response")
        while peer.read():
            pass
        seen["notices"] = sum(f.content_type == "text/disconnect-notice" for f in peer.frames)

    script = parse_script("from Ann 15551234567\nhear press one\npress 1\nwait 0.3\nhangup")
    call = place_call(server(serve) + "/bank", script=script, setup=Setup(sounds=Sounds(pace=0.02)))
    result = result_of(call)
    with gevent.Timeout(PATIENCE):
        while "notices" not in seen:
            gevent.sleep(0.01)

    data = seen["data"]
    assert isinstance(data, Event)
    assert data.get("Caller-Caller-ID-Number") == "15551234567"
    assert data.variable("socket_path") == "bank"
    assert ("1", "FILE PLAYED") == (seen["key"], seen["response"])
    assert seen["notices"] == 2
    assert (True, "NORMAL_CLEARING", "recv_bye") == (result.answered, result.cause, result.ended_by)
    assert result.failure is None
    assert [line.split("  ")[-1] for line in result.lines] == [
        "is answered",
        "hears speech: Press one",
        "presses 1",
        "hangs up",
    ]


def test_json_events(server):
    seen: list[bytes] = []

    def serve(peer: Peer) -> None:
        peer.send("connect", "myevents json")
        peer.execute("set", "name=Grüße")
        frame = peer.read_until(lambda frame: b"CHANNEL_EXECUTE_COMPLETE" in frame.body)
        assert frame is not None
        seen.append(frame.body)

    result_of(place_call(server(serve)))

    assert Event.from_json(seen[0]).get("Application-Data") == "name=Grüße"


def test_the_next_host_takes_the_call_when_one_does_not(server):
    def serve(peer: Peer) -> None:
        peer.send("connect")
        peer.execute("hangup", "CALL_REJECTED")
        while peer.read():
            pass

    address = server(serve)
    result = result_of(place_call(f"127.0.0.1:{closed_port()}|{address}"))

    assert (address, "CALL_REJECTED") == (result.reached, result.cause)
    assert (False, "send_refuse") == (result.answered, result.ended_by)


def test_nobody_takes_the_call_and_the_dialplan_goes_on():
    setup = Setup(then=(("answer", ""), ("playback", "sorry.wav")), sounds=SHORT)
    result = result_of(place_call(f"127.0.0.1:{closed_port()}", setup=setup))

    assert ("", True) == (result.reached, result.answered)
    assert [sound.what for sound in result.transcript.heard] == ["sorry.wav"]


def test_a_server_that_dies_leaves_the_call_to_the_dialplan(server):
    def serve(peer: Peer) -> None:
        peer.send("connect")
        peer.execute("answer")
        gevent.sleep(0.2)

    setup = Setup(then=(("playback", "sorry.wav"),), sounds=SHORT)
    result = result_of(place_call(server(serve), CallProfile(), setup))

    assert [sound.what for sound in result.transcript.heard] == ["sorry.wav"]
    assert ("NORMAL_CLEARING", "send_bye") == (result.cause, result.ended_by)


def test_a_caller_who_is_told_what_to_do(server):
    keys: list[str] = []

    def serve(peer: Peer) -> None:
        peer.send("connect", "myevents")
        peer.execute("answer")
        key = peer.event("DTMF")
        keys.append((key and key.get("DTMF-Digit")) or "")
        while peer.read():
            pass

    outputs: list[float] = []
    call = place_call(server(serve), on_output=lambda output: outputs.append(output.at))
    assert call.started(PATIENCE)
    with pytest.raises(ValueError, match="keys are"):
        call.press("x")
    with pytest.raises(ValueError, match="nothing to say"):
        call.say(" ")
    gevent.sleep(0.1)
    call.press("7")
    call.say("hello")
    gevent.sleep(0.3)
    call.hang_up()
    result = result_of(call)

    assert keys == ["7"]
    assert ["say", "key", "hangup"] == [did.what for did in result.transcript.did]
    assert outputs == sorted(outputs)


def test_what_cannot_be_read_ends_the_connection(server):
    def serve(peer: Peer) -> None:
        peer.send("connect")
        peer.sock.sendall(b"sendmsg\ncontent-length: 99999999999\n\n")
        while peer.read():
            pass

    result = result_of(place_call(server(serve)))

    assert result.cause == "NORMAL_CLEARING"


def test_an_abandoned_call_leaves_nothing_behind(server):
    ended: list[float] = []

    def serve(peer: Peer) -> None:
        peer.send("connect")
        while peer.read():
            pass
        ended.append(time.monotonic())

    call = place_call(server(serve))
    assert call.started(PATIENCE)
    call.abandon()
    call.abandon()
    with gevent.Timeout(PATIENCE):
        while not ended:
            gevent.sleep(0.01)

    assert len(ended) == 1

"""The inbound connection: logging in, and clear words for every way in which that fails."""

import gevent
import greenswitch
import pytest
from esl_peer import LONG, Peer
from gevent import socket
from leftovers import nothing_stays

from fsflows.esl import serialize
from fsflows.esl.event import Event
from fsflows.esl.inbound import InboundConnection, InboundFailed, WrongPassword
from fsflows.esl.link import LinkClosed, ReplyTimeout

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("nothing_is_left")]


@pytest.fixture
def server():
    """A listening socket; `serve(function)` plays one connection with it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    tasks = []

    def serve(play):
        def run():
            sock, _ = listener.accept()
            peer = Peer(sock)
            try:
                return play(peer)
            finally:
                peer.close()

        tasks.append(gevent.spawn(run))
        return InboundConnection(*listener.getsockname(), "secret", timeout=LONG)

    yield serve
    gevent.joinall(tasks, timeout=LONG, raise_error=True)
    listener.close()


def log_in(peer):
    peer.send(serialize.auth_request())
    password = peer.expect("auth").args
    peer.send(serialize.reply("+OK accepted" if password == "secret" else "-ERR invalid"))
    return password


def test_apis_and_events(server):
    def play(peer):
        assert "secret" == log_in(peer)
        assert "status" == peer.expect("api status").args
        peer.send(serialize.api_response("UP\n"))
        peer.expect("event")
        peer.send(
            serialize.reply("+OK")
            + serialize.event(Event.from_headers({"Event-Name": "HEARTBEAT"}))
        )
        peer.expect("api version")
        peer.send(serialize.api_response("1.10"))
        peer.expect("exit")

    with server(play) as connection:
        assert isinstance(connection, greenswitch.InboundESL)
        assert ("UP", True) == (connection.api("status").text, connection.connected)
        connection.subscribe(["HEARTBEAT"])
        assert "HEARTBEAT" == connection.receive().name
        assert "1.10" == connection.send("api version").data
    with pytest.raises(LinkClosed):
        connection.api("status")


def test_a_wrong_password(server):
    connection = server(log_in)
    connection.password = "wrong"
    with pytest.raises(WrongPassword, match="refuses the password"):
        connection.connect()
    assert connection.released


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", "ended the connection: FreeSWITCH closed the connection"),
        (serialize.rude_rejection(), "does not let this address in"),
        (b"Content-Type: auth/request\nContent-Length: -1\n\n", "not the event socket protocol"),
        (serialize.auth_request(), "ended the connection"),
    ],
)
def test_a_server_that_ends_it(server, said, expected):
    connection = server(lambda peer: peer.send(said))
    with pytest.raises(InboundFailed, match=expected):
        connection.connect()
    assert connection.released


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", serialize.auth_request()])
def test_a_server_that_says_nothing_of_use(server, said):
    done = gevent.event.Event()

    def play(peer):
        peer.send(said)
        done.wait(LONG)

    connection = server(play)
    connection.timeout = 0.05
    with pytest.raises(
        InboundFailed, match=r"127\.0\.0\.1:\d+ accepts connections, but does not speak"
    ):
        connection.connect()
    assert connection.released
    done.set()


def test_nobody_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    connection = InboundConnection("127.0.0.1", port, "secret")
    with (
        nothing_stays(0),
        pytest.raises(
            InboundFailed, match=f"127.0.0.1:{port} can't be reached: Connection refused"
        ),
    ):
        connection.connect()
    with pytest.raises(LinkClosed, match="not connected"):
        connection.api("status")
    with pytest.raises(greenswitch.esl.NotConnectedError):
        connection.send("api status")
    connection.close()


def test_an_api_that_does_not_answer(server):
    def play(peer):
        log_in(peer)
        peer.expect("api slow")
        peer.expect("exit")

    with server(play) as connection, pytest.raises(ReplyTimeout, match="`api slow`"):
        connection.api("slow", timeout=0.01)

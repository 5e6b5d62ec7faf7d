"""The HTTP server under the console and the agent: clients that hold on, requests whose end is in doubt, crowds."""

import ssl
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.ssl import SSLContext

from fsflows import webserver
from fsflows.webserver import Server

pytestmark = pytest.mark.process

CERTIFICATE = Path(__file__).parent / "tls" / "localhost.pem"
"""Of a key that everybody knows, for tests."""

ASKS = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answers(environ, start):
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


@pytest.fixture
def serve():
    with ExitStack() as stack:

        def started(application=answers, most=20, **tls):
            server = Server(("127.0.0.1", 0), application, part="test", most=most, **tls)
            server.start()
            stack.callback(server.stop, timeout=0.0)
            return server

        yield started


def connect(server):
    return closing(socket.create_connection(("127.0.0.1", server.server_port), timeout=20))


def rest_of(client):
    """All that still comes."""
    said = b""
    with gevent.Timeout(20), suppress(ConnectionError):
        while piece := client.recv(65536):
            said += piece
    return said


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 100000\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n10\r\nx"],
)
def test_who_sends_a_body_that_nobody_wants_keeps_no_connection_by_it(serve, monkeypatch, body):
    monkeypatch.setattr(webserver, "LEFT_OVER_WITHIN", 0.05)

    def drips(client):
        with suppress(OSError):
            while True:
                client.sendall(b"x")
                gevent.sleep(0.02)

    with connect(serve()) as client:
        client.sendall(ASKS + body)
        drip = gevent.spawn(drips, client)
        assert b"200 OK" in rest_of(client)
        drip.kill()


def test_a_body_without_end_is_taken_to_a_limit(serve, monkeypatch):
    monkeypatch.setattr(webserver, "LEFT_OVER_WITHIN", 20.0)
    with connect(serve()) as client:
        client.sendall(ASKS + b"Content-Length: 99999999999\r\n\r\n")

        def streams():
            with suppress(OSError):
                while True:
                    client.sendall(b"x" * 65536)

        stream = gevent.spawn(streams)
        rest_of(client)
        stream.join(20)
        assert stream.ready()


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 0\r\nContent-Length: %d\r\n",
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: %d\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: +%d\r\n",
        b"Content-Length: 1_0\r\n",
        b"Content-Length : %d\r\n",
        b"".join(b"A%d: b\r\n" % number for number in range(200)),
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused_and_nothing_behind_it_is_heard(
    serve, framing, capfd
):
    asked = []

    def listens(environ, start):
        asked.append(environ["PATH_INFO"])
        return answers(environ, start)

    with connect(serve(listens)) as client:
        if b"%d" in framing and b"A1" not in framing:
            framing %= len(SMUGGLED)
        client.sendall(ASKS + framing + b"\r\n" + SMUGGLED)
        assert b"400 Bad Request" in rest_of(client)
    assert asked == []
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_body_that_is_read_leaves_the_connection_to_the_next_request(serve):
    def reads(environ, start):
        said = environ["wsgi.input"].read()
        start("200 OK", [("Content-Length", str(len(said)))])
        return [said]

    with connect(serve(reads)) as client:
        for request in (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nthree",
        ):
            client.sendall(request)
        assert [each[-5:].strip() for each in rest_of(client).split(b"HTTP/1.1 200 OK")[1:]] == [
            b"one",
            b"two",
            b"three",
        ]


def test_one_client_does_not_take_all_the_room(serve):
    """One address has three quarters of it. What is left is for others, who have another address here."""
    server = serve(most=4)
    with ExitStack() as held:
        for _ in range(3):
            client = held.enter_context(connect(server))
            client.sendall(ASKS + b"\r\n")
            assert b"200 OK" in client.recv(65536)
        with connect(server) as one_more:
            one_more.sendall(ASKS + b"\r\n")
            assert rest_of(one_more) == b""
        other = socket.create_connection(
            ("127.0.0.1", server.server_port), timeout=20, source_address=("127.0.0.2", 0)
        )
        with closing(other):
            other.sendall(ASKS + b"Connection: close\r\n\r\n")
            assert b"200 OK" in rest_of(other)


def test_who_says_nothing_instead_of_agreeing_on_tls_is_let_go(serve, monkeypatch, capfd):
    monkeypatch.setattr(webserver, "FIRST", 0.05)
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    server = serve(ssl_context=context)
    for said in (b"", b"GET / HTTP/1.0\r\n\r\n"):
        with connect(server) as client:
            client.sendall(said)
            rest_of(client)
    assert "Traceback" not in "".join(capfd.readouterr())

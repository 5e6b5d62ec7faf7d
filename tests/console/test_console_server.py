"""The console's server: clients that dawdle, streams, addresses."""

from contextlib import suppress

import gevent
import pytest
from gevent import socket

from fsflows import log, webserver
from fsflows.console import server as server_module
from fsflows.console.server import open_console

from .world import World

pytestmark = pytest.mark.process


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, threaded=True, count=3)
    yield world
    world.close()


@pytest.fixture
def console(world):
    console = open_console(world.sources, ("127.0.0.1", 0))
    console.start()
    yield console
    console.stop()


def connect(console, source="127.0.0.1"):
    host, port = console.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20, source_address=(source, 0))


def ask(client, path):
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while data := client.recv(65536):
        answer += data
    return answer.decode()


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: loc",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\ncsrf",
    ],
)
def test_a_client_that_dawdles_is_let_go_and_disturbs_nobody(console, monkeypatch, half):
    monkeypatch.setattr(webserver, "PATIENCE", 0.05)
    monkeypatch.setattr(webserver, "FIRST", 0.05)
    with log.capture("error") as events, connect(console) as slow, connect(console) as other:
        slow.sendall(half)
        assert "200 OK" in ask(other, "/live")
        with gevent.Timeout(20):
            while slow.recv(65536):
                pass
    assert [] == [event for event in events if "exception" in event]


def test_those_who_say_nothing_do_not_keep_others_out(console, monkeypatch):
    """As many as are served at once; a probe comes behind them, and is answered before they have to ask again."""
    monkeypatch.setattr(webserver, "FIRST", 0.5)
    # From two addresses: one may not have all.
    idle = [connect(console, f"127.0.0.{2 + n % 2}") for n in range(server_module.MAX_REQUESTS)]
    # The probe itself has time, however slow this machine is.
    monkeypatch.setattr(webserver, "FIRST", 20)
    try:
        with gevent.Timeout(20), connect(console) as probe:
            assert "200 OK" in ask(probe, "/live")
    finally:
        for each in idle:
            each.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nX-Long: ",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\ncsrf=",
    ],
)
def test_a_client_that_sends_byte_by_byte_is_let_go_as_well(console, monkeypatch, begun):
    monkeypatch.setattr(webserver, "PATIENCE", 0.2)
    monkeypatch.setattr(webserver, "FIRST", 0.2)

    def drips(client):
        with suppress(OSError):  # it is let go
            while True:
                client.sendall(b"a")
                gevent.sleep(0.02)

    with log.capture("error") as events, connect(console) as slow:
        slow.sendall(begun)
        drip = gevent.spawn(drips, slow)
        try:
            with gevent.Timeout(20):
                while slow.recv(65536):
                    pass
        except ConnectionError:
            pass  # its last bytes came too late
        finally:
            drip.kill()
    assert [] == [event for event in events if "exception" in event]


def test_nonsense_is_refused(console):
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
        b"\r\n" * 50,
    ):
        with connect(console) as client:
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            with gevent.Timeout(20):
                while client.recv(65536):
                    pass
    with connect(console) as client:
        assert "200 OK" in ask(client, "/live")


def test_live_calls_stream_while_others_are_answered(console, world):
    with connect(console) as watcher, connect(console) as other:
        watcher.sendall(b"GET /calls/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        seen = b""
        with gevent.Timeout(20):
            while b"No call is running" not in seen:
                seen += watcher.recv(65536)
            assert "200 OK" in ask(other, "/records")
            builder = world.call()
            while b"Ada Lindqvist" not in seen:
                seen += watcher.recv(65536)
        world.live.remove(builder)


def test_an_address_that_is_taken_is_an_error(console, world):
    host, port = console.url.removeprefix("http://").split(":")
    second = open_console(world.sources, (host, int(port)))
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()

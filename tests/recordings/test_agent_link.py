"""Connections to the agent are kept; one that has ended meanwhile is no error."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fsflows.recordings.agent.link import IDLE, KEPT, Link
from fsflows.recordings.agent.server import _for_kept_connections
from fsflows.recordings.agent.signing import HEADER

pytestmark = pytest.mark.process

SAYS_CLOSE = "says that it closes the connection"
CLOSES = "closes the connection after its answer, without saying so"
NO_ANSWER = "closes the connection instead of an answer"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        agent = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        agent.signatures.append(self.headers[HEADER])
        does = agent.plan.pop(0) if agent.plan else ""
        if does == NO_ANSWER:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if does == SAYS_CLOSE:
            self.send_header("Connection", "close")
        self.end_headers()
        # Who asks may have given up waiting.
        with suppress(BrokenPipeError):
            self.wfile.write(body)
        if does == CLOSES:
            self.close_connection = True


class Agent(ThreadingHTTPServer):
    """Answers each request with its body, and otherwise as planned.

    Attributes:
        plan: what becomes of the next requests' connections; without it they stay open.
        connections: that were accepted.
        signatures: of the requests, in their order.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan, self.signatures = [], []
        self.connections = 0
        self.closed = threading.Semaphore(0)

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.closed.release()


@pytest.fixture
def agent():
    with Agent() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def link(agent, now):
    link = Link("127.0.0.1", agent.server_port, None, lambda: now[0])
    yield link
    link.close()


@pytest.fixture
def ask(link):
    numbers = itertools.count(1)

    def ask():
        answer = link.post("/v1/look", b"what", lambda: f"signature {next(numbers)}", 20)
        assert (answer.status, answer.body) == (200, b"what")

    return ask


def test_one_connection_carries_one_request_after_the_other(agent, ask):
    for _ in range(5):
        ask()
    assert agent.connections == 1
    assert agent.signatures == [f"signature {number}" for number in range(1, 6)]


def test_one_that_has_waited_too_long_is_not_used_again(agent, ask, now):
    ask()
    now[0] += IDLE
    ask()
    assert agent.connections == 1
    now[0] += IDLE + 0.1
    ask()
    assert agent.connections == 2


@pytest.mark.parametrize("does", [SAYS_CLOSE, CLOSES])
def test_one_that_the_agent_has_closed_is_not_used_again(agent, ask, does):
    agent.plan = [does]
    ask()
    assert agent.closed.acquire(timeout=20)
    ask()
    assert agent.connections == 2
    assert len(agent.signatures) == 2  # no request was made in vain


def test_one_that_ends_just_as_it_is_used_again_costs_another_attempt(agent, ask):
    ask()
    agent.plan = [NO_ANSWER]
    ask()
    assert agent.connections == 2
    # Each attempt has a signature of its own: an agent takes none twice.
    assert agent.signatures == ["signature 1", "signature 2", "signature 3"]


def test_a_new_one_that_ends_without_an_answer_is_an_error(agent, ask):
    agent.plan = [NO_ANSWER]
    with pytest.raises(http.client.RemoteDisconnected):
        ask()
    assert agent.connections == 1
    ask()
    assert agent.connections == 2


def test_an_agent_that_takes_too_long_is_an_error_on_a_kept_connection_too(agent, ask, link):
    ask()
    hang = threading.Event()
    agent.plan = Hanging(hang)
    try:
        with pytest.raises(TimeoutError):
            link.post("/v1/look", b"what", lambda: "s", 0.05)
    finally:
        hang.set()
    agent.plan = []
    ask()
    assert agent.connections == 2


class Hanging(list):
    """A plan that keeps its request waiting."""

    def __init__(self, until):
        super().__init__([""])
        self._until = until

    def pop(self, *_):
        self._until.wait(20)
        return ""


def test_not_more_are_kept_than_are_used(agent, link):
    made = [link._new(20) for _ in range(KEPT + 3)]
    for connection in made:
        link._ask(connection, "/v1/look", b"what", "s", 20)
    assert len(link._kept) == KEPT
    link.close()
    assert link._kept == []
    for _ in made:
        assert agent.closed.acquire(timeout=20)


def test_an_agent_sends_at_once_and_notices_that_a_host_has_gone():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _for_kept_connections(listening)
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60

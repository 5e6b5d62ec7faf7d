"""Several nodes behind HAProxy, with the configuration that is shipped: calls go on when a node is drained, or killed."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import gevent
import pytest
from server_peers import LONG, Process, call, finished, wait_for, write_flows

pytestmark = pytest.mark.process

SHIPPED = Path(__file__).parents[2] / "conf" / "haproxy"

FLOWS = {
    "ask.yaml": """
        steps:
          ask: {prompt: Which?, dtmf: {num_digits: 1, first_digit_timeout: 50}, asr: false, next: {hangup: true}}
    """
}
FALL_BACK = [("answer", ""), ("playback", "sorry.wav"), ("hangup", "USER_BUSY")]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Node:
    """A server of its own, with a console on a port that is known."""

    def __init__(self, base, **settings):
        base.mkdir()
        write_flows(base / "flows", FLOWS)
        self.console = free_port()
        self.process = Process(
            base,
            *("--flows", "flows", "--data", "data"),
            server__listen="127.0.0.1:0",
            server__drain_timeout=50,
            console__listen=f"127.0.0.1:{self.console}",
            console__token="sixteen characters or more",
            **settings,
        )

    @property
    def address(self):
        return "{}:{}".format(*self.process.address)

    def die(self):
        """As a machine that loses its power: parent and worker at once."""
        parent, (_, port) = self.process.popen.pid, self.process.address
        workers = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, workers)):
            os.kill(pid, signal.SIGKILL)
        self.process.popen.wait(LONG)
        wait_for(lambda: not _listens(port))

    @property
    def taken(self):
        """How many calls it has begun."""
        return sum(line["event"] == "call" for line in self.process.log)


@pytest.fixture
def nodes(tmp_path):
    found = [Node(tmp_path / name) for name in "ab"]
    yield found
    for node in found:
        node.process.kill()


@pytest.fixture
def balancer(nodes, tmp_path):
    """HAProxy in front of the nodes: its address."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert program, "HAProxy is not installed (apt-get install haproxy)"
    port = free_port()
    text = (SHIPPED / "haproxy.cfg").read_text()
    for theirs, ours in {
        "/etc/haproxy/let_go.lua": str(SHIPPED / "let_go.lua"),
        "/run/haproxy": str(tmp_path),
        "bind :8084": f"bind 127.0.0.1:{port}",
        "127.0.0.1:8083": f"127.0.0.1:{free_port()}",
        " check port 8085": " check",
        "timeout check 2s": "timeout check 60s",  # a busy machine is no dead node
        "server a 10.0.0.11:8084": f"server a {nodes[0].address} port {nodes[0].console}",
        "server b 10.0.0.12:8084": f"server b {nodes[1].address} port {nodes[1].console}",
    }.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    (tmp_path / "haproxy.cfg").write_text(text)
    check = subprocess.run(
        [program, "-c", "-f", tmp_path / "haproxy.cfg"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert 0 == check.returncode, check.stderr
    assert "WARNING" not in check.stderr, check.stderr
    output = tmp_path / "haproxy.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [program, "-db", "-f", tmp_path / "haproxy.cfg"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        # Its operator's socket is asked: a connection to find out whether it listens would be a node's, and a call.
        wait_for(lambda: _runs(tmp_path / "admin.sock"))
        yield "127.0.0.1", port
    finally:
        process.kill()
        process.wait(LONG)


def _runs(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        try:
            sock.connect(str(path))
            sock.sendall(b"show info\n")
            return sock.recv(1)
        except OSError:
            return False


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def begin(address, count):
    """So many calls, each as far as its question."""
    calls = [call(address, "ask", "hear Which / wait end within 120") for _ in range(count)]
    for each in calls:
        wait_for(lambda each=each: each.channel is not None and each.channel.transcript.heard)
    return calls


def end(calls):
    for each in calls:
        each.press("1")
    for each in calls:
        result = finished(each)
        assert "NORMAL_CLEARING" == result.cause, result.lines
        assert result.answered


def test_calls_go_on_when_a_node_is_drained_and_when_one_is_killed(nodes, balancer):
    a, b = nodes
    running = begin(balancer, 6)
    assert [3, 3] == [a.taken, b.taken]  # who has the fewest gets the next

    # A node is told to stop: its calls go on, and from this moment on every new one finds the other.
    a.process.signal(signal.SIGTERM)
    a.process.said("stopping")
    later = begin(balancer, 4)
    assert [3, 7] == [a.taken, b.taken]
    end(running)
    assert 0 == a.process.ended()
    end(later)

    # The last one is killed: the dialplan goes on, instead of silence.
    b.die()
    lost = [call(balancer, "ask", "", then=FALL_BACK) for _ in range(3)]
    for each in lost:
        result = finished(each)
        assert ("USER_BUSY", ["sorry.wav"]) == (
            result.cause,
            [sound.what for sound in result.transcript.heard],
        )


def test_a_call_of_a_node_that_is_killed_goes_on_in_the_dialplan(nodes, balancer):
    a, b = nodes
    calls = [
        call(balancer, "ask", "hear Which / wait end within 120", then=FALL_BACK) for _ in range(2)
    ]
    wait_for(lambda: [1, 1] == [a.taken, b.taken])
    a.die()
    ended = gevent.wait([each._greenlet for each in calls], count=1, timeout=LONG)
    assert 1 == len(ended)
    hurt = next(each for each in calls if each._greenlet in ended)
    assert "USER_BUSY" == finished(hurt).cause
    end([each for each in calls if each is not hurt])
    # The next one finds the node that is left.
    end(begin(balancer, 1))
    assert 2 == b.taken

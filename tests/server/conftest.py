import pytest
from leftovers import nothing_stays
from server_peers import Process, Server

from fsflows.log import capture


@pytest.fixture
def nothing_is_left():
    """No greenlet and no file descriptor stays behind."""
    with nothing_stays():
        yield


@pytest.fixture
def log():
    """What is logged, from information on."""
    with capture("info") as lines:
        yield lines


@pytest.fixture
def serve(tmp_path, nothing_is_left):
    """`serve(flows, **server)`: a service with flows by file name, on a port of its own."""
    servers = []

    def start(flows, **server):
        servers.append(Server(tmp_path, flows, **server))
        return servers[-1]

    yield start
    for each in servers:
        each.stop()


@pytest.fixture
def run(tmp_path):
    """`run(*arguments, **settings)`: `fsflows serve` as a process; settings as `server__listen="127.0.0.1:0"`."""
    processes = []

    def start(*arguments, **settings):
        processes.append(Process(tmp_path, *arguments, **settings))
        return processes[-1]

    yield start
    for each in processes:
        each.kill()

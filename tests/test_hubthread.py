"""What speaks over gevent's sockets stays in one thread, and waits there for all who ask."""

from __future__ import annotations

import subprocess
import sys
import threading
from unittest.mock import Mock

import gevent
import pytest
from gevent.event import Event
from gevent.threadpool import ThreadPool

from fsflows import hubthread
from fsflows.hubthread import HubThread, NoThread
from fsflows.recordings.files.offhub import OffHub


@pytest.fixture
def thread():
    thread = HubThread()
    yield thread
    thread.kill()


def test_what_it_runs_waits_beside_each_other_and_beside_who_asks(thread):
    here = gevent.get_hub()
    seen = []

    def first():
        seen.append((gevent.get_hub(), Event()))
        seen[0][1].wait()
        return "first"

    def second():
        seen.append((gevent.get_hub(), None))
        seen[0][1].set()
        return "second"

    begun = thread.spawn(first)
    with gevent.Timeout(20):
        assert thread.apply(second) == "second"
        assert begun.get() == "first"
    assert seen[0][0] is seen[1][0] is not here


def test_what_it_raises_is_raised_to_who_asked(thread):
    with pytest.raises(KeyError, match="no such"):
        thread.apply({}.__getitem__, ("no such",))
    assert thread.apply(len, ("it goes on",)) == 10


def test_its_end_waits_for_what_was_begun():
    thread = HubThread()
    ended = []

    def slow():
        gevent.sleep(0)
        gevent.sleep(0)
        ended.append(1)

    begun = thread.spawn(slow)
    thread.kill()
    assert ended == [1]
    with gevent.Timeout(20):
        begun.get()
    thread.kill()
    HubThread().kill()  # it was never asked


def test_who_asks_while_it_ends_is_refused_and_does_not_keep_it():
    thread = HubThread()
    go = []

    def slow():
        while not go:
            gevent.sleep(0.001)
        return "done"

    begun = thread.spawn(slow)
    ending = gevent.spawn(thread.kill)
    gevent.sleep(0)
    with pytest.raises(NoThread, match="ended"):
        thread.apply(len, ("late",))
    go.append(1)
    with gevent.Timeout(20):
        ending.get()
    assert begun.get() == "done"


@pytest.mark.parametrize("where", ["its hub", "the thread"])
def test_when_no_thread_can_be_had_nobody_waits_for_one_and_it_is_tried_again(where, monkeypatch):
    """Too many files are open, or too many threads there."""
    thread = HubThread()
    refused = Mock(side_effect=OSError(24, "Too many open files"))
    with monkeypatch.context() as patch:
        if where == "its hub":
            patch.setattr(hubthread, "_Inside", refused)
        else:
            patch.setattr(ThreadPool, "_add_thread", refused)
        with gevent.Timeout(20), pytest.raises(NoThread, match="Too many open files"):
            thread.apply(len, ("first",))
    with gevent.Timeout(20):
        assert thread.apply(len, ("second",)) == 6
        thread.kill()


def test_of_a_lane_only_so_much_is_done_at_once_waited_for_or_not():
    thread = HubThread()
    lane = thread.lane(1)
    over = threading.Event()
    first = lane.spawn(over.wait, 30)
    with gevent.Timeout(0.05, False):
        lane.spawn(len, "second")
        pytest.fail("it has begun beside the first")
    with gevent.Timeout(0.05, False):
        lane.apply(len, ("third",))
        pytest.fail("it has begun beside the first")
    over.set()
    with gevent.Timeout(30):
        assert first.get()
        assert lane.apply(len, ("fourth",)) == 6
        thread.kill()


# While one request waits for its answer, another one uses a connection that the first has made: with gevent's
# sockets, on threads, "Cannot switch to a different thread".
LENDING = """
import sys
from gevent import monkey; monkey.patch_all()
import socket
import gevent
from fsflows.recordings.files.offhub import OffHub

listener = socket.create_server(("127.0.0.1", 0))
made = []

def connect():
    made.append(socket.create_connection(listener.getsockname()))
    return made[-1]

class Files:
    remote, archive_remote = sys.argv[1] == "remote", True
    staging, searched = "/a", ("/a",)
    def place(self, path):
        return "/a"
    def look(self, path):
        connect()
        return connect().recv(10)
    def find(self, call_uuid, places=()):
        return made[0].recv(10)
    def close(self):
        for each in made: each.close()
    retract, published = look, find

files = OffHub(Files())
first, second = (files.look, files.find) if Files.remote else (files.retract, files.published)
with gevent.Timeout(30):
    asks = gevent.spawn(first, "a")
    one, other = listener.accept()[0], listener.accept()[0]
    borrows = gevent.spawn(second, "b")
    gevent.sleep(0.05)
    one.sendall(b"lent")
    borrowed = borrows.get()
    other.sendall(b"kept")
    print(borrowed, asks.get())
files.close()
for each in (one, other, listener): each.close()
"""


@pytest.mark.process
@pytest.mark.parametrize("what", ["remote", "archive"])
def test_connections_that_gevent_made_can_be_lent(what):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LENDING, what],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "b'lent' b'kept'\n"


def test_where_sockets_are_pythons_own_threads_wait_for_them():
    files = Mock(remote=True, archive_remote=True)
    turn = threading.Barrier(2, timeout=20)  # passed only by two threads at once
    files.look.side_effect = lambda _: turn.wait()
    off_hub = OffHub(files, count=2)
    asked = [gevent.spawn(off_hub.look, "a") for _ in range(2)]
    gevent.joinall(asked, raise_error=True)
    off_hub.close()
    files.close.assert_called_once_with()

"""The listener: prompt, polite in refusing, and never ended by one call."""

import errno
import os
import resource
import select
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Signal
from gevent.socket import wait_write

from fsflows.esl import commands, serialize
from fsflows.esl.command_reader import CommandReader
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed
from fsflows.esl.tuning import KEEPALIVE
from fsflows.log import capture
from fsflows.server.door import door as module
from fsflows.server.door import listener as listener_module
from fsflows.server.door.door import LentDoor, OwnDoor
from fsflows.server.door.listener import Listener
from fsflows.server.door.reserve import RESERVE, reserve
from fsflows.server.node.listening import bound, turn_away, welcome

LONG = 20.0
"""Seconds that nothing here takes, unless it hangs."""


pytestmark = [pytest.mark.process, pytest.mark.usefixtures("nothing_is_left")]


class FreeSwitch:
    """A connection as FreeSWITCH makes it for a call."""

    def __init__(self, listener, uuid="u-1"):
        self.sock = socket.create_connection(listener.address)
        self.channel = Event.from_headers({"Event-Name": "CHANNEL_DATA", "Unique-ID": uuid})
        self._reader = CommandReader()
        self._read = []

    def heard(self):
        """The next command; None at the end of the connection."""
        with gevent.Timeout(LONG):
            while not self._read:
                try:
                    data = self.sock.recv(65536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self._read += self._reader.feed(data)
        return self._read.pop(0).label

    def begin(self):
        """As far as the call's data."""
        assert "connect" == self.heard()
        self.sock.sendall(serialize.channel_data(self.channel))
        return self

    def end(self):
        """Everything else that is heard, after which we close."""
        heard = []
        while (label := self.heard()) is not None:
            heard.append(label)
            if label == "exit":
                break
        self.sock.close()
        return heard


def backlog(listener, count):
    """Connections that all wait in the kernel before the listener gets to look."""
    listener._door._watcher.stop()
    calls = [FreeSwitch(listener, f"u-{n}") for n in range(count)]
    listener._door._watcher.start(listener._door._acceptable)
    return calls


def wait_for(condition):
    until = time.monotonic() + LONG
    while not condition() and time.monotonic() < until:
        gevent.sleep(0.001)
    assert condition()


def closed(listener):
    """Whether the socket is closed: a moment after nobody waits any more."""
    return not listener.accepting and listener._door._leaving is None


@pytest.fixture
def listen():
    """Makes listeners whose calls last until `leave` is set."""
    listeners = []
    leave = Signal()

    def make(handle=None, **options):
        listener = Listener(
            options.pop("door", None) or OwnDoor(options.pop("address", ("127.0.0.1", 0))),
            handle or (lambda _session: leave.wait(LONG)),
            **options,
        )
        listener.start()
        listeners.append(listener)
        return listener

    make.leave = leave
    yield make
    leave.set()
    for listener in listeners:
        listener.stop(drain=LONG)


def test_a_call_runs_with_its_data_and_subscription(listen):
    seen = []

    def handle(session):
        seen.append((session.channel.uuid, session.receive(time.monotonic() + LONG).name))

    listener = listen(handle, subscriptions=commands.subscription(["DTMF"]))
    call = FreeSwitch(listener).begin()
    assert ["linger", "myevents", "nixevent"] == [call.heard() for _ in range(3)]
    call.sock.sendall(serialize.event(Event.from_headers({"Event-Name": "DTMF"})))
    assert ["exit"] == call.end()
    assert [("u-1", "DTMF")] == seen
    wait_for(lambda: listener.calls == 0)
    assert (1, 0, 0) == (listener.accepted, listener.refused, listener.rejected)


def test_a_burst_is_accepted_at_once(listen):
    listener = listen()
    calls = backlog(listener, 300)
    assert {"connect"} == {call.heard() for call in calls}
    assert 300 == listener.calls
    for call in calls:
        call.sock.close()


@pytest.mark.parametrize(
    "fault",
    [
        lambda _session: 1 / 0,
        lambda _session: sys.exit(3),
        lambda _session: gevent.sleep(0) or (_ for _ in ()).throw(gevent.Timeout(1)),
    ],
    ids=["exception", "exit", "timeout"],
)
def test_a_fault_of_one_call_ends_that_call(listen, fault):
    def handle(session):
        if session.channel.uuid == "bad":
            fault(session)
        listen.leave.wait(LONG)

    listener = listen(handle)
    good = FreeSwitch(listener, "good").begin()
    with capture() as log:
        assert ["exit"] == FreeSwitch(listener, "bad").begin().end()
        wait_for(lambda: listener.calls == 1)
    (line,) = [line for line in log if line["level"] == "error"]
    assert ("a call's application raised", "bad") == (line["event"], line["call"])
    assert "Traceback" in line["exception"]
    listen.leave.set()
    assert ["exit"] == good.end()


def test_a_call_that_ends_under_its_application_is_no_fault(listen):
    listener = listen(lambda session: session.receive())
    with capture() as log:
        FreeSwitch(listener).begin().sock.close()
        wait_for(lambda: listener.accepted == 1 and listener.calls == 0)
    assert [("info", "FreeSWITCH closed the connection")] == [
        (line["level"], line["reason"])
        for line in log
        if line["event"].startswith("the call ended")
    ]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_connection_that_does_not_answer_is_closed(listen, said):
    listener = listen(silence_timeout=0.05)
    with capture() as log:
        silent = FreeSwitch(listener)
        silent.sock.sendall(said)
        assert ["connect", "exit"] == silent.end()
        wait_for(lambda: listener.calls == 0)
    assert "it did not answer `connect`" in str(log)


@pytest.mark.parametrize(
    "piece",
    [
        b"C",
        b"\n",
        b"Content-Type: text/garbage\nContent-Length: 3\n\nabc",
        b"Event-Name: HEARTBEAT\n\n",
    ],
    ids=["a letter", "an empty line", "other frames", "no frames"],
)
def test_who_sends_a_little_now_and_then_gets_no_more_time(listen, piece):
    listener = listen(silence_timeout=0.3)
    call = FreeSwitch(listener)
    assert "connect" == call.heard()

    def dribble():
        with suppress(OSError):  # it is closed
            while True:
                call.sock.send(piece)
                gevent.sleep(0.01)

    dribbling = gevent.spawn(dribble)
    wait_for(lambda: listener.accepted == 1 and listener.calls == 0)
    dribbling.kill()
    call.sock.close()


@pytest.mark.parametrize("said", [b"", b"Content-Length: -1\n\n", b"\xff" * 300_000])
def test_a_connection_that_ends_before_its_call_begins(listen, said):
    listener = listen()
    with capture() as log:
        call = FreeSwitch(listener)
        assert "connect" == call.heard()
        try:
            call.sock.sendall(said)
        except OSError:
            assert said, "closed at the first piece"
        call.sock.close()
        wait_for(lambda: listener.calls == 0)
    assert "a connection ended before its call began" in str(log)


# --- the limit --------------------------------------------------------------------------------------------------------


def test_at_the_limit_the_socket_is_closed_and_opened_again_when_there_is_room(listen):
    ended = Signal()

    def handle(session):
        (ended if session.channel.uuid == "first" else listen.leave).wait(LONG)

    listener = listen(handle, max_calls=2)
    address = listener.address
    with capture() as log:
        first = FreeSwitch(listener, "first").begin()
        second = FreeSwitch(listener, "second").begin()
        wait_for(lambda: closed(listener))
        with pytest.raises(ConnectionRefusedError):
            FreeSwitch(listener)
        ended.set()
        assert ["exit"] == first.end()
        wait_for(lambda: listener.accepting)
    assert ["the limit of calls is reached: not listening", "accepting calls again"] == [
        line["event"] for line in log if line["part"] == "server.listener"
    ]
    assert address == listener.address
    third = FreeSwitch(listener, "third").begin()
    wait_for(lambda: not listener.accepting)
    listen.leave.set()
    assert [["exit"], ["exit"]] == [second.end(), third.end()]
    wait_for(lambda: listener.calls == 0 and listener.accepting)


def test_calls_beyond_the_limit_that_were_accepted_are_told_connect_and_let_go(listen):
    told = []
    listener = listen(
        max_calls=2, let_go=lambda session, stopping: told.append((session.channel.uuid, stopping))
    )
    calls = backlog(listener, 5)
    served = [call.begin() for call in calls[:2]]
    for call in calls[2:]:
        assert ["exit"] == call.begin().end()
    assert (2, 3) == (listener.accepted, listener.refused)
    assert {False} == {stopping for _, stopping in told}
    assert 3 == len({uuid for uuid, _ in told})
    listen.leave.set()
    assert [["exit"], ["exit"]] == [call.end() for call in served]


def test_a_port_that_somebody_else_took_meanwhile(listen, monkeypatch):
    monkeypatch.setattr(module, "RETRY", 0.02)
    listener = listen(max_calls=1)
    call = FreeSwitch(listener).begin()
    wait_for(lambda: closed(listener))
    thief = socket.socket()
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    thief.bind(listener.address)
    thief.listen()
    with capture() as log:
        listen.leave.set()
        assert ["exit"] == call.end()
        wait_for(lambda: log)
        assert not listener.accepting
        thief.close()
        wait_for(lambda: listener.accepting)
    assert ["can't listen; trying again", "accepting calls again"] == [
        line["event"] for line in log if line["part"] == "server.listener"
    ]


def test_a_stop_while_waiting_to_listen_again(listen, monkeypatch):
    monkeypatch.setattr(module, "RETRY", LONG)
    listener = listen(max_calls=1)
    call = FreeSwitch(listener).begin()
    wait_for(lambda: closed(listener))
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(listener.address)
        thief.listen()
        listen.leave.set()
        assert ["exit"] == call.end()
        wait_for(lambda: listener._door._retry is not None)
        assert 0 == listener.stop()


def test_what_a_connection_is_set_to_comes_from_the_listening_socket():
    """Else four system calls for each call that begins."""
    with bound(("127.0.0.1", 0), 16) as sock, socket.create_connection(sock.getsockname()):
        wait_for(lambda: select.select([sock], [], [], 0)[0])
        accepted, _ = sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for name, seconds in KEEPALIVE.items():
                option = getattr(socket, name)
                assert seconds == accepted.getsockopt(socket.IPPROTO_TCP, option)


def lent(shared):
    """A door to a shared socket, and what its worker reports."""
    reports = []
    return LentDoor(shared.dup, reports.append), reports


@pytest.fixture
def shared():
    with bound(("127.0.0.1", 0), 16) as sock:
        yield sock


def test_a_shared_socket_is_left_to_the_others_at_the_limit(listen, shared):
    door, reports = lent(shared)
    small = listen(door=door, max_calls=1)
    first = FreeSwitch(small).begin()
    wait_for(lambda: not small.accepting)
    other = listen(door=lent(shared)[0])
    second = FreeSwitch(small).begin()
    assert (1, 1, 0, [True]) == (small.calls, other.calls, small.refused, reports)
    first.sock.close()
    listen.leave.set()
    assert ["exit"] == second.end()
    wait_for(lambda: small.accepting)
    assert [True, False] == reports


def test_a_shared_socket_is_closed_when_all_are_full_and_comes_back(listen, shared):
    door, reports = lent(shared)
    listener = listen(door=door, max_calls=1)
    address = listener.address
    first = FreeSwitch(listener).begin()
    wait_for(lambda: reports == [True])
    late = FreeSwitch(listener)  # the kernel has accepted it
    turn_away(shared)
    shared.close()  # the keeper's
    door.take_away()
    assert ["exit"] == late.begin().end()
    wait_for(lambda: closed(listener))
    with pytest.raises(ConnectionRefusedError):
        FreeSwitch(listener)
    listen.leave.set()
    assert ["exit"] == first.end()
    wait_for(lambda: reports == [True, False])
    assert not listener.accepting
    with bound(address, 16) as again:
        door.bring(again.dup())
        door.bring(again.dup())
        assert listener.accepting
        assert ["exit"] == FreeSwitch(listener).begin().end()


def test_a_shared_socket_that_comes_back_to_a_full_worker(listen, shared):
    door, reports = lent(shared)
    listener = listen(door=door, max_calls=1)
    call = FreeSwitch(listener).begin()
    wait_for(lambda: reports == [True])
    again = shared.dup()
    door.take_away()
    door.bring(again)
    assert not listener.accepting
    call.sock.close()
    listen.leave.set()
    wait_for(lambda: listener.accepting)


def test_more_calls_a_second_than_allowed_close_the_socket_for_a_while(listen):
    listener = listen(calls_per_second=4.0)
    with capture() as log:
        calls = [FreeSwitch(listener).begin() for _ in range(3)]
        assert listener.accepting
        calls += backlog(listener, 2)
        assert "connect" == calls[3].heard()
        wait_for(lambda: not listener.accepting)
        assert ["exit"] == calls[4].begin().end()
        assert (4, 1) == (listener.accepted, listener.refused)
        wait_for(lambda: listener.accepting)
    assert "the limit of calls a second is reached: not listening" in str(log)
    for call in calls[:4]:
        call.sock.close()


def test_one_address_may_not_have_all_connections(listen, monkeypatch):
    monkeypatch.setattr(listener_module, "REFUSALS", 2)
    told = []
    listener = listen(
        max_per_peer=2, let_go=lambda session, stopping: told.append(session.channel.uuid)
    )
    calls = [FreeSwitch(listener).begin() for _ in range(2)]
    with capture() as log:
        more = [FreeSwitch(listener, f"more-{n}") for n in range(3)]
        wait_for(lambda: listener.refused == 3)
        assert [["exit"]] * 3 == [call.begin().end() for call in more]
    lines = [line for line in log if line["event"].startswith("one address")]
    assert [2] == [line["connections"] for line in lines], "a flood does not fill the log"
    assert (2, 3) == (listener.accepted, listener.refused)
    assert ["more-0", "more-1"] == sorted(told), "and gets no work done for it"
    calls[0].sock.close()
    listen.leave.set()
    wait_for(lambda: listener.calls <= 1)
    assert ["exit"] == FreeSwitch(listener).begin().end()
    assert ["exit"] == calls[1].end()


@contextmanager
def no_descriptors_left():
    """The process has used up its file descriptors; gives those that are held, to close one and have one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir() if path.exists())
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield held
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("back", ["after a call", "after a while"])
def test_running_out_of_file_descriptors(listen, monkeypatch, back):
    monkeypatch.setattr(module, "RETRY", LONG if back == "after a call" else 0.05)
    listener = listen()
    old = FreeSwitch(listener, "old").begin()
    wait_for(lambda: listener.calls == 1)
    waiting = backlog(listener, 3)
    with capture() as log:
        with no_descriptors_left():
            # No descriptor for those who wait: told all the same, with the spare one.
            assert {("connect", "exit")} == {(call.heard(), call.heard()) for call in waiting}
            assert 1 == listener.calls, "those in progress go on"
        if back == "after a call":
            assert not listener.accepting
            listen.leave.set()
        wait_for(lambda: listener.accepting)
    assert 1 == [line["event"] for line in log].count("out of file descriptors: not listening")
    assert 3 == listener.refused
    new = FreeSwitch(listener, "new").begin()
    listen.leave.set()
    assert [["exit"], ["exit"]] == [old.end(), new.end()]
    assert [[], [], []] == [call.end() for call in waiting]


def test_running_out_of_file_descriptors_at_the_limit(listen):
    listener = listen(max_calls=1)
    first, *others = backlog(listener, 3)
    with no_descriptors_left() as held:
        os.close(held.pop())  # one for the first call
        assert {("connect", "exit")} == {(call.heard(), call.heard()) for call in others}
        assert "connect" == first.heard()
    assert (1, 2, 1) == (listener.accepted, listener.refused, listener.calls)
    first.sock.close()
    wait_for(lambda: listener.accepting)
    for call in others:
        call.sock.close()


def test_who_cannot_even_be_taken_waits_and_is_not_reset(listen, shared, monkeypatch):
    """Other threads have taken the very last descriptors."""
    monkeypatch.setattr(module, "reserve", nullcontext)
    door, reports = lent(shared)
    listener = listen(door=door)
    waiting = backlog(listener, 3)
    with no_descriptors_left() as held:
        wait_for(lambda: reports == [True])
        door.take_away()
        assert 0 == listener.refused
        os.close(held.pop())
        ends = [gevent.spawn(lambda call=call: call.begin().end()) for call in waiting]
        assert [["exit"]] * 3 == [each.get() for each in ends]
    wait_for(lambda: closed(listener))
    assert (0, 3) == (listener.accepted, listener.refused)


def test_some_descriptors_are_kept_back_for_that(listen):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    listener = listen()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert before == (soft + RESERVE, hard)
    with reserve():
        assert before == resource.getrlimit(resource.RLIMIT_NOFILE)
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
    listener.close()
    assert before == resource.getrlimit(resource.RLIMIT_NOFILE)


@pytest.mark.parametrize("ends", ["closed", "welcome"])
def test_what_would_begin_at_a_socket_that_is_just_closed_does_not_begin(shared, ends):
    turn_away(shared)
    with socket.socket() as late:
        late.setblocking(False)
        assert errno.EINPROGRESS == late.connect_ex(shared.getsockname())
        with pytest.raises(BlockingIOError):
            shared.accept()
        if ends == "closed":
            shared.close()  # it would have been reset, with a call that FreeSWITCH takes for answered
        else:
            welcome(shared)
        with gevent.Timeout(LONG):  # the kernel tries again after a second
            wait_write(late.fileno())
        error = late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    assert (errno.ECONNREFUSED if ends == "closed" else 0) == error


# --- who may, and the stop --------------------------------------------------------------------------------------------


def test_only_allowed_networks_may_connect(listen):
    closed = listen(allow=["10.0.0.0/8", "::1/128"])
    with capture() as log:
        for _ in range(3):
            stranger = FreeSwitch(closed)
            assert stranger.heard() is None
            stranger.sock.close()
    assert (3, 0) == (closed.rejected, closed.accepted)
    said = [line["event"] for line in log if line["part"] == "server.listener"]
    assert ["a connection was closed: its address is not allowed"] == said, "a flood fills no log"
    opened = listen(allow=["10.0.0.0/8", "127.0.0.0/8"])
    call = FreeSwitch(opened).begin()
    listen.leave.set()
    assert ["exit"] == call.end()
    with pytest.raises(ValueError, match="nonsense"):
        Listener(OwnDoor(("127.0.0.1", 0)), print, allow=["nonsense"])


def test_addresses_of_both_kinds():
    listener = Listener(OwnDoor(("127.0.0.1", 0)), print, allow=["10.0.0.0/8", "fe80::/10"])
    assert [True, True, True, False, False] == [
        listener._allowed(host)
        for host in ("10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", "::1", "11.0.0.1")
    ]


def test_a_stop_waits_for_calls_and_cuts_off_the_rest(listen):
    quick = Signal()
    endings = []

    def handle(session):
        try:
            (quick if session.channel.uuid == "quick" else Signal()).wait(LONG)
            endings.append(session.channel.uuid)
        except gevent.GreenletExit:
            endings.append("killed")
            raise

    listener = listen(handle)
    calls = [FreeSwitch(listener, uuid).begin() for uuid in ("quick", "slow")]
    wait_for(lambda: listener.calls == 2)
    gevent.spawn_later(0.01, quick.set)
    with capture() as log:
        assert 1 == listener.stop(drain=0.2)
    assert ["quick", "killed"] == endings
    assert "calls were cut off at the stop" in str(log)
    assert [["exit"], ["exit"]] == [call.end() for call in calls]
    with pytest.raises(ConnectionRefusedError):
        FreeSwitch(listener)
    assert 0 == listener.stop()


def test_calls_in_the_backlog_are_served_by_a_server_that_drains(listen):
    listener = listen(max_calls=1)
    calls = backlog(listener, 2)
    listener.close(serve_waiting=True)
    assert not listener.accepting
    assert 2 == listener.calls
    listen.leave.set()
    assert [["exit"], ["exit"]] == [call.begin().end() for call in calls]


def test_calls_in_the_backlog_at_the_stop_are_told_connect(listen):
    told = []
    listener = listen(let_go=lambda session, stopping: told.append(stopping))
    (waiting,) = backlog(listener, 1)
    listener.close()
    assert not listener.accepting
    assert ["exit"] == waiting.begin().end()
    assert 1 == listener.refused
    assert [True] == told


def test_an_address_in_use_is_an_error_at_the_start(listen):
    listener = listen()
    second = Listener(OwnDoor(listener.address), print)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.close()


def test_a_greenlet_killed_before_it_began_leaves_no_descriptor(listen):
    listener = listen()
    (call,) = backlog(listener, 1)
    listener._door._acceptable()
    assert 1 == listener.calls
    gevent.killall(list(listener._calls))
    wait_for(lambda: listener.calls == 0)
    assert call.heard() is None
    call.sock.close()


def test_a_link_is_over_for_the_handler_after_the_stop(listen):
    sessions = []
    listener = listen(lambda session: sessions.append(session) or listen.leave.wait(LONG))
    call = FreeSwitch(listener).begin()
    wait_for(lambda: sessions)
    listener.stop()
    with pytest.raises(LinkClosed):
        sessions[0].request(commands.api("status"))
    assert ["exit"] == call.end()

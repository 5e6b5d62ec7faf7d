"""What fails around a server while it answers calls: its database, its disk, its clock. Callers notice nothing."""

import os
import signal
import textwrap
from pathlib import Path

import gevent
import gevent.pool
import gevent.socket
import pytest
from database import postgres
from mounts import disk
from server_peers import call, finished, wait_for, write_flows

from fsflows.archive.search import Search
from fsflows.archive.store import RecordStore
from fsflows.database import Database

pytestmark = pytest.mark.process

FLOWS = {
    "ask.yaml": textwrap.dedent("""
        steps:
          ask: {prompt: Which?, dtmf: {num_digits: 1, first_digit_timeout: 30}, asr: false, next: {hangup: true}}
    """),
    "opt_out.yaml": textwrap.dedent("""
        recording: true
        steps:
          ask:
            prompt: To opt out, press 1.
            dtmf: {num_digits: 1, first_digit_timeout: 30}
            on: {1: {discard_recording: true, say: Thank you., hangup: true}, otherwise: {hangup: true}}
    """),
}
FALLBACK = [("hangup", "USER_BUSY")]


def heard(result):
    return [sound.what for sound in result.transcript.heard]


def asked(running, text="Which?"):
    try:
        wait_for(lambda: running.channel and text in heard(running.channel))
    except AssertionError:
        pytest.fail(f"{text!r} was not heard, but {running.channel and heard(running.channel)}")
    return running


def audio(base):
    return [path for path in base.rglob("*.wav") if path.is_file()]


# --- the database -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster():
    with postgres.running() as made:
        yield made


def two_workers(run, tmp_path, cluster):
    write_flows(tmp_path / "flows", FLOWS)
    data = tmp_path / "data"
    for name in ("staging", "recordings"):
        (data / name).mkdir(parents=True)
    return run(
        "--flows",
        "flows",
        server__listen="127.0.0.1:0",
        server__workers=2,
        recordings__sweep_seconds=0.5,
        recordings__staging=data / "staging",
        recordings__published=data / "recordings",
        database__url=cluster.url,
        database__spool=data / "spool",
    )


def test_a_database_that_goes_away_and_comes_back(run, tmp_path, cluster):
    process, data = two_workers(run, tmp_path, cluster), tmp_path / "data"
    address = process.address
    before = asked(call(address, "ask", then=FALLBACK))
    opting_out = asked(call(address, "opt_out", then=FALLBACK), "To opt out, press 1.")
    process.said("recording")
    cluster.stop()
    for each in (before, opting_out):
        each.press("1")
    meanwhile = [asked(call(address, "ask", then=FALLBACK)) for _ in range(10)]
    for each in meanwhile:
        each.press("2")
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in [before, *meanwhile]}
    # Nothing can be written down, so nothing may be promised: but the audio is gone all the same.
    finished(opting_out)
    assert [] == audio(data)
    cluster.start()
    database = Database(cluster.url)
    try:
        store = RecordStore(database)
        wait_for(lambda: len(_all(store)) == 12)
        wait_for(lambda: _state(store, opting_out) == "discarded")
    finally:
        database.close()
    assert [] == audio(tmp_path / "data")
    after = asked(call(address, "ask", then=FALLBACK))
    after.press("3")
    assert "NORMAL_CLEARING" == finished(after).cause


def test_workers_that_die_while_the_database_is_away_come_back(run, tmp_path, cluster):
    process = two_workers(run, tmp_path, cluster)
    address = process.address
    for number in range(3):
        process.said("serving", worker=number)
    cluster.stop()
    children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children")
    old = set(children.read_text().split())
    for pid in old:
        os.kill(int(pid), signal.SIGKILL)  # those that take calls, and the office

    def served():
        made = call(address, "ask", "hear Which / press 1", then=FALLBACK)
        return "NORMAL_CLEARING" == finished(made).cause

    wait_for(lambda: len(set(children.read_text().split()) - old) == len(old))
    wait_for(served)
    cluster.start()
    database = Database(cluster.url)
    try:
        wait_for(lambda: _all(RecordStore(database)))
    finally:
        database.close()


def _all(store):
    try:
        return list(store.each(Search()))
    except Exception:  # it is just starting, or has no tables yet
        return []


def _state(store, running):
    return next(
        (str(each.recording.state) for each in _all(store) if each.call_id == running.channel.uuid),
        None,
    )


# --- the disk -----------------------------------------------------------------------------------------------------------


def test_a_full_disk(run, tmp_path):
    write_flows(tmp_path / "flows", FLOWS)
    with disk(tmp_path / "data", "4m") as data:
        process = run(
            "--flows",
            "flows",
            "--data",
            "data",
            server__listen="127.0.0.1:0",
            recordings__sweep_seconds=0.5,
        )
        address = process.address
        first = asked(call(address, "opt_out", then=FALLBACK), "To opt out, press 1.")
        process.said("recording")
        data.fill()
        first.press("1")
        finished(first)
        assert [] == audio(data.path), "deleting needs no room"
        calls = [asked(call(address, "ask", then=FALLBACK)) for _ in range(20)]
        for each in calls:
            each.press("2")
        assert {"NORMAL_CLEARING"} == {finished(each).cause for each in calls}
        data.empty()
        database = Database(f"sqlite:///{data.path}/fsflows.db")
        try:
            store = RecordStore(database)
            wait_for(lambda: len(_all(store)) == 21)
            wait_for(lambda: _state(store, first) == "discarded")
        finally:
            database.close()
        process.signal(signal.SIGTERM)
        assert 0 == process.ended()


# --- file descriptors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_burst_that_there_are_no_descriptors_for(run, tmp_path, workers):
    """Each is told `connect` (and the call goes on, in the flow or in the dialplan), or refused: none is reset."""
    write_flows(tmp_path / "flows", FLOWS)
    process = run(
        *("--flows", "flows", "--data", "data"),
        files=56,
        server__listen="127.0.0.1:0",
        server__workers=workers,
    )
    wait_for(lambda: sum(line["event"] == "serving" for line in process.log) >= workers)
    address = process.address
    open_ = []

    def outcome(_number):
        try:
            sock = gevent.socket.create_connection(address)
        except ConnectionRefusedError:
            return "refused"
        open_.append(sock)
        try:
            return "told" if sock.recv(4096).startswith(b"connect") else "closed without a word"
        except ConnectionResetError:
            return "reset"

    try:
        for _ in range(3):
            burst = gevent.pool.Pool(80)
            assert {"refused", "told"} >= set(burst.imap_unordered(outcome, range(80)))
            for sock in open_:
                sock.close()
            wait_for(lambda: not refused(address))
    finally:
        for sock in open_:
            sock.close()
    process.said("out of file descriptors: not listening")


def refused(address):
    try:
        gevent.socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


# --- the clock ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """`steps(seconds)`: from now on the wall clock of processes started in the test is off by so much."""
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        if os.environ.get("CI"):
            pytest.fail("this test needs Debian's package faketime")
        pytest.skip("this test needs libfaketime (Debian's package faketime)")
    shift = tmp_path / "shift"

    def step(seconds):
        written = tmp_path / "shift.new"
        written.write_text(f"{seconds:+d}s\n")
        written.replace(shift)

    step(0)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(shift))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    return step


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_a_step_of_the_clock(run, tmp_path, steps, seconds):
    """Timers go on, no call is given up, no recording of a running call is published under it."""
    write_flows(tmp_path / "flows", FLOWS)
    process = run(
        "--flows",
        "flows",
        "--data",
        "data",
        server__listen="127.0.0.1:0",
        server__workers=2,
        recordings__sweep_seconds=0.3,
    )
    address = process.address
    calls = [asked(call(address, "ask", then=FALLBACK)) for _ in range(5)]
    recorded = asked(call(address, "opt_out", then=FALLBACK), "To opt out, press 1.")
    process.said("recording")
    steps(seconds)
    gevent.sleep(1.5)  # several sweeps, and heartbeats, on the new time
    assert all(each.wait(0) is None for each in [*calls, recorded])
    assert [] == audio(tmp_path / "data" / "recordings"), "published while it is recorded"
    for each in calls:
        each.press("4")
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in calls}
    recorded.press("1")
    finished(recorded)
    assert [] == audio(tmp_path / "data")
    assert not [
        line for line in process.log if line["event"] == "a worker ended; it is started again"
    ]
    database = Database(f"sqlite:///{tmp_path}/data/fsflows.db")
    try:
        store = RecordStore(database)
        wait_for(lambda: len(_all(store)) == 6)
        wait_for(lambda: _state(store, recorded) == "discarded")
        for record in _all(store):
            assert 0 < record.seconds < 60, "how long a call took is not a matter of the wall clock"
    finally:
        database.close()

"""Several workers behind one socket, as processes: what one of them suffers, no call of another notices."""

import json
import os
import re
import signal
import urllib.request
from contextlib import closing
from pathlib import Path

import gevent
import gevent.socket
import pytest
from server_peers import LONG, Process, call, finished, wait_for, write_flows

pytestmark = pytest.mark.process

FLOWS = {
    "ask.yaml": """
        apology: We have to stop here.
        steps:
          ask: {prompt: Which?, dtmf: {num_digits: 1, first_digit_timeout: 30}, asr: false, next: {hangup: true}}
    """,
    "short.yaml": """
        steps:
          only: {prompt: Hello., next: {hangup: true}}
    """,
}
FALLBACK = [("hangup", "USER_BUSY")]
"""What the dialplan does behind the socket action: told apart from a flow's own end."""


@pytest.fixture
def up(run, tmp_path):
    """`up(**settings)`: a server of two workers (or as the settings say), with a console."""

    def start(flows=FLOWS, *, data="data", **settings):
        write_flows(tmp_path / "flows", flows)
        settings.setdefault("server__listen", "127.0.0.1:0")
        settings.setdefault("console__listen", "127.0.0.1:0")
        settings.setdefault("server__workers", 2)
        return run("--flows", "flows", "--data", data, **settings)

    return start


def serving(process, workers=2):
    """The address, when all workers serve."""
    wait_for(lambda: len([line for line in process.log if line["event"] == "serving"]) > workers)
    return process.address


def pids(process):
    """Process ids by worker's number, as they are now."""
    return {
        line["worker"]: line["pid"]
        for line in process.log
        if line["event"] == "a worker is started"
    }


def get(process, path):
    """Status and body of a page of the console."""
    url = process.said("console")["address"] + path
    try:
        with urllib.request.urlopen(url, timeout=LONG) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def get_soon(process, path, status):
    """The body, when the page has this status."""
    return wait_for(lambda: (found := get(process, path))[0] == status and found[1])


def worker_of(process, calls):
    """Which worker has which of these calls."""
    wanted = {each.channel.uuid for each in calls}
    found = {
        line["call"]: line["worker"]
        for line in process.log
        if line["event"] == "call" and line["call"] in wanted
    }
    return found if len(found) == len(wanted) else None


def asked(calls):
    wait_for(lambda: all(each.channel and "Which?" in heard(each.channel) for each in calls), 60)


def heard(result):
    return [sound.what for sound in result.transcript.heard]


def test_a_killed_worker_takes_only_its_own_calls_along(up):
    process = up()
    address = serving(process)
    # They answer when they are told to: nothing here depends on how fast the machine is.
    calls = [call(address, "ask", then=FALLBACK) for _ in range(200)]
    asked(calls)
    of = wait_for(lambda: worker_of(process, calls))
    assert {1, 2} == set(of.values()), "both have some"
    wait_for(lambda: "200 calls" in get(process, "/ready")[1])
    os.kill(pids(process)[1], signal.SIGKILL)
    gone = [each for each in calls if of[each.channel.uuid] == 1]
    others = [each for each in calls if of[each.channel.uuid] == 2]
    for each in gone:
        assert "USER_BUSY" == finished(each).cause, "the dialplan goes on"
    line = process.said("a worker ended; it is started again")
    assert (1, "signal 9", len(gone)) == (line["worker"], line["how"], line["calls"])
    for each in others:
        assert each.wait(0) is None, "nobody else's call is touched"
        each.press("7")
    for each in others:
        result = finished(each)
        assert (None, "NORMAL_CLEARING") == (result.failure, result.cause)
    assert len(others) == len(
        [
            line
            for line in process.log
            if line["event"] == "collected" and line["outcome"] == "complete"
        ]
    )
    wait_for(lambda: len([line for line in process.log if line["event"] == "serving"]) > 3)
    after = [call(address, "short", then=FALLBACK) for _ in range(20)]
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in after}


def test_a_worker_that_stands_still_is_ended_and_begun_again(up):
    process = up(server__heartbeat_timeout=5.0)
    address = serving(process)
    old = pids(process)
    os.kill(old[2], signal.SIGSTOP)
    line = process.said("a worker is ended")
    assert (2, "no sign of life for 5 s") == (line["worker"], line["why"])
    process.said("a worker ended; it is started again", worker=2)
    wait_for(lambda: pids(process)[2] != old[2])
    wait_for(lambda: len([line for line in process.log if line["event"] == "serving"]) > 3)
    assert old[1] == pids(process)[1]
    after = [call(address, "short", then=FALLBACK) for _ in range(10)]
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in after}
    assert "started again 1" in get(process, "/status")[1]


def test_a_burst_of_a_thousand_loses_none(up):
    process = up()
    address = serving(process)
    calls = [call(address, "short", then=FALLBACK) for _ in range(1000)]
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in calls}
    took = {line["worker"] for line in process.log if line["event"] == "call over"}
    assert {1, 2} == took


# --- the limit --------------------------------------------------------------------------------------------------------


def test_at_the_limit_FreeSWITCH_goes_to_its_next_host(up, tmp_path, request):
    first = up(server__max_calls=2)
    address = serving(first)
    (tmp_path / "second").mkdir()
    second = Process(
        tmp_path / "second", "--flows", "../flows", "--data", "data", server__listen="127.0.0.1:0"
    )
    request.addfinalizer(second.kill)
    host, port = second.address
    calls = [call(address, "ask", then=FALLBACK) for _ in range(4)]
    asked(calls)
    assert {1: 2, 2: 2} == count(wait_for(lambda: worker_of(first, calls)))
    assert '"full"' in get_soon(first, "/ready", 429)
    late = finished(call(address, "ask", then=FALLBACK))
    assert ("", "USER_BUSY") == (late.reached, late.cause), "the connection is refused"
    both = f"{address[0]}:{address[1]}|{host}"
    elsewhere = finished(call((both, port), "short", then=FALLBACK))
    assert (f"{host}:{port}", "NORMAL_CLEARING") == (elsewhere.reached, elsewhere.cause)
    calls[0].press("1")
    finished(calls[0])
    get_soon(first, "/ready", 200)
    again = call(address, "ask", then=FALLBACK)
    asked([again])
    for each in [*calls[1:], again]:
        each.press("1")
        assert "NORMAL_CLEARING" == finished(each).cause


def count(of):
    found = {}
    for worker in of.values():
        found[worker] = found.get(worker, 0) + 1
    return found


def test_one_address_may_not_have_all_connections_of_all_workers(up):
    process = up(server__max_per_peer=9)
    address = serving(process)
    calls = []
    for _ in range(9):
        calls.append(call(address, "ask", then=FALLBACK))
        asked(calls[-1:])  # one by one: two at once might both be the ninth
    for _ in range(20):
        assert "USER_BUSY" == finished(call(address, "ask", then=FALLBACK)).cause
    process.said("one address has too many connections; more are let go", connections=9)
    wait_for(
        lambda: (
            'fsflows_connections_refused_total{reason="peer_limit"} 20.0'
            in get(process, "/metrics")[1]
        )
    )
    for each in calls:
        assert each.wait(0) is None
        each.press("1")
        assert "NORMAL_CLEARING" == finished(each).cause
    asked([again := call(address, "ask", then=FALLBACK)])
    again.press("1")
    finished(again)


# --- stopping, reloading, replacing -----------------------------------------------------------------------------------


def test_SIGTERM_under_load_cuts_none_and_breaks_no_promise(up):
    process = up(server__drain_timeout=LONG)
    address = serving(process)
    calls = [call(address, "ask", then=FALLBACK) for _ in range(100)]
    coming = True
    more = []

    def keep_calling():
        while coming:
            more.append(call(address, "short", then=FALLBACK))
            gevent.sleep(0.002)

    caller = gevent.spawn(keep_calling)
    asked(calls)
    process.signal(signal.SIGTERM)
    process.said("stopping")
    wait_for(lambda: any((result := each.wait(0)) and not result.reached for each in more))
    coming = False
    caller.join()
    assert '"draining"' in get(process, "/ready")[1]
    for each in calls:
        assert each.wait(0) is None, "not before the limit"
        each.press("3")
    for each in calls:
        assert "NORMAL_CLEARING" == finished(each).cause
    # Each of the others was either never connected, and FreeSWITCH is free to go elsewhere, or served to its end.
    for each in more:
        result = finished(each)
        assert ("NORMAL_CLEARING" if result.reached else "USER_BUSY") == result.cause
    assert 0 == process.ended()
    assert 0 == process.said("stopped")["cut_off"]


def test_SIGHUP_under_load_changes_what_comes_and_nothing_that_runs(up, tmp_path):
    process = up()
    address = serving(process)
    old = [call(address, "ask", then=FALLBACK) for _ in range(30)]
    asked(old)
    write_flows(tmp_path / "flows", {"ask.yaml": FLOWS["ask.yaml"].replace("Which?", "What?")})
    process.signal(signal.SIGHUP)
    wait_for(
        lambda: len([line for line in process.log if line["event"] == "flows loaded again"]) == 3
    )
    new = [call(address, "ask", then=FALLBACK) for _ in range(30)]
    wait_for(lambda: all(each.channel and "What?" in heard(each.channel) for each in new))
    for each in old + new:
        each.press("3")
    assert {"NORMAL_CLEARING"} == {finished(each).cause for each in old + new}
    write_flows(tmp_path / "flows", {"broken.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n"})
    process.signal(signal.SIGHUP)
    text = get_soon(process, "/ready", 503)
    assert "flows" == json.loads(text)["status"]
    assert "broken.yaml:2:" in text
    assert {"NORMAL_CLEARING"} == {finished(call(address, "short")).cause}
    (tmp_path / "flows" / "broken.yaml").unlink()
    process.signal(signal.SIGHUP)
    get_soon(process, "/ready", 200)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_started_again_has_the_flows_in_force(up, tmp_path, workers):
    hello = FLOWS["short.yaml"].replace("Hello.", "One.")
    code = "def start_function(conv):\n    return {'utterance': 'Old.'}\n"
    process = up({"short.yaml": hello, "short.py": code}, server__workers=workers)
    address = serving(process, 0 if workers == 1 else workers)

    def says():
        return heard(finished(call(address, "short", then=FALLBACK)))

    def kill_all_that_take_calls():
        before = len([line for line in process.log if line["event"] == "serving"])
        children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text()
        office = pids(process).get(0)
        killed = [int(pid) for pid in children.split() if int(pid) != office]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for(
            lambda: (
                len([line for line in process.log if line["event"] == "serving"])
                == before + len(killed)
            )
        )

    assert ["Old.", "One."] == says()
    write_flows(tmp_path / "flows", {"short.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n"})
    write_flows(tmp_path / "flows", {"short.py": "def start_function(conv:\n"})
    kill_all_that_take_calls()
    assert ["Old.", "One."] == says()
    process.signal(signal.SIGHUP)
    process.said("flows not loaded; the old ones stay")
    get_soon(process, "/ready", 503)
    kill_all_that_take_calls()
    assert ["Old.", "One."] == says()
    assert '"flows"' in get_soon(process, "/ready", 503), "nobody has mended them"
    write_flows(tmp_path / "flows", {"short.yaml": hello.replace("One", "Two"), "short.py": code})
    process.signal(signal.SIGHUP)
    get_soon(process, "/ready", 200)
    (tmp_path / "flows" / "short.yaml").unlink()
    kill_all_that_take_calls()
    assert ["Old.", "Two."] == says()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_version_serves_while_the_old_one_drains(up, tmp_path, workers):
    process = up(server__workers=workers, server__drain_timeout=LONG)
    address = serving(process, workers - 1 if workers == 1 else workers)
    old = call(address, "ask", then=FALLBACK)
    asked([old])
    write_flows(tmp_path / "flows", {"ask.yaml": FLOWS["ask.yaml"].replace("Which?", "What?")})
    process.signal(signal.SIGUSR2)
    pid = process.said("a successor is started; it takes over when it serves")["pid"]
    try:
        process.said("stopping", signal="SIGTERM")
        calls = [old]
        while not _hears(calls[-1], "What?"):
            # Whoever comes just before the old one has closed its door is its caller.
            assert len(calls) < 100
            calls.append(call(address, "ask", then=FALLBACK))
            wait_for(lambda: _hears(calls[-1], "What?") or _hears(calls[-1], "Which?"))
        assert get_soon(process, "/ready", 200), "the new one answers at the console's address"
        for each in calls:
            assert each.wait(0) is None
            each.press("1")
            assert "NORMAL_CLEARING" == finished(each).cause
        assert 0 == process.ended()
        assert "NORMAL_CLEARING" == finished(call(address, "short", then=FALLBACK)).cause
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or _zombie(pid))


def _hears(running, text):
    return running.channel and text in heard(running.channel)


def test_a_stop_by_systemd_lets_both_versions_drain(up):
    """KillMode=control-group: SIGTERM to each process, and once more when the main one has ended."""
    process = up(server__workers=2, server__drain_timeout=LONG)
    address = serving(process)
    old = call(address, "ask", then=FALLBACK)
    asked([old])
    process.signal(signal.SIGUSR2)
    pid = process.said("a successor is started; it takes over when it serves")["pid"]
    process.said("stopping", signal="SIGTERM")
    new = call(address, "ask", then=FALLBACK)
    asked([new])
    os.killpg(process.popen.pid, signal.SIGTERM)
    wait_for(lambda: len([line for line in process.log if line["event"] == "stopping"]) == 2)
    for each in (old, new):
        assert each.wait(0) is None
    new.press("1")
    assert "NORMAL_CLEARING" == finished(new).cause
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or _zombie(pid))
    os.killpg(process.popen.pid, signal.SIGTERM)
    assert old.wait(0) is None, "the old one has its own time"
    old.press("1")
    assert "NORMAL_CLEARING" == finished(old).cause
    assert 0 == process.ended()
    assert [0, 0] == [line["cut_off"] for line in process.log if line["event"] == "stopped"]


def _zombie(pid):
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True  # gone since it was looked for


def test_a_new_version_that_is_asked_for_during_the_start_comes_behind_it(up):
    process = up()
    wait_for(lambda: pids(process))
    process.signal(signal.SIGUSR2)
    pid = process.said("a successor is started; it takes over when it serves")["pid"]
    try:
        assert 0 == process.ended()
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or _zombie(pid))


def test_a_successor_that_cannot_start_leaves_everything_as_it_was(up, tmp_path):
    process = up()
    address = serving(process)
    write_flows(tmp_path / "flows", {"broken.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n"})
    process.signal(signal.SIGUSR2)
    process.said("a successor is started; it takes over when it serves")
    assert 1 == process.said("the successor has ended; this server goes on")["status"]
    assert "broken.yaml:2:" in process.output
    assert "NORMAL_CLEARING" == finished(call(address, "short", then=FALLBACK)).cause
    process.signal(signal.SIGTERM)
    assert 0 == process.ended()


def test_workers_without_a_parent_end_their_calls_and_themselves(up):
    process = up(server__drain_timeout=LONG)
    address = serving(process)
    running = call(address, "ask", then=FALLBACK)
    asked([running])
    process.popen.kill()
    wait_for(lambda: "the parent process is gone" in process.output)
    running.press("5")
    assert "NORMAL_CLEARING" == finished(running).cause
    wait_for(lambda: all(not Path(f"/proc/{pid}").exists() for pid in pids(process).values()))


def test_a_crash_at_each_start_ends_the_server_with_a_message(up):
    process = up(
        {
            "crash.yaml": FLOWS["short.yaml"],
            "crash.py": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
        }
    )
    assert 1 == process.ended()
    assert "a worker ended with signal 11 at each of 3 starts: giving up" in process.output


def test_broken_flows_are_said_once(up):
    process = up({"broken.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n"})
    assert 1 == process.ended()
    assert 1 == process.output.count("got 40")


# --- one server to those who look ---------------------------------------------------------------------------------------


def test_console_and_metrics_show_all_workers_as_one(up):
    process = up()
    address = serving(process)
    for each in [call(address, "short", then=FALLBACK) for _ in range(12)]:
        finished(each)
    calls = []
    while {1, 2} != set((worker_of(process, calls) or {}).values()):
        assert len(calls) < 300, "one worker gets them all"
        calls += [call(address, "ask", then=FALLBACK) for _ in range(5)]
        asked(calls)
        wait_for(lambda calls=calls: worker_of(process, calls))
    page = get_soon(process, "/calls", 200)
    assert len(calls) == len(set(re.findall(r'href="/calls/([^"]+)"', page)))
    one = re.search(r'href="(/calls/[^"]+)"', page)[1]
    assert "Which?" in get(process, one)[1]

    def metrics_agree():
        text = get(process, "/metrics")[1]
        return (
            f'fsflows_calls_active{{flow="ask"}} {len(calls)}.0' in text
            and 'fsflows_calls_total{flow="short",reason="flow_ended",result="completed"} 12.0'
            in text
        )

    wait_for(metrics_agree)
    os.kill(pids(process)[1], signal.SIGKILL)
    left = len([worker for worker in worker_of(process, calls).values() if worker == 2])
    wait_for(lambda: f'fsflows_calls_active{{flow="ask"}} {left}.0' in get(process, "/metrics")[1])
    assert "fsflows_calls_total" in get(process, "/metrics")[1]
    for each in calls:
        each.press("1")
        finished(each)
    status = wait_for(lambda: "Worker 2" in (text := get(process, "/status")[1]) and text)
    assert "Office" in status


class Systemd:
    """Hears what `up` tells systemd, from its start on. `watchdog`: seconds.

    It reads all the time: the kernel keeps but a few datagrams, and who tells more waits, then gives up.
    """

    def __init__(self, directory, watchdog=0.8):
        path = str(directory / "notify.sock")
        self._socket = gevent.socket.socket(gevent.socket.AF_UNIX, gevent.socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._lines = []
        self._environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(int(watchdog * 1e6))}
        self._reader = gevent.spawn(self._read)

    def _read(self):
        while True:
            self._lines += self._socket.recv(4096).decode().splitlines()

    def start(self, up):
        os.environ.update(self._environment)
        try:
            return up()
        finally:
            for name in self._environment:
                del os.environ[name]

    def hear(self, line):
        """Wait for it; what came before it is forgotten."""
        wait_for(lambda: line in self._lines)
        del self._lines[: self._lines.index(line) + 1]

    def close(self):
        self._reader.kill()
        self._socket.close()


@pytest.fixture
def systemd(tmp_path):
    with closing(Systemd(tmp_path)) as made:
        yield made


def test_systemd_is_told(up, systemd):
    process = systemd.start(up)
    systemd.hear("READY=1")
    assert 3 == len([line for line in process.log if line["event"] == "serving"])
    systemd.hear("WATCHDOG=1")
    process.signal(signal.SIGHUP)
    systemd.hear("RELOADING=1")
    systemd.hear("READY=1")
    process.signal(signal.SIGTERM)
    systemd.hear("STOPPING=1")
    assert 0 == process.ended()


def test_who_drains_is_looked_after_again_when_his_successor_dies(up, systemd):
    process = systemd.start(up)
    address = serving(process)
    running = call(address, "ask", then=FALLBACK)
    asked([running])
    process.signal(signal.SIGUSR2)
    pid = process.said("a successor is started; it takes over when it serves")["pid"]
    process.said("stopping", signal="SIGTERM")
    systemd.hear(f"MAINPID={pid}")
    os.kill(pid, signal.SIGKILL)
    systemd.hear(f"MAINPID={process.popen.pid}")
    systemd.hear("STATUS=1 call, stopping")
    systemd.hear("WATCHDOG=1")
    assert -9 == process.said("the successor has ended; nobody listens any more")["status"]
    assert running.wait(0) is None
    running.press("1")
    assert "NORMAL_CLEARING" == finished(running).cause
    assert 0 == process.ended()

"""`fsflows serve` as a process: what it says when it can't start, and what signals do to it."""

import dataclasses
import signal
import socket
import textwrap
import time
from pathlib import Path

import pytest
import yaml
from server_peers import LONG, call, finished, wait_for, write_flows

from fsflows import settings as config
from fsflows.archive.store import RecordStore
from fsflows.database import Database
from fsflows.settings.shown import as_yaml

pytestmark = pytest.mark.process

ASK = """
    apology: We have to stop here.
    steps:
      ask: {prompt: Which?, dtmf: {num_digits: 1, first_digit_timeout: 20}, asr: false, next: {hangup: true}}
"""
SHORT = """
    steps:
      only: {prompt: Hello., next: {hangup: true}}
"""


@pytest.fixture
def up(run, tmp_path):
    """`up(flows, **settings)`: a process that serves them."""

    def start(flows, *arguments, **settings):
        write_flows(tmp_path / "flows", flows)
        settings.setdefault("server__listen", "127.0.0.1:0")
        return run("--flows", "flows", "--data", "data", *arguments, **settings)

    return start


def refused(address):
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


def not_let_in(address):
    with socket.create_connection(address, timeout=LONG) as stranger:
        return b"" == stranger.recv(100)


def heard(result):
    return [sound.what for sound in result.transcript.heard]


# --- a start that fails -----------------------------------------------------------------------------------------------


def test_settings_that_make_no_sense_are_all_named(run, tmp_path):
    (tmp_path / "fsflows.yaml").write_text("servre: {}\nserver: {listen: 5, max_calls: many}\n")
    process = run("--config", "fsflows.yaml")
    assert 2 == process.ended()
    assert "unknown setting 'servre'; did you mean 'server'?" in process.output
    assert "max_calls: must be a whole number, got 'many'" in process.output


def test_settings_that_cannot_be_used_are_all_named(run):
    process = run(
        server__listen="nowhere",
        server__allow="[10.0.0.0/8, office]",
        database__url="mysql://x",
        recordings__staging="here",
        console__listen="0.0.0.0:8085",
        console__token="short",
        console__users="[ada]",
        console__proxies="[there]",
        records__webhook_url="ftp://here",
        records__webhook_secret="short",
        freeswitch__addresses="fs",
        log__level="loud",
        log__format="xml",
    )
    assert 2 == process.ended()
    lines = process.output.splitlines()
    assert [
        "server.listen",
        "server.allow",
        "log.level",
        "console.token must have 16 characters or more (openssl rand -hex 24 makes one)",
        "console.users",
        "console.proxies",
        "records.webhook_url must begin with http",
        "records.webhook_secret must have 16 characters or more (openssl rand -hex 32 makes one)",
        "freeswitch.addresses",
        "database.url",
        "recordings.staging",
        "log.format",
    ] == [line.partition(":")[0] for line in lines]
    assert "log.level: must be one of debug, info, warning, error, critical, got 'loud'" in lines


def test_an_unknown_default_flow(up):
    process = up({"short.yaml": SHORT}, "--default-flow", "long")
    assert 2 == process.ended()
    assert "flows.default is 'long', which is no flow; there are: short\n" == process.output


def test_every_problem_of_every_flow_is_printed(up):
    process = up(
        {
            "one.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n",
            "two.yaml": "steps:\n  a: {next: nowhere}\n  b: {promt: x}\n",
        }
    )
    assert 1 == process.ended()
    assert "flows/one.yaml:2:" in process.output
    assert "flows/two.yaml:2:" in process.output
    assert "flows/two.yaml:3:" in process.output
    assert "Traceback" not in process.output


def test_missing_directories_say_what_to_do(run, tmp_path):
    write_flows(tmp_path / "flows", {"short.yaml": SHORT})
    nowhere = tmp_path / "no where"
    process = run(
        server__listen="127.0.0.1:0",
        database__url=f"sqlite:///{nowhere}/fsflows.db",
        database__spool=tmp_path / "spool",
        recordings__staging=tmp_path / "staging",
        recordings__published=tmp_path / "published",
    )
    assert 1 == process.ended()
    assert [
        f"database.url: there is no directory {nowhere}",
        f"recordings.published: there is no directory {tmp_path}/published",
        f"make what is missing, for the user who serves: mkdir -p '{nowhere}' {tmp_path}/published",
        "to try things out, keep everything in one directory: --data DIR",
    ] == process.output.splitlines()


@pytest.mark.parametrize("setting", ["server__listen", "console__listen"])
def test_an_address_in_use_is_one_clear_line(up, setting):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "{}:{}".format(*other.getsockname())
        process = up({"short.yaml": SHORT}, **{setting: address})
        assert 1 == process.ended()
    [line] = [line for line in process.output.splitlines() if not line.startswith("{")]
    name = setting.replace("__", ".")
    assert (
        f"{name}: can't listen on {address}: Address already in use; another program (or fsflows) has it"
        == line
    )
    assert "Traceback" not in process.output


def test_the_printed_settings_are_the_settings(run, tmp_path):
    process = run("--print-config", "--data", "data", log__level="debug")
    assert 0 == process.ended()
    printed = tmp_path / "printed.yaml"
    printed.write_text(process.output)
    assert "debug" == yaml.safe_load(process.output)["log"]["level"]
    again = config.load(printed, {})
    assert str(tmp_path / "data" / "spool") == again.database.spool
    sections = [section.name for section in dataclasses.fields(again)]
    assert sections == list(yaml.safe_load(process.output))
    assert as_yaml(again) == process.output


# --- a life -----------------------------------------------------------------------------------------------------------


def test_a_call_and_a_stop_without_noise(up, tmp_path):
    process = up({"short.yaml": SHORT})
    result = finished(call(process.address, "short"))
    assert ["Hello."] == heard(result)
    process.said("call over")
    process.signal(signal.SIGTERM)
    assert 0 == process.ended()
    assert all(line.startswith("{") for line in process.output.splitlines()), process.output
    assert not [line for line in process.log if line["level"] not in ("info", "debug")]
    assert not [line for line in process.log if line["part"].startswith("alembic")]
    assert (tmp_path / "data" / "fsflows.db").exists()


def test_SIGTERM_lets_a_running_call_finish_and_takes_no_other(up):
    process = up({"ask.yaml": ASK}, server__drain_timeout=LONG)
    address = process.address
    running = call(address, "ask", "hear Which / wait 1 / press 5")
    process.said("call")
    process.signal(signal.SIGTERM)
    process.said("stopping")
    wait_for(lambda: refused(address))
    late = finished(call(address, "ask", then=[("hangup", "USER_BUSY")]))
    assert ("", "USER_BUSY") == (late.reached, late.cause)
    result = finished(running)
    assert result.failure is None
    assert ["Which?"] == heard(result)
    assert 0 == process.ended()
    assert "complete" == process.said("collected")["outcome"]
    assert 0 == process.said("stopped")["cut_off"]


def test_SIGTERM_ends_what_has_not_finished_at_the_limit_with_an_apology(up):
    process = up({"ask.yaml": ASK}, server__drain_timeout=0.5)
    running = call(process.address, "ask", "wait quiet 20")
    wait_for(lambda: running.channel and running.channel.answered)
    began = time.monotonic()
    process.signal(signal.SIGTERM)
    result = finished(running)
    assert time.monotonic() - began >= 0.5
    assert ["Which?", "We have to stop here."] == heard(result)
    assert 0 == process.ended()
    assert "drained" == process.said("call over")["reason"]
    assert 1 == process.said("stopped")["cut_off"]


def test_SIGINT_stops_at_once_and_hurries_a_stop_that_waits(up):
    process = up({"ask.yaml": ASK}, server__drain_timeout=LONG)
    running = call(process.address, "ask", "wait quiet 20")
    wait_for(lambda: running.channel and running.channel.answered)
    process.signal(signal.SIGTERM)
    process.said("stopping")
    process.signal(signal.SIGINT)
    assert "We have to stop here." in heard(finished(running))
    assert 0 == process.ended()


def test_a_second_SIGINT_does_not_wait_for_the_apology(up):
    slow = ASK.replace("We have to stop here.", "We have to stop here. " * 20)
    process = up({"ask.yaml": slow})
    running = call(process.address, "ask", "wait quiet 20", pace=0.1)
    wait_for(lambda: running.channel and running.channel.answered)
    process.signal(signal.SIGINT)
    wait_for(lambda: any("stop here" in sound.what for sound in running.channel.transcript.heard))
    began = time.monotonic()
    process.signal(signal.SIGINT)
    assert 0 == process.ended()
    assert time.monotonic() - began < 5.0, "the apology takes 44 s"
    running.abandon()


def test_a_signal_during_the_start_is_obeyed(up):
    process = up({"short.yaml": SHORT})
    process.said("listening")
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGHUP)
    assert 0 == process.ended()


def test_SIGHUP_reads_the_flows_again(up, tmp_path):
    process = up({"ask.yaml": ASK})
    address = process.address
    running = call(address, "ask", "hear Which / wait 1.5 / press 5")
    process.said("call")
    write_flows(
        tmp_path / "flows", {"short.yaml": SHORT, "ask.yaml": ASK.replace("Which?", "What?")}
    )
    process.signal(signal.SIGHUP)
    assert "ask, short" == process.said("flows loaded again")["flows"]
    assert ["Hello."] == heard(finished(call(address, "short")))
    assert ["What?"] == heard(finished(call(address, "ask", "hear What / press 5")))
    assert ["Which?"] == heard(finished(running)), "a running call keeps its flow"


def test_SIGHUP_with_a_broken_flow_keeps_the_old_ones(up, tmp_path):
    process = up({"short.yaml": SHORT})
    address = process.address
    write_flows(tmp_path / "flows", {"broken.yaml": "steps:\n  a: {dtmf: {num_digits: 40}}\n"})
    process.signal(signal.SIGHUP)
    line = process.said("flows not loaded; the old ones stay")
    assert line["problem"].startswith("flows/broken.yaml:2:")
    assert "got 40" in line["problem"]
    assert ["Hello."] == heard(finished(call(address, "short")))
    (tmp_path / "flows" / "broken.yaml").unlink()
    process.signal(signal.SIGHUP)
    process.said("flows loaded again")


@pytest.mark.parametrize("workers", [1, 2])
def test_SIGHUP_puts_settings_in_force_and_names_those_that_wait(up, tmp_path, workers):
    file = tmp_path / "fsflows.yaml"
    file.write_text("server: {max_calls: 5}\nlog: {level: info}\n")
    file.chmod(0o600)
    process = up({"ask.yaml": ASK}, "--config", "fsflows.yaml", server__workers=workers)
    address = process.address
    process.said("serving")
    file.write_text("server: {max_calls: 9, allow: [10.0.0.0/8]}\nconsole: {secret: new one}\n")
    process.signal(signal.SIGHUP)
    names = process.said("settings changed")["names"]
    assert ["server.allow", "server.max_calls"] == names
    waiting = "settings have changed that need a new start (SIGUSR2 loses no call)"
    assert ["console.secret"] == process.said(waiting)["names"]
    assert "new one" not in process.output
    wait_for(lambda: not_let_in(address))
    file.write_text("server: {max_calls: many, allow: [office]}\n")
    process.signal(signal.SIGHUP)
    problem = process.said("settings not read; the old ones stay")["problem"]
    assert problem == "fsflows.yaml:1:10: server.max_calls: must be a whole number, got 'many'"


# --- a death ----------------------------------------------------------------------------------------------------------


def test_a_call_whose_server_is_killed_has_a_record_after_the_next_start(up, tmp_path):
    flows = {"ask.yaml": "recording: true\n" + textwrap.dedent(ASK)}
    process = up(flows)
    running = call(process.address, "ask", "wait quiet 20")
    wait_for(lambda: running.channel and running.channel.answered)
    uuid = process.said("recording")["call"]
    database = Database(f"sqlite:///{tmp_path}/data/fsflows.db")
    try:
        store = RecordStore(database)
        wait_for(store.owners)  # it is written down that the call has begun
        process.kill()
        finished(running)
        assert [] == store.of_call(uuid)
        process = up(flows)
        [record] = wait_for(lambda: store.of_call(uuid))
        assert ("failed", "server_lost", "ask") == (record.result, record.reason, record.flow)
        assert "present" == record.recording.state, "as the recordings' journal says"
        assert set() == store.owners()
    finally:
        database.close()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_of_the_start(up, workers, number):
    slow = {"slow.yaml": SHORT, "slow.py": "import time\ntime.sleep(1.5)\n"}
    process = up(slow, server__workers=workers)
    wait_for(lambda: children(process.popen.pid))
    began = time.monotonic()
    process.signal(number)
    assert 0 == process.ended()
    assert time.monotonic() - began < 15.0, "it waits for nobody"


def children(pid):
    """Its child processes."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

"""The whole way: `fsflows dial` asks a real server, which asks a simulated FreeSWITCH, which hands the call back."""

import json
import os
import signal
import sys
from dataclasses import replace

import gevent
import pytest
from gevent import subprocess

from fsflows.archive.store import RecordStore
from fsflows.server.worker.service import Service
from fsflows.settings import load
from fsflows.switch import parse_script
from fsflows.switch.core import Callee, Core
from fsflows.switch.inbound import SwitchServer

pytestmark = pytest.mark.process

LONG = 60.0
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def children_are_given_back():
    """gevent's subprocess has its own handler of SIGCHLD, which would take the exit statuses of all later children."""
    yield
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


FLOW = """
language: en-GB
greeting: Hello {name}.
steps:
  ask: {prompt: Press one., dtmf: {num_digits: 1}, asr: false, next: {say: Thank you., hangup: true}}
"""
MAILBOX = "you have reached the mailbox of ada lindqvist please leave a message after the tone"
CALLEES = {
    "1000": Callee(
        answers=0.2, script=parse_script("hear hello Ada\nhear press one\npress 1\n", "person")
    ),
    "1001": Callee(answers=0.2, script=parse_script(f"say {MAILBOX}\nwait 20\n", "machine")),
    "2000": Callee(fails=0.2, cause="USER_BUSY"),
    "2001": Callee(),
    "2002": Callee(rings=None, fails=0.1, cause="CALL_REJECTED"),
    "2004": Callee(rings=None, fails=0.1, cause="GATEWAY_DOWN"),
}
NOBODY = Callee(rings=None, fails=0.1, cause="UNALLOCATED_NUMBER")


class World:
    def __init__(self, base):
        (base / "flows").mkdir()
        (base / "flows" / "survey.yaml").write_text(FLOW)
        for name in ("staging", "recordings"):
            (base / name).mkdir()
        self.switch = SwitchServer(
            Core(dial=lambda string: CALLEES.get(string.rpartition("/")[2], NOBODY))
        )
        self.switch.start()
        settings = load(environ={})
        settings = replace(
            settings,
            server=replace(settings.server, listen="127.0.0.1:0"),
            flows=replace(settings.flows, paths=(str(base / "flows"),)),
            console=replace(settings.console, listen="127.0.0.1:0", token=TOKEN),
            database=replace(
                settings.database, url=f"sqlite:///{base}/fsflows.db", spool=str(base / "spool")
            ),
            recordings=replace(
                settings.recordings,
                staging=str(base / "staging"),
                published=str(base / "recordings"),
            ),
            freeswitch=replace(settings.freeswitch, addresses=(self.switch.address,)),
            dialling=replace(
                settings.dialling, endpoint="sofia/gateway/gw/{number}", calls_per_second=50.0
            ),
        )
        self.service = Service(settings)
        self.service.start(watch=False)
        dialler = self.service.beside.console and self.service.beside._dialler
        host, port = self.service.listener.address
        dialler.plan = replace(dialler.plan, socket=f"{host}:{port}", caller_number="4420")
        assert next(iter(self.service.switches)).wait(self.service.clock.now() + LONG)

    def start(self, *arguments):
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fsflows",
                "dial",
                "--server",
                self.service.beside.console.url,
                *arguments,
            ],
            env={
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith("FSFLOWS_")
                },
                "FSFLOWS_CONSOLE__TOKEN": TOKEN,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def dial(self, *arguments):
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=LONG)
        return process.returncode, out.decode(), errors.decode()

    def calls(self):
        """Calls under way."""
        return list(self.service.beside._dialler._active.values())

    def records(self):
        return list(RecordStore(self.service.database).each())

    def close(self):
        self.service.stop()
        self.switch.stop()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def test_a_person_answers(world):
    status, out, errors = world.dial("1000", "--flow", "survey", "--set", "name=Ada")
    assert (0, "") == (status, errors), out
    said = [line[9:] for line in out.splitlines()]
    for line in ("answered", "in step ask", "over: answered, completed (flow ended)"):
        assert line in said, out
    assert (
        said.index("answered")
        < said.index("in step ask")
        < said.index("over: answered, completed (flow ended)")
    )
    assert "\033" not in out
    (record,) = world.records()
    assert record.id == record.call_id, "the dialler has noted it under that id"
    assert f"fsflows records show {record.id}" in out
    assert ("outbound", "answered", "1000", "4420", "survey") == (
        record.direction, record.outcome, record.callee, record.caller, record.flow,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "outcome", "cause"),
    [
        (["1001", "--machine", "hang_up"], 7, "machine", "NORMAL_CLEARING"),
        (["2000"], 3, "busy", "USER_BUSY"),
        (["2001", "--ring", "1"], 4, "no_answer", "NO_ANSWER"),
        (["2002"], 5, "rejected", "CALL_REJECTED"),
        (["2003"], 6, "unreachable", "UNALLOCATED_NUMBER"),
        (["2004"], 1, "failed", "GATEWAY_DOWN"),
    ],
)
def test_every_outcome_has_a_status_and_a_record(world, arguments, status, outcome, cause):
    found, out, errors = world.dial(*arguments, "--flow", "survey", "--json")
    assert (status, "") == (found, errors), out
    shown = json.loads(out)
    assert ("over", outcome, cause) == (shown["phase"], shown["outcome"], shown["cause"])
    (record,) = world.records()
    assert (shown["record"], shown["id"]) == (record.id, record.call_id)
    assert ("outbound", outcome, arguments[0]) == (record.direction, record.outcome, record.callee)


def test_ctrl_c_hangs_up(world):
    process = world.start("2001", "--flow", "survey")
    with gevent.Timeout(LONG):
        for line in process.stdout:
            if b"ringing" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().decode()
        assert 130 == process.wait()
    assert "over: failed (MANAGER_REQUEST)" in rest
    assert {} == world.switch.calls


def test_a_server_that_does_not_take_the_call(world):
    world.service.listener.close()
    world.service.beside._dialler._gate = lambda: "open"
    status, out, _ = world.dial("1000", "--flow", "survey", "--json")
    shown = json.loads(out)
    assert (1, "failed") == (status, shown["outcome"])
    assert "answered, but our server did not take the call" in shown["cause"]
    (record,) = world.records()
    assert ("failed", "dial_failed") == (record.result, record.reason)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["1000", "--flow", "suvrey"], 1, "there is no flow 'suvrey'; there are: survey"),
        (["ada", "--flow", "survey"], 1, "the number must be digits"),
        (["1000"], 2, "the following arguments are required: --flow"),
        (["--flow", "survey"], 2, "one of the arguments NUMBER --file is required"),
        (["1000", "--file", "x", "--flow", "survey"], 2, "not allowed with argument"),
        (["1000", "--flow", "survey", "--set", "name"], 2, "--set is NAME=VALUE"),
        (
            ["1000", "--flow", "survey", "--ring", "0"],
            1,
            "ring_timeout: must be from 1 to 600 seconds",
        ),
    ],
)
def test_called_wrongly(world, arguments, status, said):
    found, out, errors = world.dial(*arguments)
    assert (status, "") == (found, out)
    assert said in errors
    assert "Traceback" not in errors


def test_a_list_of_numbers(world, tmp_path):
    listed = tmp_path / "numbers.csv"
    listed.write_text("number,name\n1000,Ada\n2000,Bob\nada,Eve\n2003,\n")
    status, out, errors = world.dial("--file", str(listed), "--flow", "survey")
    assert (1, "") == (status, errors)
    lines = out.splitlines()
    assert [
        "1000                  answered      completed",
        "2000                  busy          USER_BUSY",
        "2003                  unreachable   UNALLOCATED_NUMBER",
        "ada                   refused       the number must be digits (and +, *, #), 32 at the most",
    ] == sorted(lines[:-1])
    assert ["1 answered", "1 busy", "1 refused", "1 unreachable"] == sorted(lines[-1].split(", "))
    assert ["answered", "busy", "unreachable"] == sorted(
        record.outcome for record in world.records()
    )
    status, _, errors = world.dial("--file", str(tmp_path / "none.csv"), "--flow", "survey")
    assert (2, True) == (status, "none.csv: No such file or directory" in errors)


def test_a_list_with_a_journal_is_gone_on_with(world, tmp_path):
    listed, journal = tmp_path / "numbers.csv", str(tmp_path / "journal")
    listed.write_text("2000\n2001\n")
    arguments = ["--file", str(listed), "--flow", "survey", "--journal", journal]
    process = world.start(*arguments, "--ring", "600")
    with gevent.Timeout(LONG):
        for line in process.stdout:
            if b"busy" in line:
                break
        while "ringing" not in [a.attempt.phase for a in world.calls()]:
            gevent.sleep(0.01)
        process.kill()
        process.communicate()
    (call,) = world.calls()
    process = world.start(*arguments)
    with gevent.Timeout(LONG):
        world.service.beside._dialler.hang_up(call.attempt.id)
        out, errors = process.communicate()
    assert (1, b"") == (process.returncode, errors)
    assert [
        "2001                  failed        MANAGER_REQUEST",
        "1 called before, 1 failed",
    ] == out.decode().splitlines()
    assert ["2000", "2001"] == sorted(record.callee for record in world.records())
    assert (2, True) == (
        (done := world.dial("2000", "--flow", "survey", "--journal", "x"))[0],
        "--file" in done[2],
    )


def test_no_server(world, tmp_path):
    for url, said in (("http://127.0.0.1:1", "no server answers"), (f"http://{world.switch.address}", "no server answers"), ("nonsense", "--server is a URL")):  # fmt: skip
        done = world.dial("1000", "--flow", "survey", "--server", url)
        assert 1 == done[0]
        assert said in done[2]


def test_the_metrics_count_outcomes(world):
    from fsflows.dialling.metrics import DIALLED

    before = DIALLED.labels("survey", "busy")._value.get()
    world.dial("2000", "--flow", "survey")
    assert 1 == DIALLED.labels("survey", "busy")._value.get() - before

"""A real Prometheus reads a server's metrics while it has calls, and each panel of the dashboard has something to show."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.parse
import urllib.request

import gevent
import pytest
import yaml

from fsflows.switch import Setup, Sounds, parse_script
from fsflows.switch.files import DiskFiles
from fsflows.switch.inbound import SwitchServer
from fsflows.switch.tcp import place_call

from . import dashboard

pytestmark = pytest.mark.process

LONG = 60.0
"""Seconds that nothing here takes, unless it hangs."""

TOKEN = "sixteen characters or more"
RULES = dashboard.ROOT / "conf" / "prometheus"
FLOWS = {
    "front.yaml": """
        recording: true
        start_function: start_function
        steps:
          opt_out:
            prompt: This call is recorded, for reasons that we could talk about for hours. To opt out, press 1.
            dtmf: {num_digits: 1, first_digit_timeout: 0.2}
            on: {1: {discard_recording: true, say: Thank you., goto: number}, otherwise: number}
          number:
            prompt: Please key or say the three digits of your order, which are on the letter that you got from us.
            dtmf: {num_digits: 3, first_digit_timeout: 5}
            next: {hangup: true}
    """,
    "front.py": """
        def start_function(conv):
            pass
    """,
    "broken.yaml": """
        steps: {ask: {prompt: One digit., dtmf: {num_digits: 1}, run: work}}
    """,
    "broken.py": """
        def work(conv, flow):
            raise ValueError
    """,
}
CALLS = (
    ("front", "wait start / wait 0.1 / press 1 / hear your order / press 123"),
    ("front", "hear To opt out / wait end / hear To opt out / hear order / say five oh nine"),
    ("broken", "hear One digit / press 7"),
)


@pytest.fixture
def started():
    """`started(program, *arguments, **environment)`: a process that is ended at the end."""
    processes = []

    def start(*arguments, output, **environment):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("FSFLOWS_")
        }
        with output.open("wb") as log:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**kept, **environment},
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait(LONG)


def wait_for(condition, process, output):
    until = time.monotonic() + LONG
    while not (met := condition()):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < until, "in vain:\n" + output.read_text()
        gevent.sleep(0.05)
    return met


@pytest.fixture
def server(started, tmp_path):
    """A server, and the addresses of its listener and its console."""
    (tmp_path / "flows").mkdir()
    for name, text in FLOWS.items():
        (tmp_path / "flows" / name).write_text(textwrap.dedent(text))
    output = tmp_path / "server.log"
    with SwitchServer() as switch:
        process = started(
            *(sys.executable, "-m", "fsflows", "serve"),
            *("--flows", str(tmp_path / "flows"), "--data", str(tmp_path / "data")),
            output=output,
            FSFLOWS_SERVER__LISTEN="127.0.0.1:0",
            FSFLOWS_SERVER__MAX_CALLS="50",
            FSFLOWS_CONSOLE__LISTEN="127.0.0.1:0",
            FSFLOWS_CONSOLE__TOKEN=TOKEN,
            FSFLOWS_DIALLING__ENDPOINT="user/{number}",
            FSFLOWS_FREESWITCH__ADDRESSES=f"[{switch.address}]",
            FSFLOWS_LOG__FORMAT="json",
        )

        def said(event):
            lines = [
                json.loads(line) for line in output.read_text().splitlines() if line[:1] == "{"
            ]
            return next((line for line in lines if line["event"] == event), None)

        wait_for(lambda: said("serving"), process, output)
        listening = said("listening")
        yield f"{listening['host']}:{listening['port']}", said("console")["address"]


@pytest.fixture
def ask(started, server, tmp_path):
    """`ask(expression)`: what a Prometheus answers that reads the server each second."""
    program = shutil.which("prometheus")
    assert program, "Prometheus is not installed (apt-get install prometheus)"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [f"{RULES}/*.rules.yml"]
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": [server[1].removeprefix("http://")]}]
    job["authorization"] = {"credentials": TOKEN}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    output = tmp_path / "prometheus.log"
    process = started(
        program,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        output=output,
    )

    def get(path, **query):
        url = f"http://127.0.0.1:{port}/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.read()
        except (ConnectionError, urllib.error.URLError):
            return b""

    wait_for(lambda: b"Ready" in get("-/ready"), process, output)

    def ask(what, path="api/v1/query"):
        answer = json.loads(get(path, query=what))
        assert answer["status"] == "success", (what, answer)
        return answer["data"]

    ask.wait = lambda condition: wait_for(condition, process, output)
    return ask


def dial(console):
    """Have the server make a call, that nobody takes."""
    request = urllib.request.Request(
        f"{console}/api/calls",
        json.dumps({"number": "1001", "flow": "front"}).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=LONG) as answer:
        assert 202 == answer.status


def number(answer):
    return float(answer["result"][0]["value"][1]) if answer["result"] else 0.0


def test_each_panel_has_something_to_show(server, ask):
    for turn in (1, 2):
        calls = [
            place_call(
                f"{server[0]}/{flow}",
                setup=Setup(files=DiskFiles(), sounds=Sounds(pace=0.02)),
                script=parse_script(
                    "\n".join(part.strip() for part in script.split("/")), "script"
                ),
            )
            for flow, script in CALLS
        ]
        for call in calls:
            result = call.wait(LONG)
            assert result is not None
            assert None is result.failure, result.lines
        dial(server[1])
        # The last number that a call leaves behind, twice read: what has risen since is a rate.
        ask.wait(
            lambda turn=turn: (
                number(ask("sum(fsflows_records_written_total)")) == turn * (len(CALLS) + 1)
            )
        )
        read = number(ask("max(timestamp(fsflows_build_info))"))
        ask.wait(lambda read=read: number(ask("max(timestamp(fsflows_build_info))")) >= read + 2)

    empty = []
    for where, expression in dashboard.expressions():
        found = ask(expression.removesuffix(" > 0"))["result"]
        if not any(math.isfinite(float(series["value"][1])) for series in found):
            empty.append((where, expression, found))
    assert [] == empty
    for variable in dashboard.load()["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = variable["query"].removeprefix("label_values(").strip(")").split(", ")
            assert all(label in series["metric"] for series in ask(metric)["result"])

    rules = [rule for group in ask("", "api/v1/rules")["groups"] for rule in group["rules"]]
    written = [
        rule
        for file in RULES.glob("*.rules.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    assert len(written) == len(rules)
    assert {"ok"} == {rule["health"] for rule in rules}, rules

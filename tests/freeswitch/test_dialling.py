"""Calls that we make through a real FreeSWITCH, over SIP: `fsflows dial`, a server of its own, a telephone that is called."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .callee import Behaviour, Callee
from .real import Peer, RealWorld
from .serving import Serving
from .vosk import sentence

pytestmark = [pytest.mark.freeswitch, pytest.mark.process]

LONG = 60.0
TOKEN = "0123456789abcdef"
FLOW = """
language: en-GB
steps:
  ask: {prompt: Hello. Press one., dtmf: {num_digits: 1}, asr: false, next: {say: Thanks., hangup: true}}
"""
MAILBOX = "you have reached the mailbox of ada lindqvist please"
NUMBERS = {
    "1000": Behaviour(keys=((2.5, "1"),)),
    "1001": Behaviour(),
    "1002": Behaviour(keys=((5.0, "1"),)),
    "2000": Behaviour(status="486 Busy Here"),
    "2001": Behaviour(status=""),
    "2002": Behaviour(rings=False, status="603 Decline"),
    "2003": Behaviour(rings=False, status="404 Not Found"),
    "2004": Behaviour(rings=False, status="503 Service Unavailable"),
    "2005": Behaviour(status="408 Request Timeout"),
    "2006": Behaviour(rings=False, status="480 Temporarily Unavailable"),
}


class Dialling:
    """A server that dials, a telephone, and the FreeSWITCH between them."""

    def __init__(self, world: RealWorld, peer: Peer, directory: Path) -> None:
        self.world = world
        flows = directory / "flows"
        flows.mkdir()
        (flows / "survey.yaml").write_text(FLOW)
        self.callee = Callee(NUMBERS)
        listen, console = _free_port(), _free_port()
        status = world.events.api("sofia status")
        profile = re.search(r"^\s*(\S+)\s+profile\s", status, re.MULTILINE)
        assert profile, status
        host, port = self.callee.address
        self.config = {
            "console": {"listen": f"127.0.0.1:{console}", "token": TOKEN},
            "freeswitch": {
                "addresses": ["{}:{}".format(*peer.event_socket)],
                "password": peer.password,
            },
            "dialling": {
                "endpoint": f"sofia/{profile[1]}/{{number}}@{host}:{port}",
                "caller_number": "+442079460000",
                "calls_per_second": 10.0,
            },
        }
        self.serving = Serving(("127.0.0.1", listen), [flows], directory, more=self.config)

    def dial(self, *arguments: str, says: Sequence[str] = ()) -> tuple[int, dict[str, Any]]:
        """Dial, and say something (vosk's messages) as soon as somebody listens; exit status and the call's end."""
        with subprocess.Popen(
            [sys.executable, "-m", "fsflows", "dial", "--json", "--flow", "survey", *arguments],
            env=_environment(FSFLOWS_CONFIG=str(self.serving.directory / "settings.yaml")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            if says:
                self.world.vosk.reset()
                self.world.vosk.say(says, timeout=LONG)
            out, errors = process.communicate(timeout=LONG)
        assert out, errors.decode()
        return process.returncode, json.loads(out)

    def record(self, record_id: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "fsflows", "records", "show", "--json", record_id],
            env=_environment(FSFLOWS_CONFIG=str(self.serving.directory / "settings.yaml")),
            capture_output=True,
            timeout=LONG,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def close(self) -> None:
        self.serving.stop()
        self.callee.close()


@pytest.fixture(scope="module")
def dialling(freeswitch: RealWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dialling]:
    peer = Peer.of()
    assert peer is not None
    made = Dialling(freeswitch, peer, tmp_path_factory.mktemp("dialling"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("arguments", "status", "outcome", "cause"),
    [
        (["2000"], 3, "busy", "USER_BUSY"),
        (["2001", "--ring", "2"], 4, "no_answer", "NO_ANSWER"),
        (["2002"], 5, "rejected", "CALL_REJECTED"),
        (["2003"], 6, "unreachable", "UNALLOCATED_NUMBER"),
        (["2004"], 1, "failed", "NORMAL_TEMPORARY_FAILURE"),
        (["2005"], 4, "no_answer", "RECOVERY_ON_TIMER_EXPIRE"),
        (["2006"], 6, "unreachable", "NO_USER_RESPONSE"),
    ],
)
def test_what_a_telephone_does_is_the_outcome(
    dialling: Dialling, arguments: list[str], status: int, outcome: str, cause: str
) -> None:
    found, call = dialling.dial(*arguments)
    assert (status, "over", outcome, cause) == (
        found,
        call["phase"],
        call["outcome"],
        call["cause"],
    )
    record = dialling.record(call["record"])
    assert ("outbound", outcome, arguments[0], "+442079460000") == (
        record["direction"],
        record["outcome"],
        record["callee"],
        record["caller"],
    )
    number, caller = dialling.callee.called[-1]
    assert arguments[0] == number
    assert "+442079460000" in caller


def test_whoever_answers_gets_the_flow(dialling: Dialling) -> None:
    status, call = dialling.dial("1000")
    assert (0, "answered", "completed") == (status, call["outcome"], call["result"]), call
    record = dialling.record(call["record"])
    assert ("outbound", "answered", "1000", "+442079460000") == (
        record["direction"],
        record["outcome"],
        record["callee"],
        record["caller"],
    )
    assert [("ask", "1")] == [
        (each["step"], each["digits"]) for each in record["entries"] if each["kind"] == "collected"
    ]


def test_a_machine_is_hung_up_on(dialling: Dialling) -> None:
    # The ninth word decides, before the sentence is over.
    words = sentence(MAILBOX)[:-1]
    status, call = dialling.dial("1001", "--machine", "hang_up", says=words)
    assert (7, "machine") == (status, call["outcome"]), call
    assert "machine" == dialling.record(call["record"])["outcome"]


def test_a_person_is_not(dialling: Dialling) -> None:
    status, call = dialling.dial("1002", "--machine", "hang_up", says=sentence("hello"))
    assert (0, "answered", "completed") == (status, call["outcome"], call["result"]), call


def test_nothing_is_left_in_freeswitch(dialling: Dialling) -> None:
    until = time.monotonic() + 10.0
    while "\n0 total." not in (left := dialling.world.events.api("show channels")):
        assert time.monotonic() < until, left
        time.sleep(0.1)


# --- the doctor -------------------------------------------------------------------------------------------------


def test_the_doctor_finds_this_freeswitch_well(dialling: Dialling) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fsflows", "doctor", "--json"],
        env=_environment(FSFLOWS_CONFIG=str(dialling.serving.directory / "settings.yaml")),
        capture_output=True,
        timeout=LONG,
        check=False,
    )
    findings = json.loads(done.stdout)["findings"]
    states: Mapping[str, set[str]] = {
        about: {each["state"] for each in findings if each["about"] == about}
        for about in {each["about"] for each in findings}
    }
    well = (
        "FreeSWITCH", "FreeSWITCH's version", "modules", "text to speech", "clock", "FreeSWITCH's limits", "listener",
        "recordings.staging shared", "recordings.roots shared",
    )  # fmt: skip
    assert {about: {"ok"} for about in well} == {about: states.get(about) for about in well}, (
        findings
    )
    # The dialplan leads to the server of the other tests, not to this one.
    assert "problem" in states["dialplan"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FSFLOWS_")}
    return {**kept, **more}

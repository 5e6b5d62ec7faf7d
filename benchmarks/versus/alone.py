"""What is measured of fsflows by itself: its start with a thousand flows, scripted calls, its receive path."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers
from player import Player

FLOW = """\
steps:
  menu:
    prompt: This is flow {number}. For orders, press 1. For opening hours, press 2.
    dtmf: {{num_digits: 1}}
    on: {{1: number, otherwise: number}}
  number:
    prompt: Please key your eight-digit number.
    dtmf: {{num_digits: 8}}
    next: {{say: Thank you., hangup: true}}
"""


def measure(ours: servers.Server, *, quick: bool) -> dict:
    rounds = 1 if quick else 3
    return {
        "start": {flows: _start(ours, flows, rounds) for flows in (1, 1000)},
        **_rehearsals(0.5 if quick else 2.0),
        **_receive_path(0.5 if quick else 2.0),
    }


def _start(ours: servers.Server, flows: int, rounds: int) -> list[float]:
    """From the process's start to the first application of a first call, with files and bytecode cached: seconds by
    the clock, and of the processor.
    """
    with tempfile.TemporaryDirectory() as directory:
        for number in range(flows):
            Path(directory, f"flow{number}.yaml").write_text(FLOW.format(number=number))
        clock, processor = [], []
        for _ in range(1 + rounds):  # the first one warms the file cache
            began = time.perf_counter()
            with servers.running(ours, flows=Path(directory)) as running:
                player = Player(running.port, running.pids)
                up = player.set_up(1, "flow0", 1)
                clock.append(time.perf_counter() - began)
                processor.append(sum(player.cpu()) + running.parent())
                assert up, "the first call did not come up"
                player.hang_up()
        return [statistics.median(clock[1:]), statistics.median(processor[1:])]


def _run(*command: str) -> str:
    path = servers.ROOT / "benchmarks" / command[0]
    done = subprocess.run(
        [sys.executable, str(path), *command[1:]], capture_output=True, text=True, check=True
    )
    return done.stdout


def _rehearsals(seconds: float) -> dict:
    text = _run("rehearsal.py", str(seconds))
    rates = re.findall(r"^(.+?)  +[\d.]+ s a call +([\d,]+) calls/s", text, re.MULTILINE)
    return {"scripted": {name: float(number.replace(",", "")) for name, number in rates}}


def _receive_path(seconds: float) -> dict:
    text = _run("events.py", str(seconds))
    rates = re.findall(r"^(.+?)  +([\d,]+) events/s", text, re.MULTILINE)
    return {"receive": {name: float(number.replace(",", "")) for name, number in rates}}

"""Scripted calls a second on one core, in virtual time: what `fsflows test` and the project's own tests cost.

    python benchmarks/rehearsal.py [seconds] [--profile KIND]

Each kind of call is some 30 seconds of a caller's time, through the whole conversation, the call and the simulated
FreeSWITCH. `--profile` shows where one kind's time goes. Absolute figures differ from machine to machine.
"""

from __future__ import annotations

import argparse
import cProfile
import logging
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fsflows.conversation.judging import Rehearsal
from fsflows.conversation.rehearsal import rehearse
from fsflows.flow.loader import load_flows
from fsflows.switch.script import parse_script

FLOW = """
recording: {recording}
steps:
  menu:
    prompt: For orders, press 1. For opening hours, press 2.
    dtmf: {{num_digits: 1}}
    asr: {asr}
    on: {{1: number, otherwise: number}}
  number:
    prompt: Please key or say your eight-digit number.
    dtmf: {{num_digits: 8}}
    asr: {asr}
    confirm: {{prompt: "I have {{digits}}. Is that right?"}}
    next: done
  done: {{prompt: "Thank you, we have found your order. It is on its way. Goodbye.", next: {{hangup: true}}}}
"""
KEYED = """
hear press 2
wait 5
press 1
hear number
wait 4
press 12345678
hear right
wait 4
press 1
expect digits 12345678
expect ended completed
"""
SPOKEN = """
hear press 2
say one
hear number
wait 1
say one two three four five six seven eight
hear right
wait 4
say yes
expect digits 12345678
expect ended completed
"""
KINDS = {
    "keys": ("false", "false", KEYED),
    "keys, speech on": ("false", "{}", KEYED),
    "speech": ("false", "{}", SPOKEN),
    "keys, recorded": ("true", "false", KEYED),
}


def call_of(kind: str, directory: Path) -> Callable[[], Rehearsal]:
    """One call of that kind, to be made again and again."""
    recording, asr, text = KINDS[kind]
    path = directory / "flow.yaml"
    path.write_text(FLOW.format(recording=recording, asr=asr))
    flows = load_flows([path])
    script = parse_script(text)
    return lambda: rehearse(flows["flow"], flows, script)


def rate(call: Callable[[], Rehearsal], seconds: float) -> float:
    """Calls a second of the processor, the best of several turns: what disturbs a turn only ever slows it down."""
    best = 0.0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.process_time()
        for _ in range(20):
            call()
        best = max(best, 20 / (time.process_time() - started))
    return best


def profile(call: Callable[[], Rehearsal]) -> None:
    for _ in range(20):
        call()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(300):
        call()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("seconds", type=float, nargs="?", default=2.0, help="for each kind")
    parser.add_argument("--profile", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.profile:
            profile(call_of(arguments.profile, Path(directory)))
            return
        for kind in KINDS:
            call = call_of(kind, Path(directory))
            played = call()
            assert not played.failures, played.failures
            calls = rate(call, arguments.seconds)
            virtual = calls * played.record.seconds
            print(
                f"{kind:18}{played.record.seconds:5.1f} s a call{calls:9,.0f} calls/s"
                f"   {virtual:10,.0f} times real time"
            )


if __name__ == "__main__":
    main()

"""What recording costs: from the connection to the first sound, and processor time, of calls that come at random times.

    python benchmarks/recorded.py [--rates 10,50,100] [--seconds 10] [--rounds 3]

Each rate is played with calls that are recorded and with calls that are not, in turn; medians of the rounds. The
recordings' files are made as FreeSWITCH makes them, 20 kB each, and published after the hang-up, two seconds after the
beginning. All of that is in the processor time.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "versus"))

from player import Call, Player, busy
from servers import OURS, running

LASTS = 2.0
"""Seconds of a call."""

AUDIO = b"RIFF" + bytes(20_000)

_RECORD = re.compile(rb"uuid_record \S+ start '?([^\s']+)")


class Recorded(Call):
    """A call that makes the file when it is to be recorded, and notes when its first sound was asked for."""

    sounded: float | None = None

    def halfway(self) -> None:
        """Half of the call is over."""

    def _answer(self, command: bytes) -> None:
        if (found := _RECORD.search(command)) is not None:
            path = Path(found[1].decode())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(AUDIO)
        elif self.sounded is None and b"\nexecute-app-name: playback" in command:
            self.sounded = time.perf_counter() - self.began
        super()._answer(command)


class Arrivals(Player):
    """Calls that come at random times."""

    kind = Recorded

    def call(self, flow: str) -> Recorded:
        self._number += 1
        made = self.kind(self, self._number, flow)
        made.held = None
        return made

    def arrive(self, flow: str, rate: float, seconds: float) -> list[Recorded]:
        """So many calls a second, for so long; when this returns all are over."""
        dice = random.Random(int(rate))
        due = began = time.perf_counter()
        made: list[Recorded] = []
        half = ended = 0
        while due < began + seconds + LASTS:
            due += dice.expovariate(rate)
            while (left := due - time.perf_counter()) > 0:
                self.turn(left)
            if due < began + seconds:
                made.append(self.call(flow))
            while half < len(made) and made[half].began + LASTS / 2 < due:
                made[half].halfway()
                half += 1
            while ended < half and made[ended].began + LASTS < due:
                self._end(made[ended])
                ended += 1
        for call in made[ended:]:
            self._end(call)
        self.settle()
        return made

    def _end(self, call: Recorded) -> None:
        call.over = True
        call.send(call.traffic.hung_up())


def measure(flow: str, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds until the first sound, and of the processor a call; calls that heard nothing."""
    with running(OURS) as server:
        player = Arrivals(server.port, server.pids)
        player.arrive(flow, 5, 1)
        before = player.cpu()
        calls = player.arrive(flow, rate, seconds)
        spent = busy(before, player.cpu())
    waits = sorted(1000 * call.sounded for call in calls if call.sounded is not None)
    return {
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "processor": 1000 * spent / len(calls),
        "silent": len(calls) - len(waits),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="10,50,100", help="calls a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(
        "| calls a second | | to the first sound, p50 (ms) | p99 (ms) | processor of a call (ms) |"
    )
    print("|---|---|---|---|---|")
    for rate in map(float, options.rates.split(",")):
        rounds: dict[str, list[dict[str, float]]] = {"keys": [], "recorded": []}
        for _ in range(options.rounds):
            for flow, results in rounds.items():
                results.append(measure(flow, rate, options.seconds))
        for flow, what in (("keys", "not recorded"), ("recorded", "recorded")):
            found = {
                key: statistics.median(result[key] for result in rounds[flow])
                for key in ("p50", "p99", "processor")
            }
            row = f"| {rate:g} | {what} | {found['p50']:.1f} | {found['p99']:.1f} | {found['processor']:.2f} |"
            print(row, flush=True)
            if silent := sum(result["silent"] for result in rounds[flow]):
                print(f"{silent:g} calls heard nothing", file=sys.stderr)


if __name__ == "__main__":
    main()

"""What the same calls cost a real FreeSWITCH, and what they cost us: processor time of both, a call.

    python benchmarks/beside [--rates 10,20] [--seconds 15] [--sip 127.0.0.1:5060] [--app-port 8084] [--pid PID]

Needs a FreeSWITCH on this machine with the dialplan of `tests/freeswitch` (see its README), the right to write where
it writes, and `sipp` with RTP (Debian: sip-tester). The callers press six keys in eleven seconds and send no other
sound, in PCMU, which FreeSWITCH need not transcode: real calls cost it more. Its log should not be at "debug".
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "versus"))

from servers import OURS, Running, running

from fsflows.archive.entries import Collected
from fsflows.archive.store import RecordStore
from fsflows.database import Database

HERE = Path(__file__).parent
FLOWS = ("plain", "recorded", "discarded")
ANSWERS = {"welcome": "1", "number": "4821", "more": "2"}
"""What `caller.xml` presses."""

PATIENCE = 60
"""Seconds after the last call has begun."""


def cpu(pids: Collection[int]) -> float:
    """Seconds of the processor that these processes have used, ended threads too."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)  # as clock_getcpuclockid


def call(sip: str, flow: str, rate: float, count: int) -> None:
    """Callers, so many a second.

    Raises:
        SystemExit: sipp could not be run.
    """
    command = ["sipp", sip, "-sf", str(HERE / "caller.xml"), "-s", f"fsflows-{flow}"]
    command += ["-i", "127.0.0.1", "-p", "6200", "-mp", "30000", "-nostdin"]
    command += ["-r", str(max(1, round(rate))), "-m", str(count)]
    command += ["-timeout", str(round(count / rate) + PATIENCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: calls failed, which the records say
        sys.exit(f"sipp: {done.stdout[-500:]}{done.stderr[-500:]}")


def came_of_it(server: Running, count: int) -> tuple[int, int, int]:
    """Calls that were completed with all digits right; recordings published, and discarded."""
    database = Database(f"sqlite:///{server.directory}/fsflows.db")
    store = RecordStore(database)
    until = time.monotonic() + PATIENCE
    while True:
        rows = store.search(limit=500).rows
        records = [store.get(row.id) for row in rows]
        if len(records) >= min(count, 500) or time.monotonic() > until:
            break
        time.sleep(0.5)  # the last ones are on their way into the database
    database.close()
    right = 0
    for record in records:
        assert record is not None
        given = {each.step: each.digits for each in record.entries if isinstance(each, Collected)}
        right += given == ANSWERS and record.result == "completed"
    states = [str(record.recording.state) for record in records if record is not None]
    return right, states.count("present"), states.count("discarded")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", default="10,20", help="calls a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each (%(default)s)")
    parser.add_argument("--sip", default="127.0.0.1:5060", help="FreeSWITCH (%(default)s)")
    parser.add_argument("--app-port", type=int, default=8084, help="in its dialplan (%(default)s)")
    parser.add_argument("--pid", type=int, help="its process; default: the one that there is")
    options = parser.parse_args()
    if shutil.which("sipp") is None:
        sys.exit("there is no sipp (Debian: apt-get install sip-tester)")
    found = subprocess.run(["pidof", "freeswitch"], capture_output=True, text=True, check=False)
    pids = [options.pid] if options.pid else [int(each) for each in found.stdout.split()]
    if len(pids) != 1:
        sys.exit(f"{len(pids)} processes are called freeswitch: name one by --pid")
    print("| calls a second | | FreeSWITCH (ms a call) | fsflows (ms a call) | share of fsflows |")
    print("|---|---|---|---|---|")
    for rate in map(float, options.rates.split(",")):
        for flow in FLOWS:
            count = min(500, round(rate * options.seconds))
            with running(OURS, flows=HERE / "flows", port=options.app_port) as server:
                ours = {server.main, *server.pids}
                before = cpu(pids), cpu(ours)
                call(options.sip, flow, rate, count)
                right, published, discarded = came_of_it(server, count)
                theirs, mine = (
                    1000 * (now - then) / count
                    for now, then in zip((cpu(pids), cpu(ours)), before, strict=True)
                )
            share = 100 * mine / (mine + theirs)
            print(f"| {rate:g} | {flow} | {theirs:.0f} | {mine:.1f} | {share:.0f}% |", flush=True)
            kept = {"plain": (0, 0), "recorded": (count, 0), "discarded": (0, count)}[flow]
            if (right, published, discarded) != (count, *kept):
                print(
                    f"of {count} calls {right} were right; {published} recordings, {discarded} discarded",
                    file=sys.stderr,
                )


if __name__ == "__main__":
    main()

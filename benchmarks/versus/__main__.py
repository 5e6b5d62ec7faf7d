"""fsflows beside its peers, on one machine, one core each: `make bench`.

    python benchmarks/versus                  # everything: some 20 minutes
    python benchmarks/versus --quick          # one round of the main rows: under two minutes
    python benchmarks/versus --workers 2      # only: what a second process brings
    python benchmarks/versus --only fsflows,floor --rounds 1
    python benchmarks/versus --peer eslgo=build/eslgo_app   # with one more server: the port comes behind it

Every server runs the same small application (`peers/`, `flows/`) and gets the same traffic from a process of its own
(`jobs.py`). Rounds go from server to server, so that what disturbs the machine disturbs all; the medians are shown.
A rate "per core" is work divided by the processor time that the server's process has used for it. Absolute figures
differ from machine to machine: the ratios count.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import alone
import picture
import report
import servers

CALLS = (10, 100, 1000, 5000)


def play(server: servers.Server, job: dict, *, workers: int = 1) -> dict:
    """Start a server, play a job to it."""
    try:
        with servers.running(server, workers=workers) as running:
            job = job | {"port": running.port, "pids": running.pids}
            command = [sys.executable, str(servers.HERE / "jobs.py"), json.dumps(job)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return {"failed": str(error)}
    if done.returncode:
        return {"failed": done.stderr[-2000:]}
    found: dict = json.loads(done.stdout)
    return found


def jobs(options: argparse.Namespace) -> list[dict]:
    quick = options.quick
    chosen: list[dict] = [
        {"job": "events", "calls": 100, "chunks": 4 if quick else 10},
        {"job": "burst", "calls": 1000, "patience": 4 if quick else 10},
    ]
    for calls in options.calls:
        presses = 300 if quick else 800
        rounds, idle = (2, 2) if quick else (5, 4)
        job = {"job": "calls", "calls": calls, "rounds": rounds, "idle": idle, "keys": presses}
        chosen.append(job)
    return chosen


def compare(options: argparse.Namespace, found: list[servers.Server]) -> dict:
    """All jobs on all servers, round by round: results by server and job."""
    results: dict[str, dict[str, list[dict]]] = {server.name: {} for server in found}
    for turn in range(options.rounds):
        for job in jobs(options):
            name = f"{job['job']} {job['calls']}"
            for server in found:
                print(f"round {turn + 1}: {name:12} {server.name}", file=sys.stderr)
                result = play(server, job)
                if "failed" in result:
                    print(f"failed: {result['failed']}", file=sys.stderr)
                results[server.name].setdefault(name, []).append(result)
    return {
        server: {name: _median(played) for name, played in by_job.items()}
        for server, by_job in results.items()
    }


def _median(played: list[dict]) -> dict:
    good = [each for each in played if "failed" not in each]
    if not good:
        return played[0]
    return {
        key: statistics.median(values)
        for key in good[0]
        if (values := [each[key] for each in good if each.get(key) is not None])
    } | {"rounds": len(good)}


def workers(server: servers.Server, count: int, rounds: int) -> dict:
    """Set-ups a second with one process and with several, each on a core of its own."""
    found: dict[int, list[float]] = {1: [], count: []}
    for _ in range(rounds):
        for many, rates in found.items():
            played = play(server, {"job": "calls", "calls": 1000}, workers=many)
            if "failed" in played:
                return played
            rates.append(played["setups_per_second"])
    one, more = statistics.median(found[1]), statistics.median(found[count])
    return {"workers": count, "one": one, "several": more, "times": more / one}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of the main rows")
    parser.add_argument("--rounds", type=int, default=0, help="3; with --quick 1")
    parser.add_argument("--only", default="", help="names of servers, with commas")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=servers.brought,
        metavar="NAME=COMMAND",
        help="one more server of the outbound protocol; COMMAND gets the port as its last word",
    )
    parser.add_argument("--calls", default="", help="calls at once, with commas")
    parser.add_argument("--workers", type=int, default=0, help="measure only so many processes")
    parser.add_argument("--out", default="build/bench", help="directory for JSON and picture")
    parser.add_argument("--docs", action="store_true", help="write table and picture to docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    counts = options.calls or ("1000" if options.quick else ",".join(map(str, CALLS)))
    options.calls = [int(each) for each in counts.split(",")]
    found, missing = servers.available(options.peer)
    if len({server.name for server in found}) < len(found):
        parser.error("--peer: each server needs a name of its own")
    if options.only:
        found = [server for server in found if server.name in options.only.split(",")]
    ours = next(server for server in found if server.name == "fsflows")
    if options.workers:
        print(json.dumps(workers(ours, options.workers, options.rounds), indent=2))
        return 0
    measured = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load before": os.getloadavg()[0],
        "not run": missing,
        "alone": alone.measure(ours, quick=options.quick),
        "servers": compare(options, found),
    }
    out = Path(servers.ROOT, options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.json").write_text(json.dumps(measured, indent=2) + "\n")
    curves = picture.picture(measured, options.calls)
    (out / "bench.svg").write_text(curves)
    table = report.table(measured, options.calls)
    print(table)
    print(f"\n{out / 'bench.json'}, {out / 'bench.svg'}")
    if options.docs:
        report.into_docs(servers.ROOT / "docs", table, curves)
    return 0


if __name__ == "__main__":
    sys.exit(main())

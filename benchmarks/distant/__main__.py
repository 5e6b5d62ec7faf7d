"""What a caller waits for where the agent, or the database, is on another host: each round trip takes so long.

    python benchmarks/distant agent [--trips 0,2,10] [--rate 20] [--seconds 5]
    python benchmarks/distant database --database postgresql://USER@127.0.0.1:5432/NAME

Calls come at random times and are recorded; one second later their callers press the key that discards the recording.
Milliseconds from the connection to the first sound, and from the key to the next one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "versus"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from recorded import Arrivals, Recorded
from servers import OURS, Server, free_port, running

HERE = Path(__file__).parent
CERTIFICATE = HERE.parents[1] / "tests" / "tls" / "localhost.pem"
SECRET = "x" * 32


class Discarded(Recorded):
    """A call whose caller discards its recording."""

    keyed: float | None = None
    answered: float | None = None

    def halfway(self) -> None:
        if self.sounded is not None:
            self.keyed = time.perf_counter()
            self.send(self.traffic.key(b"1"))

    def _answer(self, command: bytes) -> None:
        if self.keyed and self.answered is None and b"\nexecute-app-name: playback" in command:
            self.answered = time.perf_counter() - self.keyed
        super()._answer(command)


class Callers(Arrivals):
    kind = Discarded


@contextmanager
def distant(address: str, trip: float) -> Iterator[int]:
    """A port at which an address is so many milliseconds away, there and back."""
    with child([str(HERE / "proxy.py"), address, str(trip)], stdout=subprocess.PIPE) as proxy:
        assert proxy.stdout is not None
        yield int(proxy.stdout.readline())


@contextmanager
def agent(directory: Path, scheme: str) -> Iterator[str]:
    """An agent for the directories below one; its address."""
    settings = directory / "agent.yaml"
    settings.write_text(
        f"recordings: {{staging: {directory}/staging, published: {directory}/published}}\n"
    )
    port = free_port()
    command = [*("-m", "fsflows", "recordings", "agent"), "--config", str(settings)]
    command += ["--listen", f"127.0.0.1:{port}"]
    if scheme == "https":
        command += ["--cert", str(CERTIFICATE), "--key", str(CERTIFICATE.with_suffix(".key"))]
    with child(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        if b"listening" not in line:
            raise RuntimeError((line + process.stderr.read()).decode())
        yield f"127.0.0.1:{port}"


@contextmanager
def child(arguments: Sequence[str], **pipes: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"FSFLOWS_RECORDINGS__AGENT_SECRET": SECRET}
    with subprocess.Popen([sys.executable, *arguments], env=environment, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def measure(settings: str, directory: Path, rate: float, seconds: float) -> list[Discarded]:
    """The calls, with a server of these settings."""

    def serve(server: Server, port: int, data: str, flows: Path) -> list[str]:
        file = Path(data, "settings.yaml")
        file.write_text(
            f"server: {{listen: '127.0.0.1:{port}'}}\nflows: {{paths: [{flows}]}}\nlog: {{level: error}}\n{settings}"
        )
        return [*server.command, "serve", "--config", str(file)]

    with running(OURS, flows=HERE / "flows", serve=serve) as server:
        player = Callers(server.port, server.pids)
        player.arrive("discard", 5, 1)
        return player.arrive("discard", rate, seconds)


def row(what: str, trip: float, calls: Sequence[Discarded]) -> str:
    firsts = sorted(1000 * call.sounded for call in calls if call.sounded is not None)
    seconds = sorted(1000 * call.answered for call in calls if call.answered is not None)
    cells = [what, f"{trip:g}", *_middle_and_last(firsts), *_middle_and_last(seconds)]
    return f"| {' | '.join(cells)} | {len(calls) - len(seconds)} of {len(calls)} |"


def _middle_and_last(waits: Sequence[float]) -> list[str]:
    if not waits:
        return ["-", "-"]
    return [f"{waits[len(waits) // 2]:.0f}", f"{waits[int(len(waits) * 0.99)]:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("agent", "database"), help="what is on another host")
    parser.add_argument("--database", metavar="URL", help="for the database: one that may be used")
    parser.add_argument("--trips", default="0,2,10", help="ms of a round trip (%(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="calls a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of each (%(default)s)")
    options = parser.parse_args()
    if (options.what == "database") != bool(options.database):
        parser.error("--database goes with database")
    os.environ |= {"SSL_CERT_FILE": str(CERTIFICATE), "FSFLOWS_RECORDINGS__AGENT_SECRET": SECRET}
    print(
        "| | round trip (ms) | first sound, p50 (ms) | p99 (ms) | key to next, p50 (ms) | p99 (ms) | not answered |\n"
        "|---|---|---|---|---|---|---|"
    )
    for trip in map(float, options.trips.split(",")):
        for what in ("http", "https") if options.what == "agent" else ("database",):
            with tempfile.TemporaryDirectory(prefix="fsflows-bench-") as name:
                directory = Path(name)
                for each in ("staging", "published"):
                    (directory / each).mkdir()
                calls = (
                    _with_agent(what, directory, trip, options)
                    if options.what == "agent"
                    else _with_database(directory, trip, options)
                )
                print(row(what, trip, calls), flush=True)


def _with_agent(
    scheme: str, directory: Path, trip: float, options: argparse.Namespace
) -> list[Discarded]:
    with agent(directory, scheme) as address, distant(address, trip) as port:
        settings = (
            f"recordings: {{staging: {directory}/staging, agent_url: '{scheme}://127.0.0.1:{port}'}}\n"
            f"database: {{url: 'sqlite:///{directory}/fsflows.db', spool: {directory}/spool}}\n"
        )
        return measure(settings, directory, options.rate, options.seconds)


def _with_database(directory: Path, trip: float, options: argparse.Namespace) -> list[Discarded]:
    url = urlsplit(options.database)
    with distant(f"{url.hostname}:{url.port or 5432}", trip) as port:
        there = url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()
        settings = (
            f"recordings: {{staging: {directory}/staging, published: {directory}/published}}\n"
            f"database: {{url: '{there}', spool: {directory}/spool}}\n"
        )
        return measure(settings, directory, options.rate, options.seconds)


if __name__ == "__main__":
    main()

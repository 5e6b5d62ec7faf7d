"""The servers that are compared: how each is installed, started and ended. Peers get an environment of their own."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ROOT / ".venv-peers"
"""Not kept in git; made by the first run."""

PACKAGES = ("gevent", "greenswitch==0.0.19", "genesis==2026.10.18")
NODE_PACKAGE = "esl@11.2.1"


BROUGHT = {"eslgo": "peers/eslgo_app", "C library": "peers/libesl_app.c"}
"""Peers of no package registry: measured for who has them, built from these sources, and names them by `--peer`."""


@dataclass(frozen=True)
class Server:
    """One that can be measured.

    Attributes:
        name: for the table.
        what: what it is, in a few words.
        command: what starts it; the port comes behind it.
    """

    name: str
    what: str
    command: tuple[str, ...]


OURS = Server("fsflows", "fsflows serve, a YAML flow", (sys.executable, "-m", "fsflows"))


def brought(option: str) -> Server:
    """The server of a `--peer NAME=COMMAND`.

    Raises:
        argparse.ArgumentTypeError: there is no name, or no command.
    """
    name, _, command = option.partition("=")
    words = tuple(shlex.split(command))
    if not name.strip() or not words:
        raise argparse.ArgumentTypeError(f"not NAME=COMMAND: {option!r}")
    return Server(name.strip(), "brought", words)


def available(peers: Sequence[Server] = ()) -> tuple[list[Server], list[str]]:
    """The servers that can be run here, with those that were brought, and why others can't."""
    missing: list[str] = []
    python = _python_peers(missing)
    found = [OURS]
    if python:
        found += [
            Server("floor", "bare gevent, no server", (python, str(HERE / "peers/floor.py"))),
            Server("greenswitch", "0.0.19", (python, str(HERE / "peers/greenswitch_app.py"))),
            Server("genesis", "2026.10.18, asyncio", (python, str(HERE / "peers/genesis_app.py"))),
        ]
    if node := _node_peer(missing):
        found.append(Server("node esl", "11.2.1", (node, str(PEERS / "node" / "node_esl.mjs"))))
    names = {server.name for server in peers}
    missing += [
        f"{name} (build `{source}`, then `--peer '{name}=COMMAND'`)"
        for name, source in BROUGHT.items()
        if name not in names
    ]
    return [*found, *peers], missing


def _python_peers(missing: list[str]) -> str:
    python = PEERS / "bin" / "python"
    wanted = "\n".join(PACKAGES)
    done = PEERS / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        print(f"Installing {', '.join(PACKAGES)} in {PEERS.name} (once) ...", file=sys.stderr)
        try:
            subprocess.run(
                [sys.executable, "-m", "venv", PEERS], check=True, stderr=subprocess.DEVNULL
            )
            pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, *PACKAGES], check=True, stderr=subprocess.PIPE)
        except (OSError, subprocess.CalledProcessError) as error:
            missing.append(f"greenswitch, genesis: can't be installed ({error})")
            return ""
        done.write_text(wanted)
    return str(python)


def _node_peer(missing: list[str]) -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing.append("node esl: there is no node or npm")
        return ""
    directory = PEERS / "node"
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "peers" / "node_esl.mjs", directory)
    if not (directory / "node_modules" / "esl").exists():
        (directory / "package.json").write_text('{"private": true}')
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", NODE_PACKAGE]
        try:
            subprocess.run(command, cwd=directory, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            missing.append(f"node esl: can't be installed ({error})")
            return ""
    return node


@dataclass
class Running:
    """A server that runs."""

    port: int
    pids: list[int]
    started: float
    """Seconds from the start of its process to the first connection answered."""
    main: int = 0
    directory: Path = Path()
    """What it writes is in it, as long as it runs."""

    def parent(self) -> float:
        """Seconds of the processor that its first process has used, if that takes no calls itself."""
        if self.main in self.pids:
            return 0.0
        return int(Path(f"/proc/{self.main}/schedstat").read_text().split()[0]) / 1e9


def with_data(server: Server, port: int, directory: str, flows: Path) -> list[str]:
    """The command of an fsflows that keeps all below one directory."""
    return [
        *server.command,
        *("serve", "--flows", str(flows), "--listen", f"127.0.0.1:{port}"),
        *("--data", directory, "--log-level", "error"),
    ]


@contextmanager
def running(
    server: Server,
    *,
    workers: int = 1,
    flows: Path | None = None,
    port: int = 0,
    serve: Callable[[Server, int, str, Path], list[str]] = with_data,
) -> Iterator[Running]:
    """Start a server, at a port or at one that is free, and end it. `serve`: how fsflows is started."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="fsflows-bench-") as directory:
        command = [*server.command, str(port)]
        if server.name == "fsflows":
            command = serve(server, port, directory, flows or HERE / "flows")
        environment = os.environ | {"FSFLOWS_CONSOLE__LISTEN": "", "PYTHONDONTWRITEBYTECODE": ""}
        if workers > 1:
            environment["FSFLOWS_SERVER__WORKERS"] = str(workers)
        log = Path(directory, "stderr")
        began = time.perf_counter()
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                preexec_fn=_raise_limits,  # noqa: PLW1509 - no threads here
            )
        try:
            _wait_for(port, process, log)
            started = time.perf_counter() - began
            pids = _pids(process.pid, workers, port)
            yield Running(port, pids, started, process.pid, Path(directory))
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _raise_limits() -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a connection is not only accepted (the kernel does that) but spoken to: a server speaks first."""
    until = time.perf_counter() + 60
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended at once:\n{log.read_text()}")
        with socket.socket() as sock:
            sock.settimeout(60)
            with suppress(ConnectionError, TimeoutError):
                if sock.connect_ex(("127.0.0.1", port)) == 0 and sock.recv(1):
                    return
        time.sleep(0.005)
    raise RuntimeError(f"{process.args} does not answer")


def _pids(pid: int, workers: int, port: int) -> list[int]:
    """The processes that take calls: its children, where it has any. Of several, all listen by then."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until = time.perf_counter() + 60
    while True:
        found = [int(each) for each in children.read_text().split()]
        if workers == 1 or sum(_listens(each, port) for each in found) >= workers:
            return found or [pid]
        if time.perf_counter() > until:
            raise RuntimeError(f"not {workers} processes listen at {port}")
        time.sleep(0.005)


def _listens(pid: int, port: int) -> bool:
    """Whether a process has a listening socket at a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {
        f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")
    }
    with suppress(OSError):  # it is gone
        return any(str(file.readlink()) in ours for file in Path(f"/proc/{pid}/fd").iterdir())
    return False

"""The machine: versions, limits of the kernel and of processes, memory that may be written to a disk."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import fsflows
from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.recordings.files.places import is_in_memory, parse_root
from fsflows.settings import Settings

FEW_FILES = 4096
"""Open files below which a server will not get far. A call is one, a page of the console another."""

FILES_BESIDE_CALLS = 200
"""Open files that a server needs without a call: database, console, log, libraries."""

PROC = Path("/proc")


def versions(_settings: Settings) -> Iterator[Finding]:
    """What runs."""
    python = platform.python_version()
    names = ("gevent", "greenswitch", "sqlalchemy")
    rest = ", ".join(f"{name} {version(name)}" for name in names)
    yield ok("versions", f"fsflows {fsflows.__version__}, Python {python}, {rest}")


def limits(settings: Settings, proc: Path = PROC) -> Iterator[Finding]:
    """Open files, and the kernel's queue of connections."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = settings.server.max_calls + FILES_BESIDE_CALLS
    advice = "give the server LimitNOFILE=65536 (systemd), or `ulimit -n 65536` before it starts"
    text = f"{soft:,} for processes started as this one"
    if settings.server.max_calls and soft < needed:
        yield problem("open files", f"{text}; server.max_calls needs {needed:,}", advice)
    elif soft < FEW_FILES:
        yield warning("open files", text, advice)
    else:
        yield ok("open files", text)

    most = _number(proc / "sys/net/core/somaxconn")
    half_open = _number(proc / "sys/net/ipv4/tcp_max_syn_backlog")
    backlog = settings.server.backlog
    low = {
        "net.core.somaxconn": most,
        "net.ipv4.tcp_max_syn_backlog": half_open,
    }
    short = {name: value for name, value in low.items() if value is not None and value < backlog}
    if short:
        shown = ", ".join(f"{name} is {value}" for name, value in short.items())
        yield warning(
            "connection queue",
            f"server.backlog is {backlog}, but {shown}: calls of a burst can be lost for good",
            "sysctl -w " + " ".join(f"{name}={max(backlog, 4096)}" for name in short),
        )
    elif most is not None:
        yield ok("connection queue", f"server.backlog {backlog}, the kernel allows {most}")


def memory(settings: Settings, proc: Path = PROC) -> Iterator[Finding]:
    """Whether a recording that is discarded can have reached a disk."""
    if settings.recordings.agent_url:
        return
    staging = parse_root(settings.recordings.staging).local
    if not is_in_memory(_there(staging)):
        yield warning(
            "staging in memory",
            f"{staging} is on a disk: a discarded recording is deleted there, but was written",
            "point recordings.staging into a tmpfs: /dev/shm/fsflows",
        )
        return
    swaps = [line.split()[0] for line in _lines(proc / "swaps")[1:]]
    if swaps and not _never_swapped(staging, proc):
        yield warning(
            "staging in memory",
            f"{staging} is in memory, but memory may be swapped to {', '.join(swaps)}",
            "mount a tmpfs with the option noswap there (Linux 6.4), encrypt the swap, or `swapoff -a`",
        )
    else:
        yield ok("staging in memory", f"{staging}, never swapped")


def _there(path: str) -> str:
    """A directory, or the one in which it would be made."""
    wanted = Path(path).absolute()
    return str(next(each for each in (wanted, *wanted.parents) if each.exists()))


def _never_swapped(directory: str, proc: Path) -> bool:
    where = os.path.realpath(directory)
    best = ("", "")
    for line in _lines(proc / "self/mounts"):
        _device, point, _kind, options = line.split()[:4]
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, options)
    return "noswap" in best[1].split(",")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].strip().isdecimal() else None

"""A PostgreSQL server of the tests' own: a new cluster, on a unix socket, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def binaries() -> Path | None:
    """Where Debian's package, or somebody's own, has put `postgres`; the newest version."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: float(path.parts[-3]),
    )
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Cluster:
    """A PostgreSQL server. Not in pytest's directory: the path of a unix socket has 107 characters at most.

    Attributes:
        url: of its empty database.
    """

    def __init__(self) -> None:
        where = binaries()
        if where is None:
            raise RuntimeError(
                "these tests need PostgreSQL's server: apt-get install postgresql (any version from 13 on)"
            )
        self._binaries = where
        self._directory = Path(tempfile.mkdtemp(prefix="fspg-"))
        self._user = _user()
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self._directory, entry.pw_uid, entry.pw_gid)
        self._data = str(self._directory / "data")
        self.url = f"postgresql://fsflows@/postgres?host={self._directory}"
        self._run("initdb", "-U", "fsflows", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start it, with what it had."""
        options = f"-k {self._directory} -c listen_addresses='' -c fsync=off -c max_connections=30"
        self._run("pg_ctl", "-w", "-l", str(self._directory / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End it as a crash would."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, command: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._binaries / command), "-D", self._data, *words],
            cwd=self._directory,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}")


@contextmanager
def running() -> Iterator[Cluster]:
    """A server, from the start to the end of the block."""
    cluster = Cluster()
    try:
        cluster.start()
        try:
            yield cluster
        finally:
            with suppress(RuntimeError):  # the test may have stopped it
                cluster.stop()
    finally:
        cluster.remove()


def _user() -> str | None:
    """postgres refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("there is no user to run PostgreSQL as")

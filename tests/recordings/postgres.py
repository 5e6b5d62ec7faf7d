"""A PostgreSQL server of the tests' own: a new cluster, on a unix socket, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where Debian's package, or somebody's own, has put `postgres`; the newest version."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: float(path.parts[-3]),
    )
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def server():
    """Start it; yields its URL."""
    where = binaries()
    if where is None:
        raise RuntimeError(
            "these tests need PostgreSQL's server: apt-get install postgresql (any version from 13 on)"
        )
    # Not pytest's directory: the path of a unix socket has 107 characters at most.
    directory = Path(tempfile.mkdtemp(prefix="fspg-"))
    user = _user()
    if user:
        os.chown(directory, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

    def run(*words: str) -> None:
        done = subprocess.run(
            [str(where / words[0]), *words[1:]],
            cwd=directory,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stdout}")

    data = str(directory / "data")
    options = f"-k {directory} -c listen_addresses='' -c fsync=off -c max_connections=30"
    try:
        run("initdb", "-D", data, "-U", "fsflows", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", str(directory / "log"), "-o", options, "start")
        try:
            yield f"postgresql://fsflows@/postgres?host={directory}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


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

"""A PostgreSQL of the tests' own: Debian's package, in a temporary directory, on a Unix socket, gone afterwards."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def binaries():
    """Where initdb and postgres are; None: not installed."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists()), None)


@contextlib.contextmanager
def running():
    """Starts a server; gives the URL of an empty database."""
    bin_dir = binaries()
    assert bin_dir is not None, "PostgreSQL is not installed (apt-get install postgresql)"
    # It refuses to run as root; the package brings a user.
    user = "postgres" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="fsflows-pg-", dir="/tmp"))
    try:
        if user:
            shutil.chown(directory, user)
        data = directory / "data"
        quiet = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "user": user,
            "cwd": directory,
        }
        subprocess.run(
            [
                bin_dir / "initdb",
                "-D",
                data,
                "-A",
                "trust",
                "-U",
                "tests",
                "--no-sync",
                "-E",
                "UTF8",
            ],
            check=True,
            timeout=120,
            **quiet,
        )
        options = f"-c listen_addresses= -c unix_socket_directories={directory} -c fsync=off"
        control = [bin_dir / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", directory / "log"]
        subprocess.run([*control, "-o", options, "start"], check=True, timeout=120, **quiet)
        try:
            yield f"postgresql://tests@/postgres?host={directory}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, timeout=120, **quiet)
    finally:
        shutil.rmtree(directory, ignore_errors=True)

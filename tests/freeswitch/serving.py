"""`fsflows serve`, as a process of its own, with everything it writes in one directory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

import yaml

from .sip import Address

DIALPLAN_RECORDINGS = Path("/tmp/fsflows-tests")
"""Where `dialplan.xml` of this directory records."""
COMMAND = (sys.executable, "-m", "fsflows", "serve")
READY = 20.0
"""Seconds that the process may take to listen."""


class Serving:
    """A running server.

    Args:
        listen: where FreeSWITCH's dialplan finds it.
        flows: directories with flows.
        directory: for its settings, log, database and recordings.
        freeswitch: FreeSWITCH's event socket and its password, when it may look after calls there.
        more: further settings, by section.

    Raises:
        AssertionError: it did not come up, with what it said.
    """

    def __init__(
        self,
        listen: Address,
        flows: Sequence[Path],
        directory: Path,
        freeswitch: tuple[Address, str] | None = None,
        more: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    ) -> None:
        self._listen = listen
        self.directory = directory
        self.log = directory / "server.log"
        self.staging = directory / "staging"
        self.published = directory / "published"
        assert not _listening(listen), f"something else listens at {listen[0]}:{listen[1]} already"
        for place in (self.staging, self.published, DIALPLAN_RECORDINGS):
            place.mkdir(parents=True, exist_ok=True)
        self.settings = directory / "settings.yaml"
        inbound = {}
        if freeswitch is not None:
            (host, port), password = freeswitch
            inbound = {"freeswitch": {"addresses": [f"{host}:{port}"], "password": password}}
        self.settings.write_text(
            yaml.safe_dump(
                {
                    "server": {"listen": f"{listen[0]}:{listen[1]}", "drain_timeout": 2.0},
                    "flows": {"paths": [str(path) for path in flows]},
                    "recordings": {
                        "staging": str(self.staging),
                        "published": str(self.published),
                        "roots": [str(DIALPLAN_RECORDINGS)],
                    },
                    "database": {
                        "url": f"sqlite:///{directory / 'fsflows.db'}",
                        "spool": str(directory / "spool"),
                    },
                    "console": {"listen": ""},
                    "log": {"level": "debug", "format": "json"},
                    **inbound,
                    **{section: dict(values) for section, values in more.items()},
                }
            ),
            encoding="utf-8",
        )
        self.log.touch()
        self.start()

    def start(self) -> None:
        """Start it, also once more.

        Raises:
            AssertionError: it did not come up, with what it said.
        """
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("FSFLOWS_")
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--config", str(self.settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=kept,
            )
        try:
            self._wait_until_up(self._listen)
        except AssertionError:
            self.stop()
            raise

    @property
    def up(self) -> bool:
        return self.process.poll() is None

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def recordings(self, uuid: str) -> list[Path]:
        """Every file, under any of its recording directories, that bears a call's name."""
        return sorted(
            path
            for root in (self.staging, self.published, DIALPLAN_RECORDINGS)
            for path in root.rglob(f"*{uuid}*")
            if path.is_file() and path.suffix != ".json"
        )

    def kill(self) -> None:
        """End it as a power failure would, its workers with it."""
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        self.process.kill()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)
        self.process.wait(5)

    def stop(self) -> int:
        """Ask it to end, and make it; its exit status."""
        if self.up:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(5)

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_up(self, address: Address) -> None:
        deadline = time.monotonic() + READY
        while not _listening(address):
            assert self.up, f"fsflows serve ended with {self.process.returncode}:\n{self.text()}"
            assert time.monotonic() < deadline, (
                f"fsflows serve does not listen at {address[0]}:{address[1]} after {READY} s:\n{self.text()}"
            )
            threading.Event().wait(0.05)


def _listening(address: Address) -> bool:
    try:
        with socket.create_connection(address, 1.0):
            return True
    except OSError:
        return False

"""A new version in the place of an old one: the same program started anew, on the same listening sockets.

The old one hands its sockets on and goes on serving. When the new one serves, it says so through a pipe, and the old
one drains. A new one that fails changes nothing. It is a new version: it reads settings and flows itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

from fsflows import metrics
from fsflows.server.parent.notify import Notifier
from fsflows.server.parent.sockets import Sockets

INHERITED = "FSFLOWS_INHERITED"
"""Environment variable from a server to its successor: "NAME=DESCRIPTOR ...". `ready` is a pipe, into which the
successor writes when it serves."""


class Successor:
    """The server after us, from its start until it serves or has ended.

    Args:
        sockets: what it gets.
        notifier: tells what systemd wants to hear from it.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, sockets: Sockets, notifier: Notifier) -> None:
        told, descriptors = sockets.bequest()
        self._pipe, ready = os.pipe()
        environment = {
            **os.environ,
            **notifier.environ,
            INHERITED: f"{told} ready={ready}",
        }
        environment.pop(metrics.DIRECTORY, None)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - what we were started with
                [sys.executable, *sys.orig_argv[1:]],
                pass_fds=[*descriptors, ready],
                env=environment,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(ready)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        """For a selector: readable when it serves, or has closed its end without."""
        return self._pipe

    def serves(self) -> bool:
        """Which of the two; to be asked once."""
        said = os.read(self._pipe, 1)
        os.close(self._pipe)
        self._pipe = -1
        return bool(said)

    def status(self) -> int | None:
        """Its exit status; None: it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Tell it to stop."""
        self._process.terminate()

    def close(self) -> None:
        """Hear of it no more."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


class Predecessor:
    """The server before us, if there is one.

    Args:
        told: what `INHERITED` had; "": there is none.
    """

    def __init__(self, told: str) -> None:
        words = told.split()
        self.sockets = " ".join(word for word in words if not word.startswith("ready="))
        """For `Sockets.adopt`."""
        self._pipe = next((int(word[6:]) for word in words if word.startswith("ready=")), -1)

    def say_ready(self) -> None:
        """We serve."""
        if self._pipe >= 0:
            with suppress(OSError):  # it may be gone
                os.write(self._pipe, b"1")
        self.close()

    def close(self) -> None:
        """It need not wait for us."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

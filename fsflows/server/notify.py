"""Tells systemd how the service is (sd_notify); does nothing where nobody asked to be told."""

from __future__ import annotations

import os
import socket
import time

PATIENCE = 0.5
"""Seconds that systemd gets to take what it is told: who waits for it does not mind the workers."""


class Notifier:
    """The socket that `Type=notify` gives a service.

    Args:
        environ: NOTIFY_SOCKET and WATCHDOG_USEC are taken out of it, so that no child believes they are for it.
    """

    def __init__(self, environ: dict[str, str] | os._Environ[str] = os.environ) -> None:
        path = environ.pop("NOTIFY_SOCKET", "")
        watchdog = environ.pop("WATCHDOG_USEC", "")
        for_us = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._path = "\0" + path[1:] if path.startswith("@") else path
        self.environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": watchdog} if path else {}
        """What a successor is to be given."""
        self.watchdog = int(watchdog) / 2e6 if path and for_us and watchdog.isdecimal() else 0.0
        """Seconds between two signs of life that systemd wants; 0: none."""

    def say(self, *lines: str) -> None:
        """Send assignments like "READY=1"."""
        if not self._path:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(PATIENCE)
                sock.connect(self._path)
                sock.sendall("\n".join(lines).encode())
        except OSError:
            pass  # systemd acts on what it does not hear

    def reloading(self) -> None:
        """A reload begins; `say("READY=1")` ends it."""
        self.say(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

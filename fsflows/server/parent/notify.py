"""Tells systemd how the service is (sd_notify); does nothing where nobody asked to be told."""

from __future__ import annotations

import os
import socket
import time

PATIENCE = 0.5
"""Seconds that systemd gets to take what it is told: who waits for it does not mind the workers."""


class Notifier:
    """The socket that `Type=notify` gives a service; out of the environment, so that no child believes it is for it."""

    def __init__(self) -> None:
        path = os.environ.pop("NOTIFY_SOCKET", "")
        watchdog = os.environ.pop("WATCHDOG_USEC", "")
        for_us = os.environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
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


class Report:
    """What systemd is told of a server: that it is ready, lives, reads its flows again, stops, and how it is doing.

    Args:
        notifier: what tells it.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._ready = self._reloading = self._handed_over = False
        self._ping_at = 0.0 if notifier.watchdog else float("inf")
        self._told = ""

    @property
    def due(self) -> float:
        """When to `tell`, at the latest."""
        return float("inf") if self._handed_over else self._ping_at

    def ready(self) -> None:
        """We serve, and are the process to look after."""
        self._ready = True
        self._notifier.say("READY=1", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """A reload begins; `tell` ends it."""
        if self._ready:  # else the start isn't over, and READY=1 would say that it is
            self._reloading = True
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._notifier.say("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """We end; after a successor has taken over that is none of systemd's business."""
        if not self._handed_over:
            self._notifier.say("STOPPING=1")

    def hand_over(self) -> None:
        """A successor serves: it is the one to look after from here on."""
        self._handed_over = True

    def take_back(self) -> None:
        """The successor is gone before us.

        Systemd, which is not its parent, would miss nothing but its signs of life, and abort our last calls for that.
        """
        if self._handed_over:
            self._handed_over = False
            self._told = ""
            self._notifier.say(f"MAINPID={os.getpid()}", "WATCHDOG=1")

    def tell(self, now: float, status: str, *, reloaded: bool) -> None:
        """Say what is due.

        Args:
            now: the time.
            status: how we are doing, for `systemctl status`.
            reloaded: no reload is under way any more.
        """
        if self._handed_over:
            return
        if now >= self._ping_at:
            self._ping_at = now + self._notifier.watchdog
            self._notifier.say("WATCHDOG=1")
        if self._reloading and reloaded:
            self._reloading = False
            self._notifier.say("READY=1")
        if status != self._told:
            self._told = status
            self._notifier.say(f"STATUS={status}")

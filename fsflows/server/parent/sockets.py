"""The listening sockets that a parent keeps for its workers, or gets from the server before it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from fsflows.server.node.listening import bound, dismiss, turn_away


@dataclass(slots=True)
class _Kept:
    address: tuple[str, int]
    backlog: int
    sock: socket.socket | None = None
    bound: bool = False


class Sockets:
    """Listening sockets by name; plain ones, for a process that never accepts.

    Args:
        wanted: host, port and backlog by name.
    """

    def __init__(self, wanted: Mapping[str, tuple[tuple[str, int], int]]) -> None:
        self._kept = {name: _Kept(*how) for name, how in wanted.items()}

    def open(self, name: str) -> socket.socket:
        """The socket: opened, if it isn't; on the same port as before.

        Raises:
            OSError: its address can't be listened on.
        """
        kept = self._kept[name]
        if kept.sock is None:
            sock: socket.socket = bound(kept.address, kept.backlog)
            kept.sock, kept.address = sock, sock.getsockname()[:2]
            kept.bound = True
        return kept.sock

    def is_open(self, name: str) -> bool:
        """Whether we have it open now."""
        return self._kept[name].sock is not None

    def was_open(self, name: str) -> bool:
        """Whether the address has been ours before: what is in the way is about to go."""
        return self._kept[name].bound

    def close(self, name: str, *, dismiss: bool = False, inherited: bool = False) -> None:
        """Close ours, for good in all our processes.

        Args:
            name: which.
            dismiss: no worker has it, and those who wait are let go.
            inherited: another server has it as well, and goes on with it.
        """
        kept = self._kept[name]
        if kept.sock is None:
            return
        if not inherited:
            turn_away(kept.sock)
        if dismiss:
            _dismiss_all(kept.sock)
        kept.sock.close()
        kept.sock = None

    def adopt(self, text: str) -> None:
        """Take over the sockets of a server before us (see `bequest`), if they are for our addresses."""
        for each in text.split():
            name, _, number = each.partition("=")
            sock = socket.socket(fileno=int(number))
            kept = self._kept.get(name)
            if kept is None or not _same(kept.address, sock.getsockname()[:2]):
                sock.close()
                continue
            kept.sock, kept.address, kept.bound = sock, sock.getsockname()[:2], True

    def bequest(self) -> tuple[str, list[int]]:
        """What a successor is told ("NAME=DESCRIPTOR ..."), and the descriptors it must be given."""
        open_ = {name: kept.sock.fileno() for name, kept in self._kept.items() if kept.sock}
        return " ".join(f"{name}={number}" for name, number in open_.items()), list(open_.values())

    def dismiss(self, name: str) -> None:
        """Let go of whoever waits; the socket stays open, since somebody else has it as well."""
        kept = self._kept[name]
        if kept.sock is not None:
            _dismiss_all(kept.sock)

    def forget(self) -> None:
        """In a child, or at the end: close our copies."""
        for name in self._kept:
            self.close(name, inherited=True)


def _same(wanted: tuple[str, int], found: tuple[str, int]) -> bool:
    return wanted[1] in (0, found[1]) and wanted[0] in (found[0], "localhost")


def _dismiss_all(listening: socket.socket) -> None:
    listening.setblocking(False)
    while True:
        try:
            sock, _ = listening.accept()
        except OSError:
            return
        dismiss(sock)

"""What parent and workers say to each other: one message a packet, with file descriptors where needed.

A message is a small JSON object with `what`. From a worker: `ready`, `beat` (how it is), `socket` (it wants a listening
socket: "calls" or "console"), `lost` (it could not take one), `level` (a log level was set), `reloaded` (it has loaded
an `edition` of the flows, or could not: `problem`), `left` (calls it had to cut off). From the parent: `socket` (with
the descriptor, or `errno`), `shut`, `stop`, `hurry`, `cut`, `reload` (an `edition`, with a descriptor to read it from),
`level`, `settings` (those in force of `fsflows.server.adjustable`), `node` (how all are).
"""

from __future__ import annotations

import array
import json
import socket as plain
from collections.abc import Iterable
from typing import Any

Message = dict[str, Any]

BIGGEST = 60_000
"""Bytes of a message; a packet is sent whole or not at all."""

DESCRIPTORS = 4


class Channel:
    """One end.

    Args:
        sock: a connected SOCK_SEQPACKET socket; plain in the parent, gevent's in a worker.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    @staticmethod
    def pair() -> tuple[plain.socket, plain.socket]:
        """Two plain sockets for the two ends."""
        return plain.socketpair(plain.AF_UNIX, plain.SOCK_SEQPACKET)

    def fileno(self) -> int:
        """For a selector."""
        return int(self._sock.fileno())

    def send(self, message: Message, descriptors: Iterable[int] = ()) -> bool:
        """Say something; False: the other end is gone, or so far behind that it hears nothing."""
        data = json.dumps(message).encode()
        passed = array.array("i", descriptors)
        more = [(plain.SOL_SOCKET, plain.SCM_RIGHTS, passed)] if passed else []
        try:
            self._sock.sendmsg([data[:BIGGEST]], more)
        except OSError:
            return False
        return True

    def receive(self) -> tuple[Message, list[int]] | None:
        """What the other end says, and the descriptors that came with it; None: it is gone.

        Raises:
            BlockingIOError: nothing now, on a socket that does not wait.
        """
        passed = array.array("i")
        space = plain.CMSG_LEN(DESCRIPTORS * passed.itemsize)
        try:
            data, more, _, _ = self._sock.recvmsg(BIGGEST, space)
        except BlockingIOError:
            raise
        except OSError:
            return None
        if not data:
            return None
        for level, kind, content in more:
            if (level, kind) == (plain.SOL_SOCKET, plain.SCM_RIGHTS):
                passed.frombytes(content[: len(content) - len(content) % passed.itemsize])
        return json.loads(data), list(passed)

    def close(self) -> None:
        """Let go of it."""
        self._sock.close()

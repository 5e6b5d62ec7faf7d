"""Binding an address, and letting go of connections that nobody serves; for processes with and without gevent."""

from __future__ import annotations

import socket
from typing import Any

from fsflows.esl import commands

DISMISSAL = commands.connect().encode() + commands.exit_().encode()
"""What a connection is told that can't be served: the call goes on in the dialplan. FreeSWITCH needs no more, a
`connect` that was sent is read, whatever comes behind it."""


def bound(address: tuple[str, int], backlog: int, kind: Any = socket.socket) -> Any:
    """A new listening socket.

    Args:
        address: host and port.
        backlog: connections that the kernel keeps while we are busy.
        kind: the class of the socket: a plain one, or gevent's.

    Raises:
        OSError: the address is taken, or not ours.
    """
    sock = kind(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(backlog)
        # Of the socket itself, whoever has it: between two processes that look, the other one may have taken it all.
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def dismiss(sock: Any) -> None:
    """Let a connection go that there is nothing for: no greenlet, no waiting."""
    try:
        sock.send(DISMISSAL)
    except OSError:
        pass
    finally:
        sock.close()

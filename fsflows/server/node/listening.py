"""Listening sockets from bind to close, and letting go of connections that nobody serves; with and without gevent."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from contextlib import suppress
from typing import Any

from fsflows.esl import commands
from fsflows.esl.tuning import tune

DISMISSAL = commands.connect().encode() + commands.exit_().encode()
"""What a connection is told that can't be served: the call goes on in the dialplan. FreeSWITCH needs no more, a
`connect` that was sent is read, whatever comes behind it."""


OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors of `accept` that leave the connection where it is: there is nothing to take it with."""

_NO_SYN = (
    (0x30, 0, 0, 13),  # the TCP header's flags,
    (0x54, 0, 0, 0x12),  # of them SYN and ACK:
    (0x15, 0, 1, 0x02),  # SYN alone
    (0x06, 0, 0, 0),  # is dropped,
    (0x06, 0, 0, 0xFFFFFFFF),  # everything else passes
)
"""A packet filter (classic BPF) under which no new connection begins, while those that have begun come to be."""

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER


def turn_away(sock: Any) -> None:
    """Let no more connections begin, in any process that has this listening socket.

    What comes between the last `accept` and `close` would be reset, after FreeSWITCH took it for answered. What does
    not begin is tried again by FreeSWITCH's kernel after a second, and refused by then, or welcome again.
    """
    instructions = b"".join(struct.pack("HBBI", *each) for each in _NO_SYN)
    kept = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("HL", len(_NO_SYN), ctypes.addressof(kept))
    with suppress(OSError):  # a kernel without it; then there is the moment
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH, program)


def welcome(sock: Any) -> None:
    """The opposite of `turn_away`."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)


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
        tune(sock)
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

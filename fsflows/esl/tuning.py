"""What a TCP connection to FreeSWITCH is set to."""

from __future__ import annotations

import socket
from typing import Any

KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15}
"""A FreeSWITCH host that vanished without a word is noticed after some three minutes (where the system has these)."""


def tune(sock: Any) -> None:
    """Send commands at once, and notice when nobody is there any more.

    On Linux a connection has all of it from the listening socket that it came to: looking costs a system call, and
    setting it four.
    """
    try:
        if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY):
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in KEEPALIVE.items():
            if option := getattr(socket, name, None):
                sock.setsockopt(socket.IPPROTO_TCP, option, seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        return  # no TCP, or nobody there any more: who reads from it will see

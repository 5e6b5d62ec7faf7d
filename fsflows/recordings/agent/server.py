"""The agent's HTTP server, on gevent."""

from __future__ import annotations

import signal
import socket
import ssl
from typing import Any

import gevent
from gevent.ssl import SSLContext

from fsflows.log import get_logger
from fsflows.recordings.agent.app import AgentApp
from fsflows.recordings.files.files import Files
from fsflows.recordings.files.offhub import OffHub
from fsflows.webserver import Server

ANSWER = 8.0
"""Seconds for work in a recording directory: the server waits for ten, and is to hear that it hangs."""

MAX_CONNECTIONS = 800
"""At once. Each of a server's processes keeps up to 16; more wait in the backlog."""


def serve(
    files: Files, secret: str, listen: str, *, cert: str | None = None, key: str | None = None
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        files: what does the work; it runs on threads.
        secret: shared with the servers.
        listen: host:port.
        cert: a certificate's file; with it, https is served.
        key: its key's file.

    Raises:
        ValueError: the address or the secret can't be used.
        OSError: the address is taken, or the certificate can't be read.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"an address is given as HOST:PORT, got {listen!r}")
    log = get_logger("recordings.agent")
    off_hub = OffHub(files, answer=ANSWER)
    try:
        server = Server(
            (host.strip("[]"), int(port)),
            AgentApp(off_hub, secret),
            part="recordings.agent",
            most=MAX_CONNECTIONS,
            **_tls(cert, key),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, server.stop)
        server.start()
        _for_kept_connections(server.socket)
        log.info("listening", address=host, port=server.server_port, https=bool(cert))
        server.serve_forever()
    finally:
        off_hub.close()


def _tls(cert: str | None, key: str | None) -> dict[str, Any]:
    if not cert:
        return {}
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return {"ssl_context": context}


def _for_kept_connections(listening: Any) -> None:
    """What is accepted inherits it: an answer is sent at once, in as many parts as it may come; that the host of one
    that waits for its next request has gone is noticed.
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

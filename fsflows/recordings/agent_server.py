"""The agent's HTTP server, on gevent."""

from __future__ import annotations

import signal
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer

from fsflows.log import get_logger
from fsflows.recordings.agent import AgentApp
from fsflows.recordings.files import Files
from fsflows.recordings.offhub import OffHub


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
    off_hub = OffHub(files)
    tls: dict[str, Any] = {"certfile": cert, "keyfile": key} if cert else {}
    try:
        server = WSGIServer(
            (host.strip("[]"), int(port)), AgentApp(off_hub, secret), log=None, **tls
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, server.stop)
        server.start()
        log.info("listening", address=host, port=server.server_port, https=bool(cert))
        server.serve_forever()
    finally:
        off_hub.close()

"""A TCP proxy that makes a server distant: what it passes on arrives half a round trip later.

    python benchmarks/distant/proxy.py HOST:PORT MILLISECONDS

Prints the port that it listens at. The first bytes of a connection are a round trip
late: the handshake that they wait for.
"""

from __future__ import annotations

import queue
import socket
import sys
import threading
import time


class Way:
    """One direction of a connection. What was read at one time is written half a round trip after that."""

    def __init__(self, source: socket.socket, drain: socket.socket, late: float, first: float):
        self._source, self._drain, self._late, self._first = source, drain, late, first
        self._waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        for part in (self._read, self._write):
            threading.Thread(target=part, daemon=True).start()

    def _read(self) -> None:
        late = self._late + self._first
        while True:
            try:
                data = self._source.recv(65536)
            except OSError:
                data = b""
            self._waiting.put((time.perf_counter() + late, data))
            late = self._late
            if not data:
                return

    def _write(self) -> None:
        while True:
            due, data = self._waiting.get()
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                if not data:
                    return self._drain.shutdown(socket.SHUT_WR)
                self._drain.sendall(data)
            except OSError:
                return None


def main() -> None:
    host, _, port = sys.argv[1].rpartition(":")
    half = float(sys.argv[2]) / 2000
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            near, _ = listener.accept()
            far = socket.create_connection((host, int(port)))
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Way(near, far, half, 2 * half)
            Way(far, near, half, 0)


if __name__ == "__main__":
    main()

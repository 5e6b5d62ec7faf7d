"""Running calls from worker to office: the office asks when somebody looks, so that nothing is told to nobody.

A worker answers lines on a socket in the server's own directory: `news` (what has changed since the last time on this
connection), `line ID` (one call's time line). Answers are JSON, a line each.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gevent import socket
from gevent.lock import RLock
from gevent.server import StreamServer

from fsflows.archive.live import LiveCall, LiveCalls
from fsflows.archive.live_merged import LiveMirror, LiveNews, time_line
from fsflows.log import get_logger

FRESH = 0.2
"""Seconds for which an answer is new enough."""

PATIENCE = 1.0
"""Seconds that a worker gets to answer."""

log = get_logger("server.live")


def _path(directory: str, number: int) -> Path:
    return Path(directory) / f"live-{number}.sock"


class LiveServer:
    """A worker's end.

    Args:
        live: its calls.
        directory, number: where it is found.
    """

    def __init__(self, live: LiveCalls, directory: str, number: int) -> None:
        path = _path(directory, number)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen(8)
        listening.setblocking(False)
        self._live = live
        self._server = StreamServer(listening, self._serve)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """End."""
        self._server.stop(timeout=0.0)

    def _serve(self, sock: Any, _address: Any) -> None:
        news = LiveNews(self._live)
        with suppress(OSError), sock, sock.makefile("rb") as asked:
            for line in asked:
                word, _, record_id = line.decode().strip().partition(" ")
                answer = news.next() if word == "news" else time_line(self._live, record_id)
                sock.sendall(json.dumps(answer).encode() + b"\n")


class RemoteLive:
    """A worker's calls, seen from the office. See `Live`.

    Args:
        directory, number: where the worker is found.
    """

    def __init__(self, directory: str, number: int) -> None:
        self._path = _path(directory, number)
        self._mirror = LiveMirror(lambda record_id: self._ask(f"line {record_id}"))
        self._lock = RLock()
        self._sock: Any = None
        self._answers: Any = None
        self._asked_at = 0.0

    def snapshot(self) -> list[LiveCall]:
        """See `Live`."""
        self._refresh()
        return self._mirror.snapshot()

    def look(self, record_id: str) -> LiveCall | None:
        """See `Live`."""
        self._refresh()
        return self._mirror.look(record_id)

    def __len__(self) -> int:
        self._refresh()
        return len(self._mirror)

    def revision(self) -> Any:
        """See `Live`."""
        self._refresh()
        return self._mirror.revision()

    def entries(self, record_id: str) -> Any:
        """See `Live`."""
        self._refresh()
        return self._mirror.entries(record_id)

    def _refresh(self) -> None:
        if time.monotonic() - self._asked_at < FRESH:
            return
        with self._lock:
            self._asked_at = time.monotonic()
            try:
                news = self._ask("news")
                if news is not None:
                    self._mirror.take(news)
            except (OSError, ValueError):
                self._mirror.forget()  # it is gone, or stands still; its successor tells everything anew

    def _ask(self, what: str) -> Any:
        with self._lock:
            try:
                if self._sock is None:
                    self._sock = socket.socket(socket.AF_UNIX)
                    self._sock.settimeout(PATIENCE)
                    self._sock.connect(str(self._path))
                    self._answers = self._sock.makefile("rb")
                self._sock.sendall(what.encode() + b"\n")
                line = self._answers.readline()
                if not line:
                    raise ConnectionError("the worker is gone")
                return json.loads(line)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._sock is not None:
            self._sock.close()
        if self._answers is not None:
            self._answers.close()
        self._sock = self._answers = None

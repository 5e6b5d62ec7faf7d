"""A vosk server that hears what the test tells it to: mod_vosk connects to it as to a real one.

A real vosk-server answers every block of sound (mod_vosk: 200 ms) with one JSON message, mostly an empty partial. So
does this one; what it is told to hear goes out one message a block.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

NOTHING = json.dumps({"partial": ""})
BLOCK_SECONDS = 0.2


def partial(text: str) -> str:
    return json.dumps({"partial": text})


def final(text: str, confidence: float = 1.0) -> str:
    """A final result with a confidence for each word, as vosk gives it after SetWords."""
    result = [
        {"conf": confidence, "start": 0.3 * n, "end": 0.3 * n + 0.3, "word": word}
        for n, word in enumerate(text.split())
    ]
    return json.dumps({"result": result, "text": text})


def alternatives(*texts: str) -> str:
    """A final result with several readings, best first, as vosk gives it after SetMaxAlternatives."""
    readings: list[dict[str, Any]] = [
        {"confidence": 100.0 - n, "text": text} for n, text in enumerate(texts)
    ]
    return json.dumps({"alternatives": readings})


def sentence(text: str, confidence: float = 1.0) -> list[str]:
    """What vosk says while somebody speaks: a growing partial a word, then the final result."""
    words = text.split()
    return [
        *(partial(" ".join(words[: n + 1])) for n in range(len(words))),
        final(text, confidence),
    ]


class VoskServer:
    """Listens while it is up; `stop` takes it down, `start` brings it back.

    Args:
        host, port: where mod_vosk looks for it (`server-url` of its vosk.conf).
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 2700) -> None:
        self._address = (host, port)
        self._condition = threading.Condition()
        self._replies: deque[str] = deque()
        self._connections: set[ServerConnection] = set()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.silent = False
        """While true, blocks get no answer at all."""
        self.connections = 0
        """How many connections there were."""
        self.blocks = 0
        """How many blocks of sound came in, over all connections."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://{self._address[0]}:{self._address[1]}"

    # --- what it hears ---

    def say(self, messages: Sequence[str], timeout: float = 10.0) -> float:
        """Answer the next blocks with these messages, one each; waits until the last has gone out.

        Returns:
            When that was, monotonic seconds.

        Raises:
            AssertionError: nobody listens to speech, or stopped before the end.
        """
        with self._condition:
            self._replies.extend(messages)
            sent = self._condition.wait_for(lambda: not self._replies, timeout)
            left = list(self._replies)
            self._replies.clear()
        assert sent, f"nobody took {left} within {timeout} s ({len(self._connections)} connected)"
        return time.monotonic()

    def wait_listened_to(self, timeout: float = 5.0) -> None:
        """Wait until sound comes in."""
        with self._condition:
            before = self.blocks
            assert self._condition.wait_for(lambda: self.blocks > before, timeout), (
                f"no sound reached the speech server within {timeout} s"
            )

    # --- how it fails ---

    def die(self) -> None:
        """Cut every connection without a farewell; new ones are still taken."""
        with self._condition:
            victims = list(self._connections)
        for victim in victims:
            victim.socket.shutdown(2)

    def start(self) -> None:
        if self._server is not None:
            return
        self._server = serve(
            self._serve, *self._address, compression=None, ping_interval=None, logger=_quiet()
        )
        # Port 0 was any free one: from now on it is that one.
        self._address = self._server.socket.getsockname()[:2]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="vosk server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take it down: nothing listens on its port any more, every connection is cut."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self.die()
        self._thread.join(5.0)
        self._server = self._thread = None
        with self._condition:
            self._condition.wait_for(lambda: not self._connections, 5.0)

    def reset(self) -> None:
        """As new, and up: for the next call."""
        self.silent = False
        with self._condition:
            self._replies.clear()
        self.start()

    def __enter__(self) -> VoskServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self, connection: ServerConnection) -> None:
        with self._condition:
            self._connections.add(connection)
            self.connections += 1
        try:
            for block in connection:
                if isinstance(block, bytes):
                    self._answer(connection)
        except (ConnectionClosed, OSError):
            pass  # mod_vosk leaves with a close code that the standard does not know
        finally:
            with self._condition:
                self._connections.discard(connection)
                self._condition.notify_all()

    def _answer(self, connection: ServerConnection) -> None:
        with self._condition:
            reply = self._replies.popleft() if self._replies else NOTHING
            self.blocks += 1
        if not self.silent:
            connection.send(reply)
        with self._condition:
            self._condition.notify_all()


def _quiet() -> logging.Logger:
    logger = logging.getLogger("tests.vosk")
    logger.setLevel(logging.CRITICAL)
    return logger

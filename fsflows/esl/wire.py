"""The socket: bytes out, frames in, replies to those who wait for them. For both directions of event socket.

No greenlet reads here. The hub calls back when bytes have come; the callback takes one piece, cuts it into frames and
hands them on, and never waits. A call in progress is one greenlet - the one that runs its flow.

Replies come in the order of the commands, so each command reserves a place when it is sent, and the place stays
until its reply has come, whether or not somebody still waits for it: a late reply is never taken for the next one's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from socket import SHUT_WR
from typing import Any

import gevent

from fsflows.esl import metrics
from fsflows.esl.frames import Frame, FrameError, FrameReader
from fsflows.esl.link import LinkClosed, ReplyTimeout
from fsflows.esl.sleeper import Sleeper
from fsflows.esl.tuning import tune
from fsflows.log import Logger, get_logger

READ_SIZE = 64 * 1024
"""Bytes taken at once. What is left comes with the hub's next round, after the other calls had theirs."""

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes of commands kept for a FreeSWITCH that doesn't read, before the connection is given up."""

JUST_EMPTIED = 0.001
"""Seconds for which a socket that has been read empty is not looked at once more: that costs as much as a reply."""

CLOSING = 2.0
"""Seconds that FreeSWITCH gets, after our `exit`, to read what was sent before and close. It takes milliseconds."""

_READ, _WRITE = 1, 2

log = get_logger("esl.wire")


class Place(Sleeper):
    """Where the reply to one command goes whose sender wants it. Nobody waits for those posted: see `Wire.post`."""

    __slots__ = ("closed", "frame")

    def __init__(self) -> None:
        super().__init__()
        self.frame: Frame | None = None
        self.closed = False

    def take(self, frame: Frame | None) -> None:
        """The reply has come; None: it never will."""
        self.frame = frame
        self.closed = frame is None
        self.wake()

    def wait(self, timeout: float | None) -> bool:
        """Whether the reply came, or the end, in time."""
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while self.frame is None and not self.closed:
                if until is not None and time.monotonic() >= until:
                    return False
                self.sleep(until)
        finally:
            self.stop()
        return True


class Wire:
    """A connected socket of gevent's, from here on ours.

    Args:
        sock: the socket.
        on_frame: called with each frame that is not a reply. It must not wait.
        on_end: called once with the reason, when the connection has ended. It must not wait.
        on_posted: called with a posted command's label and its reply. It must not wait.

    Attributes:
        ended: why there is nothing more to read or send; ``None`` while there is.
        call: whose connection it is, for the log; "" while that is not known.
    """

    __slots__ = (
        "_closing",
        "_emptied_at",
        "_fd",
        "_held",
        "_loop",
        "_on_end",
        "_on_frame",
        "_on_posted",
        "_places",
        "_reader",
        "_reading",
        "_released",
        "_sock",
        "_unsent",
        "_writing",
        "call",
        "ended",
    )

    def __init__(
        self,
        sock: Any,
        on_frame: Callable[[Frame], None],
        on_end: Callable[[str], None],
        on_posted: Callable[[str, Frame], None],
    ) -> None:
        self.ended: str | None = None
        self.call = ""
        self._sock = sock
        self._fd: int = sock.fileno()
        self._on_frame = on_frame
        self._on_end = on_end
        self._on_posted = on_posted
        self._reader = FrameReader()
        self._places: list[Place | str] = []  # few at a time; an empty deque takes 600 bytes
        self._held = b""  # waits for what goes in the same piece
        self._unsent = bytearray()
        self._released = False
        self._emptied_at = 0.0
        self._closing: Any = None  # the timer that ends a polite close
        tune(sock)
        self._loop = gevent.get_hub().loop
        self._reading: Any = self._loop.io(self._fd, _READ)
        self._writing: Any = None
        self._reading.start(self._readable)

    @property
    def released(self) -> bool:
        """Whether the socket's file descriptor has been given back."""
        return self._released

    # --- sending --------------------------------------------------------------------------------------------------

    def request(self, data: bytes, timeout: float | None, posted: Iterable[str] = ()) -> Frame:
        """`ask`, and wait for the reply.

        Raises:
            LinkClosed: the connection ended before the reply.
            ReplyTimeout: none within `timeout` seconds.
        """
        return self.reply(self.ask(data, posted), timeout)

    def ask(self, data: bytes, posted: Iterable[str] = ()) -> Place:
        """Send a command; or several, in one piece: those behind the first are as if they were posted.

        Returns:
            Where the reply to the (first) command will be, for `reply`.

        Raises:
            LinkClosed: the connection has ended.
        """
        place = Place()
        self._send(data, place, *posted)
        return place

    def reply(self, place: Place, timeout: float | None) -> Frame:
        """Wait for a reply.

        Raises:
            LinkClosed: the connection ended before it.
            ReplyTimeout: none within `timeout` seconds.
        """
        if not place.wait(timeout):
            raise ReplyTimeout(f"no reply within {timeout:g} s")
        if place.frame is None:
            raise LinkClosed(self.ended or "the connection has ended")
        return place.frame

    def post(self, data: bytes, label: str, *, more: bool = False) -> None:
        """Send a command; `on_posted` gets its label and its reply, if one comes. `more`: see `Link.post`.

        Raises:
            LinkClosed: the connection has ended.
        """
        if not more:
            self._send(data, label)
            return
        if self.ended is not None:
            raise LinkClosed(self.ended)
        self._places.append(label)
        if not self._held:
            self._loop.run_callback(self._let_go)
        self._held += data

    def _let_go(self) -> None:
        """Nothing has followed what was held back."""
        if self._held and not self._released:
            self._write(b"")

    def _send(self, data: bytes, *places: Place | str) -> None:
        if self.ended is not None:
            raise LinkClosed(self.ended)
        # Nothing between here and the end of the write lets another greenlet run: places are in the order of the
        # bytes, and the bytes of one command lie together, even if whoever sends it is killed next.
        self._places.extend(places)
        self._write(data)
        if self.ended is not None:
            raise LinkClosed(self.ended)

    def _write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        metrics.sent.n += len(data)
        if not self._unsent:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                pass
            except OSError as error:
                self._write_failed(error)
                return
        if data:
            self._unsent += data
            if len(self._unsent) > MAX_UNSENT:
                self._end("FreeSWITCH does not read our commands")
                return
            if self._writing is None:
                self._writing = self._loop.io(self._fd, _WRITE)
            if not self._writing.active:
                self._writing.start(self._writable)

    def _writable(self) -> None:
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            self._write_failed(error)
            return
        if not self._unsent:
            self._writing.stop()
            if self._closing is not None:
                self._shut_down()

    def _write_failed(self, error: OSError) -> None:
        # The hang-up and its cause may lie unread in front of the end.
        for _ in range(64):
            if self._released or not self._readable():
                break
        self._end(f"FreeSWITCH closed the connection ({error.strerror})")

    # --- receiving ------------------------------------------------------------------------------------------------

    def read_now(self) -> bool:
        """Take one piece of what has come, without waiting for the hub to do so; whether there may be more."""
        return not self._released and self._readable()

    @property
    def empty(self) -> bool:
        """Whether all that had come was read, a moment ago."""
        return time.monotonic() - self._emptied_at < JUST_EMPTIED

    @property
    def _log(self) -> Logger:
        return log.bind(call=self.call) if self.call else log

    def _readable(self) -> bool:
        """Take one piece; whether there may be more."""
        try:
            return self._read()
        except Exception:
            # A fault of ours in what a frame set off: this call pays for it, no other does.
            self._log.exception("an error while reading from FreeSWITCH")
            self._end("an internal error while reading")
            return False

    def _read(self) -> bool:
        if self._sock.fileno() != self._fd:
            # Somebody closed it behind our back. The number may belong to another call's connection by now.
            self._end("the socket was closed")
            return False
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            self._emptied_at = time.monotonic()
            return False
        except OSError as error:
            self._end(f"the connection to FreeSWITCH broke ({error.strerror})")
            return False
        metrics.received.n += len(data)
        if len(data) < READ_SIZE:
            self._emptied_at = time.monotonic()
        if self._closing is not None:
            if not data:
                self._release()
            return bool(data)
        if not data:
            missing = self._reader.eof()
            self._end(
                "FreeSWITCH closed the connection"
                + (f" in the middle of a frame: {missing}" if missing else "")
            )
            return False
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            self._take(error.frames)
            self._end(f"not the event socket protocol: {error}")
            return False
        self._take(frames)
        return True

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self.ended is not None:
                return
            if frame.content_type in ("command/reply", "api/response"):
                self._reply(frame)
            else:
                self._on_frame(frame)

    def _reply(self, frame: Frame) -> None:
        if not self._places:
            self._log.warning("a reply to no command was dropped")
            return
        place = self._places.pop(0)
        if isinstance(place, str):
            self._on_posted(place, frame)
        else:
            place.take(frame)

    # --- the end --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the connection. For the caller it has ended now; FreeSWITCH gets a moment to read what was sent.

        Closing at once would reset the connection if anything unread has come meanwhile, and a reset makes
        FreeSWITCH forget commands that it has not read.
        """
        if self.ended is not None:
            return
        self._write(b"exit\n\n")
        if self._released:
            return
        self._closing = self._loop.timer(CLOSING)
        self._closing.start(self._release)
        if not self._unsent:
            self._shut_down()
        self._over("we closed the connection")

    def abort(self, reason: str) -> None:
        """End the connection without a word."""
        self._end(reason)

    def _shut_down(self) -> None:
        try:
            self._sock.shutdown(SHUT_WR)
        except OSError:
            self._release()

    def _end(self, reason: str) -> None:
        self._release()
        self._over(reason)

    def _over(self, reason: str) -> None:
        if self.ended is not None:
            return
        self.ended = reason
        places, self._places = self._places, []
        for place in places:
            if isinstance(place, Place):
                place.take(None)
        self._on_end(reason)
        self._forget_owner()

    def _release(self) -> None:
        """Give the file descriptor and the watchers back."""
        if self._released:
            return
        self._released = True
        for watcher in (self._reading, self._writing, self._closing):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._unsent.clear()
        self._sock.close()
        self._forget_owner()

    def _forget_owner(self) -> None:
        """Whoever owns us is freed with the last reference to it (see `Leg.close`), once it is told of nothing more."""
        if self._released and self.ended is not None:
            self._on_frame = self._on_end = self._on_posted = _nothing


def _nothing(*_: object) -> None:
    pass

"""The parent's worker processes, and the line to each: forked, spoken to, ended. What they are for, others know."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

from fsflows.log import get_logger
from fsflows.server.node.channel import Channel, Message

log = get_logger("server.parent")


class Children:
    """See the module. A child has a number, which its successor may get.

    Args:
        selector: tells the parent of what a child says, with its number as data.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._pids: dict[int, int] = {}
        self._channels: dict[int, Channel] = {}

    def there(self, number: int) -> bool:
        """Whether there is a line to a child."""
        return number in self._channels

    # --- lives --------------------------------------------------------------------------------------------------------

    def fork(self, number: int, life: Callable[[Any], int]) -> int:
        """Start a child; returns its process id.

        Args:
            number: which one it is.
            life: all that it does, `forget` among it; gets its end of the line, a plain socket, and returns its exit
                status.
        """
        ours, theirs = Channel.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # what the child shares with us stays shared
        pid = os.fork()
        if pid == 0:
            ours.close()
            _live(life, theirs)
        theirs.close()
        ours.setblocking(False)
        self._pids[pid] = number
        self._channels[number] = Channel(ours)
        self._selector.register(ours, selectors.EVENT_READ, number)
        return pid

    def forget(self) -> None:
        """In a child: the others are its parent's."""
        for channel in self._channels.values():
            channel.close()

    def kill(self, number: int) -> None:
        """End a child that does not end by itself."""
        for pid in [pid for pid, each in self._pids.items() if each == number]:
            os.kill(pid, signal.SIGKILL)

    def ended(self) -> Iterator[tuple[int, int, int]]:
        """Those that have ended: number, process id, exit code (less than 0: the signal). Hang up on each."""
        for pid, number in list(self._pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._pids[pid]
                yield number, pid, os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """End all of them, and wait for it."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._pids.clear()
        for number in list(self._channels):
            self.hang_up(number)

    # --- lines --------------------------------------------------------------------------------------------------------

    def send(self, number: int, message: Message, descriptors: Iterable[int] = ()) -> None:
        """Say something to a child, if it is there."""
        if number in self._channels:
            self._channels[number].send(message, descriptors)

    def hear(self, number: int) -> Iterator[Message]:
        """What a child has said; hangs up when its end is gone."""
        channel = self._channels.get(number)
        while channel is not None:
            try:
                said = channel.receive()
            except BlockingIOError:
                return
            if said is None:
                self.hang_up(number)
                return
            yield said[0]

    def hang_up(self, number: int) -> None:
        """Let go of the line to a child."""
        channel = self._channels.pop(number, None)
        if channel is not None:
            self._selector.unregister(channel)
            channel.close()


def _live(life: Callable[[Any], int], line: Any) -> NoReturn:
    """In the child, to its end."""
    status = 70
    try:
        status = life(line)
    except BaseException:  # nothing of the parent's stack may run here
        log.exception("a worker failed")
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)

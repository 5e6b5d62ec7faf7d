"""The server as processes: a parent that answers no calls, and workers that do.

The parent holds the listening sockets, starts workers and begins again what has died or stands still, and passes on
what signals ask for; `fsflows.server.fleet` decides, this does. It imports no gevent and starts no thread, so that it
can fork at any time. A worker is patched and set up only after the fork.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from fsflows import log as logs
from fsflows import metrics
from fsflows.server import adjustable
from fsflows.server.fleet import orders
from fsflows.server.fleet.fleet import Fleet
from fsflows.server.node.channel import Message
from fsflows.server.node.editions import Editions
from fsflows.server.node.peers import Table
from fsflows.server.node.post import Post
from fsflows.server.node.roles import roles
from fsflows.server.parent.children import Children
from fsflows.server.parent.lending import Lending
from fsflows.server.parent.notify import Notifier, Report
from fsflows.server.parent.sockets import Sockets
from fsflows.server.parent.succession import INHERITED, Predecessor, Successor
from fsflows.settings import Settings
from fsflows.settings.address import parse_address

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)

log = logs.get_logger("server.parent")


Work = Callable[[Settings, Post], int]
"""The life of a worker; returns its exit status."""


class Parent:
    """See the module.

    Args:
        settings: `server`, `console.listen` and `log` are used here, everything in the workers.
        work: what a worker does.
        read_again: see `fsflows.server.serve`.
    """

    def __init__(
        self, settings: Settings, work: Work, read_again: Callable[[], Settings] | None = None
    ) -> None:
        chosen = settings.server
        self._settings = settings
        self._work = work
        self._read_again = read_again
        self._fleet = Fleet(
            roles(max(1, chosen.workers)), chosen.heartbeat_timeout, chosen.drain_timeout
        )
        self._sockets = Sockets({})
        self._lending: Lending
        self._notifier = Notifier()
        self._report = Report(self._notifier)
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._selector)
        self._editions = Editions(settings.flows.paths)
        self._peers = Table(chosen.workers) if chosen.workers > 1 else None
        self._before = Predecessor("")
        self._successor: Successor | None = None
        self._status: int | None = None
        self._directory = ""
        self._pipe = (-1, -1)
        self._handed_over = self._ready_said = self._log_set_up = False
        self._replace_later = False

    def run(self) -> int:
        """From the start to the end; returns the exit status."""
        inherited = os.environ.pop(INHERITED, "")
        os.environ.pop(metrics.DIRECTORY, None)
        try:
            self._directory = tempfile.mkdtemp(prefix="fsflows-")
        except OSError as error:
            why = error.strerror or error
            advice = "mount one at /tmp (a small one in memory will do), or set TMPDIR"
            print(f"no temporary directory can be made: {why}; {advice}", file=sys.stderr)
            return 1
        if len(self._fleet.members) > 1:
            metrics.share(self._directory)
        wake, woken = self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.signal(number, _noted) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._selector.register(wake, selectors.EVENT_READ)
        try:
            self._sockets = Sockets(self._addresses())
            self._lending = Lending(
                self._sockets, self._selector, self._children.send, self._children.there
            )
            self._before = Predecessor(inherited)
            self._sockets.adopt(self._before.sockets)
            self._editions.read(0, 0)
            self._carry_out(self._fleet.begin(time.monotonic()))
            while self._status is None:
                self._turn(wake)
            return self._status
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._let_go()
            os.close(wake)
            os.close(woken)
            shutil.rmtree(self._directory, ignore_errors=True)

    def _addresses(self) -> dict[str, tuple[tuple[str, int], int]]:
        """Those that can be read; the first worker says what is wrong with the others."""
        server, console = self._settings.server, self._settings.console
        found: dict[str, tuple[tuple[str, int], int]] = {}
        with suppress(ValueError):
            found["calls"] = (parse_address(server.listen), server.backlog)
        with suppress(ValueError):
            found["console"] = (parse_address(console.listen), 64)
        return found

    # --- one turn -----------------------------------------------------------------------------------------------------

    def _turn(self, wake: int) -> None:
        now = time.monotonic()
        due = min(self._fleet.due(now), self._lending.due, self._report.due)
        for key, _ in self._selector.select(max(0.0, due - now)):
            if key.fileobj == wake:
                self._signalled(os.read(wake, 512))
            elif key.data == "ready":
                self._succeeded(key.fileobj)
            elif key.data == "dismiss":
                self._lending.dismiss()
            else:
                self._hear(key.data)
        self._reap()
        now = time.monotonic()
        self._carry_out(self._fleet.tick(now))
        self._lending.retry(now)
        self._report.tell(now, self._fleet.status, reloaded=not self._fleet.editions.open)

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            now = time.monotonic()
            match number:
                case signal.SIGTERM:
                    self._stop("SIGTERM", now)
                case signal.SIGINT:
                    self._stop("SIGINT", now)
                case signal.SIGHUP:
                    self._reload()
                case signal.SIGUSR2:
                    self._replace()

    def _reload(self) -> None:
        """Read settings and flows again."""
        if self._fleet.how:
            log.warning("nothing is read again: this server stops")
            return
        self._report.reloading()
        self._adjust()
        self._carry_out(self._fleet.reload())

    def _adjust(self) -> None:
        """Put in force what has changed in the settings and can be; say what can't."""
        if self._read_again is None:
            return
        changes = adjustable.read_again(self._settings, self._read_again)
        if changes is None:
            return
        before, self._settings = self._settings, changes.settings
        if before.log != self._settings.log:
            logs.set_levels(self._settings.log.level, self._settings.log.levels)
        server = self._settings.server
        told = adjustable.as_message(self._settings)
        self._carry_out(self._fleet.adjust(server.heartbeat_timeout, server.drain_timeout, told))
        log.info("settings changed", names=changes.names)

    def _stop(self, how: str, now: float) -> None:
        if self._successor is not None and not self._fleet.how:
            self._successor.terminate()  # it does not serve yet: it is stopped with us
        self._report.stopping()
        self._carry_out(self._fleet.stop(how, now))

    def _succeeded(self, successor: Any) -> None:
        """It serves, or has closed its end of the pipe without."""
        self._selector.unregister(successor)
        if successor.serves() and not self._fleet.how:
            self._handed_over = True
            self._report.hand_over()
            self._carry_out(self._fleet.stop("SIGTERM", time.monotonic(), handed_over=True))

    def _hear(self, number: int) -> None:
        for message in self._children.hear(number):
            self._carry_out(self._fleet.heard(number, message, time.monotonic()))

    def _reap(self) -> None:
        if self._successor is not None and (status := self._successor.status()) is not None:
            successor, self._successor = self._successor, None
            if successor.fileno() >= 0:  # what it has started may still hold the other end
                self._selector.unregister(successor)
                successor.close()
            if not self._fleet.how:
                log.error("the successor has ended; this server goes on", status=status)
            elif self._handed_over and status:
                log.error("the successor has ended; nobody listens any more", status=status)
            self._report.take_back()
            if not self._fleet.open:
                self._shut(dismiss=True)
        for number, pid, code in self._children.ended():
            self._hear(number)  # its last words
            self._children.hang_up(number)
            metrics.forget_process(pid)
            self._carry_out(self._fleet.died(number, code, time.monotonic()))

    # --- orders -------------------------------------------------------------------------------------------------------

    def _carry_out(self, what: list[orders.Order]) -> None:
        for order in what:
            match order:
                case orders.Start(number):
                    self._start(number)
                case orders.Kill(number):
                    self._children.kill(number)
                case orders.Tell(number, message):
                    self._tell(number, message)
                case orders.Read(edition):
                    self._editions.read(edition, self._fleet.editions.in_force)
                case orders.Give(number, name):
                    self._lending.give(number, name, time.monotonic())
                case orders.Shut(dismiss):
                    self._lending.unwanted()
                    self._shut(dismiss=dismiss)
                case orders.Say(level, event, fields):
                    getattr(log, level)(event, **fields)
                case orders.Booted():
                    self._booted()
                case orders.Exit(status, text):
                    if text:
                        print(text, file=sys.stderr)
                    self._status = status

    def _tell(self, number: int, message: Message) -> None:
        descriptors = []
        if message["what"] == "node":
            message = {**message, "deaf": self._lending.deaf(time.monotonic())}
        elif message["what"] == "reload":
            with suppress(OSError):  # the worker says that it got nothing
                descriptors.append(self._editions.descriptor(message["edition"]))
        self._children.send(number, message, descriptors)

    def _booted(self) -> None:
        self._before.say_ready()
        self._ready_said = True
        self._report.ready()
        if self._replace_later:
            self._replace_later = False
            self._replace()

    # --- workers ------------------------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        if not self._log_set_up:
            self._log_set_up = True
            with suppress(ValueError):  # the worker says what is wrong with it
                logs.setup(
                    self._settings.log.level,
                    self._settings.log.format,
                    parts=self._settings.log.levels,
                )
        role = self._fleet.members[number].role
        pid = self._children.fork(number, lambda line: self._become(self._post(number, line)))
        if role != "all":
            log.info("a worker is started", worker=number, does=role, pid=pid)

    def _post(self, number: int, line: Any) -> Post:
        members = self._fleet.members
        role = members[number].role
        others = tuple(each.number for each in members if each.role == "calls")
        return Post(
            number,
            role,
            line,
            self._directory,
            others if role == "office" else (),
            self._editions.get(self._fleet.editions.in_force),
            self._peers,
            self._fleet.has_been_ready,
        )

    def _become(self, post: Post) -> int:
        """In the child: its whole life; returns its exit status."""
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            # What Ctrl-C or a service manager tells the whole group, the parent tells it in its own time.
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for descriptor in self._pipe:
            os.close(descriptor)
        self._children.forget()
        self._sockets.forget()
        self._editions.close()
        self._before.close()
        if self._successor is not None:
            self._successor.close()
        try:
            metrics.reserve()
        except OSError as error:
            log.error("no room for a worker's metrics", where=self._directory, why=str(error))
            return 70
        return self._work(self._settings, post)

    def _let_go(self) -> None:
        self._children.end()
        self._sockets.forget()
        self._editions.close()
        self._selector.close()

    # --- a new version ------------------------------------------------------------------------------------------------

    def _replace(self) -> None:
        """Start the program anew, with our sockets; when it serves, it tells us to stop."""
        if self._fleet.how or self._successor is not None:
            log.warning("no successor is started: one runs already, or this server stops")
            return
        if not self._ready_said:
            self._replace_later = True
            return
        if os.getpid() == 1:
            log.warning("no successor is started: a container ends with its first process")
            return
        try:
            # Also at the limit, with the socket closed: else the two would want the same address.
            self._sockets.open("calls")
        except OSError as error:
            log.error("a successor can't be started", why=error.strerror)
            return
        try:
            self._successor = Successor(self._sockets, self._notifier)
        except OSError as error:
            log.error("a successor can't be started", why=str(error))
        else:
            self._selector.register(self._successor, selectors.EVENT_READ, "ready")
            log.info(
                "a successor is started; it takes over when it serves", pid=self._successor.pid
            )
        if not self._fleet.open:
            self._shut(dismiss=True)

    def _shut(self, *, dismiss: bool) -> None:
        """Close the calls' socket."""
        successor = "starts" if self._successor is not None else ""
        self._lending.shut(dismiss=dismiss, successor="serves" if self._handed_over else successor)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The number is in the wake-up pipe."""

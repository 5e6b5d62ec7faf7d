"""A worker: a service that takes its orders, and its listening sockets, from the parent."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import sys
import time
from typing import Any

import gevent
import gevent.event
from gevent import socket

from fsflows import log as logs
from fsflows import metrics
from fsflows.database import DatabaseFailed
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flows
from fsflows.flow.model import FlowSet
from fsflows.server.adjustable import from_message
from fsflows.server.checks import faults, missing
from fsflows.server.door.door import LentDoor
from fsflows.server.node.channel import Channel, Message
from fsflows.server.node.editions import received
from fsflows.server.node.peers import SharedPeers
from fsflows.server.node.post import Post
from fsflows.server.office.live_link import LiveServer, RemoteLive
from fsflows.server.worker.service import CannotListen, Parts, Service
from fsflows.settings import Settings

BEAT = 1.0
"""Seconds between two signs of life."""

LONGEST = 1000
"""Characters of a problem that others are told."""

log = logs.get_logger("server")


def work(settings: Settings, post: Post) -> int:
    """Serve until the parent says otherwise; returns the exit status (see `fsflows.server.serve`)."""
    channel = Channel(socket.socket(fileno=post.channel.detach()))
    wrong = faults(settings)
    if wrong:
        return _refuse(2, *wrong)
    number = None if post.role == "all" else post.number
    logs.setup(settings.log.level, settings.log.format, parts=settings.log.levels, worker=number)
    logs.route_crashes()
    wrong = []
    flows: FlowSet = {}
    try:
        flows = load_flows(settings.flows.paths, post.flows)
    except FlowErrors as errors:
        wrong.append(str(errors))
    wrong += missing(settings)
    if wrong:
        return _refuse(1, *wrong)
    try:
        return _Worker(settings, post, channel).run(flows)
    except CannotListen as error:
        return _refuse(1, str(error))
    except DatabaseFailed as error:
        return _refuse(1, f"database.url: {error}")
    except ValueError as error:
        return _refuse(2, str(error))


def _refuse(status: int, *lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return status


class _Worker:
    """A service, and the line to the parent."""

    def __init__(self, settings: Settings, post: Post, channel: Channel) -> None:
        self._settings = settings
        self._post = post
        self._channel = channel
        self._service: Service | None = None
        self._door = LentDoor(lambda: self._fetch("calls"), self._report)
        self._sockets: dict[str, gevent.event.AsyncResult[Any]] = {}
        self._stop: Any = gevent.event.AsyncResult()
        self._orphaned = False
        self._node: Message = {}
        self._full = False

    def run(self, flows: FlowSet) -> int:
        """From the start to the end."""
        listening = gevent.spawn(self._listen)
        service = Service(self._settings, flows, self._parts())
        try:
            service.start()
        except BaseException:
            service.stop()
            raise
        self._service = service
        self._adjust_service()
        self._beat()
        self._channel.send({"what": "ready"})
        beating = gevent.spawn(self._keep_beating)
        left = service.stop(self._stop.get())
        beating.kill()
        metrics.flush()
        self._channel.send({"what": "left", "cut_off": left})
        listening.kill()
        return 0

    def _parts(self) -> Parts:
        post = self._post
        calls, office = post.role != "office", post.role != "calls"
        return Parts(
            calls=calls,
            door=self._door if calls else None,
            console=(lambda: self._fetch("console")) if office else None,
            beside=office,
            node=lambda: self._node,
            live_elsewhere=tuple(RemoteLive(post.directory, number) for number in post.others),
            share_live=(lambda live: LiveServer(live, post.directory, post.number))
            if not office
            else None,
            set_level=self._set_level,
            peers=SharedPeers(post.peers, post.number - 1) if post.peers and calls else None,
            database_known=post.again,
        )

    # --- to the parent ----------------------------------------------------------------------------------------------

    def _fetch(self, name: str) -> Any:
        """A listening socket.

        Raises:
            OSError: it can't be had.
        """
        if self._orphaned:
            raise OSError(errno.EPIPE, "the parent process is gone")
        waiting = self._sockets[name] = gevent.event.AsyncResult()
        self._channel.send({"what": "socket", "name": name})
        return waiting.get()

    def _report(self, full: bool) -> None:
        self._full = full
        self._beat()

    def _keep_beating(self) -> None:
        while True:
            gevent.sleep(BEAT)
            metrics.flush()
            self._beat()

    def _beat(self) -> None:
        service = self._service
        news: Message = {"what": "beat", "full": self._full}
        if service is not None:
            news["calls"] = service.calls
            news["lag"] = round(service.watchdog.lag, 4)
            news["writer"] = dataclasses.asdict(service.writer.stats)
        self._channel.send(news)

    def _set_level(self, part: str, level: str) -> None:
        logs.set_level(part, level)
        self._channel.send({"what": "level", "part": part, "level": level})

    # --- from the parent --------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while (said := self._channel.receive()) is not None:
            message, descriptors = said
            try:
                self._obey(message, descriptors)
            except Exception:
                log.exception("an order could not be carried out", order=message.get("what"))
        # The parent is gone: nobody watches over us any more, and its successor wants our place.
        log.error("the parent process is gone: stopping")
        self._orphaned = True
        for waiting in self._sockets.values():
            waiting.set_exception(OSError(errno.EPIPE, "the parent process is gone"))
        self._end(self._settings.server.drain_timeout)
        shutil.rmtree(self._post.directory, ignore_errors=True)

    def _obey(self, message: Message, descriptors: list[int]) -> None:
        match message["what"]:
            case "socket":
                self._receive_socket(message, descriptors)
            case "shut":
                self._shut()
            case "node":
                self._node = {**message, "at": time.monotonic()}
            case "stop":
                if message.get("handed_over"):
                    self._shut_console()
                self._end(float(message["drain"]))
            case "hurry" | "cut" if self._service is not None:
                self._service.hurry = True
                if message["what"] == "cut":
                    self._service.cut()
            case "reload":
                # Beside other orders: it goes on for some time, and who is told to stop must not finish it first.
                gevent.spawn(self._reload, int(message["edition"]), descriptors)
            case "level":
                logs.set_level(message["part"], message["level"])
            case "settings":
                self._adjust(message)

    def _adjust(self, message: Message) -> None:
        before, self._settings = self._settings, from_message(self._settings, message)
        if before.log != self._settings.log:  # else what the console has set stays
            logs.set_levels(self._settings.log.level, self._settings.log.levels)
        self._adjust_service()

    def _adjust_service(self) -> None:
        if self._service is not None and self._service.settings is not self._settings:
            self._service.adjust(self._settings)

    def _receive_socket(self, message: Message, descriptors: list[int]) -> None:
        waiting = self._sockets.pop(message["name"], None)
        if not descriptors and waiting is None and message["name"] == "calls":
            self._channel.send({"what": "lost"})
            self._door.missed()
            return
        if not descriptors:
            number = int(message.get("errno") or 0)
            if waiting is not None:
                waiting.set_exception(OSError(number, os.strerror(number)))
            return
        sock = socket.socket(fileno=descriptors[0])
        if waiting is not None:
            waiting.set(sock)
        else:
            self._door.bring(sock)

    def _shut(self) -> None:
        if self._post.role == "office":
            self._shut_console()
        else:
            self._door.take_away()

    def _shut_console(self) -> None:
        if self._service is not None and self._service.beside is not None:
            self._service.beside.shut_console()

    def _end(self, drain: float) -> None:
        if not self._stop.ready():
            self._stop.set(drain)

    def _reload(self, edition: int, descriptors: list[int]) -> None:
        problems: list[str] = []
        try:
            if not descriptors or self._service is None:
                raise OSError("out of file descriptors; tell it to reload once more")
            self._service.reload(received(descriptors[0]))
        except FlowErrors as errors:
            problems += map(str, errors.problems)
        except Exception as error:
            # A flow author's file is run here, and may raise what it likes.
            problems.append(str(error) or type(error).__name__)
        for problem in problems:
            log.error("flows not loaded; the old ones stay", problem=problem)
        self._beat()
        said: Message = {"what": "reloaded", "edition": edition}
        self._channel.send({**said, "problem": problems[0][:LONGEST]} if problems else said)

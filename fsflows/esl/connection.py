"""What the outbound session and the inbound connection share: commands, events, handlers, and the end of it all.

A mixin in front of greenswitch's classes. Its receive path takes the place of theirs; what stands on it (`playback`,
`play_and_get_digits`, ...) is theirs still.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from greenswitch.esl import NotConnectedError

from fsflows.esl import metrics
from fsflows.esl.commands import Command
from fsflows.esl.event import Event
from fsflows.esl.frames import Frame, FrameError
from fsflows.esl.inbox import Inbox
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.esl.wire import Place, Wire
from fsflows.log import Logger, get_logger

Handler = Callable[[Any], Any]

_ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK"
_PRINTED = b"Content-Type: api/response\nContent-Length: "

CATCH_UP = 64
"""Pieces read at once, at the most, to find out whether anything came before a deadline: some 4 MB."""

log = get_logger("esl")


class Response:
    """A reply as greenswitch's applications know it: `headers`, and `data`: Reply-Text or the output of an api."""

    __slots__ = ("data", "headers")

    def __init__(self, frame: Frame) -> None:
        if b"Event-Name: CHANNEL_DATA" in frame.head:
            self.headers = Event.from_head(frame.head).headers
        else:
            self.headers = frame.headers
        self.data: str = _text(frame)


class Asked:
    """A command that was sent, and its reply; see `fsflows.esl.link.Asked`."""

    __slots__ = ("_command", "_place", "_wire")

    def __init__(self, command: Command, wire: Wire, place: Place) -> None:
        self._command = command
        self._wire = wire
        self._place = place

    def reply(self, timeout: float | None = 5.0) -> Reply:
        """The reply.

        Raises:
            LinkClosed: the connection ended before it.
            ReplyTimeout: none within `timeout` seconds; its place stays reserved.
        """
        command = self._command
        try:
            frame = self._wire.reply(self._place, timeout)
        except ReplyTimeout:
            metrics.count(metrics.refused, command.verb)
            raise ReplyTimeout(f"no reply to `{command.label}` within {timeout:g} s") from None
        reply = reply_of(frame)
        if not reply.ok:
            metrics.count(metrics.refused, command.verb)
        return reply


class Connection:
    """A connection to FreeSWITCH; see `fsflows.esl.link` for `request`, `ask`, `post`, `receive`
    and `wake`.

    Attributes:
        keep_events: whether events are kept for `receive`; switched off where nobody will call it.
        event_handlers: functions by event name, as greenswitch keeps them.
    """

    _gone: type[Exception] = NotConnectedError
    _wire: Wire | None = None

    def _prepare_state(self) -> None:
        """What greenswitch's constructors set up, without their queue, their event and their two greenlets."""
        self.keep_events = True
        self.event_handlers: dict[str, list[Handler]] = {}
        self.connected = False
        self.sock: Any = None
        self.sock_file = None
        self._lingering = False
        self._inbox = Inbox()
        self._to_handle: Inbox | None = None

    def _attach(self, sock: Any) -> None:
        self.sock = sock
        self.connected = True
        self._wire = Wire(sock, self._on_frame, self._on_end, self._posted)

    @property
    def _log(self) -> Logger:
        return log

    # --- the link -------------------------------------------------------------------------------------------------

    @property
    def lingering(self) -> bool:
        """Whether the call is over and FreeSWITCH only keeps the connection open for the last events."""
        return self._lingering

    @property
    def released(self) -> bool:
        """Whether the connection's file descriptor has been given back (a moment after `close`)."""
        return self._wire is None or self._wire.released

    def request(self, command: Command, timeout: float | None = 5.0) -> Reply:
        """Send a command and wait for its reply.

        Raises:
            LinkClosed: the connection ended before the reply.
            ReplyTimeout: no reply within `timeout` seconds; its place stays reserved.
        """
        return self.ask(command).reply(timeout)

    def ask(self, command: Command) -> Asked:
        """Send a command, and wait for its reply later.

        Raises:
            LinkClosed: the connection has ended.
        """
        metrics.count(metrics.commands, command.verb)
        wire = self._connected_wire()
        return Asked(command, wire, wire.ask(command.encode()))

    def post(self, command: Command, *, more: bool = False) -> None:
        """Send a command and don't wait; a refusal is logged, without the command's values.

        Args:
            command: the command.
            more: another one follows at once: both go in one piece. If none does, it is sent as soon as others run.

        Raises:
            LinkClosed: the connection has ended.
        """
        metrics.count(metrics.commands, command.verb)
        self._connected_wire().post(command.encode(), command.label, more=more)

    def receive(self, until: float | None = None) -> Event | None:
        """The next event; ``None`` when the deadline (of `time.monotonic`) passes first, or `wake` is called.

        A deadline that passed while the process was busy does not hide what came before it: the socket is looked at
        once more.

        Raises:
            LinkClosed: the connection has ended and no event is left.
        """
        event = self._inbox.get(until)
        if (
            event is None
            and until is not None
            and time.monotonic() >= until
            and self._wire is not None
            and not self._wire.empty
        ):
            self._catch_up(self._wire)
            event = self._inbox.get(until)
        return event

    def _catch_up(self, wire: Wire) -> None:
        """Take from the socket what has come already, as far as the first event in it."""
        for _ in range(CATCH_UP):
            if len(self._inbox) or not wire.read_now():
                return

    def wake(self) -> None:
        """Let a `receive` that waits return ``None`` now."""
        self._inbox.wake()

    def close(self) -> None:
        """End the connection: `exit`, then close. May be called twice; does not wait."""
        if self._wire is not None:
            self._wire.close()

    def _connected_wire(self) -> Wire:
        if self._wire is None:
            raise LinkClosed("not connected")
        return self._wire

    def _posted(self, label: str, frame: Frame) -> None:
        if _refuses(frame):
            metrics.count(metrics.refused, label.partition(" ")[0])
            # A call that is over refuses everything; that is no news.
            report = self._log.info if self._lingering else self._log.warning
            report("FreeSWITCH refused a command", command=label)

    # --- what comes -----------------------------------------------------------------------------------------------

    def _on_frame(self, frame: Frame) -> None:
        kind = frame.content_type
        if kind == "text/event-plain":
            self._on_event(Event(frame.body), frame.size)
        elif kind == "text/event-json":
            try:
                event = Event.from_json(frame.body)
            except FrameError as error:
                # The frame around it was sound: only this event is lost, not the call.
                self._log.warning("an event was dropped", reason=str(error))
                return
            self._on_event(event, frame.size)
        elif kind == "text/disconnect-notice":
            self._on_notice(frame)
        elif kind == "log/data":
            self._to_handlers(_as_event(frame), frame.size)
        else:
            self._on_other(frame)

    def _on_event(self, event: Event, size: int) -> None:
        if self.event_handlers:
            self._to_handlers(event, size)
        if self.keep_events and not self._inbox.put(event, size):
            self._overflow(self._inbox)

    def _on_notice(self, frame: Frame) -> None:
        notice = _as_event(frame)
        self._to_handlers(notice, frame.size)
        # Either way the channel is down; without linger, as when it was before we could ask for it, at once.
        self._lingering = True
        if notice.get("Content-Disposition") != "linger":
            self._connected_wire().abort("FreeSWITCH ended the connection")

    def _on_other(self, frame: Frame) -> None:
        self._log.warning("a frame of an unknown kind was dropped", content_type=frame.content_type)

    def _on_end(self, reason: str) -> None:
        self.connected = False
        self._inbox.close(reason)
        if self._to_handle is not None:
            self._to_handle.close(reason)
        self._log.debug("connection ended", reason=reason)

    def _overflow(self, inbox: Inbox) -> None:
        self._log.error(
            "the call is ended: its application does not take its events", waiting=len(inbox)
        )
        self._connected_wire().abort(f"{len(inbox)} events were waiting to be taken")

    # --- greenswitch's way ------------------------------------------------------------------------------------------

    def send(self, data: str) -> Response:
        """Send a command as text and wait for its reply, however long that takes.

        Raises:
            NotConnectedError: the connection has ended.
            OutboundSessionHasGoneAway: it ended before the reply (outbound sessions; else `NotConnectedError`).
        """
        return self._send_raw((data + "\n\n").encode("utf-8", "replace"))

    def _send_raw(self, data: bytes) -> Response:
        if self._wire is None or self._wire.ended is not None:
            raise NotConnectedError("not connected" if self._wire is None else self._wire.ended)
        try:
            return Response(self._wire.request(data, None))
        except LinkClosed as closed:
            raise self._gone(closed.reason) from None

    def stop(self) -> None:
        """Greenswitch's name for `close`."""
        self.close()

    def register_handle(self, name: str, handler: Handler) -> None:
        """Call `handler(event)` for each event of a name (CUSTOM ones by subclass); ``*``: those without a handler,
        ``DISCONNECT``: disconnect notices, ``log``: log lines. Handlers run in a greenlet of their own, in order.
        """
        handlers = self.event_handlers.setdefault(name, [])
        if handler not in handlers:
            handlers.append(handler)
        if self._to_handle is None:
            self._to_handle = Inbox()
            gevent.spawn(self._run_handlers, self._to_handle)
            if self._wire is not None and self._wire.ended is not None:
                self._to_handle.close(self._wire.ended)

    def unregister_handle(self, name: str, handler: Handler) -> None:
        """Take a handler away.

        Raises:
            ValueError: it was not registered.
        """
        if name not in self.event_handlers:
            raise ValueError(f"No handlers found for event: {name}")
        self.event_handlers[name].remove(handler)
        if not self.event_handlers[name]:
            del self.event_handlers[name]

    def _handlers_of(self, event: Event) -> list[Handler]:
        handlers = self.event_handlers
        kind = event.get("Content-Type")
        if kind == "text/disconnect-notice":
            name = "DISCONNECT"
        elif kind == "log/data":
            name = "log"
        else:
            name = event.name
            if name == "CUSTOM":
                name = event.get("Event-Subclass") or ""
        return handlers.get(name) or handlers.get("*") or []

    def _to_handlers(self, event: Event, size: int) -> None:
        inbox = self._to_handle
        if inbox is not None and self._handlers_of(event) and not inbox.put(event, size):
            self._overflow(inbox)

    def _run_handlers(self, inbox: Inbox) -> None:
        while True:
            try:
                event = inbox.get()
            except LinkClosed:
                return
            if event is None:
                continue
            around: list[Handler] = [getattr(self, "before_handle", _nothing)]
            around += self._handlers_of(event)
            around.append(getattr(self, "after_handle", _nothing))
            for handler in around:
                try:
                    handler(event)
                except Exception:
                    self._log.exception("an event handler raised", handled=event.name)

    def start_event_handlers(self) -> None:
        """Nothing to start: the hub reads, and handlers get their greenlet when one is registered."""


def reply_of(frame: Frame) -> Reply:
    """A reply frame as a `Reply`."""
    head = frame.head
    # As FreeSWITCH writes it: no need to take it apart.
    if head.startswith(_PRINTED) and head.count(b"\n") == 1:
        length = head[len(_PRINTED) :].decode()
        headers = {"Content-Type": "api/response", "Content-Length": length}
        return Reply(frame.body.decode("utf-8", "replace").removesuffix("\n"), headers)
    return Reply(_text(frame).removesuffix("\n"), frame.headers)


def _refuses(frame: Frame) -> bool:
    """What `not reply_of(frame).ok` says, without reading the headers of a command's usual reply."""
    head = frame.head
    if head.startswith(_ACCEPTED) and head.count(b"\n") == 1:
        return False
    return not reply_of(frame).ok


def _text(frame: Frame) -> str:
    if frame.content_type == "api/response":
        return frame.body.decode("utf-8", "replace")
    return frame.headers.get("Reply-Text", "")


def _as_event(frame: Frame) -> Event:
    return Event.from_headers(frame.headers, frame.body.decode("utf-8", "replace"))


def _nothing(_event: Event) -> None:
    pass

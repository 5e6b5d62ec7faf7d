"""One call's connection: FreeSWITCH has connected to us for it.

`EslSession` is the `Link` of a real call, and at the same time a `greenswitch.esl.OutboundSession`: an application
written for greenswitch's server runs on it unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gevent.event import AsyncResult
from greenswitch.esl import OutboundSession, OutboundSessionHasGoneAway

from fsflows.esl import commands, metrics
from fsflows.esl.commands import Command
from fsflows.esl.connection import Connection, Response
from fsflows.esl.event import Event
from fsflows.esl.frames import Frame
from fsflows.esl.link import LinkClosed
from fsflows.log import Logger, get_logger

log = get_logger("esl.session")


class Opening:
    """What is said first on a connection, `connect` and more, encoded once for all calls.

    Args:
        more: what follows `connect`, usually `commands.subscription(...)`.
    """

    __slots__ = ("data", "labels", "verbs")

    def __init__(self, more: Iterable[Command] = ()) -> None:
        said = [commands.connect(), *more]
        self.data = b"".join(command.encode() for command in said)
        self.verbs = tuple(command.verb for command in said)
        self.labels = tuple(command.label for command in said[1:])


class EslSession(Connection, OutboundSession):  # type: ignore[misc]
    """A connection that FreeSWITCH made to us for a call.

    Args:
        client_address: FreeSWITCH's address, for the log.
        sock: the connected gevent socket; it belongs to the session from here on.
    """

    _gone = OutboundSessionHasGoneAway

    def __init__(self, client_address: Any, sock: Any) -> None:
        self._prepare_state()
        self.client_address = client_address
        self.expected_events: dict[str, list[tuple[str, str, AsyncResult[Event]]]] = {}
        self._channel: Event | None = None
        self._outbound_connected = False
        self._attach(sock)

    # --- our own calls --------------------------------------------------------------------------------------------

    def prepare(
        self, subscriptions: Opening | Iterable[Command] = (), timeout: float | None = 5.0
    ) -> Event:
        """Say `connect` and, in the same write, what else is to be set up; returns the channel's data.

        `connect` has to be the first: FreeSWITCH swallows the reply to any other first command. The rest runs
        behind it in order and is not waited for; what FreeSWITCH refuses of it is logged.

        Args:
            subscriptions: usually `commands.subscription(...)`.
            timeout: seconds to wait for the channel's data.

        Raises:
            LinkClosed: the connection ended, or is not FreeSWITCH's for a call.
            ReplyTimeout: no channel data in time.
        """
        opening = subscriptions if isinstance(subscriptions, Opening) else Opening(subscriptions)
        for verb in opening.verbs:
            metrics.count(metrics.commands, verb)
        frame = self._connected_wire().request(opening.data, timeout, opening.labels)
        return self._accept(frame)

    def _accept(self, frame: Frame) -> Event:
        channel = Event.from_head(frame.head)
        if not channel.uuid:
            reason = "the reply to `connect` has no channel in it"
            self._connected_wire().abort(reason)
            raise LinkClosed(reason)
        self._channel = channel
        self._connected_wire().call = channel.uuid
        self._outbound_connected = True
        if channel.late("Control") != "full":
            self._log.error(
                "the dialplan's socket application does not end in 'async full':"
                " api, linger and most events are refused"
            )
        if channel.late("Socket-Mode") != "async":
            self._log.error(
                "the dialplan's socket application does not end in 'async full':"
                " events wait for what is being played, and are late"
            )
        return channel

    @property
    def _log(self) -> Logger:
        return log if self._channel is None else log.bind(call=self._channel.uuid)

    @property
    def channel(self) -> Event:
        """The channel's data as it was when the call came in.

        Raises:
            LinkClosed: `prepare` (or `connect`) has not been called.
        """
        if self._channel is None:
            raise LinkClosed("the call's data has not been asked for")
        return self._channel

    # --- what comes -----------------------------------------------------------------------------------------------

    def _on_event(self, event: Event, size: int) -> None:
        if event.name == "CHANNEL_HANGUP" and event.uuid == self._uuid():
            self._outbound_connected = False
        if self.expected_events:
            self.on_event(event)
        super()._on_event(event, size)

    def _on_notice(self, frame: Frame) -> None:
        self._outbound_connected = False
        self._give_up()
        super()._on_notice(frame)

    def _on_end(self, reason: str) -> None:
        self._outbound_connected = False
        super()._on_end(reason)
        self._give_up()

    def _uuid(self) -> str:
        return self._channel.uuid if self._channel is not None else ""

    # --- greenswitch's way ----------------------------------------------------------------------------------------

    @property
    def session_data(self) -> dict[str, str] | None:
        """The channel's data as a dict; ``None`` before `connect`."""
        return None if self._channel is None else self._channel.headers

    def connect(self, timeout: float | None = None) -> dict[str, str] | None:
        """`prepare` without subscriptions, for applications of greenswitch; returns `session_data`."""
        if not self._outbound_connected:
            try:
                self.prepare(timeout=timeout)
            except LinkClosed as closed:
                raise OutboundSessionHasGoneAway(closed.reason) from None
        return self.session_data

    def call_command(
        self,
        app_name: str,
        app_args: Any = None,
        block: bool = False,
        response_timeout: float | None = None,
    ) -> Response | Event:
        """Execute an application; with `block`, wait for its CHANNEL_EXECUTE_COMPLETE and return that.

        Raises:
            OutboundSessionHasGoneAway: the call is over.
            UnsafeValue: the name or the argument can't be sent.
        """
        if self._lingering:
            raise OutboundSessionHasGoneAway("the call is over")
        # Not locked, as greenswitch does it: its applications count on a playback that starts inside another.
        command = commands.execute(app_name, "" if app_args is None else str(app_args), lock=False)
        if not block:
            return self._send_raw(command.encode())
        done: AsyncResult[Event] = AsyncResult()
        self.register_expected_event(
            "CHANNEL_EXECUTE_COMPLETE", "current_application", app_name, done
        )
        self._send_raw(command.encode())
        event = done.get(timeout=response_timeout)
        assert event is not None
        return event

    def on_event(self, event: Any) -> None:
        """Hand an event to those who wait for it (`register_expected_event`)."""
        expected = self.expected_events.get(event.name)
        if not expected:
            return
        still = []
        for variable, value, result in expected:
            if event.variable(variable) == value:
                result.set(event)
            else:
                still.append((variable, value, result))
        self.expected_events[event.name] = still

    def _give_up(self) -> None:
        expected, self.expected_events = self.expected_events, {}
        for waiting in expected.values():
            for _, _, result in waiting:
                result.set_exception(OutboundSessionHasGoneAway("the call is over"))

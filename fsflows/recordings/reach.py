"""What of a FreeSWITCH is within this node's reach: its files, and its event socket for calls that we don't have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fsflows.esl.inbound import InboundConnection
from fsflows.esl.link import Reply
from fsflows.recordings.control import Api, ApiControl, RecordingControl, RecordingError
from fsflows.recordings.files import Files


class Reach(Protocol):
    """How recovery gets at the FreeSWITCH that had a call, by its switch name."""

    def files(self, switch: str) -> Files: ...

    def control(self, switch: str, call_uuid: str) -> RecordingControl | None:
        """A way to a call of that FreeSWITCH; None: its event socket is not configured here, or can't be reached."""

    def switches(self) -> Sequence[str]:
        """The FreeSWITCHes whose files this node sees, beside those whose calls it had itself."""


@dataclass(slots=True)
class OneReach:
    """One kind of file work for all, and at most one event socket.

    Attributes:
        file_work: the files of every FreeSWITCH in reach.
        event_socket: of one of them.
        also: switch names of further ones whose recordings lie in the same (shared) directories.
    """

    file_work: Files
    event_socket: EventSocket | None = None
    also: Sequence[str] = field(default=())

    def files(self, switch: str) -> Files:
        return self.file_work

    def control(self, switch: str, call_uuid: str) -> RecordingControl | None:
        if self.event_socket is None:
            return None
        api = self.event_socket.of(switch)
        return None if api is None else ApiControl(api, call_uuid)

    def switches(self) -> Sequence[str]:
        ours = self.event_socket.switch() if self.event_socket else None
        return [*self.also, *([ours] if ours else [])]


class EventSocket:
    """FreeSWITCH's own event socket, connected when it is needed and again after it broke.

    Args:
        connect: makes a connected `InboundConnection`.
    """

    def __init__(self, connect: Callable[[], InboundConnection]) -> None:
        self._connect = connect
        self._connection: InboundConnection | None = None
        self._switch: str | None = None

    @classmethod
    def at(cls, address: str, password: str) -> EventSocket:
        """An event socket at host:port.

        Raises:
            ValueError: the address has no port.
        """
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"an event socket is given as host:port, got {address!r}")

        def connect() -> InboundConnection:
            connection = InboundConnection(host.strip("[]"), int(port), password)
            connection.connect()
            return connection

        return cls(connect)

    def switch(self) -> str | None:
        """The name of the FreeSWITCH behind it; None while it can't be reached.

        Asked anew with each connection: a call that another FreeSWITCH has would look as if it had ended.
        """
        if self._switch is None:
            try:
                self._switch = self.api("switchname").text.strip() or None
            except RecordingError:
                return None
        return self._switch

    def of(self, switch: str) -> Api | None:
        """Commands to the FreeSWITCH of that name ("": whichever it is); None: it is not behind this event socket.

        The name is looked at before every command, since any command may be the first of a new connection.
        """

        def api(name: str, *arguments: str) -> Reply:
            if not self._is(switch):
                raise RecordingError(f"FreeSWITCH {switch} can't be reached any more")
            return self.api(name, *arguments)

        return api if self._is(switch) else None

    def _is(self, switch: str) -> bool:
        here = self.switch()
        return here is not None and switch in ("", here)

    def api(self, name: str, *arguments: str) -> Reply:
        """Run an api command.

        Raises:
            RecordingError: FreeSWITCH can't be reached, or did not answer.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection.api(name, *arguments)
        except Exception as error:
            self.close()
            raise RecordingError(f"the event socket: {error}") from error

    def close(self) -> None:
        """End the connection; the next command makes a new one."""
        connection, self._connection, self._switch = self._connection, None, None
        if connection is not None:
            connection.close()


class LazyControl:
    """The event socket as a second way to a call whose own connection has failed; asked for when it is needed."""

    def __init__(self, reach: Reach, switch: str, call_uuid: str) -> None:
        self.call_uuid = call_uuid
        self._reach = reach
        self._switch = switch

    def _control(self) -> RecordingControl:
        control = self._reach.control(self._switch, self.call_uuid)
        if control is None:
            raise RecordingError("there is no event socket to ask instead")
        return control

    def start(self, path: str, *, stereo: bool = False) -> None:
        self._control().start(path, stereo=stereo)

    def stop(self, path: str) -> bool:
        return self._control().stop(path)

    def stop_all(self) -> None:
        self._control().stop_all()

    def mask(self, path: str) -> None:
        self._control().mask(path)

    def unmask(self, path: str) -> None:
        self._control().unmask(path)

    def active(self) -> list[str]:
        return self._control().active()

    def alive(self) -> bool:
        return self._control().alive()

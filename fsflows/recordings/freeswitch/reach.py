"""What of a FreeSWITCH is within this node's reach: its files, and its event socket for calls that we don't have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fsflows.esl.link import Reply
from fsflows.esl.supervised import FreeSwitches
from fsflows.recordings.files.files import Files
from fsflows.recordings.freeswitch.control import Api, ApiControl, RecordingControl, RecordingError


class Reach(Protocol):
    """How recovery gets at the FreeSWITCH that had a call, by its switch name."""

    def files(self, switch: str) -> Files: ...

    def control(self, switch: str, call_uuid: str) -> RecordingControl | None:
        """A way to a call of that FreeSWITCH; None: its event socket is not configured here, or can't be reached."""

    def switches(self) -> Sequence[str]:
        """The FreeSWITCHes whose files this node sees, beside those whose calls it had itself."""


class EventSockets(Protocol):
    """The event sockets of the FreeSWITCHes within reach."""

    def of(self, switch: str) -> Api | None:
        """Commands to the FreeSWITCH of that name ("": the only one); None: it can't be reached now."""

    def names(self) -> Sequence[str]:
        """Those that can be reached now."""


@dataclass(slots=True)
class OneReach:
    """One kind of file work for all, and event sockets.

    Attributes:
        file_work: the files of every FreeSWITCH in reach.
        event_sockets: of those that the settings name.
        also: switch names of further ones whose recordings lie in the same (shared) directories.
    """

    file_work: Files
    event_sockets: EventSockets | None = None
    also: Sequence[str] = field(default=())

    def files(self, switch: str) -> Files:
        return self.file_work

    def control(self, switch: str, call_uuid: str) -> RecordingControl | None:
        if self.event_sockets is None:
            return None
        api = self.event_sockets.of(switch)
        return None if api is None else ApiControl(api, call_uuid)

    def switches(self) -> Sequence[str]:
        ours = self.event_sockets.names() if self.event_sockets else ()
        return list(dict.fromkeys([*self.also, *ours]))


class ByName:
    """The settings' FreeSWITCHes, as event sockets."""

    def __init__(self, switches: FreeSwitches) -> None:
        self._switches = switches

    def of(self, switch: str) -> Api | None:
        """Commands to the FreeSWITCH of that name.

        It is looked for before every command: what is connected may be another one by then, which would say of every
        call of the first that it has ended.
        """

        def api(name: str, *arguments: str) -> Reply:
            there = self._switches.named(switch)
            if there is None:
                raise RecordingError(f"FreeSWITCH {switch} can't be reached any more")
            return there.api(name, *arguments)

        return None if self._switches.named(switch) is None else api

    def names(self) -> Sequence[str]:
        return self._switches.names()


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

    def forbid(self) -> None:
        self._control().forbid()

    def active(self) -> list[str]:
        return self._control().active()

    def has_file(self, path: str) -> bool:
        return self._control().has_file(path)

    def alive(self) -> bool:
        return self._control().alive()

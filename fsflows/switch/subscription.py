"""Which events a socket gets, and in which form: `myevents`, `event`, `nixevent`, `noevents`, `filter`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fsflows.esl import commands

if TYPE_CHECKING:
    from fsflows.switch.event import SwitchEvent

MY_EVENTS = frozenset(commands.MYEVENTS)

EVENT_NAMES = MY_EVENTS | {
    *(
        "CUSTOM",
        "CLONE",
        "ALL",
        "API",
        "LOG",
        "COMMAND",
        "CODEC",
        "GENERAL",
        "HEARTBEAT",
        "TRAP",
        "NAT",
    ),
    *("CALL_UPDATE", "CHANNEL_CALLSTATE", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_TRANSFER"),
    *(
        "INBOUND_CHAN",
        "OUTBOUND_CHAN",
        "STARTUP",
        "SHUTDOWN",
        "PUBLISH",
        "UNPUBLISH",
        "CALL_SECURE",
    ),
    *("RECORD_START", "RECORD_STOP", "PLAYBACK_START", "PLAYBACK_STOP", "BACKGROUND_JOB"),
    *("MESSAGE", "MESSAGE_WAITING", "MESSAGE_QUERY", "SEND_MESSAGE", "RECV_MESSAGE", "ROSTER"),
    *("PRESENCE_IN", "PRESENCE_OUT", "PRESENCE_PROBE", "DETECTED_TONE", "PRIVATE_COMMAND"),
    *("ADD_SCHEDULE", "DEL_SCHEDULE", "EXE_SCHEDULE", "RE_SCHEDULE", "RELOADXML", "NOTIFY"),
    *(
        "PHONE_FEATURE",
        "REQUEST_PARAMS",
        "CALL_DETAIL",
        "SESSION_HEARTBEAT",
        "SEND_INFO",
        "RECV_INFO",
    ),
    *("CLIENT_DISCONNECTED", "SERVER_DISCONNECTED", "RECV_RTCP_MESSAGE", "CALL_SETUP_REQ"),
    *("CALL_SETUP_RESULT", "MEDIA_BUG_START", "MEDIA_BUG_STOP", "CONFERENCE_DATA", "SESSION_DATA"),
}
"""What `event` takes for the name of an event."""


class Subscription:
    """What one socket asked for."""

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._mine = False
        self._filters: list[tuple[str, str]] = []
        self.json = False

    def my_events(self, form: str) -> bool:
        """`myevents [json|plain]`; False when that was asked for before."""
        if self._mine:
            return False
        self._mine = True
        self._names |= MY_EVENTS
        self.json = form == "json"
        return True

    def add(self, words: list[str]) -> bool:
        """`event [plain|json] NAME... [CUSTOM SUBCLASS...]`; False when nothing in it is the name of an event."""
        found = custom = False
        for place, word in enumerate(words):
            if place == 0 and word in {"plain", "json", "xml"}:
                self.json = word == "json"
            elif custom:
                self._subclasses.add(word)
            elif word.upper() in EVENT_NAMES:
                found = True
                self._names.add(word.upper())
                custom = word.upper() == "CUSTOM"
        return found

    def remove(self, words: list[str]) -> None:
        """`nixevent NAME...`."""
        for word in words:
            self._names.discard(word.upper())
            self._subclasses.discard(word)

    def clear(self) -> None:
        """`noevents`."""
        self._names.clear()
        self._subclasses.clear()

    def filter(self, header: str, value: str) -> None:
        self._filters.append((header, value))

    def unfilter(self, header: str, value: str) -> None:
        """Forget filters on a header: the one with that value, or all when `value` is empty."""
        self._filters = [
            (name, wanted)
            for name, wanted in self._filters
            if name != header or (value and wanted != value)
        ]

    def wants(self, name: str) -> bool:
        """Whether an event of that name can be of interest at all."""
        return name in self._names or "ALL" in self._names

    def passes(self, event: SwitchEvent) -> bool:
        """Whether this very event is sent."""
        everything = "ALL" in self._names
        if event.subclass:
            if not everything and event.subclass not in self._subclasses:
                return False
        elif event.name and not (everything or event.name in self._names):
            return False
        if self._mine and self._uuid not in (event.unique_id, event.owner):
            return False
        return not self._filters or any(
            matches(event.get(name), wanted) for name, wanted in self._filters
        )


def matches(value: str | None, wanted: str) -> bool:
    """Whether a header's value is what a filter is for: that text, in any case, or `/a regular expression/`."""
    if value is None:
        return False
    if len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
        return re.search(wanted[1:-1], value) is not None
    return value.lower() == wanted.lower()

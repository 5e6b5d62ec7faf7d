"""What comes out of the simulated switch: replies, events, notices, the end of the connection.

An event remembers the channel as it was and spells out its 60 to 230 headers when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fsflows.switch.headers import Snapshot, core_headers


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The reply to any command but `api` and `connect`."""

    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiReply:
    """The reply to `api`."""

    body: str


@dataclass(frozen=True, slots=True)
class ConnectReply:
    """The reply to `connect`: the channel's data."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """A disconnect-notice. `linger` is its Linger-Time; ``None`` makes it the last thing before the end."""

    channel_uuid: str
    channel_name: str
    linger: int | None


@dataclass(frozen=True, slots=True)
class Closed:
    """FreeSWITCH closes the connection."""


class SwitchEvent:
    """One event, its headers spelled out on demand.

    Attributes:
        at: when it happened, on the driver's clock.
        name: Event-Name ("CUSTOM" for a subclass; "" for an event that has none).
        full: whether it carries the channel's variables.
        body: its body, "" for none.
    """

    __slots__ = (
        "_extra",
        "_headers",
        "_raw",
        "_snapshot",
        "_source",
        "_stamp",
        "_variables",
        "at",
        "body",
        "full",
        "name",
        "owner",
        "sequence",
        "subclass",
    )

    def __init__(
        self,
        at: float,
        name: str,
        *,
        sequence: int,
        stamp: float,
        snapshot: Snapshot | None = None,
        variables: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
        body: str = "",
        subclass: str = "",
        owner: str = "",
        source: tuple[str, str, str] = ("", "", ""),
        raw: Mapping[str, str] | None = None,
    ) -> None:
        self.at = at
        self.name = name
        self.sequence = sequence
        self.full = variables is not None
        self.body = body
        self.subclass = subclass
        self.owner = owner
        self._stamp = stamp
        self._snapshot = snapshot
        self._variables = variables
        self._extra: Mapping[str, str] = extra or {}
        self._source = source
        self._raw = raw
        self._headers: dict[str, str] | None = None

    def without_channel(self) -> SwitchEvent:
        """The same event, with nothing in it that names its channel."""
        return SwitchEvent(
            self.at,
            self.name,
            sequence=self.sequence,
            stamp=self._stamp,
            extra=self._extra,
            body=self.body,
            source=self._source,
        )

    @property
    def unique_id(self) -> str | None:
        """Whose event it is; ``None`` for an event of no channel (BACKGROUND_JOB)."""
        if self._raw is not None:
            return self._raw.get("Unique-ID")
        return None if self._snapshot is None else self._snapshot.uuid

    @property
    def raw(self) -> bool:
        """Whether the headers are somebody else's words (`Channel.inject`), not made here."""
        return self._raw is not None

    @property
    def headers(self) -> dict[str, str]:
        """All headers, in FreeSWITCH's order, unescaped."""
        if self._headers is None:
            self._headers = dict(self._raw) if self._raw is not None else self._spell_out()
        return self._headers

    def get(self, name: str) -> str | None:
        """One header, without spelling out the others where that can be avoided."""
        if self._headers is None and self._raw is None:
            value = self._extra.get(name)
            if value is not None:
                return value
            if name == "Event-Name":
                return self.name
            if name == "Event-Sequence":
                return str(self.sequence)
            if name == "Event-Date-Timestamp":
                return str(round(self._stamp * 1_000_000))
            if name == "Unique-ID":
                return self.unique_id
            if name.startswith("variable_"):
                return None if self._variables is None else self._variables.get(name[9:])
            if not name.startswith(_MADE_BY_THE_CORE):
                return None if self._snapshot is None else self._snapshot.headers().get(name)
        return self.headers.get(name)

    def _spell_out(self) -> dict[str, str]:
        made = core_headers(self.name, self._stamp, self._source, self.sequence)
        before = {}
        after = dict(self._extra)
        if self.subclass:
            # Event-Subclass is set before anything else, and takes the place of Event-Name at the top.
            name = made.pop("Event-Name")
            made = {"Event-Subclass": self.subclass, **made, "Event-Name": name}
            before, after = after, {}
        elif self.name in _EXTRA_FIRST:
            before, after = after, {}
        made.update(before)
        if self._snapshot is not None:
            made.update(self._snapshot.headers())
        if self._variables is not None:
            made.update({f"variable_{name}": value for name, value in self._variables.items()})
        made.update(after)
        return made

    def __repr__(self) -> str:
        return f"<{self.name} {self.sequence} at {self.at:.3f}>"


_MADE_BY_THE_CORE = ("Event-", "Core-", "FreeSWITCH-")
_EXTRA_FIRST = {"CHANNEL_CALLSTATE", "DETECTED_SPEECH", "BACKGROUND_JOB"}


Frame = CommandReply | ApiReply | ConnectReply | SwitchEvent | Notice | Closed


@dataclass(frozen=True, slots=True)
class Output:
    """Something that FreeSWITCH sends, and when."""

    at: float
    frame: Frame

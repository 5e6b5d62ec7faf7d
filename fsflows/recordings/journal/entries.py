"""What the journal holds, as values: recordings, discards that were asked for, and who writes."""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fsflows.esl.quoting import file_of
from fsflows.recordings.files.files import Sighting
from fsflows.recordings.journal.receipt import SETTLED, DiscardCause, Receipt

CALL_LIMIT = timedelta(hours=24)
"""A call whose FreeSWITCH can't be asked is taken for over after so long; no call should be up for longer."""

STATES = (
    "starting",  # FreeSWITCH is about to be told
    "recording",  # FreeSWITCH writes it
    "staged",  # stopped, not yet published
    "publishing",  # on its way into the archive
    "published",
    "kept",  # made by other software outside of the staging directory, and left where it is
    "discarding",  # its file is about to go
    "discarded",
    "settled",  # a discarded one that we can't look at, and of which an operator said that it is dealt with
    "lost",  # its file went away without us
    "failed",  # it was to be made, and never began: FreeSWITCH refused it, say
)

UNSETTLED = ("starting", "recording", "staged", "publishing")
"""States of a recording of which it is not settled what becomes of it."""

GONE = ("discarded", SETTLED, "lost", "failed")
"""States of a recording of which nothing is left but what the journal says."""

TO_PUBLISH = "to be published when the call is over"
"""The error of a recording that goes on, or waits, when its visit has ended in good order: it is nobody's orphan."""


@dataclass(frozen=True, slots=True)
class Node:
    """A process that writes the journal: its node's name, and an id that no other process ever has."""

    name: str
    id: str

    @classmethod
    def make(cls, name: str = "") -> Node:
        """A new process of a node; without a name, of this host."""
        name = name or socket.gethostname()
        return cls(name, f"{name}#{uuid.uuid4().hex[:12]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recording in the journal.

    Attributes:
        id: 0 when it is not yet written.
        path: as FreeSWITCH names it.
        switch: the FreeSWITCH that records it.
        origin: "flow": started by us; "other": by the dialplan or other software.
        state: one of `STATES`.
        owner: the process that answers for it (`Node.id`), or none.
        node: the name of the node that had the call; only it, or who reaches the same FreeSWITCH, sees the file.
        name: what it is published as; None: it is not ours to move, and stays where it is.
        archived: whether the archive may hold it, or a part of it.
        archive: the ids of the archives that may, separated by spaces, the last one last; None: an earlier version
            of fsflows has published it, and it isn't known where.
        location: where it is, once published; None again when a receipt says that it is gone.
        seen: whether its file was ever found where FreeSWITCH said, in the directory with this `mark`.
        size: bytes when it was last seen.
    """

    call_uuid: str
    path: str
    started_at: datetime
    id: int = 0
    switch: str = ""
    flow: str = ""
    origin: str = "other"
    state: str = "recording"
    owner: str = ""
    node: str = ""
    stopped_at: datetime | None = None
    name: str | None = None
    archived: bool = False
    location: str | None = None
    seen: bool = False
    mark: str | None = None
    size: int | None = None
    error: str | None = None
    archive: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is to be published: its caller had his say, and did not opt out."""
        return self.state == "publishing" or self.error == TO_PUBLISH

    @property
    def archives(self) -> tuple[str, ...]:
        """The ids of the archives that may hold it, the last one last."""
        return tuple((self.archive or "").split())

    @property
    def file(self) -> str:
        """The file that FreeSWITCH writes, which may be called by more than one path."""
        return file_of(self.path)

    def found(self, sighting: Sighting) -> Entry:
        """This entry, its file having been seen."""
        return replace(self, seen=True, mark=sighting.mark, size=sighting.size)


@dataclass(frozen=True, slots=True)
class Intent:
    """A discard that was asked for: `open` until its receipt is written, watched until the call is over.

    Attributes:
        attempts: how many have failed since it was asked for, or something was recorded again.
        error: what was left after the last of them, and `tried_at`: when that was.
    """

    call_uuid: str
    switch: str
    cause: DiscardCause
    open: bool
    watch: bool
    owner: str
    attempts: int = 0
    error: str | None = None
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """An operator's word that a file which fsflows can't look at is dealt with: whose, why, and when it was given."""

    path: str
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallFile:
    """All that the journal knows of one call."""

    entries: tuple[Entry, ...] = ()
    intent: Intent | None = None
    receipt: Receipt | None = None
    settlements: tuple[Settlement, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.entries or self.intent or self.settlements)

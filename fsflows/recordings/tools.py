"""What all calls of a process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fsflows.clock import Clock
from fsflows.recordings.discarding.discarder import Discarder
from fsflows.recordings.discarding.lookout import Lookout
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.freeswitch.reach import Reach
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.locks import CallLocks
from fsflows.recordings.publishing.identity import Archives
from fsflows.recordings.publishing.publisher import Publisher


class Live(Protocol):
    """A call that this process has."""

    def retry(self) -> bool: ...
    def noticed_elsewhere(self, path: str, cause: str | None) -> None: ...


@dataclass(slots=True)
class Tools:
    """What all calls of a process share.

    Attributes:
        staging: the staging directory, as FreeSWITCH names it.
        live: the calls that this process has, by uuid: the sweep leaves them alone.
    """

    journal: Journal
    clock: Clock
    reach: Reach
    staging: str
    discarder: Discarder
    lookout: Lookout
    publisher: Publisher
    archives: Archives
    locks: CallLocks
    live: dict[str, Live] = field(default_factory=dict)
    faults: Faults = NO_FAULTS

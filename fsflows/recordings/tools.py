"""What all calls of a process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fsflows.clock import Clock
from fsflows.recordings.discarding.discarder import Discarder
from fsflows.recordings.discarding.lookout import Lookout
from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.freeswitch.reach import Reach
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.locks import CallLocks
from fsflows.recordings.publishing.identity import Archives
from fsflows.recordings.publishing.publisher import Publisher
from fsflows.recordings.under_way import UnderWay


class Live(Protocol):
    """A call that this process has."""

    @property
    def closed(self) -> bool: ...
    def retry(self) -> bool: ...
    def noticed_elsewhere(self, path: str, cause: str | None) -> None: ...


@dataclass(slots=True)
class Tools:
    """What all calls of a process share.

    Attributes:
        staging: the staging directory, as FreeSWITCH names it.
        under_way: what is being published.
        live: the calls that this process has, by uuid: the sweep leaves them alone.
        settled: recordings of calls that ended in good order, and of which that is not written down yet, by call.
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
    under_way: UnderWay
    live: dict[str, Live] = field(default_factory=dict)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    faults: Faults = NO_FAULTS

    @property
    def busy(self) -> set[str]:
        """The calls that this process has, or whose recordings it is publishing, or of which only it knows the end."""
        return {*self.live, *self.under_way.calls, *self.settled}

"""The numbered points between which a process can die while recordings are discarded or published.

Production passes `NO_FAULTS`, which does nothing. The tests pass an object that kills the process, or raises, at a
point of their choice: every point of `DISCARD_POINTS` and `PUBLISH_POINTS` is a test.
"""

from __future__ import annotations

from typing import Protocol

DISCARD_POINTS = (
    "discard 1: the intent is on disk",
    "discard 2: FreeSWITCH said what it records",
    "discard 3: what it records is on disk",
    "discard 4: one recording is stopped",
    "discard 5: all recordings are stopped",
    "discard 6: the list of files to delete is on disk",
    "discard 7: one file is about to go",
    "discard 8: one file is gone, its directory not yet synced",
    "discard 9: one file is gone, its directory synced",
    "discard 10: all files are gone",
    "discard 11: all files were looked for again",
    "discard 12: the receipt is written, not yet committed",
    "discard 13: the receipt is committed",
)
"""After the intent is on disk, a discard is finished whatever happens. Before, unless the power goes."""

FORBID_POINT = (
    "forbid: FreeSWITCH keeps nothing that is recorded from now on; the intent is only jotted down"
)
"""Nothing was promised yet. It is finished all the same, unless the power goes."""

LATE_POINT = "late: FreeSWITCH said that a recording started after the discard"
"""From here on it goes through the points of a discard once more."""

PUBLISH_POINTS = (
    "publish 1: the call is over",
    "publish 2: that it is to be published is on disk, and where to",
    "publish 3: copied, not yet under its name",
    "publish 4: under its name in the archive",
    "publish 5: that it is published is on disk",
    "publish 6: the staged file is gone",
)


class Faults(Protocol):
    """Called at each point that is passed."""

    def at(self, point: str) -> None: ...


class NoFaults:
    """Nothing happens at any point."""

    def at(self, point: str) -> None:
        pass


NO_FAULTS = NoFaults()

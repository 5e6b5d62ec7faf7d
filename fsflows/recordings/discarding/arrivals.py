"""Recordings that were on their way into the archive when they were discarded, by this process or by another one.

Their staged file is deleted at once. Whoever copies it notices, and leaves nothing in the archive; until then nothing
can be said of it.
"""

from __future__ import annotations

from fsflows.clock import Clock
from fsflows.database import DatabaseFailed
from fsflows.recordings.discarding.discard import Discard
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.under_way import UnderWay

PATIENCE = 5.0
"""Seconds to wait for that: a copy whose source is gone ends with the piece that it is at. A caller waits."""

LOOK = 0.05
"""Seconds between two looks."""


class Arrivals:
    """Waits for them."""

    def __init__(self, journal: Journal, clock: Clock, under_way: UnderWay) -> None:
        self._journal = journal
        self._clock = clock
        self._under_way = under_way

    def wait(self, discard: Discard) -> None:
        """Wait until nothing of the call is on its way any more; what has ended is to be looked at again.

        A sweep does not wait: it comes again, and others' discards with it.
        """
        coming = self._coming(discard)
        if not coming:
            return
        until = self._clock.now() + (0 if discard.recovered else PATIENCE)
        while coming and self._clock.now() < until:
            self._clock.sleep(LOOK)
            try:
                coming = self._coming(discard, anew=True)
            except DatabaseFailed as error:
                discard.left.append(f"the journal can't be read: {error}")
                return
        discard.left += coming
        if not coming:
            discard.again.append("a recording was on its way into the archive")

    def _coming(self, discard: Discard, *, anew: bool = False) -> list[str]:
        """What is on its way, one sentence each; `anew`: what others have is read from the journal."""
        theirs = [entry for entry in discard.known.values() if entry.state == "publishing"]
        if theirs and anew:
            theirs = [
                entry
                for entry in self._journal.load(discard.call_uuid).entries
                if entry.state == "publishing" and entry.owner
            ]
        return [
            f"{path!r} is still on its way into the archive, which it is taken out of again"
            for path in self._under_way.of(discard.call_uuid)
        ] + [
            f"{entry.path!r} is being published by {entry.owner}, which takes it out again"
            for entry in theirs
        ]

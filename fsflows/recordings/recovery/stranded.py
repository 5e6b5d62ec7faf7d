"""Calls that a node has left unfinished, and that nobody goes on with: it does not run, or has another name by now.

A node's name is its host's. A container that is made anew has another one, unless it is given one: what it was is then
a node that never comes back. Who can't ask its FreeSWITCH, and may not see its files, must not finish that for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsflows.clock import Clock
from fsflows.log import get_logger
from fsflows.recordings.recovery.claims import Claims

PATIENCE = 120.0
"""Seconds after which a node that does not run is one to look at: a restart takes less."""


class Stranded:
    """Looks for them, and says so once for each node."""

    def __init__(self, claims: Claims, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock
        self._log = get_logger("recordings")
        self._since: dict[str, float] = {}
        self._said: set[str] = set()

    def look(self, switches: Sequence[str]) -> dict[str, int]:
        """How many calls each such node has left.

        Args:
            switches: the FreeSWITCHes within our reach.

        Raises:
            DatabaseFailed: the journal can't be read.
        """
        found = self._claims.stranded(switches)
        now = self._clock.now()
        self._since = {name: self._since.get(name, now) for name in found}
        self._said &= found.keys()
        for name in sorted(found.keys() - self._said):
            if now - self._since[name] >= PATIENCE:
                self._said.add(name)
                self._log.warning(
                    "a node does not run, and nobody here can finish its calls",
                    node=name,
                    calls=found[name],
                    advice=f"start it; or, if it has come back as {self._claims.node.name!r},"
                    f" as {name!r} again (a container's --hostname)",
                )
        return found

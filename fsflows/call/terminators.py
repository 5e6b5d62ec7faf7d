"""The keys at which FreeSWITCH itself stops what it plays: the channel's `playback_terminators`."""

from __future__ import annotations


class Terminators:
    """Those that are wanted, and those that FreeSWITCH was told: once, with the sound that they are for.

    Attributes:
        told: as FreeSWITCH has them from us; None: as the dialplan has left them.
    """

    __slots__ = ("_wanted", "told")

    def __init__(self) -> None:
        self.told: str | None = None
        self._wanted: str | None = None

    def want(self, keys: str) -> bool:
        """From now on these; empty: none. Whether that is something else than before."""
        new = keys != self._wanted
        self._wanted = keys
        return new

    def due(self) -> str | None:
        """The variable's value, if FreeSWITCH is still to be told; it counts as told then."""
        if self._wanted is None or self._wanted == self.told:
            return None
        self.told = self._wanted
        return self._wanted or "none"

    def stop_at(self, key: str) -> bool:
        """Whether FreeSWITCH stops at a key, as it was told."""
        return key in (self.told or "")

"""Silence in a call's recordings for as long as something private is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress

from fsflows.log import Logger
from fsflows.recordings import metrics
from fsflows.recordings.freeswitch.control import RecordingControl, RecordingError


class Masking:
    """The reasons to mask, and doing it.

    Args:
        stop: stops a recording that can't be masked.
    """

    def __init__(self, control: RecordingControl, stop: Callable[[str], None], log: Logger) -> None:
        self._control = control
        self._stop = stop
        self._log = log
        self._reasons: Counter[str] = Counter()
        self._masked: set[str] = set()

    @property
    def on(self) -> bool:
        return self._reasons.total() > 0

    def add(self, reason: str, paths: Iterable[str]) -> None:
        """One more reason; what is not masked yet is. One that fails does not count.

        Raises:
            RecordingError: see `mask`.
        """
        self._reasons[reason] += 1
        failed: RecordingError | None = None
        paths = tuple(paths)
        for path in paths:
            try:
                self.see_to(path)
            except RecordingError as error:
                failed = error
        if failed is not None:
            self.drop(reason, paths)
            raise failed

    def drop(self, reason: str, paths: Iterable[str]) -> None:
        """One reason less; without any left the recordings are unmasked, as far as FreeSWITCH lets us."""
        if not self._reasons[reason]:
            return
        self._reasons[reason] -= 1
        if self.on:
            return
        self._masked.clear()
        for path in paths:
            try:
                self._control.unmask(path)
            except Exception as error:
                self._log.warning("recording stays masked", path=path, why=str(error))

    def mask_at_once(self, path: str) -> None:
        """If there is a reason, mask what has just begun; `see_to` it once it is known: this never raises."""
        self._masked.discard(path)
        if self.on:
            with suppress(Exception):
                self._control.mask(path)
                self._masked.add(path)

    def see_to(self, path: str) -> None:
        """If there is a reason, have a recording masked that `mask_at_once` could not.

        Raises:
            RecordingError: see `mask`.
        """
        if self.on and path not in self._masked:
            self.mask(path)

    def mask(self, path: str) -> None:
        """Mask one recording; one that can't be masked is stopped.

        Raises:
            RecordingError: neither is possible, and FreeSWITCH does not say that it records no more.
        """
        try:
            self._control.mask(path)
            self._masked.add(path)
            return
        except Exception as error:
            why = str(error)
        try:
            if not self._control.alive() or path not in self._control.active():
                return
            metrics.MASK_FAILED.inc()
            self._log.error("recording can't be masked and is stopped", path=path, why=why)
            self._stop(path)
        except Exception as error:
            raise RecordingError(f"{path} can be neither masked nor stopped: {error}") from error

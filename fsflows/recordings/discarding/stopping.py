"""Stopping what FreeSWITCH records in a call that is discarded, until it says that it records nothing."""

from __future__ import annotations

from fsflows.recordings.discarding.discard import Discard
from fsflows.recordings.discarding.lookout import Lookout
from fsflows.recordings.faults import Faults
from fsflows.recordings.freeswitch.control import RecordingControl

ROUNDS = 5
"""How often what starts anew while we discard is stopped and deleted before that is called a failure."""


class Stopper:
    """Stops recordings."""

    def __init__(self, lookout: Lookout, faults: Faults) -> None:
        self._lookout = lookout
        self._faults = faults

    def stop(self, discard: Discard) -> bool:
        """Stop what is recorded; True when FreeSWITCH has said that it records nothing (or has no such call)."""
        for control in discard.controls:
            try:
                for attempt in range(ROUNDS):
                    if self._over(discard, control):
                        return True
                    paths = control.active()
                    self._faults.at("discard 2: FreeSWITCH said what it records")
                    if not paths:
                        return True
                    self._lookout.note(discard, paths, late=attempt > 0 or discard.receipted)
                    self._faults.at("discard 3: what it records is on disk")
                    for path in paths:
                        control.stop(path)
                        self._faults.at("discard 4: one recording is stopped")
                control.stop_all()
            except Exception as error:
                # A call that ends makes every command fail, each in its own way.
                discard.log.warning("recordings could not be stopped", why=str(error))
                if self._try_otherwise(discard, control):
                    return True
        return False

    def _try_otherwise(self, discard: Discard, control: RecordingControl) -> bool:
        try:
            if self._over(discard, control):
                return True
            control.stop_all()
            return not control.active()
        except Exception as error:
            discard.log.warning("nor all at once", why=str(error))
            return False

    def _over(self, discard: Discard, control: RecordingControl) -> bool:
        discard.call_over = not control.alive()
        return discard.call_over

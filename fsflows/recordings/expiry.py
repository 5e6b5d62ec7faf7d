"""Deleting what has been kept for long enough, in the way of a discard: written down first, done, proven."""

from __future__ import annotations

from fsflows.log import call_logger
from fsflows.recordings.control import EndedCall
from fsflows.recordings.discarding import Discard
from fsflows.recordings.receipt import DiscardCause
from fsflows.recordings.tools import Tools

TRIGGER = "retention"
"""What a receipt names as the key or word."""


def expire(tools: Tools, call_uuid: str) -> None:
    """Delete the recordings of a call that is long over. Nothing happens when there are none.

    Raises:
        DiscardFailed: something is left; the sweep tries it again.
        DatabaseFailed: the journal can't be reached.
    """
    with tools.locks.hold(call_uuid):
        call = tools.journal.load(call_uuid)
        if not call.entries or (call.receipt is not None and call.receipt.complete):
            return
        switch, flow = call.entries[0].switch, call.entries[0].flow
        cause = DiscardCause(flow, "", TRIGGER, tools.clock.utcnow())
        discard = Discard(
            call_uuid,
            switch,
            cause,
            tools.reach.files(switch),
            call_logger("recordings", call_uuid),
            controls=(EndedCall(call_uuid),),
            known={entry.path: entry for entry in call.entries},
        )
        tools.discarder.run(discard)
        tools.journal.unwatch(call_uuid)

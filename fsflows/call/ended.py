"""The one exception for a call that is over, however it ended."""

from __future__ import annotations


class CallEnded(Exception):
    """The call has ended under us: hung up by either side, transferred away, or its connection was lost.

    Every verb of `Call` and every `Call.wait` raises it from then on. Whoever runs the conversation catches it
    once, at the top; a flow author's function need not know it.

    Attributes:
        cause: the hangup cause as FreeSWITCH names it ("NORMAL_CLEARING", "ORIGINATOR_CANCEL"); "LINK_LOST",
            "TRANSFERRED" or "REFERRED" when it is only no longer ours.
        ours: whether we ended it (hangup or hand-off).
    """

    def __init__(self, cause: str = "NORMAL_CLEARING", *, ours: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.ours = ours

    def again(self) -> CallEnded:
        """The same, to be raised: what is raised holds on to all that it passes on its way up."""
        return CallEnded(self.cause, ours=self.ours)


LINK_LOST = "LINK_LOST"
TRANSFERRED = "TRANSFERRED"
REFERRED = "REFERRED"
"""Causes of our own: the channel was not hung up, as far as we know, but is no longer ours."""

UNKNOWN_APPLICATION = "DESTINATION_OUT_OF_ORDER"
"""FreeSWITCH's cause when it is told to run an application that it doesn't have (a module that isn't loaded)."""


class Interrupted(Exception):
    """Somebody outside the conversation wants the call to end: the server is being stopped.

    Raised once, where the conversation waits; the call itself is still there, so that it can be ended politely.
    """


class CallFailed(Exception):
    """FreeSWITCH refused something that this call needs; the call itself goes on.

    Attributes:
        what: the verb ("play", "bridge").
        why: FreeSWITCH's own words.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why

"""What a serving process counts, and what it tells about itself each second."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import gevent
from prometheus_client import Counter, Gauge, Histogram

from fsflows import __version__
from fsflows.metrics import Spread, flush

if TYPE_CHECKING:
    from fsflows.server.listener import Listener

EVERY = 1.0
"""Seconds between two times that what was held back is told."""

BUILD = Gauge(
    "fsflows_build_info", "1; what runs.", ["version", "python"], multiprocess_mode="livemax"
)
ACCEPTED = Counter(
    "fsflows_connections_accepted_total", "Connections of FreeSWITCH's that became calls."
)
REFUSED = Counter(
    "fsflows_connections_refused_total",
    "Connections that did not become calls.",
    ["reason"],
)
"""`reason`: "no_room" (the listener was closing, or out of file descriptors; FreeSWITCH's dialplan went on) or
"not_allowed" (from elsewhere than `server.allow`)."""

ACCEPTING = Gauge(
    "fsflows_accepting",
    "Processes that take new calls; 0: at the limit, draining, or out of something.",
    multiprocess_mode="livesum",
)
LIMIT = Gauge(
    "fsflows_calls_limit", "Calls that fit in at once; 0: no limit.", multiprocess_mode="livesum"
)
HUB_LAG = Histogram(
    "fsflows_hub_lag_seconds",
    "How late the event loop is, looked at ten times a second: every call waits so long.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
hub_lag = Spread(HUB_LAG)

for _reason in ("no_room", "not_allowed"):
    REFUSED.labels(_reason)  # there from the start, so that an alert sees the first one


def keep_telling(listener: Listener, limit: int) -> None:
    """Tell Prometheus each second what this process counts without asking it, until killed.

    Args:
        listener: of the process.
        limit: calls that it may run at once; 0: no limit.
    """
    BUILD.labels(__version__, platform.python_version()).set(1)
    LIMIT.set(limit)
    teller = _Teller(listener)
    try:
        while True:
            teller.tell()
            gevent.sleep(EVERY)
    finally:
        teller.tell()


class _Teller:
    """What has been told already of a listener's numbers."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._accepted = self._refused = self._rejected = 0

    def tell(self) -> None:
        listener = self._listener
        ACCEPTED.inc(listener.accepted - self._accepted)
        REFUSED.labels("no_room").inc(listener.refused - self._refused)
        REFUSED.labels("not_allowed").inc(listener.rejected - self._rejected)
        self._accepted, self._refused, self._rejected = (
            listener.accepted,
            listener.refused,
            listener.rejected,
        )
        ACCEPTING.set(1 if listener.accepting else 0)
        flush()

"""What a serving process counts, and what it tells about itself each second."""

from __future__ import annotations

import platform
from collections.abc import Callable

import gevent
from prometheus_client import Counter, Gauge, Histogram

from fsflows import __version__
from fsflows.metrics import Count, Spread, flush

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
REASONS = {
    "not_allowed": "from elsewhere than `server.allow`; closed",
    "no_room": "came while the listener was closing: at a limit, draining",
    "peer_limit": "one address had `server.max_per_peer` connections",
    "no_descriptors": "no file descriptor was left",
    "silent": "did not answer `connect` in `server.silence_timeout`",
    "lost": "ended before the call began: a port scan, a balancer's check, a FreeSWITCH that gave up",
}
"""Why a connection did not become a call. All but the first and the last two were let go: the dialplan went on."""

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

WORKER_RESTARTS = Gauge(
    "fsflows_worker_restarts",
    "How often a process that had died or stood still was started again, since the server's start.",
    multiprocess_mode="livemax",
)

accepted = Count(ACCEPTED)
refused = {reason: Count(REFUSED.labels(reason)) for reason in REASONS}


def keep_telling(
    accepting: Callable[[], bool], limit: Callable[[], int], restarts: Callable[[], int]
) -> None:
    """Tell Prometheus each second what this process counts without asking it, until killed.

    Args:
        accepting: whether it takes new calls.
        limit: calls that it may run at once; 0: no limit, or none at all.
        restarts: how often a process of the server was started again.
    """
    BUILD.labels(__version__, platform.python_version()).set(1)
    try:
        while True:
            LIMIT.set(limit())
            ACCEPTING.set(1 if accepting() else 0)
            WORKER_RESTARTS.set(restarts())
            flush()
            gevent.sleep(EVERY)
    finally:
        ACCEPTING.set(0)
        flush()

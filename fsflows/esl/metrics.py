"""What Prometheus is told about connections to FreeSWITCH."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

FREESWITCH_UP = Gauge(
    "fsflows_freeswitch_up",
    "Whether a FreeSWITCH's own event socket (freeswitch.addresses) is connected.",
    ["address"],
    multiprocess_mode="livemin",
)
FREESWITCH_LOST = Counter(
    "fsflows_freeswitch_lost",
    "How often the connection to a FreeSWITCH's own event socket was lost.",
    ["address"],
)

"""What calls that we make count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

DIALLED = Counter(
    "fsflows_dialled_calls_total", "Calls that we made and that are over.", ["flow", "outcome"]
)
DIALLING = Gauge(
    "fsflows_dialling",
    "Calls that we make, from waiting for their turn to their end.",
    ["phase"],
    multiprocess_mode="livesum",
)

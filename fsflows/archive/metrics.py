"""What the archive counts, by Prometheus's naming rules."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

WRITTEN = Counter("fsflows_records_written_total", "Records brought into the database.")
SPOOLED = Counter(
    "fsflows_records_spooled_total",
    "Records written to the spool, from where the database gets them.",
)
LOST = Counter(
    "fsflows_records_lost_total",
    "Records that are not in the database and will not be.",
    ["why"],
)
"""`why`: "dropped" (spool and memory full) or "rejected" (refused by the database; kept in a file)."""

CALLS_LOST = Counter(
    "fsflows_records_calls_lost_total",
    "Calls whose server ended under them; found afterwards, and given a record.",
)
WAITING = Gauge(
    "fsflows_records_waiting",
    "Records that wait to be written to the database.",
    multiprocess_mode="livesum",
)
DELIVERIES = Counter("fsflows_webhook_deliveries_total", "Attempts to post a record.", ["outcome"])
"""`outcome`: "delivered", "failed" (tried again later) or "given_up"."""

for _why in ("dropped", "rejected"):
    LOST.labels(_why)  # there from the start, so that an alert sees the first one
for _outcome in ("delivered", "failed", "given_up"):
    DELIVERIES.labels(_outcome)

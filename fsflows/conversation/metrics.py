"""What conversations count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CALLS_ACTIVE = Gauge(
    "fsflows_calls_active", "Calls in progress.", ["flow"], multiprocess_mode="livesum"
)
CALLS = Counter("fsflows_calls_total", "Calls that are over.", ["flow", "result", "reason"])
CALL_SECONDS = Histogram(
    "fsflows_call_duration_seconds",
    "How long calls took.",
    ["flow"],
    buckets=(5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
COLLECTIONS = Counter(
    "fsflows_collections_total",
    "What came of asking a caller.",
    ["flow", "step", "outcome", "source"],
)
COLLECTION_ATTEMPTS = Histogram(
    "fsflows_collection_attempts",
    "How often a caller was asked in one step.",
    ["flow", "step"],
    buckets=(1, 2, 3, 4, 5),
)
SPEECH_LOST = Counter(
    "fsflows_speech_lost_total", "Calls that went on with keys because speech recognition was gone."
)
FUNCTION_SECONDS = Histogram(
    "fsflows_function_duration_seconds",
    "How long functions of flows took.",
    ["flow", "function"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10),
)
FUNCTION_ERRORS = Counter(
    "fsflows_function_errors_total",
    "Functions that raised, hung or returned nonsense.",
    ["flow", "function"],
)

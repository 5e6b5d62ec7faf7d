"""What Prometheus is told about recordings; `conf/prometheus/recordings.rules.yml` has the alerts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

DISCARDS = Counter(
    "fsflows_discards",
    "Discards of a call's recordings, by result: done, failed (left open, tried again), recovered (finished later).",
    ["result"],
)
DISCARD_SECONDS = Histogram(
    "fsflows_discard_seconds",
    "From the order to discard to its receipt.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60),
)
OPEN_DISCARDS = Gauge(
    "fsflows_discards_open",
    "Discards that have no receipt yet, of all nodes of the database.",
    multiprocess_mode="livemax",
)
OLDEST_OPEN_DISCARD = Gauge(
    "fsflows_discard_oldest_open_seconds",
    "Age of the oldest discard that has no receipt yet; 0: there is none.",
    multiprocess_mode="livemax",
)
OVERDUE_DISCARDS = Gauge(
    "fsflows_discards_overdue",
    "Discards that have no receipt after two minutes, of all nodes of the database.",
    multiprocess_mode="livemax",
)
SWEPT_AT = Gauge(
    "fsflows_recordings_swept_timestamp_seconds",
    "When unfinished discards were last looked for (seconds since the epoch).",
    multiprocess_mode="livemax",
)
ARCHIVE_MISSING = Gauge(
    "fsflows_recording_archive_missing",
    "1: the archive is not at hand (not mounted, or another one), and nothing is published; 0: it is.",
    multiprocess_mode="livemax",
)
REFUSED_PATHS = Counter(
    "fsflows_recording_paths_refused",
    "Paths from FreeSWITCH that lie outside of the recording directories, and were not touched.",
)
LATE_RECORDINGS = Counter(
    "fsflows_recordings_after_discard",
    "Recordings that somebody started after the discard; they were stopped and deleted.",
)
RECORDINGS = Counter(
    "fsflows_recordings",
    "Recordings, by what became of them: published, kept, discarded, lost, failed (publishing, tried again).",
    ["result"],
)
MASK_FAILED = Counter(
    "fsflows_recording_mask_failed",
    "Recordings that could not be masked and were stopped instead.",
)
STAGED_UNKNOWN = Gauge(
    "fsflows_staged_files_unknown",
    "Files in the staging directory that the journal knows nothing of.",
    multiprocess_mode="livemax",
)

for _result in ("done", "failed", "recovered"):
    DISCARDS.labels(_result)  # there from the start, so that an alert sees the first one
for _result in ("published", "kept", "discarded", "lost", "failed"):
    RECORDINGS.labels(_result)

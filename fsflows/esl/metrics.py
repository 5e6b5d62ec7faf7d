"""What the event socket counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from fsflows.metrics import Count

COMMANDS = Counter(
    "fsflows_esl_commands_total", "Commands sent to FreeSWITCH, by their first word.", ["command"]
)
REFUSED = Counter(
    "fsflows_esl_command_errors_total",
    "Commands that FreeSWITCH refused (-ERR), or did not answer in time.",
    ["command"],
)
RECEIVED = Counter("fsflows_esl_received_bytes_total", "Bytes that came from FreeSWITCH.")
SENT = Counter("fsflows_esl_sent_bytes_total", "Bytes sent to FreeSWITCH.")

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

OTHER = "other"
VERBS = (
    "api",
    "auth",
    "bgapi",
    "connect",
    "divert_events",
    "event",
    "exit",
    "filter",
    "linger",
    "myevents",
    "nixevent",
    "sendmsg",
    OTHER,
)
"""The commands that are told apart. An application of greenswitch's may send what it likes; a label may not say it."""

commands = {verb: Count(COMMANDS.labels(verb)) for verb in VERBS}
refused = {verb: Count(REFUSED.labels(verb)) for verb in VERBS}
received = Count(RECEIVED)
sent = Count(SENT)


def count(counts: dict[str, Count], verb: str) -> None:
    """Count a command in `commands` or `refused`."""
    counts.get(verb, counts[OTHER]).n += 1

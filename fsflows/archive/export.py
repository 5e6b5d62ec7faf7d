"""Records as files for other programs: JSON lines, or CSV for spreadsheets."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import IO, Any

from fsflows.archive.model import Record
from fsflows.printable import escaped_json

COLUMNS = (
    "id",
    "call_id",
    "node",
    "started_at",
    "seconds",
    "caller",
    "caller_name",
    "callee",
    "flow",
    "flow_version",
    "result",
    "reason",
    "hangup_cause",
    "last_step",
    "recording",
    "collected",
    "attempts",
    "direction",
    "outcome",
)
"""The columns of a CSV export. `collected` is "step=digits" for each complete collection, separated by "; "."""


def write(records: Iterable[Record], form: str, file: IO[str]) -> int:
    """Write records to a file, as "jsonl" or "csv"; returns how many there were."""
    count = 0
    if form == "jsonl":
        for count, record in enumerate(records, 1):  # noqa: B007 - counted
            file.write(escaped_json(record.dumps()) + "\n")
        return count
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for count, record in enumerate(records, 1):  # noqa: B007 - counted
        writer.writerow([harmless(value) for value in csv_row(record)])
    return count


def csv_row(record: Record) -> list[Any]:
    """A record's values for `COLUMNS`."""
    given = record.as_json()
    given["recording"] = record.recording.state.value
    complete = [entry for entry in record.collected if entry.outcome == "complete"]
    given["collected"] = "; ".join(f"{entry.step}={entry.digits}" for entry in complete)
    given["attempts"] = sum(entry.attempts for entry in record.collected)
    return [given[column] for column in COLUMNS]


_FORMULA = re.compile(r"(^|[;,|\t\r\n\"])(?=\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")
"""Where a cell begins: also behind what a spreadsheet of another country takes for the end of one; and signs as wide as
an ideograph, which some take for the others.
"""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What does something to a terminal, or reverses a line: an export may be looked at before it is a file."""


def harmless(value: Any) -> Any:
    """A cell that a spreadsheet won't run as a formula, however it cuts the line, and that does nothing to a terminal;
    "+441632..." stays a number.
    """
    if not isinstance(value, str) or re.fullmatch(r"\+?\d*", value):
        return value
    return _FORMULA.sub(r"\1'", _CONTROL.sub("\ufffd", value))

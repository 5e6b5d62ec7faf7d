"""Recorded calls of a real FreeSWITCH 1.10.12, read back: what the application sent, what came, and the remarks."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

TRACES = Path(__file__).parent / "traces"


@dataclass
class Line:
    """One entry of a trace.

    `kind`: "note"; "bytes" (from the application); "frame" (from FreeSWITCH: `head` and `body`); "closes" (the application
    closes); "end" (FreeSWITCH closes).
    """

    at: float
    kind: str
    text: str = ""
    head: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def is_event(self) -> bool:
        return self.head.get("Content-Type", "").startswith("text/event-")


def names() -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in TRACES.glob("*.jsonl.gz"))


def load(name: str) -> list[Line]:
    lines: list[Line] = []
    rest = ""
    with gzip.open(TRACES / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = file.readlines()
    for row in rows:
        entry = json.loads(row)
        at, data = entry["t"], entry.get("data") or ""
        if entry["dir"] == "note":
            lines.append(Line(at, "note", data))
        elif entry["dir"] == "app->fs":
            lines.append(Line(at, "closes") if entry.get("eof") else Line(at, "bytes", data))
        elif entry.get("eof"):
            lines.append(Line(at, "end"))
        else:
            rest += data
            while (cut := frame(rest)) is not None:
                head, body, rest = cut
                lines.append(Line(at, "frame", head=head, body=body))
    assert not rest.strip(), f"{name}: a frame is cut off"
    return lines


def frame(data: str) -> tuple[dict[str, str], str, str] | None:
    block, blank, rest = data.partition("\n\n")
    if not blank:
        return None
    head = dict(line.partition(": ")[::2] for line in block.split("\n"))
    if head.get("Event-Name") == "CHANNEL_DATA":
        return {name: unquote(value) for name, value in head.items()}, "", rest
    length = int(head.get("Content-Length", 0))
    raw = rest.encode()
    if len(raw) < length:
        return None
    return head, raw[:length].decode(), raw[length:].decode()


def event(line: Line) -> tuple[dict[str, str], str]:
    """An event's headers and body."""
    if line.head["Content-Type"] == "text/event-json":
        data = json.loads(line.body)
        body = data.pop("_body", "")
        return {name: _flat(value) for name, value in data.items()}, body
    block, _, body = line.body.partition("\n\n")
    pairs = [row.partition(": ")[::2] for row in block.split("\n")]
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers.setdefault(name, unquote(value))
    return headers, body


def _flat(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)

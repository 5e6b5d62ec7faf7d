"""A record, and its parts, as text for people."""

from __future__ import annotations

import json

from fsflows.archive.endings import OUTBOUND, Reason
from fsflows.archive.entries import (
    Collected,
    Entered,
    Entry,
    HandedOff,
    Heard,
    Measured,
    Noted,
    Ran,
    Recorded,
    Said,
)
from fsflows.archive.model import Record
from fsflows.printable import escaped


def describe(record: Record) -> str:
    """A record for people: a head, then its time line."""
    lines = [
        f"call       {record.call_id}",
        f"record     {record.id}" + (f", on {escaped(record.node)}" if record.node else ""),
        f"time       {record.started_at:%Y-%m-%d %H:%M:%S} UTC, {lasted(record.reason, record.seconds)}",
        _parties(record),
        f"flow       {escaped(record.flow)} ({record.flow_version or 'no version'})",
        f"end        {record.result}: {record.reason} ({record.hangup_cause or 'no cause'})",
        f"recording  {_recording(record)}",
        "",
    ]
    lines += [f"{entry.at:8.2f}  {_entry(entry)}" for entry in record.entries]
    if record.dropped_entries:
        lines.append(f"          ... and {record.dropped_entries} more that were not kept")
    return "\n".join(lines)


def _parties(record: Record) -> str:
    if record.direction == OUTBOUND:
        shown = f", as {escaped(record.caller)}" if record.caller else ""
        return f"we called  {escaped(record.callee)}{shown}: {record.outcome.replace('_', ' ')}"
    name = f" ({escaped(record.caller_name)})" if record.caller_name else ""
    caller = escaped(record.caller) or "withheld"
    return f"caller     {caller}{name}, called {escaped(record.callee)}"


def _recording(record: Record) -> str:
    note = record.recording
    details = [escaped(link) for link in note.links]
    if note.receipt:
        details.append(escaped(json.dumps(dict(note.receipt), ensure_ascii=False)))
    return " ".join([note.state.value, *details])


def _entry(entry: Entry) -> str:
    text = ""
    match entry:
        case Entered():
            text = f"-- {entry.flow}/{entry.step} --"
        case Said():
            text = f"said       {entry.text}"
        case Heard():
            text = f"{'key' if entry.source == 'keys' else 'heard':10} {entry.text}{_sure(entry.confidence)}"
        case Collected():
            asked = "" if entry.attempts == 1 else f", asked {entry.attempts} times"
            # A key is a key; only what was said can be unsure.
            sure = _sure(entry.confidence) if entry.source in ("speech", "both") else ""
            by = f" by {entry.source}" if entry.source != "none" else ""
            got = f" {entry.digits}" if entry.digits else ""
            text = f"collected  {entry.outcome}{got}{by}{sure}{asked}"
        case Ran():
            text = f"function   {entry.name} ({entry.seconds:.3f} s){': ' + entry.error if entry.error else ''}"
        case Measured():
            text = f"metric     {entry.name} = {entry.value}"
        case HandedOff():
            text = f"hand-off   {entry.name} by {entry.method}{': ' + entry.reason if entry.reason else ''}"
        case Recorded():
            text = f"recording  {entry.event} {entry.detail}"
        case _:
            text = f"note       {getattr(entry, 'text', '')}"
    return escaped(text).rstrip()


def happened(entry: Entry) -> str:
    """What the server did, beside what the caller hears and does of it, for whoever writes the flow; "": nothing."""
    match entry:
        case Collected():
            got = entry.digits or "nothing"
            got += f" by {entry.source}" if entry.source != "none" else ""
            got += f", asked {entry.attempts} times" if entry.attempts > 1 else ""
            return f"step {entry.step}: {entry.outcome}, {got}"
        case Recorded():
            return f"recording {entry.event}" + (f" ({entry.detail})" if entry.detail else "")
        case Ran() if entry.error:
            return f"function {entry.name} {entry.error}"
        case Ran():
            took = f" ({entry.seconds:.2f} s)" if entry.seconds >= 0.1 else ""
            return f"function {entry.name} ran{took}"
        case HandedOff():
            return f"hand-off to {entry.name} ({entry.method})"
        case Measured():
            return f"metric {entry.name} = {entry.value}"
        case Noted():
            return entry.text
        case _:
            return ""


def _sure(confidence: float | None) -> str:
    return "" if confidence is None else f" ({confidence:.0%} sure)"


def length(seconds: float) -> str:
    """A length for people: "1:02:03", "2:03", "0:03"."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
        if minutes >= 60
        else f"{minutes}:{rest:02d}"
    )


def lasted(reason: str, seconds: float) -> str:
    """How long a call took, as far as it is known."""
    return "length not known" if reason == Reason.SERVER_LOST else length(seconds)

"""What `fsflows recordings` knows of recordings and calls, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsflows.recordings.journal.entries import CallFile, Entry, Intent
    from fsflows.recordings.journal.listing import StepLine
    from fsflows.recordings.journal.receipt import Receipt


def call_as_json(call_uuid: str, call: CallFile, steps: Sequence[StepLine]) -> dict[str, Any]:
    """All that is known of a call, for programs."""
    return {
        "call": call_uuid,
        "recordings": [plain(entry) for entry in call.entries],
        "discard": plain(call.intent) if call.intent else None,
        "receipt": call.receipt.to_dict() if call.receipt else None,
        "steps": [plain(step) for step in steps],
    }


def call_lines(call: CallFile, steps: Sequence[StepLine]) -> Iterator[str]:
    """All that is known of a call, for people."""
    for entry in call.entries:
        why = f"  ({shown(entry.error)})" if entry.state == "failed" and entry.error else ""
        yield f"{entry.state:10}  {entry.origin:5}  {where(entry)}{why}"
    complete = call.receipt is not None and call.receipt.complete
    if call.intent is not None:
        yield from _intent_lines(call.intent, is_open=not complete)
    if call.receipt is not None and complete:
        yield from _receipt_lines(call.receipt)
    for step in steps:
        at = step.at.isoformat(timespec="milliseconds")
        yield f"  {at}  {step.step:8} {step.ms:6} ms  {step.node}  {step.detail}"


def _intent_lines(intent: Intent, *, is_open: bool) -> Iterator[str]:
    cause = intent.cause
    yield (
        f"\ndiscard asked for at {cause.at.isoformat(timespec='milliseconds')}"
        f" in flow {cause.flow!r}, step {cause.step!r}, by {cause.key_or_word!r}"
    )
    if is_open:
        yield f"OPEN after {intent.attempts} attempt(s): {shown(intent.error or 'under way')}"


def _receipt_lines(receipt: Receipt) -> Iterator[str]:
    from fsflows.recordings.journal.receipt import SETTLED

    done = receipt.completed_at.isoformat(timespec="milliseconds")
    again = f", revision {receipt.revision}" if receipt.revision > 1 else ""
    yield f"receipt of {done} by {receipt.node}{again}: {len(receipt.files)} file(s)"
    for file in receipt.files:
        late = ", started after the discard" if file.late else ""
        if file.how == SETTLED:
            yield f"  NOT DELETED BY FSFLOWS{late}: {shown(file.path)}"
            yield f"    {file.at}  {shown(file.by)} said: {shown(file.why)}"
        else:
            yield f"  {file.how}, {file.size or 0} bytes{late}: {shown(file.path)}"


def where(entry: Entry) -> str:
    """Where a recording is, or was."""
    return shown(entry.location or entry.path)


def shown(text: str) -> str:
    """A path is anybody's: no control characters to the terminal, and nothing that can't be printed."""
    return text if text.isprintable() else ascii(text)


def plain(value: Any) -> dict[str, Any]:
    """A value of the journal's as JSON has it."""
    made: dict[str, Any] = json.loads(
        json.dumps(asdict(value), default=lambda time: time.isoformat())
    )
    return made

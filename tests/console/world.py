"""What a console has to show in tests: a day of sample records, a running call, a recording that can be played."""

import dataclasses
import struct
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

from record_samples import sample_records

from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.archive.entries import Entered, Heard, Measured, Noted, Ran, Said
from fsflows.archive.live import LiveCalls
from fsflows.archive.model import RecordingNote
from fsflows.archive.record import LOST, RecordBuilder
from fsflows.archive.store import RecordStore
from fsflows.clock import GeventClock
from fsflows.console.sources import Audio, Check, Health, Sources
from fsflows.database import Database
from fsflows.flow.loader import load_flows
from fsflows.privacy import Pii, Redactor

FLOWS = Path(__file__).parents[2] / "conf" / "flows"
HOSTILE = "<script>alert('pwned')</script>\"'><img src=x onerror=alert(1)>"
CARD = "4556737586899855"


class FakeRecordings:
    """Tells of recordings: what was said, else what the record says, with one file to be played."""

    def __init__(self, store, wav):
        self.store = store
        self.wav = wav
        self.known = {}

    def of(self, call_id):
        if call_id in self.known:
            return self.known[call_id]
        (record, *_) = self.store.of_call(call_id)
        present = record.recording.state is RecordingState.PRESENT
        return Audio(record.recording, (self.wav,) if present else ())


class World:
    def __init__(self, directory, *, threaded=False, count=120):
        self.database = Database.open("sqlite://", threaded=threaded)
        self.store = RecordStore(self.database)
        self.records = list(sample_records(count, until=datetime.now(UTC), days=6))
        self.store.insert(self.records)
        self.live = LiveCalls()
        self.clock = GeventClock()
        self.recordings = FakeRecordings(self.store, make_wav(directory / "call.wav"))
        self.flows = load_flows([FLOWS])
        self.checks = [Check("Calls", True, "accepting")]
        self.health = Health(200, "ok", "3 calls")
        self.sources = Sources(
            database=self.database,
            live=self.live,
            flows=lambda: self.flows,
            recordings=self.recordings,
            checks=lambda: self.checks,
            alive=lambda: self.health,
            ready=lambda: self.health,
            node="node-a",
        )

    def close(self):
        self.database.close()

    def find(self, **wanted):
        """The latest record with these attributes."""
        found = [
            r
            for r in self.records
            if all(str(getattr(r, name)) == value for name, value in wanted.items())
        ]
        return max(found, key=lambda record: record.started_at)

    def recorded(self, state):
        return max(
            (r for r in self.records if r.recording.state == state),
            key=lambda record: record.started_at,
        )

    def add(self, **changes):
        """One more record, like the latest but for these changes."""
        latest = max(self.records, key=lambda record: record.started_at)
        number = len(self.records)
        changes = {
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "call_id": f"10000000-0000-4000-8000-{number:012d}",
            **changes,
        }
        record = dataclasses.replace(latest, **changes)
        self.store.insert([record])
        self.records.append(record)
        return record

    def call(self, caller="+442079460018", name="Ada Lindqvist", flow="pin_entry"):
        """A call begins."""
        builder = RecordBuilder(
            "uuid-live",
            self.clock,
            Redactor(),
            caller=caller,
            caller_name=name,
            callee="+442079460102",
            flow=flow,
        )
        builder.said("Welcome to Harbour Bank.")
        builder.entered("pin")
        builder.heard(Pii("7"), "keys")
        self.live.add(builder)
        return builder


def odd(world):
    """Calls that are hard on a layout: names without an end, texts without one, nothing at all."""
    now = datetime.now(UTC)
    endless = "a_name_that_goes_on_and_on_and_that_nothing_breaks_for_a_long_while"
    entries = (
        Said(at=0.3, text="This call may be recorded for many purposes. " * 20, how="speech"),
        Entered(at=5.0, step=endless, flow=endless),
        Heard(at=6.0, step=endless, text="x" * 200, source="speech", confidence=0.4),
        Ran(at=9.0, step=endless, name=endless, seconds=9.9, error=f"{endless}.py:1: {'e' * 300}"),
        Measured(at=10.0, step=endless, name=endless, value={"items": ["y" * 90]}),
    )
    long = {
        "started_at": now,
        "ended_at": now + timedelta(hours=1.2),
        "caller_name": "Ada " + endless,
    }
    world.add(**long, entries=entries, flow=endless, last_step=endless)
    # Not even a phone number: that is what the caller's side says it is.
    endless_number = {
        "caller": "9" * 300,
        "callee": "x" * 300,
        "caller_name": "\u202e" + "Z\u0301" * 200,
    }
    world.add(**{**long, **endless_number}, last_step="endless")
    world.call(caller="y" * 300, name="Ada " * 100, flow=endless).entered(endless * 3)
    lost = {"result": Result.FAILED, "reason": Reason.SERVER_LOST, "hangup_cause": ""}
    note = (Noted(at=0.0, text=LOST),)
    moment = {"started_at": now, "ended_at": now}
    world.add(**moment, **lost, last_step="", entries=note, recording=RecordingNote())
    refused = {"result": Result.REFUSED, "reason": Reason.UNKNOWN_FLOW, "flow": "", "last_step": ""}
    world.add(**moment, **refused, caller="", caller_name="", entries=(), recording=RecordingNote())
    return endless


def discarded(**receipt):
    return RecordingNote(state=RecordingState.DISCARDED, receipt=receipt)


def make_wav(path, seconds=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(
            b"".join(struct.pack("<h", (at % 50) * 100) for at in range(8000 * seconds))
        )
    return path

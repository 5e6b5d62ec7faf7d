"""Made-up records that look like a day's work, for benchmarks, tests of the console, and looking at it without a
phone.

The same number always makes the same records. Numbers are from the ranges that regulators keep free for fiction.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fsflows.archive.endings import Reason, RecordingState, Result
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
from fsflows.archive.model import Record, RecordingNote

_NAMES = (
    "Ada Lindqvist",
    "Bram Okafor",
    "Chiara Roux",
    "Dev Patel",
    "Eun-ji Park",
    "",
    "",
    "ANONYMOUS",
)
_OPEN_HOURS = (0, 0, 0, 0, 0, 1, 2, 5, 9, 12, 13, 11, 8, 10, 11, 9, 8, 6, 4, 3, 2, 1, 1, 0)

# flow -> its steps: (name, what is said, what the caller answers, whether it is private)
_FLOWS: dict[str, tuple[tuple[str, str, str, bool], ...]] = {
    "front_desk": (
        ("consent", "This call may be recorded. Press 1 if you do not want that, or 2 to go on.", "2", False),
        ("menu", "For orders press 1. For billing press 2. For anything else, say what it is about.", "1", False),
        ("order_number", "Please enter or say your eight-digit order number.", "40213377", False),
    ),
    "pin_check": (
        ("account", "Please enter or say your six-digit account number.", "220481", False),
        ("pin", "And your four-digit PIN. Nobody hears it, and it is not recorded.", "7391", True),
    ),
    "callback": (
        ("phone_number", "Which number may we call you back on?", "2079460018", False),
        ("confirm", "That is 2 0 7, 9 4 6, 0 0 1 8. Press 1 if this is right.", "1", False),
    ),
}  # fmt: skip


def sample_records(
    count: int, *, until: datetime, days: float = 7.0, seed: int = 7
) -> Iterator[Record]:
    """So many records of the last `days` before `until`, the earliest first.

    Args:
        count: how many.
        until: when the latest call came in, about.
        days: how far back they go.
        seed: another number, other records.
    """
    chance = random.Random(seed)
    step = timedelta(days=days) / max(1, count)
    at = until - timedelta(days=days)
    for _ in range(count):
        at += step
        began = at.astimezone(UTC)
        while chance.random() * max(_OPEN_HOURS) > _OPEN_HOURS[began.hour] + 0.3:
            began -= timedelta(hours=1)
        yield _record(chance, began.replace(microsecond=chance.randrange(1000) * 1000))


def _record(chance: random.Random, started_at: datetime) -> Record:
    flow = chance.choices(tuple(_FLOWS), (6, 3, 2))[0]
    record_id = str(UUID(int=chance.getrandbits(128), version=4))
    story = _Story(chance, flow)
    story.tell()
    return Record(
        id=record_id,
        call_id=str(UUID(int=chance.getrandbits(128), version=4)),
        node=chance.choice(("node-a", "node-b")),
        started_at=started_at,
        answered_at=started_at + timedelta(seconds=0.3),
        ended_at=started_at + timedelta(seconds=round(story.at, 3)),
        caller=f"+44207946{chance.randrange(1000):04d}",
        caller_name=chance.choice(_NAMES),
        callee="+442079460100" if flow == "front_desk" else "+442079460199",
        flow=flow,
        flow_version="9f2c4e1b7a30" if flow == "front_desk" else "51d0aa7be2c4",
        result=story.result,
        reason=story.reason,
        hangup_cause="NORMAL_CLEARING",
        last_step=story.step,
        recording=story.note(record_id, started_at),
        entries=tuple(story.entries),
    )


class _Story:
    """What happens in one call."""

    def __init__(self, chance: random.Random, flow: str) -> None:
        self.chance = chance
        self.flow = flow
        self.at = 0.35
        self.step = ""
        self.entries: list[Entry] = []
        self.result = Result.COMPLETED
        self.reason = Reason.FLOW_ENDED
        self.discarded = False

    def tell(self) -> None:
        self._add(Ran, 0.02, name="start", seconds=0.012)
        self._add(Recorded, 0.05, event="started")
        self._add(Said, 2.2, text="Welcome to Northwind.", how="speech")
        for name, prompt, answer, private in _FLOWS[self.flow]:
            if not self._step(name, prompt, answer, private=private):
                return
        if self.chance.random() < 0.2:
            self._add(HandedOff, 0.4, name="desk", method="transfer", reason="wants a person")
            self.result, self.reason = Result.HANDED_OFF, Reason.HANDED_OFF
        else:
            self._add(Said, 2.0, text="Thank you. Goodbye.", how="speech")

    def _step(self, name: str, prompt: str, answer: str, *, private: bool) -> bool:
        chance = self.chance
        self.step = name
        self._add(Entered, 0.0, flow=self.flow)
        attempts = 1
        self._add(Said, 3.4, text=prompt, how="speech")
        while chance.random() < 0.13 and attempts < 3:
            attempts += 1
            self._add(Said, 2.1, text="Sorry, I didn't get that. " + prompt, how="speech")
        if chance.random() < 0.07:
            outcome, end = chance.choice(
                (("no_input", Reason.NO_INPUT_LIMIT), ("hangup", Reason.CALLER_HUNG_UP))
            )
            self._add(Collected, 5.0, outcome=outcome, attempts=attempts, seconds=5.0)
            self.result, self.reason = Result.ABANDONED, end
            return False
        spoken = chance.random() < 0.35 and len(answer) > 1
        if name == "consent" and chance.random() < 0.4:
            answer = "1"
        shown = f"[{len(answer)} digits hidden]" if private else answer
        if spoken:
            words = shown if private else " ".join(_WORDS[int(digit)] for digit in answer)
            self._add(
                Heard,
                2.6,
                text=words,
                source="speech",
                confidence=round(chance.uniform(0.7, 0.99), 2),
            )
        else:
            for digit in answer:
                self._add(Heard, 0.45, text="[hidden]" if private else digit, source="keys")
        self._add(
            Collected,
            0.1,
            outcome="complete",
            digits=shown,
            source="speech" if spoken else "keys",
            confidence=round(chance.uniform(0.8, 0.99), 2) if spoken else None,
            attempts=attempts,
            seconds=round(chance.uniform(1.2, 6.0), 2),
            pii=private,
        )
        return self._after(name, answer)

    def _after(self, name: str, answer: str) -> bool:
        if name == "consent" and answer == "1":
            self.discarded = True
            self._add(Ran, 0.01, name="opt_out", seconds=0.004)
            self._add(Recorded, 0.05, event="discarded", detail="1 file, gone after 38 ms")
            self._add(Measured, 0.0, name="recording_opt_out", value=True)
        if name == "order_number":
            if self.chance.random() < 0.04:
                error = "front_desk.py:31: KeyError: 'orders' (the order system did not answer)"
                self._add(Ran, 10.0, name="look_up", seconds=10.0, error=error)
                self._add(Noted, 0.0, text="The caller heard the apology.")
                self.result, self.reason = Result.FAILED, Reason.FUNCTION_FAILED
                return False
            self._add(Ran, 0.4, name="look_up", seconds=round(self.chance.uniform(0.05, 1.4), 3))
        return True

    def _add(self, kind: type[Entry], takes: float, /, **values: Any) -> None:
        self.entries.append(kind(at=round(self.at, 3), step=self.step, **values))
        self.at += takes * self.chance.uniform(0.8, 1.2)

    def note(self, record_id: str, started_at: datetime) -> RecordingNote:
        if not self.discarded:
            link = f"{started_at:%Y-%m-%d}/{record_id}.wav"
            return RecordingNote(state=RecordingState.PRESENT, links=(link,))
        when = next(
            e.at for e in self.entries if isinstance(e, Recorded) and e.event == "discarded"
        )
        return RecordingNote(
            state=RecordingState.DISCARDED,
            receipt={
                "discarded_at": (started_at + timedelta(seconds=when)).isoformat(),
                "flow": self.flow,
                "step": "consent",
                "cause": "key 1",
                "files": [f"{record_id}.wav"],
                "milliseconds": {"journal": 4, "stop": 21, "delete": 2, "verify": 11},
            },
        )


_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

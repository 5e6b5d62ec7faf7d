"""Made-up records that look like a day's work, for tests and benchmarks.

The same number always makes the same records. Numbers are from the ranges that regulators keep free for fiction.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of a flow: what it says, what callers answer (nothing: it only speaks), and how often."""

    name: str
    says: str
    answers: tuple[tuple[str, int], ...] = ()
    private: bool = False


# The shipped examples, as far as a record shows them.
_FLOWS: dict[str, tuple[str, tuple[_Step, ...]]] = {
    "recording_opt_out": (
        "",
        (
            _Step(
                "opt_out",
                "This call may be recorded for quality and training purposes. To opt out, press 1 or say do not record.",
                (("1", 4), ("", 7)),
            ),
            _Step(
                "main",
                "For our opening hours, press 1. To speak to someone, press 2.",
                (("1", 3), ("2", 2)),
            ),
        ),
    ),
    "menu": (
        "Welcome to Harbour Books.",
        (
            _Step(
                "main",
                "For orders, press 1. For opening hours, press 2. For an operator, press 0 at any time.",
                (("1", 5),),
            ),
            _Step(
                "orders",
                "For a new order, press 1. For an order that is on its way, press 2. To go back, press star.",
                (("1", 2), ("2", 3)),
            ),
        ),
    ),
    "pin_entry": (
        "Welcome to Harbour Bank.",
        (
            _Step(
                "pin", "Please key in your four-digit PIN, then press pound.", (("7391", 1),), True
            ),
            _Step("balance", "Thank you. Your balance is two hundred dollars. Goodbye."),
        ),
    ),
    "phone_number": (
        "Hello, this is the call-back service of Harbour Books.",
        (
            _Step(
                "number",
                "Please key or say your ten-digit phone number.",
                (("2125550142", 1), ("4155550187", 1)),
            ),
            _Step("thanks", "Thank you. We will call you back. Goodbye."),
        ),
    ),
}
_VERSIONS = {
    "recording_opt_out": "7422784ca77e",
    "menu": "6498e97f302b",
    "pin_entry": "35090ccef0e9",
    "phone_number": "611bb6874564",
}
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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
    hours = random.Random(seed + 1)  # of its own: the same stories, whatever the time of day
    step = timedelta(days=days) / max(1, count)
    at = until - timedelta(days=days)
    for _ in range(count):
        at += step
        began = at.astimezone(UTC)
        while hours.random() * max(_OPEN_HOURS) > _OPEN_HOURS[began.hour] + 0.3:
            began -= timedelta(hours=1)
        yield _record(chance, began.replace(microsecond=chance.randrange(1000) * 1000))


def _record(chance: random.Random, started_at: datetime) -> Record:
    flow = chance.choices(tuple(_FLOWS), (7, 4, 4, 3))[0]
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
        callee=f"+4420794601{list(_FLOWS).index(flow):02d}",
        flow=flow,
        flow_version=_VERSIONS[flow],
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
        greeting, steps = _FLOWS[self.flow]
        self._add(Recorded, 0.05, event="started")
        if greeting:
            self._add(Said, 2.2, text=greeting, how="speech")
        for step in steps:
            self.step = step.name
            self._add(Entered, 0.0, flow=self.flow)
            self._add(Said, len(step.says) / 16, text=step.says, how="speech")
            if step.answers and not self._ask(step):
                return

    def _ask(self, step: _Step) -> bool:
        """One collection; False: the call is over."""
        chance = self.chance
        attempts = 1
        while chance.random() < 0.13 and attempts < 3:
            attempts += 1
            self._add(Said, 2.1, text="Sorry, I didn't get that. " + step.says, how="speech")
        if chance.random() < 0.08:
            outcome, end = chance.choice(
                (("no_input", Reason.NO_INPUT_LIMIT), ("hangup", Reason.CALLER_HUNG_UP))
            )
            self._add(Collected, 5.0, outcome=outcome, attempts=attempts, seconds=5.0)
            self.result, self.reason = Result.ABANDONED, end
            return False
        answers = [answer for answer, _ in step.answers]
        answer = chance.choices(answers, [often for _, often in step.answers])[0]
        self._answer(step, answer, attempts)
        return self._after(step.name, answer)

    def _answer(self, step: _Step, answer: str, attempts: int) -> None:
        chance = self.chance
        if not answer:
            self._add(Collected, 3.0, outcome="no_input", seconds=3.0)
            return
        spoken = chance.random() < 0.4 and not step.private
        shown = f"[{len(answer)} digits hidden]" if step.private else answer
        sure = round(chance.uniform(0.7, 0.99), 2) if spoken else None
        if spoken:
            words = " ".join(_SPOKEN[int(digit)] for digit in answer)
            self.at += len(words) / 14
            self._add(Heard, 0.1, text=words, source="speech", confidence=sure)
        else:
            self.at += chance.uniform(0.4, 1.2)
            for digit in answer:
                self._add(Heard, 0.42, text="[hidden]" if step.private else digit, source="keys")
        self._add(
            Collected,
            0.1,
            outcome="complete",
            digits=shown,
            source="speech" if spoken else "keys",
            confidence=sure,
            attempts=attempts,
            seconds=round(chance.uniform(1.2, 6.0), 2),
            pii=step.private,
        )

    def _after(self, step: str, answer: str) -> bool:
        chance = self.chance
        match step, answer:
            case "opt_out", _:
                self._add(Ran, 0.01, name="opt_out", seconds=0.044 if answer else 0.002)
                if answer:
                    self.discarded = True
                    self._add(Recorded, 0.05, event="discarded", detail="1 file")
                thanks = "Thank you. This call is not recorded. " if answer else ""
                self._add(Said, 2.4, text=f"{thanks}Welcome to Harbour Books.", how="speech")
            case "pin", _ if chance.random() < 0.05:
                error = "pin_entry.py:14: TimeoutError: the bank did not answer in 10 s"
                self.at += 10.0
                self._add(Ran, 0.1, name="check_pin", seconds=10.0, error=error)
                self._add(Noted, 1.5, text="The caller heard the apology.")
                self.result, self.reason = Result.FAILED, Reason.FUNCTION_TIMED_OUT
                return False
            case "pin", _:
                self.at += 0.4
                self._add(Ran, 0.1, name="check_pin", seconds=round(chance.uniform(0.05, 0.4), 3))
            case "orders", _:
                self._add(
                    Measured, 0.0, name="orders", value="new" if answer == "1" else "on_its_way"
                )
                self._hand_off("sales" if answer == "1" else "shipping")
                return False
            case "main", "2":
                self._hand_off("front_desk")
                return False
        return True

    def _hand_off(self, name: str) -> None:
        self._add(HandedOff, 0.4, name=name, method="transfer")
        self.result, self.reason = Result.HANDED_OFF, Reason.HANDED_OFF

    def _add(self, kind: type[Entry], takes: float, /, **values: Any) -> None:
        self.entries.append(kind(at=round(self.at, 3), step=self.step, **values))
        self.at += takes * self.chance.uniform(0.8, 1.2)

    def note(self, record_id: str, started_at: datetime) -> RecordingNote:
        if not self.discarded:
            link = f"{started_at:%Y-%m-%d}/{record_id}.wav"
            return RecordingNote(state=RecordingState.PRESENT, links=(link,))
        at = next(e.at for e in self.entries if isinstance(e, Recorded) and e.event == "discarded")
        when = started_at + timedelta(seconds=at)
        return RecordingNote(
            state=RecordingState.DISCARDED,
            receipt={
                "cause": {
                    "flow": self.flow,
                    "step": "opt_out",
                    "key_or_word": "1",
                    "at": when.isoformat(),
                },
                "completed_at": (when + timedelta(milliseconds=38)).isoformat(),
                "files": [{"path": f"{record_id}.wav", "how": "deleted", "size": 91244}],
                "ms": {"intent": 4, "stop": 21, "delete": 2, "verify": 11},
                "complete": True,
            },
        )

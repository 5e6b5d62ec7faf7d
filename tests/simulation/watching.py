"""What must be so after any call, whatever the flow, the caller and the recogniser did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.call.happenings import KeyPressed
from fsflows.call.leg import Leg
from fsflows.collect.collector import Collector
from fsflows.collect.confirm import Confirmer
from fsflows.collect.decisions import Why
from fsflows.collect.dialogue import Dialogue
from fsflows.collect.listener import Listener
from fsflows.collect.result import plain
from fsflows.collect.trail import TYPING_ON
from fsflows.conversation import functions
from fsflows.conversation.history import UserInput
from fsflows.conversation.judging import Rehearsal
from fsflows.privacy import Pii

LONGEST = 3600.0
"""Seconds. A call is over by then: after so many steps, of so many attempts, with so slow functions."""

ENDINGS = {
    Result.COMPLETED: {Reason.FLOW_ENDED, Reason.ESCAPED},
    Result.HANDED_OFF: {Reason.HANDED_OFF, Reason.ESCAPED},
    Result.ABANDONED: {Reason.CALLER_HUNG_UP, Reason.NO_INPUT_LIMIT, Reason.NO_MATCH_LIMIT},
    Result.FAILED: {
        Reason.FUNCTION_FAILED,
        Reason.FUNCTION_TIMED_OUT,
        Reason.HANDOFF_FAILED,
        Reason.FLOW_ERROR,
    },
}
"""How a call may end when FreeSWITCH and this program are well."""

EXPECTED = {
    "function failed",
    "end function failed",
    "hand-off failed",
    "speech recognition lost; going on with keys",
    "the caller has not answered for too long",
    "flow goes round in circles",
    "recording not discarded yet; it will be tried again until it is gone",
}
"""Warnings and errors that a flow or a caller can bring about."""

LONG = 6
"""Digits, or words, that don't turn up by chance."""

LATE = 0.45
"""Seconds by which FreeSWITCH may write a recording late; a mask acts when it is written."""

TOLD = 0.1
"""Seconds from a key to the news of it, at the most."""

Identity = tuple[str, float, str]


@dataclass
class Watch:
    """What became of each key, and of each collection, of one call."""

    pressed: list[Identity] = field(default_factory=list)
    fates: dict[Identity, list[str]] = field(default_factory=dict)
    dialogues: list[Dialogue] = field(default_factory=list)
    keyed: dict[Collector, str] = field(default_factory=dict)
    private_keys: list[float] = field(default_factory=list)
    private_words: list[str] = field(default_factory=list)
    public_words: set[str] = field(default_factory=set)
    current: Identity | None = None

    def fate(self, what: str) -> None:
        if self.current is not None:
            self.fates.setdefault(self.current, []).append(what)


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch the calls that are made meanwhile."""
    watch = Watch()

    def around(owner: type, name: str, note: Any) -> Any:
        original = getattr(owner, name)

        def method(self: Any, *args: Any, **named: Any) -> Any:
            note(self, *args, **named)
            return original(self, *args, **named)

        return patch.object(owner, name, method)

    def named(_: Listener[Any], press: Any) -> None:
        watch.current = (press.key, press.at, press.source)

    def ignored(_: Listener[Any], __: str, why: Why) -> None:
        watch.fate(f"ignored: {why}")

    def used(self: Collector, key: str, at: float) -> None:
        watch.fate("used")
        before = watch.keyed.get(self, "")
        if key in self.spec.clear_keys:
            watch.keyed[self] = ""
        elif key not in self.spec.end_keys and not self._escapes(key):
            watch.keyed[self] = before + key
        if self.spec.is_pii and watch.current is not None and watch.current[1] == at:
            watch.private_keys.append(at)

    def said(self: Listener[Any], alternatives: Any, _: float) -> None:
        if self.spec.is_pii:
            texts = [each.text for each in alternatives]
            watch.private_words += [text for text in texts if text not in watch.public_words]

    def partly_said(self: Listener[Any], text: str, _: float) -> None:
        if not self.spec.is_pii:
            watch.public_words.add(text)  # heard before the private step had begun

    def replied(_: Confirmer, verdict: Any, __: float, **___: Any) -> None:
        watch.fate(f"reply: {verdict}")

    def moved_on(*_: Any) -> None:
        watch.current = None

    def opened(self: Dialogue, *_: Any, **__: Any) -> None:
        watch.dialogues.append(self)

    wait = Leg.wait

    def waited(self: Leg, until: float | None = None) -> Any:
        happening = wait(self, until)
        if isinstance(happening, KeyPressed):
            watch.pressed.append((happening.key, happening.at, happening.source))
        return happening

    with (
        around(Listener, "_name", named),
        around(Listener, "_ignore", ignored),
        around(Listener, "advance", moved_on),
        around(Listener, "_reach", moved_on),
        around(Listener, "final", said),
        around(Listener, "partial", partly_said),
        around(Collector, "_use", used),
        around(Confirmer, "_conclude", replied),
        around(Dialogue, "__init__", opened),
        patch.object(Leg, "wait", waited),
    ):
        yield watch


def problems(
    played: Rehearsal, watch: Watch, log: list[dict[str, Any]], recordings: Path
) -> Iterator[str]:
    """What is not as it must be."""
    yield from _ending(played)
    yield from _keys(played, watch)
    yield from _collections(played, watch)
    yield from _digits(watch)
    yield from _privacy(played, watch, log)
    yield from _masking(played, watch)
    yield from _recordings(played, recordings)
    yield from _log(log)
    if functions.running:
        yield f"functions still run: {functions.running}"


def _ending(played: Rehearsal) -> Iterator[str]:
    record = played.record
    if record.reason not in ENDINGS.get(record.result, ()):
        yield f"ended {record.result}, {record.reason}"
    if not 0 <= record.seconds <= LONGEST:
        yield f"took {record.seconds} s"
    if played.engine.call.ended is None:
        yield "the channel was left alone"


def _keys(played: Rehearsal, watch: Watch) -> Iterator[str]:
    """Every key that a step got is used once, or ignored for a reason, or came too late for any step."""
    over = played.engine.left_over
    if watch.dialogues:
        over += watch.dialogues[-1].left_over
    too_late = {(press.key, press.at, press.source) for press in over}
    for key in watch.pressed:
        fates = watch.fates.get(key, [])
        corrected = "reply: correction" in fates
        if not fates and key not in too_late and key[1] >= played.engine.answer_from:
            yield f"key {key} was lost"
        if len(fates) > watch.pressed.count(key) + corrected:
            yield f"key {key} was used several times: {fates}"


def _collections(played: Rehearsal, watch: Watch) -> Iterator[str]:
    """Every collection has one result, which is in the history and in the record."""
    results = [dialogue.result for dialogue in watch.dialogues if dialogue.result is not None]
    noted = played.record.collected
    turns = [turn for turn in played.engine.history if isinstance(turn, UserInput)]
    outcomes = [str(each.outcome) for each in results]
    if outcomes != [each.outcome for each in noted]:
        yield f"collections ended {outcomes}, the record has {[each.outcome for each in noted]}"
    if outcomes != [turn.outcome for turn in turns]:
        yield f"collections ended {outcomes}, the history has {[turn.outcome for turn in turns]}"


def _digits(watch: Watch) -> Iterator[str]:
    """Where only keys count, the digits are the keys."""
    for collector, keys in watch.keyed.items():
        if collector.spec.speech is None and collector.result is not None:
            digits = plain(collector.result.digits)
            if digits != keys:
                yield f"pressed {keys!r}, collected {digits!r}"


def _masking(played: Rehearsal, watch: Watch) -> Iterator[str]:
    """A private key that was pressed while its step listened is not in a recording, nor one that follows close on it."""
    followers = _followers(played, watch)
    for at in (*watch.private_keys, *followers):
        # What is heard now is written up to so much later.
        for path in _open(played, at) | _open(played, at + LATE if at not in followers else at):
            yield f"a private key at {at} is in {path}"


def _followers(played: Rehearsal, watch: Watch) -> list[float]:
    """Keys that were pressed in one go with a private one, whoever got them."""
    found: list[float] = []
    last = float("-inf")
    for did in played.channel.transcript.did:
        if did.what == "key":
            private = any(0 <= at - did.at < TOLD for at in watch.private_keys)
            if not private and did.at - last < TYPING_ON - TOLD:
                found.append(did.at)
                private = True
            last = did.at if private else float("-inf")
    return found


def _open(played: Rehearsal, at: float) -> set[str]:
    """The files that the caller is heard in at a time."""
    state: dict[str, str] = {}
    for each in played.channel.transcript.taped:
        if each.at <= at:
            state[each.path] = each.what
    return {path for path, what in state.items() if what in ("start", "unmask")}


def _privacy(played: Rehearsal, watch: Watch, log: list[dict[str, Any]]) -> Iterator[str]:
    """No private number of some length is written anywhere, in digits or as it was said."""
    written = {
        "the record": str(played.record.as_json()),
        "the log": str(log),
        "the history": str(played.engine.history),
        "the history's export": str([turn.to_dict() for turn in played.engine.history]),
    }
    turns = [turn for turn in played.engine.history if isinstance(turn, UserInput)]
    private = [turn.text.reveal() for turn in turns if isinstance(turn.text, Pii)]
    values = [value for value in private if len(value) >= LONG]
    values += [words for words in watch.private_words if len(words.split()) >= LONG]
    for value in values:
        for where, text in written.items():
            if value in text:
                yield f"{value!r} is in {where}"


def _recordings(played: Rehearsal, recordings: Path) -> Iterator[str]:
    """What was discarded is gone, what was not is there, and nothing is recorded any more."""
    record, channel = played.record, played.channel
    files = [path for path in recordings.rglob("*.wav") if path.is_file()]
    state = record.recording.state
    handed_on = record.result is Result.HANDED_OFF
    if state is RecordingState.DISCARDED and files:
        yield f"discarded, and there is {files}"
    if state is RecordingState.PENDING:
        yield "the discard is not finished"
    if state is RecordingState.NONE and files:
        yield f"not recorded, and there is {files}"
    if state is RecordingState.PRESENT and not files:
        yield "recorded, and there is nothing"
    if state is not RecordingState.NONE and channel.recorder.paths and not handed_on:
        yield f"still records to {channel.recorder.paths}"
    asked = record.recording.receipt.get("requested_at")
    if asked is not None and state is not RecordingState.DISCARDED:
        yield f"a discard was asked for, and the recording is {state}"


def _log(log: list[dict[str, Any]]) -> Iterator[str]:
    for line in log:
        if line["level"] in ("warning", "error", "critical") and line["event"] not in EXPECTED:
            yield f"log: {line}"

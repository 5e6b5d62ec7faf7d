"""A scripted call that is over, and whether what came of it is what its script expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fsflows.advice import did_you_mean
from fsflows.archive.describe import happened
from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.archive.entries import Entry, Ran, Recorded, Said
from fsflows.archive.model import Record
from fsflows.collect import Outcome
from fsflows.conversation.engine import Engine
from fsflows.conversation.history import UserInput
from fsflows.flow.causes import CAUSES
from fsflows.switch import Script
from fsflows.switch.caller import Failure, plain
from fsflows.switch.channel import Channel
from fsflows.switch.steps import Expect


@dataclass(slots=True)
class Rehearsal:
    """A scripted call that is over.

    Attributes:
        record: the conversation record.
        engine: the conversation, for its history and state.
        channel: the simulated channel, with the transcript of what the caller heard.
        began: when the call came in, on the virtual clock.
        script: what the caller did.
        failures: the step that could not be done, and each expectation that was not met, as `file:line: what`; and
            each function that failed though the script does not expect it, as `file: what`.
        unread: the rest of the history that no expectation has used yet.
    """

    record: Record
    engine: Engine
    channel: Channel
    began: float
    script: Script
    failures: list[str] = field(default_factory=list)
    unread: list[UserInput] = field(init=False)

    def __post_init__(self) -> None:
        self.unread = [turn for turn in self.engine.history if isinstance(turn, UserInput)]

    @property
    def heard(self) -> str:
        """All that was said to the caller, in order, one sound a line."""
        return "\n".join(sound.what for sound in self.channel.transcript.heard)

    @property
    def page(self) -> str:
        """The call as a page to read: what was heard and done, and what the server made of it."""
        # The transcript has the recordings' files itself.
        beside = [
            (self.began + entry.at, f"  {text}")
            for entry in self.record.entries
            if not isinstance(entry, Recorded) and (text := happened(entry))
        ]
        return "\n".join(self.channel.transcript.lines(self.began, beside))


def judge(played: Rehearsal, undone: Failure | None) -> list[str]:
    """Everything in which a call was not as its script says; see `Rehearsal.failures`.

    Args:
        played: the call.
        undone: the step that could not be done.
    """
    script = played.script
    failures = [f"{script.where(undone.step)}: {undone.why}"] if undone is not None else []
    failures += [f"{script.name}: {what}" for what in _functions_that_failed(played)]
    for expectation in script.expectations:
        if (why := _check(played, expectation)) is not None:
            failures.append(f"{script.where(expectation)}: {why}")
    return failures


def _functions_that_failed(played: Rehearsal) -> Iterator[str]:
    """Those that the script does not say anything about. A function that the caller hung up on is none."""
    expected = [
        each.words[1:]
        for each in played.script.expectations
        if each.words[0] == "failed" and not each.negated
    ]
    entries = played.record.entries
    for place, ran in enumerate(entries):
        if not isinstance(ran, Ran) or not ran.error:
            continue
        if any(_is(ran, words) for words in expected):
            continue
        said = " / ".join(_said_next(entries[place + 1 :]))
        heard = f"; the caller heard: {said}" if said else ""
        yield (
            f"function {ran.name} {ran.error}{heard}; if that is what the script is about, "
            f"write: expect failed {ran.name}"
        )


def _said_next(entries: Iterable[Entry]) -> Iterator[str]:
    """What was said before anything else happened."""
    for entry in entries:
        if not isinstance(entry, Said):
            return
        yield entry.text


def _is(ran: Ran, words: Sequence[str]) -> bool:
    """Whether it is this function that failed, and so."""
    name, *error = words or ("",)
    return bool(ran.error) and ran.name == name and plain(" ".join(error)) in plain(ran.error)


class _Unclear(Exception):
    """What is wrong with an expectation itself."""


def _look_up(word: str, what: str, known: Iterable[str]) -> None:
    """There is such a thing. What there can't be is never found: turned round, it would be expected for nothing."""
    names = sorted(map(str, known))
    if word not in names:
        hint = did_you_mean(word, names, "there are") if names else "the flow has none"
        raise _Unclear(f"there is no {what} {word!r}; {hint}")


def _check(played: Rehearsal, expectation: Expect) -> str | None:
    """What is wrong with what came of an expectation; None: it was met."""
    kind, *words = expectation.words
    if not words and kind != "discarded":
        return f"expect {kind} what? Write what is expected behind it"
    try:
        met, found = EXPECTATIONS[kind](played, words)
    except _Unclear as unclear:
        return str(unclear)
    if met is not expectation.negated:
        return None
    wanted = " ".join(expectation.words)
    no = "not " if expectation.negated else ""
    return f"expected {no}{wanted}; {found}"


def _digits(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    wanted = "".join(words)
    for index, turn in enumerate(played.unread):
        if turn.text == wanted:
            del played.unread[: index + 1]
            return True, f"{wanted!r} was collected"
    seen = ", ".join(f"{turn.text}" or "(silence)" for turn in played.unread)
    return False, f"collected: {seen or 'nothing more'}"


def _outcome(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    wanted = " ".join(words)
    _look_up(wanted, "outcome", Outcome)
    seen = [turn.outcome for turn in played.engine.history if isinstance(turn, UserInput)]
    return wanted in seen, f"outcomes: {', '.join(seen) or 'none'}"


def _heard(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    wanted = plain(" ".join(words))
    return bool(wanted) and wanted in plain(
        played.heard
    ), f"heard: {' / '.join(played.heard.splitlines()) or 'nothing'}"


def _result(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    record = played.record
    found = (str(record.result), str(record.reason), record.hangup_cause)
    for word in words:
        if word not in found and word not in CAUSES:
            _look_up(word, "ending", (*Result, *Reason))
    return all(word in found for word in words), f"the call ended: {', '.join(found)}"


def _step(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    wanted = " ".join(words)
    _look_up(wanted, "step", {name for flow in played.engine.flows.values() for name in flow.steps})
    return wanted == played.record.last_step, f"it ended in {played.record.last_step!r}"


def _handoff(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    handoff = played.record.handoff
    name = handoff.name if handoff is not None else ""
    wanted, flows = " ".join(words), played.engine.flows.values()
    if wanted != name:
        _look_up(wanted, "hand-off", {known for flow in flows for known in flow.handoffs})
    return name == wanted, f"handed off to {name!r}" if name else "not handed off"


def _metric(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    name, *value = words
    metrics = played.engine.metrics
    met = name in metrics and (not value or str(metrics[name]) == " ".join(value))
    return met, f"metrics: {metrics or 'none'}"


def _failed(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    flows = played.engine.flows.values()
    _look_up(words[0], "function", {name for flow in flows for name in flow.functions})
    failed = [ran for ran in played.record.functions if ran.error]
    seen = "; ".join(f"function {ran.name} {ran.error}" for ran in failed)
    return any(_is(ran, words) for ran in failed), seen or "no function failed"


def _discarded(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    state = played.record.recording.state
    return state is RecordingState.DISCARDED, f"the recording is {state}"


EXPECTATIONS: Mapping[str, Callable[[Rehearsal, list[str]], tuple[bool, str]]] = {
    "digits": _digits,
    "outcome": _outcome,
    "heard": _heard,
    "ended": _result,
    "step": _step,
    "handoff": _handoff,
    "metric": _metric,
    "failed": _failed,
    "discarded": _discarded,
}
"""What may follow `expect` in a script.

`digits 123`: this was collected, after what the digits before it were; `outcome no_input`; `heard "words"`; `ended
completed` (or a reason, or a hangup cause); `step NAME`: where the call ended; `handoff NAME`; `metric NAME [VALUE]`;
`failed FUNCTION [WORDS]`: it raised, hung or returned nonsense, and these words are in its error; `discarded`. Each can
be turned round: `expect not discarded`.
"""

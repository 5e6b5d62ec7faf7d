"""A scripted call in virtual time: the real conversation, a simulated FreeSWITCH and caller, no sockets, no waiting.

What `fsflows test` runs, and what flow authors' own tests can use::

    flows = load_flows(["conf/flows"])
    script = parse_script(Path("menu.call").read_text())
    played = rehearse(flows["menu"], flows, script)
    assert not played.failures, played.page
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsflows.archive.describe import happened
from fsflows.archive.endings import RecordingState
from fsflows.archive.entries import Recorded
from fsflows.archive.model import Record
from fsflows.call.call import Call
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.conversation.engine import Engine
from fsflows.conversation.history import UserInput
from fsflows.conversation.run import Services, run_call
from fsflows.database import Database, metadata
from fsflows.flow.model import Flow, FlowSet
from fsflows.log import Logger
from fsflows.recordings.call.recordings import CallRecordings
from fsflows.recordings.files.places import local_files
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.service import Recordings
from fsflows.switch import CallProfile, Script, Setup
from fsflows.switch.caller import Expect
from fsflows.switch.channel import Channel
from fsflows.switch.files import DiskFiles
from fsflows.switch.link import SimulatedLink, incoming_call

_OPENING = subscribe()


@dataclass(slots=True)
class Rehearsal:
    """A scripted call that is over.

    Attributes:
        record: the conversation record.
        engine: the conversation, for its history and state.
        channel: the simulated channel, with the transcript of what the caller heard.
        began: when the call came in, on the virtual clock.
        script: what the caller did.
        failures: each expectation that was not met, and the step that could not be done, as `file:line: what`.
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


def rehearse(
    flow: Flow,
    flows: FlowSet,
    script: Script,
    *,
    recordings: Path | None = None,
    setup: Setup | None = None,
    state: Mapping[str, Any] | None = None,
    profile: CallProfile | None = None,
) -> Rehearsal:
    """Play a script through a flow.

    Args:
        flow: where the call starts.
        flows: all flows.
        script: what the caller does, and what must come of it.
        recordings: where recordings are kept (`staging/`, `published/`); None: a directory that is gone afterwards.
        setup: the simulated switch.
        state: first contents of `conv.state`.
        profile: who calls, instead of the script's caller.
    """
    clock = VirtualClock()
    setup = dataclasses.replace(setup or Setup(), files=DiskFiles())
    link = incoming_call(clock, profile, setup, opening=_OPENING, script=script)
    engines: list[Engine] = []
    with ExitStack() as stack:
        recorder = _Recorder(stack, clock, recordings)
        services = Services(recorder=recorder)
        record = clock.run(_run, link, clock, flow, flows, services, state, engines.append)
    engine = engines[0]
    played = Rehearsal(record, engine, link.far_end, link.since, script)
    failure = link.caller.failure
    if failure is not None:
        played.failures.append(f"{script.where(failure.step)}: {failure.why}")
    for expectation in script.expectations:
        if (why := check(played, expectation)) is not None:
            played.failures.append(f"{script.where(expectation)}: {why}")
    if played.failures and (early := _too_early(played)):
        played.failures.append(
            f"(keys {early} were pressed before the first step listened: the greeting plays first, unless "
            "that step has 'collect_while_agent_speaking: true')"
        )
    return played


def _too_early(played: Rehearsal) -> str:
    """The keys that no step got, because none listened yet: what surprises most in a new flow."""
    since = played.engine.answer_from
    did = played.channel.transcript.did
    return "".join(each.text for each in did if each.what == "key" and each.at < since)


def _run(
    link: SimulatedLink,
    clock: VirtualClock,
    flow: Flow,
    flows: FlowSet,
    services: Services,
    state: Mapping[str, Any] | None,
    watch: Callable[[Engine], None],
) -> Record:
    return run_call(Call(link, clock), flow, flows, services, state, watch)


class _Recorder:
    """Makes recordings for a call that has any; most have none, and need no directory and no database."""

    def __init__(self, stack: ExitStack, clock: VirtualClock, directory: Path | None) -> None:
        self._stack = stack
        self._clock = clock
        self._directory = directory

    def call(
        self, control: RecordingControl, *, flow: str, switch: str, log: Logger
    ) -> CallRecordings:
        directory = self._directory
        if directory is None:
            made = tempfile.TemporaryDirectory(prefix="fsflows-")
            directory = Path(self._stack.enter_context(made))
        staging, published = directory / "staging", directory / "published"
        for each in (staging, published):
            each.mkdir(parents=True, exist_ok=True)
        database = _empty_database()
        reach = OneReach(local_files(str(staging), str(published), ()))
        recordings = Recordings.make(database, self._clock, reach, staging=str(staging))
        self._stack.callback(recordings.close)
        return recordings.call(control, flow=flow, switch=switch, log=log)


@functools.cache
def _database() -> tuple[Database, list[str]]:
    """A database, and what empties it."""
    database = Database.open("sqlite://")
    atexit.register(database.close)
    return database, [str(table.delete()) for table in reversed(metadata.sorted_tables)]


def _empty_database() -> Database:
    """Without a row, as for the first call of a new server. Making the tables takes longer than most calls."""
    database, emptying = _database()
    database.write(
        lambda connection: [connection.exec_driver_sql(statement) for statement in emptying]
    )
    return database


# --- expectations ---------------------------------------------------------------------------------------------------


def check(played: Rehearsal, expectation: Expect) -> str | None:
    """What is wrong with what came of an expectation; None: it was met."""
    kind, *words = expectation.words
    if not words and kind != "discarded":
        return f"expect {kind} what? Write what is expected behind it"
    met, found = EXPECTATIONS[kind](played, words)
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
    seen = [turn.outcome for turn in played.engine.history if isinstance(turn, UserInput)]
    return words[0] in seen, f"outcomes: {', '.join(seen) or 'none'}"


def _heard(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    wanted = " ".join(words).casefold()
    heard = " ".join(played.heard.casefold().split())
    return wanted in heard, f"heard: {' / '.join(played.heard.splitlines()) or 'nothing'}"


def _result(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    record = played.record
    found = (str(record.result), str(record.reason), record.hangup_cause)
    return all(word in found for word in words), f"the call ended: {', '.join(found)}"


def _step(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    return " ".join(words) == played.record.last_step, f"it ended in {played.record.last_step!r}"


def _handoff(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    handoff = played.record.handoff
    name = handoff.name if handoff is not None else ""
    return name == " ".join(words), f"handed off to {name!r}" if name else "not handed off"


def _metric(played: Rehearsal, words: list[str]) -> tuple[bool, str]:
    name, *value = words
    metrics = played.engine.metrics
    met = name in metrics and (not value or str(metrics[name]) == " ".join(value))
    return met, f"metrics: {metrics or 'none'}"


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
    "discarded": _discarded,
}
"""What may follow `expect` in a script.

`digits 123`: this was collected, after what the digits before it were; `outcome no_input`; `heard "words"`; `ended
completed` (or a reason, or a hangup cause); `step NAME`: where the call ended; `handoff NAME`; `metric NAME [VALUE]`;
`discarded`. Each can be turned round: `expect not discarded`.
"""

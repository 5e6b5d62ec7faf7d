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
from pathlib import Path
from typing import Any

from fsflows.archive.model import Record
from fsflows.call import dialled
from fsflows.call.call import Call
from fsflows.call.subscription import subscribe
from fsflows.clock import VirtualClock
from fsflows.conversation.engine import Engine
from fsflows.conversation.judging import Rehearsal, judge
from fsflows.conversation.run import Services, run_call
from fsflows.database import Database, metadata
from fsflows.flow.model import Flow, FlowSet
from fsflows.log import Logger
from fsflows.recordings.call.recordings import CallRecordings
from fsflows.recordings.files.places import local_files
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.service import Recordings
from fsflows.switch import CallProfile, Recogniser, Script, Setup
from fsflows.switch.files import DiskFiles
from fsflows.switch.link import SimulatedLink, incoming_call
from fsflows.switch.profile import outgoing

_OPENING = subscribe()


def profile_of(script: Script) -> CallProfile:
    """The call that a script is about, as it comes to the socket.

    Raises:
        ValueError: the first values of a call that we make can't be sent.
    """
    wanted = script.dialled
    if wanted is None:
        return script.profile
    told = dialled.variables(
        wanted.number,
        caller_number=wanted.caller_number,
        caller_name=wanted.caller_name,
        state=wanted.state,
        hang_up_on_machine=wanted.hang_up_on_machine,
    )
    return outgoing(told, wanted.number)


def setup_of(script: Script) -> Setup:
    """The switch that a script is played on: its recogniser sends confidences and guesses if the script has any."""
    return Setup(recogniser=Recogniser(json=script.has_scores), files=DiskFiles())


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
        setup: the simulated switch; None: that of `setup_of`.
        state: first contents of `conv.state`, beside the script's.
        profile: who calls, instead of the script's caller.

    Raises:
        ValueError: as of `profile_of`.
    """
    clock = VirtualClock()
    setup = dataclasses.replace(setup, files=DiskFiles()) if setup else setup_of(script)
    link = incoming_call(
        clock, profile or profile_of(script), setup, opening=_OPENING, script=script
    )
    engines: list[Engine] = []
    with ExitStack() as stack:
        recorder = _Recorder(stack, clock, recordings)
        services = Services(recorder=recorder)
        record = clock.run(_run, link, clock, flow, flows, services, state, engines.append)
    engine = engines[0]
    played = Rehearsal(record, engine, link.far_end, link.since, script)
    played.failures = judge(played, link.caller.failure)
    if played.failures and (early := _too_early(played)):
        played.failures.append(
            f"({early} came before the first step listened: the greeting plays first, unless "
            "that step has 'collect_while_agent_speaking: true')"
        )
    return played


def _too_early(played: Rehearsal) -> str:
    """What no step got, because none listened yet: what surprises most in a new flow.

    Whoever answers a call of ours says so first: that is no answer.
    """
    since = played.engine.answer_from
    transcript = played.channel.transcript
    answered = transcript.heard[0].start if played.script.dialled and transcript.heard else 0.0
    early = [each for each in transcript.did if each.at < since]
    keys = "".join(each.text for each in early if each.what == "key")
    words = [repr(each.text) for each in early if each.what == "say" and each.at >= answered]
    return " and ".join((f"keys {keys}",) * bool(keys) + tuple(words))


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

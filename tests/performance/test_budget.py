"""What a call costs, counted rather than timed: the same on every machine, and in every run.

A number that goes over its budget is a call that became dearer. Find out why first (`python benchmarks/rehearsal.py
--profile "keys"`), and raise the budget when the new behaviour is worth it. docs/performance.md says what the numbers
were at first.
"""

import cProfile
import gc
import gzip
import json
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

import fsflows
from fsflows.archive.lines import Begun, Line
from fsflows.call.call import Call
from fsflows.call.happenings import KeyPressed
from fsflows.call.subscription import EVENTS, subscribe
from fsflows.clock import GeventClock, VirtualClock
from fsflows.conversation.rehearsal import rehearse
from fsflows.conversation.run import Services, run_call
from fsflows.esl.connection import Connection
from fsflows.esl.event import Event
from fsflows.esl.frames import FrameReader
from fsflows.flow.loader import load_flows
from fsflows.switch.link import incoming_call
from fsflows.switch.script import parse_script

FLOW = """
recording: false
steps:
  menu:
    prompt: For orders, press 1. For opening hours, press 2.
    dtmf: {num_digits: 1, first_digit_timeout: 60}
    asr: ASR
    on: {1: number, otherwise: number}
  number:
    prompt: Please key or say your eight-digit number.
    dtmf: {num_digits: 8}
    asr: ASR
    confirm: {prompt: "I have {digits}. Is that right?"}
    next: done
  done: {prompt: "Thank you. Goodbye.", next: {hangup: true}}
"""
KEYED = """
hear press 2
wait 2
press 1
hear number
wait 2
press 12345678
hear right
wait 2
press 1
expect digits 12345678
expect ended completed
"""
SPOKEN = """
hear press 2
say one
hear number
wait 1
say one two three four five six seven eight
hear right
wait 2
say yes
expect digits 12345678
expect ended completed
"""
TRACE = Path(__file__).parents[1] / "wire" / "traces" / "s03_slow_park.jsonl.gz"

only_cpython = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="counts what CPython does"
)


def loaded(directory, asr):
    path = directory / "flow.yaml"
    path.write_text(FLOW.replace("ASR", {"on": "{}", "off": "false"}[asr]))
    flows = load_flows([path])
    return flows["flow"], flows


def calls_in(work):
    """Functions called, Python's and C's."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


@only_cpython
@pytest.mark.parametrize(
    ("asr", "script", "budget"), [("off", KEYED, 7_700), ("on", SPOKEN, 16_000)]
)
def test_functions_called_in_a_scripted_call(tmp_path, asr, script, budget):
    first, flows = loaded(tmp_path, asr)
    script = parse_script(script)
    for _ in range(3):  # caches
        played = rehearse(first, flows, script)
        assert [] == played.failures
    counts = {calls_in(lambda: rehearse(first, flows, script)) for _ in range(2)}
    print(f"{asr}: {counts}")
    assert max(counts) <= budget


def test_transactions_and_statements_of_a_recorded_call(tmp_path):
    """A transaction that writes waits for the disk, and at first a caller does, who hears nothing meanwhile.

    Five of them are an archive's that is used for the first time, and the server's end.
    """
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW.replace("ASR", "false").replace("recording: false", "recording: true"))
    flows = load_flows([path])
    script = parse_script(KEYED)
    done = []

    def statement(_connection, _cursor, words, _parameters, _context, _many):
        done.append(words.split()[0])

    for _ in range(2):
        assert [] == rehearse(flows["flow"], flows, script).failures
    event.listen(Engine, "before_cursor_execute", statement)
    try:
        rehearse(flows["flow"], flows, script)
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
    # Not those that empty the database for the next rehearsal.
    done = done[done.index("SELECT") - 1 :]
    transactions = done.count("BEGIN")
    print(f"{transactions} transactions, {len(done) - transactions} statements: {done}")
    assert ["BEGIN", "SELECT", "INSERT", "UPDATE", "BEGIN"] == done[:5]
    assert transactions <= 10
    assert len(done) - transactions <= 17


@only_cpython
def test_functions_called_and_commands_sent_until_the_first_sound(tmp_path):
    first, flows = loaded(tmp_path, "off")
    sent, noted = [], []

    def arrive():
        sent.clear()
        clock = VirtualClock()
        link = incoming_call(clock, opening=subscribe())
        post = link.post
        link.post = lambda command, **more: (sent.append(command.label), post(command, **more))
        services = Services(begin=lambda call: noted.append(Line.of(Begun.of("a#1", call.begun()))))
        clock.spawn(run_call, Call(link, clock), first, flows, services)
        clock.run(clock.sleep, 0.5)

    for _ in range(3):
        arrive()
    counts = {calls_in(arrive) for _ in range(2)}
    print(f"{counts}")
    assert max(counts) <= 1_600
    assert ["sendmsg answer", "api uuid_setvar", "sendmsg speak"] == sent


@only_cpython
@pytest.mark.process
def test_memory_of_an_idle_call():
    """In a process of its own: whoever measures coverage would be measured, too."""
    run = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, check=False, timeout=120
    )
    assert "" == run.stderr
    print(f"{run.stdout.strip()} bytes")
    # So little would mean that it was not measured. What Python's free lists still held makes some tens of bytes.
    assert 4_000 <= int(run.stdout) <= 7_650


def memory_of_an_idle_call(directory):
    """A caller who is asked, and does nothing: everything but the simulated FreeSWITCH, the socket and the stack."""
    first, flows = loaded(directory, "off")

    def hold(count):
        held = []
        for _ in range(count):
            clock = VirtualClock()
            link = incoming_call(clock, opening=subscribe())
            call = Call(link, clock)
            clock.spawn(run_call, call, first, flows, Services())
            clock.run(clock.sleep, 20.0)  # the prompt is over, and the wait for a key goes on
            assert call.ended is None
            assert not call.playing
            held.append((clock, link, call))
        return held

    kept = hold(5)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    kept += hold(20)
    gc.collect()
    after = tracemalloc.take_snapshot()
    package = Path(
        fsflows.__file__
    ).parent  # not any directory of that name: a clone may have it, too
    ours = [tracemalloc.Filter(True, f"{package}/*")] + [
        tracemalloc.Filter(False, f"{package}/{part}") for part in ("switch/*", "clock.py")
    ]
    grown = after.filter_traces(ours).compare_to(before.filter_traces(ours), "filename")
    return sum(each.size_diff for each in grown) // 20


class Received(Connection):
    """A link that gets its bytes from a list."""

    def __init__(self, channel):
        self._prepare_state()
        self.channel = channel
        self._reader = FrameReader()

    def feed(self, data):
        for frame in self._reader.feed(data):
            self._on_frame(frame)


@only_cpython
def test_functions_called_from_the_bytes_of_a_key_to_the_conversation():
    lines = [json.loads(line) for line in gzip.decompress(TRACE.read_bytes()).splitlines()]
    frames = FrameReader().feed(
        "".join(line["data"] for line in lines if line["dir"] == "fs->app").encode()
    )
    channel = Event.from_plain(frames[0].head)
    keys = [frame for frame in frames if b"Event-Name: DTMF\n" in frame.body]
    link = Received(channel)
    call = Call(link, GeventClock())

    def take():
        for frame in keys:
            link.feed(frame.head + b"\n\n" + frame.body)
            assert isinstance(call.wait(), KeyPressed)

    take()
    counts = {calls_in(take) / len(keys) for _ in range(2)}
    print(f"{counts}")
    assert max(counts) <= 65


def test_events_asked_for():
    """Each one more is some kilobytes a time, for FreeSWITCH to write and for us to read."""
    assert {
        "CHANNEL_EXECUTE",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_BRIDGE",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
        "DTMF",
        "DETECTED_SPEECH",
        "RECORD_START",
        "RECORD_STOP",
    } == set(EVENTS)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(memory_of_an_idle_call(Path(made)))

"""Who lives and who doesn't, among processes that share a disk; and what follows for their unfinished work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from fsflows.log import capture
from fsflows.recordings.recovery.presence import Presence
from recordings.fakes import OTHER, UUID
from recordings.test_sweep import died

LIVES = """
import sys, time
from fsflows.recordings.recovery.presence import Presence
Presence(sys.argv[1]).announce("node#1")
print("announced", flush=True)
sys.stdin.read()
"""


@pytest.mark.process
def test_a_killed_process_is_dead_at_once(tmp_path):
    command = [sys.executable, "-c", LIVES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"announced\n"
        other = Presence(str(tmp_path))
        assert not other.is_dead("node#1")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert other.is_dead("node#1")
        other.forget("node#1")
        assert not other.is_dead("node#1")
        assert list(tmp_path.iterdir()) == []


def test_of_whom_nothing_is_known_is_not_dead(tmp_path):
    one, two = Presence(str(tmp_path / "a" / "b")), Presence(str(tmp_path / "a" / "b"))
    assert not two.is_dead("node#1")
    one.announce("node#1")
    one.announce("node#1")
    assert not two.is_dead("node#1")
    one.withdraw()
    one.withdraw()
    assert not two.is_dead("node#1")
    assert not Presence(None).is_dead("node#1")
    Presence(None).announce("node#1")
    Presence(None).forget("node#1")


def test_a_directory_that_can_not_be_used_is_said_and_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with capture() as lines:
        Presence(str(tmp_path / "file" / "x")).announce("node#1")
    assert [line["event"] for line in lines] == ["this process can't be seen by others"]


class Processes:
    """Presence as if each process of a world had its own."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.made = []

    def of(self, world, node="node-a", **options):
        presence = Presence(self.directory)
        self.made.append(presence)
        return world.restart(node, presence=presence, **options)

    def kill(self, presence):
        os.close(presence._held[1])
        presence._held = None


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path / "alive")
    yield made
    for presence in made.made:
        presence.withdraw()


def test_work_of_a_dead_process_of_this_host_is_taken_over_at_once(world, processes):
    first = Presence(processes.directory)
    died(world, presence=first)
    service = processes.of(world)
    assert service.sweeper.sweep().discarded == 0  # it lives, for all that can be seen
    processes.kill(first)
    assert service.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_a_worker_that_starts_again_takes_nothing_from_its_living_colleagues(world, processes):
    one = processes.of(world)
    one.sweeper.tend()
    call = world.call()
    call.start()
    one.tools.journal.open_discard(OTHER, "fs1", world.cause())
    two = processes.of(world)
    report = two.sweeper.sweep()
    assert (report.discarded, report.waiting) == (0, 0)
    owners = {e.owner for e in two.tools.journal.load(UUID).entries}
    assert owners == {one.claims.node.id}


def test_who_does_not_sweep_says_that_it_lives_and_tends_its_own(world, processes, monkeypatch):
    service = processes.of(world)
    other = world.make("node-a")
    call = world.call()
    call.start()
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only"))
        )
        with pytest.raises(Exception, match="Read-only"):
            call.discard(world.cause())
    other.tools.journal.open_discard(OTHER, "fs1", world.cause())

    def scenario():
        service.start(15.0, only_own=True)
        world.clock.sleep(100)
        service.close()

    world.clock.run(scenario)
    assert call.summary().state == "discarded"
    assert other.tools.journal.load(OTHER).intent.open

"""Who lives and who doesn't, among processes that share a disk; and what follows for their unfinished work."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys

import gevent
import pytest

from fsflows.lanes import Beside
from fsflows.log import capture
from fsflows.recordings.recovery import presence as of_presence
from fsflows.recordings.recovery.presence import Presence
from recordings.fakes import OTHER, UUID
from recordings.hanging import Hanging
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


# --- a directory that hangs ---------------------------------------------------------------------------------------


def test_a_directory_that_hangs_holds_up_nobody(tmp_path, monkeypatch):
    """It is worked in beside the hub: other calls go on, and who asks is not kept for long."""
    monkeypatch.setattr(of_presence, "ANSWER", 0.05)
    monkeypatch.setattr(of_presence, "END", 0.05)
    reading, writing = os.pipe()
    real = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda *_: os.read(reading, 1) and real(*_))
    presence = Presence(str(tmp_path), Beside())
    turns = []
    other = gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(10)])
    with gevent.Timeout(60), capture() as lines:
        presence.announce("node#1")
        assert len(turns) == 10
        assert not presence.is_dead("node#2")
        assert presence.living() == set()
        presence.withdraw()
    other.get()
    assert [line["why"] for line in lines] == ["it does not answer"]
    os.write(writing, b"1" * 10)


def test_while_it_hangs_nothing_is_known_and_nothing_asked_twice(tmp_path):
    lane = Hanging()
    presence = Presence(str(tmp_path), lane)
    for _ in range(3):
        presence.announce("node#1")
        assert not presence.is_dead("node#2")
        assert presence.living() == set()
    assert len(lane.posted) == 3
    presence.forget("node#2")
    lane.back()
    assert presence.living() == {"node#1"}
    presence.withdraw()
    assert presence.living() == set()


def test_what_was_given_up_on_is_let_go_of_at_the_end(tmp_path):
    lane = Hanging()
    presence = Presence(str(tmp_path), lane)
    presence.announce("node#1")
    presence.withdraw()
    lane.back()
    assert Presence(str(tmp_path)).living() == set()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_sees_itself_lives_though_the_others_can_not_be_seen(tmp_path):
    lane = Hanging()
    presence = Presence(str(tmp_path), lane)
    presence.announce("node#1")
    lane.back()
    del lane.post  # it hangs again
    assert presence.living() == {"node#1"}


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

"""Disks that take no more, and that take nothing back, for a while: real ones."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from mounts import disk

from fsflows.recordings.discarding.discard import DiscardFailed
from recordings.fakes import UUID, World, sweep_alone

pytestmark = pytest.mark.process


def test_13_the_disk_of_the_journal_is_full_and_then_the_server_dies(tmp_path):
    with disk(tmp_path / "full") as full:
        world = World(tmp_path, url=f"sqlite:///{full.path}/journal.db")
        call = world.call()
        call.start()
        world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
        world.switch.talk()
        full.fill()
        with pytest.raises(DiscardFailed, match="the journal can't be written") as failed:
            call.discard(world.cause())
        assert "disk is full" in str(failed.value)
        # The audio goes first.
        assert world.audio() == []
        assert call.summary().state == "pending"
        world.switch.hang_up(UUID)
        world.calls.clear()
        full.empty()
        service = world.restart()
        assert sweep_alone(service.sweeper).discarded == 1
        assert world.receipt().complete
        assert {Path(file.path).name for file in world.receipt().files} == {
            f"2026-01-01_{UUID}.wav",
            "theirs.wav",
        }
        world.close()


def test_13_the_disk_of_the_journal_is_full_for_a_while_and_the_call_goes_on(tmp_path):
    with disk(tmp_path / "full") as full:
        world = World(tmp_path, url=f"sqlite:///{full.path}/journal.db")
        call = world.call()
        call.start()
        full.fill()
        with pytest.raises(DiscardFailed):
            call.discard(world.cause())
        full.empty()
        assert world.service.sweeper.sweep().discarded == 1
        assert call.summary().state == "discarded"
        assert world.audio() == []
        world.close()


def test_13_a_directory_is_read_only_for_a_while(tmp_path):
    world = World(tmp_path)
    with disk(Path(world.other)) as other:
        call = world.call()
        theirs = f"{world.other}/theirs.wav"
        world.switch.uuid_record(UUID, "start", theirs)
        world.switch.talk()
        world.switch.uuid_record(UUID, "stop", theirs)
        call.start()
        other.remount("ro")
        with pytest.raises(DiscardFailed, match="Read-only file system"):
            call.discard(world.cause())
        # Ours is gone already, theirs can't be yet.
        assert world.audio() == ["other/theirs.wav"]
        assert "Read-only" in world.service.sweeper.sweep().failed[0]
        world.switch.hang_up(UUID)
        assert call.finish().state == "pending"
        world.calls.clear()
        assert "Read-only" in world.service.sweeper.sweep().failed[0]
        other.remount("rw")
        assert world.service.sweeper.sweep().discarded == 1
        assert world.audio() == []
        assert world.receipt().complete
        world.close()


def test_13_a_directory_that_its_owner_has_closed_for_a_while(in_memory):
    """The same by rights. Whoever runs this as root has all rights, and gives them up for it."""
    world = World(in_memory)
    call = world.call()
    call.start()
    world.switch.talk()
    user = os.geteuid()
    for path in (in_memory, *in_memory.rglob("*")):
        if user == 0:
            os.chown(path, 65534, 65534)
    staging = Path(world.staging)
    with _as_nobody(user):
        staging.chmod(0o555)
        with pytest.raises(DiscardFailed, match="Permission denied"):
            call.discard(world.cause())
        assert len(world.audio()) == 1
        staging.chmod(0o755)
        assert world.service.sweeper.sweep().discarded == 1
        assert world.audio() == []
    world.close()


@contextmanager
def _as_nobody(user: int):
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)

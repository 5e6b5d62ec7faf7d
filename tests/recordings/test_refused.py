"""FreeSWITCH refuses to record, and has made the file: the staging directory is full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsflows.cli.recordings_shown import call_lines
from fsflows.recordings.files.files import WAV_HEADER
from fsflows.recordings.freeswitch.control import RecordingError
from fsflows.recordings.recovery.tidying import UNKNOWN_AGE
from recordings.fakes import UUID


def refused(world, content):
    """A call whose recording FreeSWITCH refuses, when it has made the file; the path."""
    paths = []

    def uuid_record(uuid, what, path):
        Path(path).write_bytes(content)
        paths.append(path)
        return "-ERR Cannot record session!"

    world.switch.uuid_record, record = uuid_record, world.switch.uuid_record
    call = world.call()
    with pytest.raises(RecordingError, match="Cannot record session"):
        call.start()
    world.switch.uuid_record = record
    return paths[0]


def ended(world):
    world.switch.hang_up(UUID)
    summary = world.calls.pop(UUID).finish()
    world.later(seconds=UNKNOWN_AGE * 2)
    return summary


def old(world, path):
    then = world.clock.utcnow().timestamp()
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    "content", [b"", b"RIFF" + bytes(WAV_HEADER - 4)], ids=["nothing", "a header"]
)
def test_an_empty_file_of_a_refused_recording_is_removed_and_not_published(world, content):
    path = refused(world, content)
    old(world, path)
    assert ended(world).state == "none"
    for _ in range(2):
        report = world.service.sweeper.sweep()
    assert (report.published, report.unknown) == (0, 0)
    assert not Path(path).exists()
    assert list(Path(world.directory, "archive").rglob("*.wav")) == []
    call = world.service.tools.journal.load(UUID)
    (line,) = call_lines(call, [])
    assert line.startswith("failed ")
    assert "(not started: " in line
    assert "Cannot record session" in line


def test_while_it_may_have_been_only_the_answer_that_was_lost_the_file_stays(world):
    path = refused(world, b"")
    ended(world)
    old(world, path)
    world.service.sweeper.sweep()
    assert Path(path).exists()
    assert world.states() == ["failed"]


def test_one_with_audio_in_it_was_recorded_all_the_same_and_is_published(world):
    refused(world, b"RIFF" + UUID.encode() * 11)
    ended(world)
    for _ in range(2):
        world.service.sweeper.sweep()
    assert world.states() == ["published"]
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def test_an_empty_file_of_one_whose_server_was_killed_meanwhile_is_not_published(world):
    """It is not known whether FreeSWITCH had been asked."""
    path = refused(world, b"")
    (entry,) = world.service.tools.journal.load(UUID).entries
    world.service.tools.journal.change(entry, ("failed",), state="starting")
    old(world, path)
    world.switch.hang_up(UUID)
    world.later(seconds=UNKNOWN_AGE * 2)
    sweeper = world.restart().sweeper
    sweeper._claims.retire_if(lambda process: True)
    for _ in range(2):
        sweeper.sweep()
    assert world.states() == ["failed"]
    assert not Path(path).exists()

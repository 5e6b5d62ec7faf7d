"""Into the archive: whole or not at all, once, and never what was discarded."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from unittest.mock import Mock

import pytest

from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files import directory_archive
from fsflows.recordings.files.archive import Retracted, deleted_since
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.failures import FileWorkFailed, RecordingGone
from fsflows.recordings.files.marker import MARKER
from fsflows.recordings.oversight.settling import settle
from recordings.fakes import UUID, listed, sweep_alone

ID = "abcdef" * 4


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "x.wav").write_bytes(b"audio" * 1000)
    archive = DirectoryArchive(str(tmp_path / "archive"))
    assert archive.claim(ID) == ID
    return archive


def put(archive, directory, name, file="x.wav"):
    fd = os.open(directory, os.O_RDONLY)
    try:
        return archive.publish(fd, file, name, ID)
    finally:
        os.close(fd)


def test_a_file_is_moved_under_its_name(archive, tmp_path):
    published = put(archive, tmp_path, "2026-01-01/a.wav")
    assert published.location == f"{tmp_path}/archive/2026-01-01/a.wav"
    assert published.size == 5000
    assert list(archive.names()) == ["2026-01-01/a.wav"]
    assert archive.published("2026-01-01/a.wav") == published
    assert not (tmp_path / "x.wav").exists()


def test_what_is_moved_is_no_more_for_every_user_than_what_is_copied(archive, tmp_path):
    (tmp_path / "x.wav").chmod(0o664)
    put(archive, tmp_path, "a.wav")
    assert 0o660 == stat.S_IMODE((tmp_path / "archive" / "a.wav").stat().st_mode)


def test_onto_another_file_system_it_is_copied(archive, tmp_path, in_memory):
    (in_memory / "x.wav").write_bytes(b"audio" * 1000)
    put(archive, in_memory, "a.wav")
    assert (in_memory / "x.wav").exists()
    assert (tmp_path / "archive" / "a.wav").read_bytes() == b"audio" * 1000
    # The same once more, as after a crash.
    assert put(archive, in_memory, "a.wav").size == 5000
    assert list(archive.names()) == ["a.wav"]


def test_P12_what_is_discarded_before_its_copy_begins_is_not_in_the_archive_afterwards(
    archive, tmp_path, in_memory, monkeypatch
):
    """The disk hung, and who had the call is no more: nobody waits for the publication that goes on now."""
    file = in_memory / "x.wav"
    file.write_bytes(b"audio" * 1000)
    sync = os.fsync

    def slow(descriptor):
        sync(descriptor)
        if os.path.samestat(os.fstat(descriptor), file.stat()):
            monkeypatch.setattr(os, "fsync", sync)
            file.unlink()
            archive.retract("a.wav")

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(RecordingGone):
        put(archive, in_memory, "a.wav")
    assert [] == list(archive.names())


def test_P12_a_copy_ends_with_the_piece_at_which_its_recording_was_discarded(
    archive, tmp_path, in_memory, monkeypatch
):
    file = in_memory / "x.wav"
    file.write_bytes(b"audio" * 1_000_000)
    looks = []

    def look(found, descriptor):
        looks.append(descriptor)
        file.unlink(missing_ok=True)
        return deleted_since(found, descriptor)

    monkeypatch.setattr(directory_archive, "deleted_since", look)
    with pytest.raises(RecordingGone):
        put(archive, in_memory, "a.wav")
    assert len(looks) == 1
    assert listed(tmp_path / "archive") == [MARKER]


def test_of_two_processes_at_once_one_publishes(archive, tmp_path, in_memory):
    """The other's half copy would come under the name with the first one's rename."""
    file = in_memory / "x.wav"
    file.write_bytes(b"audio" * 1000)
    other, refused = DirectoryArchive(archive._path), []

    def at(point):
        if point.startswith("publish 3"):
            with pytest.raises(FileWorkFailed, match="published already"):
                put(other, in_memory, "a.wav")
            refused.append(point)

    archive._faults = Mock(at=at)
    assert put(archive, in_memory, "a.wav").size == 5000
    assert refused
    assert listed(tmp_path / "archive") == [MARKER, "a.wav"]


def test_P12_what_is_deleted_while_it_is_opened_does_not_arrive(
    archive, tmp_path, in_memory, monkeypatch
):
    """It had no name any more when it was first looked at: none that could go while it is copied."""
    file, real = in_memory / "x.wav", os.open
    file.write_bytes(b"audio" * 1000)

    def gone(path, *arguments, **named):
        descriptor = real(path, *arguments, **named)
        if path == file.name:
            file.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", gone)
    with pytest.raises(FileWorkFailed, match="went away"):
        put(archive, in_memory, "a.wav")
    assert listed(tmp_path / "archive") == [MARKER]


def test_P12_audio_that_has_another_name_is_not_called_gone(archive, tmp_path):
    """A copy of the archive by `cp -al`, `rsync --link-dest`: of the same blocks."""
    put(archive, tmp_path, "a.wav")
    (tmp_path / "backup.wav").hardlink_to(tmp_path / "archive" / "a.wav")
    with pytest.raises(FileWorkFailed, match="1 other name"):
        archive.retract("a.wav")
    assert archive.published("a.wav").size == 5000
    (tmp_path / "backup.wav").unlink()
    assert archive.retract("a.wav") == Retracted(5000, ID)


@pytest.mark.parametrize("kind", ["link", "fifo", "file"])
def test_nothing_is_published_that_was_put_in_a_recordings_place(archive, tmp_path, kind):
    """By somebody who can write where FreeSWITCH records, just before it is moved."""
    (tmp_path / "secret").write_text("not a recording")

    def change(_):
        (tmp_path / "x.wav").rename(tmp_path / "y.wav")
        if kind == "link":
            (tmp_path / "x.wav").symlink_to(tmp_path / "secret")
        elif kind == "fifo":
            os.mkfifo(tmp_path / "x.wav")
        else:
            (tmp_path / "x.wav").write_text("another")

    archive._faults = Mock(at=Mock(side_effect=change))
    with pytest.raises(FileWorkFailed, match="another file while it was published"):
        put(archive, tmp_path, "a.wav")
    assert [] == list(archive.names())
    assert os.path.lexists(tmp_path / "x.wav")


def test_a_pipe_is_no_recording_and_nobody_waits_at_it(archive, tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(FileWorkFailed, match="is not a file"):
        put(archive, tmp_path, "a.wav", file="pipe.wav")


def test_another_recording_by_that_name_is_never_overwritten(archive, tmp_path):
    put(archive, tmp_path, "a.wav")
    (tmp_path / "x.wav").write_bytes(b"other" * 1000)
    with pytest.raises(FileWorkFailed, match="another recording"):
        put(archive, tmp_path, "a.wav")
    assert (tmp_path / "archive" / "a.wav").read_bytes() == b"audio" * 1000


def test_a_full_disk_leaves_no_half_copy(archive, tmp_path, in_memory, monkeypatch):
    (in_memory / "x.wav").write_bytes(b"audio" * 1000)

    # Each piece is looked at when it is written.
    full = Mock(side_effect=OSError(28, "No space left on device"))
    monkeypatch.setattr(directory_archive, "deleted_since", full)
    with pytest.raises(OSError, match="No space"):
        put(archive, in_memory, "a.wav")
    assert list(archive.names()) == []
    assert (in_memory / "x.wav").exists()


def test_retract_takes_it_out_and_a_half_copy_as_well(archive, tmp_path):
    put(archive, tmp_path, "d/a.wav")
    (tmp_path / "archive" / "d" / ".a.wav.part").write_bytes(b"au")
    assert archive.retract("d/a.wav") == Retracted(5000, ID)
    assert list(archive.names()) == []
    assert archive.retract("d/a.wav") == Retracted(None, ID)
    assert archive.retract("no/a.wav") == Retracted(None, ID)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a//b", ".hidden", "a/.b", "a\0b"])
def test_a_name_can_not_lead_out_of_the_archive(archive, tmp_path, name):
    with pytest.raises(FileWorkFailed, match="can't be a name"):
        put(archive, tmp_path, name)


def test_a_link_in_the_archive_is_not_followed(archive, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "archive" / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError):
        put(archive, tmp_path, "d/a.wav")
    assert listed(tmp_path / "outside") == []


# --- with the journal -------------------------------------------------------------------------------------------------


class Meanwhile:
    """Does something at a point."""

    def __init__(self):
        self.todo = {}

    def at(self, point):
        for begins, do in list(self.todo.items()):
            if point.startswith(begins):
                del self.todo[begins]
                do()


@pytest.mark.parametrize("point", ["publish 1", "publish 2", "publish 3", "publish 4"])
def test_12_a_discard_by_another_node_in_the_midst_of_publishing_wins(world, point):
    """The call is over here, and somebody else was asked to discard it: nothing of it may stay in the archive."""
    world.faults = meanwhile = Meanwhile()
    world.restart()
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    other = world.make("node-b")
    meanwhile.todo[point] = lambda: other.tools.journal.open_discard(UUID, "fs1", world.cause())

    call.finish()

    assert [file for file in world.audio() if file.startswith("archive")] == []
    other.sweeper.sweep()
    world.later(minutes=5)
    other.sweeper.sweep()
    assert world.audio() == []
    assert world.receipt().complete


def test_12_what_another_node_is_publishing_is_not_called_gone(world):
    world.faults = meanwhile = Meanwhile()
    world.restart()
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    world.service.claims.beat()
    other = world.make("node-b")
    reports = []

    def discard_there():
        other.tools.journal.open_discard(UUID, "fs1", world.cause())
        reports.append(other.sweeper.sweep())

    meanwhile.todo["publish 3"] = discard_there
    call.finish()
    assert "is being published by node-a#" in reports[0].failed[0]
    assert other.sweeper.sweep().failed == []
    assert world.audio() == []
    assert world.receipt().complete


def test_what_can_not_be_published_waits_and_is_tried_again(world):
    call = world.call()
    call.start()
    world.switch.hang_up(UUID)
    (world.directory / "archive").rename(world.directory / "unmounted")
    assert call.finish().state == "present"
    assert world.states() == ["publishing"]
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    (world.directory / "unmounted").rename(world.directory / "archive")
    assert world.service.sweeper.sweep().published == 1
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def test_a_recording_that_went_away_is_lost_and_said(world):
    call = world.call()
    path = call.start()
    world.switch.hang_up(UUID)
    Path(path).unlink()
    assert call.finish().state == "none"
    assert world.states() == ["lost"]


def test_a_staged_file_that_could_not_be_removed_is_removed_by_the_sweep(world):
    call = world.call()
    path = call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    call.finish()
    os.link(f"{world.directory}/archive/2026-01-01/{UUID}.wav", f"{world.directory}/copy")
    Path(f"{world.directory}/copy").rename(path)
    (world.directory / "archive" / "2026-01-01" / f"{UUID}.wav").unlink()
    world.service.sweeper.sweep()
    assert world.audio() == []


# --- another archive than the one it was published to -----------------------------------------------------------------


def published(world):
    """A recording is in the archive, of a call that is still up."""
    call = world.call()
    call.start()
    world.switch.talk()
    call.finish(call_over=False)
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def swap(world, aside="aside"):
    """Another directory where the archive was: the file system isn't mounted, or this is another node."""
    (world.directory / "archive").rename(world.directory / aside)
    (world.directory / "archive").mkdir()


def swap_back(world):
    for left in sorted((world.directory / "archive").rglob("*"), reverse=True):
        left.unlink() if left.is_file() else left.rmdir()
    (world.directory / "archive").rmdir()
    (world.directory / "aside").rename(world.directory / "archive")


@pytest.mark.parametrize("lived_in", [False, True])
def test_what_was_published_elsewhere_is_not_called_gone(world, lived_in):
    published(world)
    swap(world)
    if lived_in:  # another node's own directory, with the same day in it
        (world.directory / "archive" / "2026-01-01").mkdir()
        (world.directory / "archive" / "2026-01-01" / "other.wav").write_bytes(b"x")
    call = world.call()
    for _ in range(2):
        with pytest.raises(DiscardFailed, match="is not at hand: is it mounted"):
            call.discard(world.cause())
    world.switch.hang_up(UUID)
    world.calls.pop(UUID).finish()
    service = world.restart("node-a")
    assert "is not at hand" in sweep_alone(service.sweeper).failed[0]
    assert world.receipt() is None
    swap_back(world)
    assert world.service.sweeper.sweep().discarded == 1
    assert world.audio() == []
    assert [file.how for file in world.receipt().files] == ["deleted"]


def test_what_somebody_deleted_in_the_archive_is_gone_if_it_is_that_archive(world):
    published(world)
    (world.directory / "archive" / "2026-01-01" / f"{UUID}.wav").unlink()
    (file,) = world.call().discard(world.cause()).files
    assert (file.path, file.how) == (f"archive:2026-01-01/{UUID}.wav", "was already gone")
    assert file.size == 400


def test_what_was_published_elsewhere_can_be_settled(world):
    published(world)
    swap(world)
    call = world.call()
    with pytest.raises(DiscardFailed, match="settle it"):
        call.discard(world.cause())
    tools = world.service.tools
    path = tools.journal.load(UUID).entries[0].path
    settle(tools.journal, world.files, world.clock, UUID, path, by="E", why="the disk was shredded")
    assert [(f.path, f.how) for f in call.discard(world.cause()).files] == [(path, "settled")]


def test_a_process_that_dies_when_it_has_taken_it_out_of_the_archive_is_no_riddle(world):
    published(world)
    call = world.call()
    retract = world.files.retract

    def dies(name):
        retract(name)
        raise SystemExit

    world.files.retract = dies
    with pytest.raises(SystemExit):
        call.discard(world.cause())
    world.switch.hang_up(UUID)
    world.restart()
    assert sweep_alone(world.service.sweeper).discarded == 1
    assert [file.how for file in world.receipt().files] == ["deleted earlier"]


def test_a_deletion_that_failed_is_none_though_the_archive_goes_away_afterwards(world):
    published(world)
    call = world.call()
    retract = world.files.retract
    world.files.retract = Mock(side_effect=FileWorkFailed("read-only"))
    with pytest.raises(DiscardFailed, match="read-only"):
        call.discard(world.cause())
    world.files.retract = retract
    swap(world)
    with pytest.raises(DiscardFailed, match="is not at hand"):
        call.discard(world.cause())
    swap_back(world)
    assert call.discard(world.cause()).complete
    assert world.audio() == []

"""The archive is known by its id: nothing goes into another one, and what isn't in it is only called gone by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mounts import bound, disk
from sqlalchemy import update

from fsflows.log import capture
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed, WrongArchive
from fsflows.recordings.files.marker import MARKER
from fsflows.recordings.files.offhub import OffHub
from fsflows.recordings.journal.listing import Listing
from fsflows.recordings.journal.tables import archive as known_archive
from fsflows.recordings.journal.tables import recordings
from fsflows.recordings.oversight.expiry import Expiry
from fsflows.recordings.oversight.verifying import differences
from recordings.fakes import OTHER, UUID, listed, sweep_alone


def archive_of(world):
    return world.directory / "archive"


def marker(world):
    return archive_of(world) / MARKER


def published(world, uuid=UUID):
    """A call has been recorded and is over."""
    call = world.call(uuid)
    call.start()
    world.switch.talk()
    world.switch.hang_up(uuid)
    world.calls.pop(uuid).finish()
    return f"archive/2026-01-01/{uuid}.wav"


def discarded_later(world, uuid=UUID):
    """The call comes back, and its caller opts out."""
    call = world.call(uuid)
    try:
        return call.discard(world.cause())
    finally:
        world.switch.hang_up(uuid)
        world.calls.pop(uuid).finish()


def unmount(world):
    """What the mount point shows when nothing is mounted: a directory of the root disk."""
    archive_of(world).rename(world.directory / "aside")
    archive_of(world).mkdir()


def mount(world):
    archive_of(world).rename(world.directory / "hidden")
    (world.directory / "aside").rename(archive_of(world))


def forget_version(world):
    """As an earlier version has left it."""
    marker(world).unlink(missing_ok=True)
    world.database.write(lambda c: c.execute(known_archive.delete()))
    world.database.write(lambda c: c.execute(update(recordings).values(archive=None)))
    return world.restart()


def missing():
    return metrics.ARCHIVE_MISSING._value.get()


# --- publishing ---------------------------------------------------------------------------------------------------


def test_nothing_is_published_into_an_archive_that_is_not_mounted(world):
    published(world, OTHER)
    unmount(world)
    published(world)
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    assert world.states() == ["publishing"]
    with capture() as said:
        report = world.service.sweeper.sweep()
    assert report.published == 0
    assert "is it mounted?" in report.no_archive.lower()
    assert [e["level"] for e in said if "the archive is not at hand" in e["event"]] == ["error"]
    assert missing() == 1
    assert listed(archive_of(world)) == []
    mount(world)
    report = world.service.sweeper.sweep()
    assert (report.published, report.no_archive, missing()) == (1, "", 0)
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]


def test_a_marker_that_is_gone_stops_publishing_until_it_is_back(world):
    published(world, OTHER)
    text = marker(world).read_bytes()
    marker(world).unlink()
    published(world)
    assert world.service.sweeper.sweep().no_archive
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    assert not marker(world).exists()
    marker(world).write_bytes(text)
    assert world.service.sweeper.sweep().published == 1


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"a" * 23 + b"\n"])
def test_a_damaged_marker_is_no_marker_and_never_overwritten(world, damage):
    published(world, OTHER)
    marker(world).write_bytes(damage)
    published(world)
    assert "damaged" in world.service.sweeper.sweep().no_archive
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    assert marker(world).read_bytes() == damage
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world, OTHER)


def test_a_recording_that_waits_for_its_archive_can_be_discarded_meanwhile(world):
    """Nothing of it was copied, so nobody has to wait for an archive to say that it isn't there."""
    published(world, OTHER)
    unmount(world)
    published(world)
    receipt = discarded_later(world)
    assert [file.how for file in receipt.files] == ["deleted"]
    assert world.audio() == []


def test_two_nodes_with_archives_of_their_own_are_found_out(world):
    published(world, OTHER)
    theirs = world.directory / "theirs"
    theirs.mkdir()
    files = world.files
    unmount(world)
    other = world.make("node-b")
    assert "is not the archive" in other.sweeper.sweep().no_archive
    assert listed(archive_of(world)) == []
    assert files is world.files


def test_of_two_that_are_first_at_the_same_moment_one_is_the_archive(world):
    """Each has seen that none is known, and that its own directory bears no id."""
    other = world.make("node-b")
    ours, theirs = world.service.tools.archives, other.tools.archives
    claim = world.files.claim

    def meanwhile(identity):
        world.files.claim = claim
        theirs.check(world.files)
        return claim(identity)

    world.files.claim = meanwhile
    assert ours.check(world.files) == theirs.known()
    assert world.files.identity() == ours.known().id
    assert listed(archive_of(world)) == [MARKER]


def test_a_process_that_dies_between_marker_and_database_has_done_no_harm(world):
    world.files.claim("a" * 24)
    assert world.service.tools.archives.check(world.files).id == "a" * 24


def test_a_file_system_inside_the_archive_is_refused(world, monkeypatch):
    """Not mounted one day, everything in it would look as if somebody had deleted it."""
    real = os.fstat
    day = archive_of(world) / "2026-01-01"
    day.mkdir()

    def fstat(fd):
        found = real(fd)
        if found.st_ino != day.stat().st_ino:
            return found
        values = list(found)
        values[2] += 1
        return os.stat_result(values)

    monkeypatch.setattr("fsflows.recordings.files.directory_archive.os.fstat", fstat)
    published(world)
    assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    (entry,) = world.service.tools.journal.load(UUID).entries
    assert "another file system is mounted inside the archive" in entry.error


def test_where_nothing_is_recorded_nobody_asks_for_an_archive(world):
    archive_of(world).rmdir()
    assert world.service.sweeper.sweep().no_archive == ""
    assert missing() == 0


def test_an_archive_that_does_not_answer_stops_no_sweep_and_takes_one_thread(world, monkeypatch):
    monkeypatch.setattr("fsflows.recordings.files.offhub.ANSWER", 0.01)
    monkeypatch.setattr("fsflows.recordings.files.place.AGAIN", 0.0)
    reading, writing = os.pipe()
    asked = []

    def hangs():
        asked.append(1)
        return os.read(reading, 24).decode()

    world.files.identity = hangs
    off_hub = OffHub(world.files, 2)
    for _ in range(3):
        with pytest.raises(FileWorkFailed, match="does not answer"):
            off_hub.identity()
    assert off_hub.look(f"{world.staging}/x.wav") is None
    monkeypatch.setattr("fsflows.recordings.files.offhub.ANSWER", 20)
    os.write(writing, b"a" * 24)
    assert off_hub.identity() == "a" * 24
    assert len(asked) == 1
    off_hub.close()
    os.close(reading)
    os.close(writing)


# --- gone, or not at hand -----------------------------------------------------------------------------------------


def test_a_day_that_somebody_deleted_in_the_right_archive_is_gone(world):
    published(world)
    (archive_of(world) / "2026-01-01" / f"{UUID}.wav").unlink()
    (archive_of(world) / "2026-01-01").rmdir()
    (file,) = discarded_later(world).files
    assert (file.path, file.how) == (f"archive:2026-01-01/{UUID}.wav", "was already gone")


@pytest.mark.parametrize("order", ["unmounted", "marker away", "another archive", "root away"])
def test_nothing_is_called_gone_by_another_archive(world, order):
    file = published(world)
    if order == "marker away":
        marker(world).rename(world.directory / "marker")
        (world.directory / file).rename(world.directory / "audio.wav")
    else:
        unmount(world)
    if order == "another archive":
        marker(world).write_bytes(b"f" * 24 + b"\n")
    if order == "root away":
        archive_of(world).rmdir()
    with pytest.raises(DiscardFailed):
        discarded_later(world)
    for _ in range(2):
        service = world.restart()
        assert sweep_alone(service.sweeper).discarded == 0
    assert world.receipt() is None
    if order == "marker away":
        (world.directory / "audio.wav").rename(world.directory / file)
        (world.directory / "marker").rename(marker(world))
    elif order == "root away":
        (world.directory / "aside").rename(archive_of(world))
    else:
        mount(world)
    assert world.service.sweeper.sweep().discarded == 1
    assert [each.how for each in world.receipt().files] == ["deleted"]
    assert world.audio() == []


def test_a_copy_in_another_archive_is_deleted_and_proves_nothing(world):
    """Somebody put one of the same name below the mount point; that it was deleted doesn't say that the right one was."""
    file = published(world)
    unmount(world)
    (archive_of(world) / "2026-01-01").mkdir()
    (world.directory / file).write_bytes(UUID.encode())
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world)
    assert world.audio() == [f"aside/2026-01-01/{UUID}.wav"]
    assert sweep_alone(world.restart().sweeper).discarded == 0
    mount(world)
    (world.directory / file).unlink()
    assert world.service.sweeper.sweep().discarded == 1
    assert [each.how for each in world.receipt().files] == ["was already gone"]


def test_retention_waits_for_the_right_archive_and_orders_nothing_before(world):
    published(world)
    unmount(world)
    with pytest.raises(WrongArchive, match="Is it mounted"):
        Expiry(world.service.tools).expire(UUID, world.soon())
    assert world.service.tools.journal.load(UUID).intent is None
    mount(world)
    assert Expiry(world.service.tools).expire(UUID, world.soon())
    assert world.audio() == []


def test_retention_takes_an_operators_word_for_an_archive_that_is_no_more(world):
    published(world)
    unmount(world)
    archives = world.service.tools.archives
    archives.settle_missing(adopt(world).missing, by="E. Noether", why="shredded")
    assert Expiry(world.service.tools).expire(UUID, world.soon())
    assert [file.how for file in world.receipt().files] == ["settled"]


def test_when_the_archive_is_back_open_discards_are_tried_at_once(world):
    published(world)
    unmount(world)
    world.service.sweeper.sweep()
    with pytest.raises(DiscardFailed):
        discarded_later(world)
    for _ in range(3):
        world.service.sweeper.sweep(at_once=True)
    mount(world)
    assert world.service.sweeper.sweep(at_once=False).discarded == 1


class Killed(BaseException):
    pass


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("point", ["publish 2", "publish 3", "publish 4"])
def test_killed_in_publishing_and_the_archive_unmounted_since(world, point, copied, in_memory):
    """Whether it got there only the archive that it was on its way to can say."""

    class Kill:
        armed = True

        def at(self, passed):
            if self.armed and passed.startswith(point):
                self.armed = False
                raise Killed

    if copied:
        (world.directory / "archive").rmdir()
        (world.directory / "archive").symlink_to(in_memory)
    published(world, OTHER)
    world.faults = kill = Kill()
    world.restart()
    with pytest.raises(Killed):
        published(world)
    assert not kill.armed
    there = point == "publish 4"
    aside = in_memory if copied else world.directory / "aside"
    if copied:
        archive_of(world).unlink()
        archive_of(world).mkdir()
    else:
        unmount(world)
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world)
    assert sweep_alone(world.restart().sweeper).discarded == 0
    assert (aside / "2026-01-01" / f"{UUID}.wav").exists() == there
    archive_of(world).rmdir()
    archive_of(world).symlink_to(aside)
    assert sweep_alone(world.service.sweeper).discarded == 1
    assert not (aside / "2026-01-01" / f"{UUID}.wav").exists()
    assert world.audio() == []
    assert world.receipt().complete


# --- an archive from before this version --------------------------------------------------------------------------


def test_an_earlier_versions_archive_is_taken_if_one_of_its_recordings_is_there(world):
    file = published(world)
    service = forget_version(world)
    assert not sweep_alone(service.sweeper).no_archive
    assert marker(world).exists()
    discarded_later(world)
    assert not (world.directory / file).exists()


def test_an_earlier_versions_archive_that_is_not_mounted_is_not_taken(world):
    published(world)
    unmount(world)
    (archive_of(world) / "2026-01-01").mkdir()
    (archive_of(world) / "2026-01-01" / "other.wav").write_bytes(b"not empty")
    service = forget_version(world)
    assert "none of the latest is in the archive" in sweep_alone(service.sweeper).no_archive
    published(world, OTHER)
    assert not marker(world).exists()
    assert world.audio(OTHER) == [f"staging/2026-01-01_{OTHER}.wav"]
    mount(world)
    marker(world).unlink(missing_ok=True)
    assert service.sweeper.sweep().published == 1


def test_of_an_earlier_version_nothing_is_called_gone_that_is_not_found(world):
    file = published(world)
    published(world, OTHER)
    sweep_alone(forget_version(world).sweeper)
    (world.directory / file).unlink()
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world)
    assert [each.how for each in discarded_later(world, OTHER).files] == ["deleted"]


# --- adopting -----------------------------------------------------------------------------------------------------


def adopt(world):
    return world.service.tools.archives.adopt(world.files)


def test_an_archive_that_was_moved_without_its_marker_is_adopted_with_what_is_in_it(world):
    moved, left = published(world), published(world, OTHER)
    marker(world).unlink()
    (world.directory / left).unlink()
    adopted = adopt(world)
    assert (adopted.found, [each.call_uuid for each in adopted.missing]) == (1, [OTHER])
    assert world.files.identity() == adopted.archive.id
    # What was found in it is in it, and gone when it isn't; of the other nobody knows.
    (world.directory / moved).unlink()
    assert [each.how for each in discarded_later(world).files] == ["was already gone"]
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world, OTHER)


def test_one_of_another_size_is_not_the_same(world):
    file = published(world)
    marker(world).unlink()
    with (world.directory / file).open("ab") as audio:
        audio.write(b"more")
    assert len(adopt(world).missing) == 1


def test_a_mount_point_adopted_by_mistake_can_be_taken_back(world):
    file = published(world)
    unmount(world)
    assert len(adopt(world).missing) == 1
    published(world, OTHER)  # onto the root disk
    mount(world)
    assert world.service.sweeper.sweep().no_archive
    adopted = adopt(world)
    assert (adopted.found, [each.call_uuid for each in adopted.missing]) == (0, [OTHER])
    assert [each.how for each in discarded_later(world).files] == ["deleted"]
    assert not (world.directory / file).exists()
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world, OTHER)
    hidden = world.directory / "hidden" / "2026-01-01" / f"{OTHER}.wav"
    target = archive_of(world) / "2026-01-01" / f"{OTHER}.wav"
    target.write_bytes(hidden.read_bytes())
    assert adopt(world).missing == []
    assert world.service.sweeper.sweep().discarded == 1
    assert not target.exists()


def test_of_an_archive_that_is_no_more_an_operators_word_goes_onto_the_receipts(world):
    published(world)
    unmount(world)
    adopted = adopt(world)
    archives = world.service.tools.archives
    archives.settle_missing(adopted.missing, by="E. Noether", why="the disk was shredded")
    (file,) = discarded_later(world).files
    assert (file.how, file.by, file.why) == ("settled", "E. Noether", "the disk was shredded")
    assert world.states() == ["settled"]


def test_what_was_half_way_into_a_lost_archive_may_lie_there_still(world):
    """Killed before it was known to be in the archive, which is replaced; published again, to the new one."""

    class Kill:
        def at(self, passed):
            if passed.startswith("publish 3"):
                raise Killed

    published(world, OTHER)
    world.faults = Kill()
    world.restart()
    with pytest.raises(Killed):
        published(world)
    world.faults = type("None", (), {"at": lambda self, point: None})()
    unmount(world)
    world.restart()
    adopt(world)
    assert sweep_alone(world.service.sweeper).published == 1
    (entry,) = world.service.tools.journal.load(UUID).entries
    assert len(entry.archives) == 2
    with pytest.raises(DiscardFailed, match=f"the archive {entry.archives[0]} is not at hand"):
        discarded_later(world)
    assert world.audio() == []


def test_verify_says_that_another_archive_is_here(world):
    published(world)
    unmount(world)
    found = list(differences(Listing(world.database), world.files, world.clock.utcnow()))
    assert "which recordings are published to: is it mounted?" in found[0]


def test_the_marker_is_nobodys_recording(world):
    published(world)
    assert list(differences(Listing(world.database), world.files, world.clock.utcnow())) == []
    assert Path(marker(world)).read_text().splitlines()[0] == world.files.identity()


# --- file systems that are really mounted -------------------------------------------------------------------------


@pytest.mark.process
def test_a_file_system_that_is_mounted_and_unmounted(world):
    """FreeSWITCH's staging directory is on another one, so recordings are copied."""
    held = world.directory / "held"
    held.mkdir()
    with disk(held):
        with bound(held, archive_of(world)):
            published(world)
            assert (held / "2026-01-01" / f"{UUID}.wav").exists()
        published(world, OTHER)
        assert world.audio(OTHER) == [f"staging/2026-01-01_{OTHER}.wav"]
        with pytest.raises(DiscardFailed, match="not at hand"):
            discarded_later(world)
        assert listed(archive_of(world)) == []
        with bound(held, archive_of(world)):
            report = world.service.sweeper.sweep()
            assert (report.published, report.discarded, report.failed) == (1, 1, [])
            assert not (held / "2026-01-01" / f"{UUID}.wav").exists()
            assert (held / "2026-01-01" / f"{OTHER}.wav").exists()
        assert listed(archive_of(world)) == []


@pytest.mark.process
def test_first_used_unmounted_then_mounted_is_noticed(world):
    """At the first start nobody can know; what was published below the mount point is never called gone."""
    published(world)
    with disk(archive_of(world)):
        assert "there is no .fsflows-archive in it" in world.service.sweeper.sweep().no_archive
        published(world, OTHER)
        with pytest.raises(DiscardFailed, match="not at hand"):
            discarded_later(world)
        assert [each.call_uuid for each in adopt(world).missing] == [UUID]
        assert world.service.sweeper.sweep().published == 1
        assert world.receipt() is None
    assert world.audio() == [f"archive/2026-01-01/{UUID}.wav"]
    world.service.sweeper.sweep()
    # The one that it was published to is at hand, though nothing is published to it any more.
    assert world.receipt().complete
    assert world.audio() == []


@pytest.mark.process
def test_an_archive_that_is_read_only_for_a_while(world):
    with disk(archive_of(world)) as archive:
        archive.remount("ro")
        published(world)
        assert "Read-only file system" in world.service.sweeper.sweep().no_archive
        assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
        archive.remount("rw")
        assert world.service.sweeper.sweep().published == 1
        archive.remount("ro")
        with pytest.raises(DiscardFailed, match="Read-only file system"):
            discarded_later(world)
        assert not world.service.sweeper.sweep().no_archive
        archive.remount("rw")
        assert world.service.sweeper.sweep().discarded == 1
        assert listed(archive_of(world) / "2026-01-01") == []


@pytest.mark.process
def test_a_file_system_inside_the_archive_takes_nothing(world):
    day = archive_of(world) / "2026-01-01"
    day.mkdir()
    with disk(day):
        published(world)
        assert listed(day) == []
        assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
    assert world.service.sweeper.sweep().published == 1

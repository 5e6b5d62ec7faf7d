"""Power losses at every moment: what was discarded stays gone, what was published stays, and no receipt tells stories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

import fsflows.recordings.faults as faults
from fsflows.database import Database, DatabaseFailed
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.marker import MARKER, marker_text
from fsflows.recordings.journal.listing import Listing
from fsflows.recordings.oversight.verifying import differences
from recordings.fakes import OTHER, SWITCH, UUID, World, sweep_alone
from recordings.power import Disk

AUDIO = b"RIFF" + UUID.encode() * 11


class Killed(BaseException):
    """The process is dead; nothing of it runs on."""


@dataclass
class Points:
    """The points that the code passes are moments as well."""

    at: Callable[[str], None]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "journal.db"
    Database.open(f"sqlite:///{path}").close()
    return path


class Scene:
    """An installation whose power is lost: staging in memory or on a disk, the archive on the same disk or another."""

    def __init__(self, directory, template, elsewhere=None, *, in_memory=False, forbids=True):
        shutil.copy(template, directory / "journal.db")
        if elsewhere is not None:
            (directory / "archive").symlink_to(elsewhere)
        self.archive = elsewhere or directory / "archive"
        self.directory = directory
        self.in_memory = in_memory
        self.world = self._world()
        self.world.switch.forbids = forbids
        self.disk = Disk(
            (directory, *filter(None, [elsewhere])),
            volatile=(directory / "staging",) if in_memory else (),
            database=directory / "journal.db",
        )

    def _world(self, faults=faults.NO_FAULTS):
        # As the documentation says: recordings of others have the call in their names, and the settings know.
        patterns = (f"{self.directory}/other/*{{uuid}}*",)
        return World(self.directory, in_memory=self.in_memory, faults=faults, patterns=patterns)

    def _passed(self, point):
        if point in (
            "discard 1: the intent is on disk",
            "publish 5: that it is published is on disk",
        ):
            self.disk.promise(point.partition(":")[0])
        else:
            self.disk.now(point)

    def restart(self):
        """A new process, whose work is looked at."""
        self.world.faults = Points(self._passed)
        return self.world.restart()

    def losses(self, **which):
        """For each way to lose the power: what is left, and a world to come back to it."""
        self.world.close()
        with closing(self.disk):
            for left in self.disk.losses(**which):
                with patch.object(Database, "open", Database):  # its tables are up to date
                    world = self._world()
                world.later(seconds=1000)
                try:
                    yield left, world
                finally:
                    world.close()

    def audio(self, files, uuid=UUID):
        # What is jotted down of an order names the call, and is no audio.
        audio = {path: content for path, content in files.items() if ".json" not in path}
        return sorted(path for path, content in audio.items() if uuid.encode() in content)

    def there(self, uuid=UUID):
        found = {}
        for top in self.disk.tops:
            for file in top.rglob("*"):
                if file.is_file() and ".db" not in file.name and ".json" not in file.name:
                    found[str(file)] = file.read_bytes()
        return self.audio(found, uuid)


def recover(world):
    """What a server does from its start on."""
    report = world.service.sweeper.sweep()
    if report.open or report.waiting:
        report = world.service.sweeper.sweep()
    return report


def killed(directory, make, prepare, work):
    """Scenes: in each, the process was killed at another moment, with something not yet safe; the next one has gone on, and
    the power is lost from then on."""
    number, seen = 0, set()

    def passed(now):
        moment = scene.disk.moments[-1]
        nonlocal at
        if (
            now > number
            and moment.label.startswith("after ")
            and moment.unsafe
            and moment.unsafe not in seen
        ):
            seen.add(moment.unsafe)
            at = now
            raise Killed

    while True:
        at = 0
        there = directory / str(number)
        there.mkdir()
        scene = make(there)
        scene.restart()
        call = prepare(scene)
        with scene.disk.watched():
            scene.disk.passed = passed
            with suppress(Killed):
                work(scene, call)
            if not at:
                break
            scene.disk.passed = lambda now: None
            scene.world.calls.clear()
            for uuid in list(scene.world.switch.calls):
                scene.world.switch.hang_up(uuid)
            scene.disk.moments.clear()
            sweep_alone(scene.restart().sweeper)
        number = at
        yield scene
    scene.world.close()
    scene.disk.close()


def must_be_gone_if_ordered(scene, left, world, *, other=True):
    """What is discarded is gone, or is known to be there still, and then gone soon."""
    before = world.service.tools.journal.load(UUID)
    if before.receipt is not None and before.receipt.complete:
        names = {file.path.removeprefix("archive:") for file in before.receipt.files}
        assert [
            p for p in left.files if p in names or p.removeprefix(f"{scene.archive}/") in names
        ] == []
    report = recover(world)
    journal = world.service.tools.journal.load(UUID)
    if "discard 1" in left.promised:
        assert journal.intent is not None, "the order is lost"
    if journal.intent is not None:
        assert scene.there() == [], left.label
        assert report.failed == [], left.label
        assert not journal.intent.open
        assert journal.receipt.complete
        assert {entry.state for entry in journal.entries} <= {"discarded"}
    else:
        assert journal.receipt is None
    # The other caller's was published long ago.
    assert scene.there(OTHER) == [f"{scene.archive}/2026-01-01/{OTHER}.wav"] * other


def opted_out(scene):
    """Two calls; the caller of one opts out, and is recorded once more; somebody else has recorded him as well."""
    world = scene.world
    world.call(OTHER).start()
    world.switch.talk()
    world.switch.hang_up(OTHER)
    world.calls.pop(OTHER).finish()
    call = world.call(UUID)
    call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    world.switch.talk()
    return call


def discard(scene, call):
    world = scene.world
    call.discard(world.cause())
    world.switch.uuid_record(UUID, "start", f"{world.other}/late-{UUID}.wav")
    world.switch.talk()
    world.switch.hang_up(UUID)
    call.finish()


def ended(scene, call):
    """The call ends, and the last that is done for it is done."""
    scene.world.switch.hang_up(UUID)
    call.finish()
    scene.disk.promise("done")


def all_must_stay_away_when_it_is_done(scene):
    for left, world in scene.losses():
        assert scene.audio(left.files) == [] or "done" not in left.promised
        must_be_gone_if_ordered(scene, left, world, other=False)


def all_must_be_gone_if_ordered(scene, **which):
    for left, world in scene.losses(**which):
        must_be_gone_if_ordered(scene, left, world)


@pytest.mark.parametrize("forbids", [True, False])
@pytest.mark.parametrize("staging", ["memory", "disk"])
def test_13_power_lost_in_a_discard(in_memory, template, staging, forbids):
    scene = Scene(in_memory, template, in_memory=staging == "memory", forbids=forbids)
    scene.restart()
    call = opted_out(scene)
    with scene.disk.watched():
        discard(scene, call)
    all_must_be_gone_if_ordered(scene)


def test_13_killed_in_a_discard_and_power_lost_when_it_was_finished(in_memory, template):
    """What the process that was killed had not synced the next one finds done, and must not take for safe."""

    def make(directory):
        return Scene(directory, template, forbids=False)

    for scene in killed(in_memory, make, opted_out, discard):
        all_must_be_gone_if_ordered(scene, committed=True)


def recorded(scene):
    """A call that was recorded, and is over; what FreeSWITCH wrote the kernel has brought to the disk."""
    world = scene.world
    world.service.tools.archives.check(world.files)
    call = world.call(UUID)
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    return call


def must_be_published_or_staged(scene, left, world):
    """Whole, under one name; if it was said to be published, in the archive."""
    name = f"{scene.archive}/2026-01-01/{UUID}.wav"
    before = world.service.tools.journal.load(UUID)
    assert left.files.get(name, AUDIO) == AUDIO
    if [entry.state for entry in before.entries] == ["published"]:
        assert name in left.files
    recover(world)
    (entry,) = world.service.tools.journal.load(UUID).entries
    if entry.state == "lost":
        assert scene.in_memory
        assert scene.there() == []
        assert "publish 5" not in left.promised
    else:
        assert entry.state == "published"
        assert scene.there() == [name]
        assert Path(name).read_bytes() == AUDIO
    listing, now = Listing(world.database), world.clock.utcnow()
    assert list(differences(listing, world.files, now)) == []


PLACES = {"memory to disk": (True, True), "disk to disk": (False, True), "one disk": (False, False)}


@pytest.mark.parametrize("place", PLACES)
def test_power_lost_while_publishing(in_memory, template, tmp_path, place):
    in_ram, elsewhere = PLACES[place]
    scene = Scene(in_memory, template, tmp_path if elsewhere else None, in_memory=in_ram)
    scene.restart()
    call = recorded(scene)
    with scene.disk.watched():
        call.finish()
    for left, world in scene.losses():
        must_be_published_or_staged(scene, left, world)


@pytest.mark.parametrize("place", ["disk to disk", "one disk"])
def test_of_what_freeswitch_wrote_last_some_may_be_lost_until_it_is_published(
    in_memory, template, tmp_path, place
):
    """FreeSWITCH syncs nothing. What is left of its file is published; and what was published is whole."""
    in_ram, elsewhere = PLACES[place]
    scene = Scene(in_memory, template, tmp_path if elsewhere else None, in_memory=in_ram)
    scene.restart()
    with scene.disk.watched():
        call = recorded(scene)
        scene.disk.moments.clear()
        call.finish()
    for left, world in scene.losses():
        name = f"{scene.archive}/2026-01-01/{UUID}.wav"
        staged = left.files.get(f"{scene.directory}/staging/2026-01-01_{UUID}.wav")
        published = world.states() == ["published"]
        assert left.files.get(name, None if published else AUDIO) == AUDIO
        recover(world)
        there = Path(name).read_bytes() if Path(name).exists() else None
        assert there in (left.files.get(name), staged)
        assert world.states() == ["lost" if there is None else "published"]


@pytest.mark.parametrize("place", PLACES)
def test_killed_while_publishing_and_power_lost_when_it_was_done(
    in_memory, template, tmp_path, place
):
    in_ram, elsewhere = PLACES[place]

    def make(directory):
        there = tmp_path / directory.name
        there.mkdir()
        return Scene(directory, template, there if elsewhere else None, in_memory=in_ram)

    for scene in killed(in_memory, make, recorded, lambda scene, call: call.finish()):
        for left, world in scene.losses(committed=True):
            must_be_published_or_staged(scene, left, world)


def test_13_killed_and_power_lost_while_what_was_published_is_discarded(in_memory, template):
    """In the way of retention, or of a call that has come back."""

    def published(scene):
        opted_out(scene)
        scene.world.switch.hang_up(UUID)
        scene.world.calls.pop(UUID).finish()

    def work(scene, _):
        service = scene.world.service
        service.tools.journal.open_discard(UUID, SWITCH, scene.world.cause())
        scene.disk.promise("discard 1")
        sweep_alone(service.sweeper)

    whole = Scene(in_memory, template)
    whole.restart()
    published(whole)
    with whole.disk.watched():
        work(whole, None)
    all_must_be_gone_if_ordered(whole)
    for scene in killed(in_memory, lambda directory: Scene(directory, template), published, work):
        all_must_be_gone_if_ordered(scene, committed=True)


@pytest.mark.parametrize("place", ["disk to disk", "one disk"])
def test_a_directory_of_the_archive_that_somebody_else_has_just_made(
    in_memory, template, tmp_path, place
):
    """A new day's, by another thread or node, which has not come to sync it yet."""
    in_ram, elsewhere = PLACES[place]
    scene = Scene(in_memory, template, tmp_path if elsewhere else None, in_memory=in_ram)
    scene.restart()
    call = recorded(scene)
    with scene.disk.watched():
        (scene.archive / "2026-01-01").mkdir()
        call.finish()
    for left, world in scene.losses():
        must_be_published_or_staged(scene, left, world)


def test_a_copy_that_somebody_has_just_put_into_the_archive_is_safe_before_ours_goes(
    in_memory, template
):
    """An operator, say, while the server was away."""
    scene = Scene(in_memory, template)
    scene.restart()
    call = recorded(scene)
    with scene.disk.watched():
        name = scene.archive / "2026-01-01" / f"{UUID}.wav"
        name.parent.mkdir()
        name.write_bytes(AUDIO)
        call.finish()
    whole = [
        left.files.get(str(name)) for left, _ in scene.losses() if "publish 5" in left.promised
    ]
    assert set(whole) == {AUDIO}


def test_an_archive_that_is_known_bears_its_id_whoever_has_given_it(in_memory, template):
    """Another node has marked it a moment ago, and not synced it yet."""
    scene = Scene(in_memory, template)
    service = scene.restart()
    with scene.disk.watched():
        with (scene.archive / f"{MARKER}.part").open("wb") as part:
            part.write(marker_text("abcdef" * 4))
            part.flush()
            os.fsync(part)
        Path(part.name).rename(scene.archive / MARKER)
        service.tools.archives.check(scene.world.files)
    for _, world in scene.losses():
        world.service.tools.archives.check(world.files)
        assert world.files.identity() == world.service.tools.archives.known().id


def test_13_a_recording_that_freeswitch_has_told_of_and_deleted_itself_stays_away(
    in_memory, template
):
    """It ended before the call came to us; when the caller opts out its file is gone, but not yet from the disk."""
    scene = Scene(in_memory, template)
    early = f"{scene.directory}/other/early.wav"
    scene.world.service.sweeper.hear([(UUID, early)])
    Path(early).write_bytes(AUDIO)
    scene.restart()
    call = scene.world.call(UUID)
    with scene.disk.watched():
        Path(early).unlink()
        call.discard(scene.world.cause())
        ended(scene, call)
    all_must_stay_away_when_it_is_done(scene)


def test_13_what_is_recorded_once_more_and_deleted_by_freeswitch_stays_away(in_memory, template):
    """To the path of one that was discarded."""
    scene = Scene(in_memory, template)
    again = f"{scene.directory}/other/again.wav"
    scene.restart()
    call = scene.world.call(UUID)
    scene.world.switch.uuid_record(UUID, "start", again)
    with scene.disk.watched():
        call.discard(scene.world.cause())
        Path(again).write_bytes(AUDIO)
        scene.disk.all_safe()
        Path(again).unlink()
        call.noticed_stop(again, 0.0, "input-too-short")
        scene.disk.moments.clear()  # before it is told of nobody knows
        ended(scene, call)
    all_must_stay_away_when_it_is_done(scene)


def test_13_an_order_that_the_journal_could_not_take_is_on_disk_all_the_same(in_memory, template):
    """With the staging directory in memory; the directories of the spool are made for it."""
    scene = Scene(in_memory, template, in_memory=True)
    scene.restart()
    call = scene.world.call(UUID)
    scene.world.switch.uuid_record(UUID, "start", f"{scene.world.other}/theirs.wav")
    scene.world.switch.talk()
    deleted = patch.object(scene.world.files, "delete", Mock(side_effect=FileWorkFailed("busy")))
    with scene.disk.watched(), deleted:
        away = patch.object(Database, "write", Mock(side_effect=DatabaseFailed("it is away")))
        with away, pytest.raises(DiscardFailed):
            call.discard(scene.world.cause())
        scene.disk.promise("discard 1")
    for left, world in scene.losses():
        must_be_gone_if_ordered(scene, left, world, other=False)
        if world.service.tools.journal.load(UUID).intent is not None:
            assert list(scene.directory.rglob("*.json")) == []


def test_13_an_order_that_comes_back_to_the_spool_changes_no_receipt(in_memory, template):
    """The journal has it, and its file was deleted; the power is lost before that is on the disk."""
    scene = Scene(in_memory, template)
    service = scene.restart()
    call = scene.world.call(UUID)
    call.start()
    scene.world.switch.uuid_record(UUID, "start", f"{scene.world.other}/theirs.wav")
    scene.world.switch.talk()
    away = patch.object(Database, "write", Mock(side_effect=DatabaseFailed("it is away")))
    with away, pytest.raises(DiscardFailed):
        call.discard(scene.world.cause())
    scene.world.switch.hang_up(UUID)
    scene.world.calls.pop(UUID).finish()
    with scene.disk.watched():
        service.sweeper.sweep()
        receipt = scene.world.receipt()
        assert receipt.complete
    for left, world in scene.losses():
        must_be_gone_if_ordered(scene, left, world, other=False)
        assert world.receipt().files == receipt.files, left.label
        assert world.receipt().revision == 1


def test_commits_that_are_not_synced_would_be_seen(in_memory, template):
    """The database is asked how it syncs: at SQLite's own level for WAL, an order would be lost that was acknowledged."""
    scene = Scene(in_memory, template)
    with patch("fsflows.database.engine.SQLITE_SYNC", "NORMAL"):
        scene.restart()
        call = opted_out(scene)
        with scene.disk.watched():
            discard(scene, call)
    with pytest.raises(AssertionError, match="the order is lost"):
        all_must_be_gone_if_ordered(scene)

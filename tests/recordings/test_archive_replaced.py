"""An archive is replaced, and comes back: what was on its way to the earlier one is neither forgotten nor called gone."""

from __future__ import annotations

import pytest
from mounts import disk

from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.faults import NO_FAULTS
from fsflows.recordings.files.failures import WrongArchive
from fsflows.recordings.journal.listing import Listing
from fsflows.recordings.oversight.expiry import Expiry
from fsflows.recordings.oversight.verifying import differences
from recordings.fakes import OTHER, UUID, sweep_alone
from recordings.test_archive_identity import (
    adopt,
    archive_of,
    discarded_later,
    mount,
    published,
    unmount,
)

WORD = {"by": "E. Noether", "why": "shredded"}


class Killed(BaseException):
    pass


class Kill:
    def __init__(self, point):
        self._point = point

    def at(self, passed):
        if passed.startswith(self._point):
            raise Killed


def killed_in_publishing(world, point):
    """The server is killed while it publishes UUID's recording; another call's is in the archive."""
    published(world, OTHER)
    world.faults = Kill(point)
    world.restart()
    with pytest.raises(Killed):
        published(world)
    world.faults = NO_FAULTS
    world.restart()


def take_word(world):
    adopted = adopt(world)
    archives = world.service.tools.archives
    archives.settle_missing([*adopted.missing, *adopted.broken_off], **WORD)


def differing(world):
    return list(differences(Listing(world.database), world.files, world.clock.utcnow()))


def test_moved_into_an_archive_that_was_replaced_it_is_not_lost(world):
    """Killed when it was in the archive and the journal didn't know; it is in no other place."""
    killed_in_publishing(world, "publish 4")
    unmount(world)
    assert [each.call_uuid for each in adopt(world).broken_off] == [UUID]
    assert sweep_alone(world.service.sweeper).published == 0
    assert world.states() == ["publishing"]
    mount(world)
    assert adopt(world).broken_off == []
    assert world.service.sweeper.sweep().published == 1
    assert world.states() == ["published"]


def test_with_an_archive_that_is_no_more_it_is_lost(world):
    killed_in_publishing(world, "publish 4")
    unmount(world)
    take_word(world)
    sweep_alone(world.service.sweeper)
    assert world.states() == ["lost"]


def test_retention_takes_a_word_for_what_was_half_way_into_an_archive_that_is_no_more(world):
    killed_in_publishing(world, "publish 3")
    unmount(world)
    adopt(world)
    assert sweep_alone(world.service.sweeper).published == 1
    with pytest.raises(WrongArchive):
        Expiry(world.service.tools).expire(UUID, world.soon())
    take_word(world)
    assert Expiry(world.service.tools).expire(UUID, world.soon())
    said = {file.path.partition(":")[0]: (file.how, file.why) for file in world.receipt().files}
    assert said.pop("archive") == ("deleted", "")
    assert list(said.values()) == [("settled", "shredded")]


def test_a_word_for_an_archive_is_on_the_receipt_when_the_staged_file_is_deleted_too(world):
    killed_in_publishing(world, "publish 3")
    unmount(world)
    take_word(world)
    how = {file.path.partition(":")[0]: file.how for file in discarded_later(world).files}
    assert how == {f"{world.staging}/2026-01-01_{UUID}.wav": "deleted", "archive": "settled"}
    assert world.audio() == []


def test_what_lies_in_both_is_not_gone_with_one_of_them(world, in_memory):
    """Copied to the first, killed, copied to the second; then the first is back."""
    archive_of(world).rmdir()
    archive_of(world).symlink_to(in_memory)
    killed_in_publishing(world, "publish 4")
    archive_of(world).unlink()
    archive_of(world).mkdir()
    adopt(world)
    assert sweep_alone(world.service.sweeper).published == 1
    archive_of(world).rename(world.directory / "second")
    archive_of(world).symlink_to(in_memory)
    adopted = adopt(world)
    assert [each.call_uuid for each in adopted.broken_off] == [UUID]
    with pytest.raises(DiscardFailed, match="not at hand"):
        discarded_later(world)
    assert world.audio() == [f"second/2026-01-01/{UUID}.wav"]


def test_P12_deleted_by_a_node_that_died_is_not_said_of_somebody_else(world):
    published(world)
    world.faults = Kill("discard 10")
    world.restart()
    call = world.call()
    with pytest.raises(Killed):
        call.discard(world.cause())
    world.faults = NO_FAULTS
    world.switch.hang_up(UUID)
    other = world.restart(node="node-b")
    world.later(seconds=90)
    assert other.sweeper.sweep().discarded == 1
    assert [file.how for file in world.receipt().files] == ["deleted earlier"]


def test_9_an_archive_that_was_no_more_and_is_here_again_is_a_difference(world):
    published(world)
    unmount(world)
    take_word(world)
    discarded_later(world)
    assert world.states() == ["settled"]
    mount(world)
    adopt(world)
    (line,) = differing(world)
    assert f"dealt with, but 2026-01-01/{UUID}.wav is in the archive" in line


@pytest.mark.process
@pytest.mark.parametrize("where", ["2026-01-01", "2026-01-01/inner"])
def test_P12_what_a_mount_inside_the_archive_hides_is_not_called_gone(world, where):
    template = "{date}/inner/{uuid}" if "inner" in where else "{date}/{uuid}"
    world.call().start(template)
    world.switch.talk()
    world.switch.hang_up(UUID)
    world.calls.pop(UUID).finish()
    hidden = pytest.raises(DiscardFailed, match="mounted inside the archive")
    with disk(archive_of(world) / "2026-01-01"), hidden:
        discarded_later(world)
    assert world.audio() == [f"archive/{where}/{UUID}.wav"]
    assert world.service.sweeper.sweep().discarded == 1
    assert world.audio() == []

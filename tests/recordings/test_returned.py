"""A backup of the archive is restored, and with it what was discarded meanwhile."""

import pytest

from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.oversight.returned import reopen_returned

from .fakes import OTHER, UUID, World
from .test_archive_identity import discarded_later, published


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def look_through(world):
    return reopen_returned(world.database, world.service.tools.journal, world.files)


def test_a_discarded_recording_that_is_restored_is_deleted_again(world):
    others = published(world, OTHER)
    name = published(world)
    data = (world.directory / name).read_bytes()
    discarded_later(world)
    (world.directory / name).write_bytes(data)
    assert 1 == look_through(world)
    assert not world.receipt().complete
    world.service.sweeper.sweep()
    assert ([], [others]) == (world.audio(), world.audio(OTHER))
    receipt = world.receipt()
    assert receipt.complete
    assert {"deleted"} == {file.how for file in receipt.files}
    assert 0 == look_through(world)


def test_where_nothing_has_come_back_no_discard_is_opened(world, monkeypatch):
    name = published(world)
    discarded_later(world)
    published(world, OTHER)
    (world.directory / name).parent.joinpath("stranger.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(Journal, "reopen", lambda self, call_uuid: pytest.fail(call_uuid))
    assert 0 == look_through(world)
    assert world.receipt(UUID).complete

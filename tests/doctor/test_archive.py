"""The doctor sees that the archive of recordings isn't the one that they were published to."""

from pathlib import Path

import pytest

from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.doctor.archive import identity
from fsflows.doctor.finding import State
from fsflows.recordings.files.marker import MARKER
from fsflows.recordings.files.places import local_files
from fsflows.recordings.journal.entries import Node
from fsflows.recordings.publishing.identity import Archives
from fsflows.settings import load


@pytest.fixture
def settings(tmp_path):
    for name in ("staging", "published"):
        (tmp_path / name).mkdir()
    file = tmp_path / "fsflows.yaml"
    file.write_text(
        f"recordings: {{staging: {tmp_path}/staging, published: {tmp_path}/published}}\n"
        f"database: {{url: 'sqlite:///{tmp_path}/x.db', spool: {tmp_path}/spool}}\n"
    )
    return load(file, environ={})


def used(settings):
    """A server has run with them."""
    chosen = settings.recordings
    database = Database.open(settings.database.url)
    files = local_files(chosen.staging, chosen.published, ())
    Archives(database, VirtualClock(), Node.make()).check(files)
    database.close()


def test_before_the_first_start_there_is_nothing_to_say(settings, tmp_path):
    assert list(identity(settings)) == []
    assert not (tmp_path / "x.db").exists()


def test_the_right_archive(settings):
    used(settings)
    assert [each.state for each in identity(settings)] == [State.OK]


def test_another_archive_or_none(settings):
    used(settings)
    marker = Path(settings.recordings.published) / MARKER
    marker.unlink()
    [finding] = identity(settings)
    assert finding.state is State.PROBLEM
    assert "not the one that recordings are published to" in finding.text
    assert not marker.exists()
    marker.write_text("damaged")
    [finding] = identity(settings)
    assert "damaged" in finding.text
    marker.unlink()
    marker.parent.rmdir()
    [finding] = identity(settings)
    assert "can't be looked at" in finding.text

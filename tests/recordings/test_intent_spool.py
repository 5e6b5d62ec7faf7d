"""Discards that the journal could not take: nothing that was written down once is forgotten by a later write."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.receipt import DiscardCause
from recordings.fakes import SWITCH, UUID

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = DiscardCause("demo", "opt_out", "1", NOW)


def entries(*paths):
    return [Entry(call_uuid=UUID, path=path, started_at=NOW) for path in paths]


def paths(spool):
    return [[entry.path for entry in spooled.entries] for spooled in spool.read()]


@pytest.fixture
def directories(tmp_path):
    return [str(tmp_path / "memory"), str(tmp_path / "disk")]


@pytest.mark.parametrize("full", [0, 1])
def test_P12_of_twins_that_differ_what_either_has_counts(directories, full):
    IntentSpool(directories).write(UUID, SWITCH, CAUSE, entries("/a"))
    IntentSpool([directories[1 - full]]).write(UUID, SWITCH, CAUSE, entries("/a", "/b"), over=True)
    spool = IntentSpool(directories)
    assert paths(spool) == [["/a", "/b"]]
    assert not spool.read()[0].over  # one of them is old: nobody knows which


def test_P12_what_an_earlier_process_has_written_stays(directories):
    IntentSpool(directories).write(UUID, SWITCH, CAUSE, entries("/a"), owner="first", over=True)
    IntentSpool(directories).write(UUID, SWITCH, CAUSE, entries("/b"), owner="second")
    spool = IntentSpool(directories)
    assert paths(spool) == [["/a", "/b"]]
    assert [(each.owner, each.over) for each in spool.read()] == [("second", False)]


def test_P12_what_is_jotted_down_counts_as_written_until_it_is_struck_out(directories):
    spool = IntentSpool(directories)
    spool.jot(UUID, SWITCH, CAUSE, entries("/a"), owner="first")
    assert [(each.cause, each.owner, each.over) for each in spool.read()] == [
        (CAUSE, "first", False)
    ]
    assert paths(spool) == [["/a"]]
    spool.strike_out(UUID)
    assert spool.read() == []


def test_P12_what_is_written_down_takes_the_place_of_what_was_jotted_down(directories):
    spool = IntentSpool(directories)
    spool.jot(UUID, SWITCH, CAUSE, entries("/a"), owner="first")
    spool.write(UUID, SWITCH, CAUSE, entries("/b"), owner="first", over=True)
    assert paths(spool) == [["/a", "/b"]]
    assert spool.read()[0].over


def test_what_a_power_loss_has_left_of_a_jotting_is_thrown_away(directories, tmp_path):
    spool = IntentSpool(directories)
    spool.jot(UUID, SWITCH, CAUSE, (), owner="first")
    (file,) = (tmp_path / "memory").iterdir()
    file.write_text("")
    assert spool.read() == []
    assert list((tmp_path / "memory").iterdir()) == []


def test_P12_an_order_that_can_not_be_read_now_is_not_thrown_away(directories, monkeypatch):
    """Too many files are open; or it was struck out between the look and the reading."""
    spool = IntentSpool(directories)
    spool.jot(UUID, SWITCH, CAUSE, (), owner="first")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", Mock(side_effect=OSError(errno.EMFILE, "too many")))
        assert spool.read() == []
    assert [each.cause for each in spool.read()] == [CAUSE]

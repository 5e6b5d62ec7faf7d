"""Discards that the journal could not take: nothing that was written down once is forgotten by a later write."""

from __future__ import annotations

import builtins
import errno
import os
import stat
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from fsflows import log
from fsflows.lanes import Here
from fsflows.recordings.discarding.shelf import LEFT, name_for
from fsflows.recordings.discarding.spool import IntentSpool
from fsflows.recordings.discarding.spooled import Spooled
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.receipt import DiscardCause
from recordings.fakes import OTHER, SWITCH, UUID
from recordings.hanging import Hanging

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = DiscardCause("demo", "opt_out", "1", NOW)


def order(*paths, **values):
    entries = [Entry(call_uuid=UUID, path=path, started_at=NOW) for path in paths]
    return Spooled(UUID, SWITCH, CAUSE, tuple(entries), **values)


def write(spool, order):
    name = name_for(order.call_uuid, jotted=False)
    return spool.write(order, name), name


def jot(spool, order):
    name = name_for(order.call_uuid, jotted=True)
    return spool.jot(order, name), name


def paths(spool):
    return [[entry.path for entry in spooled.entries] for spooled in spool.read()]


@pytest.fixture
def directories(tmp_path):
    return [str(tmp_path / "memory"), str(tmp_path / "disk")]


@pytest.fixture
def hanging(directories):
    """A spool whose first directory hangs, and what it hangs at."""
    lanes = [Hanging(), Here()]
    return IntentSpool(directories, iter(lanes).__next__), lanes[0]


@pytest.mark.parametrize("full", [0, 1])
def test_P12_of_twins_that_differ_what_either_has_counts(directories, full):
    write(IntentSpool(directories), order("/a"))
    write(IntentSpool([directories[1 - full]]), order("/a", "/b", over=True))
    spool = IntentSpool(directories)
    assert paths(spool) == [["/a", "/b"]]
    assert not spool.read()[0].over  # one of them is old: nobody knows which


def test_P12_what_an_earlier_process_has_written_stays(directories):
    write(IntentSpool(directories), order("/a", owner="first", over=True))
    later = replace(CAUSE, step="later")
    write(IntentSpool(directories), replace(order("/b", owner="second"), cause=later))
    spool = IntentSpool(directories)
    assert paths(spool) == [["/a", "/b"]]
    assert [(each.owner, each.over, each.cause) for each in spool.read()] == [
        ("second", False, CAUSE)
    ]


def test_P12_what_is_jotted_down_counts_as_written_until_it_is_removed(directories):
    spool = IntentSpool(directories)
    earlier, name = jot(spool, order("/a", owner="first"))
    assert earlier is None
    assert [(each.cause, each.owner, each.over) for each in spool.read()] == [
        (CAUSE, "first", False)
    ]
    assert paths(spool) == [["/a"]]
    spool.remove([name])
    assert spool.read() == []


def test_P12_who_jots_down_is_told_what_is_there_already(directories):
    _, name = write(IntentSpool(directories), order("/a"))
    earlier, _ = jot(IntentSpool(directories), order("/b"))
    assert [entry.path for entry in earlier.entries] == ["/a"]
    assert earlier.files == {name}


def test_P12_what_is_written_down_takes_the_place_of_what_it_names_and_of_nothing_else(
    directories, tmp_path
):
    spool = IntentSpool(directories)
    _, ours = jot(spool, order("/a", owner="first"))
    jot(IntentSpool(directories), order("/c", owner="another"))
    assert write(spool, order("/a", "/b", files=frozenset([ours]), over=True))[0]
    assert paths(spool) == [["/c", "/a", "/b"]]
    assert ours not in [file.name for file in (tmp_path / "memory").iterdir()]


def test_P12_only_what_was_read_is_removed(directories):
    """The journal has taken an order; meanwhile more has come to be known of the call."""
    spool = IntentSpool(directories)
    write(spool, order("/a"))
    (read,) = spool.read()
    write(IntentSpool(directories), order("/a", "/b"))
    spool.remove(read.files)
    assert paths(spool) == [["/a", "/b"]]


def test_what_a_power_loss_has_left_of_a_jotting_is_thrown_away(directories, tmp_path):
    spool = IntentSpool(directories)
    jot(spool, order(owner="first"))
    (file,) = (tmp_path / "memory").iterdir()
    file.write_text("")
    assert spool.read() == []
    assert list((tmp_path / "memory").iterdir()) == []


def test_what_a_killed_process_was_writing_is_thrown_away_when_it_is_old(directories, tmp_path):
    spool = IntentSpool(directories)
    write(spool, order("/a"))
    for name, age in ((".old.json.part", LEFT + 60), (".new.json.part", 0)):
        part = tmp_path / "disk" / name
        part.write_text("{")
        os.utime(part, (time.time() - age,) * 2)
    assert paths(spool) == [["/a"]]
    assert [file.name for file in (tmp_path / "disk").glob(".*")] == [".new.json.part"]


def test_P12_an_order_that_can_not_be_read_now_is_not_thrown_away(directories, monkeypatch):
    """Too many files are open; or it was removed between the look and the reading."""
    spool = IntentSpool(directories)
    jot(spool, order(owner="first"))
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", Mock(side_effect=OSError(errno.EMFILE, "too many")))
        assert spool.read() == []
        assert spool.has(UUID)
    assert [each.cause for each in spool.read()] == [CAUSE]


def test_P12_an_order_of_an_earlier_version_is_read_and_removed(directories, tmp_path):
    spool = IntentSpool(directories)
    write(spool, order("/a"))
    for directory in (tmp_path / "memory", tmp_path / "disk"):
        (file,) = directory.iterdir()
        file.rename(file.with_name(f"{file.name[:32]}.json"))
    assert spool.has(UUID)
    (read,) = spool.read(UUID)
    spool.remove(read.files)
    assert not spool.has(UUID)


def test_P12_a_directory_that_hangs_keeps_no_order_from_the_other(hanging, tmp_path):
    spool, lane = hanging
    _, jotted = jot(spool, order("/a"))
    assert [file.name for file in (tmp_path / "disk").iterdir()] == [jotted]
    everywhere, written = write(spool, order("/a", files=frozenset([jotted])))
    assert not everywhere
    assert [file.name for file in (tmp_path / "disk").iterdir()] == [written]
    assert paths(spool) == [["/a"]]
    spool.remove([jotted, written])
    assert list((tmp_path / "disk").iterdir()) == []
    lane.back()  # what it was asked for is done, in that order
    assert list((tmp_path / "memory").iterdir()) == []


def test_P12_while_a_directory_hangs_there_may_be_an_order_in_it(hanging):
    spool, lane = hanging
    assert spool.has(OTHER)
    with pytest.raises(OSError, match="does not answer"):
        spool.of(OTHER)
    lane.back()
    assert not spool.has(OTHER)
    assert spool.of(OTHER) is None


def test_P12_when_all_directories_hang_it_is_said(directories):
    spool = IntentSpool(directories, Hanging)
    assert jot(spool, order("/a"))[0] is None
    with pytest.raises(OSError, match="does not answer"):
        write(spool, order("/a"))


def plant(directory, kind, text):
    """What somebody who can write beside the audio puts there: an order, as he has understood how they look."""
    directory.mkdir(exist_ok=True)
    planted = directory / name_for(UUID, jotted=False)
    if kind == "link":
        (directory.parent / "elsewhere.json").write_text(text)
        planted.symlink_to(directory.parent / "elsewhere.json")
    elif kind == "fifo":
        os.mkfifo(planted)
    else:
        planted.write_text(text)
        os.chown(planted, 54321, -1)
    return planted


@pytest.mark.parametrize(
    "kind",
    [
        "link",
        "fifo",
        pytest.param(
            "file", marks=pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
        ),
    ],
)
def test_P12_only_we_give_orders(directories, kind):
    """An order deletes what it names, in the archive, too; and a call that has one is not published."""
    spool = IntentSpool(directories)
    planted = plant(Path(directories[0]), kind, order("/archive/of-somebody.wav").to_json())
    with log.capture("warning") as events:
        assert [] == spool.read()
        assert spool.of(UUID) is None
        assert not spool.has(UUID)
    assert {str(planted)} == {event["file"] for event in events}
    write(spool, order("/a.wav"))
    assert [["/a.wav"]] == paths(spool)
    assert [] == list(Path(directories[0]).glob(".*.part"))


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_P12_on_a_file_server_that_says_everything_is_somebody_elses_it_is_ours_all_the_same(
    directories, monkeypatch
):
    """NFS with all_squash: an order that was jotted down just before the server was killed is there only."""
    write(IntentSpool(directories[:1]), order("/a.wav"))
    for file in Path(directories[0]).iterdir():
        os.chown(file, 54321, -1)
    fstat = os.fstat

    def squashed(descriptor):
        found = list(fstat(descriptor))
        found[stat.ST_UID] = 54321
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", squashed)
    assert [["/a.wav"]] == paths(IntentSpool(directories[:1]))

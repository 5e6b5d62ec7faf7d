"""Discards of what FreeSWITCH writes under other names than it says, or never tells of: deleted, or not called gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.paths import UNTOLD
from fsflows.recordings.oversight.settling import settle
from recordings.fakes import UUID


def test_P12_a_path_without_an_ending_is_two_files_and_both_go(world):
    """FreeSWITCH writes what comes and what goes apart, and calls the files after the call's codec."""
    call = world.call()
    path = f"{world.other}/theirs"
    world.switch.uuid_record(UUID, "start", path)
    world.switch.talk()
    beside = [Path(world.other) / f"theirs-{end}" for end in ("inside.PCMU", "in.wav", "out.MP3")]
    for each in beside:
        each.write_text("another call's")

    receipt = call.discard(world.cause())

    assert world.audio() == []
    assert all(each.exists() for each in beside)
    (file,) = receipt.files
    assert (file.path, file.how) == (path, "deleted")
    assert list(file.also) == [f"{path}-in.PCMU", f"{path}-out.PCMU"]
    assert file.size > 300

    # FreeSWITCH does not delete these by itself.
    world.switch.uuid_record(UUID, "start", f"{world.other}/late")
    assert world.audio() == []
    assert [file.path for file in world.receipt().files if file.late] == [f"{world.other}/late"]


def test_P12_a_path_without_an_ending_that_we_do_not_see_is_not_called_absent(world):
    call = world.call()
    world.switch.where = lambda path: path.replace(world.other, f"{world.directory}/elsewhere")
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs")
    with pytest.raises(DiscardFailed, match="was never found here"):
        call.discard(world.cause())


def test_a_path_without_an_ending_in_the_staging_directory_is_not_published(world):
    call = world.call()
    world.switch.uuid_record(UUID, "start", f"{world.staging}/theirs")
    world.switch.hang_up(UUID)
    call.finish(call_over=True)
    assert call.summary().state == "present"
    assert len(world.audio()) == 2


def test_P12_what_nobody_could_ask_about_is_never_called_gone(world):
    """The dialplan says `async`, and not `full`: no command, no event, and nobody knows what the dialplan records."""
    world.socket = False
    world.restart()
    theirs = f"{world.other}/theirs.wav"
    world.switch.begin(UUID)
    world.switch.uuid_record(UUID, "start", theirs)
    world.switch.broken = "uuid_"
    call = world.call()
    call.begin()
    with pytest.raises(DiscardFailed, match="never said what it recorded"):
        call.discard(world.cause())
    world.switch.on_event = lambda *event: None
    world.switch.hang_up(UUID)
    assert call.finish().state == "pending"
    world.service.sweeper.sweep()
    assert world.receipt() is None
    assert world.audio() == ["other/theirs.wav"]

    # Somebody looks, and takes the word for it upon himself.
    Path(theirs).unlink()
    journal = world.service.tools.journal
    settle(journal, world.files, world.clock, UUID, UNTOLD, by="E. Noether", why="deleted")
    world.service.sweeper.sweep()
    assert [(file.path, file.how) for file in world.receipt().files] == [(UNTOLD, "settled")]


def test_P12_what_can_be_asked_about_at_the_discard_is_known(world):
    theirs = f"{world.other}/theirs.wav"
    world.switch.begin(UUID)
    world.switch.uuid_record(UUID, "start", theirs)
    world.switch.broken = "uuid_buglist"
    call = world.call()
    call.begin()
    world.switch.broken = ""
    assert [file.path for file in call.discard(world.cause()).files] == [theirs]


def test_P12_what_was_told_of_and_never_seen_is_not_called_absent(world):
    """FreeSWITCH's events don't tell "%41" from "A": the file that they name is not there, and FreeSWITCH says so, too."""
    call = world.call()
    world.switch.on_event = lambda *event: None
    world.switch.uuid_record(UUID, "start", f"{world.other}/%41.wav")
    call.noticed_start(f"{world.other}/A.wav", 0.0)
    world.switch.uuid_record(UUID, "stop", f"{world.other}/%41.wav")
    call.noticed_stop(f"{world.other}/A.wav", 0.0)
    with pytest.raises(DiscardFailed, match="was never found here"):
        call.discard(world.cause())
    with pytest.raises(DiscardFailed, match="was never found here"):
        call.retry()
    assert world.receipt() is None

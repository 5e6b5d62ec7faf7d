"""What was left unfinished is finished: by the same node, by another one, now or when it becomes possible."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from fsflows.log import capture
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.faults import NO_FAULTS
from fsflows.recordings.files import local
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.oversight.expiry import DiscardOpen, Expiry, NoExpiry
from recordings.fakes import OTHER, UUID, fail_database, sweep_alone


class Dead(BaseException):
    pass


class DieAt:
    def __init__(self, begins):
        self.begins = begins

    def at(self, point):
        if self.begins and point.startswith(self.begins):
            self.begins = ""
            raise Dead


def died(world, point="discard 1", **options):
    """A call is recorded, its caller opts out, and the process dies at a point."""
    world.faults = DieAt(point)
    world.restart(**options)
    sweep_alone(world.service.sweeper)
    call = world.call()
    call.begin()
    path = call.start()
    world.switch.talk()
    with pytest.raises(Dead):
        call.discard(world.cause())
    world.calls.clear()
    return path


def test_P12_what_is_ordered_in_the_spool_alone_is_never_published(world):
    """A process lives that could not bring its order into the journal, and has let go of the call's recordings."""
    call = world.call()
    call.start()
    world.switch.talk()
    world.service.sweeper.tend()
    repair = fail_database(world)
    delete = world.files.delete
    world.files.delete = Mock(side_effect=FileWorkFailed("read-only"))
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    repair()
    world.calls.clear()
    world.service.claims.let_go(())
    world.service.tools.live.clear()
    world.switch.hang_up(UUID)
    node = world.service.tools.journal.node
    office = world.make(node.name).sweeper
    report = office.sweep()
    assert (report.published, report.waiting, world.states()) == (0, 1, ["recording"])
    world.files.delete = delete
    world.service.claims.retire()  # that process ends
    assert office.sweep().discarded == 1
    assert world.receipt().complete
    assert world.audio() == []


def test_at_a_start_the_nodes_own_discards_are_finished_at_once(world):
    died(world)
    service = world.restart()
    assert service.sweeper.sweep().discarded == 0  # for all it knows a second process of this node
    assert sweep_alone(service.sweeper).discarded == 1
    receipt = world.receipt()
    assert receipt.recovered
    assert receipt.node == service.claims.node.id
    assert world.audio() == []


def test_another_node_waits_until_the_lease_is_over(world):
    died(world)
    other = world.restart("node-b")
    assert sweep_alone(other.sweeper).discarded == 0
    world.later(seconds=61)
    assert other.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_a_node_leaves_alone_what_it_can_not_reach(world):
    """Another FreeSWITCH: its files are not here, so that "not there" would mean nothing."""
    died(world)
    world.socket = False
    other = world.restart("node-b")
    world.later(hours=1)
    report = other.sweeper.sweep()
    assert (report.discarded, report.failed) == (0, [])
    assert report.oldest_open >= 3600
    assert world.receipt() is None


def test_what_a_node_has_left_that_never_comes_back_is_said(world):
    """A container that was killed, and made anew under another name."""
    died(world)
    world.socket = False
    other = world.restart("node-b")
    assert {} == other.sweeper.sweep().stranded, "for all it knows, node-a is alive"
    world.later(seconds=61)
    with capture() as log:
        assert {"node-a": 1} == other.sweeper.sweep().stranded
        world.later(seconds=61)
        other.sweeper.sweep()
        said = [line for line in log if "does not run" in line["event"]]
        assert [] == said, "a restart takes a while"
        world.later(seconds=61)
        other.sweeper.sweep()
        other.sweeper.sweep()
    [line] = [line for line in log if "does not run" in line["event"]]
    assert ("warning", "node-a", 1) == (line["level"], line["node"], line["calls"])
    assert "come back as 'node-b', as 'node-a' again" in line["advice"]
    world.socket = True
    assert {} == world.make("node-b").sweeper.sweep().stranded, "its FreeSWITCH is in reach"
    assert world.receipt() is not None
    assert [] == world.audio()


def test_what_a_node_that_lives_has_left_is_its_own(world):
    died(world)
    node_a = world.restart()
    world.socket = False
    other = world.make("node-b")
    world.later(hours=1)
    node_a.claims.beat()
    assert {} == other.sweeper.sweep().stranded


def test_without_the_event_socket_files_go_but_the_discard_stays_open_and_says_why(world):
    died(world)
    world.socket = False
    service = world.restart()
    report = sweep_alone(service.sweeper)
    assert "FreeSWITCH could not be made to say" in report.failed[0]
    assert world.audio() == []
    assert world.receipt() is None
    # Somebody looks, and says that the call is over.
    service = world.make("node-a", calls_ended=True)
    assert sweep_alone(service.sweeper).discarded == 1
    assert [file.how for file in world.receipt().files] == ["deleted earlier"]


def test_without_the_event_socket_a_day_is_enough(world):
    died(world)
    world.socket = False
    service = world.restart()
    world.later(hours=24, seconds=1)
    assert sweep_alone(service.sweeper).discarded == 1


def test_a_directory_that_is_read_only_for_a_while(world, monkeypatch):
    call = world.call()
    call.start()
    world.switch.talk()
    unlink = os.unlink

    def read_only(path, **options):
        if "dir_fd" in options:
            raise OSError(30, "Read-only file system")
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", read_only)
        with pytest.raises(DiscardFailed, match="Read-only file system"):
            call.discard(world.cause())
        report = world.service.sweeper.sweep()
        assert "Read-only" in report.failed[0]
        world.later(minutes=3)
        assert world.service.sweeper.sweep().oldest_open == 180
        assert metrics.OLDEST_OPEN_DISCARD._value.get() == 180
    assert call.summary().state == "pending"
    assert len(world.audio()) == 1
    # Writable again, the call still up: the sweep finishes it through the live call.
    assert world.service.sweeper.sweep().discarded == 1
    assert call.summary().state == "discarded"
    assert world.audio() == []
    assert world.receipt() == call.receipt
    assert metrics.OLDEST_OPEN_DISCARD._value.get() == 0


def test_a_discard_that_failed_is_finished_after_its_call(world, monkeypatch):
    call = world.call()
    call.start()
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only"))
        )
        with pytest.raises(DiscardFailed):
            call.discard(world.cause())
        assert call.finish().state == "pending"
    world.switch.hang_up(UUID)
    assert world.service.sweeper.sweep().discarded == 1
    assert world.audio() == []


def test_a_spooled_discard_that_can_not_be_read_is_said_and_its_twin_used(world):
    call = world.call()
    call.start()
    repair = fail_database(world)
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    repair()
    first, _ = sorted(world.directory.rglob("*.json"))
    first.write_text("{")
    world.switch.hang_up(UUID)
    world.calls.clear()
    service = world.restart()
    with capture() as lines:
        assert sweep_alone(service.sweeper).discarded == 1
    assert [line for line in lines if line["event"] == "spooled discard can't be read"]


def test_a_long_sweep_keeps_its_heart_beating(world):
    beats = []
    for number in range(4):
        world.service.tools.journal.open_discard(f"call-{number}", "fs1", world.cause())
    service = world.restart()
    beat = service.claims.beat
    service.claims.beat = lambda: beats.append(world.clock.now()) or beat()
    run = service.tools.discarder.run
    service.tools.discarder.run = lambda discard: world.later(seconds=25) or run(discard)
    sweep_alone(service.sweeper)
    assert len(beats) == 5


@pytest.mark.parametrize("point", ["discard 1:", "discard 5", "discard 11"])
def test_a_full_disk_and_then_a_crash_the_spool_remembers(world, point):
    world.faults = DieAt(point)
    world.restart()
    call = world.call()
    call.start()
    world.switch.uuid_record(UUID, "start", f"{world.other}/theirs.wav")
    world.switch.talk()
    fail_database(world)
    with pytest.raises(Dead):
        call.discard(world.cause())
    world.switch.uuid_record(UUID, "start", f"{world.other}/again.wav")  # nobody is there to hear
    service = world.restart()
    report = sweep_alone(service.sweeper)
    assert (report.discarded, report.failed) == (1, [])
    assert world.audio() == []
    assert {Path(f.path).name for f in world.receipt().files} == {
        f"2026-01-01_{UUID}.wav",
        "theirs.wav",
        "again.wav",
    }
    assert not list((world.directory / "spool").iterdir())


def test_a_call_that_was_discarded_and_handed_on_is_watched_until_it_ends(world):
    call = world.call()
    call.start()
    call.discard(world.cause())
    call.finish(call_over=False)
    world.calls.clear()
    world.switch.uuid_record(UUID, "start", f"{world.other}/agent.wav")
    world.switch.talk()
    world.service.sweeper.sweep()
    assert world.audio() == []
    assert world.switch.calls[UUID] == {}
    assert [f.late for f in world.receipt().files] == [False, True]
    world.switch.hang_up(UUID)
    world.service.sweeper.sweep()
    asked = len(world.switch.asked)
    world.service.sweeper.sweep()
    assert len(world.switch.asked) == asked


def test_a_watched_call_that_can_not_be_asked_for_is_watched_on(world):
    call = world.call()
    call.discard(world.cause())
    call.finish(call_over=False)
    world.switch.broken = "uuid_exists"
    world.service.sweeper.sweep()
    world.switch.broken = ""
    world.switch.uuid_record(UUID, "start", f"{world.other}/late.wav")
    world.service.sweeper.sweep()
    assert world.audio() == []
    assert world.receipt().files[0].late


def test_a_file_of_a_watched_call_that_is_there_again_goes_again(world):
    call = world.call()
    path = call.start()
    call.discard(world.cause())
    call.finish(call_over=False)
    Path(path).write_text(UUID)
    world.service.sweeper.sweep()
    assert world.audio() == []
    assert [f.late for f in world.receipt().files] == [True]


def test_a_recording_that_was_said_to_be_lost_and_is_there_is_published(world):
    call = world.call()
    path = call.start()
    world.switch.hang_up(UUID)
    Path(path).rename(f"{path}.away")
    call.finish()
    assert world.states() == ["lost"]
    Path(f"{path}.away").rename(path)
    world.service.sweeper.sweep()
    assert world.service.sweeper.sweep().published == 1


def test_a_staging_directory_that_can_not_be_read_stops_no_sweep(world):
    died(world)
    world.restart()
    world.files._staging = "/proc/1/nothing"
    world.files.staged = Mock(side_effect=FileWorkFailed("can't be read"))
    assert sweep_alone(world.service.sweeper).discarded == 1


def test_recordings_are_deleted_when_they_have_been_kept_for_long_enough(world):
    call = world.call()
    call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    call.finish()
    expiry = Expiry(world.service.tools)
    now = world.clock.utcnow()
    assert [] == expiry.left_before(now - timedelta(days=1), "", 10)
    assert [UUID] == expiry.left_before(now + timedelta(days=1), "", 10)
    assert [] == expiry.left_before(now + timedelta(days=1), UUID, 10)
    assert {UUID} == expiry.known([UUID, "nobody"])
    assert expiry.expire(UUID, world.soon())
    assert world.audio() == []
    assert world.receipt().cause.key_or_word == "retention"
    assert not expiry.expire(UUID, world.soon())
    assert not expiry.expire("nobody", world.soon())
    assert [] == expiry.left_before(now + timedelta(days=1), "", 10)
    assert world.receipt().revision == 1


def test_nothing_is_forgotten_of_a_call_whose_discard_is_open(world):
    died(world)
    service = world.restart()
    expiry = Expiry(service.tools)
    for each in (expiry, NoExpiry(service.tools.journal)):
        assert {UUID} == each.known([UUID])
        with pytest.raises(DiscardOpen):
            each.expire(UUID, world.soon())
    assert sweep_alone(service.sweeper).discarded == 1
    assert not expiry.expire(UUID, world.soon())


def test_what_nobody_knows_in_the_staging_directory_is_left_and_counted(world):
    file = world.directory / "staging" / "unknown.wav"
    file.write_text("x")
    os.utime(file, (0, 0))
    assert world.service.sweeper.sweep().unknown == 1
    assert file.exists()
    assert metrics.STAGED_UNKNOWN._value.get() == 1


def test_a_file_that_is_published_while_the_directory_is_read_hides_no_other(world, monkeypatch):
    """Between its name and its size: at twenty recorded calls a second that is not rare."""
    staging = world.directory / "staging"
    for name in ("going.wav", "unknown.wav"):
        (staging / name).write_bytes(b"RIFF")
        os.utime(staging / name, (0, 0))
    listed = local._entries

    def and_one_goes(directory):
        for entry in listed(directory):
            (staging / "going.wav").unlink(missing_ok=True)
            yield entry

    monkeypatch.setattr(local, "_entries", and_one_goes)
    with capture() as logged:
        assert 1 == world.service.sweeper.sweep().unknown
    assert ["staged file of no known call"] == [
        line["event"] for line in logged if line["level"] == "warning"
    ]


def test_a_discarded_file_that_is_in_staging_again_is_deleted_again(world):
    call = world.call()
    path = call.start()
    world.switch.talk()
    world.switch.hang_up(UUID)
    call.discard(world.cause())
    call.finish()
    world.calls.clear()
    Path(path).write_text(UUID)
    world.service.sweeper.sweep()
    world.service.sweeper.sweep()
    assert world.audio() == []
    assert world.receipt().revision == 2


def test_live_calls_are_left_alone(world):
    call = world.call()
    call.start()
    world.later(hours=2)
    report = world.service.sweeper.sweep()
    assert (report.published, report.waiting) == (0, 0)
    assert call.recording != ()


def test_discards_that_always_fail_keep_no_other_from_its_turn(world):
    journal = world.service.tools.journal
    for number in range(60):
        journal.open_discard(f"bad-{number:02}", "fs1", world.cause())
    journal.open_discard("zzz", "fs1", world.cause())
    world.later(hours=1)
    service = world.restart()
    reached, service.tools.reach = service.tools.reach, Mock(wraps=service.tools.reach)
    service.tools.reach.control = lambda switch, uuid: (
        reached.control(switch, uuid) if uuid == "zzz" else None
    )
    done = [sweep_alone(service.sweeper).discarded for _ in range(3)]
    assert sum(done) == 1


def test_the_sweep_goes_on_after_a_failure_and_stops_when_told(world):
    clock, sweeper = world.clock, world.service.sweeper
    turns = []
    sweep = sweeper.sweep

    def counted(**options):
        turns.append(clock.now())
        if len(turns) == 1:
            raise RuntimeError("once")
        return sweep(**options)

    sweeper.sweep = counted

    def scenario():
        task = sweeper.start(15.0)
        clock.sleep(46)
        sweeper.stop()
        task.join()

    clock.run(scenario)
    assert [turn - turns[0] for turn in turns] == [0, 15, 30, 45]


def test_P12_the_call_was_handed_on_while_the_database_was_away(world):
    """Nobody has it any more; its process lives on, and isn't the one that sweeps."""
    call = world.call()
    call.start()
    world.switch.talk()
    world.service.sweeper.tend()  # this process lives
    repair = fail_database(world)
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    assert call.finish(call_over=False).state == "pending"
    world.calls.clear()
    repair()
    world.service.sweeper.tend()
    office = world.make(world.service.tools.journal.node.name).sweeper
    assert office.sweep().discarded == 1
    assert world.receipt().complete
    assert not list(world.directory.glob("*/**/*.json"))


def test_P12_a_call_that_comes_back_is_not_published_against_the_order_of_a_process_that_was_killed(
    world,
):
    """Killed before the database had it; the dialplan went on, to another process, before anybody swept."""
    died(world, "forbid")
    world.faults = NO_FAULTS
    world.restart()
    assert world.service.tools.journal.load(UUID).intent is None
    call = world.call()
    call.begin()
    world.switch.hang_up(UUID)
    assert call.finish().state == "discarded"
    assert world.audio() == []
    assert world.receipt().cause.step == "opt_out"
    assert not list(world.directory.glob("*/**/*.json"))


def test_P12_a_call_that_comes_back_and_opts_out_again_loses_nothing_of_the_earlier_order(world):
    """The first process had heard of a recording that it could write down in the spool alone."""
    world.socket = False
    first = world.restart()
    call = world.call()
    call.start()
    path = f"{world.other}/x.wav"
    Path(path).write_text(UUID)
    repair = fail_database(world)
    delete = world.files.delete
    world.files.delete = Mock(side_effect=FileWorkFailed("read-only"))
    call.noticed_start(path, 0.0)
    call.noticed_stop(path, 0.0)
    with pytest.raises(DiscardFailed):
        call.discard(world.cause())
    repair()
    world.files.delete = delete
    world.restart()
    assert path not in [entry.path for entry in first.tools.journal.load(UUID).entries]
    call = world.call()
    call.discard(world.cause("again"))
    assert world.audio() == []
    assert path in [file.path for file in world.receipt().files]


def test_while_the_database_is_away_sweeps_are_put_off_in_one_line_each(world):
    clock, sweeper = world.clock, world.service.sweeper
    sweeper.sweep()
    repair = fail_database(world)

    def scenario():
        task = sweeper.start(15.0)
        clock.sleep(16)
        repair()
        clock.sleep(15)
        sweeper.stop()
        task.join()

    with capture() as logged:
        clock.run(scenario)
    assert [(line["event"], line["why"]) for line in logged] == [
        ("sweep put off", "database or disk is full")
    ] * 2
    assert "exception" not in logged[0]


def test_two_databases_agree(world, url):
    """The same story on SQLite and PostgreSQL, with two nodes at work at once."""
    world.url = url
    world.socket = True
    world.node = f"node-{world.directory.name}"
    world.restart()
    calls = [world.call(uuid) for uuid in (UUID, OTHER)]
    for call in calls:
        call.start()
    world.switch.talk()
    calls[0].discard(world.cause())
    world.switch.uuid_record(UUID, "start", f"{world.other}/late\u00e9.wav")
    world.switch.hang_up(UUID)
    world.switch.hang_up(OTHER)
    assert [call.finish().state for call in calls] == ["discarded", "present"]
    assert world.audio() == []
    assert world.audio(OTHER) == [f"archive/2026-01-01/{OTHER}.wav"]
    assert world.receipt().revision == 2
    assert world.make("another").sweeper.sweep().failed == []


def test_a_discard_that_fails_in_the_same_way_again_and_again_is_said_seldom(world):
    died(world)
    world.restart()
    world.files.delete = Mock(side_effect=FileWorkFailed("read-only"))
    journal = world.service.tools.journal
    asked = Mock(wraps=journal.discard_failed)
    said = []
    journal.discard_failed = lambda *given: said.append(asked(*given)) or said[-1]
    for _ in range(45):
        sweep_alone(world.service.sweeper)
        world.later(seconds=15)
    assert (True, 45, 3) == (said[0], len(said), sum(said))  # at first, and every five minutes
    world.files.delete.side_effect = FileWorkFailed("gone")
    sweep_alone(world.service.sweeper)
    assert said[-1]

"""A discarded call that was handed on: whatever is recorded in it goes, however shortly, whoever was away meanwhile.

In virtual time, with a FreeSWITCH that does not delete for us unless a test says so, and recordings whose names don't
say whose they are: nothing but the watch can find them.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from fsflows.database import DatabaseFailed
from fsflows.log import capture
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.faults import FORBID_POINT, NO_FAULTS
from fsflows.recordings.freeswitch.reach import ByName
from fsflows.recordings.recovery.watch import Watch
from recordings.fakes import OTHER, SWITCH, UUID, fail_database
from recordings.test_sweep import Dead, DieAt, died

SWEEPS = 15.0


class Server:
    """A process of ours that sweeps and listens, and may be killed."""

    def __init__(self, world):
        self.world = world
        self.switches = world.freeswitches()
        world.service = world.restart(event_sockets=ByName(self.switches))
        world.service.watch = Watch(world.service.sweeper, self.switches, world.clock)
        self.switches.start()
        world.service.start(SWEEPS)
        world.clock.sleep(1)

    def kill(self):
        """Nothing of it runs on; nothing is said."""
        for task in self.world.service._tasks:
            task.kill()
        self.world.service.watch.stop()
        self.switches.close()
        self.world.calls.clear()


@contextmanager
def server(world):
    running = Server(world)
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def scene(world):
    """Runs a scenario in virtual time; the FreeSWITCH does nothing for us."""
    world.switch.forbids = False

    def run(scenario):
        with capture() as lines:
            world.clock.run(lambda: scenario(world))
        return lines

    return run


def hand_on(world):
    """The caller opts out, and is handed on: our connection to the call is gone."""
    call = world.call()
    call.start()
    world.switch.talk()
    call.discard(world.cause())
    call.finish(call_over=False)
    world.calls.clear()
    world.clock.sleep(SWEEPS / 2)


def record_for(world, seconds, path, *, stop=True, uuid=UUID):
    world.switch.uuid_record(uuid, "start", path)
    world.switch.talk()
    world.clock.sleep(seconds)
    if stop and path in world.switch.calls[uuid]:
        world.switch.uuid_record(uuid, "stop", path)


@pytest.mark.parametrize("where", ["staging", "other"])
@pytest.mark.parametrize("seconds", [0.0, 2.5])
@pytest.mark.parametrize("stop", [True, False])
def test_P12_a_recording_that_begins_and_ends_between_two_sweeps_is_gone_at_once(
    scene, where, seconds, stop
):
    def scenario(world):
        with server(world):
            hand_on(world)
            path = f"{world.directory}/{where}/x.wav"
            record_for(world, seconds, path, stop=stop)
            world.switch.hang_up(UUID)
            world.clock.sleep(0.1)
            assert world.audio() == []
            assert [(f.path, f.late) for f in world.receipt().files][1:] == [(path, True)]
            assert world.receipt().complete

    scene(scenario)


def test_P12_a_recording_that_was_running_when_freeswitch_is_heard_again_goes_at_once(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            world.cut_off()
            world.clock.sleep(0.1)
            record_for(world, 1.0, f"{world.other}/x.wav", stop=False)
            world.reachable = True
            world.clock.sleep(3)  # the first attempts, and not the next sweep
            assert world.audio() == []
            assert [f.late for f in world.receipt().files] == [False, True]

    scene(scenario)


def test_P12_news_that_the_database_is_too_busy_for_are_left_to_a_sweep_at_once(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            noticed = world.service.sweeper.noticed

            def away(*_):
                world.service.sweeper.noticed = noticed
                raise DatabaseFailed("it does not answer")

            world.service.sweeper.noticed = away
            record_for(world, 1.0, f"{world.other}/x.wav", stop=False)
            world.clock.sleep(0.1)
            assert world.audio() == []

    lines = scene(scenario)
    left = [line for line in lines if line["event"].endswith("left to the sweep")]
    assert [line["why"] for line in left] == ["it does not answer"]
    assert not [line for line in lines if "exception" in line]


def test_P12_the_end_alone_is_enough_when_the_beginning_was_missed(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            world.cut_off()
            world.clock.sleep(0.1)
            path = f"{world.other}/x.wav"
            world.switch.uuid_record(UUID, "start", path)
            world.switch.talk()
            world.switch.broken = "uuid_buglist"  # the sweep could see it; it must not have to
            world.reachable = True
            world.clock.sleep(1.5)
            world.switch.uuid_record(UUID, "stop", path)
            world.clock.sleep(0.1)
            world.switch.broken = ""
            assert world.audio() == []
            # The attempts that have failed are tried again a little later.
            world.clock.sleep(2 * SWEEPS)
            assert [f.path for f in world.receipt().files][1:] == [path]

    scene(scenario)


@pytest.mark.parametrize("away", ["event socket", "server"])
def test_P12_while_nobody_listens_freeswitch_deletes_it(scene, away):
    """The two cases that nothing else covers: there is no trace of such a recording anywhere."""

    def scenario(world):
        world.switch.forbids = True
        first = Server(world)
        hand_on(world)
        if away == "server":
            first.kill()
        else:
            world.cut_off()
        world.clock.sleep(0.1)
        record_for(world, 2.5, f"{world.staging}/x.wav")
        record_for(world, 2.5, f"{world.other}/y.wav", stop=False)
        world.switch.hang_up(UUID)
        assert world.audio() == []
        world.reachable = True
        first.kill()
        with server(world):
            world.clock.sleep(SWEEPS)
            assert world.audio() == []
            assert world.receipt().complete

    scene(scenario)


def test_P12_killed_at_the_key_freeswitch_had_been_told_before_the_intent(scene):
    """There is no moment at which the discard is certain and a recording that nobody sees would be kept."""

    def scenario(world):
        world.switch.forbids = True
        world.faults = DieAt(FORBID_POINT)
        Server(world)
        call = world.call()
        call.start()
        with pytest.raises(Dead):
            call.discard(world.cause())
        assert world.service.tools.journal.load(UUID).intent is None
        record_for(world, 1.0, f"{world.other}/x.wav")
        assert "other/x.wav" not in world.audio()

    scene(scenario)


def test_P12_what_freeswitch_itself_does_not_delete_is_deleted_by_us(scene):
    """Parameters in front of a path: FreeSWITCH takes them for a part of the file's name when it deletes."""

    def scenario(world):
        world.switch.forbids = True
        with server(world):
            hand_on(world)
            record_for(world, 1.0, f"{{x=1}}{world.other}/x.wav")
            world.switch.hang_up(UUID)
            world.clock.sleep(0.1)
            assert world.audio() == []

    scene(scenario)


def test_P12_the_order_to_delete_is_given_again_if_somebody_takes_it_back(scene):
    def scenario(world):
        world.switch.forbids = True
        with server(world) as running:
            hand_on(world)
            del world.switch.variables[UUID]["RECORD_MIN_SEC"]
            world.clock.sleep(SWEEPS)
            running.kill()
            record_for(world, 1.0, f"{world.other}/x.wav")
            assert world.audio() == []

    scene(scenario)


@pytest.mark.parametrize("where", ["staging", "other"])
@pytest.mark.parametrize("seconds", [0.1, 2.5])
def test_P12_what_was_recorded_before_we_had_the_call_goes_with_it(scene, where, seconds):
    """Begun and ended in the dialplan, or at a desk that the call comes back from; its name does not say whose it is."""

    def scenario(world):
        with server(world):
            world.switch.begin(UUID)
            path = f"{world.directory}/{where}/early.wav"
            record_for(world, seconds, path)
            assert len(world.audio()) == 1
            receipt = world.call().discard(world.cause())
            assert [(f.path, f.how, f.late) for f in receipt.files] == [(path, "deleted", False)]
            assert world.audio() == []

    scene(scenario)


def test_P12_what_is_heard_of_only_after_the_discard_goes_as_well(scene):
    """It was recorded before, but the news were still on their way."""

    def scenario(world):
        with server(world):
            world.switch.begin(UUID)
            record_for(world, 0.0, f"{world.other}/early.wav")
            world.call().discard(world.cause())
            world.clock.sleep(0.1)
            assert world.audio() == []
            assert [f.how for f in world.receipt().files] == ["deleted"]

    scene(scenario)


def test_P12_heard_by_one_process_discarded_by_another(scene):
    """The one that listens was killed; and the call comes to another worker, which heard nothing."""

    def scenario(world):
        first = Server(world)
        world.switch.begin(UUID)
        path = f"{world.other}/early.wav"
        record_for(world, 1.0, path)
        first.kill()
        world.restart("node-b")
        assert [f.path for f in world.call().discard(world.cause()).files] == [path]
        assert world.audio() == []

    scene(scenario)


def test_a_recording_that_others_have_moved_on_is_not_missed(scene):
    def scenario(world):
        with server(world):
            world.switch.begin(UUID)
            record_for(world, 1.0, f"{world.other}/early.wav")
            (world.directory / "other" / "early.wav").unlink()
            assert world.call().discard(world.cause()).files == ()

    scene(scenario)


def test_P12_what_was_recorded_before_out_of_our_sight_is_loud(scene):
    def scenario(world):
        world.switch.where = lambda path: path.replace("/other/", "/elsewhere/")
        with server(world):
            world.switch.begin(UUID)
            record_for(world, 1.0, f"{world.other}/early.wav")
            with pytest.raises(DiscardFailed, match="was never found here"):
                world.call().discard(world.cause())

    scene(scenario)


def test_what_was_heard_is_forgotten_after_a_day(world):
    journal = world.service.tools.journal
    journal.hearsay.hear([(OTHER, f"{world.other}/x.wav")])
    for hours, left in ((23, [f"{world.other}/x.wav"]), (2, [])):
        world.later(hours=hours)
        world.service.sweeper.sweep()
        assert journal.hearsay.of(OTHER) == left


def test_recordings_of_other_calls_are_left_alone(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            world.switch.begin(OTHER)
            record_for(world, 1.0, f"{world.other}/x.wav", uuid=OTHER)
            live = world.call("22222222-2222-4333-8444-555555555555")
            path = live.start()
            world.clock.sleep(SWEEPS)
            assert len(world.audio(OTHER)) == 1
            assert live.recording == (path,)
            assert world.service.tools.journal.load(OTHER).entries == ()

    scene(scenario)


def test_a_database_that_is_away_is_asked_again(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            read = world.database.read
            world.database.read = Mock(side_effect=DatabaseFailed("away"))
            record_for(world, 1.0, f"{world.other}/x.wav")
            world.switch.hang_up(UUID)
            world.clock.sleep(60)
            assert len(world.audio()) == 1
            world.database.read = read
            world.clock.sleep(2)
            assert world.audio() == []

    scene(scenario)


def test_P12_a_fault_of_ours_loses_no_later_news(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            sweeper = world.service.sweeper
            hear, sweeper.hear = sweeper.hear, Mock(side_effect=ZeroDivisionError)
            record_for(world, 1.0, f"{world.directory}/staging/x.wav")
            assert sweeper.hear.called
            sweeper.hear = hear
            record_for(world, 1.0, f"{world.directory}/staging/y.wav")
            world.switch.hang_up(UUID)
            world.clock.sleep(0.1)
            assert world.audio() == []

    scene(scenario)


def test_P12_a_journal_that_can_not_be_written_keeps_no_audio(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            repair = fail_database(world)
            record_for(world, 1.0, f"{world.other}/x.wav")
            assert world.audio() == []
            repair()
            world.clock.sleep(SWEEPS * 2)
            assert not world.service.tools.journal.load(UUID).intent.open

    scene(scenario)


def test_P12_a_call_that_we_still_have_but_whose_own_connection_says_nothing(scene):
    def scenario(world):
        with server(world):
            call = world.call()
            call.discard(world.cause())
            world.calls.clear()  # its events don't come any more
            record_for(world, 1.0, f"{world.other}/x.wav")
            world.clock.sleep(0.1)
            assert world.audio() == []
            assert call.receipt == world.receipt()
            assert [f.late for f in call.receipt.files] == [True]

    scene(scenario)


@pytest.mark.parametrize("forbids", [True, False])
def test_P12_told_by_the_calls_own_connection_and_by_the_event_socket_of_another_process(
    world, forbids
):
    """One process has the call, another listens: one recording is one more on the receipt, whoever is first."""
    world.switch.forbids = forbids
    call = world.call()
    call.discard(world.cause())
    world.calls.clear()
    other = world.make("node-a").sweeper
    path = f"{world.other}/x.wav"
    world.switch.uuid_record(UUID, "start", path)
    counted = metrics.LATE_RECORDINGS._value.get()
    other.noticed(UUID, path, None)
    assert world.audio() == []
    call.noticed_start(path, 0.0)
    cause = "input-too-short" if forbids else "success-maxtime"
    call.noticed_stop(path, 0.0, cause)
    other.noticed(UUID, path, cause)
    assert world.receipt().revision == 2
    assert [(f.path, f.late) for f in world.receipt().files] == [(path, True)]
    assert metrics.LATE_RECORDINGS._value.get() - counted == 1
    world.switch.hang_up(UUID)
    assert call.finish().state == "discarded"
    assert world.receipt().revision == 2


def test_a_path_that_may_not_be_touched_is_loud_once_for_its_beginning_and_end(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            refused = metrics.LATE_RECORDINGS._value.get()
            record_for(world, 1.0, f"{world.directory}/elsewhere/x.wav")
            world.clock.sleep(0.1)
            assert metrics.LATE_RECORDINGS._value.get() - refused == 1
            assert "lies in none of the recording directories" in (
                world.service.tools.journal.load(UUID).intent.error
            )

    scene(scenario)


def test_a_recording_out_of_our_sight_is_loud(scene):
    """FreeSWITCH records to its own disk, which is not ours."""

    def scenario(world):
        world.switch.where = lambda path: path.replace("/other/", "/elsewhere/")
        with server(world):
            hand_on(world)
            record_for(world, 0.0, f"{world.other}/x.wav", stop=False)
            world.clock.sleep(0.1)
            assert "was never found here" in world.service.tools.journal.load(UUID).intent.error

    scene(scenario)


def test_a_recording_that_freeswitch_has_deleted_before_we_looked_is_on_the_receipt(scene):
    def scenario(world):
        world.switch.forbids = True
        with server(world):
            hand_on(world)
            path = f"{world.other}/x.wav"
            world.switch.uuid_record(UUID, "start", path)
            world.switch.uuid_record(UUID, "stop", path)
            world.clock.sleep(0.1)
            assert [(f.path, f.how) for f in world.receipt().files][1:] == [
                (path, "removed by FreeSWITCH")
            ]
            assert world.receipt().complete

    scene(scenario)


def test_the_first_sweep_waits_for_freeswitch_but_not_for_ever(scene):
    def scenario(world):
        died(world)
        world.clock.sleep(61)
        world.switch.asked.clear()
        with server(world):
            assert world.receipt().complete
        world.faults = NO_FAULTS
        opened = world.service.tools.journal.open_discard
        opened(OTHER, SWITCH, world.cause())
        world.clock.sleep(61)
        world.reachable = False
        with server(world):
            assert world.service.tools.journal.load(OTHER).intent.attempts == 0
            world.clock.sleep(3)
            assert world.service.tools.journal.load(OTHER).intent.attempts == 1
            world.reachable = True
            world.clock.sleep(5)
            assert world.receipt(OTHER).complete

    lines = scene(scenario)
    assert 1 == [line["event"] for line in lines].count("recordings not discarded")


def test_the_watch_ends_with_the_call(scene):
    def scenario(world):
        with server(world):
            hand_on(world)
            world.switch.hang_up(UUID)
            world.clock.sleep(SWEEPS + 1)
            assert not world.service.tools.journal.load(UUID).intent.watch
            asked = len(world.switch.asked)
            world.clock.sleep(SWEEPS * 2)
            assert [a for a in world.switch.asked[asked:] if UUID in a] == []
            assert Path(world.staging).is_dir()

    scene(scenario)

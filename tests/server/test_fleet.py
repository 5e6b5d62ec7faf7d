"""What the parent decides, on a clock of the test's: starts, restarts, a crash loop, the limit, a drain."""

import random

import pytest

from fsflows.server.fleet import fleet
from fsflows.server.fleet.fleet import Fleet
from fsflows.server.fleet.orders import Booted, Exit, Give, Kill, Read, Say, Shut, Start, Tell
from fsflows.server.node.roles import roles

HEARTBEAT = 20.0
DRAIN = 60.0


class Playing:
    """A fleet whose processes are played: orders as short texts."""

    def __init__(self, workers=2):
        self.now = 100.0
        self.fleet = Fleet(roles(workers), HEARTBEAT, DRAIN)
        self.did = []
        self.said = []
        self.take(self.fleet.begin(self.now))

    def take(self, orders):
        for order in orders:
            match order:
                case Start(number):
                    self.did.append(f"start {number}")
                case Kill(number):
                    self.did.append(f"kill {number}")
                case Give(number, name):
                    self.did.append(f"give {number} {name}")
                case Shut(dismiss):
                    self.did.append("shut, dismissing" if dismiss else "shut")
                case Read(edition):
                    self.did.append(f"read {edition}")
                case Booted():
                    self.did.append("booted")
                case Exit(status, text):
                    self.did.append(f"exit {status}{': ' * bool(text)}{text}")
                case Say(_, event, fields):
                    self.said.append((event, fields))
                case Tell(number, message) if message["what"] != "node":
                    self.did.append(f"tell {number} {message['what']}")

    def heard(self, number, what, **more):
        self.take(self.fleet.heard(number, {"what": what, **more}, self.now))

    def beat(self, number, **more):
        self.heard(number, "beat", **more)

    def serve(self, number):
        if self.fleet.members[number].takes_calls:
            self.heard(number, "socket", name="calls")
        self.heard(number, "ready")

    def died(self, number, status):
        self.take(self.fleet.died(number, status, self.now))

    def stop(self, how, **more):
        self.take(self.fleet.stop(how, self.now, **more))

    def wait(self, seconds, *, beating=()):
        """Let time pass; the workers named give signs of life."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 0.5)
            for number in beating:
                news = self.fleet.members[number].news | {"what": "beat"}
                self.take(self.fleet.heard(number, news, self.now))
            self.take(self.fleet.tick(self.now))

    def done(self):
        """What was done since the last look."""
        did, self.did = self.did, []
        return did


@pytest.fixture
def up():
    """An office and two workers that serve."""
    playing = Playing()
    for number in range(3):
        playing.serve(number)
    assert [
        "start 0",
        "start 1",
        "start 2",
        "give 1 calls",
        "give 2 calls",
        "booted",
    ] == playing.done()
    return playing


# --- starting ---------------------------------------------------------------------------------------------------------


def test_one_worker_does_everything_itself():
    playing = Playing(workers=1)
    assert "all" == playing.fleet.members[0].role
    playing.heard(0, "socket", name="console")
    playing.serve(0)
    assert ["start 0", "give 0 console", "give 0 calls", "booted"] == playing.done()


def test_the_first_one_is_started_alone_so_that_what_is_wrong_is_said_once():
    playing = Playing()
    playing.wait(10)
    assert ["start 0"] == playing.done()
    playing.died(0, 2)
    playing.wait(60)
    assert ["exit 2"] == playing.done()


def test_a_crash_at_each_start_is_given_up():
    playing = Playing(workers=1)
    for _ in range(3):
        playing.died(0, -11)
        playing.wait(5)
    assert [
        "start 0",
        "start 0",
        "start 0",
        "exit 1: a worker ended with signal 11 at each of 3 starts: giving up. What it said stands above.",
    ] == playing.done()


def test_who_fails_while_another_one_takes_calls_already_ends_no_server():
    playing = Playing()
    playing.serve(0)
    playing.serve(1)
    playing.done()
    playing.died(2, 1)
    playing.wait(0.5, beating=(0, 1))
    assert ["start 2"] == playing.done()


def test_a_crash_at_boot_that_does_not_come_again_is_no_end():
    playing = Playing(workers=1)
    playing.died(0, -9)
    playing.wait(1)
    playing.serve(0)
    assert ["start 0", "start 0", "give 0 calls", "booted"] == playing.done()


def test_a_start_that_takes_for_ever_is_ended():
    playing = Playing(workers=1)
    playing.wait(fleet.START_LIMIT - 1)
    assert ["start 0"] == playing.done()
    playing.wait(2)
    assert ["kill 0"] == playing.done()


# --- dying ------------------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_started_again_at_once_and_later_each_time(up):
    starts = []
    for _ in range(9):
        up.died(1, -9)
        since = up.now
        while "start 1" not in up.done():
            up.wait(0.5, beating=(0, 2))
        starts.append(up.now - since)
        up.serve(1)
        up.done()
    assert [0.5, 0.5, 1.0, 2.0, 4.0, 8.0] == starts[:6]
    assert max(starts) <= fleet.SLOWEST + 0.5
    assert 9 == up.fleet.restarts
    up.wait(fleet.FORGET + 1, beating=(0, 1, 2))
    up.died(1, -9)
    up.wait(0.5, beating=(0, 2))
    assert ["start 1"] == up.done()


def test_flows_that_no_longer_load_end_no_server_that_runs(up):
    up.died(1, 1)
    up.wait(0.5, beating=(0, 2))
    up.died(1, 1)
    up.wait(10, beating=(0, 2))
    assert ["start 1", "start 1"] == up.done()


def test_a_worker_without_a_sign_of_life_is_ended_once_and_begun_again(up):
    up.wait(HEARTBEAT, beating=(0, 1))
    assert [] == up.done()
    up.wait(1, beating=(0, 1))
    assert ["kill 2"] == up.done()
    up.wait(5, beating=(0, 1))
    assert [] == up.done()
    up.died(2, -9)
    up.wait(0.5, beating=(0, 1))
    assert ["start 2"] == up.done()
    assert ("a worker is ended", {"worker": 2, "why": "no sign of life for 20 s"}) in up.said


# --- the socket -------------------------------------------------------------------------------------------------------


def test_it_is_closed_when_all_are_full_and_opened_when_one_has_room(up):
    up.beat(1, full=True)
    assert [] == up.done()
    up.beat(2, full=True)
    assert ["shut", "tell 1 shut", "tell 2 shut"] == up.done()
    up.beat(1, full=True)
    up.beat(2, full=True)
    assert [] == up.done()
    up.beat(2, full=False)
    assert ["give 2 calls"] == up.done()
    up.beat(1, full=False)
    assert ["give 1 calls"] == up.done()
    up.beat(2, full=True)
    assert [] == up.done(), "the other one takes what comes"


def test_nobody_there_to_accept_is_like_full():
    up = Playing(workers=1)
    up.serve(0)
    up.done()
    up.died(0, -9)
    assert ["shut, dismissing"] == up.done(), "FreeSWITCH goes to its next host"
    up.wait(0.5)
    up.serve(0)
    assert ["start 0", "give 0 calls"] == up.done()


def test_an_office_that_dies_takes_no_socket_away(up):
    up.died(0, -9)
    up.wait(0.5, beating=(1, 2))
    assert ["start 0"] == up.done()


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_drain_closes_the_socket_first_and_the_office_last(up):
    up.beat(1, calls=2)
    up.stop("SIGTERM")
    assert ["shut", "tell 1 stop", "tell 2 stop"] == up.done()
    up.died(2, 0)
    up.wait(11, beating=(0, 1))
    assert [("still running", {"calls": 2})] * 2 == up.said[-2:]
    assert [] == up.done()
    up.heard(1, "left", cut_off=1)
    up.died(1, 0)
    assert ["tell 0 stop"] == up.done()
    up.died(0, 0)
    assert ["exit 0"] == up.done()
    assert ("stopped", {"cut_off": 1}) == up.said[-1]


def test_who_does_not_end_after_the_drain_is_ended(up):
    up.stop("SIGTERM")
    up.died(2, 0)
    up.done()
    up.wait(DRAIN + fleet.GRACE - 1, beating=(0, 1))
    assert [] == up.done()
    up.wait(2, beating=(0, 1))
    assert ["kill 0", "kill 1"] == up.done()


def test_SIGINT_hurries_and_again_cuts(up):
    up.stop("SIGTERM")
    up.done()
    up.stop("SIGINT")
    assert ["tell 0 hurry", "tell 1 hurry", "tell 2 hurry"] == up.done()
    up.stop("SIGINT")
    assert ["tell 0 cut", "tell 1 cut", "tell 2 cut"] == up.done()


def test_a_worker_that_dies_during_a_drain_is_not_begun_again(up):
    up.stop("SIGTERM")
    up.died(1, -9)
    up.wait(5, beating=(0, 2))
    assert not [each for each in up.done() if each.startswith("start")]


def test_a_stop_while_starting():
    playing = Playing()
    playing.stop("SIGTERM")
    assert ["start 0", "kill 0"] == playing.done(), "no call can be on it"
    playing.died(0, -9)
    assert ["exit 0"] == playing.done()


def test_a_stop_while_one_is_started_again(up):
    up.died(1, -9)
    up.wait(0.5, beating=(0, 2))
    up.done()
    up.stop("SIGTERM")
    assert ["shut", "kill 1", "tell 2 stop"] == up.done()
    up.died(1, -9)
    up.died(2, 0)
    up.died(0, 0)
    assert ["tell 0 stop", "exit 0"] == up.done()


def test_a_stop_while_one_that_starts_has_the_socket_already():
    playing = Playing(workers=1)
    playing.heard(0, "socket", name="calls")
    playing.done()
    playing.stop("SIGTERM")
    assert ["shut", "tell 0 stop"] == playing.done(), "it may have a call"


def test_flows_are_read_again_when_every_worker_has(up):
    assert not up.fleet.editions.open
    up.take(up.fleet.reload())
    assert ["read 1", "tell 0 reload"] == up.done(), "the office first: it has no calls"
    for number in range(3):
        assert up.fleet.editions.open
        up.heard(number, "reloaded", edition=1)
    assert ["tell 1 reload", "tell 2 reload"] == up.done()
    assert not up.fleet.editions.open


def test_a_worker_that_ends_over_its_flows_is_begun_again_with_the_old_ones(up):
    up.take(up.fleet.reload())
    up.done()
    up.died(0, -9)
    up.wait(1.0, beating=(1, 2))
    assert "flows not loaded; the old ones stay" in [event for event, _ in up.said]
    up.serve(0)
    assert ["start 0"] == up.done()


def test_a_server_that_stops_reads_nothing_more(up):
    up.stop("SIGTERM")
    up.done()
    up.take(up.fleet.reload())
    assert [] == up.done()
    assert not up.fleet.editions.open


def test_a_stop_while_flows_are_loaded_again_is_no_fault_of_theirs(up):
    """They are loaded in turns with the calls: a worker that is told to stop does not finish that first."""
    up.take(up.fleet.reload())
    up.take(up.fleet.reload())  # once more behind it
    up.stop("SIGTERM")
    up.done()
    up.said.clear()
    assert not up.fleet.editions.open
    for number in (1, 2):
        up.died(number, 0)
    up.died(0, 0)
    assert ["tell 0 stop", "exit 0"] == up.done(), "and nothing is read for a server that ends"
    assert ["stopped"] == [event for event, _ in up.said]
    assert "flows" not in up.fleet.status


def test_one_that_has_just_started_when_the_server_stops_loads_nothing(up):
    up.died(2, -9)
    up.wait(1.0, beating=(0, 1))
    up.take(up.fleet.reload())
    up.stop("SIGTERM")
    up.done()
    up.serve(2)
    assert "tell 2 reload" not in up.done()


def test_a_problem_is_known_to_all_until_it_is_mended(up):
    up.take(up.fleet.reload())
    up.heard(0, "reloaded", edition=1, problem="broken")
    assert "broken" == up.fleet.node(up.now)["flows"]
    up.died(1, -9)
    assert "broken" == up.fleet.node(up.now)["flows"], "whoever is started again has not mended it"


def test_how_all_are_in_a_few_words(up):
    assert "0 calls" == up.fleet.status
    up.beat(1, calls=1)
    assert "1 call" == up.fleet.status
    up.beat(2, calls=2)
    up.take(up.fleet.reload())
    up.heard(0, "reloaded", edition=1, problem="broken")
    assert "3 calls, the flows on disk can't be loaded" == up.fleet.status
    up.stop("SIGTERM")
    assert "3 calls, the flows on disk can't be loaded, stopping" == up.fleet.status


def test_a_worker_that_could_not_take_the_socket_is_given_it_again(up):
    for number in (1, 2):
        up.heard(number, "lost")
    assert ["shut, dismissing"] == up.done()[-1:]
    up.beat(1, full=True)
    up.beat(1, full=False)
    assert ["give 1 calls"] == up.done()


def test_who_hands_over_leaves_the_sockets_to_the_other(up):
    up.stop("SIGTERM", handed_over=True)
    assert ["shut", "tell 0 shut", "tell 1 stop", "tell 2 stop"] == up.done()


# --- anything at all ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_no_socket_is_open_that_nobody_looks_at(seed):
    dice = random.Random(seed)
    playing = Playing(workers=dice.choice([1, 2, 3]))
    for step in range(400):
        members = playing.fleet.members
        member = dice.choice(members)
        if member.state == "starting" and dice.random() < 0.7:
            playing.serve(member.number)
        elif member.state == "serving":
            playing.beat(member.number, full=dice.random() < 0.5, calls=dice.randrange(5))
        if member.state != "down" and dice.random() < 0.05:
            playing.died(member.number, dice.choice([-9, -11, 70]))
        if step == 350 and dice.random() < 0.5:
            playing.stop(dice.choice(["SIGTERM", "SIGINT"]))
        playing.wait(dice.choice([0.0, 0.5, 3.0]))
        if any(each.startswith("exit") for each in playing.did):
            break
        holders = [each for each in members if each.holds]
        node = playing.fleet.node(playing.now)
        assert node["open"] <= any(not each.full for each in holders), "open, and nobody takes"
        room = [m for m in members if m.takes_calls and m.state == "serving" and not m.full]
        if not playing.fleet.how:
            assert node["open"] >= bool(room), "closed, and somebody would take"
        assert playing.fleet.due(playing.now) >= playing.now

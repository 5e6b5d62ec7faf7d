"""Calls that we make, in virtual time: turns, outcomes, an event socket that goes away."""

import uuid

import pytest

from fsflows.archive.endings import Reason, Result
from fsflows.clock import VirtualClock
from fsflows.dialling import Dialler, NotDialling, Outcome, Phase, Plan, TooMany, Wanted
from fsflows.dialling.attempt import CAUSES, ending_of
from fsflows.dialling.dialler import AWAY, KEPT
from fsflows.dialling.under_way import GRACE, LOOK
from fsflows.esl.event import Event
from fsflows.esl.link import LinkClosed, Reply
from fsflows.esl.supervised import FreeSwitch, FreeSwitches
from fsflows.log import capture
from fsflows.switch.originate import parse_originate

PLAN = Plan(endpoint="sofia/gateway/gw/{number}", socket="127.0.0.1:8084", caller_number="4420")


class Switch:
    """A FreeSWITCH whose callees do what a test says: `script` is (seconds, event name or -ERR/+OK, headers) each."""

    def __init__(self, clock):
        self.clock = clock
        self.scripts = {}
        self.dialled = []
        self.there = set()
        self.inbox = None
        self.up = True
        self.deaf = False
        self.killed = []
        self.begins = 0.0  # seconds after it was told to

    def connect(self):
        if not self.up:
            raise ConnectionError("connection refused")
        self.inbox = self.clock.mailbox()
        return self

    def request(self, command, timeout=5.0):
        if not self.up:
            raise LinkClosed("FreeSWITCH closed the connection")
        name, _, args = command.args.partition(" ")
        if command.verb == "bgapi":
            self.clock.spawn(self._play, parse_originate(args), command.headers["job-uuid"])
            return Reply("+OK Job-UUID: x", {})
        if name == "uuid_exists":
            return Reply("true" if args in self.there else "false", {})
        if name == "uuid_kill":
            if args.split()[0] not in self.there:
                return Reply("-ERR No such channel!", {})
            self.killed.append(args)
            self.there.discard(args.split()[0])
            self.event("CHANNEL_HANGUP_COMPLETE", args.split()[0], Hangup_Cause=args.split()[1])
            return Reply("+OK", {})
        return Reply({"switchname": "fs1"}.get(name, "core-1"), {})

    def subscribe(self, names):
        pass

    def receive(self, until=None):
        event = self.inbox.get(until)
        if event == "end":
            raise LinkClosed("FreeSWITCH closed the connection")
        return event

    def close(self):
        pass

    def lose(self, *, back=True):
        self.up = back
        self.inbox.put("end")

    def event(self, name, call_id, **headers):
        if not self.deaf:
            made = {"Event-Name": name, "Unique-ID": call_id}
            made |= {
                key.replace("_", "-") if key[0].isupper() else key: value
                for key, value in headers.items()
            }
            self.inbox.put(Event.from_headers(made))

    def _play(self, wanted, job):
        number = wanted.target.rpartition("/")[2]
        call_id = wanted.variables["origination_uuid"]
        self.dialled.append((round(self.clock.now(), 3), number, call_id, wanted))
        self.clock.sleep(self.begins)
        self.there.add(call_id)
        for seconds, what, headers in self.scripts.get(
            number, [(1.0, "-ERR UNALLOCATED_NUMBER", {})]
        ):
            self.clock.sleep(seconds)
            if what[0] in "+-":
                if what[0] == "-":
                    self.there.discard(call_id)
                made = {"Event-Name": "BACKGROUND_JOB", "Job-UUID": job}
                self.inbox.put(Event.from_headers(made, what + "\n"))
                continue
            if what == "CHANNEL_HANGUP_COMPLETE":
                self.there.discard(call_id)
            self.event(what, call_id, **headers)


RING = (0.5, "CHANNEL_PROGRESS", {})
ANSWER = [RING, (4.0, "CHANNEL_ANSWER", {}), (0.0, "+OK x", {})]


def over(seconds, state="taken", cause="NORMAL_CLEARING"):
    return (
        seconds,
        "CHANNEL_HANGUP_COMPLETE",
        {"Hangup_Cause": cause, "variable_fsflows_dial_state": state},
    )


@pytest.fixture
def clock():
    return VirtualClock()


class World:
    def __init__(self, clock, **limits):
        self.clock = clock
        self.switch = Switch(clock)
        self.kept = []
        switches = FreeSwitches(
            [FreeSwitch("fs:8021", self.switch.connect, clock, chance=lambda: 0.5)], clock
        )
        self.switches = switches
        self.dialler = Dialler(
            PLAN, switches, clock, self.kept.append, "node-a", **{"per_second": 100.0, **limits}
        )

    def run(self, scenario):
        def whole():
            self.switches.start()
            self.switches.wait(1.0)
            self.dialler.start()
            try:
                return scenario()
            finally:
                self.dialler.stop()
                self.switches.close()

        return self.clock.run(whole)

    def settled(self, attempt, seconds=100.0):
        until = self.clock.now() + seconds
        while attempt.phase is not Phase.OVER and self.clock.now() < until:
            self.clock.sleep(0.1)
        return attempt


@pytest.fixture
def world(clock):
    return World(clock)


def dial(number="1000", **more):
    return Wanted(number=number, flow="survey", **more)


OUTCOMES = [
    ([RING, *ANSWER[1:], over(20)], Outcome.ANSWERED, "NORMAL_CLEARING", None),
    ([*ANSWER, over(6, "machine")], Outcome.MACHINE, "NORMAL_CLEARING", None),
    ([RING, (2.0, "-ERR USER_BUSY", {})], Outcome.BUSY, "USER_BUSY", (Result.UNANSWERED, Reason.BUSY)),
    ([RING, (30.0, "-ERR NO_ANSWER", {})], Outcome.NO_ANSWER, "NO_ANSWER", (Result.UNANSWERED, Reason.NO_ANSWER)),
    ([(1, "-ERR CALL_REJECTED", {})], Outcome.REJECTED, "CALL_REJECTED", (Result.UNANSWERED, Reason.REJECTED)),
    ([(1, "-ERR UNALLOCATED_NUMBER", {})], Outcome.UNREACHABLE, "UNALLOCATED_NUMBER", (Result.UNANSWERED, Reason.UNREACHABLE)),
    ([(1, "-ERR RECOVERY_ON_TIMER_EXPIRE", {})], Outcome.UNREACHABLE, "RECOVERY_ON_TIMER_EXPIRE", (Result.UNANSWERED, Reason.UNREACHABLE)),
    ([RING, (1, "-ERR RECOVERY_ON_TIMER_EXPIRE", {})], Outcome.NO_ANSWER, "RECOVERY_ON_TIMER_EXPIRE", (Result.UNANSWERED, Reason.NO_ANSWER)),
    ([(1, "-ERR GATEWAY_DOWN", {})], Outcome.FAILED, "GATEWAY_DOWN", (Result.FAILED, Reason.DIAL_FAILED)),
    ([(1, "-USAGE: <call url> ...", {})], Outcome.FAILED, "-USAGE: <call url> ...", (Result.FAILED, Reason.DIAL_FAILED)),
    ([*ANSWER, over(0.1, "")], Outcome.FAILED, "answered, but our server did not take the call (NORMAL_CLEARING)", (Result.FAILED, Reason.DIAL_FAILED)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "outcome", "cause", "ending"), OUTCOMES, ids=lambda value: str(value)[:40]
)
def test_what_comes_of_a_call(world, script, outcome, cause, ending):
    world.switch.scripts["1000"] = script
    attempt = world.run(lambda: world.settled(world.dialler.call(dial())))
    assert (Phase.OVER, outcome, cause) == (attempt.phase, attempt.outcome, attempt.cause)
    if ending is None:
        assert [] == world.kept, "the conversation wrote it"
        return
    (record,) = world.kept
    assert ending == (record.result, record.reason)
    assert (attempt.id, "outbound", "1000", "4420", "survey", "node-a") == (
        record.call_id, record.direction, record.callee, record.caller, record.flow, record.node,
    )  # fmt: skip
    assert outcome == record.outcome
    assert outcome == record.as_json()["outcome"]


def test_every_outcome_has_an_ending():
    for outcome in set(Outcome) - {Outcome.ANSWERED}:
        result, reason = ending_of(outcome)
        assert result in (Result.UNANSWERED, Result.FAILED)
        assert reason.value in (outcome.value, "dial_failed")
    assert set(CAUSES.values()) < set(Outcome)


def test_it_is_told_how_far_a_call_has_come(world):
    world.switch.scripts["1000"] = [*ANSWER, over(3)]

    def scenario():
        attempt = world.dialler.call(dial())
        seen = []
        while attempt.phase is not Phase.OVER:
            if not seen or seen[-1] != attempt.phase:
                seen.append(attempt.phase)
            world.clock.sleep(0.05)
        assert attempt is world.dialler.find(attempt.id)
        assert world.dialler.find("x") is None
        return seen

    assert [Phase.WAITING, Phase.DIALLING, Phase.RINGING, Phase.ANSWERED] == world.run(scenario)


def test_so_many_a_second_and_so_many_at_once(clock):
    world = World(clock, per_second=2.0, at_once=3)
    for n in range(8):
        world.switch.scripts[f"{1000 + n}"] = [RING, (9.5, "-ERR NO_ANSWER", {})]

    def scenario():
        began = clock.now()
        attempts = [world.dialler.call(dial(f"{1000 + n}")) for n in range(8)]
        for attempt in attempts:
            world.settled(attempt)
        return [round(at - began, 1) for at, *_ in world.switch.dialled]

    begun = world.run(scenario)
    assert [0.0, 0.5, 1.0] == begun[:3]
    assert [10.0, 10.5, 11.0] == begun[3:6], "three at once, each ten seconds"
    assert [f"{1000 + n}" for n in range(8)] == [number for _, number, *_ in world.switch.dialled]


def test_more_than_may_wait_are_told_when_to_come_again(clock):
    world = World(clock, per_second=0.5, waiting=3)

    def scenario():
        clock.sleep(1.0)
        for n in range(3):
            world.dialler.call(dial(f"{n}"))
        with pytest.raises(TooMany) as caught:
            world.dialler.call(dial("9"))
        return caught.value.retry_after

    assert 6.0 == world.run(scenario)


def test_without_freeswitch_nothing_is_promised(world):
    def scenario():
        world.switch.lose(back=False)
        world.clock.sleep(1.0)
        with pytest.raises(NotDialling, match="no FreeSWITCH can be reached"):
            world.dialler.call(dial())

    world.run(scenario)
    assert [] == world.kept


def test_a_freeswitch_that_is_about_to_be_connected_is_waited_for(world):
    def scenario():
        world.switch.lose()
        world.clock.sleep(0.01)
        assert not next(iter(world.switches)).connected
        return world.settled(world.dialler.call(dial()))

    assert Outcome.UNREACHABLE is world.run(scenario).outcome


def test_a_call_that_can_not_be_made_is_refused_at_once(world):
    def scenario():
        for wrong in (dial("ada"), Wanted(number="1", flow="a b"), dial(state={"a": object()})):
            with pytest.raises(ValueError):
                world.dialler.call(wrong)

    world.run(scenario)
    assert [] == world.switch.dialled


@pytest.mark.parametrize("after", [0.01, 1.0, 8.0])
def test_a_call_is_ended(world, after):
    world.switch.scripts["1000"] = (
        [*ANSWER, over(60)] if after > 5 else [RING, (60.0, "-ERR NO_ANSWER", {})]
    )

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(after)
        assert world.dialler.hang_up(attempt.id)
        if after < 5:  # what originate prints then
            job = next(iter(world.switches._switches[0]._jobs), None)
            made = {"Event-Name": "BACKGROUND_JOB", "Job-UUID": job or ""}
            world.switch.inbox.put(Event.from_headers(made, "-ERR MANAGER_REQUEST\n"))
        world.settled(attempt)
        assert not world.dialler.hang_up(attempt.id)
        return attempt

    attempt = world.run(scenario)
    assert (Phase.OVER, Outcome.FAILED) == (attempt.phase, attempt.outcome)
    assert [f"{attempt.id} MANAGER_REQUEST"] == world.switch.killed


def test_a_call_is_ended_that_freeswitch_is_just_about_to_begin(world):
    world.switch.begins = 0.02
    world.switch.scripts["1000"] = [*ANSWER, over(60)]

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(0.001)
        assert world.dialler.hang_up(attempt.id)
        return attempt

    attempt = world.run(scenario)
    assert [f"{attempt.id} MANAGER_REQUEST"] == world.switch.killed


def test_a_call_that_waits_is_ended(clock):
    world = World(clock, at_once=1)
    world.switch.scripts["1"] = [(30.0, "-ERR NO_ANSWER", {})]

    def scenario():
        world.dialler.call(dial("1"))
        clock.sleep(1.0)
        waits = world.dialler.call(dial("2"))
        assert world.dialler.hang_up(waits.id)
        return waits

    assert (Phase.OVER, Outcome.FAILED) == ((waits := world.run(scenario)).phase, waits.outcome)
    assert ["1"] == [number for _, number, *_ in world.switch.dialled]


def test_the_event_socket_goes_away_and_comes_back_during_a_call(world):
    world.switch.scripts["1000"] = [*ANSWER, over(60)]

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(10)
        world.switch.lose()
        return world.settled(attempt)

    assert Outcome.ANSWERED is world.run(scenario).outcome


@pytest.mark.parametrize("answered", [False, True])
def test_an_end_that_nobody_told_us_of_is_found(world, answered):
    script = [*ANSWER, over(10)] if answered else [(15.0, "-ERR USER_BUSY", {})]
    world.switch.scripts["1000"] = script

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(5)
        world.switch.lose(back=False)
        world.clock.sleep(20)
        world.switch.there.clear()
        world.switch.up = True
        world.switch.deaf = True
        return world.settled(attempt, 10 * LOOK)

    attempt = world.run(scenario)
    assert "its end was not seen" == attempt.cause
    assert (Outcome.ANSWERED if answered else Outcome.FAILED) is attempt.outcome
    # If a conversation has written its record, or does, that one stays: both have the call's id.
    assert [attempt.id] == [record.id for record in world.kept]


def test_an_originate_that_says_nothing(world):
    world.switch.scripts["1000"] = [(10_000.0, "+OK", {})]

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(PLAN.ring_timeout + GRACE + 1)
        world.switch.there.clear()
        return world.settled(attempt)

    assert Outcome.FAILED is world.run(scenario).outcome


def test_early_media_is_ringing(world):
    world.switch.scripts["1000"] = [
        (0.5, "CHANNEL_PROGRESS_MEDIA", {}),
        RING,
        (5.0, "-ERR USER_BUSY", {}),
    ]

    def scenario():
        attempt = world.dialler.call(dial())
        world.clock.sleep(2.0)
        phase = attempt.phase
        world.settled(attempt)
        return phase

    assert Phase.RINGING is world.run(scenario)


def test_the_log_says_what_happens_with_the_calls_id(world):
    world.switch.scripts["1000"] = [RING, (1.0, "-ERR USER_BUSY", {})]
    with capture("info") as lines:
        attempt = world.run(lambda: world.settled(world.dialler.call(dial())))
    said = [line for line in lines if line["part"] == "dialling"]
    assert ["call asked for", "it rings", "call over"] == [line["event"] for line in said]
    assert {attempt.id} == {line["call"] for line in said}


def test_calls_of_long_ago_are_forgotten(clock):
    world = World(clock, per_second=1e6, at_once=5000, waiting=5000)

    def scenario():
        first = world.dialler.call(dial("1"))
        for n in range(KEPT):
            world.dialler.call(dial(f"{n}"))
        clock.sleep(30)
        return world.dialler.find(first.id), len(world.dialler._over)

    assert (None, KEPT) == world.run(scenario)


def test_events_of_other_calls_are_nothing_to_us(world):
    world.switch.scripts["1000"] = [RING, (1.0, "-ERR USER_BUSY", {})]

    def scenario():
        attempt = world.dialler.call(dial())
        world.switch.event("CHANNEL_ANSWER", str(uuid.uuid4()))
        world.switch.event(
            "CHANNEL_HANGUP_COMPLETE", str(uuid.uuid4()), Hangup_Cause="NORMAL_CLEARING"
        )
        return world.settled(attempt)

    assert Outcome.BUSY is world.run(scenario).outcome


def test_calls_wait_while_there_is_no_room_for_who_answers(clock):
    gate = ["wait"]
    world = World(clock, gate=lambda: gate[0])

    def scenario():
        attempt = world.dialler.call(dial())
        clock.sleep(10.0)
        assert Phase.WAITING is attempt.phase
        gate[0] = "open"
        return world.settled(attempt)

    assert Outcome.UNREACHABLE is world.run(scenario).outcome


@pytest.mark.parametrize(("back", "outcome"), [(True, "unreachable"), (False, "failed")])
def test_calls_wait_for_a_freeswitch_that_is_started_anew(clock, back, outcome):
    gate = ["wait"]
    world = World(clock, gate=lambda: gate[0])

    def scenario():
        attempts = [world.dialler.call(dial()) for _ in range(3)]
        world.switch.lose(back=False)
        clock.sleep(1.0)
        gate[0] = "open"
        clock.sleep(AWAY - 40.0)
        assert [Phase.WAITING] * 3 == [attempt.phase for attempt in attempts]
        world.switch.up = back
        clock.sleep(100.0)
        return [attempt.outcome.value for attempt in attempts]

    assert [outcome] * 3 == world.run(scenario)


def test_a_server_that_stops_calls_nobody(clock):
    gate = ["wait"]
    world = World(clock, gate=lambda: gate[0])

    def scenario():
        attempt = world.dialler.call(dial())
        clock.sleep(1.0)
        gate[0] = "shut"
        with pytest.raises(NotDialling, match="the server stops"):
            world.dialler.call(dial())
        return world.settled(attempt)

    attempt = world.run(scenario)
    assert (Outcome.FAILED, "not called: the server stops") == (attempt.outcome, attempt.cause)
    assert not attempt.called
    assert [] == world.switch.dialled
    assert [Reason.DIAL_FAILED] == [record.reason for record in world.kept]


def test_at_its_end_what_rings_is_ended_and_what_was_answered_goes_on(clock):
    world = World(clock, at_once=2)
    world.switch.scripts["1"] = [RING, (60.0, "-ERR NO_ANSWER", {})]
    world.switch.scripts["2"] = [*ANSWER, over(60)]

    def scenario():
        attempts = [world.dialler.call(dial(number)) for number in ("1", "2", "3")]
        clock.sleep(10.0)
        world.dialler.stop()
        return attempts

    rings, answered, waits = world.run(scenario)
    assert [f"{rings.id} MANAGER_REQUEST"] == world.switch.killed
    assert (Phase.OVER, Phase.ANSWERED, Phase.OVER) == (rings.phase, answered.phase, waits.phase)
    assert {rings.id, waits.id} == {record.call_id for record in world.kept}
    assert ("the server stops", "not called: the server stops") == (rings.cause, waits.cause)


# --- that a call is made is noted before it is --------------------------------------------------------------------


class Noting:
    """Takes its time to note that a call is made."""

    def __init__(self, clock):
        self.clock = clock
        self.noted = []

    def __call__(self, builder):
        self.clock.sleep(2.0)
        self.noted.append((self.clock.now(), builder.begun()))


def test_a_call_is_noted_before_it_is_made(clock):
    noting = Noting(clock)
    world = World(clock, note=noting)
    attempt = world.run(lambda: world.settled(world.dialler.call(dial())))
    ((at, record),) = noting.noted
    ((dialled_at, _, call_id, _),) = world.switch.dialled
    assert (round(at, 3), record.call_id) == (dialled_at, call_id)
    assert (Result.FAILED, Reason.DIAL_FAILED, "failed") == (
        record.result, record.reason, record.outcome,
    )  # fmt: skip
    assert "Whether it rang, or was answered, is not known." in record.entries[0].text
    assert ("1000", "survey", "4420", "node-a") == (
        record.callee, record.flow, record.caller, record.node,
    )  # fmt: skip
    (kept,) = world.kept
    assert {record.id} == {kept.id, attempt.id}


@pytest.mark.parametrize("how", ["hang_up", "stop"])
def test_what_is_ended_while_it_is_noted_is_not_called(clock, how):
    world = World(clock, note=Noting(clock))

    def scenario():
        attempt = world.dialler.call(dial())
        clock.sleep(1.0)
        world.dialler.hang_up(attempt.id) if how == "hang_up" else world.dialler.stop()
        clock.sleep(5.0)
        return attempt

    attempt = world.run(scenario)
    assert ([], Phase.OVER, False) == (world.switch.dialled, attempt.phase, attempt.called)


def test_a_call_that_is_asked_for_twice_by_its_id_is_made_once(world):
    call_id = str(uuid.uuid4())
    attempts = []

    def scenario():
        for _ in range(3):
            attempts.append(world.dialler.call(dial(id=call_id)))
            world.settled(attempts[0], 1.0)
        world.settled(attempts[0])
        attempts.append(world.dialler.call(dial(id=call_id)))

    world.run(scenario)
    assert [call_id] == [each[2] for each in world.switch.dialled]
    assert {id(attempts[0])} == set(map(id, attempts))


def test_a_call_of_an_earlier_process_is_ended(world):
    world.switch.there.add("there")
    assert [False, True] == world.run(
        lambda: [world.dialler.hang_up(each) for each in ("gone", "there")]
    )
    assert ["there MANAGER_REQUEST"] == world.switch.killed


def test_whether_a_call_of_an_earlier_process_is_up_is_asked(world):
    world.switch.there.add("there")

    def scenario():
        found = [world.dialler.is_up("there"), world.dialler.is_up("gone")]
        world.switch.lose(back=False)
        world.clock.sleep(1.0)
        return [*found, world.dialler.is_up("there")]

    assert [True, False, False] == world.run(scenario)

"""For programs: calls that we make, and log levels."""

import dataclasses
from datetime import UTC, datetime

import pytest

from fsflows import log
from fsflows.archive.endings import INBOUND, OUTBOUND, Reason, Result
from fsflows.archive.lines import Begun
from fsflows.archive.record import RecordBuilder
from fsflows.console.access import Access
from fsflows.console.app import create_app
from fsflows.database import DatabaseFailed
from fsflows.dialling import Attempt, BadNumber, NotDialling, Outcome, Phase, TooMany

from .test_console_access import TOKEN, access  # noqa: F401 - a fixture
from .world import World

CALL = "0d5c2c3e-7d0e-4b62-a1f4-5e7a60ab44c1"
OTHER = CALL.replace("0", "1")


class FakeDialler:
    """Notes what it is asked for."""

    def __init__(self):
        self.wanted = []
        self.ended = []
        self.error = None
        self.attempt = Attempt(CALL, "442079460018", "menu", datetime(2026, 3, 1, tzinfo=UTC))

    def call(self, wanted):
        if self.error is not None:
            raise self.error
        self.wanted.append(wanted)
        return self.attempt

    def find(self, call_id):
        return self.attempt if call_id == CALL else None

    def hang_up(self, call_id):
        self.ended.append(call_id)
        return True


@pytest.fixture
def dialler():
    return FakeDialler()


@pytest.fixture
def world(tmp_path, dialler):
    world = World(tmp_path, count=5)
    world.sources = dataclasses.replace(world.sources, dialler=dialler)
    yield world
    world.close()


@pytest.fixture
def ask(world, access):  # noqa: F811
    client = create_app(world.sources, access).test_client()

    def ask(method, path, body=None, token=TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.open(path, method=method, json=body, headers=headers)

    return ask


GOOD = {"number": "020 7946 0018", "flow": "menu"}


def test_a_call_is_asked_for(ask, dialler):
    with log.capture("info") as lines:
        answer = ask(
            "POST",
            "/api/calls",
            {**GOOD, "state": {"a": 1}, "machine": "hang_up", "ring_timeout": 20},
        )
    assert (202, f"/api/calls/{CALL}") == (answer.status_code, answer.headers["Location"])
    (wanted,) = dialler.wanted
    assert ("020 7946 0018", "menu", {"a": 1}, True, 20) == (
        wanted.number, wanted.flow, wanted.state, wanted.hang_up_on_machine, wanted.ring_timeout,
    )  # fmt: skip
    assert {
        "id": CALL, "number": "442079460018", "flow": "menu", "asked_at": "2026-03-01T00:00:00.000Z", "phase": "waiting",
        "outcome": None, "cause": "", "revision": 0, "step": "", "record": None, "result": None, "reason": None,
        "called": True, "settled": False, "news": "0//None/None",
    } == answer.json  # fmt: skip
    (line,) = [line for line in lines if line["event"] == "call asked for"]
    assert ("token", CALL) == (line["user"], line["call"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "a JSON object is expected"),
        ([], "a JSON object is expected"),
        ({}, "number and flow are needed"),
        ({"number": "1"}, "number and flow are needed"),
        ({**GOOD, "flow": "mneu"}, "there is no flow 'mneu'; there are: "),
        ({**GOOD, "number": 442079460018}, "number: must be a text"),
        ({**GOOD, "state": [1]}, "state: must be an object"),
        ({**GOOD, "machine": "maybe"}, "machine: must be ignore or hang_up"),
        ({**GOOD, "ring_timeout": "30"}, "ring_timeout: must be a number"),
        ({**GOOD, "ring_timeout": True}, "ring_timeout: must be a number"),
        ({**GOOD, "ring_timeout": 30_000}, "ring_timeout: must be from 1 to 600 seconds"),
        ({**GOOD, "id": "x"}, "id: must be a UUID"),
        ({**GOOD, "id": CALL.upper()}, "id: must be a UUID"),
        (
            {**GOOD, "endpoint": "user/1"},
            "unknown: 'endpoint'; known are number, flow, state, machine, ring_timeout, id",
        ),
    ],
)
def test_what_is_wrong_is_said(ask, dialler, body, said):
    answer = ask("POST", "/api/calls", body)
    assert 400 == answer.status_code
    assert said in answer.json["error"]
    assert [] == dialler.wanted


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadNumber("the number must be digits"), 400, "the number must be digits"),
        (NotDialling("no FreeSWITCH can be reached"), 503, "no FreeSWITCH can be reached"),
        (TooMany(100, 41.6), 429, "100 calls wait already"),
    ],
)
def test_what_the_dialler_would_not(ask, dialler, error, status, said):
    dialler.error = error
    answer = ask("POST", "/api/calls", GOOD)
    assert (status, said) == (answer.status_code, answer.json["error"])
    assert {429: "42", 503: "5"}.get(status) == answer.headers.get("Retry-After")


def test_no_calls_are_made_from_here(world, access):  # noqa: F811
    sources = dataclasses.replace(world.sources, dialler=None)
    client = create_app(sources, access).test_client()
    answer = client.post("/api/calls", json=GOOD, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (503, True) == (answer.status_code, "dialling.endpoint" in answer.json["error"])


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/calls"), ("GET", f"/api/calls/{CALL}"), ("DELETE", f"/api/calls/{CALL}"), ("GET", "/api/log"), ("PUT", "/api/log")])  # fmt: skip
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1]])
def test_without_the_token_nothing_is_done(ask, dialler, method, path, token):
    answer = ask(method, path, GOOD, token)
    assert (401, True) == (
        answer.status_code,
        "Authorization: Bearer TOKEN" in answer.json["error"],
    )
    assert ([], []) == (dialler.wanted, dialler.ended)


def test_a_session_is_not_enough(world, access, dialler):  # noqa: F811
    from .test_console_access import csrf_of, log_in

    client = create_app(world.sources, access).test_client()
    log_in(client)
    token = csrf_of(client.get("/"))
    answer = client.post("/api/calls", data={"csrf": token, **GOOD})
    assert 401 == answer.status_code
    assert [] == dialler.wanted


def test_a_console_without_credentials_makes_no_calls(world, dialler):
    client = create_app(world.sources, Access()).test_client()
    answer = client.post("/api/calls", json=GOOD)
    assert (401, True) == (answer.status_code, "console.token" in answer.json["error"])
    assert [] == dialler.wanted


def test_a_call_is_shown_with_its_step_and_its_record(ask, world, dialler):
    attempt = dialler.attempt
    attempt.moved(Phase.ANSWERED)
    builder = RecordBuilder(CALL, world.clock, flow="menu", direction=OUTBOUND)
    builder.entered("main")
    world.live.add(builder)
    shown = ask("GET", f"/api/calls/{CALL}").json
    assert ("answered", "main", None, False) == (
        shown["phase"],
        shown["step"],
        shown["record"],
        shown["settled"],
    )
    world.live.remove(builder)
    record = builder.finish(Result.COMPLETED, Reason.FLOW_ENDED)
    world.store.insert([record])
    attempt.outcome = Outcome.ANSWERED
    attempt.moved(Phase.OVER)
    shown = ask("GET", f"/api/calls/{CALL}").json
    assert ("over", "answered", record.id, "completed", "flow_ended", True) == (
        shown["phase"], shown["outcome"], shown["record"], shown["result"], shown["reason"], shown["settled"],
    )  # fmt: skip
    page = ask("GET", f"/records/{record.id}").text
    assert "called by us" in page
    assert "Outcome" in page


def test_a_call_that_a_server_before_this_one_has_made_goes_on(ask, world):
    """Its worker lived on."""
    others = {"call_id": CALL.replace("0", "1"), "direction": INBOUND}
    for more in ({"call_id": CALL.replace("4", "5"), "direction": OUTBOUND}, others):
        call_id = more.pop("call_id")
        world.live.add(RecordBuilder(call_id, world.clock, callee="4420", flow="menu", **more))
    shown = ask("GET", f"/api/calls/{CALL.replace('4', '5')}").json
    assert ("answered", "4420", "menu") == (shown["phase"], shown["number"], shown["flow"])
    assert 404 == ask("GET", f"/api/calls/{CALL.replace('0', '1')}").status_code


def test_news_are_waited_for(ask, dialler):
    import gevent

    first = ask("GET", f"/api/calls/{CALL}").json["news"]
    gevent.spawn_later(0.05, dialler.attempt.moved, Phase.RINGING)
    second = ask("GET", f"/api/calls/{CALL}?wait=20&seen={first}").json
    assert "ringing" == second["phase"]
    assert "ringing" == ask("GET", f"/api/calls/{CALL}?wait=20&seen={first}").json["phase"], (
        "at once"
    )
    assert second == ask("GET", f"/api/calls/{CALL}?wait=0.1&seen={second['news']}").json
    assert 400 == ask("GET", f"/api/calls/{CALL}?wait=soon").status_code


def test_a_call_that_is_not_known(ask):
    answer = ask("GET", "/api/calls/x")
    assert (404, True) == (answer.status_code, "no such call" in answer.json["error"])
    assert 404 == ask("DELETE", "/api/calls/x").status_code
    assert 405 == ask("PUT", "/api/calls").status_code


def test_a_call_of_before_is_known_by_its_record(ask, world, dialler):
    builder = RecordBuilder(
        "before", world.clock, callee="442079460018", flow="menu", direction=OUTBOUND
    )
    world.store.insert([builder.finish(Result.UNANSWERED, Reason.BUSY, "USER_BUSY")])
    shown = ask("GET", "/api/calls/before").json
    assert ("over", "busy", "USER_BUSY", True) == (
        shown["phase"], shown["outcome"], shown["cause"], shown["settled"],
    )  # fmt: skip
    stopped = RecordBuilder("stopped", world.clock, flow="menu", direction=OUTBOUND)
    stopped.noted("the server stops")
    world.store.insert([stopped.finish(Result.FAILED, Reason.DIAL_FAILED)])
    assert "the server stops" == ask("GET", "/api/calls/stopped").json["cause"]
    inbound = RecordBuilder("inbound", world.clock, flow="menu")
    world.store.insert([inbound.finish(Result.COMPLETED, Reason.FLOW_ENDED)])
    assert 404 == ask("GET", "/api/calls/inbound").status_code


def test_a_call_that_a_killed_server_has_made_is_known_though_it_has_no_record_yet(ask, world):
    builder = RecordBuilder(OTHER, world.clock, callee="4420", flow="menu", direction=OUTBOUND)
    note = dataclasses.replace(builder.begun(), id=OTHER)
    world.store.begin([Begun.of("a process that is no more", note)])
    shown = ask("GET", f"/api/calls/{OTHER}").json
    assert ("dialling", "4420", None) == (shown["phase"], shown["number"], shown["outcome"])


def test_a_call_that_was_asked_for_before_is_not_made_again(ask, world, dialler):
    assert 202 == ask("POST", "/api/calls", {**GOOD, "id": OTHER}).status_code
    assert [OTHER] == [wanted.id for wanted in dialler.wanted]
    answer = ask("POST", "/api/calls", {**GOOD, "id": CALL})
    assert (200, "waiting") == (answer.status_code, answer.json["phase"])
    builder = RecordBuilder(OTHER, world.clock, flow="menu", direction=OUTBOUND)
    world.store.insert([builder.finish(Result.UNANSWERED, Reason.BUSY, "USER_BUSY")])
    answer = ask("POST", "/api/calls", {**GOOD, "id": OTHER})
    assert (200, "busy") == (answer.status_code, answer.json["outcome"])
    assert 1 == len(dialler.wanted)


def test_whether_there_was_a_call_can_not_be_known_without_the_records(ask, world, monkeypatch):
    def fails(self, call_id):
        raise DatabaseFailed("it is away")

    monkeypatch.setattr(type(world.store), "of_call", fails)
    for method, path, body in (
        ("GET", f"/api/calls/{OTHER}", None),
        ("POST", "/api/calls", {**GOOD, "id": OTHER}),
    ):
        answer = ask(method, path, body)
        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert 202 == ask("POST", "/api/calls", GOOD).status_code


def test_a_number_that_was_never_called_is_not_said_to_have_been(ask, world):
    builder = RecordBuilder("waited", world.clock, flow="menu", direction=OUTBOUND)
    builder.noted("not called: the server stops")
    world.store.insert([builder.finish(Result.FAILED, Reason.DIAL_FAILED)])
    assert ask("GET", "/api/calls/waited").json["called"] is False


def test_a_call_is_ended(ask, dialler):
    assert 202 == ask("DELETE", f"/api/calls/{CALL}").status_code
    assert [CALL] == dialler.ended


def test_log_levels(ask):
    with log.capture():  # puts the levels back
        answer = ask("PUT", "/api/log", {"part": "console", "level": "debug"})
        assert (200, "debug") == (answer.status_code, answer.json["levels"]["console"])
        assert "debug" == ask("GET", "/api/log").json["levels"]["console"]
        assert 200 == ask("PUT", "/api/log", {"level": "warning"}).status_code
        assert "warning" == log.levels()[""]
        for body, said in (
            ({"part": "nothing", "level": "debug"}, "there is no part 'nothing'; there are: "),
            ({"part": "console", "level": "loud"}, "no log level 'loud'"),
            ({"part": "console", "levle": "debug"}, "unknown: 'levle'"),
        ):
            answer = ask("PUT", "/api/log", body)
            assert 400 == answer.status_code
            assert said in answer.json["error"]

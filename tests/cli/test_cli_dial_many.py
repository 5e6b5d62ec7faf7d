"""A list of numbers: how it is read, and how its calls are asked for."""

import io
import json

import pytest

from fsflows.cli import dial_many
from fsflows.cli.api_client import Away, Refused, Unknown
from fsflows.cli.dial_journal import BadJournal, Journal
from fsflows.cli.dial_many import BadList, Campaign, read_rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1000\n2000\n", [{"number": "1000"}, {"number": "2000"}]),
        ("number\n1000\n", [{"number": "1000"}]),
        ("name,number\nAda, 1000 \n\nBob,2000\n", [{"name": "Ada", "number": "1000"}, {"name": "Bob", "number": "2000"}]),
        ('number,note\n1000,"a, b"\n2000\n', [{"number": "1000", "note": "a, b"}, {"number": "2000"}]),
    ],
)  # fmt: skip
def test_a_list_is_read(text, rows):
    assert rows == read_rows(io.StringIO(text, newline=""), "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x: has no numbers"),
        ("\n \n", "x: has no numbers"),
        ("name,number\nAda\n", "x: call 1 has no number"),
        ("number\n1000,2000\n", "x: call 1 has no number, or more columns"),
        ("number,first name\n1000,Ada\n", "x: its columns must have names"),
        ("number,number\n1,2\n", "x: its columns must have names"),
        ("1000,Ada\n", "x: call 1 has no number, or more columns"),
    ],
)
def test_a_list_that_is_none(text, said):
    with pytest.raises(BadList, match=said):
        read_rows(io.StringIO(text, newline=""), "x")


class FakeServer:
    """Calls last two looks; `answers`: what is raised for a number, in turn; `forgets`: looks at which it knows nothing."""

    def __init__(self, **answers):
        self.answers = {name.removeprefix("n"): list(errors) for name, errors in answers.items()}
        self.asked = []
        self.called = {}
        self.ended = []
        self.looks = {}
        self.on_look = lambda: None
        self.forgets = {}
        self.uncalled = set()

    def ask(self, method, path, body=None):
        if method == "POST":
            self.asked.append(body)
            if self.answers.get(body["number"]):
                error = self.answers[body["number"]].pop(0)
                if getattr(error, "unsure", False):
                    self.called[body["id"]] = body["number"]
                raise error
            self.called.setdefault(body["id"], body["number"])
            return {"id": body["id"]}
        call_id = path.rpartition("/")[2]
        number = self.called.get(call_id)
        if method == "DELETE":
            self.ended.append(number)
            return {}
        self.on_look()
        self.looks[number] = self.looks.get(number, 0) + 1
        if number is None or self.looks[number] in self.forgets.get(number, ()):
            raise Unknown("this server has made no such call")
        over = self.looks[number] > 2 or number in self.ended
        busy = number.startswith("2")
        answer = {
            "phase": "over" if over else "ringing",
            "outcome": "busy" if busy else "answered",
            "cause": "USER_BUSY" if busy else "NORMAL_CLEARING",
            "result": None if busy else "completed",
            "record": "r" if over else None,
        }
        if over and number in self.uncalled:
            self.uncalled.discard(number)
            self.looks[number] = 0
            answer |= {"outcome": "failed", "cause": "not called: it stops", "called": False}
        return answer


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when somebody sleeps, and no others."""
    now = [1000.0]
    monkeypatch.setattr(dial_many.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        dial_many.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    return now


def called(server, rows, **more):
    out = io.StringIO()
    journal = more.pop("journal", None)
    wanted = {"flow": "survey", **more}
    status = Campaign(server, wanted, out, as_json=False, journal=journal).run(rows)
    return status, out.getvalue().splitlines()


def test_each_call_has_a_line(clock):
    server = FakeServer()
    rows = [{"number": "1000", "name": "Ada"}, {"number": "2000"}]
    status, lines = called(server, rows, state={"year": "2026"})
    assert 0 == status
    assert [
        "1000                  answered      completed",
        "2000                  busy          USER_BUSY",
    ] == lines[:2]
    assert "1 answered, 1 busy" == lines[2]
    assert [
        {"flow": "survey", "number": "1000", "state": {"year": "2026", "name": "Ada"}},
        {"flow": "survey", "number": "2000", "state": {"year": "2026"}},
    ] == [{name: each[name] for name in ("flow", "number", "state")} for each in server.asked]
    assert 2 == len({each["id"] for each in server.asked})


def test_a_server_with_too_many_is_asked_again_later(clock):
    server = FakeServer(n1001=[Refused("100 calls wait already", 30.0)])
    began = clock[0]
    status, lines = called(server, [{"number": "1000"}, {"number": "1001"}])
    assert (0, "2 answered") == (status, lines[-1])
    assert clock[0] - began >= 30.0
    assert ["1000", "1001", "1001"] == [body["number"] for body in server.asked]


def test_what_is_refused_is_said_and_the_others_are_called(clock):
    server = FakeServer(nada=[Refused("the number must be digits")])
    status, lines = called(server, [{"number": "ada"}, {"number": "1000"}])
    assert 1 == status
    assert "ada                   refused       the number must be digits" == lines[0]
    assert "1 refused, 1 answered" == lines[-1]


def test_a_server_that_is_started_anew_is_waited_for(clock):
    server = FakeServer(n1000=[Away("no server answers")] * 5)
    assert (0, "1 answered") == ((done := called(server, [{"number": "1000"}]))[0], done[1][-1])
    gone = FakeServer(n1000=[Away("no server answers")] * 1000)
    with pytest.raises(Away):
        called(gone, [{"number": "1000"}])
    assert len(gone.asked) < 500


def test_a_server_that_was_started_anew_may_not_know_a_call_yet(clock):
    """It rings, or its worker has died a moment ago; the others are called all the same."""
    server = FakeServer()
    server.forgets = {"1000": range(2, 30)}
    status, lines = called(server, [{"number": f"100{n}"} for n in range(3)])
    assert 0 == status
    assert ["1001", "1002", "1000"] == [line.split()[0] for line in lines[:3]]
    assert ["1000", "1001", "1002"] == [each["number"] for each in server.asked]


def test_who_only_waited_in_a_server_that_was_killed_is_called(clock):
    server = FakeServer()
    server.forgets = {"1000": range(2, 300)}
    status, lines = called(server, [{"number": "1000"}])
    assert (0, "1 answered") == (status, lines[-1])
    first, again = server.asked
    assert first == again, "by the same id: should it be known, it is not called twice"


def test_who_was_not_called_is_called_when_the_server_is_back(clock):
    server = FakeServer()
    server.uncalled = {"1000"}
    status, lines = called(server, [{"number": "1000"}, {"number": "1001"}])
    assert (0, "2 answered") == (status, lines[-1])
    assert ["1000", "1001", "1000"] == [each["number"] for each in server.asked]
    assert 3 == len({each["id"] for each in server.asked})


def test_an_answer_that_was_lost_calls_nobody_twice(clock):
    server = FakeServer(n1000=[Away("connection reset", unsure=True)])
    status, lines = called(server, [{"number": "1000"}])
    assert (0, "1 answered") == (status, lines[-1])
    assert ({"1000"}, 1) == (set(server.called.values()), len(server.called))


def test_calls_that_are_not_known_hold_up_nobody(clock, monkeypatch):
    monkeypatch.setattr(dial_many, "AT_ONCE", 2)
    server = FakeServer()
    server.forgets = {f"100{n}": range(300) for n in range(2)}
    began = clock[0]
    server.on_look = lambda: server.looks.get("1003") and ends.append(clock[0] - began)
    ends = []
    called(server, [{"number": f"100{n}"} for n in range(4)])
    assert ends[0] < 10.0


def test_whoever_was_called_has_a_line_when_the_server_does_not_come_back(clock):
    server = FakeServer(n1001=[Away("no server answers")] * 10_000)
    out = io.StringIO()
    with pytest.raises(Away):
        Campaign(server, {"flow": "survey"}, out, as_json=False).run(
            [{"number": "1000"}, {"number": "1001"}]
        )
    assert [
        f"1000                  unknown       {dial_many.LOST}",
        "1001                  not called",
        "1 unknown, 1 not called",
    ] == out.getvalue().splitlines()


def test_so_many_at_once_and_no_more(clock):
    server = FakeServer()
    most = []
    server.on_look = lambda: most.append(
        len(server.asked) - sum(n > 2 for n in server.looks.values())
    )
    status, lines = called(server, [{"number": f"1{n:03}"} for n in range(120)])
    assert (0, "120 answered") == (status, lines[-1])
    assert max(most) <= dial_many.AT_ONCE


def test_ctrl_c_ends_what_runs_and_begins_nothing_more(clock, monkeypatch):
    server = FakeServer()
    handlers = []
    monkeypatch.setattr(
        dial_many.signal, "signal", lambda number, handler: handlers.append(handler)
    )
    monkeypatch.setattr(dial_many, "AT_ONCE", 2)
    server.on_look = lambda: (
        handlers[0](2, None) if len(server.looks) == 1 and not server.ended else None
    )
    status, lines = called(server, [{"number": f"100{n}"} for n in range(5)])
    assert 130 == status
    assert ["1000", "1001"] == sorted(server.ended)
    assert ["1002", "1003", "1004"] == [
        line.split()[0] for line in lines if line.endswith("not called") and line[0] == "1"
    ]
    assert "3 not called" in lines[-1]


def test_json_lines(clock, capsys):
    out = io.StringIO()
    rows = [{"number": "1000", "name": "Ada"}]
    assert 0 == Campaign(FakeServer(), {"flow": "survey"}, out, as_json=True).run(rows)
    (line,) = out.getvalue().splitlines()
    said = json.loads(line)
    assert ("1000", "Ada", "answered") == (said["number"], said["name"], said["outcome"])
    assert "1 answered\n" == capsys.readouterr().err


# --- a list that is gone on with ----------------------------------------------------------------------------------


class Killed(BaseException):
    """`fsflows dial` is: what it was about to do it does not."""


@pytest.fixture
def journal(tmp_path):
    """Opens the list's journal, as the next `fsflows dial` would."""
    opened = []

    def again(flow="survey"):
        for each in opened:
            each.close()
        opened.append(Journal(str(tmp_path / "list.journal"), flow))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


ROWS = [{"number": f"100{n}"} for n in range(4)]


def test_who_was_called_is_not_called_again(clock, journal):
    server = FakeServer(n1003=[Refused("not allowed")])
    assert 1 == called(server, ROWS, journal=journal())[0]
    status, lines = called(server, [*ROWS, {"number": "1009"}], journal=journal())
    assert (0, "3 called before, 2 answered") == (status, lines[-1])
    assert ["1000", "1001", "1002", "1003", "1003", "1009"] == [
        each["number"] for each in server.asked
    ]


@pytest.mark.parametrize("after", range(1, 12))
def test_a_list_whose_command_is_killed_anywhere_calls_each_once(
    clock, journal, monkeypatch, after
):
    """After so many requests to the server: the request is made, and its answer not seen."""
    monkeypatch.setattr(dial_many, "AT_ONCE", 2)
    server = FakeServer()
    real, left = server.ask, [after]

    def ask(*request):
        answer = real(*request)
        left[0] -= 1
        if not left[0]:
            raise Killed
        return answer

    server.ask = ask
    with pytest.raises(Killed):
        called(server, ROWS, journal=journal())
    assert 0 == called(server, ROWS, journal=journal())[0]
    assert ["1000", "1001", "1002", "1003"] == sorted(server.called.values())


def test_the_same_number_twice_is_called_twice_and_another_flow_calls_anew(clock, journal):
    server = FakeServer()
    called(server, [ROWS[0], ROWS[0]], journal=journal())
    assert "2 called before" == called(server, [ROWS[0], ROWS[0]], journal=journal())[1][-1]
    called(server, [ROWS[0]], journal=journal("other"))
    assert 3 == len(server.called)


def test_nobody_else_reads_who_was_called(journal, tmp_path):
    journal()
    assert 0o600 == (tmp_path / "list.journal").stat().st_mode & 0o777


def test_a_journal_that_was_cut_off_is_gone_on_with(clock, journal, tmp_path):
    server = FakeServer()
    called(server, ROWS[:1], journal=journal())
    with (tmp_path / "list.journal").open("a") as file:
        file.write('{"key": "cut o')
    called(server, ROWS, journal=journal())
    called(server, ROWS, journal=journal())
    assert ["1000", "1001", "1002", "1003"] == [each["number"] for each in server.asked]


def test_a_journal_is_of_one_command_at_a_time_and_nothing_else(journal, tmp_path):
    kept = journal()
    with pytest.raises(BadJournal, match="another `fsflows dial` is at it"):
        Journal(str(tmp_path / "list.journal"), "survey")
    kept.close()
    for text in ("number\n1000\n", "[1]\n", "{}\n"):
        (tmp_path / "other").write_text(text)
        with pytest.raises(BadJournal, match="is not the journal of a list"):
            Journal(str(tmp_path / "other"), "survey")
        assert text == (tmp_path / "other").read_text()
    with pytest.raises(BadJournal, match="Is a directory"):
        Journal(str(tmp_path), "survey")

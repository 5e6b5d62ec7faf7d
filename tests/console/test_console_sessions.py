"""Sessions end when their owner says so: copies of the cookie, other nodes, a database that is away."""

from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.security import generate_password_hash

from fsflows.console import live as live_pages
from fsflows.console import sessions as sessions_module
from fsflows.console.access import Access, Role, User
from fsflows.console.app import SESSION_COOKIE, create_app
from fsflows.console.sessions import AWAY, Sessions, ended
from fsflows.database import Database, DatabaseFailed

from .test_console_access import FAST, csrf_of, log_in
from .world import World

LATER = datetime.now(UTC) + timedelta(hours=12)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, count=5)
    yield world
    world.close()


@pytest.fixture
def node(world):
    """`node()`: the console of one more node; all have one secret and one database."""
    access = Access("", [User("ada", Role.EDITOR, generate_password_hash("correct horse", FAST))])
    return lambda: create_app(world.sources, access, secret="shared by all nodes")


@pytest.fixture
def thief():
    """`thief(client, app)`: somebody who has copied a client's cookie, at an application."""

    def copy(client, app):
        other = app.test_client()
        other.set_cookie(SESSION_COOKIE, client.get_cookie(SESSION_COOKIE).value)
        return other

    return copy


def log_out(client):
    client.post("/logout", data={"csrf": csrf_of(client.get("/status"))})


class Flaky:
    """A database that can be away."""

    def __init__(self, database):
        self.database = database
        self.away = False
        self.asked = 0

    def _there(self):
        self.asked += 1
        if self.away:
            raise DatabaseFailed("it is away")

    def read(self, work):
        self._there()
        return self.database.read(work)

    def write(self, work):
        self._there()
        return self.database.write(work)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database():
    database = Database.open("sqlite://")
    yield Flaky(database)
    database.close()


@pytest.fixture
def sessions(database, clock):
    made = Sessions(database, clock)
    yield made
    if made._writer:  # its database never came back: it would try, and say so, in the tests to come
        made._writer.kill()


def rows(database):
    return [row.id for row in database.database.read(lambda c: c.execute(ended.select()).all())]


# --- in a browser ---


def test_a_copied_cookie_is_no_good_after_the_logout(node, thief):
    here, there = node(), node()
    client = here.test_client()
    log_in(client)
    copies = [thief(client, here), thief(client, there)]
    assert [200, 200] == [copy.get("/status").status_code for copy in copies]
    log_out(client)
    assert [302, 302] == [copy.get("/status").status_code for copy in copies]
    assert 302 == thief(copies[0], node()).get("/status").status_code, "after a restart"


def test_another_session_of_the_same_user_goes_on(node):
    app = node()
    client, elsewhere = app.test_client(), app.test_client()
    log_in(client)
    log_in(elsewhere)
    log_out(client)
    assert 200 == elsewhere.get("/status").status_code


def test_who_logs_in_once_more_ends_what_was_before(node, thief):
    app = node()
    client = app.test_client()
    log_in(client)
    token = csrf_of(client.get("/status"))
    copy = thief(client, app)
    client.post("/login", data={"csrf": token, "name": "ada", "password": "correct horse"})
    assert 200 == client.get("/status").status_code
    assert 302 == copy.get("/status").status_code


def test_a_page_that_watches_calls_sees_no_more_after_the_logout(node, world, monkeypatch):
    monkeypatch.setattr(live_pages, "LOGIN_EVERY", 0.0)
    monkeypatch.setattr(live_pages, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(live_pages, "LONGEST", 2.0)
    client = node().test_client()
    log_in(client)
    watching = client.get("/calls/events", buffered=False)
    news = iter(watching.response)
    assert b"retry" in next(news)
    next(news)
    log_out(client)
    world.call(name="Ada Lindqvist")
    assert b"Lindqvist" not in b"".join(news)


# --- a database that is away ---


def test_while_it_is_away_known_sessions_go_on_and_others_do_not(database, sessions, clock):
    mine, foreign = sessions.begin(), Sessions(database).begin()
    database.away = True
    assert (True, False) == (sessions.holds(mine), sessions.holds(foreign))
    database.away = False
    clock.now += AWAY
    assert sessions.holds(foreign)
    database.away = True
    assert sessions.holds(foreign)


def test_while_it_is_away_no_page_waits_for_it_each_time(database, sessions, clock):
    mine = sessions.begin()
    database.away = True
    assert all(sessions.holds(mine) for _ in range(20))
    sessions.end(mine, LATER)
    assert 1 == database.asked


def test_a_logout_while_it_is_away_counts_here_and_later_everywhere(database, sessions, clock):
    other = Sessions(database, clock)
    mine = sessions.begin()
    assert other.holds(mine)
    database.away = True
    sessions.end(mine, LATER)
    assert not sessions.holds(mine)
    database.away = False
    assert not sessions.holds(mine)
    sessions.write()
    assert not other.holds(mine)
    assert [mine] == rows(database)


def test_what_could_not_be_written_is_written_by_itself(database, sessions, monkeypatch):
    monkeypatch.setattr(sessions_module, "AWAY", 0.0)
    mine = sessions.begin()
    database.away = True
    sessions.end(mine, LATER)
    database.away = False
    sessions._writer.join()
    assert [mine] == rows(database)


# --- what is kept ---


def test_ended_sessions_are_forgotten_long_after_they_would_have_ended(database, sessions):
    past = datetime.now(UTC) - timedelta(days=31)
    sessions.end("old", past)
    sessions.end("late", datetime.now(UTC) - timedelta(days=1))
    sessions.end("late", datetime.now(UTC) - timedelta(days=1))
    assert ["late"] == rows(database)


def test_however_many_log_in_few_are_remembered(sessions, monkeypatch):
    monkeypatch.setattr(sessions_module, "KNOWN", 10)
    begun = [sessions.begin() for _ in range(30)]
    assert begun[-10:] == list(sessions._known)

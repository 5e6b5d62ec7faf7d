import re
from collections import Counter

import gevent
import pytest
from werkzeug.security import generate_password_hash

from fsflows import log
from fsflows.console import password
from fsflows.console import throttle as throttle_module
from fsflows.console.access import (
    Access,
    Role,
    User,
    check_listen,
    is_loopback,
    parse_users,
)
from fsflows.console.app import create_app
from fsflows.console.server import open_console
from fsflows.console.sources import Health
from fsflows.console.throttle import Throttle, client_of, parse_proxies
from fsflows.webserver import household

from .world import World

TOKEN = "a token of sufficient length"
FAST = "pbkdf2:sha256:1"  # tests don't need a slow hash


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, count=20)
    yield world
    world.close()


@pytest.fixture
def access():
    users = [
        User(name, role, generate_password_hash("correct horse", FAST))
        for name, role in (("ada", Role.EDITOR), ("bob", Role.VIEWER))
    ]
    return Access(TOKEN, users)


@pytest.fixture
def client(world, access):
    return create_app(world.sources, access).test_client()


def csrf_of(page):
    return re.search(r'name="csrf" value="([^"]+)"', page.text).group(1)


def log_in(client, name="ada", secret="correct horse", following="/"):
    token = csrf_of(client.get("/login"))
    return client.post(
        "/login", data={"csrf": token, "name": name, "password": secret, "next": following}
    )


# --- who may look ---


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/calls",
        "/records",
        "/records/export.csv",
        "/flows",
        "/status",
        "/records/x/audio/0",
        "/nowhere",
    ],
)
def test_without_a_login_nothing_is_shown(client, path):
    answer = client.get(path)
    assert 302 == answer.status_code
    assert answer.location.startswith("/login?next=")
    assert "+44" not in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/calls/events", "/records/x.json"])
def test_machines_are_told_401(client, path):
    assert 401 == client.get(path).status_code


@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_anyone_may_ask_for_health_and_is_told_one_word(client, world, path):
    assert {"status": "ok"} == client.get(path).json
    world.health = Health(429, "full", "500 calls: no worker takes another one")
    answer = client.get(path)
    assert (429, {"status": "full"}) == (answer.status_code, answer.json)
    log_in(client)
    assert "500 calls" in client.get(path).json["text"]


def test_a_login_leads_on_to_the_page_that_was_asked_for(client):
    answer = log_in(client, following="/records?text=ada")
    assert "/records?text=ada" == answer.location
    assert 200 == client.get("/records").status_code


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nX: y",
    ],
)
def test_a_login_never_leads_elsewhere(client, target):
    assert "/" == log_in(client, following=target).location


@pytest.mark.parametrize(
    ("name", "secret"),
    [("ada", "wrong"), ("nobody", "correct horse"), ("", ""), ("ada", ""), ("token", "x")],
)
def test_wrong_credentials_are_refused_in_the_same_words(client, name, secret):
    answer = log_in(client, name, secret)
    assert 401 == answer.status_code
    assert "That is not right." in answer.text
    assert 302 == client.get("/").status_code


def test_the_token_logs_in_a_browser_and_a_program(client):
    assert 302 == log_in(client, "", TOKEN).status_code
    other = client.application.test_client()
    assert 200 == other.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code
    assert 401 == other.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code
    assert 401 == other.get("/", headers={"Authorization": "Bearer wrong"}).status_code


def test_guessing_is_slowed_down(client):
    for _ in range(5):
        assert 401 == log_in(client, "ada", "wrong").status_code
    answer = log_in(client, "ada", "correct horse")
    assert 429 == answer.status_code
    assert "Try again in" in answer.text


def bearer(client, token, path="/metrics", **headers):
    """The status that a program with a token gets."""
    return client.get(path, headers={"Authorization": f"Bearer {token}", **headers}).status_code


def test_guesses_that_come_at_once_are_counted_like_others(world, access, monkeypatch):
    looked_at = []
    monkeypatch.setattr(access, "with_password", lambda *guess: looked_at.append(guess))
    app = create_app(world.sources, access)
    guesses = [gevent.spawn(log_in, app.test_client(), "ada", f"guess {n}") for n in range(20)]
    statuses = [guess.get().status_code for guess in guesses]
    assert throttle_module.MAX_FAILURES == len(looked_at)
    assert {401: 5, 429: 15} == Counter(statuses)


def test_guessing_tokens_is_slowed_down(client):
    assert [401] * 5 == [bearer(client, f"guess {number}") for number in range(5)]
    assert 429 == bearer(client, "guess 5")
    assert 429 == bearer(client, TOKEN), "or guessing would go on"
    answer = client.get("/records", headers={"Authorization": "Bearer x"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "wrong tokens" in answer.text


def test_a_program_with_an_old_token_makes_nobody_wait(client):
    assert {401} == {bearer(client, "the token of last year") for _ in range(50)}
    assert 200 == bearer(client, TOKEN)


def test_who_guesses_tokens_locks_no_person_out(client):
    """At the same address, behind one proxy: neither one who is logged in, nor one who logs in."""
    other = client.application.test_client()
    log_in(other)
    for number in range(9):
        bearer(client, f"guess {number}")
    assert 200 == other.get("/").status_code
    assert 302 == log_in(client.application.test_client()).status_code
    assert 200 == bearer(client, "x", "/live")


def test_who_guesses_passwords_locks_no_program_out(client):
    for _ in range(9):
        log_in(client, "ada", "wrong")
    assert 200 == bearer(client, TOKEN)


def test_clients_behind_a_known_proxy_are_told_apart(world, access):
    client = create_app(world.sources, access, proxies=parse_proxies(["127.0.0.0/8"])).test_client()
    attacker = {"X-Forwarded-For": "203.0.113.7"}
    with log.capture("info") as lines:
        assert [401] * 5 == [bearer(client, f"guess {n}", **attacker) for n in range(5)]
    assert "203.0.113.7" == lines[-1]["address"]
    assert 429 == bearer(client, TOKEN, **attacker)
    assert 200 == bearer(client, TOKEN, **{"X-Forwarded-For": "203.0.113.8"})
    # What a client puts there itself is not believed: the proxy adds the true one behind it.
    assert 429 == bearer(client, TOKEN, **{"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})


def test_from_elsewhere_a_forwarded_address_is_a_lie(client):
    for number in range(5):
        bearer(client, f"guess {number}", **{"X-Forwarded-For": f"198.51.100.{number}"})
    assert 429 == bearer(client, TOKEN, **{"X-Forwarded-For": "198.51.100.77"})


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_last_that_no_known_proxy_speaks_for(address, forwarded, client):
    assert client == client_of(address, forwarded, parse_proxies(["10.0.0.0/8"]))


def test_one_household_is_one_client():
    assert household("2001:db8::1") == household("2001:db8::ffff:1")
    assert household("2001:db8::1") != household("2001:db8:0:1::1")
    assert household("::ffff:192.0.2.1") == household("192.0.2.1")
    assert household("192.0.2.1") != household("192.0.2.2")


def test_what_is_no_proxy_is_said(world):
    with pytest.raises(ValueError, match=r"console.proxies: 'proxy' is no address"):
        open_console(world.sources, ("127.0.0.1", 0), proxies=["proxy"])


def test_many_clients_at_once_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(throttle_module, "MAX_CLIENTS", 10)
    throttle = Throttle(lambda: 0.0)
    for _ in range(5):
        throttle.failed("first")
    for number in range(20):
        throttle.failed(f"{number}")
    assert 10 == len(throttle._failures)
    assert 0.0 == throttle.wait("first")


def test_the_throttle_forgets():
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(5):
        throttle.failed("a")
        now[0] += 1
    assert 55.0 == throttle.wait("a")
    assert 0.0 == throttle.wait("b")
    now[0] = 61.0
    assert 0.0 == throttle.wait("a")


def test_logging_out_ends_it(client):
    log_in(client)
    page = client.get("/status")
    client.post("/logout", data={"csrf": csrf_of(page)})
    assert 302 == client.get("/").status_code
    again = client.post("/logout", data={"csrf": csrf_of(page)})
    assert "/login" == again.location, "another window's button"


def test_a_changed_password_ends_sessions(world, access, client):
    log_in(client)
    access._users["ada"] = User("ada", Role.EDITOR, generate_password_hash("another one", FAST))
    assert 302 == client.get("/").status_code


def test_a_session_holds_nothing_that_a_token_could_be_guessed_by(world, access):
    """Its cookie is signed, not secret: two consoles with one token give it different ones."""
    marks = []
    for _ in range(2):
        client = create_app(world.sources, access).test_client()
        log_in(client, name="", secret=TOKEN)
        with client.session_transaction() as session:
            marks.append(session["fingerprint"])
    assert marks[0] != marks[1]


def test_a_session_made_up_by_somebody_else_is_nobodys(world, access):
    forger = create_app(world.sources, access).test_client()
    log_in(forger)
    cookie = forger.get_cookie("fsflows_session").value
    victim = create_app(world.sources, access).test_client()
    victim.set_cookie("fsflows_session", cookie)
    assert 302 == victim.get("/").status_code


def test_the_sessions_cookie_is_kept_from_scripts_and_other_sites(world, access):
    client = create_app(world.sources, access, https=True).test_client()
    cookie = client.get("/login").headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Secure"))


# --- who may change something ---


def test_a_viewer_changes_nothing(client, world):
    log_in(client, "bob")
    page = client.get("/status")
    assert 'action="/status/level"' not in page.text
    token = csrf_of(page)
    record = world.recorded("discarded")
    for path in ("/status/level", f"/records/{record.id}/delete"):
        answer = client.post(path, data={"csrf": token, "part": "", "level": "debug"})
        assert 403 == answer.status_code
    assert world.store.get(record.id) is not None


@pytest.mark.parametrize("form", [{}, {"csrf": ""}, {"csrf": "guess"}, {"csrf": "ü"}])
def test_a_form_without_its_token_is_refused(client, form):
    log_in(client)
    before = log.levels()
    assert (
        400 == client.post("/status/level", data={**form, "part": "", "level": "debug"}).status_code
    )
    assert before == log.levels()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1234"])
def test_a_form_from_another_site_is_refused(client, origin):
    log_in(client)
    token = csrf_of(client.get("/status"))
    answer = client.post(
        "/status/level", data={"csrf": token, "level": "debug"}, headers={"Origin": origin}
    )
    assert 400 == answer.status_code


# --- where it may listen ---


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.7", "example.com"])
def test_it_refuses_to_be_reachable_without_credentials(world, host):
    with pytest.raises(ValueError, match=r"set console\.token"):
        open_console(world.sources, (host, 0))
    check_listen(host, Access(TOKEN))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.1"])
def test_loopback_needs_none(host):
    check_listen(host, Access())
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.7"]
)
def test_a_name_that_points_here_from_elsewhere_is_refused(world, host):
    client = create_app(world.sources).test_client()
    assert 400 == client.get("/", headers={"Host": host}).status_code
    assert 200 == client.get("/", headers={"Host": "localhost:8085"}).status_code
    assert 200 == client.get("/", headers={"Host": "[::1]:8085"}).status_code


def test_a_short_token_is_refused():
    with pytest.raises(ValueError, match="16 characters"):
        Access("short")


@pytest.mark.parametrize(
    "line",
    [
        "ada",
        "ada:editor",
        "ada:owner:scrypt:x$y$z",
        ":viewer:scrypt:x",
        "ada:viewer:plaintext",
        "token:viewer:scrypt:x$y$z",
    ],
)
def test_users_that_make_no_sense_are_refused_without_showing_their_hash(line):
    with pytest.raises(ValueError, match="entry 1") as refused:
        parse_users([line])
    assert "plaintext" not in str(refused.value)
    assert "scrypt:x" not in str(refused.value)


def test_a_user_is_not_there_twice():
    with pytest.raises(ValueError, match="entry 2: the name 'ada' is taken"):
        parse_users(["ada:viewer:scrypt:x$y$z", "ada:editor:scrypt:x$y$z"])


def test_a_password_becomes_a_line_for_the_settings(monkeypatch, capsys):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "correct horse")
    assert 0 == password.main(["ada", "viewer"])
    (user,) = parse_users([capsys.readouterr().out.strip()])
    assert user == Access(users=[user]).with_password("ada", "correct horse")
    assert Access(users=[user]).with_password("ada", "Correct horse") is None
    assert "correct horse" not in repr(user)
    assert 2 == password.main(["ada"])
    assert 2 == password.main(["ada", "owner"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")
    assert 1 == password.main(["ada", "viewer"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: prompt * 5)
    assert 1 == password.main(["ada", "viewer"])


# --- what is written down about it ---


def test_access_is_logged_with_who_it_was_and_without_what_was_typed(client):
    with log.capture("info") as events:
        log_in(client, "ada", "wrong password")
        log_in(client)
        client.get("/records?text=442079460018")
    assert ["login failed", "login"] == [
        event["event"] for event in events if event["event"].startswith("login")
    ]
    seen = [
        (event["user"], event["path"], event["status"])
        for event in events
        if event["event"] == "access"
    ]
    assert ("ada", "/records", 200) in seen
    assert "wrong password" not in str(events)
    assert "correct horse" not in str(events)
    assert "460018" not in str(events)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (EOFError(), 1, "asked for twice"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), 1, "not text"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_password_that_is_not_given(monkeypatch, capsys, raised, status, said):
    def asked(prompt):
        raise raised

    monkeypatch.setattr("getpass.getpass", asked)
    assert status == password.main(["ada", "editor"])
    printed = capsys.readouterr()
    assert "" == printed.out
    assert said in printed.err

"""File work on another host: the same answers as here, and nobody else can ask or answer."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from fsflows.recordings.agent.app import AgentApp
from fsflows.recordings.agent.files import AgentFiles
from fsflows.recordings.agent.protocol import failure, failure_of
from fsflows.recordings.agent.signing import HEADER, SignatureRefused, Signer
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.failures import (
    FileWorkFailed,
    NotAllSearched,
    NotKnown,
    PathRefused,
    RecordingGone,
    WrongArchive,
)
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.paths import Root, Roots
from recordings.fakes import UUID, World

CERTIFICATE = Path(__file__).parents[1] / "tls" / "localhost.pem"
"""Of a key that everybody knows, for tests."""

SECRET = "a secret that two hosts share: 0123456789"
ID = "abcdef" * 4
NOW = 1_767_268_800.0


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def place(tmp_path):
    for name in ("staging", "archive"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def local(place):
    staging = str(place / "staging")
    archive = DirectoryArchive(str(place / "archive"))
    return LocalFiles(Roots([Root(staging, volatile=True)]), staging, archive)


@pytest.fixture
def app(local):
    return AgentApp(local, SECRET)


@pytest.fixture
def url(app):
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


pytestmark = pytest.mark.process


def test_all_file_work_has_the_same_answers_as_here(place, local, url):
    there = AgentFiles(url, SECRET)
    path = str(place / "staging" / f"x_{UUID}.wav")
    for files in (local, there):
        (place / "staging" / f"x_{UUID}.wav").write_text("audio")
        assert files.look(path).size == 5
        assert files.look(path).mark == str((place / "staging").stat().st_ino)
        assert files.find(UUID) == [path]
        assert [(s.path, s.size) for s in files.staged(2e9)] == [(path, 5)]
        archive = files.claim(ID)
        assert files.identity() == archive == ID
        with pytest.raises(WrongArchive, match=r"not the archive f+ that"):
            files.publish(path, "d/a.wav", "f" * 24)
        published = files.publish(path, "d/a.wav", archive)
        assert published == files.published("d/a.wav")
        assert files.archived() == ["d/a.wav"]
        with pytest.raises(RecordingGone):
            files.publish(path, "d/b.wav", archive)
        with pytest.raises(WrongArchive):
            files.publish(path, "d/b.wav", "f" * 24)
        gone = files.retract("d/a.wav")
        assert (gone.how, gone.size, gone.archive) == ("deleted", 5, archive)
        assert files.published("d/a.wav") is None
        assert files.look(path) is None
        (place / "staging" / "y.wav").write_text("audio")
        (place / "staging" / "z.wav").hardlink_to(place / "staging" / "y.wav")
        deleted = files.delete(str(place / "staging" / "y.wav"), None)
        assert (deleted.how, deleted.size) == ("deleted", 5)
        assert deleted.also == (str(place / "staging" / "z.wav"),)
        assert files.delete(path, None).how == "absent"
        with pytest.raises(PathRefused, match="none of the recording directories") as refused:
            files.delete("/etc/passwd", None)
        assert refused.value.path == "/etc/passwd"
        with pytest.raises(FileWorkFailed, match="too long"):
            files.look(f"{place}/staging/{'x' * 300}")


def recorded_through(url, tmp_path):
    """A call that is being recorded, where file work is the agent's."""
    world = World(tmp_path)
    world.files = AgentFiles(url, SECRET)
    world.service = world.make("node-a")
    call = world.call()
    call.start()
    return world, call


def test_5_a_discard_through_the_agent(tmp_path, url, place):
    world, call = recorded_through(url, tmp_path)
    world.switch.talk()
    assert call.discard(world.cause()).files[0].how == "deleted"
    assert world.audio() == []
    world.close()


def test_5_an_agent_that_can_not_be_reached_makes_the_discard_fail_loudly(tmp_path, url, place):
    world, call = recorded_through(url, tmp_path)
    world.files._link._port = _free_port()
    with pytest.raises(DiscardFailed, match=r"the recordings agent at 127\.0\.0\.1 can't be asked"):
        call.discard(world.cause())
    assert len(world.audio()) == 1
    assert world.receipt() is None
    world.close()


@pytest.mark.parametrize(("method", "where"), [("delete", "staging"), ("retract", "archive:")])
def test_5_what_the_agent_deleted_and_could_not_say_so_was_not_deleted_by_somebody_else(
    tmp_path, url, place, method, where
):
    """A kept connection ends when the agent has done what it was asked for."""
    world, call = recorded_through(url, tmp_path)
    world.switch.talk()
    if method == "retract":
        world.switch.hang_up(UUID)
        assert call.finish().state == "present"
        call = world.call()
    asked = _end_one_connection(world.files._link, method)
    files = {file.path: file.how for file in call.discard(world.cause()).files}
    assert [how for path, how in files.items() if where in path] == ["deleted earlier"]
    assert asked.count(method) == 2
    assert world.audio() == []
    world.close()


def _end_one_connection(link, method):
    ask, asked = link._ask, []

    def ends_once(connection, path, *rest):
        answer = ask(connection, path, *rest)
        asked.append(path.rpartition("/")[2])
        if asked.count(method) == 1 and asked[-1] == method:
            raise ConnectionResetError("reset by peer")
        return answer

    link._ask = ends_once
    link._take = lambda: link._new(20)  # as one that was kept
    return asked


def test_another_secret_is_refused(place, url):
    file = place / "staging" / "x.wav"
    file.write_text("audio")
    with pytest.raises(FileWorkFailed, match="signed with another secret"):
        AgentFiles(url, SECRET + "!").delete(str(file), None)
    assert file.exists()


def test_an_answer_that_is_not_the_agents_is_refused():
    """Somebody in between says that it was deleted."""

    def liar(environ, start):
        sent = json.dumps({"result": {"how": "deleted", "size": 5, "also": []}}).encode()
        start("200 OK", [("Content-Length", str(len(sent))), (HEADER, "0" * 64)])
        return [sent]

    with make_server("127.0.0.1", 0, liar, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(FileWorkFailed, match="not signed with our secret"):
            AgentFiles(f"http://127.0.0.1:{server.server_port}", SECRET).delete("/x", None)
        thread.join()


def _ask(url, path="/v1/look", body=b'{"path": "/x"}', header=None, method="POST"):
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    headers = {HEADER: header} if header is not None else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = response.read().decode()
    connection.close()
    return response.status, answer


def test_what_is_not_signed_well_is_refused(url):
    import time

    def signed(offset=0.0, secret=SECRET, path="/v1/look", body=b'{"path": "/x"}'):
        return Signer(secret, lambda: time.time() + offset).sign(path, body)[0]

    assert _ask(url, header=None) == (401, '{"error": "the request is not signed"}')
    for header in ("", "x", "a b c", f"nan {'0' * 32} {'0' * 64}", "\u00e9 b c"):
        assert _ask(url, header=header)[0] == 401
    assert "s apart" in _ask(url, header=signed(-3600))[1]
    assert "s apart" in _ask(url, header=signed(3600))[1]
    assert "older than this agent" in _ask(url, header=signed(-50))[1]
    assert _ask(url, header=signed(path="/v1/delete"))[0] == 401
    assert _ask(url, header=signed(body=b"{}"))[0] == 401
    once = signed(1)
    assert _ask(url, header=once)[0] == 200
    assert "sent before" in _ask(url, header=once)[1]


def test_signed_nonsense_is_refused_in_words(url):
    import time

    def ask(path, body):
        header, _ = Signer(SECRET, lambda: time.time() + 1).sign(path, body)
        return _ask(url, path, body, header)

    assert ask("/v1/__class__", b"{}")[0] == 404
    assert ask("/look", b"{}")[0] == 404
    assert ask("/v1/look", b"{")[0] == 400
    assert ask("/v1/look", b"[]") == (400, '{"error": "look takes path"}')
    assert ask("/v1/look", b"{}")[0] == 400
    assert ask("/v1/look", b'{"path": 5}')[0] == 400
    assert ask("/v1/look", b'{"path": "/x", "more": 1}')[0] == 400
    assert ask("/v1/look", b" " * 70_000)[0] == 400
    assert _ask(url, "/health", b"", method="GET") == (200, "ok\n")


class Older(AgentApp):
    """An agent of a version that knew no ids of archives."""

    def _answer(self, path, body):
        if not path.startswith("/v1/"):
            return 404, {"error": f"there is no {path}"}
        return super()._answer(path, body)


def test_an_agent_of_an_earlier_version_does_what_it_knows_and_the_rest_is_said(tmp_path, local):
    with make_server("127.0.0.1", 0, Older(local, SECRET), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        world = World(tmp_path)
        world.files = AgentFiles(f"http://127.0.0.1:{server.server_port}", SECRET)
        world.service = world.make("node-a")
        call = world.call()
        call.start()
        world.switch.talk()
        world.switch.hang_up(UUID)
        world.calls.pop(UUID).finish()
        assert world.audio() == [f"staging/2026-01-01_{UUID}.wav"]
        said = world.service.sweeper.sweep().no_archive
        assert "knows no /v2/identity: install the same version of fsflows on both hosts" in said
        assert world.call().discard(world.cause()).files[0].how == "deleted"
        assert world.audio() == []
        world.close()
        server.shutdown()
        thread.join()


def test_a_server_of_an_earlier_version_is_told_so(url):
    import time

    body = b'{"path": "/x", "name": "x.wav"}'
    for method in ("publish", "retract"):
        header, _ = Signer(SECRET, lambda: time.time() + 1).sign(f"/v1/{method}", body)
        status, said = _ask(url, f"/v1/{method}", body, header)
        assert (status, "install the same version of fsflows on both hosts" in said) == (404, True)


def test_what_an_agent_could_not_do_is_the_same_here():
    for error in (NotAllSearched("/b hangs", ["/a/x.wav"]), NotKnown("it hangs")):
        here = failure_of(json.loads(json.dumps(failure(error))))
        assert (type(here), here.args) == (type(error), error.args)
        assert getattr(here, "found", ()) == getattr(error, "found", ())


def test_nonces_are_forgotten_when_they_are_too_old_to_be_used():
    now = [NOW]
    server, client = Signer(SECRET, lambda: now[0]), Signer(SECRET, lambda: now[0])
    for _ in range(5):
        server.check("/x", client.sign("/x", b"")[0], b"")
    assert len(server._nonces) == 5
    now[0] += 200
    server.check("/x", client.sign("/x", b"")[0], b"")
    assert len(server._nonces) == 1


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32 characters"):
        Signer("short", lambda: NOW)


@pytest.mark.parametrize("bad", ["", "host:1", "ftp://x", "http://", "http://x/path"])
def test_an_agents_address_is_a_url(bad):
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        AgentFiles(bad, SECRET)


def test_an_answers_signature_is_bound_to_its_request():
    signer = Signer(SECRET, lambda: NOW)
    header = signer.sign_answer("nonce", 200, b"{}")
    signer.check_answer("nonce", 200, header, b"{}")
    for nonce, status, body in (("other", 200, b"{}"), ("nonce", 500, b"{}"), ("nonce", 200, b"")):
        with pytest.raises(SignatureRefused):
            signer.check_answer(nonce, status, header, body)


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_agent_as_a_program(place, tmp_path, monkeypatch, scheme):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls = ["--cert", str(CERTIFICATE), "--key", str(CERTIFICATE.with_suffix(".key"))]
    port = _free_port()
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "agent.yaml").write_text(
        "recordings:\n"
        f"  staging: {place}/staging\n"
        f"  published: {place}/archive\n"
        f"  agent_secret_file: {tmp_path}/secret\n"
        "log: {format: json}\n"
    )
    agent = subprocess.Popen(
        [
            *(sys.executable, "-m", "fsflows", "recordings", "agent"),
            *("--config", str(tmp_path / "agent.yaml"), "--listen", f"127.0.0.1:{port}"),
            *(tls if scheme == "https" else ()),
        ],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        text=True,
    )
    try:
        line = agent.stderr.readline()
        assert re.search(r"listening", line), line + agent.stderr.read()
        with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/health", timeout=10) as health:
            assert health.read() == b"ok\n"
        (place / "staging" / "x.wav").write_text("audio")
        with closing(AgentFiles(f"{scheme}://127.0.0.1:{port}", SECRET)) as files:
            assert files.look(str(place / "staging" / "x.wav")).size == 5
            [(_, kept)] = files._link._kept
            assert files.delete(str(place / "staging" / "x.wav"), None).how == "deleted"
            assert [each for _, each in files._link._kept] == [kept]
    finally:
        agent.terminate()
        assert agent.wait(20) == 0
        agent.stderr.close()

"""SIGKILL at every numbered point: whoever comes next finds no file, and one receipt; or one published recording."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
import uuid as uuids
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

import fsflows.recordings.faults as faults
from fsflows.database import Database
from fsflows.recordings.files.marker import MARKER
from fsflows.recordings.journal.receipt import Receipt
from fsflows.recordings.journal.tables import discards, receipts, recordings
from recordings.fakes import FakeSwitch

pytestmark = pytest.mark.process

LEASE_OVER = 120.0


class Server:
    """Servers that are killed, and the FreeSWITCH that isn't."""

    def __init__(self, socket_path):
        self.switch = FakeSwitch()
        self.lock = threading.Lock()
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    name, *arguments = json.loads(line)
                    with fake.lock:
                        direct = getattr(fake.switch, name)
                        answer = direct(*arguments)
                    self.wfile.write(json.dumps(answer or "+OK").encode() + b"\n")

        self.socket_path = socket_path
        self.listener = socketserver.ThreadingUnixStreamServer(socket_path, Handler)
        self.listener.daemon_threads = True
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()
        self.node, self.other_node = Node(socket_path), Node(socket_path)

    def close(self):
        self.node.close()
        self.other_node.close()
        self.switch.close()
        self.listener.shutdown()
        self.listener.server_close()


class Node:
    """The process that is killed, over and over."""

    def __init__(self, socket_path):
        self.socket_path = socket_path
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "recordings.crashing"],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def job(self, **job):
        self.process.stdin.write(json.dumps({**job, "socket": self.socket_path}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert not answer["failed"]
        return answer

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(str(tmp_path_factory.mktemp("s") / "fs"))
    yield server
    server.close()


class Scene:
    """One call on one FreeSWITCH, and the nodes that come and go."""

    def __init__(self, server, url, directory):
        self.server = server
        self.url = url
        self.directory = directory
        self.uuid = str(uuids.uuid4())
        self.switch = f"fs-{self.uuid[:8]}"
        for name in ("staging", "other", "archive"):
            (directory / name).mkdir()
        with server.lock:
            # What FreeSWITCH deletes for us needs no test of ours here, and would hide what we do ourselves.
            server.switch.forbids = False
            server.switch.begin(self.uuid)
            # Before we had the call, so nobody told us.
            early = str(directory / "other" / "early.wav")
            server.switch.uuid_record(self.uuid, "start", early)

    def job(self, do, process=None, **more):
        return (process or self.server.node).job(
            **{
                "do": do,
                "url": self.url,
                "directory": str(self.directory),
                "uuid": self.uuid,
                "switch": self.switch,
                "node": f"a-{self.uuid[:8]}",
                **more,
            }
        )

    def hang_up(self):
        with self.server.lock:
            if self.uuid in self.server.switch.calls:
                self.server.switch.hang_up(self.uuid)

    def audio(self):
        with self.server.lock:
            self.server.switch.talk()
        files = [f for f in self.directory.rglob("*") if f.is_file() and ".db" not in f.name]
        return sorted(
            str(f.relative_to(self.directory))
            for f in files
            if f.suffix != ".json" and self.uuid.encode() in f.read_bytes()
        )

    def ask(self, statement):
        database = Database(self.url)
        try:
            return database.read(lambda connection: connection.execute(statement).all())
        finally:
            database.close()

    def the_receipt(self):
        ((body,),) = self.ask(select(receipts.c.body).where(receipts.c.call_uuid == self.uuid))
        return Receipt.from_json(body)

    def must_be_gone(self, files):
        """No file, one receipt with these, nothing open, nothing recorded."""
        assert self.audio() == []
        ((complete,),) = self.ask(
            select(receipts.c.complete).where(receipts.c.call_uuid == self.uuid)
        )
        assert complete
        receipt = self.the_receipt()
        assert sorted(Path(file.path).name for file in receipt.files) == sorted(files)
        assert {file.how for file in receipt.files} <= {"deleted", "deleted earlier"}
        assert all(file.size for file in receipt.files)
        states = self.ask(select(discards.c.state).where(discards.c.call_uuid == self.uuid))
        assert states == [("done",)]
        left = select(func.count()).where(
            recordings.c.call_uuid == self.uuid, recordings.c.state != "discarded"
        )
        assert self.ask(left) == [(0,)]
        with self.server.lock:
            assert self.server.switch.calls.get(self.uuid, {}) == {}
        return receipt


@pytest.fixture
def scene(server, url, in_memory):
    scene = Scene(server, url, in_memory)
    yield scene
    scene.hang_up()


def names(scene, *more):
    return [f"2026-01-01_{scene.uuid}.wav", "early.wav", f"theirs-{scene.uuid[:4]}.wav", *more]


@pytest.mark.parametrize("point", faults.DISCARD_POINTS)
def test_13_killed_in_a_discard_the_same_node_finishes_it_while_the_call_is_up(scene, point):
    assert scene.job("discard", point=point)["killed"]
    assert scene.job("sweep")["result"]["failed"] == []
    receipt = scene.must_be_gone(names(scene))
    assert receipt.cause.key_or_word == "1"
    # The call goes on, and somebody records again: it is watched, although its server is no more.
    with scene.server.lock:
        again = str(scene.directory / "other" / "again.wav")
        scene.server.switch.uuid_record(scene.uuid, "start", again)
    scene.job("sweep")
    scene.must_be_gone(names(scene, "again.wav"))
    scene.hang_up()
    scene.job("sweep")
    watched = select(discards.c.watch).where(discards.c.call_uuid == scene.uuid)
    assert scene.ask(watched) == [(False,)]


@pytest.mark.parametrize("point", faults.DISCARD_POINTS)
def test_13_killed_in_a_discard_another_node_finishes_it_after_the_call(scene, point):
    assert scene.job("discard", point=point)["killed"]
    scene.hang_up()
    other = {"node": f"b-{scene.uuid[:8]}"}
    scene.job("sweep", **other)
    # It does not know yet that its colleague is dead.
    states = select(discards.c.state, discards.c.owner)
    ((_, owner),) = scene.ask(states.where(discards.c.call_uuid == scene.uuid))
    assert owner.startswith("a-")
    scene.job("sweep", **other, at=LEASE_OVER)
    scene.must_be_gone(names(scene))


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", [p for p in faults.DISCARD_POINTS if " one " in p])
def test_13_killed_between_one_file_and_the_next(scene, point, nth):
    assert scene.job("discard", point=point, nth=nth)["killed"]
    scene.job("sweep")
    scene.must_be_gone(names(scene))


@pytest.mark.parametrize("point", [faults.LATE_POINT, *faults.DISCARD_POINTS])
def test_13_killed_while_discarding_what_was_recorded_after_the_discard(scene, point):
    assert scene.job("discard", late=True, point=point)["killed"]
    if point != faults.LATE_POINT:  # FreeSWITCH is then the only one who knows of it
        scene.hang_up()
    scene.job("sweep")
    receipt = scene.must_be_gone(names(scene, f"late-{scene.uuid[:4]}.wav"))
    assert [Path(f.path).name[:4] for f in receipt.files if f.late] == ["late"]


@pytest.mark.parametrize("point", faults.DISCARD_POINTS)
def test_13_killed_while_finishing_what_was_killed(scene, point):
    assert scene.job("discard", point=faults.DISCARD_POINTS[0])["killed"]
    assert scene.job("sweep", point=point)["killed"]
    assert scene.job("sweep")["result"]["failed"] == []
    scene.must_be_gone(names(scene))


def test_13_killed_when_the_journal_had_nothing_of_the_discard_yet(scene):
    """It was jotted down at once: a database may take its time. What is recorded from now on FreeSWITCH deletes."""
    scene.server.switch.forbids = True
    assert scene.job("discard", point=faults.FORBID_POINT)["killed"]
    assert scene.ask(select(discards).where(discards.c.call_uuid == scene.uuid)) == []
    with scene.server.lock:
        late = str(scene.directory / "other" / "late.wav")
        scene.server.switch.uuid_record(scene.uuid, "start", late)
    scene.hang_up()
    scene.job("sweep")
    scene.must_be_gone(names(scene))


@pytest.mark.parametrize("point", [faults.LATE_POINT, faults.DISCARD_POINTS[2]])
def test_13_killed_before_a_late_recording_was_known_it_is_gone_with_the_call(scene, point):
    scene.server.switch.forbids = True
    assert scene.job("discard", late=True, point=point)["killed"]
    scene.hang_up()
    assert scene.audio() == []
    scene.job("sweep")
    assert scene.job("sweep")["result"]["failed"] == []
    assert scene.the_receipt().complete
    assert scene.audio() == []


@pytest.mark.parametrize("point", [*faults.DISCARD_POINTS[:10:3], ""])
def test_13_two_nodes_race(scene, point):
    """Both take the first for dead, and finish its discard at the same moment; one of them may be killed in it."""
    assert scene.job("discard", point=faults.DISCARD_POINTS[0])["killed"]
    at = {"at": LEASE_OVER}
    jobs = [
        {"node": f"b-{scene.uuid}", "process": scene.server.node, "point": point, **at},
        {"node": f"c-{scene.uuid}", "process": scene.server.other_node, **at},
    ]
    with ThreadPoolExecutor(2) as together:
        done = list(together.map(lambda job: scene.job("sweep", **job), jobs))
    assert not any(each["failed"] for each in done)
    for wait in (2, 4):
        scene.job("sweep", node=f"d-{scene.uuid}", at=LEASE_OVER * wait)
    scene.must_be_gone(names(scene))


def test_13_three_nodes_one_after_the_other(scene):
    """Each thinks that those before it are dead, and so they are, each killed at another point; the last has the last word."""
    assert scene.job("discard", point=faults.DISCARD_POINTS[4])["killed"]
    for node, point in (("b", faults.DISCARD_POINTS[7]), ("c", faults.DISCARD_POINTS[11])):
        when = LEASE_OVER * (2 if node == "b" else 4)
        assert scene.job("sweep", node=f"{node}-{scene.uuid}", at=when, point=point)["killed"]
    scene.job("sweep", node=f"d-{scene.uuid}", at=LEASE_OVER * 6)
    scene.must_be_gone(names(scene))


def test_12_killed_before_the_intent_nothing_was_promised_and_nothing_is_lost(scene):
    """The discard was never acknowledged: the recording is whole, and what the call's end would have made of it."""
    assert scene.job("publish", point="publish 1: the call is over")["killed"]
    scene.job("sweep")
    assert scene.audio() == [f"archive/2026-01-01/{scene.uuid}.wav", "other/early.wav"]
    assert scene.ask(select(receipts).where(receipts.c.call_uuid == scene.uuid)) == []


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("point", faults.PUBLISH_POINTS)
def test_killed_while_publishing_it_is_published_once_and_whole(scene, point, elsewhere, tmp_path):
    # Moved within a file system, copied to another one.
    more = {"archive": str(tmp_path)} if elsewhere else {}
    assert scene.job("publish", point=point, **more)["killed"]
    scene.job("sweep", **more)
    scene.job("sweep", **more)
    archive = Path(more.get("archive", scene.directory / "archive"))
    (file,) = [f for f in archive.rglob("*") if f.is_file() and f.name != MARKER]
    assert file.relative_to(archive).as_posix() == f"2026-01-01/{scene.uuid}.wav"
    assert file.read_bytes() == b"RIFF" + scene.uuid.encode() * 11
    assert scene.audio()[-1] == "other/early.wav"
    assert not [each for each in scene.audio() if each.startswith("staging")]
    states = select(recordings.c.state).where(recordings.c.call_uuid == scene.uuid)
    assert sorted(scene.ask(states)) == [("kept",), ("published",)]


@pytest.mark.parametrize("point", faults.PUBLISH_POINTS[1:4])
def test_13_killed_while_publishing_and_the_archive_unmounted_before_the_discard(
    scene, point, tmp_path
):
    """Whether the copy got there nobody wrote down; where it was on its way to is on disk, and is asked."""
    right, wrong = str(tmp_path / "right"), str(tmp_path / "wrong")
    Path(right).mkdir()
    Path(wrong).mkdir()
    scene.job("establish", archive=right)
    assert scene.job("publish", point=point, archive=right)["killed"]
    audio = [f for f in Path(right).rglob("*.wav") if scene.uuid.encode() in f.read_bytes()]
    assert len(audio) == (point == faults.PUBLISH_POINTS[3])
    scene.job("order", archive=wrong, at=LEASE_OVER)
    for _ in range(2):
        (left,) = scene.job("sweep", archive=wrong, at=LEASE_OVER)["result"]["failed"]
        assert "is not at hand" in left
    assert scene.ask(select(receipts).where(receipts.c.call_uuid == scene.uuid)) == []
    assert scene.job("sweep", archive=right, at=LEASE_OVER)["result"]["failed"] == []
    assert scene.audio() == []
    assert [f.name for f in Path(right).rglob("*") if f.is_file()] == [MARKER]
    assert scene.the_receipt().complete

"""File work on threads: what hangs in one place, the archive among them, keeps nobody whose files are in another."""

from __future__ import annotations

import os
from contextlib import contextmanager
from unittest.mock import Mock

import gevent
import pytest

from fsflows.recordings.files import offhub, place
from fsflows.recordings.files.archive import Published
from fsflows.recordings.files.failures import FileWorkFailed, GoesOn, NotAllSearched, NotKnown
from fsflows.recordings.files.files import Deleted, Sighting
from fsflows.recordings.files.offhub import OffHub

SILENT = "does not answer"
SIGHTING = Sighting(5, "1")


class Two:
    """Two recording directories, /a and /b, and an archive. Whatever is done in one that is in `hanging` hangs."""

    remote = archive_remote = False
    staging, searched = "/a", ("/a", "/b")

    def __init__(self, *hanging):
        self.hanging = set(hanging)
        self._reading, self._writing = os.pipe()
        self.begun = []

    def place(self, path):
        return path[:2]

    def _do(self, what, *places):
        self.begun.append((what, *places))
        if self.hanging & set(places):
            os.read(self._reading, 1)

    def back(self):
        self.hanging.clear()
        os.write(self._writing, b"1" * 100)

    def look(self, path):
        self._do("look", self.place(path))
        return SIGHTING

    def delete(self, path, mark):
        self._do("delete", self.place(path))
        return Deleted("deleted", 1)

    def find(self, call_uuid, places):
        self._do("find", *places)
        return [f"{each}/{call_uuid}.wav" for each in places]

    def publish(self, path, name, archive):
        self._do("publish", self.place(path), "archive")
        return Published(name, 1)

    def published(self, name):
        self._do("published", "archive")
        return Published(name, 1)

    def retract(self, name):
        self._do("retract", "archive")
        return Deleted("deleted", 1)

    def close(self):
        os.close(self._reading)
        os.close(self._writing)


@contextmanager
def two(*hanging, count=2):
    files = Two(*hanging)
    off_hub = OffHub(files, count)
    try:
        with gevent.Timeout(60):
            yield files, off_hub
    finally:
        files.back()
        place.AGAIN, again = 0.0, place.AGAIN
        for each in (*off_hub._places.values(), *off_hub._ways.values()):
            each._silent_until = 0.0
        off_hub.close()
        place.AGAIN = again


def silent(*work):
    with pytest.raises(FileWorkFailed, match=SILENT):
        work[0](*work[1:])


@pytest.mark.parametrize("hangs", ["/a", "/b"])
def test_P12_a_place_that_hangs_keeps_nobody_whose_files_are_in_another(hangs, monkeypatch):
    other = {"/a": "/b", "/b": "/a"}[hangs]
    with two(hangs) as (files, off_hub):
        with monkeypatch.context() as patch:
            patch.setattr(offhub, "ANSWER", 0.05)
            for _ in range(5):  # more than there are threads
                silent(off_hub.look, f"{hangs}/x.wav")
        silent(off_hub.delete, f"{hangs}/x.wav", None)  # it is not even tried
        assert ("delete", hangs) not in files.begun
        assert off_hub.delete(f"{other}/x.wav", None).how == "deleted"
        assert off_hub.publish(f"{other}/x.wav", "x.wav", "i").location == "x.wav"
        assert off_hub.retract("y.wav").how == "deleted"


def test_P12_what_hangs_on_its_way_into_the_archive_keeps_nobody_else_from_the_archive(monkeypatch):
    with two("/a") as (_, off_hub):
        hanging = [gevent.spawn(off_hub.publish, f"/a/{n}.wav", f"{n}.wav", "i") for n in range(4)]
        gevent.sleep(0)
        assert off_hub.published("y.wav").location == "y.wav"
        assert off_hub.retract("y.wav").how == "deleted"
        assert off_hub.publish("/b/x.wav", "x.wav", "i").location == "x.wav"
        assert not any(each.ready() for each in hanging)
        gevent.killall(hanging)


def test_P12_what_is_found_elsewhere_is_said_though_one_place_hangs(monkeypatch):
    monkeypatch.setattr(offhub, "ANSWER", 0.05)
    with two("/b") as (files, off_hub):
        with pytest.raises(NotAllSearched, match="/b does not answer") as caught:
            off_hub.find("uuid")
        assert caught.value.found == ("/a/uuid.wav",)
        monkeypatch.setattr(offhub, "ANSWER", 30.0)
        files.back()
        off_hub._places["/b"]._silent_until = 0.0
        assert off_hub.find("uuid") == ["/a/uuid.wav", "/b/uuid.wav"]


def test_an_archive_that_hangs_is_not_waited_for_for_ever_and_what_is_staged_is_not_brought_there(
    monkeypatch,
):
    monkeypatch.setattr(offhub, "ARCHIVE", 0.05)
    with two("archive") as (files, off_hub):
        with pytest.raises(NotKnown, match="the archive does not answer"):  # it may be done yet
            off_hub.retract("x.wav")
        silent(off_hub.published, "x.wav")
        silent(off_hub.publish, "/a/x.wav", "x.wav", "i")
        assert files.begun == [("retract", "archive")]
        assert off_hub.delete("/a/x.wav", None).how == "deleted"


def test_a_copy_that_was_given_up_on_is_not_begun_a_second_time_beside_itself(monkeypatch):
    monkeypatch.setattr(offhub, "PUBLISH", 0.05)
    monkeypatch.setattr(place, "AGAIN", 0.0)
    with two("archive") as (files, off_hub):
        for _ in range(2):
            silent(off_hub.publish, "/a/x.wav", "x.wav", "i")
        assert files.begun == [("publish", "/a", "archive")]
        monkeypatch.setattr(offhub, "PUBLISH", 60.0)
        files.back()
        assert off_hub.publish("/a/x.wav", "x.wav", "i").location == "x.wav"
        assert len(files.begun) == 1
        assert off_hub._publishing == {}
        assert off_hub.publish("/a/x.wav", "x.wav", "i").location == "x.wav"
        assert len(files.begun) == 2


def test_P12_what_goes_on_when_nobody_waits_is_not_called_gone(monkeypatch):
    """Of the agent's, above all: whoever asks it to take it out is another process than the one that hangs."""
    monkeypatch.setattr(offhub, "PUBLISH", 0.05)
    monkeypatch.setattr(place, "AGAIN", 0.0)
    with two("/a") as (files, off_hub):
        with pytest.raises(GoesOn, match=SILENT) as given_up:
            off_hub.publish("/a/x.wav", "x.wav", "i")
        assert not given_up.value.is_over()
        with pytest.raises(NotKnown, match="on its way"):
            off_hub.retract("x.wav")
        assert files.begun[-1] == ("retract", "archive")
        assert off_hub.retract("y.wav").how == "deleted"
        files.back()
        while not given_up.value.is_over():
            gevent.sleep(0.01)
        assert off_hub.retract("x.wav").how == "deleted"


def test_a_copy_that_waits_for_a_thread_is_not_begun_when_nobody_waits_for_it(monkeypatch):
    monkeypatch.setattr(offhub, "PUBLISH", 0.05)
    monkeypatch.setattr(place, "AGAIN", 0.0)
    with two("archive", count=1) as (files, off_hub):
        for number in range(4):  # one hangs, and gevent's pool takes one more
            silent(off_hub.publish, f"/a/{number}.wav", "x.wav", "i")
        assert len(off_hub._publishing) == 2
        monkeypatch.setattr(offhub, "PUBLISH", 60.0)
        files.back()
        assert off_hub.publish("/a/3.wav", "x.wav", "i").location == "x.wav"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("publish", ("/staging/a.wav", "a.wav", "x" * 24)),
        ("published", ("a.wav",)),
        ("retract", ("a.wav",)),
        ("archived", ()),
        ("claim", ("x" * 24,)),
    ],
)
def test_P12_an_archive_that_hangs_keeps_no_staged_file(method, arguments):
    reading, writing = os.pipe()
    files = Mock()
    files.delete.return_value = Deleted("deleted", 1)
    getattr(files, method).side_effect = lambda *_: os.read(reading, 1)
    off_hub = OffHub(files, 2)
    hanging = [gevent.spawn(getattr(off_hub, method), *arguments) for _ in range(2)]
    gevent.sleep(0)
    try:
        with gevent.Timeout(20):
            assert off_hub.delete("/staging/b.wav", None).how == "deleted"
        assert not any(greenlet.ready() for greenlet in hanging)
    finally:
        os.write(writing, b"12")
        gevent.joinall(hanging, raise_error=True)
        off_hub.close()
        os.close(reading)
        os.close(writing)


def test_staging_that_hangs_is_not_waited_for_for_ever_nor_again_and_again(monkeypatch):
    """A caller waits for it: as long as there is a thread, and when there is none."""
    with two("/a") as (files, off_hub):
        monkeypatch.setattr(offhub, "ANSWER", 0.05)
        monkeypatch.setattr(place, "AGAIN", 0.0)
        for _ in range(3):
            silent(off_hub.look, "/a/a.wav")
        monkeypatch.setattr(place, "AGAIN", 3600.0)
        silent(off_hub.look, "/a/a.wav")
        files.back()
        monkeypatch.setattr(offhub, "ANSWER", 30.0)
        silent(off_hub.delete, "/a/b.wav", None)  # not even tried
        assert ("delete", "/a") not in files.begun
        off_hub._places["/a"]._silent_until = 0.0
        assert off_hub.delete("/a/b.wav", None).how == "deleted"


def test_the_end_does_not_wait_for_a_directory_that_hangs(monkeypatch):
    monkeypatch.setattr(offhub, "ANSWER", 0.05)
    monkeypatch.setattr(offhub, "END", 0.05)
    reading, writing = os.pipe()
    files = Mock()
    files.look.side_effect = lambda *_: os.read(reading, 1)
    off_hub = OffHub(files, count=2)
    with pytest.raises(FileWorkFailed, match=SILENT):
        off_hub.look("/staging/a.wav")
    try:
        with gevent.Timeout(30):
            off_hub.close()
    finally:
        os.write(writing, b"1")


def test_who_asks_after_the_end_is_refused_and_begins_no_thread():
    files = Mock()
    off_hub = OffHub(files, count=2)
    off_hub.close()
    for late in (
        lambda: off_hub.delete("/staging/b.wav", None),
        lambda: off_hub.retract("b.wav"),
        off_hub.identity,
    ):
        with pytest.raises(FileWorkFailed, match="the server ends"):
            late()
    assert {name for name, *_ in files.method_calls} == {"close", "place"}

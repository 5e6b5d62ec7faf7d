"""File work on threads: an archive that hangs keeps nobody from deleting what is staged."""

from __future__ import annotations

import os
from unittest.mock import Mock

import gevent
import pytest

from fsflows.recordings.files import offhub
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Deleted
from fsflows.recordings.files.offhub import OffHub


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
    monkeypatch.setattr(offhub, "ANSWER", 0.05)
    monkeypatch.setattr(offhub, "AGAIN", 0.0)
    reading, writing = os.pipe()
    files = Mock()
    files.look.side_effect = lambda *_: os.read(reading, 1)
    files.delete.return_value = Deleted("deleted", 1)
    off_hub = OffHub(files, count=2)
    try:
        for _ in range(3):
            with pytest.raises(FileWorkFailed, match="do not answer"):
                off_hub.look("/staging/a.wav")
        monkeypatch.setattr(offhub, "AGAIN", 3600.0)
        with pytest.raises(FileWorkFailed, match="do not answer"):
            off_hub.look("/staging/a.wav")
    finally:
        os.write(writing, b"123")
    monkeypatch.setattr(offhub, "ANSWER", 30.0)
    with pytest.raises(FileWorkFailed, match="do not answer"):
        off_hub.delete("/staging/b.wav", None)  # not even tried
    assert not files.delete.called
    off_hub._silent_until = 0.0
    with gevent.Timeout(30):
        assert off_hub.delete("/staging/b.wav", None).how == "deleted"
    off_hub.close()
    os.close(reading)
    os.close(writing)


def test_the_end_does_not_wait_for_a_directory_that_hangs(monkeypatch):
    monkeypatch.setattr(offhub, "ANSWER", 0.05)
    monkeypatch.setattr(offhub, "END", 0.05)
    reading, writing = os.pipe()
    files = Mock()
    files.look.side_effect = lambda *_: os.read(reading, 1)
    off_hub = OffHub(files, count=2)
    with pytest.raises(FileWorkFailed, match="do not answer"):
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
    assert [name for name, *_ in files.method_calls] == ["close"]

"""File work on threads: an archive that hangs keeps nobody from deleting what is staged."""

from __future__ import annotations

import os
from unittest.mock import Mock

import gevent
import pytest

from fsflows.recordings.files import Deleted
from fsflows.recordings.offhub import OffHub


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

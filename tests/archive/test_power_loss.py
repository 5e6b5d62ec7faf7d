"""Power losses at every moment: no record is lost that was on disk once, wherever it has come to since."""

import gevent
import pytest
from recordings.power import Disk
from sqlalchemy.exc import DataError

from fsflows.archive import spool as spool_module
from fsflows.archive.spool import Spool
from fsflows.archive.writer import RecordWriter
from fsflows.database import DatabaseFailed


@pytest.fixture
def disk(tmp_path):
    disk = Disk((tmp_path,))
    yield disk
    disk.close()


def lines(directory):
    """All whole lines that a new process finds in the spool, and those that were put aside."""
    spool = Spool(directory)
    spool.adopt()
    found = []
    while batch := spool.take(100):
        found += batch.lines
        spool.done(batch)
    spool.close()
    aside = directory / "rejected.jsonl"
    return found + (aside.read_bytes().splitlines() if aside.exists() else [])


def test_lines_that_were_appended_are_there_until_they_are_done_with(tmp_path, disk, monkeypatch):
    """In two processes, one after the other, in a directory that is made for them, with a segment for each few lines."""
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 20)
    directory = tmp_path / "made" / "spool"

    def process(number):
        spool = Spool(directory)
        spool.adopt()
        for line in (f"line {number}{each}" for each in range(4)):
            spool.append([line.encode()])
            disk.promise(line)
        batch = spool.take(2)
        for line in batch.lines:
            disk.promise(f"done {line.decode()}")  # from here on the database has it
        spool.done(batch)
        return spool

    with disk.watched():
        process(1).close()
        process(2).close()
    count = 0
    for left in disk.losses():
        count += 1
        done = {each.removeprefix("done ") for each in left.promised if each.startswith("done")}
        appended = {each for each in left.promised if not each.startswith("done")}
        found = {line.decode() for line in lines(directory)}
        assert appended - done <= found, left.label
    assert count > 30


class Refusing:
    """A database that takes no record."""

    def insert(self, batch):
        raise DatabaseFailed("value too long") from DataError("", {}, ValueError())

    def begin(self, batch):
        pass


def test_a_record_that_the_database_refuses_is_not_lost_besides(tmp_path, disk, samples):
    writer = RecordWriter(Refusing, Spool(tmp_path / "spool"))
    wanted = {record.dumps().encode() for record in samples[:2]}
    spooled = [Spool(tmp_path / "spool")]
    spooled[0].append(sorted(wanted))
    spooled[0].close()
    with disk.watched():
        writer.start()
        with gevent.Timeout(20):
            while writer.stats.rejected < 2 or writer.stats.waiting:
                gevent.sleep(0.001)
        writer.stop()
    count = 0
    for left in disk.losses():
        count += 1
        assert wanted <= set(lines(tmp_path / "spool")), left.label
    assert count > 3

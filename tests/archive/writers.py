"""What tests of the writer need: a database that does what it is told, and patience."""

import gevent
from sqlalchemy.exc import DataError

from fsflows.archive.model import loads
from fsflows.database import DatabaseFailed


class FakeStore:
    """A database that can be away, hang, or refuse single records."""

    def __init__(self):
        self.there = {}
        self.away = False
        self.refused = set()
        self.refusal = DataError("", {}, ValueError())
        self.broken = set()
        self.hang = None
        self.inserts = 0
        self.begun = {}
        self.noted = []

    def begin(self, batch):
        if self.away:
            raise DatabaseFailed("could not connect")
        if any(call.record_id in self.refused for call in batch):
            raise DatabaseFailed("value too long") from DataError("", {}, ValueError())
        self.noted.append([call.record_id for call in batch])
        for call in batch:
            if call.record_id not in self.there:
                self.begun[call.record_id] = (call.owner, loads(call.body))

    def insert(self, batch):
        self.inserts += 1
        if self.hang is not None:
            self.hang.wait()
        if self.away:
            raise DatabaseFailed("could not connect")
        if any(record.id in self.broken for record in batch):
            raise TypeError("a fault of ours")
        if any(record.id in self.refused for record in batch):
            raise DatabaseFailed("value too long") from self.refusal
        for record in batch:
            self.there[record.id] = record
            self.begun.pop(record.id, None)


def until(condition):
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.001)

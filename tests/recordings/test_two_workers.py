"""As `test_interleavings`, of a call that comes to two workers in turn, with an archive into which is copied, slowly, and
a database that fails at times."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from fsflows.database import DatabaseFailed
from fsflows.recordings.files import archive, directory_archive
from fsflows.recordings.freeswitch.control import RecordingError
from recordings.fakes import OTHER, UUID
from recordings.test_interleavings import Crash, Process, Scene, template  # noqa: F401

SHORT = (0.0, 0.1, 1.0)
LONG = (0.0, 0.3, 3.0, 30.0)


class Worker(Process):
    """One of them: its own service, and its own connection to the database."""

    def __init__(self, scene, lifetime):
        super().__init__(scene, lifetime)
        scene.world.faults = self
        self.service = scene.world.restart("node-a")
        self.service.tools.reach.event_sockets.api = self.api
        database = scene.world.database
        run = database._run

        def failing(work, of, kind):
            if scene.random.random() < scene.failing:
                work = Worker.fail
            return run(work, of, kind)

        database._run = failing

    @staticmethod
    def fail(connection):
        raise OperationalError("COMMIT", {}, Exception("the database is away"))

    def at(self, point):
        if point.startswith("publish 3") and self.alive:
            self.scene.clock.sleep(self.scene.random.choice(LONG))
        super().at(point)


class Scenes(Scene):
    """One call that comes to either of them, again and again; and one to one of them."""

    def __init__(self, directory, far, seed, journal):
        (directory / "archive").symlink_to(far)
        self.failing, self.fails = 0.0, random.Random(seed).choice([0.0, 0.0, 0.05])
        self.workers = []
        self.has = {}
        super().__init__(directory, seed, journal)

    def dialplan(self):
        for _ in range(3):
            self.clock.sleep(self.random.random() * 5)
            self.failing = self.fails
            self.clock.sleep(self.random.random() * 5)
            self.failing = 0.0

    def conversation(self):
        lifetimes = [self.random.choice([0, self.random.randrange(1, 150)]) for _ in range(2)]
        self.workers = [Worker(self, lifetime) for lifetime in lifetimes]
        self.switch_events(None)
        for worker in self.workers:
            self.by(worker, worker.service.sweeper.tend)
        other = self.random.choice(self.workers)
        sweeps = [(self.by, worker, self.sweeping, worker) for worker in self.workers]
        self.together((self.by, other, self.other_call, other), (self.visits_of_one,), *sweeps)

    def by(self, worker, function, *arguments):
        """What a worker does, while it lives."""
        if worker.alive:
            self.process, self.world.service = worker, worker.service
            with suppress(DatabaseFailed):
                self.in_process(function, *arguments)

    def in_process(self, function, *arguments):
        try:
            function(*arguments)
        except Crash:
            self.crashes += 1
            for uuid, worker in self.has.items():
                if not worker.alive:
                    self.world.calls.pop(uuid, None)

    def take(self, worker, uuid):
        self.process, self.world.service = worker, worker.service
        self.has[uuid] = worker
        return self.call(uuid)

    def visits_of_one(self):
        ends = []
        for _ in range(self.random.choice([1, 2, 2, 3])):
            worker = self.random.choice(self.workers)
            if UUID in self.switch.calls and worker.alive:
                self.visits += 1
                self.by(worker, self.visit, worker, ends)
                self.clock.sleep(self.random.random())
        for end in ends:
            end.join()
            if end.exception is not None:
                raise end.exception

    def visit(self, worker, ends):
        call = self.take(worker, UUID)
        self.flow(call)
        if not worker.alive:
            raise Crash
        call.close()
        # What is handed on comes back before all of it is published.
        ends.append(self.clock.spawn(self.by, worker, self.finish, call, UUID))

    def other_call(self, worker):
        call = self.take(worker, OTHER)
        for _ in range(3):
            with suppress(RecordingError):
                call.start()
            self.switch.talk()
            self.clock.sleep(self.random.random() * 3)
        if not worker.alive:
            raise Crash
        self.finish(call, OTHER)

    def sweeping(self, worker):
        sweeper = worker.service.sweeper
        for _ in range(6):
            self.clock.sleep(self.random.random() * 10)
            if not worker.alive:
                raise Crash
            with suppress(DatabaseFailed):
                (sweeper.sweep if worker is self.workers[0] else sweeper.tend)()

    def recover(self):
        self.failing = 0.0
        for worker in self.workers:
            worker.alive = False
        self.workers = []
        super().recover()

    def must_be_well(self):
        super().must_be_well()
        journal = self.world.service.tools.journal
        receipt = journal.load(UUID).receipt
        if receipt is not None and not self.fails:
            assert "absent" not in {file.how for file in receipt.files}
        for entry in (*journal.load(UUID).entries, *journal.load(OTHER).entries):
            if entry.state == "published":
                file = self.world.directory / "archive" / entry.name
                assert file.stat().st_size == entry.size
            assert entry.state != "lost" or "out of reach" in entry.error


@pytest.mark.parametrize("first", [0, 20])
def test_12_13_of_two_workers_neither_harms_the_others_recordings(
    in_memory,
    template,  # noqa: F811
    monkeypatch,
    first,
):
    told = Counter()
    for seed in range(first, first + 20):
        directory = in_memory / str(seed)
        directory.mkdir()
        with tempfile.TemporaryDirectory() as far:
            scene = Scenes(directory, Path(far), seed, template)

            def look(found, descriptor, scene=scene):
                scene.clock.sleep(scene.random.choice(SHORT))
                return archive.deleted_since(found, descriptor)

            monkeypatch.setattr(directory_archive, "deleted_since", look)
            scene.tell()
        told.update(acknowledged=scene.acknowledged, crashed=scene.crashes > 0, visits=scene.visits)
    assert told["acknowledged"] >= 3
    assert told["crashed"] >= 2
    assert told["visits"] >= 20

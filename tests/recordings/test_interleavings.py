"""Record, mask, discard, hang up and crash in every order that a random number generator can think of.

In virtual time, everything that waits in reality waits here: each command to FreeSWITCH, and each numbered point of a
discard or a publication. At each of these moments other tasks go on, and the process may die. What must hold is
looked at at each of them, not only at the end.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter

import pytest

from fsflows.database import Database
from fsflows.log import call_logger
from fsflows.recordings.call.summary import RecordingsClosed
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.files import WAV_HEADER
from fsflows.recordings.freeswitch.control import ApiControl, RecordingError
from fsflows.recordings.recovery.sweep import Sweeper
from recordings.fakes import OTHER, SWITCH, UUID, World, sweep_alone

LEASE_OVER = 100.0
IN_TRANSACTION = "discard 12"
"""At this point the database is locked; in reality nobody else runs either."""


class Crash(BaseException):
    """The process is dead; nothing of it runs on."""


class Process:
    """A process of ours, as fault hook and connection to FreeSWITCH: where it waits, and may die."""

    def __init__(self, scene, lifetime):
        self.scene = scene
        self.left = lifetime
        self.alive = True

    def at(self, point):
        self.scene.check()
        self.step(wait=not point.startswith(IN_TRANSACTION))

    def api(self, name, *arguments):
        self.step()
        answer = self.scene.world.switch.api(name, *arguments)
        self.step()
        return answer

    def step(self, *, wait=True):
        if self.alive:
            self.left -= 1
            self.alive = self.left != 0
        if wait and self.alive:
            self.scene.clock.sleep(self.scene.random.choice([0.0, 0.001, 0.02, 0.3]))
        if not self.alive:
            raise Crash


class Scene:
    """Two calls: one whose caller may opt out, one that must come to no harm."""

    fails = 0.0  # how often the database does

    def __init__(self, directory, seed, template):
        self.seed = seed
        self.random = random.Random(seed)
        shutil.copy(template, directory / "journal.db")
        # As the documentation says for recordings of others: their names have the call in them, and the settings know.
        self.world = World(directory, patterns=(f"{directory}/other/*{{uuid}}*",))
        self.clock = self.world.clock
        self.switch = self.world.switch
        # Half of the stories have a FreeSWITCH that deletes for us what is recorded after a discard. There, a file's name
        # need not even say whose it is; in the others it must, or nobody would find what was recorded while we were dead.
        self.switch.forbids = self.random.random() < 0.5
        self.acknowledged = False
        self.starts = 0  # recordings that had started when the discard was acknowledged
        self.checks = self.crashes = self.visits = 0
        self.process = None

    def tell(self):
        """The whole story, and how it ends."""
        try:
            self.clock.run(self.run)
            self.must_be_well()
        except BaseException as error:
            error.add_note(f"seed {self.seed}")
            raise
        finally:
            self.world.close()

    def begin(self, node="node-a", lifetime=0):
        """A process starts: it sweeps, and takes calls."""
        self.process = process = Process(self, lifetime)
        self.world.faults = process
        service = self.world.restart(node)
        service.tools.reach.event_sockets.api = process.api
        return service

    def call(self, uuid):
        service = self.world.service
        control = ApiControl(self.process.api, uuid)
        log = call_logger("t", uuid)
        self.world.calls[uuid] = service.call(control, flow="demo", switch=SWITCH, log=log)
        return self.world.calls[uuid]

    def check(self):
        """After a discard was acknowledged no audio from before it is anywhere, and none is ever published."""
        self.checks += 1
        if self.acknowledged:
            self.switch.talk()
            later = {path for path, number in self.switch.opened.items() if number > self.starts}
            audio = {f"{self.world.directory}/{file}" for file in self.world.audio()}
            assert sorted(audio - later) == []

    # --- what happens, each in a task of its own ----------------------------------------------------------------

    def flow(self, call):
        """The flow: records, masks, pauses, asks."""
        todo = [self.random.choice(["start", "mask", "pause", "wait"]) for _ in range(4)]
        if self.random.random() < 0.8:
            todo.insert(self.random.randrange(5), "discard")
        call.begin()
        for what in todo:
            self.clock.sleep(self.random.random())
            try:
                self.do(call, what)
            except (RecordingError, RecordingsClosed):
                over = call.closed or UUID not in self.switch.calls
                assert call.discarded or over or self.fails
            except DiscardFailed:
                continue  # said loudly, and finished later: see `must_be_well`

    def do(self, call, what):
        if what == "start":
            call.start()
        elif what == "mask":
            call.mask()
            self.clock.sleep(self.random.random())
            call.unmask()
        elif what == "pause":
            call.pause()
            self.clock.sleep(self.random.random())
            call.resume()
        elif what == "discard":
            call.discard(self.world.cause())
            self.acknowledged = True
            self.starts = self.switch.starts
            self.check()

    def dialplan(self):
        """Somebody else records the call, too."""
        for _ in range(self.random.randrange(4)):
            self.clock.sleep(self.random.random() * 2)
            where = self.random.choice([self.world.other, self.world.staging])
            unnamed = self.acknowledged and self.switch.forbids
            path = f"{where}/x{self.random.randrange(2)}{'' if unnamed else f'-{UUID}'}.wav"
            if UUID in self.switch.calls:
                self.switch.uuid_record(UUID, "start", path)
                if self.random.random() < 0.5:
                    self.clock.sleep(self.random.random())
                    if UUID in self.switch.calls:
                        self.switch.uuid_record(UUID, "stop", path)

    def hang_up(self, uuid):
        if uuid in self.switch.calls:
            self.switch.hang_up(uuid)

    def run(self):
        """A whole story."""
        for uuid in (UUID, OTHER):
            self.switch.begin(uuid)
        if self.random.random() < 0.3:
            self.switch.uuid_record(UUID, "start", f"{self.world.other}/early.wav")
        self.begin(lifetime=self.random.choice([0, *(self.random.randrange(1, 150),) * 2]))
        tasks = [self.clock.spawn(self.in_process, self.conversation)]
        tasks.append(self.clock.spawn(self.dialplan))
        self.clock.sleep(self.random.random() * 12)
        if self.random.random() < 0.5:
            self.hang_up(UUID)
        for task in tasks:
            task.join()
            if task.exception is not None:
                raise task.exception
        self.recover()
        self.hang_up(UUID)
        self.hang_up(OTHER)
        self.recover()

    def conversation(self):
        sweep_alone(self.world.service.sweeper)
        other, call = self.call(OTHER), self.call(UUID)
        self.switch_events(call)
        other.start()
        self.switch.talk()
        process = self.process
        self.together((self.flow, call), (self.sweeps, call))
        if not process.alive:
            raise Crash
        call.close()
        if UUID in self.switch.calls and self.random.random() < 0.5:
            self.together((self.finish, call, UUID), (self.comes_back,))
        else:
            self.finish(call, UUID)
        if not process.alive:
            raise Crash
        self.finish(other, OTHER)

    def comes_back(self):
        """The call was handed on, and is back before all of it is published."""
        self.clock.sleep(self.random.random())
        if UUID not in self.switch.calls:
            return
        self.visits += 1
        call = self.call(UUID)
        self.together((self.flow, call), (self.sweeps, call))
        if not self.process.alive:
            raise Crash
        call.close()
        self.finish(call, UUID)

    def together(self, *tasks):
        inner = [self.clock.spawn(self.in_process, *task) for task in tasks]
        for task in inner:
            task.join()
            if task.exception is not None:
                raise task.exception

    def sweeps(self, _call):
        for _ in range(3):
            self.clock.sleep(self.random.random() * 2)
            self.world.service.sweeper.sweep()

    def finish(self, call, uuid):
        call.finish(call_over=uuid not in self.switch.calls)
        if self.world.calls.get(uuid) is call:
            del self.world.calls[uuid]

    def must_be_well(self):
        """The end: discarded and nothing left, or published and nothing lost."""
        self.switch.talk()
        journal = self.world.service.tools.journal.load(UUID)
        assert journal.intent is not None or not self.acknowledged
        if journal.intent is not None:
            assert self.world.audio() == []
            assert not journal.intent.open
            assert journal.receipt.complete
            assert {entry.state for entry in journal.entries} <= {"discarded"}
        else:
            # What others recorded there while we were dead is known to nobody, and reported.
            assert [f for f in self.waiting(UUID) if f.startswith("staging/")] == []
            assert {entry.state for entry in journal.entries} <= {
                "published",
                "kept",
                "lost",
                "failed",
            }
        # The other call was published whole, or was cut short before it was recorded.
        assert self.waiting(OTHER) == []
        states = {e.state for e in self.world.service.tools.journal.load(OTHER).entries}
        assert states <= {"published", "lost", "failed"}

    def waiting(self, uuid):
        """Known recordings that are not in the archive.

        But for the empty files that FreeSWITCH had made when we died: they are tidied up, in time.
        """
        known = {e.path: e for e in self.world.service.tools.journal.load(uuid).entries}
        found = []
        for name in self.world.audio(uuid):
            file = self.world.directory / name
            entry = known.get(str(file))
            if entry and (entry.state != "failed" or file.stat().st_size > WAV_HEADER):
                found.append(name)
        return found

    def in_process(self, function, *arguments):
        try:
            function(*arguments)
        except Crash:
            self.crashes += 1
            self.world.calls.clear()

    def switch_events(self, call):
        """News from FreeSWITCH reach a call in a task of their own, if anybody lives to hear them."""

        def event(name, uuid, path, cause):
            listener = self.world.calls.get(uuid)
            if listener is None and uuid == UUID:
                ended = None if name == "start" else cause
                self.clock.spawn(self.in_process, self.heard, uuid, path, ended)
            elif listener is not None:
                told = listener.noticed_start if name == "start" else listener.noticed_stop
                arguments = (path, 0.0) if name == "start" else (path, 0.0, cause)
                self.clock.spawn(self.in_process, told, *arguments)

        self.switch.on_event = event

    def heard(self, uuid, path, cause):
        """What the watch does with news of a call that has no connection to us."""
        if self.process.alive:
            sweeper = self.world.service.sweeper
            self.process.step()
            if sweeper.hear([(uuid, path)]):
                sweeper.noticed(uuid, path, cause)

    def recover(self):
        """The same node comes back, or another one takes over when the lease is over; it may die as well."""
        lifetimes = [self.random.randrange(1, 60) for _ in range(self.random.randrange(3))]
        for lifetime in (*lifetimes, 0):
            self.world.calls.clear()
            same = self.random.random() < 0.5
            self.begin("node-a" if same else "node-b", lifetime)
            self.clock.sleep(LEASE_OVER)
            sweep = sweep_alone if same else Sweeper.sweep
            for _ in range(2):
                self.in_process(sweep, self.world.service.sweeper)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "journal.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_12_13_whatever_happens_in_whatever_order(in_memory, template, first):
    told = Counter()
    for seed in range(first, first + 20):
        directory = in_memory / str(seed)
        directory.mkdir()
        scene = Scene(directory, seed, template)
        scene.tell()
        told.update(
            acknowledged=scene.acknowledged,
            crashed=scene.crashes > 0,
            checked=scene.checks,
            came_back=scene.visits,
        )
    # The stories are worth telling.
    assert told["acknowledged"] >= 3
    assert told["crashed"] >= 2
    assert told["came_back"] >= 2
    assert told["checked"] > 100

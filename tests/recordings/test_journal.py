"""The journal: what is written stays, who was first counts, and work is claimed once."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import delete

from fsflows.clock import VirtualClock
from fsflows.database import Database
from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause, FileReceipt, Receipt
from fsflows.recordings.journal.tables import discards, nodes, receipts, recordings
from fsflows.recordings.recovery.claims import Claims


class Site:
    """One database, and processes that use it."""

    def __init__(self, url):
        self.clock = VirtualClock()
        self.url = url
        self.databases = []

    def process(self, name):
        database = Database.open(self.url)
        self.databases.append(database)
        node = Node.make(name)
        return Journal(database, self.clock, node), Claims(database, self.clock, node)

    def cause(self, step="opt_out"):
        return DiscardCause("demo", step, "1", self.clock.utcnow())

    def entry(self, path="/r/x.wav", call="call", **more):
        return Entry(
            call_uuid=call, path=path, started_at=self.clock.utcnow(), switch="fs1", **more
        )

    def receipt(self, journal, *files, call="call"):
        return Receipt(call, self.cause(), self.clock.utcnow(), journal.node.id, files=files)

    def later(self, seconds):
        self.clock._now += seconds


@pytest.fixture
def site(url):
    site = Site(url)
    yield site
    for table in (discards, receipts, recordings, nodes):
        site.databases[0].write(lambda c, t=table: c.execute(delete(t)))
    for database in site.databases:
        database.close()


def test_what_is_noted_is_loaded(site):
    journal, _ = site.process("a")
    (entry,) = journal.note([site.entry("/r/\udcff\0%x.wav", seen=True, mark="7", size=2**40)])
    assert entry.id > 0
    assert entry.node == "a"
    assert journal.load("call").entries == (entry,)
    assert journal.load("other").entries == ()


def test_a_call_of_which_nothing_is_known_is_noted_at_once(site):
    journal, _ = site.process("a")
    known, entry = journal.note_first(site.entry(state="starting"))
    assert (not known, entry.state, entry.node) == (True, "starting", "a")
    assert journal.load("call").entries == (entry,)


def test_where_something_is_known_nothing_is_noted_before_it_was_looked_at(site):
    journal, _ = site.process("a")
    journal.note([site.entry("/r/earlier.wav")])
    known, entry = journal.note_first(site.entry("/r/later.wav"))
    assert entry is None
    assert [each.path for each in known.entries] == ["/r/earlier.wav"]

    journal.open_discard("other", "fs1", site.cause("gone"))
    known, entry = journal.note_first(site.entry(call="other"))
    assert (entry, known.intent.cause.step) == (None, "gone")
    assert journal.load("other").entries == ()


@pytest.mark.parametrize(
    "path", ["/r/x y'\".wav", "quoted:/r/%41", "/r/\udcff", "/r/a\0b", "é", ""]
)
def test_any_path_is_kept_as_it_is(site, path):
    journal, claims = site.process("a")
    journal.note([site.entry(path)])
    assert [e.path for e in journal.load("call").entries] == [path]
    assert list(claims.by_path([path])) == [path]


def test_noting_a_path_again_keeps_what_is_known(site):
    journal, _ = site.process("a")
    first, _ = journal.note([site.entry(seen=True, mark="7", size=5, name="n"), site.entry("/r/y")])
    journal.change(first, ("recording",), state="staged", stopped_at=site.clock.utcnow())
    journal.note([site.entry()])
    (again, _) = journal.load("call").entries
    assert (again.id, again.state, again.seen, again.mark, again.size, again.name) == (
        first.id,
        "recording",
        True,
        "7",
        5,
        "n",
    )
    assert again.stopped_at is None


def test_the_first_cause_stays(site):
    journal, _ = site.process("a")
    journal.open_discard("call", "fs1", site.cause("first"))
    intent, _ = journal.open_discard("call", "fs1", site.cause("second"))
    assert intent.cause.step == "first"


def test_a_recording_that_is_noted_after_the_receipt_opens_the_discard_again(site):
    journal, _ = site.process("a")
    journal.open_discard("call", "fs1", site.cause(), [site.entry()])
    journal.list_for_deletion("call", {}, stop_ms=1, detail="")
    journal.close_discard(site.receipt(journal, FileReceipt("/r/x.wav", "deleted", 5)), watch=False)
    call = journal.load("call")
    assert (call.intent.open, call.intent.watch, call.receipt.complete) == (False, False, True)
    assert [e.state for e in call.entries] == ["discarded"]

    journal.note([site.entry("/r/late.wav")])
    call = journal.load("call")
    assert (call.intent.open, call.intent.watch, call.receipt.complete) == (True, True, False)
    late = site.receipt(journal, FileReceipt("/r/late.wav", "deleted", 6))
    assert journal.close_discard(late, watch=True) is None  # it is not listed for deletion yet
    journal.list_for_deletion("call", {}, stop_ms=1, detail="")
    amended = journal.close_discard(late, watch=True)
    assert (amended.revision, amended.complete) == (2, True)
    assert [(f.path, f.late) for f in amended.files] == [("/r/x.wav", False), ("/r/late.wav", True)]
    assert journal.load("call").receipt == amended


def test_two_nodes_finish_the_same_discard_and_there_is_one_receipt(site):
    (first, _), (second, _) = site.process("a"), site.process("b")
    first.open_discard("call", "fs1", site.cause(), [site.entry(), site.entry("/r/y.wav")])
    for journal in (first, second):
        journal.list_for_deletion("call", {}, stop_ms=1, detail="")
    # Each deleted one of the two, and found the other gone.
    gone = "deleted earlier"
    one = first.close_discard(
        site.receipt(
            first, FileReceipt("/r/x.wav", "deleted", 5), FileReceipt("/r/y.wav", gone, 5)
        ),
        watch=True,
    )
    other = second.close_discard(
        site.receipt(
            second, FileReceipt("/r/x.wav", gone, 5), FileReceipt("/r/y.wav", "deleted", 5)
        ),
        watch=True,
    )
    assert one.node == first.node.id
    assert [(f.how, f.late) for f in other.files] == [("deleted", False)] * 2
    assert first.load("call").receipt == other
    # A third that has nothing to add changes nothing.
    third = site.receipt(second, FileReceipt("/r/x.wav", gone, 5))
    assert second.close_discard(third, watch=True) == other


def test_a_discarded_recording_can_not_be_published(site):
    journal, _ = site.process("a")
    (entry,) = journal.note([site.entry(name="n")])
    assert journal.start_publishing(entry)
    journal.open_discard("call", "fs1", site.cause())
    assert not journal.published(entry, "/archive/n", 5)
    assert not journal.start_publishing(entry)


def test_what_another_living_node_publishes_is_not_listed_for_deletion(site):
    (mine, _), (theirs, claims) = site.process("a"), site.process("b")
    (entry,) = theirs.note([site.entry(name="n")])
    theirs.start_publishing(entry)
    claims.beat()
    mine.open_discard("call", "fs1", site.cause())
    assert [e.state for e in mine.list_for_deletion("call", {}, stop_ms=1, detail="")] == [
        "publishing"
    ]
    assert mine.close_discard(site.receipt(mine), watch=True) is None
    site.later(61)
    assert [e.state for e in mine.list_for_deletion("call", {}, stop_ms=1, detail="")] == [
        "discarding"
    ]


def test_work_of_a_living_node_is_not_claimed_and_of_a_dead_one_once(site):
    (journal, one), (_, two), (_, three) = (site.process(name) for name in "abc")
    one.beat()
    journal.open_discard("call", "fs1", site.cause())
    journal.note([site.entry(call="other")])
    for claims in (two, three):
        claims.beat()
        assert claims.discards(["fs1"], ()) == []
        assert claims.recordings(["fs1"], ()) == []
    site.later(61)
    two.beat()
    three.beat()
    assert two.discards(["fs2"], ()) == []
    assert [i.call_uuid for i in two.discards(["fs1"], ())] == ["call"]
    assert [e.call_uuid for e in two.recordings(["fs1"], ())] == ["other"]
    assert three.discards(["fs1"], ()) == []
    assert three.recordings(["fs1"], ()) == []
    # Its own it gets again, but for what it is at.
    assert len(two.discards(["fs1"], ())) == 1
    assert two.discards(["fs1"], {"call"}) == []
    two.retire()
    assert [i.call_uuid for i in three.discards(["fs1"], ())] == ["call"]


def test_the_nodes_own_is_claimed_whatever_freeswitch_it_was(site):
    (journal, one), (_, again) = site.process("a"), site.process("a")
    one.beat()
    journal.open_discard("call", "fs7", site.cause())
    assert again.discards([], ()) == []
    again.retire_if(lambda process: True)
    assert len(again.discards([], ())) == 1


def test_the_age_of_the_oldest_open_discard(site):
    journal, claims = site.process("a")
    assert claims.open_ages() == []
    journal.open_discard("call", "fs1", site.cause())
    site.later(90)
    journal.open_discard("younger", "fs1", site.cause())
    assert max(claims.open_ages()) == pytest.approx(90, abs=0.001)
    journal.close_discard(site.receipt(journal), watch=False)
    assert max(claims.open_ages()) == pytest.approx(0, abs=0.001)


def test_failures_are_counted_and_their_reason_kept(site):
    journal, _ = site.process("a")
    journal.open_discard("call", "fs1", site.cause())
    journal.discard_failed("call", "why\udcff" * 1000)
    journal.discard_failed("call", "because")
    intent = journal.load("call").intent
    assert (intent.attempts, intent.error) == (2, "because")


@pytest.mark.process
def test_nodes_that_claim_at_the_same_time_share_the_work(site):
    journal, _ = site.process("a")
    for number in range(120):
        journal.open_discard(f"call-{number:03}", "fs1", site.cause())
    site.later(61)
    racing = [site.process(name)[1] for name in "bcd"]
    for claims in racing:
        claims.beat()
    taken = [[] for _ in racing]
    together = threading.Barrier(len(racing))

    def claim(claims, mine):
        together.wait(10)
        for _ in range(2):
            mine.extend(intent.call_uuid for intent in claims.discards(["fs1"], set(mine)))

    threads = [
        threading.Thread(target=claim, args=pair) for pair in zip(racing, taken, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    everything = [uuid for mine in taken for uuid in mine]
    assert len(everything) == len(set(everything))
    assert len(everything) >= 100  # a batch each, at least; the rest is the next sweep's


def test_what_is_heard_is_kept_once_on_both_databases(world, url):
    world.url = url
    world.node = f"node-{world.directory.name}"
    service = world.restart()
    journal = service.tools.journal
    told = [("heard-a", "/r/\u00e9.wav"), ("heard-b", "/r/x.wav"), ("heard-a", "/r/\udcff.wav")]
    journal.open_discard("heard-b", "fs1", world.cause())
    assert journal.hearsay.hear([]) == set()
    for _ in range(2):
        assert journal.hearsay.hear([*told, told[0]]) == {"heard-b"}
        assert journal.hearsay.discarded(told) == {"heard-b"}
    assert sorted(journal.hearsay.of("heard-a")) == ["/r/\u00e9.wav", "/r/\udcff.wav"]
    journal.hearsay.forget(world.clock.utcnow())
    assert journal.hearsay.of("heard-b") == ["/r/x.wav"]
    world.later(seconds=1)
    journal.hearsay.forget(world.clock.utcnow())
    assert journal.hearsay.of("heard-a") == []
    world.database.write(
        lambda c: c.execute(delete(discards).where(discards.c.call_uuid == "heard-b"))
    )

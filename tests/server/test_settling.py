"""After their calls: records that are brought up to date, and calls whose server was lost, which get one."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from record_samples import sample_records

from fsflows.archive.endings import OUTBOUND, Reason, RecordingState, Result
from fsflows.archive.entries import Noted
from fsflows.archive.lines import Begun
from fsflows.archive.model import RecordingNote
from fsflows.archive.record import RecordBuilder
from fsflows.archive.retention import Purged, purge
from fsflows.archive.store import RecordStore
from fsflows.archive.webhook import Outbox
from fsflows.clock import VirtualClock
from fsflows.database import Database, DatabaseFailed
from fsflows.recordings.journal.entries import CallFile, Entry, Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause, FileReceipt, Receipt
from fsflows.recordings.oversight.expiry import NoExpiry
from fsflows.recordings.recovery.claims import Claims
from fsflows.server.office.settling import EVERY, Settled, Settling

CALL = "5c2d0a3e-0000-4000-8000-000000000001"
CAUSE = DiscardCause("flow", "step", "1", datetime(2026, 1, 1, tzinfo=UTC))


class Nodes:
    """A database, and processes of several nodes."""

    def __init__(self, database):
        self.clock = VirtualClock()
        self.database = database
        self.store = RecordStore(database, webhook=True)
        self.journal = Journal(database, self.clock, Node.make("a"))
        self.here = Claims(database, self.clock, self.journal.node)
        self.here.beat()
        self.settling = self.make(self.here)

    def make(self, claims):
        return Settling(self.store, self.journal, claims.alive, self.clock)

    def other(self):
        claims = Claims(self.database, self.clock, Node.make("b"))
        claims.beat()
        return claims

    def later(self, **span):
        self.clock.run(self.clock.sleep, timedelta(**span).total_seconds())
        self.here.beat()

    def begin(self, claims, call_id=CALL):
        builder = RecordBuilder(call_id, self.clock, caller="+15550100", flow="menu", node="b")
        self.store.begin([Begun.of(claims.node.id, builder.begun())])
        return builder

    def note(self, **values):
        entry = Entry(
            call_uuid=CALL, path="/staging/a.wav", started_at=self.clock.utcnow(), name="a.wav"
        )
        [noted] = self.journal.note([dataclasses.replace(entry, **values)])
        return noted

    def recording(self):
        [record] = self.store.of_call(CALL)
        return record.recording


@pytest.fixture
def nodes():
    database = Database.open("sqlite://")
    yield Nodes(database)
    database.close()


@pytest.fixture
def pending(nodes):
    """The record of a call whose discard was not finished when it ended."""
    [record] = sample_records(1, until=datetime(2026, 1, 2, tzinfo=UTC))
    note = RecordingNote(state=RecordingState.PENDING)
    record = dataclasses.replace(record, call_id=CALL, recording=note)
    nodes.store.insert([record])
    nodes.journal.open_discard(CALL, "switch", CAUSE)
    return record


def receipt(*paths, minute=1):
    at = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
    return Receipt(CALL, CAUSE, at, "test", files=tuple(FileReceipt(p, "deleted") for p in paths))


@pytest.mark.parametrize("error", [DatabaseFailed("away"), ZeroDivisionError()])
def test_a_look_that_fails_is_not_the_last(nodes, monkeypatch, error):
    looks = []

    def look():
        looks.append(nodes.clock.now())
        if len(looks) == 1:
            raise error
        return Settled()

    def run():
        task = nodes.clock.spawn(nodes.settling.run)
        nodes.clock.sleep(2.5 * EVERY)
        task.kill()

    monkeypatch.setattr(nodes.settling, "look", look)
    nodes.clock.run(run)
    assert 3 == len(looks)


# --- recordings -----------------------------------------------------------------------------------------------------


def test_P12_a_pending_record_gets_its_receipt_when_the_discard_is_finished(nodes, pending):
    assert Settled() == nodes.settling.look()
    nodes.journal.close_discard(receipt("/staging/a.wav"), watch=False)
    assert Settled(changed=1) == nodes.settling.look()
    assert Settled() == nodes.settling.look()
    assert RecordingState.DISCARDED == nodes.recording().state
    assert "1" == nodes.recording().receipt["cause"]["key_or_word"]
    assert [] == nodes.store.unsettled()


def test_P12_a_discard_that_is_opened_again_is_said_and_so_is_its_end(nodes, pending):
    nodes.journal.close_discard(receipt("/staging/a.wav"), watch=True)
    nodes.settling.look()
    noted = nodes.note(path="/elsewhere/b.wav")  # somebody records the call again
    assert Settled(changed=1) == nodes.settling.look()
    assert RecordingState.PENDING == nodes.recording().state
    nodes.journal.list_for_deletion(CALL, {noted.id: 5}, stop_ms=1, detail="")
    nodes.journal.close_discard(receipt("/elsewhere/b.wav", minute=2), watch=False)
    assert Settled(changed=1) == nodes.settling.look()
    assert (RecordingState.DISCARDED, 2) == (
        nodes.recording().state,
        len(nodes.recording().receipt["files"]),
    )


def test_P12_a_receipt_that_changes_between_two_looks_is_seen(nodes, pending):
    nodes.journal.close_discard(receipt("/staging/a.wav"), watch=True)
    nodes.settling.look()
    noted = nodes.note(path="/elsewhere/b.wav")
    nodes.journal.list_for_deletion(CALL, {noted.id: 5}, stop_ms=1, detail="")
    now = nodes.clock.utcnow()
    later = dataclasses.replace(receipt("/elsewhere/b.wav"), completed_at=now)
    nodes.journal.close_discard(later, watch=False)
    assert Settled(changed=1) == nodes.settling.look()
    assert Settled() == nodes.settling.look()
    assert 2 == nodes.recording().receipt["revision"]


def test_P12_a_receipt_of_a_later_visit_reaches_the_settled_records_of_earlier_ones(nodes):
    earlier, later = sample_records(2, until=datetime(2026, 1, 2, tzinfo=UTC))
    present = RecordingNote(state=RecordingState.PRESENT, links=("2026/a.wav",))
    nodes.store.insert([dataclasses.replace(earlier, call_id=CALL, recording=present)])
    [(delivery, _)] = Outbox(nodes.database).claim(earlier.ended_at, 1)
    Outbox(nodes.database).settle(delivery, state="delivered")
    nodes.settling.look()
    assert [] == nodes.store.unsettled()
    # The call comes back, opts out, and its discard is done before the next look.
    nodes.journal.open_discard(CALL, "switch", CAUSE)
    now = nodes.clock.utcnow()
    made = dataclasses.replace(receipt("/archive/2026/a.wav"), completed_at=now)
    nodes.journal.close_discard(made, watch=False)
    discarded = RecordingNote(state=RecordingState.DISCARDED, receipt=made.to_dict())
    nodes.store.insert([dataclasses.replace(later, call_id=CALL, recording=discarded)])
    nodes.settling.look()
    said = {each.id: each.recording for each in nodes.store.of_call(CALL)}
    assert {RecordingState.DISCARDED} == {each.state for each in said.values()}
    assert () == said[earlier.id].links
    assert 2 == len(Outbox(nodes.database).entries(earlier.id)), "the webhook says so"
    assert Settled() == nodes.settling.look()


def test_a_recording_that_is_published_late_gets_its_link(nodes):
    [record] = sample_records(1, until=datetime(2026, 1, 2, tzinfo=UTC))
    note = RecordingNote(state=RecordingState.PRESENT)
    nodes.store.insert([dataclasses.replace(record, call_id=CALL, recording=note)])
    noted = nodes.note(state="publishing")
    assert Settled() == nodes.settling.look()
    nodes.journal.published(noted, "2026/a.wav", 5)
    assert Settled(changed=1) == nodes.settling.look()
    assert ("2026/a.wav",) == nodes.recording().links
    assert [] == nodes.store.unsettled()


# --- calls without a server -----------------------------------------------------------------------------------------


def test_a_call_whose_server_was_killed_gets_a_record(nodes):
    nodes.begin(nodes.other())
    noted = nodes.note(state="recording")
    assert Settled() == nodes.settling.look()
    nodes.later(seconds=61)
    assert Settled() == nodes.settling.look(), "it may just not have been heard of yet"
    assert Settled(lost=1) == nodes.settling.look()
    [record] = nodes.store.of_call(CALL)
    assert (Result.FAILED, Reason.SERVER_LOST, "b", "menu") == (
        record.result,
        record.reason,
        record.node,
        record.flow,
    )
    assert RecordingState.PRESENT == record.recording.state
    assert 1 == len(Outbox(nodes.database).entries(record.id))
    nodes.journal.start_publishing(noted)
    nodes.journal.published(noted, "2026/a.wav", 5)
    assert Settled(changed=1) == nodes.settling.look()
    assert ("2026/a.wav",) == nodes.recording().links


def lost_calls():
    labels = {"flow": "menu", "result": "failed", "reason": "server_lost"}
    return REGISTRY.get_sample_value("fsflows_calls_total", labels) or 0


def test_calls_that_lost_their_server_are_counted_once_whoever_finds_them(nodes):
    before = lost_calls()
    claims = nodes.other()
    for number in range(3):
        nodes.begin(claims, f"call-{number}")
    claims.retire()
    second = nodes.make(nodes.here)
    for each in (nodes.settling, second, second, nodes.settling, second):
        each.look()
    assert 3 == lost_calls() - before


def test_what_a_process_left_that_ended_for_good_is_found_at_the_second_look(nodes):
    """As the first process of a node says at its start: nothing of before is alive."""
    claims = nodes.other()
    nodes.begin(claims)
    claims.retire()
    assert [0, 1, 0] == [nodes.settling.look().lost for _ in range(3)]


def test_calls_of_processes_that_live_are_left_alone(nodes):
    claims = nodes.other()
    nodes.begin(claims)
    nodes.begin(nodes.here, "another")
    for _ in range(5):
        nodes.later(seconds=50)
        claims.beat()
        assert Settled() == nodes.settling.look()


def test_two_nodes_that_find_the_same_calls_make_one_record_of_each(nodes):
    claims = nodes.other()
    for number in range(5):
        nodes.begin(claims, f"call-{number}")
    claims.retire()
    second = nodes.make(nodes.here)
    looks = [each.look().lost for each in (nodes.settling, second, nodes.settling, second)]
    assert [0, 0, 5, 0] == looks
    assert 5 == nodes.store.search().total


def test_a_process_that_was_only_cut_off_still_writes_its_record(nodes):
    builder = nodes.begin(nodes.other())
    nodes.later(seconds=61)
    assert [0, 1] == [nodes.settling.look().lost for _ in range(2)]
    nodes.store.insert([builder.finish(Result.COMPLETED, Reason.FLOW_ENDED)])
    [record] = nodes.store.of_call(CALL)
    assert (Reason.FLOW_ENDED, 2) == (record.reason, record.revision)


# --- calls that were dialled ----------------------------------------------------------------------------------------


class Dialling(RecordBuilder):
    if_lost = (Reason.DIAL_FAILED, Noted(at=0.0, text="the server ended"))


def dials(nodes, claims):
    """A process is about to have a number called."""
    builder = Dialling(CALL, nodes.clock, flow="menu", direction=OUTBOUND, record_id=CALL)
    nodes.store.begin([Begun.of(claims.node.id, builder.begun())])


def answers(nodes, claims):
    """Another has the call, as somebody has answered."""
    nodes.later(seconds=1)
    builder = RecordBuilder(CALL, nodes.clock, flow="menu", direction=OUTBOUND, record_id=CALL)
    nodes.store.begin([Begun.of(claims.node.id, builder.begun())])
    return builder


def test_a_number_whose_dialler_was_killed_has_a_record_once_nothing_rings_any_more(nodes):
    up = {CALL}
    nodes.settling = Settling(
        nodes.store, nodes.journal, nodes.here.alive, nodes.clock, up.__contains__
    )
    claims = nodes.other()
    dials(nodes, claims)
    claims.retire()
    assert [0, 0, 0] == [nodes.settling.look().lost for _ in range(3)]
    assert CALL == nodes.store.noted(CALL).call_id
    up.clear()
    assert 1 == nodes.settling.look().lost
    [record] = nodes.store.of_call(CALL)
    assert (Reason.DIAL_FAILED, "failed", OUTBOUND) == (
        record.reason,
        record.outcome,
        record.direction,
    )
    assert nodes.store.noted(CALL) is None


def test_a_call_that_was_answered_is_its_who_has_it_whatever_becomes_of_its_dialler(nodes):
    dialler, worker = nodes.other(), nodes.here
    dials(nodes, dialler)
    builder = answers(nodes, worker)
    dialler.retire()
    assert [0, 0, 0] == [nodes.settling.look().lost for _ in range(3)]
    nodes.store.insert([builder.finish(Result.COMPLETED, Reason.FLOW_ENDED)])
    [record] = nodes.store.of_call(CALL)
    assert (Reason.FLOW_ENDED, 1) == (record.reason, record.revision)


def test_a_note_of_the_dialler_that_comes_late_changes_nothing(nodes):
    worker = nodes.other()
    late = Dialling(CALL, nodes.clock, direction=OUTBOUND, record_id=CALL)
    answers(nodes, worker)
    nodes.store.begin([Begun.of(nodes.here.node.id, late.begun())])
    worker.retire()
    assert [0, 1] == [nodes.settling.look().lost for _ in range(2)]
    assert Reason.SERVER_LOST == nodes.store.of_call(CALL)[0].reason


def test_a_call_that_is_answered_after_all_has_the_record_of_that(nodes):
    dialler = nodes.other()
    dials(nodes, dialler)
    dialler.retire()
    assert [0, 1] == [nodes.settling.look().lost for _ in range(2)]
    builder = answers(nodes, nodes.here)
    nodes.store.insert([builder.finish(Result.COMPLETED, Reason.FLOW_ENDED)])
    [record] = nodes.store.of_call(CALL)
    assert (Reason.FLOW_ENDED, "answered", 2) == (record.reason, record.outcome, record.revision)


def test_a_lost_call_that_had_opted_out_is_kept_until_its_discard_is_done(nodes):
    claims = nodes.other()
    nodes.begin(claims)
    nodes.journal.open_discard(CALL, "switch", CAUSE)
    claims.retire()
    assert [0, 1] == [nodes.settling.look().lost for _ in range(2)]
    assert RecordingState.PENDING == nodes.recording().state
    later = nodes.clock.utcnow() + timedelta(days=8)  # the webhook has had its time
    expiry = NoExpiry(nodes.journal)
    assert Purged(0, 0, 1) == purge(nodes.store, later, expiry)
    nodes.journal.close_discard(receipt("/staging/a.wav"), watch=False)
    nodes.settling.look()
    assert RecordingState.DISCARDED == nodes.recording().state
    assert Purged(1, 0, 0, 0, 1) == purge(nodes.store, later, expiry)
    assert CallFile() == nodes.journal.load(CALL)

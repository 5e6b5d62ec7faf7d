import dataclasses
import random
from datetime import timedelta

import pytest
from alembic import command

from fsflows.archive.charts import calls_per_hour, give_ups, outcomes_per_step
from fsflows.archive.endings import Reason, RecordingState, Result
from fsflows.archive.entries import Noted
from fsflows.archive.lines import Begun
from fsflows.archive.model import RecordingNote
from fsflows.archive.search import BadSearch, Search
from fsflows.archive.store import RecordStore
from fsflows.archive.webhook import Outbox
from fsflows.database import Database
from fsflows.database.migrate import config

from .conftest import NOW


def ids(records):
    return [record.id for record in records]


def latest_first(records):
    return sorted(records, key=lambda record: (record.started_at, record.id), reverse=True)


def test_a_record_comes_back_as_it_was(store, samples):
    store.insert(samples[:5])
    for record in samples[:5]:
        assert record == store.get(record.id)
        assert [record] == store.of_call(record.call_id)
    assert store.get("nobody") is None


@pytest.mark.parametrize("field", ["caller", "callee", "caller_name", "flow", "last_step"])
def test_a_caller_who_sends_pages_has_a_record_like_others(store, samples, field):
    text = "".join(random.Random(7).choices([chr(each) for each in range(0x4E00, 0x9000)], k=6000))
    record = dataclasses.replace(samples[0], **{field: text})
    store.insert([record, *samples[1:3]])
    assert record == store.get(record.id)
    assert {each.id for each in samples[:3]} == set(ids(store.search().rows))


def test_writing_twice_is_writing_once(store, samples):
    store.insert(samples[:3])
    store.insert(samples[:4])
    assert 4 == store.search().total


def test_a_call_that_comes_back_has_two_records(store, samples):
    again = dataclasses.replace(samples[0], id="again", started_at=NOW, ended_at=NOW)
    store.insert([samples[0], again])
    assert [samples[0].id, "again"] == ids(store.of_call(again.call_id))


def test_pages_go_there_and_back_and_miss_nothing(store, samples):
    store.insert(samples)
    expected = ids(latest_first(samples))
    page, seen = store.search(limit=70), []
    assert page.newer is None
    while True:
        seen += ids(page.rows)
        if page.older is None:
            break
        page = store.search(limit=70, older_than=page.older)
    assert expected == seen
    while page.newer is not None:
        newer = store.search(limit=70, newer_than=page.newer)
        assert ids(newer.rows)[-1] == expected[expected.index(page.rows[0].id) - 1]
        page = newer
    assert expected[0] == page.rows[0].id


def test_pages_stay_while_new_calls_come_in(store, samples):
    store.insert(samples[:100])
    first = store.search(limit=30)
    store.insert(samples[100:200])
    second = store.search(limit=30, older_than=first.older)
    assert ids(latest_first(samples[:100]))[30:60] == [
        one for one in ids(second.rows) if one in set(ids(samples[:100]))
    ]


def test_equal_times_are_paged_too(store, samples):
    same = [dataclasses.replace(record, started_at=NOW, ended_at=NOW) for record in samples[:10]]
    store.insert(same)
    first = store.search(limit=4)
    second = store.search(limit=4, older_than=first.older)
    third = store.search(limit=4, older_than=second.older)
    assert ids(latest_first(same)) == ids([*first.rows, *second.rows, *third.rows])


@pytest.mark.parametrize(
    ("search", "match"),
    [
        (Search(flow="pin_entry"), lambda r: r.flow == "pin_entry"),
        (
            Search(result="abandoned", flow="recording_opt_out"),
            lambda r: (r.result, r.flow) == ("abandoned", "recording_opt_out"),
        ),
        (Search(reason="no_input_limit"), lambda r: r.reason == "no_input_limit"),
        (Search(recording="discarded"), lambda r: r.recording.state == "discarded"),
        (Search(step="pin"), lambda r: r.last_step == "pin"),
        (Search(node="node-a"), lambda r: r.node == "node-a"),
        (Search(since=NOW - timedelta(days=2)), lambda r: r.started_at >= NOW - timedelta(days=2)),
        (Search(until=NOW - timedelta(days=2)), lambda r: r.started_at < NOW - timedelta(days=2)),
        (Search(text="okafor"), lambda r: "Okafor" in r.caller_name),
        (Search(text="  OKAFOR "), lambda r: "Okafor" in r.caller_name),
        (Search(text="phone_number"), lambda r: r.flow == "phone_number"),
        (Search(text="zzz"), lambda r: False),
        (Search(text="%"), lambda r: False),
    ],
)
def test_what_is_asked_for_is_found_and_nothing_else(store, samples, search, match):
    store.insert(samples)
    page = store.search(search, limit=500)
    expected = ids(latest_first(record for record in samples if match(record)))
    assert expected == ids(page.rows)
    assert (len(expected), False) == (page.total, page.more)
    assert expected == ids(store.each(search))


def test_a_number_is_found_however_it_is_written(store, samples):
    record = samples[7]
    store.insert(samples)
    digits = record.caller.removeprefix("+44")
    for text in (
        record.caller,
        digits,
        f"0{digits}",
        f"0{digits[:2]} {digits[2:6]} {digits[6:]}",
        f"({digits[:2]}) {digits[2:]}",
        record.caller[-4:],
    ):
        assert record.id in ids(store.search(Search(text=text), limit=500).rows), text


def test_a_call_is_found_by_its_id_or_the_beginning_of_it(store, samples):
    store.insert(samples)
    for record in samples[:5]:
        for text in (record.id, record.call_id, record.call_id.upper(), record.id[:13]):
            assert [record.id] == ids(store.search(Search(text=text)).rows)


@pytest.mark.parametrize(
    "text", ["'", '";--', "\\", "_", "a\x7f", "ß", "\u0130", "(", "+", "0", "-"]
)
def test_odd_searches_are_answered(store, samples, text):
    store.insert(samples[:10])
    assert store.search(Search(text=text)).total <= 10


@pytest.mark.parametrize(
    "question", [{"older_than": "yesterday"}, {"newer_than": "_"}, {"limit": 0}, {"limit": 501}]
)
def test_a_search_that_makes_no_sense_is_said(store, question):
    with pytest.raises(BadSearch):
        store.search(**question)


def test_a_hostile_name_is_only_text(store, samples):
    name = "Robert'); DROP TABLE records;-- <script>\u202e"
    store.insert([dataclasses.replace(samples[0], caller_name=name)])
    assert name == store.search(Search(text="drop table")).rows[0].caller_name


def test_P12_a_recording_can_be_discarded_after_the_record_was_written(store, samples):
    record = next(each for each in samples if each.recording.state == "present")
    store.insert(samples)
    note = RecordingNote(state=RecordingState.DISCARDED, receipt={"cause": "key 1"})
    assert 1 == store.set_recording(record.call_id, note)
    assert note == store.get(record.id).recording
    assert record.id in ids(store.search(Search(recording="discarded"), limit=500).rows)
    assert record.recording.links[0] not in store.get(record.id).dumps()
    assert 0 == store.set_recording("nobody", note)


def test_charts_count_what_happened(database, store, samples):
    store.insert(samples)
    since = NOW - timedelta(days=30)
    until = NOW + timedelta(hours=1)
    hours = database.read(lambda c: calls_per_hour(c, since, until))
    assert len(samples) == sum(each.calls for each in hours)
    busiest = hours[0]
    assert busiest.calls == sum(
        r.result == busiest.result
        and busiest.hour <= r.started_at < busiest.hour + timedelta(hours=1)
        for r in samples
    )
    steps = database.read(lambda c: outcomes_per_step(c, since, until, "pin_entry"))
    assert {"pin_entry"} == {each.flow for each in steps}
    pins = [
        entry
        for r in samples
        if r.flow == "pin_entry"
        for entry in r.collected
        if (entry.step, entry.outcome) == ("pin", "complete")
    ]
    (counted,) = [each for each in steps if (each.step, each.outcome) == ("pin", "complete")]
    assert len(pins) == counted.times
    assert sum(entry.attempts for entry in pins) / len(pins) == pytest.approx(counted.attempts)
    gave_up = database.read(lambda c: give_ups(c, since, until, limit=100))
    assert sum(r.result == "abandoned" for r in samples) == sum(each.calls for each in gave_up)
    assert [] == database.read(lambda c: give_ups(c, until, until))


# --- what changes after the call ---------------------------------------------------------------------------------


def lost(record):
    """What a record says of a call of which no more is known than that it has begun."""
    return dataclasses.replace(
        record,
        ended_at=record.started_at,
        result=Result.FAILED,
        reason=Reason.SERVER_LOST,
        recording=RecordingNote(),
        entries=(Noted(at=0.0, text="lost"),),
    )


def begin(store, owner, *records):
    store.begin([Begun.of(owner, lost(record)) for record in records])


def test_a_call_that_has_begun_is_no_record_yet(store, samples):
    begin(store, "a#1", samples[0])
    begin(store, "a#1", *samples[:2])
    begin(store, "b#1", samples[2])
    assert 0 == store.search().total
    assert {"a#1", "b#1"} == store.owners()
    earliest_first = sorted(samples[:2], key=lambda record: record.started_at)
    assert [lost(record) for record in earliest_first] == store.begun_by("a#1")


def test_the_record_of_a_call_takes_the_place_of_its_beginning(store, samples):
    begin(store, "a#1", *samples[:2])
    store.insert(samples[:1])
    assert [samples[1].id] == ids(store.begun_by("a#1"))
    begin(store, "a#1", samples[0])  # by way of a spool, late
    assert [samples[1].id] == ids(store.begun_by("a#1"))


def test_a_lost_call_is_a_record_once(store, samples):
    begin(store, "a#1", *samples[:2])
    calls = store.begun_by("a#1")
    assert calls == store.lose(calls)
    assert [] == store.lose(calls)  # another node was first
    assert set() == store.owners()
    assert calls[0] == store.get(calls[0].id)
    assert {"failed"} == {row.result for row in store.search().rows}


def test_a_call_that_was_taken_for_lost_gets_its_record_all_the_same(store, samples):
    record = next(each for each in samples if each.collected)
    begin(store, "a#1", record)
    store.lose(store.begun_by("a#1"))
    store.insert([record])
    assert dataclasses.replace(record, revision=2) == store.get(record.id)
    assert (1, record.result) == (store.search().total, store.search().rows[0].result)
    assert len(record.collected) == store._database.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM record_collections").scalar()
    )
    store.insert([record, lost(record)])  # brought in twice; and a node that found it late
    assert dataclasses.replace(record, revision=2) == store.get(record.id)


def test_a_recording_that_is_on_its_way_is_looked_at_until_it_has_arrived(store, samples):
    pending, present, both = samples[:3]
    notes = {
        pending.id: RecordingNote(state=RecordingState.PENDING),
        present.id: RecordingNote(state=RecordingState.PRESENT),
        both.id: RecordingNote(state=RecordingState.PRESENT, links=("a.wav",)),
    }
    store.insert([dataclasses.replace(each, recording=notes[each.id]) for each in samples[:3]])
    assert {pending.id, present.id} == set(ids(store.unsettled()))
    store.settle([present.id])
    assert [pending.id] == ids(store.unsettled())
    store.delete([pending.id])
    assert [] == store.unsettled()


def test_a_note_that_says_the_same_is_no_change(store, samples):
    record = samples[0]
    store.insert([record])
    note = RecordingNote(state=RecordingState.DISCARDED, receipt={"files": ({"path": "x"},)})
    assert 1 == store.set_recording(record.call_id, note)
    assert 0 == store.set_recording(record.call_id, note)
    assert 2 == store.get(record.id).revision


def test_an_earlier_database_keeps_its_outbox_and_what_was_pending(tmp_path, samples):
    url = f"sqlite:///{tmp_path}/a.db"
    pending = dataclasses.replace(samples[1], recording=RecordingNote(state=RecordingState.PENDING))
    database = Database.open(url)
    RecordStore(database, webhook=True).insert([samples[0], pending])

    def back(connection):
        settings = config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, "0002")
        return connection.exec_driver_sql("SELECT record_id FROM record_outbox").scalars().all()

    try:
        assert {samples[0].id, pending.id} == set(database.write(back))
    finally:
        database.close()
    database = Database.open(url)
    try:
        assert [pending.id] == ids(RecordStore(database).unsettled())
        assert [1] == [each.revision for each in Outbox(database).entries(samples[0].id)]
    finally:
        database.close()

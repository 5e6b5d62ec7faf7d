import dataclasses
from datetime import timedelta

import pytest

from fsflows.archive.charts import calls_per_hour, give_ups, outcomes_per_step
from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.archive.retention import Purged, RetentionSchedule, purge
from fsflows.archive.search import BadSearch, Search
from fsflows.archive.store import RecordStore
from fsflows.database import Database

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


def test_old_records_go_with_their_recordings_and_all_else(database, store, samples):
    store = RecordStore(database, webhook=True)
    store.insert(samples)
    cutoff = NOW - timedelta(days=3)
    old = [record for record in samples if record.started_at < cutoff]
    deleted = []
    done = purge(store, cutoff, lambda record: deleted.append(record.recording.links))
    with_audio = [record.recording.links for record in old if record.recording.state == "present"]
    assert Purged(len(old), len(with_audio), 0) == done
    assert sorted(with_audio) == sorted(deleted)
    assert len(samples) - len(old) == store.search().total
    for table in ("record_bodies", "record_outbox"):
        count = database.read(
            lambda c, table=table: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
        )
        assert len(samples) - len(old) == count


def test_a_record_whose_recording_cannot_be_deleted_is_kept_and_does_not_stop_the_others(
    store, samples
):
    store.insert(samples)
    stubborn = next(record for record in samples if record.recording.state == "present")

    def delete(record):
        if record.id == stubborn.id:
            raise PermissionError("read-only")

    done = purge(store, NOW + timedelta(days=1), delete)
    assert (len(samples) - 1, 1) == (done.records, done.kept)
    assert [stubborn.id] == ids(store.search().rows)
    assert 1 == purge(store, NOW + timedelta(days=1), lambda record: None).records


def test_retention_counts_days_and_zero_is_for_ever(store, samples):
    store.insert(samples)
    schedule = RetentionSchedule(store, 0)
    schedule.start()
    schedule.stop()
    assert len(samples) == store.search().total
    assert (
        sum(r.started_at < NOW - timedelta(days=5) for r in samples)
        == RetentionSchedule(store, 5).once(NOW).records
    )


def test_a_database_that_is_away_does_not_stop_the_schedule():
    database = Database("sqlite:////nonexistent/a.db")
    assert Purged() == RetentionSchedule(RecordStore(database), 5).once()
    database.close()

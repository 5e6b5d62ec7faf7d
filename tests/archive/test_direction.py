"""Records of calls that we made: direction and outcome, wherever a record goes."""

import io
import json

import pytest

from fsflows.archive.describe import describe
from fsflows.archive.endings import OUTBOUND, Reason, Result
from fsflows.archive.export import write
from fsflows.archive.model import loads
from fsflows.archive.record import RecordBuilder
from fsflows.archive.search import Search
from fsflows.archive.store import RecordStore
from fsflows.clock import VirtualClock
from fsflows.database import Database


def record(result=Result.UNANSWERED, reason=Reason.BUSY, direction=OUTBOUND):
    builder = RecordBuilder(
        "call", VirtualClock(), caller="4420", callee="4430", flow="survey", direction=direction
    )
    return builder.finish(result, reason, "USER_BUSY")


@pytest.mark.parametrize(
    ("result", "reason", "outcome"),
    [
        (Result.UNANSWERED, Reason.BUSY, "busy"),
        (Result.UNANSWERED, Reason.MACHINE, "machine"),
        (Result.FAILED, Reason.DIAL_FAILED, "failed"),
        (Result.FAILED, Reason.FUNCTION_FAILED, "answered"),
        (Result.COMPLETED, Reason.FLOW_ENDED, "answered"),
        (Result.ABANDONED, Reason.CALLER_HUNG_UP, "answered"),
    ],
)
def test_the_outcome_is_made_of_the_ending(result, reason, outcome):
    assert outcome == record(result, reason).outcome
    assert "" == record(result, reason, "inbound").outcome


def test_it_is_in_every_form():
    made = record()
    assert made == loads(made.dumps())
    assert ("outbound", "busy") == (made.as_json()["direction"], made.as_json()["outcome"])
    file = io.StringIO()
    write([made], "csv", file)
    head, row = file.getvalue().splitlines()
    assert {"direction": "outbound", "outcome": "busy", "callee": "4430"}.items() <= dict(
        zip(head.split(","), row.split(","), strict=True)
    ).items()
    assert "we called  4430, as 4420: busy" in describe(made)


def test_it_is_searched_for(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/a.db")
    store = RecordStore(database)
    ours, theirs = record(), record(Result.COMPLETED, Reason.FLOW_ENDED, "inbound")
    store.insert([ours, theirs])
    for direction, found in (("outbound", [ours.id]), ("inbound", [theirs.id])):
        rows = store.search(Search(direction=direction)).rows
        assert [(each, direction) for each in found] == [(row.id, row.direction) for row in rows]
        assert found == [each.id for each in store.each(Search(direction=direction))]
    assert 2 == store.search().total
    database.close()


def test_a_record_of_an_older_version_came_in():
    given = json.loads(record().dumps())
    del given["direction"], given["outcome"]
    assert "inbound" == loads(json.dumps(given)).direction

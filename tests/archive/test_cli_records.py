import csv
import dataclasses
import io
import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
from record_samples import sample_records

from fsflows.archive.endings import Result
from fsflows.archive.export import harmless
from fsflows.archive.record import RecordBuilder
from fsflows.archive.store import RecordStore
from fsflows.cli.main import main
from fsflows.clock import GeventClock, VirtualClock
from fsflows.database import Database
from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def records():
    return list(sample_records(60, until=NOW, days=6))


@pytest.fixture
def url(tmp_path, records):
    url = f"sqlite:///{tmp_path}/records.db"
    database = Database.open(url)
    RecordStore(database).insert(records)
    database.close()
    return url


@pytest.fixture
def run(url, capsys):
    def run(command, *arguments, status=0):
        try:
            found = main(["records", command, *arguments, "--database", url])
        except SystemExit as left:
            found = left.code
        captured = capsys.readouterr()
        assert status == found, captured.err
        return captured.err if status else captured.out

    return run


def test_records_are_listed_the_latest_first_and_go_on_behind_a_page(run, records):
    out = run("list", "--limit", "40")
    latest = max(records, key=lambda record: record.started_at)
    lines = out.splitlines()
    assert lines[1].startswith(f"{latest.started_at:%Y-%m-%d %H:%M:%S}")
    assert latest.id[:8] == lines[1].split()[-1]
    assert lines[-1].startswith("40 of 60; the next: --older-than ")
    rest = run("list", "--limit", "40", "--older-than", lines[-1].rpartition(" ")[2])
    assert 20 == sum(any(record.id[:8] in line for record in records) for line in rest.splitlines())


def test_filters_and_json_are_for_programs(run, records):
    out = run("list", "--flow", "pin_entry", "--since", "3d", "--json", "--limit", "500")
    found = {json.loads(line)["id"] for line in out.splitlines()}
    since = NOW - timedelta(days=3)
    assert {
        record.id for record in records if record.flow == "pin_entry" and record.started_at >= since
    } == found
    assert "no records\n" == run("list", "--caller", "nobody")


def test_one_record_is_shown_as_a_time_line(run, records):
    record = next(
        record
        for record in records
        if record.flow == "pin_entry" and record.result is Result.COMPLETED
    )
    for name in (record.id, record.call_id, record.id[:8], record.id.upper()):
        out = run("show", name)
        assert f"record     {record.id}" in out
        assert "collected  complete [4 digits hidden]" in out
        assert f"{record.result}: {record.reason}" in out
    assert record.as_json() == json.loads(run("show", record.id, "--json"))


def test_a_record_that_is_not_there_is_said(run):
    assert "no record with the id 'nobody'" in run("show", "nobody", status=1)


def test_a_terminal_is_not_at_the_mercy_of_a_caller(url, run, records):
    import dataclasses

    database = Database.open(url)
    evil = dataclasses.replace(
        records[0],
        id="evil",
        call_id="evil",
        caller="\x1b[2J",
        caller_name="\x1b]0;x\x07\nrecord     forged",
    )
    RecordStore(database).insert([evil])
    database.close()
    for out in (run("show", "evil"), run("list", "--limit", "100")):
        assert not {"\x1b", "\x07"} & set(out)
        assert not any(line.startswith("record     forged") for line in out.splitlines())


def test_json_lines_are_whole_records(run, records, tmp_path):
    out = run("export", "--flow", "phone_number")
    expected = [
        record.as_json()
        for record in sorted(records, key=lambda r: r.started_at, reverse=True)
        if record.flow == "phone_number"
    ]
    assert expected == [json.loads(line) for line in out.splitlines()]
    file = tmp_path / "out.jsonl"
    run("export", "--flow", "phone_number", "--output", str(file))
    assert out == file.read_text()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert "File exists" in run("export", "--output", str(file), status=1)


def test_csv_has_a_row_a_call_and_no_formulas(url, run, records):
    import dataclasses

    database = Database.open(url)
    evil = dataclasses.replace(records[0], id="evil", caller_name="=HYPERLINK(1)", callee="-1+1")
    RecordStore(database).insert([evil])
    database.close()
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv"))))
    assert 61 == len(rows)
    (row,) = [row for row in rows if row["id"] == "evil"]
    assert ("'=HYPERLINK(1)", "'-1+1") == (row["caller_name"], row["callee"])
    assert evil.caller == row["caller"]
    pins = [
        row["collected"]
        for row in rows
        if row["flow"] == "pin_entry" and row["result"] == Result.COMPLETED
    ]
    assert pins
    assert all("pin=[4 digits hidden]" in collected for collected in pins)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+442079460018", "+442079460018"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        # Where numbers have a comma, cells end at semicolons; and a quotation mark within one means nothing there.
        ("Ann;=HYPERLINK(1)", "Ann;'=HYPERLINK(1)"),
        ('Ann" "=1', 'Ann" "\'=1'),
        ("Ann\n=1", "Ann\n'=1"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("two; step=1", "two; step=1"),
        ("Ann-Marie + Co = us, you @home", "Ann-Marie + Co = us, you @home"),
        # Nor does it anything to a terminal.
        ("Ann\x1b[2J\x9b5m\u202egnp", "Ann\ufffd[2J\ufffd5m\ufffdgnp"),
        ("Ann\tM\u00fcller\r\n\u738b", "Ann\tM\u00fcller\r\n\u738b"),
        (12, 12),
    ],
)
def test_no_cell_is_a_formula_however_a_line_is_cut(given, written):
    assert written == harmless(given)


def test_no_form_of_a_record_does_something_to_a_terminal(run, records, url):
    name = "Ann\x9b31m \u202eevil\x1b[2J"
    database = Database.open(url)
    evil = dataclasses.replace(records[0], id="ffffffff-evil", caller_name=name, last_step=name)
    RecordStore(database).insert([evil])
    database.close()
    found = ("--text", "evil")
    for shown in (run("list", *found), run("show", evil.id)):
        assert not any(char in shown for char in "\x9b\u202e\x1b")
    for shown in (
        run("list", "--json", *found),
        run("show", "--json", evil.id),
        run("export", *found),
    ):
        assert not any(char in shown for char in "\x9b\u202e\x1b")
        assert name == json.loads(shown)["caller_name"]


def test_old_records_are_purged_when_that_is_meant(run, records):
    old = sum(record.started_at < NOW - timedelta(days=2) for record in records)
    before = (NOW - timedelta(days=2)).isoformat()
    assert f"{old} records" in run("purge", "--older-than", before, "--dry-run")
    assert f"{old} records and the recordings of 0 calls deleted\n" == run(
        "purge", "--older-than", before, "--keep-recordings"
    )
    assert f"{60 - old} of {60 - old}" in run("list", "--limit", "100")


def test_calls_that_we_made_are_listed_and_exported_by_themselves(run, records, url):
    made = dataclasses.replace(records[0], id="f" * 8, direction="outbound", callee="+15550199")
    database = Database.open(url)
    RecordStore(database).insert([made])
    database.close()
    head, line, count = run("list", "--direction", "outbound").splitlines()
    assert "direction" in head
    assert "  outbound  " in line
    assert ("ffffffff", "1 of 1") == (line.split()[-1], count)
    [given] = run("list", "--direction", "outbound", "--json").splitlines()
    assert "outbound" == json.loads(given)["direction"]
    assert [made.id] == [
        json.loads(each)["id"] for each in run("export", "--direction", "outbound").splitlines()
    ]
    assert f"of {len(records)}" in run("list", "--direction", "inbound").splitlines()[-1]
    assert "inbound, outbound" in run("list", "--direction", "sideways", status=2)


@pytest.fixture
def audio(url, tmp_path, monkeypatch):
    """`audio(call_id)`: a published recording of a call of 2020, as the journal has it."""
    for name in ("staging", "published"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"FSFLOWS_RECORDINGS__{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("FSFLOWS_DATABASE__SPOOL", str(tmp_path / "spool"))

    def make(call_id):
        file = tmp_path / "published" / f"{call_id}.wav"
        file.write_bytes(b"RIFF")
        database = Database.open(url)
        try:
            entry = Entry(
                call_uuid=call_id,
                path=f"{tmp_path}/staging/{call_id}.wav",
                started_at=datetime(2020, 1, 1, tzinfo=UTC),
                state="published",
                name=file.name,
                archived=True,
                seen=True,
                location=file.name,
                size=4,
            )
            Journal(database, GeventClock(), Node.make()).note([entry])
        finally:
            database.close()
        return file

    return make


def test_recordings_go_with_their_records_and_those_that_have_none(run, records, audio):
    files = [audio(records[0].call_id), audio("no-record-of-this-one")]
    said = run("purge", "--older-than", "0h", "--dry-run")
    assert "60 records" in said
    assert "the recordings of 1 calls that have no record would be deleted" in said
    assert all(file.exists() for file in files)
    assert "no record" not in run("purge", "--older-than", "0h", "--dry-run", "--keep-recordings")
    assert "60 records and the recordings of 2 calls deleted\n" == run(
        "purge", "--older-than", "0h"
    )
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize("keep", [(), ("--keep-recordings",)])
def test_a_record_whose_discard_is_open_is_not_purged(run, records, audio, url, capsys, keep):
    audio(records[0].call_id)
    database = Database.open(url)
    try:
        cause = DiscardCause("menu", "opt_out", "1", datetime(2026, 1, 1, tzinfo=UTC))
        Journal(database, GeventClock(), Node.make()).open_discard(records[0].call_id, "", cause)
    finally:
        database.close()
    assert "1 would be kept" in run("purge", "--older-than", "0h", "--dry-run", *keep)
    assert 1 == main(["records", "purge", "--older-than", "0h", "--database", url, *keep])
    assert "1 records are kept" in capsys.readouterr().err
    assert records[0].id[:8] in run("list")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("list", "--since", "yesterday"), 2, "is no time; write 2026-03-01"),
        (("list", "--result", "lovely"), 2, "not 'lovely'; there are completed"),
        (("list", "--limit", "1000"), 1, "between 1 and 500"),
        (("list", "--older-than", "x"), 1, "can't be found"),
        (("purge",), 2, "--older-than"),
        ((), 2, "COMMAND"),
    ],
)
def test_what_is_called_wrongly_is_said(arguments, status, said, url, capsys):
    try:
        found = main(["records", *arguments, *(("--database", url) if arguments else ())])
    except SystemExit as left:
        found = left.code
    assert status == found
    assert said in capsys.readouterr().err


def test_a_database_that_cannot_be_read_is_said(capsys):
    assert 1 == main(["records", "list", "--database", "sqlite:////nonexistent/x.db"])
    assert "unable to open" in capsys.readouterr().err
    assert 1 == main(["records", "list", "--database", "nonsense"])
    assert "must be given as sqlite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01T14:30", "2026-03-01T14:30+02:00", "90m", "1.5h", "7 d", "2W"]
)
def test_times_are_written_as_people_do(text):
    from fsflows.cli.records import a_time

    assert a_time(text).tzinfo is not None


def test_a_call_whose_server_was_lost_has_no_length(run, url):
    database = Database.open(url)
    call = RecordBuilder("lost-call", VirtualClock(), caller="+15550100", flow="menu")
    try:
        RecordStore(database).insert([call.begun()])
    finally:
        database.close()
    line = run("list", "--reason", "server_lost").splitlines()[1]
    assert "  -  " in line
    shown = run("show", call.id)
    assert "length not known" in shown
    assert "The server ended while this call was running" in shown

"""Where records and recordings are: what their commands are told, and what they say when it isn't there."""

import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import LONG, environment
from record_samples import sample_records

from fsflows import settings as config
from fsflows.archive.store import RecordStore
from fsflows.cli import serve
from fsflows.cli.main import main
from fsflows.cli.parser import Parser
from fsflows.clock import GeventClock
from fsflows.database import Database
from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.journal import Journal

CALL = "5c2d0a3e-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """Settings that nobody has made, but for a database that is nowhere."""
    for name in ("FSFLOWS_CONFIG", "FSFLOWS_RECORDINGS__STAGING", "FSFLOWS_RECORDINGS__PUBLISHED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FSFLOWS_DATABASE__URL", f"sqlite:///{tmp_path}/nowhere/fsflows.db")


@pytest.fixture
def data(tmp_path):
    """What `fsflows serve --data` has left: a record of 2020, with its published recording."""
    parser = Parser(prog="fsflows")
    serve.add_parser(parser.add_subparsers())
    options = parser.parse_args(["serve", "--data", str(tmp_path / "data")])
    settings = serve._with_options(config.load(environ={}), options)
    database = Database.open(settings.database.url)
    at = datetime(2020, 1, 1, tzinfo=UTC)
    try:
        RecordStore(database).insert(list(sample_records(1, until=at)))
        (tmp_path / "data/recordings/a.wav").write_bytes(b"RIFF")
        entry = Entry(
            call_uuid=CALL,
            path=str(tmp_path / "data/staging/a.wav"),
            started_at=at,
            state="published",
            name="a.wav",
            archived=True,
            seen=True,
            location="a.wav",
            size=4,
        )
        Journal(database, GeventClock(), Node.make()).note([entry])
    finally:
        database.close()
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("recordings", "list"), CALL),
        (("recordings", "show", CALL), "published"),
        (("recordings", "discards"), "every discard is finished"),
        (("records", "list"), "1 of 1"),
    ],
)
def test_what_serve_keeps_in_a_directory_is_found_there(data, capsys, command, said):
    assert 0 == main([*command, "--data", str(data)])
    assert said in capsys.readouterr().out
    assert 0 == main([*command, "--database", f"sqlite:///{data}/fsflows.db"])
    assert said in capsys.readouterr().out


def test_verify_looks_into_that_directory(data, capsys):
    (data / "recordings/a.wav").unlink()
    assert 1 == main(["recordings", "verify", "--grace", "0", "--data", str(data)])
    assert "a.wav" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["recordings", "records"])
def test_a_database_that_is_not_there_is_named_with_what_to_do(tmp_path, capsys, command):
    assert main([command, "list"])
    said = capsys.readouterr().err
    assert f"{tmp_path}/nowhere/fsflows.db: unable to open database file" in said
    assert "--data DIR" in said
    assert "--config FILE" in said


@pytest.mark.parametrize("command", ["recordings", "records"])
def test_a_directory_in_which_no_server_kept_anything_stays_as_it_is(tmp_path, capsys, command):
    (tmp_path / "empty").mkdir()
    assert main([command, "list", "--data", str(tmp_path / "empty")])
    assert "no server has kept anything there" in capsys.readouterr().err
    assert [] == list((tmp_path / "empty").iterdir())
    assert main([command, "list", "--data", str(tmp_path / "none")])
    assert "there is no such directory" in capsys.readouterr().err


def test_recordings_are_not_purged_from_directories_that_nobody_named(data, capsys):
    purge = ["records", "purge", "--older-than", "1d"]
    assert 1 == main([*purge, "--database", f"sqlite:///{data}/fsflows.db"])
    said = capsys.readouterr().err
    assert "--database doesn't say where the recordings are" in said
    assert "--keep-recordings" in said
    assert (data / "recordings/a.wav").exists()
    assert 0 == main([*purge, "--data", str(data)])
    assert "1 records and the recordings of 1 calls deleted" in capsys.readouterr().out
    assert not (data / "recordings/a.wav").exists()


class Closed(io.StringIO):
    """Standard output that nobody reads on."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("command", ["recordings", "records"])
def test_nobody_reads_on(data, monkeypatch, command):
    errors = io.StringIO()
    said = []
    monkeypatch.setattr(errors, "write", said.append)
    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", errors)
    assert 0 == main([command, "list", "--data", str(data)])
    assert [] == said


@pytest.mark.process
@pytest.mark.parametrize("command", ["recordings", "records"])
def test_what_is_printed_finds_no_room(data, command):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fsflows", command, "list", "--data", str(data)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            timeout=LONG,
            check=False,
        )
    assert (1, f"fsflows {command}: No space left on device\n") == (done.returncode, done.stderr)

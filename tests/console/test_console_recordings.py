"""What the console says of a recording is what the recordings' journal says, not what the record once said."""

from datetime import UTC, datetime

import pytest

from fsflows.archive.endings import RecordingState
from fsflows.clock import VirtualClock
from fsflows.console.journal import JournalRecordings
from fsflows.database import Database
from fsflows.recordings.journal.entries import Entry, Node
from fsflows.recordings.journal.journal import Journal
from fsflows.recordings.journal.receipt import DiscardCause, FileReceipt, Receipt

CALL = "0f8fad5b-d9cb-469f-a165-70867728950e"
AT = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = DiscardCause("recording_opt_out", "opt_out", "1", AT)


@pytest.fixture
def journal():
    database = Database.open("sqlite://")
    yield Journal(database, VirtualClock(), Node.make("test"))
    database.close()


@pytest.fixture
def published(tmp_path):
    directory = tmp_path / "published"
    directory.mkdir()
    return directory


@pytest.fixture
def recordings(journal, published):
    return JournalRecordings(journal, str(published))


def publish(journal, location):
    (entry,) = journal.note(
        [Entry(call_uuid=CALL, path="/dev/shm/x.wav", started_at=AT, name="x.wav")]
    )
    assert journal.start_publishing(entry)
    assert journal.published(entry, str(location), 100)


def test_a_call_that_is_not_in_the_journal_is_left_to_its_record(recordings):
    assert recordings.of(CALL) is None


def test_a_published_recording_can_be_played(recordings, journal, published):
    (published / "x.wav").write_bytes(b"RIFF")
    publish(journal, published / "x.wav")
    audio = recordings.of(CALL)
    assert RecordingState.PRESENT == audio.note.state
    assert (published / "x.wav",) == audio.files
    assert (str(published / "x.wav"),) == audio.note.links


def test_nothing_outside_of_the_archive_is_played(recordings, journal, published, tmp_path):
    (tmp_path / "secret").write_text("no audio")
    (published / "link.wav").symlink_to(tmp_path / "secret")
    for location in (
        tmp_path / "secret",
        published / ".." / "secret",
        published / "link.wav",
        "/etc/passwd",
        "s3://bucket/x.wav",
        published,
    ):
        publish(journal, location)
        audio = recordings.of(CALL)
        assert (RecordingState.PRESENT, ()) == (audio.note.state, audio.files), location


def test_P12_from_the_moment_of_the_wish_it_is_not_played(recordings, journal, published):
    (published / "x.wav").write_bytes(b"RIFF")
    publish(journal, published / "x.wav")
    journal.open_discard(CALL, "switch", CAUSE)
    assert (RecordingState.PENDING, ()) == (
        recordings.of(CALL).note.state,
        recordings.of(CALL).files,
    )
    journal.list_for_deletion(CALL, {}, stop_ms=1, detail="")
    receipt = Receipt(CALL, CAUSE, AT, "test", files=(FileReceipt("x.wav", "deleted", 4),))
    assert receipt == journal.close_discard(receipt, watch=True)
    audio = recordings.of(CALL)
    assert RecordingState.DISCARDED == audio.note.state
    assert "1" == audio.note.receipt["cause"]["key_or_word"]
    assert () == audio.files


def test_P12_a_recording_that_starts_after_the_discard_is_pending_again(recordings, journal):
    journal.open_discard(CALL, "switch", CAUSE)
    journal.close_discard(Receipt(CALL, CAUSE, AT, "test"), watch=True)
    journal.note([Entry(call_uuid=CALL, path="/dev/shm/y.wav", started_at=AT)])
    assert RecordingState.PENDING == recordings.of(CALL).note.state


def test_a_recording_that_is_lost_is_not_there(recordings, journal):
    (entry,) = journal.note([Entry(call_uuid=CALL, path="/dev/shm/x.wav", started_at=AT)])
    journal.change(entry, ("recording",), state="lost")
    assert recordings.of(CALL) is None

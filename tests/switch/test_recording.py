"""Recordings of the simulated switch: what is on disk, when."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest

from fsflows.switch.files import DiskFiles, Files, MemoryFiles
from fsflows.switch.recording import CALLER_SAMPLE, SWITCH_SAMPLE
from fsflows.switch.setup import Setup
from fsflows.switch.sounds import Sounds

from .driving import Application

PATH = "/rec/new/directory/a.wav"


def recorded(files: Files, path: str = PATH, **variables: str) -> Application:
    """A call that is recorded from 0.1115 on, over a long playback that starts at 0.06."""
    app = Application(setup=Setup(files=files, sounds=Sounds(default=60.0)))
    for name, value in variables.items():
        app.api(f"uuid_setvar {app.uuid} {name} {value}")
    app.channel.at(0.05, lambda: None)
    app.execute("playback", "music.wav")
    app.api(f"uuid_record {app.uuid} start {path}")
    app.until(0.2)
    return app


def samples(data: bytes) -> tuple[int, int, bytes]:
    with wave.open(io.BytesIO(data)) as file:
        return file.getframerate(), file.getnchannels(), file.readframes(file.getnframes())


def test_a_real_file_is_44_bytes_until_it_is_stopped(tmp_path: Path):
    app = recorded(DiskFiles(tmp_path))
    real = Path(f"{tmp_path}{PATH}")
    app.until(2.0)
    while_recording = real.stat().st_size
    assert app.api(f"uuid_record {app.uuid} stop {PATH}") == "+OK Success\n"

    rate, channels, data = samples(real.read_bytes())
    assert while_recording == 44
    assert (8000, 1) == (rate, channels)
    assert 1.8 < len(data) / 16000 < 1.95
    assert set(data[0::2]) | set(data[1::2]) == set(CALLER_SAMPLE)
    assert app.last("RECORD_STOP").get("variable_record_file_size") == str(real.stat().st_size)


def test_masking_writes_zeros_and_time_goes_on():
    files = MemoryFiles()
    app = recorded(files)
    app.until(1.0)
    app.api(f"uuid_record {app.uuid} mask {PATH}")
    app.until(2.0)
    app.api(f"uuid_record {app.uuid} unmask {PATH}")
    app.until(3.0)
    app.api(f"uuid_record {app.uuid} stop {PATH}")

    _, _, data = samples(files.read(PATH))
    parts = [data[start : start + 3200] for start in (0, 16000 + 3200, 32000 + 6400)]
    assert [CALLER_SAMPLE * 1600, bytes(3200), CALLER_SAMPLE * 1600] == parts


def test_stereo_has_the_caller_on_the_left():
    files = MemoryFiles()
    app = recorded(files, RECORD_STEREO="true", record_sample_rate="16000")
    app.until(1.0)
    app.api(f"uuid_record {app.uuid} stop all")

    rate, channels, data = samples(files.read(PATH))
    assert (16000, 2) == (rate, channels)
    assert data[:4] == CALLER_SAMPLE + SWITCH_SAMPLE


def test_a_file_that_was_removed_does_not_come_back(tmp_path: Path):
    app = recorded(DiskFiles(tmp_path))
    real = Path(f"{tmp_path}{PATH}")
    real.unlink()
    app.until(1.0)

    assert app.api(f"uuid_record {app.uuid} stop {PATH}") == "+OK Success\n"
    assert not real.exists()


def test_unbuffered_audio_is_on_file_at_once():
    files = MemoryFiles()
    app = recorded(files, enable_file_write_buffering="false")
    app.until(1.0)

    assert len(files.read(PATH)) == pytest.approx(44 + 16000 * 0.88, abs=700)


def test_the_transcript_tells_of_recordings():
    app = recorded(MemoryFiles())
    for verb in ("mask", "unmask", "stop"):
        app.api(f"uuid_record {app.uuid} {verb} {PATH}")

    taped = app.channel.transcript.taped
    assert ["start", "mask", "unmask", "stop"] == [item.what for item in taped]
    assert app.channel.transcript.lines()[-1].endswith(f"recording: stop {PATH}")


def test_a_recording_that_is_too_short_is_removed():
    files = MemoryFiles()
    app = recorded(files, RECORD_MIN_SEC="30")
    app.channel.hang_up_caller()
    app.until(2.0)

    assert PATH not in files
    assert app.last("RECORD_STOP").get("Record-Completion-Cause") == "input-too-short"


def test_parameters_in_front_of_the_path_are_no_part_of_the_file_but_keep_it_from_being_removed():
    files = MemoryFiles()
    app = recorded(files, f"{{x=1}}{PATH}", RECORD_MIN_SEC="30")
    assert app.api(f"uuid_buglist {app.uuid}").count(f"<target>{{x=1}}{PATH}</target>") == 1
    assert app.api(f"file_exists {PATH}") == "true"
    assert app.api(f"file_exists '{PATH}'") == "false"
    app.channel.hang_up_caller()
    app.until(2.0)

    assert PATH in files
    assert app.last("RECORD_STOP").get("Record-Completion-Cause") == "input-too-short"


def test_a_recording_that_is_appended_to_is_never_too_short():
    files = MemoryFiles()
    app = recorded(files, RECORD_MIN_SEC="30", RECORD_APPEND="true")
    app.channel.hang_up_caller()
    app.until(2.0)

    assert PATH in files
    assert app.last("RECORD_STOP").get("Record-Completion-Cause") == "success-silence"


def test_hanging_up_stops_every_recording_before_the_last_events():
    app = recorded(MemoryFiles())
    app.api(f"uuid_record {app.uuid} start /rec/b.wav")
    app.until(1.0)
    app.channel.hang_up_caller()
    app.until(2.0)

    names = app.names()
    stops = [place for place, name in enumerate(names) if name == "RECORD_STOP"]
    assert len(stops) == 2
    assert names.index("CHANNEL_HANGUP") < stops[0]
    assert stops[1] < names.index("CHANNEL_HANGUP_COMPLETE")
    assert app.last("RECORD_STOP").get("Record-Completion-Cause") == "success-silence"


def test_a_disk_that_refuses(tmp_path: Path):
    (tmp_path / "rec").write_text("a file where a directory should be")
    app = Application(setup=Setup(files=DiskFiles(tmp_path)))
    app.api(f"uuid_record {app.uuid} start {PATH}")
    app.until(1.0)

    assert "-ERR Cannot record session!\n" in [
        getattr(output.frame, "body", None) for output in app.out
    ]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("uuid_record {uuid} stop /rec/none.wav", "-ERR Cannot stop record session!\n"),
        ("uuid_record {uuid} mask /rec/none.wav", "-ERR Cannot mask recording session!\n"),
        ("uuid_record {uuid} unmask /rec/none.wav", "-ERR Cannot unmask recording session!\n"),
        ("uuid_record nobody stop /rec/none.wav", "-ERR Cannot locate session!\n"),
        ("uuid_record {uuid} stop all", "+OK Success\n"),
    ],
)
def test_what_uuid_record_says(line: str, answer: str):
    app = Application()

    assert app.api(line.format(uuid=app.uuid)) == answer

"""The settings' directories, and everything that is made from the settings."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsflows.clock import GeventClock
from fsflows.database import Database
from fsflows.esl.supervised import FreeSwitches
from fsflows.lanes import Beside
from fsflows.recordings.agent.files import AgentFiles
from fsflows.recordings.files.offhub import OffHub
from fsflows.recordings.files.paths import Root
from fsflows.recordings.files.places import is_in_memory, local_files, parse_root
from fsflows.recordings.service import Recordings, make_files
from fsflows.settings import Settings
from recordings.fakes import UUID, sweep_alone


def of_another_user(path, monkeypatch):
    """As if somebody else than we had made it."""
    if os.geteuid() == 0:
        os.chown(path, 54321, 54321, follow_symlinks=False)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    monkeypatch.setattr(os, "getgroups", lambda: [12345])


@pytest.mark.parametrize("kind", ["directory", "above", "link"])
def test_a_staging_directory_that_somebody_else_has_made_where_everybody_may_is_refused(
    tmp_path, monkeypatch, kind
):
    """/dev/shm is everybody's, and empty after each boot."""
    shm, archive = tmp_path / "shm", tmp_path / "archive"
    shm.mkdir()
    shm.chmod(0o1777)
    archive.mkdir()
    staging = shm / "fsflows"
    if kind == "link":
        (tmp_path / "theirs").mkdir()
        staging.symlink_to(tmp_path / "theirs")
    else:
        staging.mkdir()
    inner = staging / "inner" if kind == "above" else staging
    if kind == "above":
        inner.mkdir()
    local_files(str(inner), str(archive), [])
    of_another_user(staging, monkeypatch)
    with pytest.raises(ValueError, match=r"shm/fsflows is another user's"):
        local_files(str(inner), str(archive), [])
    if kind != "link":
        monkeypatch.setattr(os, "getgroups", lambda: [staging.stat().st_gid])
        local_files(str(inner), str(archive), [])


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("/a/b", Root("/a/b")),
        ("/mnt/b=/var/b", Root("/mnt/b", "/var/b")),
        ("/a/{uuid}*.wav", Root("/a")),
        ("/a/*/{uuid}.wav", Root("/a")),
        ("/mnt/b=/var/b/x-{uuid}", Root("/mnt/b", "/var/b")),
    ],
)
def test_a_directory_is_written_in_three_ways(text, root):
    assert parse_root(text) == root


@pytest.mark.parametrize("text", ["", "a/b", "/", "/a/*.wav", "/a=b", "=/a", "/{uuid}", "s3://x"])
def test_others_are_refused(text):
    with pytest.raises(ValueError, match="recording"):
        parse_root(text)


def test_memory_is_known_from_a_disk(tmp_path):
    assert is_in_memory("/dev/shm/fsflows/not/there/yet")
    assert not is_in_memory("/usr/lib")


def test_the_staging_directory_is_made_and_others_must_be_there(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "rec").mkdir()
    staging, archive, rec = (str(tmp_path / name) for name in ("s/t", "archive", "rec"))
    local_files(staging, archive, [f"{rec}/{{uuid}}*"])
    assert Path(staging).is_dir()
    (tmp_path / "rec" / f"{UUID}-1.wav").write_text("x")
    files = local_files(staging, archive, [f"{rec}=/var/rec/{{uuid}}*"])
    assert files.find(UUID) == [f"/var/rec/{UUID}-1.wav"]
    for bad in (
        (staging, archive, [f"{rec}x"]),
        (staging, str(tmp_path / "missing"), []),
        (staging, staging, []),
        (f"{archive}/s", archive, []),
        (str(tmp_path), archive, []),
        ("/proc/x", archive, []),
        (staging, "relative", []),
    ):
        with pytest.raises(ValueError):
            local_files(*bad)


def _settings(directory, **recordings):
    settings = Settings()
    for name in ("archive", "staging"):
        (directory / name).mkdir(exist_ok=True)
    changed = {
        "staging": str(directory / "staging"),
        "published": str(directory / "archive"),
        **recordings,
    }
    return dataclasses.replace(
        settings,
        recordings=dataclasses.replace(settings.recordings, **changed),
        database=dataclasses.replace(settings.database, spool=str(directory / "spool")),
    )


def test_everything_is_made_from_the_settings(tmp_path):
    database = Database.open("sqlite://")
    clock = GeventClock()
    switches = FreeSwitches.at(["127.0.0.1:1"], "ClueCon", clock)
    recordings = Recordings.open(
        _settings(tmp_path), database, clock, switches=switches, also=["fs2"]
    )
    assert isinstance(recordings.tools.reach.file_work, OffHub)
    assert isinstance(recordings.sweeper._presence._lane, Beside)
    assert recordings.tools.staging == str(tmp_path / "staging")
    # Nobody answers at that address: a FreeSWITCH that can't be asked is none within reach.
    assert list(recordings.tools.reach.switches()) == ["fs2"]
    assert recordings.tools.reach.control("fs1", UUID) is None
    report = sweep_alone(recordings.sweeper)
    assert report.failed == []
    recordings.close()
    recordings.close()
    database.close()


def test_with_an_agent_all_file_work_is_its(tmp_path):
    secret = "x" * 32
    files = make_files(_settings(tmp_path, agent_url="http://fs:8086", agent_secret=secret))
    assert isinstance(files, AgentFiles)
    with pytest.raises(ValueError, match="32 characters"):
        make_files(_settings(tmp_path, agent_url="http://fs:8086"))


THREADED = """
import sys
if sys.argv[4] == "patched":
    import gevent.monkey; gevent.monkey.patch_all()
import gevent, time
from uuid import uuid4
from pathlib import Path
from fsflows.clock import GeventClock
from fsflows.database import Database
from fsflows.log import call_logger
from fsflows.recordings.files.offhub import OffHub
from fsflows.recordings.files.paths import Root, Roots
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.journal.receipt import DiscardCause
from fsflows.recordings.freeswitch.control import ApiControl
from fsflows.recordings.service import Recordings
sys.path.insert(0, sys.argv[1])
from recordings.fakes import FakeSwitch

directory, url = Path(sys.argv[2]), sys.argv[3]
staging = str(directory / "staging")
clock, switch = GeventClock(), FakeSwitch()
class Slow(LocalFiles):
    def delete(self, path, mark):
        real_sleep(0.3)  # a file server that takes its time
        return super().delete(path, mark)
import gevent.monkey
real_sleep = gevent.monkey.get_original("time", "sleep")
files = OffHub(Slow(Roots([Root(staging)]), staging, DirectoryArchive(str(directory / "archive"))))
database = Database.open(url, threaded=True)
made = Recordings.make(database, clock, OneReach(files), staging=staging)
turns = []
def others():
    while True:
        turns.append(time.monotonic())
        gevent.sleep(0.001)
ticking = gevent.spawn(others)
def one(number):
    uuid = str(uuid4())
    switch.begin(uuid)
    call = made.call(ApiControl(switch.api, uuid), flow="f", switch="fs", log=call_logger("t", uuid))
    call.start()
    receipt = call.discard(DiscardCause("f", "s", "1", clock.utcnow()))
    assert receipt.complete and not Path(receipt.files[0].path).exists()
    call.finish()
tasks = [gevent.spawn(one, number) for number in range(4)]
gevent.joinall(tasks, raise_error=True)
ticking.kill()
made.close(); files.close(); database.close()
# Four slow deletions, 1.2 seconds, beside one another and beside the hub.
print(len(turns))
"""


@pytest.mark.process
@pytest.mark.parametrize("patched", ["patched", "unpatched"])
def test_a_slow_disk_stops_no_other_greenlet(tmp_path, url, patched):
    (tmp_path / "archive").mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", THREADED),
            *(str(Path(__file__).parent.parent), str(tmp_path), url, patched),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Other greenlets had their turns all the while, instead of none in 0.3 s.
    assert int(done.stdout) > 20

"""Which files may be touched."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from leftovers import nothing_stays

from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.failures import FileWorkFailed, PathRefused, StillThere
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.paths import Root, Roots
from recordings.fakes import OTHER, UUID, listed


@pytest.fixture
def place(tmp_path):
    for name in ("rec", "staging", "archive", "outside"):
        (tmp_path / name).mkdir()
    return tmp_path


def files_of(place, *more, **options):
    roots = Roots([Root(str(place / "staging"), volatile=True), Root(str(place / "rec")), *more])
    return LocalFiles(
        roots, str(place / "staging"), DirectoryArchive(str(place / "archive")), **options
    )


def make(file, text="audio"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


def test_a_file_in_a_root_is_deleted(place):
    path = make(place / "rec" / "a" / "x.wav")
    deleted = files_of(place).delete(path, None)
    assert (deleted.how, deleted.size) == ("deleted", 5)
    assert listed(place / "rec" / "a") == []
    assert files_of(place).delete(path, None).how == "absent"


def test_a_directory_on_the_way_that_is_missing_is_absence(place):
    assert files_of(place).delete(str(place / "rec" / "no" / "x.wav"), None).how == "absent"


def test_8_outside_relative_and_strange_paths_are_refused_and_nothing_is_touched(place):
    victim = make(place / "outside" / "x.wav")
    (place / "rec" / "link").symlink_to(place / "outside")
    (place / "rec" / "file-link.wav").symlink_to(victim)
    (place / "rec" / "loop").symlink_to(place / "rec" / "loop")
    (place / "rec" / "dir.wav").mkdir()
    os.mkfifo(place / "rec" / "fifo.wav")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / "rec" / "s.wav"))
    listener.close()
    (place / "recx").mkdir()
    make(place / "recx" / "x.wav")
    rec = str(place / "rec")
    refused = [
        victim,
        f"{rec}/../outside/x.wav",
        f"{rec}/link/x.wav",
        f"{rec}/link/../outside/x.wav",
        f"{rec}/file-link.wav",
        f"{rec}/loop/x.wav",
        f"{rec}/dir.wav",
        f"{rec}/fifo.wav",
        f"{rec}/s.wav",
        f"{rec}x/x.wav",
        rec,
        f"{rec}/",
        f"{rec}/..",
        f"{rec}/.",
        "/",
        "",
        "x.wav",
        "rec/x.wav",
        f"{rec}/x\0.wav",
        "shout://user@example.com/x.mp3",
        f"{{a=b}} {rec}/x.wav",
        f"{{a=b{rec}/x.wav",
        "{a=b}rec/x.wav",
        "{a=b}",
        f"{{a=b}}{victim}",
        f"{{a=b}}{rec}/../outside/x.wav",
        "/etc/passwd",
        "/proc/self/mem",
    ]
    files = files_of(place)
    with nothing_stays(0):
        for path in refused:
            with pytest.raises(PathRefused):
                files.delete(path, None)
            with pytest.raises(PathRefused):
                files.look(path)
    assert (place / "outside" / "x.wav").read_text() == "audio"
    assert (place / "recx" / "x.wav").exists()


@pytest.mark.parametrize("before", ["{a=b}", "{a=b}{c=d}", "{a={b}}", "{spool_path=/tmp,x=y}"])
def test_8_parameters_in_front_of_a_path_are_no_part_of_the_file(place, before):
    """Measured: FreeSWITCH writes to the path behind them, and a blank belongs to its name."""
    real = place / "rec" / "x.wav"
    make(real)
    files = files_of(place)
    assert files.look(f"{before}{real}").size == 5
    assert files.delete(f"{before}{real}", None).how == "deleted"
    assert not real.exists()


def hangs(monkeypatch, directory):
    """Whatever touches a directory would hang: it fails."""

    def refuse(name):
        real = getattr(os, name)

        def guarded(path=".", *arguments, **options):
            assert not str(path).startswith(str(directory)), f"{name} of what hangs"
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, name, guarded)

    for name in ("stat", "lstat", "open", "scandir"):
        refuse(name)


def test_P12_a_root_that_hangs_keeps_no_recording_in_another(place, monkeypatch):
    files = files_of(place, patterns=[f"{place}/rec/{{uuid}}*.wav"])
    staged = make(place / "staging" / "day" / f"{UUID}.wav")
    os.link(staged, place / "staging" / "other.wav")
    hangs(monkeypatch, place / "rec")
    assert files.place(staged) == files.staging
    assert files.find(UUID, [files.staging]) == [staged]
    assert files.look(staged).size == 5
    deleted = files.delete(staged, None)
    assert (deleted.how, deleted.also) == ("deleted", (f"{place}/staging/other.wav",))


def test_a_place_is_the_root_that_a_path_begins_with_whatever_lies_there(place):
    files = files_of(place, Root("/mnt/deep", "/rec/deep"), Root("/mnt/rec", "/rec"))
    assert files.place("/rec/deep/x.wav") == "/rec/deep"
    assert files.place("{rate=8000}/rec/deeper/x.wav") == "/rec"
    for path in ("/elsewhere/x.wav", "shout://x", "", "{"):
        assert files.place(path) == ""
    assert files.searched == (files.staging,)


def test_8_links_and_dots_that_stay_inside_are_followed(place):
    (place / "rec" / "real").mkdir()
    (place / "rec" / "link").symlink_to(place / "rec" / "real")
    (place / "alias").symlink_to(place / "rec")
    for path in (
        "rec/link/x.wav",
        "rec/real/../real/x.wav",
        "alias/real/x.wav",
        "rec//real/./x.wav",
    ):
        real = place / "rec" / "real" / "x.wav"
        make(real)
        assert files_of(place).delete(f"{place}/{path}", None).how == "deleted"
        assert not real.exists()


def test_8_audio_behind_a_link_in_a_root_goes_with_the_link(place):
    target = make(place / "rec" / "target.wav")
    (place / "rec" / "x.wav").symlink_to(target)
    deleted = files_of(place).delete(str(place / "rec" / "x.wav"), None)
    assert (deleted.how, deleted.size, deleted.also) == ("deleted", 5, (target,))
    assert listed(place / "rec") == []


def test_8_a_dangling_link_is_deleted(place):
    (place / "rec" / "x.wav").symlink_to(place / "rec" / "nothing.wav")
    assert files_of(place).delete(str(place / "rec" / "x.wav"), None).how == "deleted"
    assert listed(place / "rec") == []


def test_8_a_directory_swapped_for_a_link_can_not_redirect_the_deletion(place):
    """Between resolving the path and opening its directories."""
    path = make(place / "rec" / "a" / "x.wav")
    victim = make(place / "outside" / "x.wav")
    files = files_of(place)
    walk = files._roots._walk

    def swap_first(*arguments):
        (place / "rec" / "a").rename(place / "rec" / "b")
        (place / "rec" / "a").symlink_to(place / "outside")
        return walk(*arguments)

    files._roots._walk = swap_first
    with pytest.raises(PathRefused, match="no directory"):
        files.delete(path, None)
    assert Path(victim).exists()


def test_8_a_directory_swapped_after_it_was_opened_changes_nothing(place):
    path = make(place / "rec" / "a" / "x.wav")
    victim = make(place / "outside" / "x.wav")

    class Swap:
        def at(self, point):
            if point.startswith("discard 7"):
                (place / "rec" / "a").rename(place / "rec" / "b")
                (place / "rec" / "a").symlink_to(place / "outside")

    files = files_of(place, faults=Swap())
    with pytest.raises(PathRefused):
        files.delete(path, None)  # the fresh look afterwards leads outside
    assert Path(victim).exists()
    assert listed(place / "rec" / "b") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_link_of_a_user_who_owns_nothing_behind_it_deletes_nothing(place):
    """Who can write where others record, names a link after his own call, and opts out."""
    victim = make(place / "staging" / "of-somebody.wav")
    link = place / "rec" / "x.wav"
    link.symlink_to(victim)
    os.chown(link, 54321, 54321, follow_symlinks=False)
    with pytest.raises(PathRefused, match="not of the user whose file"):
        files_of(place).delete(str(link), None)
    assert Path(victim).exists()
    os.chown(victim, 54321, 54321)
    assert files_of(place).delete(str(link), None).also == (victim,)


def test_other_names_of_the_same_file_inside_go_with_it(place):
    path = make(place / "rec" / "x.wav")
    (place / "staging" / "y.wav").hardlink_to(path)
    deleted = files_of(place).delete(path, None)
    assert deleted.also == (str(place / "staging" / "y.wav"),)
    assert listed(place / "staging") == listed(place / "rec") == []


def test_another_name_outside_is_said_and_the_one_we_know_kept_as_proof(place):
    path = make(place / "rec" / "x.wav")
    (place / "outside" / "y.wav").hardlink_to(path)
    with pytest.raises(PathRefused, match="hard links"):
        files_of(place).delete(path, None)
    (place / "outside" / "y.wav").unlink()
    assert files_of(place).delete(path, None).how == "deleted"


def test_too_many_files_to_search_is_said(place, monkeypatch):
    path = make(place / "rec" / "x.wav")
    (place / "outside" / "y.wav").hardlink_to(path)
    make(place / "rec" / "z.wav")
    monkeypatch.setattr("fsflows.recordings.files.local.LINK_SEARCH_LIMIT", 1)
    with pytest.raises(FileWorkFailed, match="too many files"):
        files_of(place).delete(path, None)


def test_a_file_that_is_there_again_is_no_success(place):
    path = make(place / "rec" / "x.wav")

    class Again:
        def at(self, point):
            if point.startswith("discard 9"):
                make(place / "rec" / "x.wav")

    with pytest.raises(StillThere, match="there again"):
        files_of(place, faults=Again()).delete(path, None)


def test_a_root_that_is_missing_or_another_one_is_not_absence(place):
    """The file server is not mounted (yet): to take that for "gone" would be a lie."""
    path = make(place / "rec" / "x.wav")
    files = files_of(place)
    mark = files.look(path).mark
    (place / "rec").rename(place / "unmounted")
    with pytest.raises(FileWorkFailed, match="is it mounted"):
        files.delete(path, mark)
    (place / "rec").mkdir()
    with pytest.raises(FileWorkFailed, match="is it mounted"):
        files.delete(path, mark)
    (place / "rec").rmdir()
    (place / "unmounted").rename(place / "rec")
    assert files.delete(path, mark).how == "deleted"


def test_memory_that_a_reboot_has_emptied_is_absence(place):
    path = make(place / "staging" / "x.wav")
    files = files_of(place)
    mark = files.look(path).mark
    (place / "staging").rename(place / "gone")
    assert files.delete(path, mark).how == "absent"
    (place / "staging").mkdir()
    assert files.delete(path, mark).how == "absent"


def test_a_read_only_directory_is_an_error_with_the_reason(place, monkeypatch):
    path = make(place / "rec" / "x.wav")

    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "unlink", read_only)
    with pytest.raises(FileWorkFailed, match="Read-only file system"):
        files_of(place).delete(path, None)


def test_a_directory_that_can_not_be_synced_is_an_error(place, monkeypatch):
    path = make(place / "rec" / "x.wav")

    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(FileWorkFailed, match="Input/output error"):
        files_of(place).delete(path, None)


def test_a_file_system_without_directory_sync_is_taken_at_its_word(place, monkeypatch):
    path = make(place / "rec" / "x.wav")

    def unsupported(_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", unsupported)
    assert files_of(place).delete(path, None).how == "deleted"


def test_freeswitch_may_name_a_directory_differently(place):
    files = files_of(place, Root(str(place / "outside"), "/var/lib/freeswitch/recordings"))
    make(place / "outside" / "a" / "x.wav")
    named = "/var/lib/freeswitch/recordings/a/x.wav"
    assert files.look(named).size == 5
    assert files.delete(named, None).how == "deleted"
    assert files._roots.named(f"{place}/outside/a/x.wav") == named
    with pytest.raises(PathRefused):
        files.delete("/var/lib/freeswitch/recordings/../../../../etc/passwd", None)


@pytest.mark.parametrize("bad", ["relative", "/", "//", "/a/../b", "/a\0b"])
def test_a_root_must_be_a_plain_directory(bad):
    with pytest.raises(ValueError, match="recording directory"):
        Root(bad)


def test_find_goes_by_whole_uuids_only(place):
    for uuid in (UUID, OTHER):
        make(place / "staging" / f"2026_{uuid}.wav")
        make(place / "rec" / uuid / "1.wav")
    files = files_of(place, patterns=[f"{place}/rec/{{uuid}}/*.wav"])
    assert files.find(UUID) == [
        f"{place}/rec/{UUID}/1.wav",
        f"{place}/staging/2026_{UUID}.wav",
    ]
    assert files.find("1") == []
    assert files.find(UUID[:8]) == []
    assert files.find("*") == []


def test_P12_find_looks_below_the_staging_directory_too(place):
    for name in (f"a/b/{UUID}.wav", f"{UUID}/1/2.wav", f"{OTHER}/1.wav"):
        make(place / "staging" / name)
    assert files_of(place).find(UUID) == [
        f"{place}/staging/{UUID}/1/2.wav",
        f"{place}/staging/a/b/{UUID}.wav",
    ]


def test_names_that_are_no_text_are_handled(place):
    name = "x\udcff.wav"
    (place / "rec" / name).write_text("a")
    assert files_of(place).delete(f"{place}/rec/{name}", None).how == "deleted"
    with pytest.raises(FileWorkFailed):
        files_of(place).delete(f"{place}/rec/\ud800.wav", None)
    with pytest.raises(FileWorkFailed, match="too long"):
        files_of(place).delete(f"{place}/rec/{'x' * 300}.wav", None)

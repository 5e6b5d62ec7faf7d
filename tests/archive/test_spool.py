import fcntl
import multiprocessing
import os
import signal
import stat
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.archive import spool as spool_module
from fsflows.archive.spool import Spool


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    yield spool
    spool.close()


def drain(spool, limit=3):
    lines = []
    while batch := spool.take(limit):
        lines += batch.lines
        spool.done(batch)
    return lines


def test_lines_come_back_in_order_and_leave_nothing(spool):
    assert 2 == spool.append([b"one", b"two"])
    assert 3 == spool.append([b"three", b"", b"\xff"])
    assert (5, len(b"one two three  _ ")) == (spool.lines, spool.bytes)
    assert [b"one", b"two", b"three", b"", b"\xff"] == drain(spool)
    assert (0, 0) == (spool.lines, spool.bytes)
    assert [] == list(spool.directory.iterdir())


def test_a_batch_stays_until_it_is_done(spool):
    spool.append([b"one", b"two"])
    assert spool.take(1) == spool.take(1)
    spool.done(spool.take(1))
    assert (b"two",) == spool.take(1).lines


def test_nobody_else_may_read_it(spool):
    spool.append([b"one"])
    (path,) = spool.directory.iterdir()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(spool.directory.stat().st_mode)


def test_beyond_the_bound_lines_are_not_taken(tmp_path):
    spool = Spool(tmp_path, max_bytes=10)
    assert 2 == spool.append([b"1234", b"1234", b"1"])
    assert 0 == spool.append([b""])
    spool.done(spool.take(1))
    assert 1 == spool.append([b"5678", b"9"])
    assert [b"1234", b"5678"] == drain(spool)
    spool.close()


def test_a_long_backlog_is_given_back_to_the_disk_piece_by_piece(spool, monkeypatch):
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 10)
    lines = [b"line %d" % number for number in range(9)]
    for line in lines:
        spool.append([line])
    files = len(list(spool.directory.iterdir()))
    assert files > 3
    spool.done(spool.take(2))
    assert files - 1 == len(list(spool.directory.iterdir()))
    assert lines[2:] == drain(spool)


def test_lines_longer_than_a_read_come_back_whole(spool, monkeypatch):
    monkeypatch.setattr(spool_module, "_CHUNK", 8)
    lines = [b"x" * 50, b"short", b"y" * 9]
    spool.append(lines)
    assert lines == drain(spool, limit=2)


def test_the_next_process_finds_what_the_last_one_left(tmp_path):
    first = Spool(tmp_path)
    first.append([b"one", b"two", b"three"])
    first.done(first.take(1))
    first.close()
    second = Spool(tmp_path)
    # "one" again: how far the first got is not written down, and ids make it harmless.
    assert 3 == second.adopt()
    second.append([b"four"])
    assert [b"one", b"two", b"three", b"four"] == drain(second)
    second.close()


def test_what_belongs_to_a_living_process_is_left_to_it(tmp_path):
    first, second = Spool(tmp_path), Spool(tmp_path)
    first.append([b"one"])
    assert 0 == second.adopt()
    assert second.take(1) is None
    first.close()
    assert 1 == second.adopt()
    second.close()


def test_a_line_cut_off_by_a_crash_is_handed_out_by_itself(tmp_path):
    (tmp_path / "1.jsonl").write_bytes(b'{"whole": 1}\n{"cut o')
    spool = Spool(tmp_path)
    assert 2 == spool.adopt()
    assert [b'{"whole": 1}', b'{"cut o'] == drain(spool, limit=10)
    spool.close()


def test_empty_files_of_dead_processes_are_cleared_away(tmp_path):
    (tmp_path / "1.jsonl").touch()
    spool = Spool(tmp_path)
    assert 0 == spool.adopt()
    assert [] == list(tmp_path.iterdir())
    spool.close()


def test_a_write_that_fails_half_way_leaves_no_half_line(spool, monkeypatch):
    spool.append([b"one"])
    write = os.write

    def full(descriptor, data):
        write(descriptor, data[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            spool.append([b"two"])
    spool.append([b"three"])
    assert [b"one", b"three"] == drain(spool)


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Spool(tmp_path / "file" / "spool").append([b"x"])


def test_closing_twice_is_fine_and_lets_go_of_the_locks(spool):
    spool.append([b"x"])
    spool.close()
    spool.close()
    (path,) = spool.directory.iterdir()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=30),
    st.integers(1, 7),
)
@settings(max_examples=40)
def test_any_lines_come_back_whatever_the_batches(tmp_path_factory, lines, limit):
    spool = Spool(tmp_path_factory.mktemp("spool"))
    for at in range(0, len(lines), 5):
        spool.append(lines[at : at + 5])
    assert lines == drain(spool, limit)
    spool.close()


def _write_for_ever(directory, ready):
    spool = Spool(directory)
    number = 0
    while True:
        spool.append([b"%d" % number])
        number += 1
        if number == 50:
            ready.set()


@pytest.mark.process
def test_a_killed_process_loses_nothing_that_append_returned_for(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_write_for_ever, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    process.close()
    spool = Spool(tmp_path)
    assert spool.adopt() >= 50
    lines = drain(spool, limit=1000)
    assert [b"%d" % number for number in range(len(lines))] == lines
    spool.close()


@pytest.mark.parametrize("write", [Spool.append, partial(Spool.jot, page=0)], ids=["append", "jot"])
@pytest.mark.parametrize("at_it", [False, True])
def test_a_file_that_another_process_takes_before_it_is_locked_holds_no_lines(
    spool, monkeypatch, write, at_it
):
    """It sees a new file that nobody has locked yet, takes it for a dead process', and removes it, or is about to."""
    lock = fcntl.flock
    held = []

    def late(descriptor, how):
        monkeypatch.setattr(fcntl, "flock", lock)
        if at_it:
            (path,) = spool.directory.iterdir()
            held.append(os.open(path, os.O_RDWR))
            lock(held[0], fcntl.LOCK_EX)
        else:
            assert Spool(spool.directory).adopt() == 0
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write(spool, [b"one"])
    for descriptor in held:
        os.close(descriptor)
    spool.close()
    next_one = Spool(spool.directory)
    assert next_one.adopt() == 1
    assert [b"one"] == drain(next_one)
    assert [] == list(spool.directory.iterdir())

"""What `/metrics` says, of one process and of several."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mounts import disk
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fsflows import metrics

TWO = Path(__file__).with_name("two_processes.py")


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_one_process_is_told_as_it_is():
    body, kind = metrics.render()
    assert kind.startswith("text/plain; version=")
    names = {name for name, _ in samples(body.decode())}
    assert "python_info" in names
    assert not [name for name in names if name.endswith("_created")]


def test_others_get_their_turn_while_much_is_told():
    """Whatever it is cut into, it is what prometheus_client says."""
    counter = Counter("fsflows_test_many_total", "Many.", ["n"])
    told = Histogram("fsflows_test_spread_seconds", 'A "help" with \\ and\nlines.', ["n"])
    try:
        for number in range(450):
            counter.labels(f'{number}"\\\n').inc(number)
            told.labels(number % 30).observe(number)
        turns = []
        body, _ = metrics.render(lambda: turns.append(1))
        assert len(turns) > 5
        lines = [line for line in body.splitlines() if b"fsflows_test_" in line]
        whole = [line for line in generate_latest().splitlines() if b"fsflows_test_" in line]
        assert whole == lines
    finally:
        REGISTRY.unregister(counter)
        REGISTRY.unregister(told)


@pytest.mark.process
def test_several_processes_are_added_up(tmp_path):
    (tmp_path / "counter_1.db").write_bytes(b"left by an earlier run")
    run = subprocess.run(
        [sys.executable, TWO, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    both, one = (samples(part) for part in run.stdout.split("=== one has died"))
    done = ("fsflows_test_done_total", (("kind", "slow"),))
    quick = ("fsflows_test_done_total", (("kind", "quick"),))
    running, oldest = ("fsflows_test_running", ()), ("fsflows_test_oldest_seconds", ())
    assert [2, 21, 4, 2] == [both[name] for name in (done, quick, running, oldest)]
    # The dead one's calls are no longer running, and stay counted.
    assert [2, 21, 2, 1] == [one[name] for name in (done, quick, running, oldest)]
    for found in (both, one):
        assert [0, 1, 2] == [
            found["fsflows_test_took_seconds_bucket", (("le", le),)]
            for le in ("1.0", "2.0", "+Inf")
        ]
        assert 4.0 == found["fsflows_test_took_seconds_sum", ()]
        assert all("pid" not in dict(labels) for _, labels in found)


def test_sharing_comes_before_prometheus_client(tmp_path):
    with pytest.raises(RuntimeError, match="too late"):
        metrics.share(tmp_path)


def test_what_is_held_back_counts_as_if_it_were_told_at_once():
    registry = CollectorRegistry()
    told = Histogram("a", "", buckets=(0.01, 0.1, 1), registry=registry)
    other = CollectorRegistry()
    held = Histogram("a", "", buckets=(0.01, 0.1, 1), registry=other)
    spread = metrics.Spread(held)
    chance = random.Random(7)
    values = [0.01, 0.1, 1, 0, 5, *(chance.expovariate(10) for _ in range(200))]
    for turn, value in enumerate(values):
        told.observe(value)
        spread.add(value)
        if turn % 50 == 0:
            spread.flush()
    spread.flush()
    spread.flush()
    expected, found = (
        {
            key: value
            for key, value in samples(generate_latest(each).decode()).items()
            if "created" not in key[0]
        }
        for each in (registry, other)
    )
    assert expected == pytest.approx(found)
    assert 205 == found["a_count", ()]


def test_a_count_is_told_once():
    counter = Counter("b", "", registry=None)
    count = metrics.Count(counter)
    count.n += 3
    metrics.flush()
    metrics.flush()
    count.n += 1
    metrics.flush()
    assert 4 == counter._value.get()


def test_a_full_disk_does_not_end_who_counts(tmp_path):
    """Its files are memory to it: without room behind them, the kernel would end it with SIGBUS."""
    with disk(tmp_path / "small", "6m") as small:
        run = subprocess.run(
            [sys.executable, Path(__file__).with_name("full_disk.py"), str(small.path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (0, "4000 counted, and no room for another\n") == (run.returncode, run.stdout), (
        run.stderr
    )


def test_room_is_kept_for_every_kind_of_metric():
    sources = Path(metrics.__file__).parent.rglob("*.py")
    used = set(re.findall(r'multiprocess_mode="(\w+)"', "".join(map(Path.read_text, sources))))
    assert {f"gauge_{mode}" for mode in used} | {"counter", "histogram"} == set(metrics.ROOM)

"""Flows loaded from what the files were at one moment."""

import shutil
from pathlib import Path

import pytest

from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flows, read_flows
from fsflows.flow.reading.files import DISK, Snapshot

ONE = "steps:\n  only: {prompt: Hello., next: {hangup: true}}\n"
STARTING = "functions: ../shared/code.py\n" + ONE


@pytest.fixture
def flows(tmp_path, monkeypatch):
    """One flow with a Python file beside it, one with a Python file elsewhere, one without."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "flows/a.yaml": ONE,
        "flows/a.py": "def start_function(conv):\n    return 'old'\n",
        "flows/more/b.yaml": STARTING.replace("../", "../../"),
        "shared/code.py": "def start_function(conv):\n    return 'shared'\n",
        "flows/c.yaml": ONE,
        "flows/.hidden/d.yaml": "not: a flow\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "flows"


def loaded(source):
    return {
        name: (flow.version, flow.functions.get(flow.start_function or "", lambda conv: None)(None))
        for name, flow in load_flows(["flows"], source).items()
    }


def test_what_was_there_loads_when_nothing_is_there_any_more(flows):
    before = loaded(DISK)
    assert {"a": "old", "b": "shared", "c": None} == {
        name: said for name, (_, said) in before.items()
    }
    taken = Snapshot.take(["flows"])
    shutil.rmtree(flows)
    shutil.rmtree(flows.parent / "shared")
    assert before == loaded(taken)
    assert before == loaded(Snapshot.decode(taken.encode()))


def test_what_was_not_there_stays_away(flows):
    taken = Snapshot.decode(Snapshot.take(["flows"]).encode())
    before = loaded(taken)
    (flows / "new.yaml").write_text(ONE)
    (flows / "c.py").write_text("def start_function(conv):\n    return 'new'\n")
    (flows / "a.py").write_text("def start_function(conv):\n    return 'changed'\n")
    assert before == loaded(taken)
    assert {"a", "b", "c", "new"} == set(loaded(DISK))


@pytest.mark.parametrize(
    "change",
    [
        shutil.rmtree,
        lambda flows: [path.unlink() for path in flows.rglob("*.yaml")],
        lambda flows: (flows / "a.yaml").write_bytes(b"\xff\xfe"),
        lambda flows: (flows / "a.yaml").write_text("functions: [no, text]\n" + ONE),
        lambda flows: (flows / "a.yaml").write_text("functions: nowhere.py\n" + ONE),
        lambda flows: (flows / "a.yaml").write_text('functions: "a\\0b.py"\n' + ONE),
        lambda flows: (flows / "a.yaml").write_text("functions: {" * 60),
        lambda flows: (flows / "a.yaml").write_text("# " + "x" * 600_000),
        lambda flows: (flows / "a.py").write_text("def start_function(conv:\n"),
        lambda flows: (flows / "a.py").write_bytes(b"# " + b"x" * 1_100_000),
        lambda flows: ((flows / "a.py").unlink(), (flows / "a.py").mkdir()),
    ],
)
def test_what_is_wrong_is_said_in_the_same_words(flows, change):
    change(flows)
    expected = [str(problem) for problem in read_flows(["flows", "flows/c.yaml"]).problems]
    taken = Snapshot.take(["flows", "flows/c.yaml"])
    read = read_flows(["flows", "flows/c.yaml"], source=Snapshot.decode(taken.encode()))
    assert expected == [str(problem) for problem in read.problems]
    shutil.rmtree(flows, ignore_errors=True)
    if not any("did you mean" in each for each in expected):
        read = read_flows(["flows", "flows/c.yaml"], source=taken)
        assert expected == [str(problem) for problem in read.problems]


def test_a_file_that_cannot_be_read_is_an_error_still(flows):
    (flows / "loop.yaml").symlink_to("loop.yaml")
    taken = Snapshot.take([str(Path("flows/loop.yaml"))])
    with pytest.raises(FlowErrors, match=r"no such file|can't be read"):
        load_flows(["flows/loop.yaml"], taken)

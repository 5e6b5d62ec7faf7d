"""`fsflows call FILE`: which flows it loads, and what of its neighbours it minds."""

from pathlib import Path

import pytest

from fsflows.cli.call import _flow
from fsflows.flow.errors import FlowErrors

GOOD = "steps: {a: {prompt: Hello., next: {flow: other}}}\n"
OTHER = "steps: {a: {prompt: There., next: {hangup: true}}}\n"
BROKEN = "steps: {a: {prompt: [}\n"


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_broken_neighbour_is_no_reason_not_to_call(write):
    target = write("good.yaml", GOOD)
    write("other.yaml", OTHER)
    write("broken.yaml", BROKEN)
    flow, flows = _flow(target)

    assert "good" == flow.name
    assert {"good", "other"} == set(flows)


def test_only_the_errors_of_the_named_file_are_said(write):
    target = write("broken.yaml", BROKEN)
    write("other.yaml", "steps: {a: {prompt: 1, nixt: b}}\n")
    with pytest.raises(FlowErrors) as caught:
        _flow(target)

    assert {str(target)} == {problem.path for problem in caught.value.problems}


def test_a_flow_that_goes_to_none_that_is_there(write):
    target = write("good.yaml", GOOD)
    with pytest.raises(FlowErrors, match="no flow is named 'other'"):
        _flow(target)


def test_a_file_that_its_directory_hides(write):
    target = write(".hidden.yaml", OTHER)
    flow, flows = _flow(target)

    assert ".hidden" == flow.name
    assert [".hidden"] == list(flows)

"""Plays a flow that is written down in the test, with a caller who is written down beside it, in virtual time."""

import textwrap

import pytest

from fsflows.conversation.judging import EXPECTATIONS
from fsflows.conversation.rehearsal import rehearse
from fsflows.flow.loader import load_flows
from fsflows.switch.script import parse_script


@pytest.fixture
def play(tmp_path):
    """`play(yaml, script, functions="", name="flow", **more)`: the rehearsal; `more` are `rehearse`'s own arguments."""

    def play(flow, script, functions="", others=None, **more):
        directory = tmp_path / "flows"
        directory.mkdir(exist_ok=True)
        (directory / "flow.yaml").write_text(textwrap.dedent(flow))
        if functions:
            (directory / "flow.py").write_text(textwrap.dedent(functions))
        for name, text in (others or {}).items():
            (directory / f"{name}.yaml").write_text(textwrap.dedent(text))
        flows = load_flows([directory])
        parsed = parse_script(textwrap.dedent(script), "script", EXPECTATIONS)
        more.setdefault("recordings", tmp_path / "recordings")
        played = rehearse(flows["flow"], flows, parsed, **more)
        assert [] == played.failures, played.page
        return played

    return play

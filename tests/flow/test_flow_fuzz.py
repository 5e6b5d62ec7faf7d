"""Whatever is in a file: a flow, or problems with places in that file. Never another exception."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsflows.flow.drawing.graph import graph_of, mermaid
from fsflows.flow.drawing.svg import svg
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flow
from fsflows.flow.schema.shape import DEFS, SCHEMA

BOUNDED = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXAMPLES = sorted(Path(__file__).parents[2].glob("conf/flows/*/*.yaml"))
WORDS = sorted(
    {
        *SCHEMA["properties"],
        *(name for each in DEFS.values() for name in each.get("properties", {})),
    }
)


def survives(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    try:
        flow = load_flow(path)
    except FlowErrors as errors:
        problems = errors.problems
    else:
        mermaid(graph_of(flow))
        svg(graph_of(flow))
        return
    assert problems
    breaks = ("\n", "\r", "\x85", "\u2028", "\u2029")
    lines = 2 + sum(raw.count(each.encode()) for each in breaks)
    for problem in problems:
        assert 1 <= problem.line <= lines, str(problem)
        assert 1 <= problem.column, str(problem)
        assert "\n" not in problem.text


@BOUNDED
@given(
    raw=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
)
def test_any_bytes(tmp_path, raw):
    survives(tmp_path / "f.yaml", raw)


NAMES = st.sampled_from(
    [*WORDS, "a", "b", "1", "12", "*", "otherwise", "complete", "no_input", "x-y", "<<"]
)
SCALARS = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            -1,
            4,
            40,
            3000,
            0.5,
            "",
            "a",
            "b",
            "1",
            "#",
            "0",
            "none",
            "{a",
            "{a}",
            "f.py",
            "step:a",
            "x.wav",
            "US",
            "luhn",
            "(",
            "[0-9]{3}",
            "always",
            "yes_no",
            "en-US",
        ]
    ),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
STEP = st.dictionaries(st.sampled_from(sorted(DEFS["step"]["properties"])), DATA, max_size=5)


@BOUNDED
@given(
    steps=st.dictionaries(st.sampled_from(["a", "b", "c d"]), st.one_of(STEP, DATA), min_size=1),
    rest=st.dictionaries(NAMES, DATA, max_size=4),
)
def test_any_settings(tmp_path, steps, rest):
    survives(
        tmp_path / "f.yaml",
        yaml.safe_dump({**rest, "steps": steps}, allow_unicode=True).encode("utf-8", "replace"),
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_damaged_examples(tmp_path, path):
    """The examples with characters dropped, doubled and swapped."""
    text = path.read_text(encoding="utf-8")
    dice = random.Random(path.stem)
    for _ in range(40):
        damaged = list(text)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(damaged))
            damaged[place] = dice.choice(
                ["", damaged[place] * 2, " ", "\n", "\t", ":", "#", "'", "[", "{", "0", "é"]
            )
        survives(tmp_path / path.name, "".join(damaged).encode())

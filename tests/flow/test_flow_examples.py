"""The flows in conf/flows and in docs/flows.md work, and say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fsflows.flow.loader import load_flow, main_flow, read_flows
from fsflows.flow.schema.shape import DEFS, SCHEMA

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("conf/flows/*/*.yaml"))
DOCS = (ROOT / "docs/flows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"^```(yaml|yaml step|yaml flow|python)\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE
)
CODE = next(text for kind, text in BLOCKS if kind == "python")
FRAME = "  main: {next: {hangup: true}}\nhandoffs: {agent: {transfer: 5000}}\n"


def test_every_example_passes_strictly():
    reading = read_flows([ROOT / "conf/flows"])
    assert [] == [str(problem) for problem in reading.problems]
    names = {"recording_opt_out", "opt_out_beside_greeting", "phone_number", "menu", "pin_entry"}
    assert set() == names - set(reading.flows)


@pytest.mark.parametrize("directory", EXAMPLES, ids=lambda path: path.name)
def test_every_example_has_a_readme_with_its_command(directory):
    readme = (directory / "README.md").read_text(encoding="utf-8")
    assert f"    fsflows call conf/flows/{directory.name} --keys " in readme
    assert len(readme.splitlines()) <= 15


@pytest.mark.parametrize("directory", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads_by_its_directory_and_knows_its_schema(directory):
    flow = load_flow(directory)
    assert directory.name == flow.name
    assert flow == main_flow({flow.name: flow}, directory)
    first = flow.path.read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / "fsflows/flow/schema/schema.json") == (directory / schema).resolve()


def test_P15_the_opt_out_comes_before_the_greeting():
    flow = load_flow(ROOT / "conf/flows/recording_opt_out")
    assert {"utterance": ""} == flow.functions["start_function"](None)
    assert (1, "opt_out") == (flow.steps["opt_out"].retry.attempts, flow.steps["opt_out"].run)
    assert flow.recording is not None


def test_P15_P5_the_opt_out_beside_the_greeting():
    flow = load_flow(ROOT / "conf/flows/opt_out_beside_greeting")
    step = flow.steps["opt_out"]
    assert step.collect.during_greeting
    assert step.on["1"].discard_recording
    assert {} == flow.functions


@pytest.mark.parametrize(
    ("kind", "text"), BLOCKS, ids=[f"{i}-{kind}" for i, (kind, _) in enumerate(BLOCKS)]
)
def test_the_examples_in_the_docs_load(load, kind, text):
    if kind == "yaml":
        load(text)
    elif kind == "yaml flow":
        load(f"{text}steps:\n{FRAME}")
    elif kind == "yaml step":
        body = "".join(f"    {line}\n" for line in text.splitlines())
        end = "" if re.search(r"^on:", text, re.MULTILINE) else "    next: main\n"
        load(f"steps:\n  step:\n{body}{end}{FRAME}", CODE)
    else:
        load(f"steps:\n  a: {{run: decide}}\n{FRAME}", text)


def properties():
    yield "", SCHEMA["properties"]
    for name, schema in DEFS.items():
        yield name, schema.get("properties", {})


def test_the_docs_mention_every_setting():
    missing = [
        f"{part}.{name}"
        for part, names in properties()
        for name in names
        if not re.search(rf"`{name}[`:]|^\s*(- )?{name}:", DOCS, re.MULTILINE)
    ]
    assert [] == missing


def test_the_defaults_in_the_docs_are_those_of_the_schema():
    tables = re.findall(
        r"^\| setting(?: of `(\w+):`)? \| default \| \|\n\|[-|]+\|\n((?:\|.*\n)+)",
        DOCS,
        re.MULTILINE,
    )
    assert ["dtmf", "asr", "confirm", "retry", ""] == [name for name, _ in tables]
    for part, rows in tables:
        known = DEFS[part]["properties"] if part else SCHEMA["properties"]
        for name, shown in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", rows, re.MULTILINE):
            default = known[name].get("default")
            expected = (
                ""
                if default in (None, [], {}) or isinstance(default, dict)
                else str(default).removesuffix("\n")
            )
            expected = expected.lower() if isinstance(default, bool) else expected
            assert (part, name, expected) == (part, name, shown.strip())
